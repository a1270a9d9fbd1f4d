"""The reconstructed answers of 2012 meet every printed count, and fit the questionnaire and the frame."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp.demonstration.reconstruction import (
    Answers,
    completeness,
    read_figures,
    read_open_answers,
    reconstruct,
)
from surveyapp.demonstration.teams import invented_teams, responding
from surveyapp.documents import read_document, read_model
from surveyapp.instrument.model import Grid, Instrument, OpenText, answer_keys, choices
from surveyapp.problems import Refused

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "surveyapp/demonstration/figures"
PRINTED = json.loads((FOLDER / "dat-2012.json").read_bytes())
FIGURES = read_figures((FOLDER / "dat-2012.json").read_bytes())
SENTENCES = read_open_answers((FOLDER / "open-answers.json").read_bytes())
TABLES = {table["id"]: table for table in PRINTED["tables"]}
CODED = {table["id"]: table for table in PRINTED["derived"] if table["kind"] == "coded"}


@pytest.fixture(scope="module")
def answers() -> list[Answers]:
    return reconstruct(FIGURES, SENTENCES, seed=2012)


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    document = read_document((ROOT / "instruments/dat/2012.1.json").read_bytes())
    found, problems = read_model(Instrument, document)
    assert problems == []
    assert found is not None
    return found


def printed_cells() -> dict[str, tuple[int, dict[str, int]]]:
    """Base and counts by answer key, straight from the JSON."""
    cells = {}
    for table in PRINTED["tables"]:
        if table["kind"] == "grid":
            codes = [point["code"] for point in table["scale"]]
            for row in table["rows"]:
                cells[f"{table['id']}.{row['code']}"] = row["base"], dict(zip(codes, row["counts"], strict=True))
        else:
            cells[table["id"]] = table["base"], {option["code"]: option["count"] for option in table["options"]}
    return cells


def chosen(sets: list[Answers], key: str) -> Counter[str]:
    given = [answer[key] for answer in sets if key in answer]
    return Counter(code for one in given for code in (one if isinstance(one, list) else [one]))


def themes(sets: list[Answers], question: str) -> dict[str, int]:
    """How many texts hold a sentence of each theme, by the theme's label."""
    found = SENTENCES.questions[question]
    carried = Counter(code for one in sets for code in found.themes_in(str(one.get(question, ""))))
    return {theme.label: carried[theme.code] for theme in found.themes}


def test_there_are_as_many_sets_of_answers_as_the_largest_base(answers):
    assert len(answers) == 65


@pytest.mark.parametrize("key", printed_cells())
def test_base_and_counts_are_those_of_the_file(answers, key):
    base, counts = printed_cells()[key]
    assert sum(key in one for one in answers) == base
    assert {code: chosen(answers, key)[code] for code in counts} == counts
    assert chosen(answers, key).total() == sum(counts.values())


def test_whoever_answers_several_choices_ticks_at_least_one(answers):
    for key in ("funding_sources_changing", "recommissioning", "changes_observed"):
        assert all(one[key] for one in answers if key in one)


def test_61_are_complete_and_4_partial(answers):
    answered = [round(completeness(one, FIGURES) * 44) for one in answers]
    assert sum(number >= 36 for number in answered) == 61
    assert sum(22 <= number <= 35 for number in answered) == 4


def test_nobody_saw_drug_services_both_up_and_down(answers):
    assert not [one for one in answers if {"drugs_up", "drugs_down"} <= set(one.get("changes_observed", []))]


def test_nobody_expects_less_of_what_hardly_exists(answers):
    for row in TABLES["engagement_now"]["rows"]:
        none_now = [one for one in answers if one.get(f"engagement_now.{row['code']}") == "none"]
        expected = chosen(none_now, f"engagement_next.{row['code']}")
        assert expected["decrease_little"] + expected["decrease_lot"] == 0


def test_those_who_expect_a_major_decrease_in_funding_tend_to_lose_staff_time(answers):
    hit = [one for one in answers if one.get("funding_level.next_year") == "major_decrease"]
    losing = chosen(hit, "staff_time")
    assert losing["decrease_little"] + losing["major_decrease"] + losing["stop"] > len(hit) / 2


def test_the_same_seed_gives_the_same_answers():
    assert reconstruct(FIGURES, SENTENCES, seed=7) == reconstruct(FIGURES, SENTENCES, seed=7)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_another_seed_gives_other_answers_and_the_same_counts(answers, seed):
    others = reconstruct(FIGURES, SENTENCES, seed)
    assert others != answers or seed == 2012
    for key, (base, counts) in printed_cells().items():
        assert sum(key in one for one in others) == base
        assert {code: chosen(others, key)[code] for code in counts} == counts
    assert sum(completeness(one, FIGURES) >= 0.8 for one in others) == 61
    assert themes(others, "recovery_actions") == themes(answers, "recovery_actions")


