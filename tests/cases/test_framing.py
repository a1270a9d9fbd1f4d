"""The frame of a wave: read from CSV and workbooks, loaded anew, corrected, erased; never silently shorter."""

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from surveyapp import campaigning, collecting, framing, sampling, writing
from surveyapp.frames import Frame, Unit
from surveyapp.framing import Reading
from surveyapp.problems import NotFound, Refused, SurveyError, UnknownCode, WaveNotOpen
from surveyapp.rates import count
from surveyapp.storage import frames as stored
from surveyapp.storage.database import Database
from surveyapp.storage.standings import standings
from tests.makers import (
    PEPPER,
    TODAY,
    as_form,
    everything,
    make_answers,
    make_document,
    make_frame,
    make_question,
    make_wave,
    send,
)

pytestmark = pytest.mark.stores

HEADER = "unit,name,email,contact,language,region"


def as_csv(*units: Unit, header: str = HEADER) -> bytes:
    rows = [",".join([u.unit, u.name, u.email, u.contact, u.language, u.strata.get("region", "")]) for u in units]
    return "\n".join([header, *rows]).encode()


def as_workbook(**sheets: list[list[Any]]) -> bytes:
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def rows_of(frame: Frame) -> list[list[Any]]:
    rows = [[u.unit, u.name, u.email, u.contact, u.language, u.strata["region"]] for u in frame.units]
    return [HEADER.split(","), *rows]


def load(db: Database, content: bytes, **how: Any) -> str:
    return str(framing.load(db, "tiny-1", "frame.csv", content, Reading(**how)).difference)


def refusal(db: Database, content: bytes) -> list[str]:
    before = in_wave(db)
    with pytest.raises(Refused) as refused:
        load(db, content)
    assert in_wave(db) == before
    return [str(problem) for problem in refused.value.problems]


def in_wave(db: Database) -> dict[str, stored.Listed]:
    with db.reading() as connection:
        return {found.unit.unit: found for found in stored.listed(connection, "tiny-1")}


def wave(db: Database) -> Any:
    return campaigning.status(db, "tiny-1").wave


# ── reading ──────────────────────────────────────────────────────────────────


def test_a_workbook_and_a_text_file_mean_the_same():
    frame = make_frame(12)
    book = as_workbook(Frame=rows_of(frame))
    assert framing.read("a.xlsx", book).frame == framing.read("a.csv", as_csv(*frame.units)).frame == frame


def test_149_units_of_which_7_have_no_usable_contact(db: Database):
    """The frame counts 149; 142 are issued and get a code; the seven stay in the frame."""
    rows = [[f"D{i:03}", f"DAT {i}", f"dat{i}@example.org" if i > 7 else None] for i in range(1, 150)]
    listing = framing.read("dat.xlsx", as_workbook(Frame=[["Code", "Team name", "E-mail"], *rows]), Reading(
        named={"name": "Team name"}
    ))  # fmt: skip
    assert (len(listing.frame.units), listing.frame.issued) == (149, 142)
    opened, _, codes = make_wave(db, frame=listing.frame, carry=[])
    assert (opened.population, opened.issued, len(codes)) == (149, 142, 142)
    assert len(in_wave(db)) == 149


def test_the_sheet_with_the_headings_is_taken_and_the_others_are_told():
    book = as_workbook(Notes=[["Made by the office"]], Teams=rows_of(make_frame(3)))
    listing = framing.read("a.xlsx", book)
    assert len(listing.frame.units) == 3
    assert [str(note) for note in listing.notes] == ["Notes: the sheet is not taken for the frame; nothing to do"]


def test_among_several_frames_the_sheet_must_be_named():
    book = as_workbook(A=rows_of(make_frame(3)), B=rows_of(make_frame(4)))
    with pytest.raises(Refused, match="2 of its sheets have content: A, B; say which is the frame: --sheet NAME"):
        framing.read("a.xlsx", book)
    assert len(framing.read("a.xlsx", book, Reading(sheet="b")).frame.units) == 4
    with pytest.raises(Refused, match="it has no sheet “C”"):
        framing.read("a.xlsx", book, Reading(sheet="C"))


