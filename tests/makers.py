"""Plain functions that make what a test needs, with overrides by keyword."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from surveyapp import campaigning, collecting, privacy, publishing
from surveyapp.collecting import Visit
from surveyapp.config import Home
from surveyapp.fieldwork import Frame, Unit
from surveyapp.instrument import Instrument, mark, read_instrument
from surveyapp.instrument.reconciling import SEEN
from surveyapp.storage import responses, waves
from surveyapp.storage.database import Database, connect
from surveyapp.storage.waves import Wave

TODAY = date(2012, 1, 16)
PEPPER = b"p" * 32
REGIONS = ("North", "South")


def make_question(kind: str = "single", id: str = "q1", **more: Any) -> dict[str, Any]:
    """One question as JSON: yes/no for single, a/b/c for multiple, two rows by three points for a grid."""
    question: dict[str, Any] = {"id": id, "type": kind, "text": f"What about {id}?"}
    if kind == "single":
        question["options"] = [{"code": "yes", "label": "Yes"}, {"code": "no", "label": "No"}]
    elif kind == "multiple":
        question["options"] = [{"code": c, "label": f"Option {c}"} for c in "abc"]
    elif kind == "grid":
        question["rows"] = [{"code": "police", "label": "Police"}, {"code": "health", "label": "Health"}]
        question["scale"] = [{"code": c, "label": c.title()} for c in ("more", "same", "less")]
    return question | more


def make_document(*pages: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """An instrument as JSON: a section a page, named s1, s2, …, its page p1, p2, …"""
    pages = pages or ([make_question()],)
    sections = [
        {
            "id": f"s{i}",
            "title": f"Section {i}",
            "pages": [{"id": f"p{i}", "title": f"Page {i}", "questions": list(questions)}],
        }
        for i, questions in enumerate(pages, 1)
    ]
    document = {
        "survey": "tiny",
        "version": "1",
        "title": "A tiny survey",
        "respondent": "one answer for each organisation",
        "minutes": 5,
        "intro": "What it is for.",
        "thanks": "Thank you.",
        "sections": sections,
    }
    return document | more


def make_instrument(*pages: Sequence[dict[str, Any]], **more: Any) -> Instrument:
    """An instrument with these pages of questions."""
    return read_instrument(json.dumps(make_document(*pages, **more)))


def make_all_types(**more: Any) -> dict[str, Any]:
    """The JSON of an instrument with one question of each type, on two pages."""
    other = {"code": "other", "label": "Other", "specify": True}
    kind = make_question("single", "kind", required=True)
    kind["options"].append(other)
    first = [kind, make_question("multiple", "sources"), {"id": "hello", "type": "note", "text": "A note."}]
    second = [make_question("grid", "partners"), make_question("text", "issues", max_length=100)]
    return make_document(first, second, **more)


def make_codeframe(**more: Any) -> dict[str, Any]:
    """The JSON of a codeframe for the question "issues": money and staff."""
    themes = [{"code": code, "label": code.title(), "definition": f"About {code}."} for code in ("money", "staff")]
    document = {
        "survey": "tiny",
        "id": "issues",
        "version": "1",
        "title": "What weighs on teams",
        "questions": ["issues"],
        "themes": themes,
    }
    return document | more


def make_frame(n: int = 40, **more: Any) -> Frame:
    """`n` units, U001 …, half in the North and half in the South."""
    units = [
        Unit(f"U{i:03}", f"Team {i}", f"team{i}@example.org", "Manager", "en", {"region": REGIONS[i % 2]})
        for i in range(1, n + 1)
    ]
    return Frame(tuple(units), ("region",), **more)


def said(text: str) -> str:
    """What a process said, without Python's own word on a stop that came while it was collecting garbage.

    gunicorn workers leave by `SystemExit` in the handler of a signal; raised within a callback of the collector
    it is printed and ignored, and the worker is told again.
    """
    return re.sub(r"Exception ignored in: .*?SystemExit: 0\n", "", text, flags=re.DOTALL)


def make_home(path: Path) -> Home:
    """An installation in an empty folder."""
    return Home(path / "home").make()


def make_database(path: Path) -> Database:
    """A migrated SQLite file."""
    return connect(path / "surveyapp.db")


def rows(db: Database, query: str) -> list[Any]:
    """What a query in the words of both stores gives."""
    with db.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def change(db: Database, statement: str, *values: bytes) -> None:
    """Alter the store past its own functions; `?` stands for a value."""
    with db.transaction() as connection:
        marked = statement if connection.dialect.name == "sqlite" else statement.replace("?", "%s")
        connection.exec_driver_sql(marked, values)


def everything(db: Database) -> bytes:
    """Every byte of a SQLite file; on a server every value of every row, with its place and its transaction."""
    if isinstance(db.place, Path):
        return db.place.read_bytes()
    with db.reading() as connection:
        cells = [
            cell
            for table in sa.inspect(connection).get_table_names()
            for row in connection.exec_driver_sql(f"SELECT ctid::text, xmin::text, * FROM {table}")
            for cell in row
        ]
    return b"\0".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)


def make_wave(
    db: Database,
    name: str = "tiny-1",
    document: Mapping[str, Any] | None = None,
    frame: Frame | None = None,
    anyone: bool = False,
    **more: Any,
) -> tuple[Wave, bytes, dict[str, str]]:
    """An open wave with everybody invited: the wave, its private key, the access code of each unit."""
    content = document or make_all_types()
    published = publishing.publish(db, json.dumps(content).encode(), TODAY)
    keys: list[bytes] = []
    settings: dict[str, Any] = {"carry": ["region"], "key_place": "holder", "closes": None, "today": TODAY} | more
    frame = None if anyone else frame or make_frame()
    survey, _, version = published.instrument.name.partition("@")
    wave = campaigning.open_wave(db, name, survey, version, frame, keep_key=keys.append, **settings)
    codes = {} if anyone else {unit.unit: code for unit, code in campaigning.invite(db, name, settings["today"])}
    return wave, keys[0], codes


def make_answers(**more: Any) -> dict[str, Any]:
    """Answers to every question of `make_all_types`."""
    return {
        "kind": "yes",
        "sources": ["a", "c"],
        "partners.police": "more",
        "partners.health": "less",
        "issues": "Too few staff.",
    } | more


def as_form(answers: Mapping[str, Any]) -> dict[str, list[str]]:
    """Answers as a browser posts them."""
    return {key: [answer] if isinstance(answer, str) else list(answer) for key, answer in answers.items()}


def send(db: Database, code: str, answers: Mapping[str, Any], today: date = TODAY, pepper: bytes = PEPPER) -> None:
    """One respondent's whole visit."""
    visit = collecting.enter(db, pepper, code, today)
    assert collecting.save_all(db, visit, as_form(answers), today) == []
    collecting.submit(db, visit, today)


def boxes(db: Database, wave: str = "tiny-1") -> list[tuple[bytes, bytes]]:
    """Id and content of every box in the tray of a wave."""
    with db.reading() as connection:
        return responses.tray_part(connection, wave, b"", most=1_000_000)


def in_tray(db: Database, key: bytes, wave: str = "tiny-1") -> list[dict[str, Any]]:
    """What is in the boxes of a wave, opened with its private key."""
    with db.reading() as connection:
        bound_to = waves.wave_named(connection, wave).seal_info
    return [json.loads(privacy.open_box(key, box, bound_to)) for _, box in boxes(db, wave)]


def opened(db: Database, visit: Visit, page: str, fields: Mapping[str, Any]) -> dict[str, list[str]]:
    """The form that a browser posts which has just opened the page."""
    desk = collecting.desk(db, visit, TODAY)
    step = desk.route.step(page)
    assert step is not None
    return as_form(fields) | {SEEN: [mark(step.questions, desk.form(step))]}


def normal(code: str) -> str:
    """A printed code as it is hashed."""
    found = privacy.normal_code(code)
    assert found is not None
    return found
