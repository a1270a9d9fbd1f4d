"""What may come from outside, read by the product: each harness takes bytes, and holds what must always hold.

A fuzzer calls them for minutes (`make fuzz`), the suite for some hundred examples each. What they find is
written out as a test.
"""

import base64
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import openpyxl
from flask import Flask, Request
from werkzeug.test import EnvironBuilder

from surveyapp import frames, framing, privacy, returning, templates
from surveyapp.analysis.plans import read_plan
from surveyapp.analysis.themes.codeframes import read_codeframe
from surveyapp.demonstration.invented import invented
from surveyapp.documents import read_document
from surveyapp.export import coding, offline
from surveyapp.export.uploads import read_workbook
from surveyapp.instrument import (
    Instrument,
    answer_keys,
    content_hash,
    form_of,
    maximum_size,
    read_answers,
    read_instrument,
    route,
    submitted,
)
from surveyapp.instrument.checking import examine
from surveyapp.instrument.formatting import json_text
from surveyapp.instrument.xlsform import SHEETS, import_xlsform
from surveyapp.keyring import Keys
from surveyapp.problems import Refused, SurveyError
from surveyapp.storage.database import Database
from surveyapp.web.cookies import SealedCookies
from tests.fuzz.choosing import Choices, document, workbook
from tests.fuzz.conditions import TYPES, agree
from tests.makers import TODAY, make_all_types, make_codeframe, make_database, make_document, make_wave

KEY = b"k" * 32


@dataclass(frozen=True)
class Harness:
    """What is fed, and bytes to begin with."""

    feed: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]] = lambda: (b"",)


def told(refused: Refused) -> None:
    """A refusal says where, what and what to do, in words that can be printed and stored."""
    assert refused.problems, "refused without a word"
    for problem in refused.problems:
        assert all((problem.at, problem.what, problem.do)), problem
        str(problem).encode()


# ── documents ────────────────────────────────────────────────────────────────


@cache
def everything() -> dict[str, Any]:
    """A questionnaire with every kind of question, conditions, checks, placeholders and two languages."""
    first, second = TYPES[:4], TYPES[4:]
    last = {"id": "asked", "type": "text", "text": "After {answers.kind}, {unit.name}?", "max_length": 100}
    last |= {"show_if": {"any": [{"question": "kind", "is": "yes"}, {"question": "spend", "at_least": 2}]}}
    again = {"id": "again", "type": "number", "text": {"en": "How many?", "cy": "Faint?"}, "notes": True}
    whole = make_document(first, second, [last], [again], languages=["en", "cy"], disclosure={"carry": ["region"]})
    whole["sections"][3]["pages"][0]["repeat"] = {"max": 3, "item": "project"}
    whole["sections"][1]["pages"][0]["checks"] = [{"sum": ["spend"], "at_most": 900, "message": "Too much."}]
    return both_languages(whole)


def both_languages(part: Any, key: str = "") -> Any:
    """Every wording in English and in Welsh."""
    if isinstance(part, dict):
        return part if "cy" in part else {name: both_languages(value, name) for name, value in part.items()}
    if isinstance(part, list):
        return [both_languages(value) for value in part]
    worded = {"text", "title", "label", "hint", "message", "item", "intro", "thanks", "respondent"}
    return {"en": part, "cy": part} if key in worded else part


def feed_document(data: bytes) -> None:
    """Any bytes are a document or a refusal."""
    try:
        read_document(data)
    except Refused as refused:
        told(refused)


def feed_instrument(data: bytes) -> None:
    """Any bytes are a questionnaire that can be walked through, or a refusal of which an author sees all."""
    content = document(data, everything())
    problems = examine(content).problems
    try:
        found = read_instrument(content)
    except Refused as refused:
        assert refused.problems == problems
        told(refused)
        return
    assert problems == ()
    assert content_hash(content) == content_hash(content.decode("utf-8-sig"))
    route(found, {})
    maximum_size(found)


def feed_plan(data: bytes) -> None:
    """Any bytes are a plan that fits its questionnaire, or a refusal."""
    plan = {
        "survey": "tiny",
        "title": "A plan",
        "weights": {"poststratify": ["region"]},
        "tables": [
            {"id": "1", "question": "kind", "nets": {"Both": ["yes", "no"]}, "show": "nets", "sort": "descending"},
            {"id": "2", "question": "partners", "by": ["region"], "where": {"question": "kind", "is": "yes"}},
            {"id": "3", "question": "spend", "bands": [0, 10, 100], "margins": True, "at_least": 30},
        ],
    }
    try:
        read_plan(document(data, plan), _instrument(), ["region"], ["issues"])
    except Refused as refused:
        told(refused)


