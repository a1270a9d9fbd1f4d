"""Instruments: one valid file per feature, one invalid file per rule with exactly its problems."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from surveyapp.instrument import checking, content_hash, json_schema, model, read_instrument
from surveyapp.problems import Problem, Refused
from tests.instruments import table
from tests.makers import make_all_types, make_document, make_question

FILES = Path(__file__).parent.parent / "instruments"
VALID = sorted((FILES / "valid").glob("*.json"))
INVALID = sorted(f for f in (FILES / "invalid").glob("*.json") if not f.name.endswith(".expected.json"))


def refusal(document: object) -> list[Problem]:
    with pytest.raises(Refused) as refused:
        read_instrument(json.dumps(document, indent=1))
    return list(refused.value.problems)


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_a_feature_is_read(file):
    assert read_instrument(file.read_bytes()).name == "tiny@1"


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_a_fault_gives_exactly_its_problems(file):
    with pytest.raises(Refused) as refused:
        read_instrument(file.read_bytes())
    expected = json.loads(file.with_suffix(".expected.json").read_text())
    assert list(refused.value.problems) == [Problem(**problem) for problem in expected]


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_a_problem_stands_on_the_line_that_shows_it(file):
    lines = file.read_text().split("\n")
    for problem in json.loads(file.with_suffix(".expected.json").read_text()):
        last = problem["at"].rpartition("/")[2]
        if last and not last.isdigit() and "is missing" not in problem["what"]:
            assert f'"{last}"' in lines[problem["line"] - 1]


# ── every rule has its file, every file its line in the manual ───────────────


NEEDS_NO_FILE = ["it asks {} questions"]
"""What a file would be too long for; see `test_ten_thousand_questions_are_refused`."""


def test_every_rule_is_broken_by_a_file():
    """A new rule needs a file in tests/instruments/invalid, named after it, with its .expected.json."""
    found = [p["what"] for f in FILES.glob("invalid/*.expected.json") for p in json.loads(f.read_text())]
    patterns = [*said_in_checking(), *said_in_the_model()]
    assert len(patterns) > 40
    assert [p for p in patterns if p not in NEEDS_NO_FILE and not any(fits(p, what) for what in found)] == []


def fits(pattern: str, what: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("{}"))), what, re.DOTALL) is not None


def said_in_checking() -> Iterator[str]:
    """What every `yield at, what, do` of `checking` says, and every `return what, do` that a yield hands on."""
    for function in ast.walk(ast.parse(Path(checking.__file__).read_text())):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                match node:
                    case ast.Yield(value=ast.Tuple(elts=[_, what, _])) if "Fault" in returned(function):
                        yield from texts(what, function)
                    case ast.Return(value=ast.Tuple(elts=[what, _])) if "tuple[str, str] | None" in returned(
                        function
                    ):
                        yield from texts(what, function)


def said_in_the_model() -> Iterator[str]:
    """What every `raise ValueError("what; do")` of `model` says."""
    for node in ast.walk(ast.parse(Path(model.__file__).read_text())):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id="ValueError"), args=[said])):
                yield from (text.partition("; ")[0] for text in texts(said, node))


def returned(function: ast.FunctionDef) -> str:
    return ast.unparse(function.returns) if function.returns else ""


def texts(node: ast.expr, function: ast.AST) -> Iterator[str]:
    """The text of an expression, `{}` where something is filled in; a variable's by its assignments."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from texts(one, function)
            yield from texts(other, function)
        case ast.Name(id=name):
            given = [
                n.value
                for n in ast.walk(function)
                if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == name
            ]
            assert given, f"write the text of {ast.unparse(node)} where this test can see it"
            for value in given:
                yield from texts(value, function)
        case _:
            pytest.fail(f"write {ast.unparse(node)} so that this test can see its text")


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_the_remedy_is_one(file):
    for problem in json.loads(file.with_suffix(".expected.json").read_text()):
        assert problem["do"].strip(), "say what to do"
        assert problem["line"] > 0


def test_the_manual_lists_every_rule():
    """Run `python -m tests.instruments.table`."""
    assert table.DOCS.read_text(encoding="utf-8") == table.contents()


def test_every_rule_has_a_heading_in_the_manual():
    assert {table.group_of(file.stem) for file in INVALID if file.stem != table.SEVERAL} == set(table.GROUPS)


