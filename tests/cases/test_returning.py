"""Returns on paper, by telephone or from old data: read like pages, loaded whole or not at all, tied to nobody."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from surveyapp import campaigning, collecting, config, publishing, reporting, writing
from surveyapp.demonstration.reconstruction import read_figures, read_open_answers, reconstruct
from surveyapp.demonstration.teams import invented_teams, responding
from surveyapp.fieldwork import Frame, Unit
from surveyapp.problems import AlreadyReceived, Problem, Refused, SurveyError, WaveNotOpen
from surveyapp.returning import Loaded, load_returns
from surveyapp.storage import waves
from surveyapp.storage.database import Database
from tests.faults import victims
from tests.makers import (
    PEPPER,
    TODAY,
    as_form,
    boxes,
    in_tray,
    make_answers,
    make_document,
    make_frame,
    make_question,
    make_wave,
    send,
)

GOOD = {"kind": "yes", "sources.a": "1", "sources.c": "1", "partners.police": "more", "region": "North"}

# ── what goes in ─────────────────────────────────────────────────────────────


def test_a_row_is_kept_like_a_page_that_was_posted(db: Database) -> None:
    _, key, _ = make_wave(db)
    row = GOOD | {"sources.b": "0", "partners.health": "less", "issues": 'Too few, "they" say\nTwice.'}
    assert load(db, [row]) == Loaded(1, 0, 0)
    assert in_tray(db, key) == [
        {
            "version": "1",
            "cell": "North",
            "answers": {
                "kind": "yes",
                "sources": ["a", "c"],
                "partners.police": "more",
                "partners.health": "less",
                "issues": 'Too few, "they" say\nTwice.',
            },
        }
    ]


def test_words_beside_an_option_have_a_column_of_their_own(db: Database) -> None:
    _, key, _ = make_wave(db)
    load(db, [{"kind": "other", "kind.other.text": "A charity", "region": "South"}])
    assert in_tray(db, key)[0]["answers"] == {"kind": "other", "kind.other.text": "A charity"}


def test_ranks_days_numbers_and_shares_are_read_from_their_columns(db: Database) -> None:
    questions = [
        {**make_question("multiple", "first"), "type": "rank"},
        {"id": "since", "type": "date", "text": "Since when?"},
        {"id": "spend", "type": "number", "text": "How much?", "unit": "GBP", "bands": [0, 1000, 5000]},
        {"id": "share", "type": "allocation", "text": "Of what?", "rows": make_question("grid")["rows"]},
    ]
    _, key, _ = make_wave(db, document=make_document(questions), anyone=True, carry=None)
    same = {"first.b": "1", "first.a": "2", "spend": "£1,200", "share.police": "60", "share.health": "40"}
    load(db, [same | {"since": "2012-03-27"}, same | {"since": "27/3/2012"}])
    read = {"first": ["b", "a"], "since": "2012-03-27", "spend": "1000"}
    shares = {"share.police": "60", "share.health": "40"}
    assert [box["answers"] for box in in_tray(db, key)] == [read | shares] * 2


def test_items_of_a_repeated_page_are_numbered_columns(db: Database) -> None:
    _, key, _ = make_wave(db, document=repeated(), anyone=True, carry=None)
    load(db, [{"service@1": "Advice", "worth@1.a": "1", "service@3": "Beds"}])
    found = in_tray(db, key)[0]["answers"]
    assert found == {"p1.count": "3", "service@1": "Advice", "worth@1": ["a"], "service@3": "Beds"}


def test_a_workbook_is_read_like_a_text_file(db: Database) -> None:
    _, key, _ = make_wave(db)
    header = [*GOOD, "issues"]
    content = workbook([header, ["yes", 1, True, "less", "North", "One"], ["no", 0, None, None, "South"]])
    assert load_returns(db, "tiny-1", "returns.xlsx", content, TODAY).returns == 2
    answers = {box["cell"]: box["answers"] for box in in_tray(db, key)}
    both = {"sources": ["a", "c"], "partners.police": "less", "issues": "One"}
    assert answers == {"North": {"kind": "yes", **both}, "South": {"kind": "no"}}


def test_boxes_of_returns_are_as_long_as_any_other(db: Database) -> None:
    _, _, codes = make_wave(db)
    send(db, codes["U001"], make_answers())
    load(db, [GOOD])
    assert len({len(box) for _, box in boxes(db)}) == 1


def test_returns_come_after_the_last_day_but_not_after_the_close(db: Database) -> None:
    make_wave(db, closes=TODAY)
    after = date(2012, 3, 1)
    assert load(db, [GOOD], today=after).returns == 1
    campaigning.close_wave(db, "tiny-1", after)
    with pytest.raises(WaveNotOpen):
        load(db, [GOOD], today=after)


# ── what is wrong ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (
            {"kind": "maybe"},
            Problem("kind", '"maybe" is not one of its codes', "use one of: yes, no, other", 2),
        ),
        (
            {"partners.police": "More"},
            Problem("partners.police", '"More" is not one of its codes', "use one of: more, same, less", 2),
        ),
        (
            {"sources.a": "x"},
            Problem("sources.a", '"x" is neither 1 nor 0', "write 1 where it was chosen, else 0", 2),
        ),
        ({"region": ""}, Problem("region", "the stratum is empty", "fill it in", 2)),
        (
            {"region": "Nroth"},
            Problem("region", 'the frame has nobody in "Nroth"', 'did you mean "North"?', 2),
        ),
        (
            {"issues": "x" * 101},
            Problem("issues", "your answer is 1 character too long", "shorten it to 100 characters", 2),
        ),
        (
            {"kind.other.text": "A charity"},
            Problem(
                "kind.other.text",
                "you wrote something beside “Other”",
                "select “Other” too, or clear what you wrote",
                2,
            ),
        ),
        (
            {"kind": ""},
            Problem("kind", "select one answer", "fill it in, or let incomplete returns in", 2),
        ),
    ],
)
def test_what_is_wrong_in_a_row_is_told_at_its_cell(db: Database, cells: dict[str, str], problem: Problem) -> None:
    make_wave(db)
    assert problems(db, [GOOD | cells]) == [problem]
    assert in_store(db) == 0


def test_every_problem_of_every_row_is_told_and_nothing_is_loaded(db: Database) -> None:
    make_wave(db)
    rows = [GOOD, GOOD | {"kind": "x", "partners.police": "y"}, GOOD, GOOD | {"region": "z"}]
    assert [(p.line, p.at) for p in problems(db, rows)] == [(3, "kind"), (3, "partners.police"), (5, "region")]
    assert in_store(db) == 0


def test_problems_in_a_workbook_name_sheet_and_cell(db: Database) -> None:
    make_wave(db)
    content = workbook([[*GOOD], [], ["yes", 2, 1, "less", "North"]])
    with pytest.raises(Refused) as refused:
        load_returns(db, "tiny-1", "returns.xlsx", content, TODAY)
    assert [str(p) for p in refused.value.problems] == [
        'Sheet!B3 (sources.a): "2" is neither 1 nor 0; write 1 where it was chosen, else 0'
    ]


def test_an_answer_that_was_not_asked_is_a_problem(db: Database) -> None:
    gate = make_question("single", "gate")
    condition = {"question": "gate", "is": "yes"}
    document = make_document([gate], [make_question("multiple", "why", show_if=condition)])
    make_wave(db, document=document, anyone=True, carry=None)
    what = "there is an answer, but the other answers lead past this question"
    do = "empty the cell, or correct the answer that leads past it"
    assert problems(db, [{"gate": "no", "why.a": "1", "why.b": "0"}]) == [Problem("why.a", what, do, 2)]
    assert load(db, [{"gate": "no", "why.a": "0"}, {"gate": "yes", "why.a": "1"}]).returns == 2


def test_an_option_that_was_not_shown_is_told_once(db: Database) -> None:
    why = make_question("multiple", "why")
    why["options"][0]["show_if"] = {"question": "gate", "is": "yes"}
    make_wave(db, document=make_document([make_question("single", "gate")], [why]), anyone=True, carry=None)
    assert [p.at for p in problems(db, [{"gate": "no", "why.a": "1", "why.b": "1"}])] == ["why.a"]


def test_sums_that_do_not_come_out_are_told(db: Database) -> None:
    share = {"id": "share", "type": "allocation", "text": "Of what?", "rows": make_question("grid")["rows"]}
    make_wave(db, document=make_document([share]), anyone=True, carry=None)
    (problem,) = problems(db, [{"share.police": "60", "share.health": "60"}])
    assert (problem.at, problem.what) == ("share.police", "your answers add up to 120")


def test_a_row_without_any_answer_is_a_problem(db: Database) -> None:
    make_wave(db, document=make_document(), carry=["region"])
    what = "it holds no answer"
    assert problems(db, [{"q1": "", "region": "North"}]) == [
        Problem("row", what, "fill it in, or take the row out", 2)
    ]


def test_required_answers_may_be_blank_if_that_is_meant(db: Database) -> None:
    _, key, _ = make_wave(db)
    rows = [GOOD | {"kind": ""}, GOOD]
    loaded = load(db, rows, partial=True)
    assert (loaded.returns, loaded.partial) == (2, 1)
    assert [(gap.at, gap.line) for gap in loaded.gaps] == [("kind", 2)]
    assert sorted("kind" in box["answers"] for box in in_tray(db, key)) == [False, True]


@pytest.mark.parametrize(
    ("header", "at", "words"),
    [
        ("kind,region,sorces.a", "sorces.a", 'no such variable; did you mean "sources.a"?'),
        ("kind,region,email", "email", "take the column out"),
        ("kind,region,sources", "sources", 'it has a column for each option, such as "sources.a"'),
        ("kind,region,partners", "partners", 'it has a column for each option, such as "partners.police"'),
        ("kind,region,kind", "kind", "the column stands twice"),
        ("kind,sources.a", "region", "the column is missing"),
        ("kind,region,=cmd|x", "=cmd|x", "no such variable"),
    ],
)
def test_a_header_that_will_not_do_is_told(db: Database, header: str, at: str, words: str) -> None:
    make_wave(db)
    row = ",".join("1" for _ in header.split(","))
    with pytest.raises(Refused) as refused:
        load_returns(db, "tiny-1", "returns.csv", f"{header}\n{row}\n".encode(), TODAY)
    (problem,) = refused.value.problems
    assert (problem.at, problem.line) == (at, 1)
    assert words in str(problem)


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"kind,region\n", b"PK\x03\x04 not a workbook", b"\xff\xfe"])
@pytest.mark.parametrize("name", ["returns.csv", "returns.xlsx"])
def test_a_file_that_is_no_table_is_refused(db: Database, name: str, content: bytes) -> None:
    make_wave(db)
    with pytest.raises(Refused):
        load_returns(db, "tiny-1", name, content, TODAY)
    assert in_store(db) == 0


def test_a_workbook_with_two_filled_sheets_is_refused(db: Database) -> None:
    make_wave(db)
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("Other")):
        sheet.append(["kind", "region"])
        sheet.append(["yes", "North"])
    with pytest.raises(Refused, match="2 of its sheets have content"):
        load_returns(db, "tiny-1", "returns.xlsx", saved(book), TODAY)


def test_a_file_loaded_twice_is_found_out_when_the_frame_is_full(db: Database) -> None:
    make_wave(db, frame=make_frame(30))
    rows = [GOOD] * 20
    load(db, rows)
    with pytest.raises(SurveyError, match="would count twice: was the file loaded before"):
        load(db, rows)
    assert in_store(db) == 20


# ── a file that comes a second time ──────────────────────────────────────────


def server_keys() -> list[bytes]:
    return [b"k" * 32]


def long_rows(n: int = 30) -> list[dict[str, str]]:
    """Returns to a questionnaire of forty questions; no two are alike."""
    return [{f"q{i}": "yes" if i == n % 40 or i * n % 3 else "no" for i in range(40)} for n in range(n)]


def make_long_wave(db: Database, name: str = "tiny-1") -> bytes:
    document = make_document([make_question(id=f"q{i}") for i in range(40)])
    return make_wave(db, name, document=document, anyone=True, carry=None)[1]


def test_a_file_is_refused_the_second_time_unless_it_is_meant(db: Database) -> None:
    make_long_wave(db)
    assert load(db, long_rows(), keys=server_keys).known_again
    said = r"a file with the same returns was loaded into tiny-1 before.*load them once more"
    with pytest.raises(SurveyError, match=said):
        load(db, long_rows(), keys=server_keys)
    assert in_store(db) == 30
    assert load(db, long_rows(), keys=server_keys, again=True).returns == 30
    with pytest.raises(SurveyError, match="load them once more"):
        load(db, long_rows(), keys=server_keys)


def test_the_same_returns_are_known_in_another_order_and_another_kind_of_file(db: Database) -> None:
    make_long_wave(db)
    load(db, long_rows(), keys=server_keys)
    rows = [dict(reversed(row.items())) for row in reversed(long_rows())]
    header = list(rows[0])
    content = workbook([header, *([row[name] for name in header] for row in rows)])
    with pytest.raises(SurveyError, match="load them once more"):
        load_returns(db, "tiny-1", "other.xlsx", content, TODAY, keys=server_keys)


def test_a_file_with_one_answer_changed_is_another_file(db: Database) -> None:
    make_long_wave(db)
    load(db, long_rows(), keys=server_keys)
    changed = long_rows()
    changed[7]["q3"] = ""
    assert load(db, changed, keys=server_keys).returns == 30


def test_the_same_file_goes_into_another_wave(db: Database) -> None:
    make_long_wave(db)
    make_long_wave(db, "tiny-2")
    for name in ("tiny-1", "tiny-2"):
        assert load_returns(db, name, "a.csv", table(long_rows()), TODAY, keys=server_keys).known_again


def test_too_few_returns_and_a_small_questionnaire_leave_no_fingerprint(db: Database) -> None:
    """Somebody who has every file of the server could go through all that so little can be."""
    make_long_wave(db)
    assert not load(db, long_rows(9), keys=server_keys).known_again
    assert load(db, long_rows(10), keys=server_keys).known_again
    make_wave(db, "small", document=make_document([make_question()], survey="small"), anyone=True, carry=None)
    rows = table([{"q1": "yes"}] * 100)
    assert not load_returns(db, "small", "a.csv", rows, TODAY, keys=server_keys).known_again
    assert fingerprints(db) == 1


def test_a_file_with_units_leaves_no_fingerprint(db: Database) -> None:
    document = make_document([make_question(id=f"q{i}") for i in range(40)])
    make_wave(db, document=document)
    rows = [row | {"dat": f"U{i + 1:03}"} for i, row in enumerate(long_rows())]
    assert not load(db, rows, unit_column="dat", keys=server_keys).known_again
    assert fingerprints(db) == 0


def test_without_the_key_of_the_server_no_guess_can_be_tried(db: Database) -> None:
    make_long_wave(db)
    load(db, long_rows(), keys=server_keys)
    assert load(db, long_rows(), keys=lambda: [b"x" * 32]).returns == 30
    assert fingerprints(db) == 2


def test_a_file_is_known_again_after_the_key_was_changed(db: Database) -> None:
    make_long_wave(db)
    load(db, long_rows(), keys=server_keys)
    with pytest.raises(SurveyError, match="with the same returns was loaded"):
        load(db, long_rows(), keys=lambda: [b"x" * 32, *server_keys()])
    assert load(db, long_rows(), keys=lambda: [b"x" * 32, *server_keys()], again=True).returns == 30
    with pytest.raises(SurveyError, match="with the same returns was loaded"):
        load(db, long_rows(), keys=lambda: [b"x" * 32])


def test_a_refused_file_is_not_remembered(db: Database) -> None:
    make_long_wave(db)
    wrong = [*long_rows(), {"q1": "maybe"}]
    problems(db, wrong, keys=server_keys)
    assert fingerprints(db) == 0


def test_the_close_erases_what_files_are_known_by(db: Database) -> None:
    make_long_wave(db)
    load(db, long_rows(), keys=server_keys)
    campaigning.close_wave(db, "tiny-1", TODAY)
    assert fingerprints(db) == 0


def fingerprints(db: Database) -> int:
    with db.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM loading").scalar() or 0)


# ── organisations that are marked done ───────────────────────────────────────

OF = {"kind": "yes"}


def test_named_organisations_are_done_and_the_others_are_not_touched(db: Database) -> None:
    _, key, codes = make_wave(db)
    loaded = load(db, [OF | {"dat": "U001"}, OF | {"dat": "u002"}], unit_column="dat")
    assert (loaded.returns, loaded.marked) == (2, 2)
    status = campaigning.status(db, "tiny-1")
    assert (status.invited, status.received, status.tray) == (40, 2, 2)
    assert Counter(box["cell"] for box in in_tray(db, key)) == {"North": 1, "South": 1}
    with pytest.raises(AlreadyReceived):
        collecting.enter(db, PEPPER, codes["U001"], TODAY)
    send(db, codes["U003"], make_answers())


def test_without_a_unit_column_no_invitation_is_touched(db: Database) -> None:
    make_wave(db)
    load(db, [GOOD, GOOD])
    assert campaigning.status(db, "tiny-1").received == 0


def test_an_organisation_that_was_never_invited_is_done_too(db: Database) -> None:
    frame = make_frame(40)
    silent = replace(frame.units[0], email="")
    make_wave(db, frame=Frame((silent, *frame.units[1:]), frame.strata))
    load(db, [OF | {"dat": "U001"}], unit_column="dat")
    status = campaigning.status(db, "tiny-1")
    assert (status.invited, status.received) == (40, 1)
    assert [p.what for p in problems(db, [OF | {"dat": "U001"}], unit_column="dat")] == [
        'the answers of "U001" have been received'
    ]


def test_the_draft_of_an_organisation_that_answers_on_paper_is_erased(db: Database) -> None:
    _, _, codes = make_wave(db)
    collecting.save_all(db, collecting.enter(db, PEPPER, codes["U001"], TODAY), as_form({"kind": "no"}), TODAY)
    load(db, [OF | {"dat": "U001"}], unit_column="dat")
    with db.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM draft").scalar() == 0


def test_units_that_cannot_be_marked_are_told_and_none_is(db: Database) -> None:
    _, _, codes = make_wave(db)
    send(db, codes["U001"], make_answers())
    rows = [OF | {"dat": unit} for unit in ("U001", "U0400", "", "U003", "U003", "U004")]
    assert [str(p) for p in problems(db, rows, unit_column="dat")] == [
        'line 2, dat: the answers of "U001" have been received; take the row out; one answer counts',
        'line 3, dat: the frame has no unit "U0400"; did you mean "U040"?',
        "line 4, dat: it is empty; name the unit of the return",
        'line 6, dat: "U003" stands in row 5 too; keep one',
    ]
    assert (campaigning.status(db, "tiny-1").received, in_store(db)) == (1, 1)


@pytest.mark.parametrize(
    ("noted", "said"),
    [("refused", "is noted as one that does not wish to take part"), ("out-of-scope", "is noted as out of scope")],
)
def test_organisations_that_opted_out_or_are_out_of_scope_are_told(db: Database, noted: str, said: str) -> None:
    make_wave(db)
    writing.mark_organisation(db, "tiny-1", "U001", noted, TODAY)
    (problem,) = problems(db, [OF | {"dat": "U001"}], unit_column="dat")
    assert problem.what == f'"U001" {said}'
    assert problem.do == "take the row out; if the note is wrong, take the note back"


def test_a_stratum_that_is_not_the_frames_is_told(db: Database) -> None:
    make_wave(db)
    rows = [OF | {"dat": "U001", "region": "North"}]
    assert [p.what for p in problems(db, rows, unit_column="dat")] == [
        '"North" is not the frame\'s region of "U001"'
    ]


def test_a_wave_open_to_anyone_has_no_units(db: Database) -> None:
    make_wave(db, anyone=True, carry=None)
    with pytest.raises(Refused, match="a wave open to anyone has no units"):
        load(db, [OF | {"dat": "U001"}], unit_column="dat")


@pytest.mark.parametrize(
    "step", ["after the invitation is marked", "after the box is in the tray", "before the commit"]
)
def test_a_loading_killed_at_any_step_leaves_nothing(db: Database, tmp_path: Path, step: str) -> None:
    make_wave(db)
    content = table([OF | {"dat": "U001"}, OF | {"dat": "U002"}])
    victims.killed_at(victims.SUBMIT_STEPS[step], load_in_child, db.path, content)
    status = campaigning.status(db, "tiny-1")
    assert (status.received, status.tray) == (0, 0)
    assert load(db, [OF | {"dat": "U001"}, OF | {"dat": "U002"}], unit_column="dat").marked == 2


def load_in_child(path: Path, content: bytes) -> None:
    from surveyapp.storage.database import connect

    load_returns(connect(path), "tiny-1", "returns.csv", content, TODAY, unit_column="dat")


def test_the_order_of_the_rows_is_not_the_order_of_the_boxes(db: Database) -> None:
    """Over 300 rows; the chance standard deviation of the rank correlation is 0.058."""
    _, key, _ = make_wave(db, frame=make_frame(300))
    load(db, [GOOD | {"issues": f"{i}"} for i in range(300)])
    order = [int(box["answers"]["issues"]) for box in in_tray(db, key)]
    assert sorted(order) == list(range(300))
    distance = sum((place - row) ** 2 for place, row in enumerate(order))
    assert abs(1 - 6 * distance / (300 * (300**2 - 1))) < 0.25


def test_nothing_of_a_row_is_in_the_file(db: Database) -> None:
    make_wave(db)
    load(db, [OF | {"dat": "U001", "issues": "CANARY-017"}], unit_column="dat")
    for path in db.path.parent.iterdir():
        assert b"CANARY" not in path.read_bytes()


# ── the whole survey ─────────────────────────────────────────────────────────


def test_the_demonstration_loaded_from_a_file_gives_the_same_tables(db: Database) -> None:
    """The 65 reconstructed teams of 2012, once through the pages' use cases and once as coded rows."""
    teams = invented_teams()
    units = responding(teams, 2012)
    figures = config.PACKAGE / "demonstration" / "figures"
    words = read_open_answers((figures / "open-answers.json").read_bytes())
    answers = reconstruct(read_figures((figures / "dat-2012.json").read_bytes()), words, 2012)
    publishing.publish(db, config.read_file(config.project_file("instruments/dat/2012.1.json")), TODAY)
    codes, keys = open_dat(db, "paged", teams), open_dat(db, "loaded", teams)
    for unit, given in zip(units, answers, strict=True):
        send(db, codes[0][unit], given)
    regions = {team["unit"]: team["region"] for team in teams}
    multiples = {q.id for q in instrument_of(db, "paged").questions.values() if q.type == "multiple"}
    rows = [flat(given, multiples) | {"region": regions[unit]} for unit, given in zip(units, answers, strict=True)]
    loaded = load_returns(db, "loaded", "returns.csv", table(rows), TODAY)
    assert (loaded.returns, loaded.gaps) == (65, ())
    appendix = json.loads(config.read_file(config.project_file("exports/dat-2012-appendix.json")))
    closed = [entry for entry in appendix["tables"] if "question" in entry]
    plan = json.dumps(appendix | {"tables": closed}).encode()
    assert figures_of(db, "loaded", keys[1], plan) == figures_of(db, "paged", codes[1], plan)