def feed_codeframe(data: bytes) -> None:
    """Any bytes are a codeframe that fits its questionnaire, or a refusal."""
    try:
        read_codeframe(document(data, make_codeframe()), read_instrument(json.dumps(make_all_types())), ["region"])
    except Refused as refused:
        told(refused)


@cache
def _instrument() -> Instrument:
    return read_instrument(json.dumps(everything()))


def feed_letter(data: bytes) -> None:
    """Any bytes are the words of a letter, or a refusal; what is filled in never becomes a header."""
    choices = Choices(data)
    kind, values = choices.pick(templates.KINDS), {name: choices.text() for name in list(templates.PLACES)[:4]}
    try:
        template = templates.read_template(choices.rest(), kind)
    except Refused as refused:
        told(refused)
        return
    letter = templates.filled(template, values)
    assert not {"\r", "\n"} & set(letter.subject), letter.subject
    assert templates.read_template(templates.as_text(template).encode(), kind).subject == template.subject


# ── lists and workbooks ──────────────────────────────────────────────────────

FRAME = [["unit", "name", "email", "contact", "region"]]
FRAME += [[f"U{n}", f"Team {n}", f"team{n}@example.org", "Ann", "North"] for n in range(4)]


def feed_frame(data: bytes) -> None:
    """Any bytes are a list of organisations, or a refusal; and a page can say what was understood of them."""
    _framed("frame.csv", data)


def feed_frame_workbook(data: bytes) -> None:
    """The same in a workbook."""
    _framed("frame.xlsx", workbook(data, made(frame=FRAME)))


def _framed(name: str, content: bytes) -> None:
    try:
        found = framing.read(name, content)
        frames.describe(found).encode()
        json.dumps(frames.as_json(found)).encode()
    except Refused as refused:
        told(refused)
    framing.understood(name, content)


def feed_returns(data: bytes) -> None:
    """Any bytes are returns that can be loaded, or a refusal."""
    _returned("returns.csv", data)


def feed_returns_workbook(data: bytes) -> None:
    """The same in a workbook."""
    _returned("returns.xlsx", workbook(data, made(returns=RETURNS)))


RETURNS = [
    ["kind", "kind.other.text", "sources.a", "sources.b", "sources.c", "partners.police", "region"],
    ["yes", "", "1", "0", "1", "more", "North"],
    ["other", "Both", "", "", "", "", "South"],
]


def _returned(name: str, content: bytes) -> None:
    try:
        returning.check_returns(_field(), "tiny-1", name, content, TODAY, partial=True)
        returning.check_returns(_field(), "tiny-1", name, content, TODAY, unit_column="unit", keys=lambda: [KEY])
    except Refused as refused:
        told(refused)


@cache
def _field() -> Database:
    """A wave in the field, in a file of its own."""
    db = make_database(Path(mkdtemp()))
    make_wave(db)
    return db


def feed_xlsform(data: bytes) -> None:
    """Any workbook is a form that can be published, or a refusal."""
    try:
        sheets = read_workbook("form.xlsx", workbook(data, made(**XLSFORM)), SHEETS).sheets
        read_instrument(json_text(import_xlsform(sheets, "tiny", "1").document))
    except Refused as refused:
        told(refused)


XLSFORM = {
    "survey": [
        ["type", "name", "label", "hint", "required", "relevant", "constraint", "appearance"],
        ["begin group", "g", "A group", "", "", "", "", ""],
        ["select_one yn", "a", "Yes or no?", "Think.", "yes", "", "", "minimal"],
        ["select_multiple yn", "b", "Which?", "", "", "${a} = 'yes'", "", ""],
        ["integer", "c", "How many?", "", "", "selected(${b}, 'no') and not(${a} = 'no')", ". >= 0 and . < 9", ""],
        ["end group", "", "", "", "", "", "", ""],
        ["begin repeat", "r", "Projects", "", "", "", "", ""],
        ["text", "d", "About ${a}?", "", "", "${c} > 1 or ${c} = 0", "", "multiline"],
        ["end repeat", "", "", "", "", "", "", ""],
        ["calculate", "e", "", "", "", "", "", ""],
    ],
    "choices": [["list_name", "name", "label"], ["yn", "yes", "Yes"], ["yn", "no", "No"]],
    "settings": [["form_title", "form_id", "version"], ["Tiny", "tiny", "1"]],
}