def test_faults_of_a_workbook_name_sheet_and_cell():
    rows = rows_of(make_frame(20))
    rows[16][2] = "team16"
    with pytest.raises(Refused, match='Frame!C17: "team16" is not an e-mail address'):
        framing.read("a.xlsx", as_workbook(Frame=rows))


def test_formulas_on_another_sheet_are_not_in_the_way():
    sums = [["Region", "Units"], ["North", "=COUNTIF(Frame!F:F,A2)"], ["South", "#REF!"]]
    book = as_workbook(Sums=sums, Frame=rows_of(make_frame(3)))
    listing = framing.read("a.xlsx", book)
    assert len(listing.frame.units) == 3
    assert [str(note) for note in listing.notes] == ["Sums: the sheet is not taken for the frame; nothing to do"]
    assert framing.read("a.xlsx", book, Reading(sheet="frame")).frame == listing.frame


def test_formulas_on_the_sheet_of_the_frame_are_named_whatever_is_beside_it():
    rows = rows_of(make_frame(3))
    rows[1][1] = "=A1"
    with pytest.raises(Refused) as refused:
        framing.read("a.xlsx", as_workbook(Sums=[["=1+1"]], Frame=rows))
    assert [problem.at for problem in refused.value.problems] == ["Frame!B2"]
    with pytest.raises(Refused, match="2 of its sheets have content: A, B; say which is the frame: --sheet NAME"):
        framing.read("a.xlsx", as_workbook(A=rows, B=rows_of(make_frame(4))))
    assert (
        len(framing.read("a.xlsx", as_workbook(A=rows, B=rows_of(make_frame(4))), Reading(sheet="B")).frame.units)
        == 4
    )


def test_formulas_are_refused_and_hidden_rows_and_merged_headings_told():
    rows = rows_of(make_frame(3))
    rows[1][1] = "=A1"
    with pytest.raises(Refused, match="Frame!B2: it holds a formula; copy the cell and paste it as a value"):
        framing.read("a.xlsx", as_workbook(Frame=rows))
    made = openpyxl.load_workbook(io.BytesIO(as_workbook(Frame=rows_of(make_frame(3)))))
    made["Frame"].row_dimensions[3].hidden = True
    made["Frame"].merge_cells("D1:E1")
    buffer = io.BytesIO()
    made.save(buffer)
    with pytest.raises(
        Refused, match="Frame!E1: column E has no heading; give it one, or empty the column; unmerge"
    ):
        framing.read("a.xlsx", buffer.getvalue())
    made["Frame"].unmerge_cells("D1:E1")
    made["Frame"]["E1"] = "language"
    made.save(buffer := io.BytesIO())
    notes = [note.at for note in framing.read("a.xlsx", buffer.getvalue()).notes]
    assert notes == ["Frame!3:3"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", b"unit,name,email\nU1,Team,\n", "it is a text file, not a workbook"),
        ("a.csv", as_workbook(Frame=rows_of(make_frame(2))), "its name does not end in .xlsx"),
        ("a.csv", b"%PDF-1.7", "it is a PDF"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is an old Excel file"),
        ("a.xlsx", b"", "it is empty"),
        ("a.csv", b"", "it is empty"),
        ("a.xlsx", as_workbook(Frame=[]), "it is empty"),
    ],
)
def test_what_is_not_what_it_is_called_is_refused(name: str, content: bytes, words: str):
    with pytest.raises(Refused) as refused:
        framing.read(name, content)
    assert words in str(refused.value)


