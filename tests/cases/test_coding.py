"""Open answers from a released wave through sheets: coded, compared, settled, counted, quoted. All or nothing."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import openpyxl
import pytest

from surveyapp import campaigning, coding, reporting, returning
from surveyapp.analysis.themes.codeframes import NOTHING, UNCODABLE
from surveyapp.problems import NotFound, Refused, SurveyError
from surveyapp.storage.database import Database
from tests.makers import TODAY, make_all_types, make_codeframe, make_document, make_frame, make_question, make_wave

pytestmark = pytest.mark.stores

TEXTS = [
    "Our grant ends.",
    "Two posts are empty at Team 7.",
    "=1+1 the grant and the posts",
    "The weather.",
    "???",
]
NAMES = [(f"U{i:03}", f"Ambridge {i} Drug Action Team") for i in range(1, 41)]


def release(db: Database, rows: Sequence[Mapping[str, str]], document: Mapping[str, Any] | None = None) -> None:
    """A closed wave `tiny-1` with these answers, turn about from North and South, released."""
    wave, key, _ = make_wave(db, document=document or make_all_types(), frame=make_frame(len(rows) + 40))
    written = io.StringIO()
    writer = csv.DictWriter(written, [*rows[0], "region"])
    writer.writeheader()
    writer.writerows({**row, "region": ("North", "South")[i % 2]} for i, row in enumerate(rows))
    returning.load_returns(db, wave.name, "answers.csv", written.getvalue().encode(), TODAY)
    campaigning.close_wave(db, wave.name, TODAY)
    reporting.open_tray(db, wave.name, key)


def put(db: Database, **more: Any) -> coding.Put:
    return coding.put_codeframe(db, "tiny-1", json.dumps(make_codeframe(**more)).encode())


@pytest.fixture
def wave(db: Database) -> Database:
    """A released wave of 40: five answers in words, the others silent; the codeframe "issues" is on it."""
    release(db, [{"kind": "yes", "issues": text} for text in [*TEXTS, *[""] * 35]])
    put(db)
    return db


Rows = dict[str, dict[str, Any]]


def filled(content: bytes, given: Mapping[str, str], sheet: str = "Coding") -> bytes:
    """A sheet with a 1 under each code given to the words; all that is not named stays as it is."""

    def write(rows: Rows) -> None:
        for words, codes in given.items():
            for code in codes.split():
                rows[words][code].value = 1

    return changed(content, write, sheet)


def changed(content: bytes, change: Callable[[Rows], None], sheet: str = "Coding") -> bytes:
    """A workbook after somebody has worked on the cells of its rows, by words and column."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    tab = book[sheet]
    top = next(cell.row for cell in tab["A"] if cell.value == "Answer")
    columns = [str(cell.value).partition(": ")[0] for cell in tab[top]]
    rows = (dict(zip(columns, tab[i], strict=True)) for i in range(top + 1, tab.max_row + 1))
    change({str(row["Words"].value): row for row in rows})
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def words_of(content: bytes, sheet: str = "Coding") -> list[str]:
    found: list[str] = []
    changed(content, lambda rows: found.extend(rows), sheet)
    return found


def code(db: Database, coder: str, given: Mapping[str, str]) -> coding.Loaded:
    return coding.load(db, "tiny-1", "sheet.xlsx", filled(coding.sheet(db, "tiny-1", "issues", coder), given))


def problems(call: Callable[[], object]) -> list[str]:
    with pytest.raises(Refused) as refusal:
        call()
    return [str(problem) for problem in refusal.value.problems]


ALL = {TEXTS[0]: "money", TEXTS[1]: "staff", TEXTS[2]: "money staff", TEXTS[3]: NOTHING, TEXTS[4]: UNCODABLE}


def standing(db: Database) -> tuple[int, int, int]:
    (one,) = coding.standings(db, "tiny-1")
    return one.settled, one.disputed, one.uncoded


# ── the codeframe ────────────────────────────────────────────────────────────


def test_a_codeframe_is_put_on_a_wave_once(wave: Database):
    assert not put(wave).new
    assert [s.codeframe.name for s in coding.standings(wave, "tiny-1")] == ["issues@1"]
    assert standing(wave) == (0, 0, 5)


def test_a_question_has_one_codeframe(wave: Database):
    assert problems(lambda: put(wave, id="other")) == [
        'line 1, /questions/0: "issues" is under the codeframe "issues"; leave it to that one'
    ]