def feed_form_in_excel(data: bytes) -> None:
    """Any workbook is a form of the survey filled in, or a refusal; what it says is read like a posted page."""
    try:
        found = offline.read("form.xlsx", workbook(data, _blank_form()), _instrument())
    except Refused as refused:
        told(refused)
        return
    items = [question for page in _instrument().pages for question in page.asked]
    read_form(items, found.form, _instrument())


@cache
def _blank_form() -> bytes:
    answers = {"kind": "yes", "sources": ["a"], "spend": "12", "issues": "Too few staff."}
    return offline.write(_instrument(), answers, "en", unit={"unit": "U1", "name": "Team 1"})


def feed_coding_sheet(data: bytes) -> None:
    """Any workbook is a sheet of codes, or a refusal."""
    frame = _codeframe()
    try:
        sheet = coding.read_sheet("coding.xlsx", workbook(data, _coding_sheet()))
        coding.read_codes(sheet, frame, {"1": "Money", "2": "Staff"})
    except Refused as refused:
        told(refused)


@cache
def _codeframe() -> Any:
    return read_codeframe(json.dumps(make_codeframe()), read_instrument(json.dumps(make_all_types())), ["region"])


@cache
def _coding_sheet() -> bytes:
    purpose = coding.Purpose("coding", "tiny-1", "issues", "1", "one")
    lines = [coding.Line("1", "issues", "Money", frozenset({"money"})), coding.Line("2", "issues", "Staff")]
    return coding.coding_sheet(_codeframe(), purpose, lines)


_MADE: dict[str, bytes] = {}


def made(**sheets: list[list[str]]) -> bytes:
    """A workbook with these sheets."""
    name = ",".join(sheets)
    if name not in _MADE:
        book, buffer = openpyxl.Workbook(), io.BytesIO()
        book.remove(book.worksheets[0])
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        book.save(buffer)
        _MADE[name] = buffer.getvalue()
    return _MADE[name]


# ── what respondents send ────────────────────────────────────────────────────


def feed_posted(data: bytes) -> None:
    """Any form gives answers that are read again as the same and fit into the box, problems, or a refusal."""
    choices = Choices(data)
    asked = _instrument()
    items = [question for page in asked.pages for question in page.asked]
    form = dict(choices.pick(_forms()))
    names = sorted({*form, *_fields()})
    while choices.left:
        name = choices.pick(names) + choices.pick(
            ("", "", "", ".text", ".notes", "@1", ".day", ".year", ".", "\0")
        )
        form[name] = [choices.text() for _ in range(choices.number(2))]
    read_form(items, form, asked)


def read_form(items: Sequence[Any], form: Any, asked: Instrument) -> None:
    """A posted form, read as a page is."""
    try:
        answers, problems = read_answers(items, form)
    except Refused as refused:
        told(refused)
        return
    told(Refused(problems)) if problems else None
    again, wrong = read_answers(items, form_of(items, answers))
    assert (again, wrong) == (answers, []), (again, answers)
    way = route(asked, answers)
    box = json.dumps(submitted(asked, way), ensure_ascii=False).encode()
    assert len(box) <= maximum_size(asked), len(box)


@cache
def _forms() -> list[dict[str, list[str]]]:
    asked = _instrument()
    items = [question for page in asked.pages for question in page.asked]
    return [{}, *(form_of(items, given) for given in invented(asked, ["North"] * 4, 7))]


@cache
def _fields() -> list[str]:
    return [key for page in _instrument().pages for question in page.asked for key in answer_keys(question)]


def feed_code(data: bytes) -> None:
    """Whatever is typed is an access code in its one spelling or none; so with the codes and keys of staff."""
    typed = data.decode("utf-8", "replace")
    code = privacy.normal_code(typed)
    if code is not None:
        assert len(code) == privacy.CODE_LENGTH
        assert privacy.normal_code(privacy.printed_code(code).lower()) == code
    privacy.code_hash(code or "")
    privacy.spare_hash(KEY, b"a" * 16, typed)
    assert privacy.second_step("JBSWY3DPEHPK3PXP" * 2, f"x{typed}", 1_326_700_000) is None
    try:
        wave, key = privacy.read_key_file(typed)
    except SurveyError:
        return
    assert privacy.read_key_file(privacy.key_file(wave, key)) == (wave, key)