def test_the_questionnaires_of_the_project_are_read():
    files = list((FILES.parent.parent / "instruments").glob("*/*.json"))
    assert files
    assert all(read_instrument(file.read_bytes()).questions for file in files)


def test_it_knows_its_questions_pages_and_sections():
    i = read_instrument(json.dumps(make_all_types()))
    assert list(i.questions) == ["kind", "sources", "partners", "issues"]
    assert [page.id for page in i.pages] == ["p1", "p2"]
    assert [item.id for item in i.items] == ["kind", "sources", "hello", "partners", "issues"]
    assert i.section_of("p2").id == "s2"
    with pytest.raises(KeyError):
        i.section_of("p9")


def test_markup_is_text_and_stays_as_written():
    i = read_instrument((FILES / "valid" / "script_as_text.json").read_bytes())
    assert i.questions["q1"].text == (
        "<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1))"
    )


def test_a_text_is_given_in_a_language_or_in_the_first():
    i = read_instrument((FILES / "valid" / "two_languages.json").read_bytes())
    text = i.questions["q1"].text
    assert (text, text.in_language("cy"), text.in_language("fr")) == (
        "How are you?",
        "Sut ydych chi?",
        "How are you?",
    )


@pytest.mark.parametrize("word", ["con", "nul", "select", "table", "true", "none", "class", "constructor"])
def test_an_id_may_be_a_word_that_machines_reserve(word):
    assert list(read_instrument(json.dumps(make_document([make_question(id=word)]))).questions) == [word]


def test_a_condition_nested_deep_is_refused_before_it_is_parsed():
    condition = {"question": "q1", "is": "yes"}
    for _ in range(500):
        condition = {"not": condition}
    document = make_document([make_question()], [make_question(id="q2", show_if=condition)])
    (problem,) = refusal(document)
    assert (problem.what, problem.do) == ("it is nested over 64 deep", "flatten it")


def test_ten_thousand_questions_are_refused():
    pages = [[make_question("text", f"q{p}x{q}") for q in range(100)] for p in range(100)]
    (problem,) = refusal(make_document(*pages))
    assert (problem.at, problem.what) == ("/sections", "it asks 10,000 questions")
    assert problem.do == "ask at most 1,000; make two questionnaires of it"


def test_fifty_thousand_unknown_keys_give_a_list_that_can_be_read():
    problems = refusal(make_document() | {f"k{i}": 1 for i in range(50_000)})
    assert len(problems) == 200


def test_ten_thousand_wrong_codes_give_a_list_that_can_be_read():
    condition = {"question": "q1", "in": ["x" * 90] * 10_000}
    problems = refusal(make_document([make_question()], [make_question(id="q2", show_if=condition)]))
    assert len(problems) == 200


def test_problems_come_in_the_order_of_the_lines():
    problems = refusal(make_document([make_question(hint="")], minutes=0, version="a b", extra=1))
    assert [p.at for p in problems] == ["/version", "/minutes", "/sections/0/pages/0/questions/0/hint", "/extra"]


# ── content hash and schema ──────────────────────────────────────────────────


def test_layout_and_the_order_of_keys_do_not_change_the_content():
    document = make_all_types()
    other = json.dumps(dict(reversed(document.items())), indent=4)
    assert content_hash(json.dumps(document)) == content_hash("\ufeff".encode() + other.encode())


def test_every_wording_and_every_order_of_questions_changes_the_content():
    first, second = make_question(id="q1"), make_question(id="q2")
    hashes = {
        content_hash(json.dumps(document))
        for document in (
            make_document([first, second]),
            make_document([second, first]),
            make_document([first, second | {"text": "What about q2? "}]),
            make_document([first, second], version="2"),
        )
    }
    assert len(hashes) == 4


def test_the_schema_forbids_unknown_keys_everywhere():
    schema = json_schema()
    objects = [schema, *schema["$defs"].values()]
    assert all(part["additionalProperties"] is False for part in objects if "properties" in part)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_an_instrument_cannot_be_changed():
    i = read_instrument(json.dumps(make_document()))
    assert isinstance(i, BaseModel)
    with pytest.raises(ValueError, match="frozen"):
        i.version = "2"


def test_the_example_of_the_manual_is_valid():
    manual = (FILES.parent.parent / "docs" / "instruments.md").read_text(encoding="utf-8")
    example = manual.split("```json\n")[1].split("```")[0]
    assert list(read_instrument(example).questions) == ["staff", "change", "why"]