def test_a_codeframe_that_nobody_has_used_may_change(wave: Database):
    assert put(wave, title="Other words").new
    code(wave, "A", ALL)
    assert problems(lambda: put(wave, title="Other words again")) == [
        "line 1, /version: issues@1 is in use with other content; give the changed codeframe a new version"
    ]


def test_an_unknown_codeframe_and_an_unknown_wave_are_named(wave: Database):
    with pytest.raises(NotFound, match="tiny-1 has no codeframe 'isues'; did you mean \"issues\""):
        coding.sheet(wave, "tiny-1", "isues", "A")
    with pytest.raises(NotFound, match="there is no wave 'tinny'"):
        coding.sheet(wave, "tinny", "issues", "A")


# ── sheets ───────────────────────────────────────────────────────────────────


def test_a_sheet_goes_out_and_comes_back_with_the_earlier_work(wave: Database):
    assert code(wave, "Coder A", {TEXTS[0]: "money"}) == coding.Loaded("issues", "coder a", 1, 4)
    again = coding.sheet(wave, "tiny-1", "issues", "coder A")
    loaded = coding.load(wave, "tiny-1", "s.xlsx", filled(again, {TEXTS[1]: "staff"}))
    assert (loaded.given, loaded.blank) == (2, 3)
    assert standing(wave) == (2, 0, 3)


def test_orders_differ_from_coder_to_coder_and_stay(wave: Database):
    orders = {coder: tuple(words_of(coding.sheet(wave, "tiny-1", "issues", coder))) for coder in "abcdefgh"}
    assert len(set(orders.values())) > 4
    assert words_of(coding.sheet(wave, "tiny-1", "issues", "a")) == list(orders["a"])
    assert set(orders["a"]) == set(TEXTS)


def test_words_are_never_a_formula(wave: Database):
    book = openpyxl.load_workbook(io.BytesIO(coding.sheet(wave, "tiny-1", "issues", "a")))
    assert {cell.data_type for row in book["Coding"] for cell in row if cell.value is not None} <= {"s", "n"}


def test_a_row_that_was_emptied_is_no_longer_coded(wave: Database):
    code(wave, "a", ALL)

    def empty(rows: Rows) -> None:
        rows[TEXTS[0]]["money"].value = None
        rows[TEXTS[0]]["staff"].value = rows[TEXTS[0]][NOTHING].value = rows[TEXTS[0]][UNCODABLE].value = None

    coding.load(wave, "tiny-1", "s.xlsx", changed(coding.sheet(wave, "tiny-1", "issues", "a"), empty))
    assert standing(wave) == (4, 0, 1)


def test_every_problem_is_told_with_its_cell_and_nothing_is_stored(wave: Database):
    def spoil(rows: Rows) -> None:
        rows[TEXTS[0]]["money"].value = 1
        rows[TEXTS[1]]["staff"].value = "perhaps"
        rows[TEXTS[2]]["money"].value = rows[TEXTS[2]][NOTHING].value = 1
        rows[TEXTS[3]]["money"].value = 0
        rows[TEXTS[4]]["Words"].value = "What nobody said."

    content = changed(coding.sheet(wave, "tiny-1", "issues", "a"), spoil)
    told = problems(lambda: coding.load(wave, "tiny-1", "s.xlsx", content))
    row = {words: 5 + i for i, words in enumerate(words_of(content))}
    assert sorted(told) == sorted(
        [
            f"Coding!E{row[TEXTS[1]]}: “perhaps” is neither 1 nor 0; write one of them",
            f"Coding!F{row[TEXTS[2]]}: “nothing_to_code” has a 1 beside “money”; keep the one or the other",
            f"Coding!row {row[TEXTS[3]]}: no theme has a 1; write 1 under nothing_to_code or uncodable",
            (
                f"Coding!C{row['What nobody said.']}: the words are not those of this answer; "
                "write the sheet anew; what was said must not be changed"
            ),
        ]
    )
    assert standing(wave) == (0, 0, 5)


def test_rows_that_were_taken_out_put_in_or_doubled_are_told(wave: Database):
    def spoil(rows: Rows) -> None:
        rows[TEXTS[0]]["Answer"].value = rows[TEXTS[1]]["Answer"].value
        rows[TEXTS[2]]["Answer"].value = "v000000000000"
        for cell in rows[TEXTS[3]].values():
            cell.value = None

    content = changed(coding.sheet(wave, "tiny-1", "issues", "a"), spoil)
    told = problems(lambda: coding.load(wave, "tiny-1", "s.xlsx", content))
    assert any("there is no answer “v000000000000” under this codeframe; take the row out" in one for one in told)
    assert any("too; keep one of the rows" in one or "the words are not those" in one for one in told)
    assert "Coding: 2 of 5 rows have been taken out; put them back, blank where nothing is to be said" in told