def feed_cookie(data: bytes) -> None:
    """Bytes in a cookie that we did not seal are no visit; nothing sealed for one purpose opens as another."""
    choices = Choices(data)
    cookies = SealedCookies(Keys(KEY), secure=False)
    ours = cookies.seal({"code": "abc"})
    match choices.number(4):
        case 0:
            given = choices.rest().decode("latin-1")
        case 1:
            given = base64.urlsafe_b64encode(choices.rest()).decode()
        case 2:
            given = ours[: choices.number(len(ours) - 2)]
        case 3:
            at = choices.number(len(ours) - 1)
            given = ours[:at] + choices.pick("AZ_-=+/ é") + ours[at + 1 :]
        case _:
            given = SealedCookies(Keys(b"o" * 32), secure=False).seal({"code": choices.text()[:100]})
    found = visit(cookies, given)
    assert found == ({"code": "abc"} if _same(given, ours) else {}), given
    sealed = choices.data
    for opening in (
        privacy.open_draft,
        privacy.open_box,
        privacy.open_sitting,
        privacy.open_code,
        privacy.open_text,
    ):
        refuses(opening, KEY, sealed, b"label")


def _same(given: str, ours: str) -> bool:
    """Whether two spellings are of the same bytes: what is no base64 is passed over in reading it."""
    try:
        return base64.urlsafe_b64decode(given.encode()) == base64.urlsafe_b64decode(ours)
    except ValueError:
        return False


def visit(cookies: SealedCookies, value: str) -> dict[str, Any]:
    """The visit in a cookie."""
    request = Request({**EnvironBuilder().get_environ(), "HTTP_COOKIE": f"answer={value}"})
    return dict(cookies.open_session(Flask("x"), request))


def refuses(do: Callable[..., object], *given: object) -> None:
    """Nothing but an error of our own comes of it, and no success."""
    try:
        do(*given)
    except SurveyError:
        return
    raise AssertionError(f"{do.__name__} took {given}")


# ── all of them ──────────────────────────────────────────────────────────────


def _altered(seed: bytes) -> Sequence[bytes]:
    """The document whole, after the byte that says so; and a change of one value."""
    return (b"\x00" + seed, b"\x01\x00\x05\x04\x00\x03", b"\x01")


def _sheets() -> Sequence[bytes]:
    return (
        b"\x03\x00\x00\x05\x00\x00\x05",
        b"\x04\x01\x00\x09\x00\x02",
        b"\x01\x00\x10\x00",
        b"\x02\x00<worksheet/>",
    )


HARNESSES: dict[str, Harness] = {
    "document": Harness(feed_document, lambda: [b'{"a": [1, "b", null]}', b'{"a": 1, "a": 2}']),
    "instrument": Harness(feed_instrument, lambda: _altered(json.dumps(make_all_types()).encode())),
    "conditions": Harness(agree, lambda: [b"\x00" * 20, bytes(range(60)), b"\x03\x01\x02\x05" * 8]),
    "plan": Harness(feed_plan, lambda: _altered(b'{"survey": "tiny", "title": "A", "tables": []}')),
    "codeframe": Harness(feed_codeframe, lambda: _altered(json.dumps(make_codeframe()).encode())),
    "letter": Harness(
        feed_letter, lambda: [bytes(20) + b"Subject: {title}\n\nDear {contact},\n{code}\n{closes}\n"]
    ),
    "frame": Harness(feed_frame, lambda: ["\n".join(map(",".join, FRAME)).encode()]),
    "frame-workbook": Harness(feed_frame_workbook, _sheets),
    "returns": Harness(feed_returns, lambda: ["\n".join(map(",".join, RETURNS)).encode()]),
    "returns-workbook": Harness(feed_returns_workbook, _sheets),
    "xlsform": Harness(feed_xlsform, _sheets),
    "form-in-excel": Harness(feed_form_in_excel, _sheets),
    "coding-sheet": Harness(feed_coding_sheet, _sheets),
    "posted": Harness(feed_posted, lambda: [b"\x00", b"\x01\x05\x00\x01\x00\x05", b"\x02\x09\x00\x01\x01\x031e3"]),
    "code": Harness(
        feed_code, lambda: [b"7K4QX-9M2PB-0WDTE-HR63Y", b"surveyapp private key 1\nwave a\n" + b"0" * 64]
    ),
    "cookie": Harness(
        feed_cookie, lambda: [b"\x00abc", b"\x01" + bytes(40), b"\x02\x20", b"\x03\x10\x01", b"\x04"]
    ),
}