def open_dat(db: Database, name: str, teams: Iterable[Mapping[str, str]]) -> tuple[dict[str, str], bytes]:
    keys: list[bytes] = []
    units = tuple(Unit(t["unit"], t["name"], t["email"], strata={"region": t["region"]}) for t in teams)
    campaigning.open_wave(
        db,
        name,
        *("dat", "2012.1"),
        Frame(units, ("region",)),
        carry=["region"],
        key_place="holder",
        closes=None,
        today=TODAY,
        keep_key=keys.append,
    )
    return {unit.unit: code for unit, code in campaigning.invite(db, name, TODAY)}, keys[0]


def instrument_of(db: Database, name: str) -> Any:
    return collecting.questionnaire(db, name)[1]


def flat(answers: Mapping[str, str | Sequence[str]], multiples: set[str]) -> dict[str, str]:
    """Answers as a row: one column an option of a multiple."""
    row: dict[str, str] = {}
    for key, answer in answers.items():
        if key in multiples:
            row |= {f"{key}.{code}": "1" for code in answer}
        else:
            row[key] = str(answer)
    return row


def figures_of(db: Database, name: str, key: bytes, plan: bytes) -> Any:
    """The tables as figures, without the name of the wave."""
    campaigning.close_wave(db, name, TODAY)
    reporting.open_tray(db, name, key)
    figures = json.loads(reporting.file_of(reporting.report(db, name, plan), ".json"))
    assert len(figures["tables"]) >= 12
    return figures["tables"]


# ── makers ───────────────────────────────────────────────────────────────────


def repeated() -> dict[str, Any]:
    """One page that is answered once for each of up to four contracts."""
    document = make_document(
        [{"id": "service", "type": "text", "text": "Which?"}, make_question("multiple", "worth")]
    )
    document["sections"][0]["pages"][0]["repeat"] = {"max": 4, "item": "contract"}
    return document


def table(rows: Sequence[Mapping[str, str]]) -> bytes:
    """Rows as CSV; a column for each name that any of them has."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, header, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def load(db: Database, rows: Sequence[Mapping[str, str]], today: date = TODAY, **more: Any) -> Loaded:
    with db.reading() as connection:
        (name,) = [wave.name for wave in waves.waves(connection)]
    return load_returns(db, name, "returns.csv", table(rows), today, **more)


def problems(db: Database, rows: Sequence[Mapping[str, str]], **more: Any) -> list[Problem]:
    with pytest.raises(Refused) as refused:
        load(db, rows, **more)
    return list(refused.value.problems)


def workbook(rows: Iterable[Sequence[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def in_store(db: Database) -> int:
    return campaigning.status(db, "tiny-1").tray