def test_a_missing_column_is_told(wave: Database):
    content = changed(coding.sheet(wave, "tiny-1", "issues", "a"), lambda rows: None)
    book = openpyxl.load_workbook(io.BytesIO(content))
    book["Coding"]["D4"].value = "funds"
    saved = io.BytesIO()
    book.save(saved)
    assert problems(lambda: coding.load(wave, "tiny-1", "s.xlsx", saved.getvalue())) == [
        "Coding: the column “money” is missing; put the header back as it was, or write the sheet anew"
    ]


def test_a_sheet_of_another_kind_wave_or_version_is_refused(wave: Database):
    sheet = filled(coding.sheet(wave, "tiny-1", "issues", "a"), ALL)
    make_wave(wave, "tiny-2", document=make_all_types())
    assert problems(lambda: coding.load(wave, "tiny-2", "s.xlsx", sheet)) == [
        "the file: it is a sheet of the wave tiny-1; load a sheet of tiny-2"
    ]
    assert problems(lambda: coding.load_settling(wave, "tiny-1", "issues", "s.xlsx", sheet)) == [
        "the file: it is a sheet for coding; load it as a coding sheet"
    ]
    put(wave, version="2")
    assert problems(lambda: coding.load(wave, "tiny-1", "s.xlsx", sheet)) == [
        "the file: it was written for version 1 of issues; version 2 is in use: write the sheet anew"
    ]


def test_any_other_workbook_is_refused(wave: Database):
    book = openpyxl.Workbook()
    book.active["A1"] = "Shopping"
    saved = io.BytesIO()
    book.save(saved)
    assert problems(lambda: coding.load(wave, "tiny-1", "s.xlsx", saved.getvalue())) == [
        "the file: it is no sheet that was written here for coding; write the sheet anew, and fill in that"
    ]


def test_before_anything_is_released_there_is_nothing_to_code(db: Database):
    make_wave(db, document=make_all_types())
    assert put(db).answers == 0
    with pytest.raises(SurveyError, match="no answers to issues have been released yet; close the wave"):
        coding.sheet(db, "tiny-1", "issues", "a")


def test_a_label_that_could_be_anything_is_refused(wave: Database):
    with pytest.raises(SurveyError, match="is no label for a coder"):
        coding.sheet(wave, "tiny-1", "issues", "=cmd|' /C calc'!A0")


# ── agreeing and settling ────────────────────────────────────────────────────


def test_two_coders_are_compared_and_a_third_person_settles_what_they_dispute(wave: Database):
    code(wave, "a", ALL)
    with pytest.raises(SurveyError, match="agreement needs two coders; issues was coded by a"):
        coding.agreement(wave, "tiny-1", "issues")
    code(wave, "b", ALL | {TEXTS[2]: "money", TEXTS[3]: "staff"})
    (pair,) = coding.agreement(wave, "tiny-1", "issues")
    assert (pair.n, pair.same) == (5, 3)
    assert standing(wave) == (3, 2, 0)

    sheet = coding.settling_sheet(wave, "tiny-1", "issues")
    assert set(words_of(sheet, "Settling")) == {TEXTS[2], TEXTS[3]}

    def decide(rows: Rows) -> None:
        assert (rows[TEXTS[2]]["money"].value, rows[TEXTS[2]]["staff"].value) == (1, None)
        assert rows[TEXTS[2]]["Look at"].value == "a: money, staff; b: money"
        rows[TEXTS[2]]["staff"].value = 1

    loaded = coding.load_settling(wave, "tiny-1", "issues", "s.xlsx", changed(sheet, decide, "Settling"))
    assert (loaded.given, loaded.blank) == (1, 1)
    assert standing(wave) == (4, 1, 0)
    assert coding.themes(wave, "tiny-1", "issues").counts == {"money": 2, "staff": 2}


def test_half_a_decision_is_told(wave: Database):
    code(wave, "a", ALL)
    code(wave, "b", ALL | {TEXTS[3]: "staff"})
    sheet = coding.settling_sheet(wave, "tiny-1", "issues")
    half = filled(sheet, {TEXTS[3]: "staff"}, "Settling")
    assert problems(lambda: coding.load_settling(wave, "tiny-1", "issues", "s.xlsx", half)) == [
        "Settling!F5: it is not decided; write 1 or 0, or leave all yellow cells of the row blank"
    ]


