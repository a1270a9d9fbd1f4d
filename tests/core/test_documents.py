"""JSON documents: the same values as `json`, the right lines, and a Problem for everything hostile."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp.documents import Document, nearest, pointer, read_document
from surveyapp.problems import Problem, Refused

KEYS = st.text("abcdefgh_ /~é字", max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-(10**28), 10**28) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def refusal(content: bytes | str) -> Problem:
    with pytest.raises(Refused) as refused:
        read_document(content)
    (problem,) = refused.value.problems
    return problem


# ── what is accepted ─────────────────────────────────────────────────────────


@given(VALUES, st.sampled_from([None, 0, 1, "\t"]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_json_reads_is_read_with_the_same_value(value, indent, escaped):
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    read = read_document(text).value
    assert read == value
    assert repr(read) == repr(json.loads(text))


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_each_pointer_leads_to_the_line_on_which_its_value_begins(value):
    text = json.dumps(value, indent=1)
    document = read_document(text.encode())
    lines = text.split("\n")
    for at, line in document.lines.items():
        assert json.dumps(resolved(value, at))[0] in lines[line - 1]
    assert sorted(document.lines) == sorted(set(pointers(value)))


def pointers(value: object, at: str = "") -> list[str]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at] + [p for key, part in inside for p in pointers(part, at + pointer(key))]


def resolved(value: object, at: str) -> object:
    for part in at.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def test_lines_count_from_one_and_a_value_may_stand_below_its_key():
    document = read_document('\n{"a":\n\n [1,\n 2], "b/c~d": 3}\n')
    assert document.lines == {"": 2, "/a": 4, "/a/0": 4, "/a/1": 5, "/b~1c~0d": 5}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_the_same_with_the_line_ends_of_windows(end):
    assert read_document(f'{{{end}"a": 1,{end}"b": 2}}').lines["/b"] == 3


def test_a_byte_order_mark_is_accepted():
    assert read_document(b'\xef\xbb\xbf{"a": 1}').value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "value"), [("-0", 0), ("1E+2", 100.0), ("1e-999", 0.0), ('"\\ud83d\\ude00"', "😀")]
)
def test_numbers_and_pairs_of_escapes_are_read_as_json_reads_them(text, value):
    assert read_document(text).value == value


def test_sixty_four_lists_inside_a_list_are_read():
    assert read_document("[" * 65 + "]" * 65).lines["/0" * 64] == 1


# ── what is refused ──────────────────────────────────────────────────────────


@given(st.binary(max_size=60) | st.text(max_size=60) | st.text('{}[]",:0123456789eE.-+ntfNaI\\u \n', max_size=40))
@settings(max_examples=300, deadline=None)
def test_whatever_the_content_there_is_a_value_or_a_refusal_with_a_remedy(content):
    try:
        read_document(content)
    except Refused as refused:
        vague = [p for p in refused.problems if not (p.at and p.what and p.do and p.line >= 1)]
        assert not vague


@given(VALUES, st.integers(0, 400), st.sampled_from('{}[]",:\\0x\n\x00\ud800'))
@settings(max_examples=150, deadline=None)
def test_one_wrong_character_is_judged_as_json_judges_it(value, place, character):
    text = json.dumps(value)
    text = text[: place % len(text)] + character + text[place % len(text) + 1 :]
    try:
        read = read_document(text).value
    except Refused:
        return
    assert read == json.loads(text)


@pytest.mark.parametrize(
    ("content", "what", "do", "line"),
    [
        (b"", "it is empty", "write a JSON object: { … }", 1),
        (b" \n\t ", "it is empty", "write a JSON object: { … }", 1),
        (b"\xef\xbb\xbf", "it is empty", "write a JSON object: { … }", 1),
        ("{}".encode("utf-16"), "it is UTF-16", "save it as UTF-8", 1),
        ("{}".encode("utf-32"), "it is UTF-16", "save it as UTF-8", 1),
        (b"\xfe\xff\0{\0}", "it is UTF-16", "save it as UTF-8", 1),
        (b'{"a":\n"caf\xe9"}', "byte 10 is not UTF-8", "save it as UTF-8", 2),
        (b'{"a": 1,\n', "the text ends too early", "close every bracket and quote", 2),
        (b'{"a": "x', "a text is not closed", 'end it with " and write line breaks as \\n', 1),
        (b'["a\nb"]', "a text holds a forbidden character", 'end it with " and write line breaks as \\n', 1),
        (b'["\\x"]', "a text holds a forbidden character", 'end it with " and write line breaks as \\n', 1),
        (b'["\\ud800"]', "a text holds half a character", "remove the lone \\uD8xx escape", 1),
        (b'{"\\udc00": 1}', "a text holds half a character", "remove the lone \\uD8xx escape", 1),
        (b'{"a\\u001b[2J": 1}', "a key holds a line break or a control character", "remove it", 1),
        (b'{"a\\nb": 1}', "a key holds a line break or a control character", "remove it", 1),
        (b"[1,]", "']' cannot stand here", "a value is missing before it", 1),
        (b"[,1]", "',' cannot stand here", "a value is missing before it", 1),
        (b"[1 2]", "a comma is missing between two items", "put one in", 1),
        (b"[01]", "a comma is missing between two items", "put one in", 1),
        (b'{"a": 1,\n"b": 2\n"c": 3}', "a comma is missing between two entries", "put one in", 3),
        (b'{"a": 1,}', "a key in double quotes is missing", 'write "key": value', 1),
        (b"{a: 1}", "a key in double quotes is missing", 'write "key": value', 1),
        (b"{'a': 1}", '"\'" cannot stand here', "check quotes and commas around it", 1),
        (b'{"a" 1}', "a colon is missing after a key", 'write "key": value', 1),
        (b"{}\n{}", "there is more text after the end", "remove what follows the last bracket", 1),
        (b"[\nNaN]", "NaN is not JSON", "use true, false, null, a number or a quoted text", 2),
        (b"Infinity", "Infinity is not JSON", "use true, false, null, a number or a quoted text", 1),
        (b"-Infinity", "'-' cannot stand here", "check quotes and commas around it", 1),
        (b"[True]", "True is not JSON", "use true, false, null, a number or a quoted text", 1),
        (b"x" * 5000, "x" * 40 + " is not JSON", "use true, false, null, a number or a quoted text", 1),
        (b"1e999", "1e999 is too large", "use a smaller number", 1),
        (b"[-1e999]", "-1e999 is too large", "use a smaller number", 1),
        (b"9" * 5000, "a number has too many digits", "shorten it", 1),
        (b"0." + b"1" * 5000, "a number has too many digits", "shorten it", 1),
        (b"[" * 100_000, "it is nested over 64 deep", "flatten it", 1),
        (b'{"a":' * 100_000, "it is nested over 64 deep", "flatten it", 1),
        (b"[" * 66 + b"]" * 66, "it is nested over 64 deep", "flatten it", 1),
        (b" " * 20_000_000, "it has 20,000,000 bytes", "keep a document under 5,000,000 bytes", 1),
        (b"[" + b"1," * 150_000 + b"1]", "it has over 100,000 values", "split it", 1),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, bytes) else "",
)
def test_a_hostile_document_is_refused_with_its_place_and_a_remedy(content, what, do, line):
    assert refusal(content) == Problem("/", what, do, line)


def test_a_long_key_over_many_values_does_not_fill_the_memory():
    bomb = json.dumps({"k" * 2_000_000: [1] * 50_000})
    assert refusal(bomb) == Problem("/", "the keys that lead here are too long", "shorten them", 1)


def test_every_duplicate_key_is_found_with_its_line():
    with pytest.raises(Refused) as refused:
        read_document('{"a": 1,\n "b": {"c": 1,\n "c": 2},\n "a": 3}')
    assert refused.value.problems == (
        Problem("/b/c", 'the key "c" stands twice', "keep one of the two", 3),
        Problem("/a", 'the key "a" stands twice', "keep one of the two", 4),
    )


def test_ten_thousand_duplicates_give_a_list_that_can_be_read():
    with pytest.raises(Refused) as refused:
        read_document("{" + ",".join(['"a": 1'] * 10_000) + "}")
    assert len(refused.value.problems) == 200


# ── problems and remedies ────────────────────────────────────────────────────


def test_a_problem_below_what_the_text_has_takes_the_line_of_the_nearest_place():
    document = read_document('{\n"a": [\n1]}')
    assert document.problem("/a/0/x/y", "w", "d").line == 3
    assert document.problem("/b", "w", "d").line == 1
    assert document.problem("", "w", "d").at == "/"


def test_a_problem_cannot_move_the_cursor_of_a_terminal_nor_fill_the_screen():
    problem = Document({}, {"": 1}).problem("/a", "\x1b[2J\u202e" + "x" * 5000, "d")
    assert problem.what == "�[2J�" + "x" * 295


def test_the_remedy_names_the_nearest_word_or_all_or_none():
    assert nearest("requierd", ["required", "hint"]) == 'did you mean "required"?'
    assert nearest("zzz", ["b", "a"]) == "use one of: a, b"
    assert nearest("zzz", list("abcdefghijklmn")) == "use one of: a, b, c, d, e, f, g, h, i, j, k, l, …"
    assert nearest("zzz", []) == "remove it"


def test_a_pointer_escapes_as_rfc_6901_says():
    assert pointer("a/b", 0, "~c") == "/a~1b/0/~0c"
    assert math.isclose(read_document('{"": 0.1}').value[""], 0.1)
