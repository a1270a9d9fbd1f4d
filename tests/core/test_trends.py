"""The same question in several waves: what goes on, what breaks, and what may be said of the change."""

import json
from dataclasses import replace

import pytest

from surveyapp.analysis.asking import Plan
from surveyapp.analysis.columns import read_part
from surveyapp.analysis.dataset import assemble
from surveyapp.analysis.report import Source, WaveFacts, compile_report
from surveyapp.analysis.tables import Table
from surveyapp.instrument import Instrument
from surveyapp.problems import Refused
from tests.makers import make_instrument, make_question

SCALE = [{"code": c, "label": c.upper()} for c in ("up", "same", "down")]


def make_wave(name: str, instrument: Instrument, *answers: dict, frame: int = 200) -> Source:
    lines = [json.dumps(given) for given in answers]
    data = assemble(instrument, [read_part(instrument, [""] * len(lines), lines)])
    facts = WaveFacts(name, True, "2012-01-09", "2012-03-31", (), {"": frame}, frame, "0" * 64)
    return Source(data, facts)


def make_version(version: str, *questions: dict, survey: str = "tiny") -> Instrument:
    return make_instrument(list(questions), version=version, survey=survey)


def make_trend(latest: Source, *others: Source, **entry: object) -> Table:
    plan = {"survey": "tiny", "title": "T", "tables": [{"id": "1", "question": "q"} | entry]}
    if "audiences" not in entry:
        plan["tables"][0] |= {"waves": [other.facts.wave for other in others]}
    report = compile_report(
        Plan.model_validate(plan), latest.data, latest.facts, others={o.facts.wave: o for o in others}
    )
    return report.tables[0].table


def printed(table: Table) -> dict[str, list[str]]:
    return {row.code: [cell.printed for cell in row.cells] for row in table.rows}