def test_what_coders_agree_on_by_now_is_not_decided_over_their_heads(wave: Database):
    code(wave, "a", ALL)
    code(wave, "b", ALL | {TEXTS[2]: "money"})
    sheet = filled(coding.settling_sheet(wave, "tiny-1", "issues"), {TEXTS[2]: "staff"}, "Settling")

    def agree(rows: Rows) -> None:
        rows[TEXTS[2]]["staff"].value = 0

    coding.load(wave, "tiny-1", "s.xlsx", changed(coding.sheet(wave, "tiny-1", "issues", "a"), agree))
    (told,) = problems(lambda: coding.load_settling(wave, "tiny-1", "issues", "s.xlsx", sheet))
    assert told.endswith("it is no longer in dispute; make the settling sheet anew")


def test_where_nothing_is_in_dispute_there_is_no_sheet(wave: Database):
    code(wave, "a", {TEXTS[0]: "money"})
    with pytest.raises(SurveyError, match="nothing is in dispute under issues; 4 answers are not coded yet"):
        coding.settling_sheet(wave, "tiny-1", "issues")


# ── a newer version ──────────────────────────────────────────────────────────

SPLIT = {
    "version": "2",
    "themes": [
        {"code": code, "label": code.title(), "definition": f"About {code}."}
        for code in ("cuts", "delays", "people")
    ],
    "was": {"version": "1", "themes": {"money": ["cuts", "delays"], "staff": ["people"]}},
}


def test_a_newer_version_carries_over_what_it_can_and_asks_for_the_rest(wave: Database):
    code(wave, "a", ALL)
    code(wave, "b", ALL | {TEXTS[1]: "money"})
    found = put(wave, **SPLIT)
    assert (found.carried, found.again, found.fresh) == (10, 5, ())
    assert standing(wave) == (2, 3, 0)
    sheet = coding.sheet(wave, "tiny-1", "issues", "a")

    def look(rows: Rows) -> None:
        assert rows[TEXTS[2]]["Look at"].value == "look again: money is now cuts, delays"
        assert (rows[TEXTS[2]]["people"].value, rows[TEXTS[2]]["cuts"].value) == (1, None)
        rows[TEXTS[2]]["cuts"].value, rows[TEXTS[2]]["delays"].value = 1, 0

    loaded = coding.load(wave, "tiny-1", "s.xlsx", changed(sheet, look))
    assert (loaded.given, loaded.blank) == (4, 1)
    assert standing(wave) == (2, 3, 0), "the other coder has to look too, and an untouched row still waits"
    settled = filled(coding.settling_sheet(wave, "tiny-1", "issues"), {TEXTS[2]: "cuts"}, "Settling")

    def both(rows: Rows) -> None:
        rows[TEXTS[2]]["delays"].value = 0

    coding.load_settling(wave, "tiny-1", "issues", "s.xlsx", changed(settled, both, "Settling"))
    assert coding.themes(wave, "tiny-1", "issues").counts == {"cuts": 1, "delays": 0, "people": 1}


def test_a_newer_version_without_a_map_is_refused_and_changes_nothing(wave: Database):
    code(wave, "a", ALL)
    assert problems(lambda: put(wave, **{**SPLIT, "was": None})) == [
        (
            'line 1, /: "money" of issues@1 is gone; say what became of it: '
            '"was": {"version": "1", "themes": {"money": ["…"], "staff": ["…"]}}'
        )
    ]
    assert standing(wave) == (5, 0, 0)


# ── quotations ───────────────────────────────────────────────────────────────


def quoted(db: Database, rows: Mapping[str, Mapping[str, Any]]) -> bytes:
    def write(found: Rows) -> None:
        for words, cells in rows.items():
            for column, value in cells.items():
                found[words][column].value = value

    return changed(coding.quoting_sheet(db, "tiny-1", "issues", NAMES), write, "Quotations")