def test_a_text_file_that_is_too_large_or_is_given_a_sheet_is_refused(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(Refused, match="it is a text file and has no sheets"):
        framing.read("a.csv", as_csv(), Reading(sheet="Frame"))
    monkeypatch.setattr(framing, "MAX_BYTES", 10)
    with pytest.raises(Refused, match="keep it under 10"):
        framing.read("a.csv", as_csv(*make_frame(2).units))


# ── loading ──────────────────────────────────────────────────────────────────


def test_the_same_file_changes_nothing(db: Database):
    make_wave(db)
    before = in_wave(db)
    assert load(db, as_csv(*make_frame().units)) == "0 new, 0 changed, 0 gone"
    assert in_wave(db) == before


def test_new_and_changed_units_are_loaded_and_the_wave_counts_anew(db: Database):
    make_wave(db)
    units = [*make_frame().units, Unit("U100", "New team", strata={"region": "North"})]
    units[0] = Unit("U001", "Team One", "one@example.org", "Ms A", "cy", {"region": "South"})
    assert load(db, as_csv(*units)) == "1 new, 1 changed, 0 gone"
    assert in_wave(db)["U001"].unit == units[0]
    assert (wave(db).cells, wave(db).issued) == ({"North": 21, "South": 20}, 40)
    assert load(db, as_csv(*units)) == "0 new, 0 changed, 0 gone"


def test_looking_first_changes_nothing(db: Database):
    make_wave(db)
    before = in_wave(db)
    plan = framing.preview(db, "tiny-1", "frame.csv", as_csv(*make_frame(41).units))
    assert str(plan.difference) == "1 new, 0 changed, 0 gone"
    assert in_wave(db) == before


def test_a_shorter_file_drops_nobody_who_was_invited_or_has_answered(db: Database):
    _, _, codes = make_wave(db)
    send(db, codes["U040"], make_answers())
    do = "put its row back, or erase its contact by itself"
    assert refusal(db, as_csv(*make_frame(38).units)) == [
        f"U039: it is not in the file, and it has been invited; {do}",
        f"U040: it is not in the file, and it has answered; {do}",
    ]


def test_a_shorter_file_drops_units_that_nobody_wrote_to(db: Database):
    extra = tuple(Unit(f"X{i}", "No address", strata={"region": "North"}) for i in range(3))
    frame = make_frame()
    make_wave(db, frame=Frame((*frame.units, *extra), frame.strata))
    assert load(db, as_csv(*frame.units)) == "0 new, 0 changed, 3 gone"
    assert wave(db).cells == {"North": 20, "South": 20}


def test_carried_cells_may_not_become_too_small(db: Database):
    make_wave(db, frame=make_frame(20))
    units = list(make_frame(20).units)
    units[0] = Unit("U001", "Team 1", "team1@example.org", "Manager", "en", {"region": "North"})
    assert refusal(db, as_csv(*units)) == [
        "cell “South”: only 9 of the frame are in it; merge it with a neighbour to reach 10, or carry fewer strata"
    ]


def test_a_unit_that_has_answered_keeps_its_carried_cell(db: Database):
    _, _, codes = make_wave(db)
    send(db, codes["U001"], make_answers())
    units = list(make_frame().units)
    units[0] = Unit("U001", "Team 1", "team1@example.org", "Manager", "en", {"region": "North"})
    assert refusal(db, as_csv(*units)) == [
        "U001: it has answered as South, not North; leave that as it was in this wave"
    ]


def test_a_value_that_is_a_slip_of_a_known_one_is_refused_unless_it_is_meant(db: Database):
    make_wave(db, carry=[])
    units = [*make_frame().units, Unit("U100", "New", strata={"region": "Nort"})]
    (problem,) = refusal(db, as_csv(*units))
    assert problem.startswith("line 42, region: “Nort” is elsewhere written “North”")
    assert load(db, as_csv(*units), accepted=["Nort"]) == "1 new, 0 changed, 0 gone"


def test_a_cell_whose_name_does_not_fit_into_the_boxes_is_refused(db: Database):
    make_wave(db, document=make_document([make_question()]))
    long = [Unit(f"L{i}", "Long", strata={"region": "\u5b57" * 300}) for i in range(10)]
    (problem,) = refusal(db, as_csv(*make_frame().units, *long))
    assert "its name is too long for the boxes of the wave" in problem


def test_a_new_address_is_no_longer_undeliverable_and_gets_letters(db: Database):
    make_wave(db)
    with db.transaction() as connection:
        from surveyapp.storage import letters

        found = stored.organisation(connection, "tiny-1", "U001")
        assert found
        letters.dispose(connection, found.id, "undeliverable", "2012-01-16")
    framing.change_contact(db, "tiny-1", "U001", email="new@example.org")
    assert (in_wave(db)["U001"].disposition, in_wave(db)["U001"].unit.email) == ("", "new@example.org")


def test_only_an_open_wave_with_a_frame_takes_another_list(db: Database):
    make_wave(db)
    campaigning.close_wave(db, "tiny-1", TODAY)
    with pytest.raises(WaveNotOpen):
        load(db, as_csv(*make_frame().units))
    make_wave(db, "street", anyone=True, carry=None)
    with pytest.raises(SurveyError, match="street is open to anyone and has no frame"):
        framing.load(db, "street", "frame.csv", as_csv(*make_frame().units))


# ── a sample ─────────────────────────────────────────────────────────────────


def test_only_those_drawn_are_issued_and_invited(db: Database):
    sample = sampling.draw(make_frame(), sampling.Design(by=("region",), each=10), "2012")
    opened, _, codes = make_wave(db, frame=sample)
    assert (opened.population, opened.issued, len(codes)) == (40, 20, 20)
    assert set(codes) == {unit.unit for unit in sample.units if unit.sampled}
    assert (opened.cells, opened.sample_seed) == ({"North": 20, "South": 20}, "2012 (10 of each region)")
    assert framing.drawn(db, "tiny-1") == 20


def test_a_sample_must_be_large_enough_in_each_carried_cell(db: Database):
    sample = sampling.draw(make_frame(), sampling.Design(by=("region",), each=9), "2012")
    with pytest.raises(Refused, match="only 9 of the sample are in it"):
        make_wave(db, frame=sample)


def test_units_that_join_after_the_draw_are_not_drawn_and_those_drawn_stay(db: Database):
    sample = sampling.draw(make_frame(), sampling.Design(by=("region",), each=10), "2012")
    make_wave(db, frame=sample)
    assert load(db, as_csv(*make_frame(41).units)) == "1 new, 0 changed, 0 gone"
    assert not in_wave(db)["U041"].unit.sampled
    assert wave(db).issued == 20
    assert campaigning.invite(db, "tiny-1", TODAY) == []


# ── one unit ─────────────────────────────────────────────────────────────────


def test_removing_a_unit_erases_contact_code_and_draft(db: Database, tmp_path: Path):
    _, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    collecting.save_all(db, visit, as_form(make_answers()), TODAY)
    framing.remove(db, "tiny-1", "U001")
    left = in_wave(db)["U001"]
    assert (left.unit.email, left.unit.contact, left.invited, left.disposition) == ("", "", False, "refused")
    assert (wave(db).population, wave(db).issued) == (40, 40)
    with pytest.raises(UnknownCode):
        collecting.enter(db, PEPPER, codes["U001"], TODAY)
    content = everything(db)
    assert b"team1@example.org" not in content
    with db.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM draft").scalar() == 0


def test_a_removed_unit_is_not_brought_back_by_a_list_nor_missed_in_one(db: Database):
    make_wave(db)
    framing.remove(db, "tiny-1", "U001")
    plan = framing.load(db, "tiny-1", "frame.csv", as_csv(*make_frame().units))
    assert (plan.left, bool(plan.difference)) == (("U001",), False)
    assert in_wave(db)["U001"].unit.email == ""
    assert load(db, as_csv(*make_frame().units[1:])) == "0 new, 0 changed, 0 gone"
    assert campaigning.invite(db, "tiny-1", TODAY) == []
    with pytest.raises(SurveyError, match="U001 asked for its contact to be erased"):
        framing.change_contact(db, "tiny-1", "U001", email="a@b.org")


def test_a_removal_leaves_the_bases_of_the_rates_as_they_were(db: Database):
    _, _, codes = make_wave(db)
    for unit in ("U004", "U005"):
        send(db, codes[unit], make_answers())
    removed = ("U001", "U002", "U003", "U004")
    writing.mark_organisation(db, "tiny-1", "U002", "undeliverable", TODAY)
    writing.mark_organisation(db, "tiny-1", "U003", "out-of-scope", TODAY)
    for unit in (*removed, "U001"):
        framing.remove(db, "tiny-1", unit)
    with db.reading() as connection:
        found = count(standings(connection, "tiny-1"))
    assert (found.issued, found.completed, found.refused, found.undeliverable) == (40, 2, 2, 0)
    assert (found.out_of_scope, found.eligible) == (1, 39)


def test_of_a_removed_unit_no_day_is_kept_and_one_that_was_not_issued_is_not_counted(db: Database):
    frame = make_frame()
    make_wave(db, frame=Frame((*frame.units, Unit("X1", "No address", strata={"region": "North"})), frame.strata))
    for unit in ("U001", "X1"):
        framing.remove(db, "tiny-1", unit)
    with db.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT unit, removed, disposition, disposition_on FROM organisation WHERE removed <> ''"
        )
        assert set(map(tuple, rows)) == {
            ("U001", "issued", "refused", None),
            ("X1", "unissued", "refused", None),
        }
        assert count(standings(connection, "tiny-1")).issued == 40
    assert wave(db).issued == 40