def half(code: str, other: str, n: int = 40) -> list[dict]:
    return [{"q": code}] * (n // 2) + [{"q": other}] * (n // 2)


FIRST = make_version("1", make_question("single", "q", options=SCALE))


def test_a_trend_has_a_column_a_wave_and_the_change_in_points_with_its_margin():
    before = make_wave("one", FIRST, *half("up", "same"))
    after = make_wave("two", FIRST, *[{"q": "up"}] * 30, *[{"q": "down"}] * 10)
    made = make_trend(after, before)
    assert [(c.label, c.base.n if c.base else None) for c in made.columns] == [
        ("one", 40),
        ("two", 40),
        ("one to two, points", None),
    ]
    assert printed(made) == {"up": ["50", "75", "25"], "same": ["50", "0", "-50"], "down": ["0", "25", "25"]}
    change = made.rows[0].cells[2]
    assert 0 < change.low < 25 < change.high


def test_two_censuses_have_a_change_without_a_margin_of_error():
    before = make_wave("one", FIRST, *half("up", "same"), frame=40)
    after = make_wave("two", FIRST, *half("up", "down"), frame=40)
    change = make_trend(after, before).rows[1].cells[2]
    assert (change.value, change.low, change.high) == (-50, -50, -50)


def test_a_verdict_breaks_the_line_by_itself_and_says_why():
    wider = [*SCALE, {"code": "more", "label": "MORE"}]
    new = make_version("2", make_question("single", "q", options=wider, ordinal=True))
    old = make_version("1", make_question("single", "q", options=SCALE, ordinal=True))
    made = make_trend(make_wave("two", new, *half("up", "more")), make_wave("one", old, *half("up", "down")))
    assert printed(made) == {
        "up": ["50", "50", "[b]"],
        "same": ["0", "0", "[b]"],
        "down": ["50", "0", "[b]"],
        "more": ["[x]", "50", "[b]"],
    }
    assert made.notes[0].startswith("The series breaks between one and two: scale: ")


def test_an_option_that_came_later_is_not_available_before_and_never_nought():
    new = make_version("2", make_question("single", "q", options=[*SCALE, {"code": "other", "label": "OTHER"}]))
    made = make_trend(make_wave("two", new, *half("up", "other")), make_wave("one", FIRST, *half("up", "same")))
    assert printed(made)["other"] == ["[x]", "50", "[x]"]
    assert printed(made)["up"] == ["50", "50", "0"]
    assert made.notes[0].startswith("Between one and two the question changed, not what it means: option set")


def test_a_question_is_followed_under_its_old_name():
    old = make_version("1", make_question("single", "before", options=SCALE))
    new = make_version("2", make_question("single", "q", options=SCALE, was="before"))
    before = make_wave("one", old, *[{"before": "up"}] * 40)
    made = make_trend(make_wave("two", new, *half("up", "same")), before)
    assert printed(made)["up"] == ["100", "50", "-50"]


def test_a_question_that_was_not_asked_before_has_an_empty_column():
    old = make_version("1", make_question("single", "else"))
    made = make_trend(make_wave("two", FIRST, *half("up", "same")), make_wave("one", old, {"else": "yes"}))
    assert printed(made)["up"] == ["[x]", "50", "[x]"]


def test_what_a_wave_may_not_print_no_trend_prints():
    small = make_wave("one", FIRST, *half("up", "same", n=8))
    made = make_trend(make_wave("two", FIRST, *half("up", "same")), small)
    assert printed(made)["up"] == ["[c]", "50", "[x]"]


def test_audiences_stand_side_by_side_by_their_concept_and_are_never_added_up():
    mine = make_version("1", make_question("single", "q", options=SCALE, concept="staffing"))
    theirs = make_version(
        "9",
        make_question("single", "p", options=[*SCALE[:2], {"code": "x", "label": "X"}], concept="staffing"),
        survey="police",
    )
    forces = make_wave("forces", theirs, *[{"p": "up"}] * 30)
    made = make_trend(make_wave("teams", mine, *half("up", "down")), forces, audiences=["forces"])
    assert [(c.label, c.base.n) for c in made.columns] == [("forces", 30), ("teams", 40)]
    assert printed(made) == {"up": ["100", "50"], "same": ["0", "0"], "down": ["[x]", "50"], "x": ["0", "[x]"]}


def test_a_filter_that_an_earlier_wave_may_not_know_is_refused():
    before = make_wave("one", FIRST, *half("up", "same"))
    with pytest.raises(Refused, match="leaves respondents out"):
        make_trend(before, make_wave("zero", FIRST, *half("up", "same")), where={"question": "q", "is": "up"})


WIDER = [{"code": c, "label": c.upper()} for c in ("up_lot", "up", "same")]


def test_a_net_over_audiences_takes_the_codes_of_each():
    mine = make_version("1", make_question("single", "q", options=SCALE, concept="staffing"))
    theirs = make_version("9", make_question("single", "p", options=WIDER, concept="staffing"), survey="police")
    forces = make_wave("forces", theirs, *[{"p": "up_lot"}] * 20, *[{"p": "up"}] * 10, *[{"p": "same"}] * 10)
    teams = make_wave("teams", mine, *half("up", "down"))
    nets = {"More": ["up", "up_lot"], "Less": ["down"]}
    made = make_trend(teams, forces, audiences=["forces"], nets=nets, show="nets")
    assert printed(made) == {"More": ["75", "50"], "Less": ["[x]", "50"]}


def test_a_net_over_audiences_of_a_code_that_nobody_offers_is_refused():
    mine = make_version("1", make_question("single", "q", options=SCALE, concept="staffing"))
    theirs = make_version("9", make_question("single", "p", options=WIDER, concept="staffing"), survey="police")
    waves = make_wave("teams", mine, *half("up", "down")), make_wave("forces", theirs, *[{"p": "up"}] * 30)
    with pytest.raises(Refused, match="none of the questionnaires has a code"):
        make_trend(*waves, audiences=["forces"], nets={"More": ["up", "upp"]})


def test_a_filter_of_audiences_is_of_the_wave_itself_and_said_in_a_note():
    mine = make_version(
        "1", make_question("single", "q", options=SCALE, concept="staffing"), make_question("single", "kind")
    )
    theirs = make_version("9", make_question("single", "p", options=SCALE, concept="staffing"), survey="police")
    teams = make_wave("teams", mine, *[{"q": "up", "kind": "yes"}] * 20, *[{"q": "down", "kind": "no"}] * 20)
    forces = make_wave("forces", theirs, *[{"p": "down"}] * 30)
    made = make_trend(teams, forces, audiences=["forces"], where={"question": "kind", "is": "yes"})
    assert [column.base.n for column in made.columns if column.base] == [30, 20]
    assert printed(made) == {"up": ["0", "100"], "same": ["0", "0"], "down": ["100", "0"]}
    assert made.where == ""
    assert "Of teams, only those are counted of whom this holds: “What about kind?” is Yes." in made.notes


def test_rows_that_are_picked_are_picked_of_every_wave():
    made = make_trend(
        make_wave("two", FIRST, *half("up", "same")),
        make_wave("one", FIRST, *half("up", "down")),
        rows=["same", "up"],
    )
    assert list(printed(made)) == ["same", "up"]


def test_a_plan_that_leaves_out_whom_an_earlier_wave_does_not_know_is_refused():
    new = make_version("2", make_question("single", "q", options=SCALE), make_question("single", "kind"))
    after = make_wave("two", new, *[{"q": "up", "kind": "yes"}] * 40)
    before = make_wave("one", FIRST, *half("up", "same"))
    plan = Plan.model_validate(
        {
            "survey": "tiny",
            "title": "T",
            "where": {"question": "kind", "is": "yes"},
            "tables": [{"id": "1", "question": "q", "waves": ["one"]}],
        }
    )
    with pytest.raises(Refused, match="leaves respondents out by kind, which one does not know"):
        compile_report(plan, after.data, after.facts, others={"one": before})


# ── weights ──────────────────────────────────────────────────────────────────

UNEVEN = {"North": 100, "South": 100}


def make_regional(name: str, north: int, south: int, version: Instrument = FIRST, cells: bool = True) -> Source:
    """A wave in which the North says up, and the South down; the frame has as many of each."""
    regions = ["North"] * north + ["South"] * south if cells else [""] * (north + south)
    key = next(iter(version.questions))
    lines = [json.dumps({key: "up"})] * north + [json.dumps({key: "down"})] * south
    data = assemble(version, [read_part(version, regions, lines)], ("region",) if cells else ())
    carry, frame = (("region",), UNEVEN) if cells else ((), {"": 200})
    return Source(data, WaveFacts(name, True, "2012-01-09", "2012-03-31", carry, frame, 200, "0" * 64))


def weighted(latest: Source, *others: Source, **entry: object) -> Table:
    names = [other.facts.wave for other in others]
    compared = {} if "audiences" in entry else {"waves": names}
    plan = {
        "survey": "tiny",
        "title": "T",
        "weights": {"poststratify": ["region"]},
        "tables": [{"id": "1", "question": "q"} | compared | entry],
    }
    found = Plan.model_validate(plan)
    sources = {other.facts.wave: other for other in others}
    return compile_report(found, latest.data, latest.facts, others=sources).tables[0].table


def test_earlier_waves_are_weighted_as_the_last_one_is_each_to_its_own_frame():
    """Of forty, thirty answered in the North before and ten do now: nobody has changed their mind."""
    before, now = make_regional("one", 30, 10), make_regional("two", 10, 30)
    made = weighted(now, before)
    assert printed(made)["up"] == ["50", "50", "0"]
    assert [column.base.weighted_n for column in made.columns[:2] if column.base] == [40, 40]
    assert printed(make_trend(now, before))["up"] == ["75", "25", "-50"]


def test_what_must_be_said_of_an_earlier_wave_s_weights_is_said():
    blanked = make_regional("one", 30, 10)
    data = assemble(
        FIRST, [read_part(FIRST, ["North"] * 30 + [""] * 10, [json.dumps({"q": "up"})] * 40)], ("region",)
    )
    made = weighted(make_regional("two", 10, 30), replace(blanked, data=data))
    said = " ".join(note for note in made.notes if note.startswith("In one: "))
    assert "stand for the 100 units of the cells that no other answer is seen in" in said


def test_a_wave_that_cannot_be_weighted_so_is_not_compared_with():
    before = make_regional("one", 30, 10, cells=False)
    with pytest.raises(Refused, match="one cannot be weighted as this wave is: “region” does not go") as refused:
        weighted(make_regional("two", 20, 20), before)
    assert refused.value.problems[0].do == 'leave "weights" or the comparison out'


def test_other_audiences_are_not_weighted_and_a_note_says_so():
    mine = make_version("1", make_question("single", "q", options=SCALE, concept="staffing"))
    theirs = make_version("9", make_question("single", "p", options=SCALE, concept="staffing"), survey="police")
    forces = make_regional("forces", 30, 10, theirs)
    made = weighted(make_regional("teams", 30, 10, mine), forces, audiences=["forces"])
    assert printed(made)["up"] == ["75", "50"]
    assert "The answers of teams are weighted, the others are not." in made.notes