def clear(db: Database, rows: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    content = quoted(db, rows)
    shown = coding.proposed(db, "tiny-1", "issues", "q.xlsx", content, NAMES)
    assert coding.clear(db, "tiny-1", "issues", "q.xlsx", content, NAMES) == shown
    return [(q.theme, q.words, q.attribution) for q in coding.quotations(db, "tiny-1", "issues")]


NAMING = "Ambridge 7 lost its grant. Two posts went with it."


@pytest.fixture
def quotable(db: Database) -> Database:
    """Forty answers, two of them in words and settled; attributed by region."""
    texts = [NAMING, "The posts are empty.", "The weather."]
    release(db, [{"kind": "yes", "issues": text} for text in [*texts, *[""] * 37]])
    put(db, attribution={"who": "Police survey respondent", "by": ["region"]})
    code(db, "a", {NAMING: "money", texts[1]: "staff", texts[2]: NOTHING})
    return db


def test_quotations_are_chosen_redacted_attributed_and_cleared(quotable: Database):
    sheet = coding.quoting_sheet(quotable, "tiny-1", "issues", NAMES)
    assert set(words_of(sheet, "Quotations")) == {NAMING, "The posts are empty."}, "only what carries a theme"
    found = clear(quotable, {NAMING: {"Quote under": "money"}})
    assert found == [
        ("Money", "[organisation] lost its grant. Two posts went with it.", "Police survey respondent, North")
    ]
    assert clear(quotable, {NAMING: {"Words to print": "… Two posts went …"}}) == [
        ("Money", "… Two posts went …", "Police survey respondent, North")
    ]
    assert clear(quotable, {NAMING: {"Quote under": None}}) == [], "the sheet holds all quotations"


def test_words_that_may_identify_must_be_judged_by_somebody(quotable: Database):
    named = {NAMING: {"Quote under": "money", "Words to print": NAMING}}
    row = (
        7 if words_of(coding.quoting_sheet(quotable, "tiny-1", "issues", NAMES), "Quotations")[0] == NAMING else 8
    )
    assert problems(lambda: clear(quotable, named)) == [
        (
            f"Quotations!D{row}: it may identify somebody: Ambridge 7 (organisation); "
            f"take it out, or write 1 into Quotations!H{row} when you have judged it"
        )
    ]
    assert coding.quotations(quotable, "tiny-1", "issues") == []
    named[NAMING]["Read"] = 1
    assert clear(quotable, named)[0][1] == NAMING


def test_an_editor_cannot_slip_a_name_into_brackets(quotable: Database):
    words = "[Ambridge 7] lost its grant."
    told = problems(lambda: clear(quotable, {NAMING: {"Quote under": "money", "Words to print": words}}))
    assert "it may identify somebody: Ambridge 7 (organisation)" in told[0]


def test_what_was_not_said_and_themes_that_are_not_there_are_told(quotable: Database):
    told = problems(
        lambda: clear(quotable, {NAMING: {"Quote under": "staff", "Words to print": "We lost everything."}})
    )
    assert [one.partition(": ")[2].partition(";")[0] for one in told] == [
        "the answer does not carry “staff”",
        "it holds what was not said, or nothing",
    ]


def test_a_region_with_few_answers_is_not_named(db: Database):
    release(db, [{"kind": "yes", "issues": "The grant."}, *[{"kind": "yes", "issues": ""}] * 14])
    put(db, attribution={"who": "Respondent", "by": ["region"]})
    code(db, "a", {"The grant.": "money"})
    assert clear(db, {"The grant.": {"Quote under": "money"}}) == [("Money", "The grant.", "Respondent")]


def test_nobody_is_quoted_from_a_handful(db: Database):
    release(db, [{"kind": "yes", "issues": "The grant."}, *[{"kind": "yes", "issues": ""}] * 8])
    put(db)
    code(db, "a", {"The grant.": "money"})
    with pytest.raises(SurveyError, match="9 have answered; quotations need a group of at least 10"):
        coding.quoting_sheet(db, "tiny-1", "issues", NAMES)


def test_quotations_as_a_table_by_theme_in_the_order_of_the_codeframe(quotable: Database):
    clear(quotable, {"The posts are empty.": {"Quote under": "staff"}, NAMING: {"Quote under": "money"}})
    book = openpyxl.load_workbook(io.BytesIO(coding.quotations_file(quotable, "tiny-1", "issues", ".xlsx")))
    rows = [[cell.value for cell in row] for row in book["Quotations"]]
    assert rows[-3] == ["Theme", "Quotation", "Attributed to"]
    assert [row[0] for row in rows[-2:]] == ["Money", "Staff"]
    written = json.loads(coding.quotations_file(quotable, "tiny-1", "issues", ".json"))
    assert [q["theme"] for q in written["quotations"]] == ["Money", "Staff"]
    with pytest.raises(SurveyError, match="is not a kind of file; end the name in"):
        coding.quotations_file(quotable, "tiny-1", "issues", ".pdf")


def test_quotations_go_when_the_rules_of_attribution_change(quotable: Database):
    clear(quotable, {NAMING: {"Quote under": "money"}})
    found = put(quotable, version="2", attribution={"who": "Somebody"})
    assert found.lost == 1
    assert coding.quotations(quotable, "tiny-1", "issues") == []


# ── interviews: linked words ─────────────────────────────────────────────────

ROLES = ("police", "gp", "council")


def interviews() -> dict[str, Any]:
    roles = [{"code": code, "label": code.title()} for code in ROLES]
    first = [make_question("single", "role", options=roles), make_question("single", "consent")]
    return make_document(first, [make_question("text", "talk", linked=True, max_length=100)])


@pytest.fixture
def interviewed(db: Database) -> Database:
    """36 interviews: 18 with the police, 15 with GPs, 3 with councils; one GP does not want to be quoted."""
    said = ["police"] * 18 + ["gp"] * 15 + ["council"] * 3
    rows = [
        {"role": role, "consent": "no" if i == 20 else "yes", "talk": f"{role} grant {i}"}
        for i, role in enumerate(said)
    ]
    release(db, rows, interviews())
    put(
        db,
        questions=["talk"],
        attribution={"who": "Interview", "by": ["role"]},
        quote_if={"question": "consent", "is": "yes"},
    )
    given = {said.answer: frozenset(["money"]) for said in coding.answers(db, "tiny-1", "issues")}
    coding.code(db, "tiny-1", "issues", {"a": given})
    return db


def test_themes_by_role(interviewed: Database):
    found = coding.themes(interviewed, "tiny-1", "talk", by="role")
    assert found.by_group(1) == {
        "council": (3, {"money": 3, "staff": 0}),
        "gp": (15, {"money": 15, "staff": 0}),
        "police": (18, {"money": 18, "staff": 0}),
    }
    assert set(found.by_group(10)) == {"", "police"}, "the councils hide among the GPs"
    assert set(coding.themes(interviewed, "tiny-1", "talk", by="region").groups) == {"North", "South"}


def test_excerpts_by_role_leave_out_whoever_did_not_agree(interviewed: Database):
    offered = words_of(coding.quoting_sheet(interviewed, "tiny-1", "issues", NAMES), "Quotations")
    assert len(offered) == 35
    assert "gp grant 20" not in offered
    clear(
        interviewed,
        {words: {"Quote under": "money"} for words in ("police grant 1", "gp grant 19", "council grant 34")},
    )
    found = coding.quotations(interviewed, "tiny-1", "issues", by_attribution=True)
    assert [(q.attribution, q.words) for q in found] == [
        ("Interview", "council grant 34"),
        ("Interview", "gp grant 19"),
        ("Interview, Police", "police grant 1"),
    ]


def test_words_kept_apart_have_no_role(wave: Database):
    with pytest.raises(SurveyError, match="answers to issues are not known by 'kind'; use one of: region"):
        coding.themes(wave, "tiny-1", "issues", by="kind")
    with pytest.raises(NotFound, match="tiny-1 has no codeframe for 'kind'; use one of: issues"):
        coding.themes(wave, "tiny-1", "kind")


def test_the_columns_of_an_uncoded_question_say_so(wave: Database):
    found = coding.themes(wave, "tiny-1", "issues")
    assert (found.mentions.shape, found.unsettled, found.responses) == ((5, 2), 5, 40)
    assert set(found.cells) <= {"North", "South"}


def test_a_question_without_a_settled_answer_has_no_table(wave: Database):
    assert coding.coded(wave, "tiny-1") == {}
    code(wave, "a", {TEXTS[0]: "money"})
    (found,) = coding.coded(wave, "tiny-1").values()
    assert (found.question, found.counts, found.unsettled) == ("issues", {"money": 1, "staff": 0}, 4)


def test_what_cannot_be_given_is_not_stored(wave: Database):
    answer = coding.answers(wave, "tiny-1", "issues")[0].answer
    for codes in ({"weather"}, set(), {NOTHING, "money"}):
        with pytest.raises(ValueError, match="cannot be given"):
            coding.code(wave, "tiny-1", "issues", {"a": {answer: frozenset(codes)}})
    with pytest.raises(ValueError, match="cannot be given"):
        coding.settle(wave, "tiny-1", "issues", {("issues", b"0" * 16): frozenset(["money"])})
    assert standing(wave) == (0, 0, 5)