# ── open answers ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("question", "table"), [("staffing_issues", "table_2"), ("recovery_actions", "table_4")])
def test_themes_come_out_as_in_the_coded_tables(answers, question, table):
    assert themes(answers, question) == {row["label"]: row["count"] for row in CODED[table]["rows"]}


@pytest.mark.parametrize(
    ("question", "writers"), [("staffing_issues", 24), ("recovery_actions", 60), ("support_wanted", 12)]
)
def test_so_many_write_something(answers, question, writers):
    assert sum(question in one for one in answers) == writers


def test_only_complete_answers_hold_open_ones(answers):
    partial = [one for one in answers if completeness(one, FIGURES) < 0.8]
    assert not [one for one in partial if SENTENCES.questions.keys() & one.keys()]


def test_themes_of_recovery_go_with_a_yes(answers):
    without = [one for one in answers if one.get("recovery_changes") != "yes"]
    assert set(themes(without, "recovery_actions").values()) == {0}


def test_every_theme_has_three_to_six_sentences():
    for question in SENTENCES.questions.values():
        assert all(3 <= len(theme.sentences) <= 6 for theme in question.themes)


def test_no_sentence_holds_another_or_starts_a_formula():
    sentences = [line for question in SENTENCES.questions.values() for line in question.other]
    sentences += [line for q in SENTENCES.questions.values() for theme in q.themes for line in theme.sentences]
    assert all(line[0].isupper() and line.endswith(".") for line in sentences)
    assert [line for line in sentences for other in sentences if line in other] == sentences


def test_words_stand_exactly_with_the_options_that_ask_for_them(answers):
    for one in answers:
        assert ("team_type.other.text" in one) == (one["team_type"] == "other")
        ticked = "other" in one.get("funding_sources_changing", [])
        assert ("funding_sources_changing.other.text" in one) == ticked


# ── the questionnaire ────────────────────────────────────────────────────────


def test_keys_and_codes_exist_in_the_instrument(answers, instrument):
    keys = {key: question for question in instrument.questions.values() for key in answer_keys(question)}
    for one in answers:
        assert one.keys() <= keys.keys()
        for key, answer in one.items():
            if not (isinstance(keys[key], OpenText) or key.endswith(".text")):
                codes = [option.code for option in choices(keys[key])]
                ticked = answer if isinstance(answer, list) else [answer]
                assert ticked == [code for code in codes if code in ticked]


def test_open_answers_fit_their_limit(answers, instrument):
    for question in instrument.questions.values():
        if isinstance(question, OpenText):
            assert all(len(one.get(question.id, "")) <= question.max_length for one in answers)


def test_the_instrument_asks_the_twelve_questions_of_the_file_in_its_order(instrument):
    closed = [question for question in instrument.questions.values() if not isinstance(question, OpenText)]
    assert [question.id for question in closed] == list(TABLES)
    for question in closed:
        table = TABLES[question.id]
        assert question.type == table["kind"]
        points = table["scale"] if isinstance(question, Grid) else table["options"]
        assert [option.code for option in choices(question)] == [point["code"] for point in points]
        if isinstance(question, Grid):
            assert [row.code for row in question.rows] == [row["code"] for row in table["rows"]]


# ── the frame ────────────────────────────────────────────────────────────────


def test_the_frame_has_142_teams_with_names_and_addresses_of_their_own():
    teams = invented_teams()
    assert len(teams) == 142
    for column in ("unit", "name", "email"):
        assert len({team[column] for team in teams}) == 142
    assert all(team["email"].endswith(".example") and team["language"] == "en" for team in teams)
    assert all(list(team) == list(teams[0]) for team in teams)
    assert teams == invented_teams()


def test_every_region_has_at_least_ten_teams_and_london_only_boroughs():
    teams = invented_teams()
    regions = Counter(team["region"] for team in teams)
    assert len(regions) == 9
    assert min(regions.values()) >= 10
    assert {team["kind"] for team in teams if team["region"] == "London"} == {"London borough"}
    assert not [team for team in teams if team["region"] != "London" and team["kind"] == "London borough"]


@pytest.mark.parametrize("seed", [1, 2012])
def test_65_teams_answer_and_at_least_five_of_every_region(seed):
    teams = invented_teams()
    units = responding(teams, seed)
    assert len(set(units)) == len(units) == 65
    assert min(Counter(team["region"] for team in teams if team["unit"] in units).values()) >= 5
    assert units == responding(teams, seed)
    assert units != responding(teams, seed + 1)


def test_figures_with_a_fault_are_refused():
    with pytest.raises(Refused, match='"tables" is missing'):
        read_figures(b'{"source": "a page"}')