def test_of_a_unit_that_has_answered_the_mark_stays(db: Database):
    _, _, codes = make_wave(db)
    send(db, codes["U001"], make_answers())
    assert framing.remove(db, "tiny-1", "U001").done
    left = in_wave(db)["U001"]
    assert (left.unit.email, left.unit.contact, left.done, left.disposition) == ("", "", True, "")
    assert wave(db).issued == 40
    assert campaigning.status(db, "tiny-1").received == 1
    assert framing.load(db, "tiny-1", "frame.csv", as_csv(*make_frame().units)).left == ("U001",)


def test_a_contact_is_replaced_and_the_code_stays(db: Database):
    _, _, codes = make_wave(db)
    new = framing.change_contact(db, "tiny-1", "U001", contact="Ms New", email="new@example.org")
    assert (new.contact, new.email) == ("Ms New", "new@example.org")
    assert in_wave(db)["U001"].unit == new
    assert collecting.enter(db, PEPPER, codes["U001"], TODAY)


def test_an_address_for_a_unit_that_had_none_is_issued(db: Database):
    frame = make_frame()
    make_wave(db, frame=Frame((*frame.units, Unit("X1", "No address", strata={"region": "North"})), frame.strata))
    assert wave(db).issued == 40
    framing.change_contact(db, "tiny-1", "X1", email="x@example.org")
    assert wave(db).issued == 41
    assert [unit.unit for unit, _ in campaigning.invite(db, "tiny-1", TODAY)] == ["X1"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"email": "a@b\nBcc: c@d.org"}, "email: it holds a line break or a control character"),
        ({"email": "Ms A <a@b.org>"}, "write the address alone: a@b.org"),
        ({"contact": "x" * 301}, "contact: it has 301 characters"),
    ],
)
def test_a_contact_that_will_not_do_is_refused(db: Database, given: dict[str, str], words: str):
    make_wave(db)
    with pytest.raises(Refused) as refused:
        framing.change_contact(db, "tiny-1", "U001", **given)
    assert words in str(refused.value)


def test_a_unit_that_is_not_there_suggests_the_nearest(db: Database):
    make_wave(db)
    with pytest.raises(NotFound, match="tiny-1 has no unit 'U0O1'; did you mean \"U0"):
        framing.remove(db, "tiny-1", "U0O1")
