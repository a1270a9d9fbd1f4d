"""The mark of a frame: another as soon as a unit or a name is another, whoever writes it, and for nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from surveyapp import collecting, framing, watching, writing
from surveyapp.frames import Frame
from surveyapp.storage.database import Database
from tests.makers import (
    PEPPER,
    TODAY,
    change,
    make_answers,
    make_document,
    make_frame,
    make_question,
    make_wave,
    rows,
    send,
)

pytestmark = pytest.mark.stores

HEADER = "unit,name,email,contact,language,region"


def mark(db: Database, wave: str = "tiny-1") -> bytes | None:
    found: bytes | None = rows(db, f"SELECT frame_mark FROM wave WHERE name = '{wave}'")[0][0]
    return found


def load(db: Database, frame: Frame) -> str:
    lines = [",".join((u.unit, u.name, u.email, u.contact, u.language, u.strata["region"])) for u in frame.units]
    return str(framing.load(db, "tiny-1", "frame.csv", "\n".join([HEADER, *lines]).encode()).difference)


def renamed(frame: Frame, name: str) -> Frame:
    return replace(frame, units=(replace(frame.units[0], name=name), *frame.units[1:]))


CHANGES: dict[str, Callable[[Database], object]] = {
    "a newer list": lambda db: load(db, renamed(make_frame(40), "Kestrel House")),
    "one more on the list": lambda db: load(db, make_frame(41)),
    "a name, past our functions": lambda db: change(db, "UPDATE organisation SET name = 'X' WHERE unit = 'U017'"),
    "an id, past our functions": lambda db: change(db, "UPDATE organisation SET unit = 'X' WHERE unit = 'U017'"),
    "every name at once": lambda db: change(db, "UPDATE organisation SET name = name || '!'"),
    "a name to nothing": lambda db: change(db, "UPDATE organisation SET name = '' WHERE unit = 'U017'"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_it_is_another_after(db: Database, what: str) -> None:
    make_wave(db)
    before = mark(db)
    CHANGES[what](db)
    after = mark(db)
    assert {type(before), type(after)} == {bytes}
    assert after != before


def test_it_is_another_after_one_has_left_the_list(db: Database) -> None:
    make_wave(db)
    load(db, make_frame(41))
    longer = mark(db)
    load(db, make_frame(40))
    assert rows(db, "SELECT count(*) FROM organisation") == [(40,)]
    assert mark(db) != longer


def test_a_correction_that_is_undone_has_a_mark_of_its_own(db: Database) -> None:
    """What was made of the names in between must not be found by the mark of before, nor the other way round."""
    make_wave(db)
    marks = [mark(db)]
    for name in ("Kestrel House", "Team 1", "Kestrel House", "Team 1"):
        load(db, renamed(make_frame(40), name))
        marks.append(mark(db))
    assert len(set(marks)) == 5


UNTOUCHED: dict[str, Callable[[Database, dict[str, str]], object]] = {
    "a list without news": lambda db, _: load(db, make_frame(40)),
    "another contact": lambda db, _: framing.change_contact(db, "tiny-1", "U017", contact="Ms Jones"),
    "another address": lambda db, _: framing.change_contact(db, "tiny-1", "U017", email="j@example.org"),
    "a refusal": lambda db, _: writing.mark_organisation(db, "tiny-1", "U017", "refused", TODAY),
    "a contact erased": lambda db, _: framing.remove(db, "tiny-1", "U017"),
    "the wave paused": lambda db, _: watching.pause(db, "tiny-1", TODAY),
    "a page saved": lambda db, codes: collecting.save_page(
        db, collecting.enter(db, PEPPER, codes["U017"], TODAY), "p1", {"kind": ["yes"]}, TODAY
    ),
    "answers sent": lambda db, codes: send(db, codes["U017"], make_answers()),
}


@pytest.mark.parametrize("what", UNTOUCHED)
def test_it_is_the_same_after(db: Database, what: str) -> None:
    """Above all after whatever a respondent does: of that it says nothing, not even that there was something."""
    _, _, codes = make_wave(db)
    before = mark(db)
    UNTOUCHED[what](db, codes)
    assert mark(db) == before


def test_every_wave_has_its_own(db: Database) -> None:
    make_wave(db)
    make_wave(db, "tiny-2", document=make_document(survey="small"))
    one, other = mark(db), mark(db, "tiny-2")
    assert one != other
    change(db, "UPDATE organisation SET name = 'X' WHERE unit = 'U017' AND wave = 'tiny-2'")
    assert mark(db) == one
    assert mark(db, "tiny-2") != other


def test_two_waves_that_change_in_one_transaction_both_get_another(db: Database) -> None:
    make_wave(db)
    make_wave(db, "tiny-2", document=make_document(survey="small"))
    before = mark(db), mark(db, "tiny-2")
    change(db, "UPDATE organisation SET name = 'X' WHERE unit IN ('U017', 'U018')")
    assert mark(db) != before[0]
    assert mark(db, "tiny-2") != before[1]


def test_what_is_taken_back_leaves_the_mark_as_it_was(db: Database) -> None:
    make_wave(db)
    before = mark(db)

    def fail(*_: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        framing.load(db, "tiny-1", "frame.csv", f"{HEADER}\n".encode() + _more(), settle=fail)
    assert mark(db) == before


def _more() -> bytes:
    lines = [f"U{i:03},Team {i},team{i}@example.org,Manager,en,{('North', 'South')[i % 2]}" for i in range(1, 42)]
    return "\n".join(lines).encode()


def test_a_wave_of_nobody_has_none(db: Database) -> None:
    make_wave(db, anyone=True, carry=None)
    assert mark(db) is None


# ── the check page ───────────────────────────────────────────────────────────

OPEN = make_document([make_question("text", "why", max_length=100)])


def found(db: Database, code: str) -> list[str]:
    visit = collecting.enter(db, PEPPER, code, TODAY)
    told = collecting.giveaways(db, collecting.desk(db, visit, TODAY))
    return [finding.words for findings in told.values() for finding in findings]


def written(db: Database, code: str, why: str) -> None:
    visit = collecting.enter(db, PEPPER, code, TODAY)
    collecting.save_page(db, visit, "p1", {"why": [why]}, TODAY)


def test_the_names_are_read_once_and_again_when_they_have_changed(db: Database) -> None:
    _, _, codes = make_wave(db, document=OPEN)
    written(db, codes["U001"], "Ask Kestrel House or Team 17")
    written(db, codes["U002"], "Ask Kestrel House or Team 17")
    assert found(db, codes["U001"]) == ["Team 17"]
    asked: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "organisation.name" in statement and "invitation" not in statement:
            asked.append(statement)

    sa.event.listen(db.engine, "after_cursor_execute", listen)
    assert found(db, codes["U002"]) == ["Team 17"]
    assert asked == []
    load(db, renamed(make_frame(40), "Kestrel House"))
    asked.clear()
    assert found(db, codes["U002"]) == ["Kestrel House", "Team 17"]
    assert found(db, codes["U001"]) == ["Kestrel House", "Team 17"]
    assert len(asked) == 1


def test_a_respondent_who_came_before_a_correction_is_told_of_the_new_name(db: Database) -> None:
    """The desk was laid with the mark of before; the names are those of now, and kept under the mark of now."""
    _, _, codes = make_wave(db, document=OPEN)
    written(db, codes["U001"], "Ask Kestrel House or Team 17")
    before = collecting.desk(db, collecting.enter(db, PEPPER, codes["U001"], TODAY), TODAY)
    load(db, renamed(make_frame(40), "Kestrel House"))
    (findings,) = collecting.giveaways(db, before).values()
    assert [finding.words for finding in findings] == ["Kestrel House", "Team 17"]
    assert found(db, codes["U001"]) == ["Kestrel House", "Team 17"]
