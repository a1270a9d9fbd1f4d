"""The sums that a reader knows: they hold for the answers, and they find what hangs together."""

from collections.abc import Iterator
from random import Random

import pytest

from surveyapp.analysis.dataset import Dataset
from surveyapp.analysis.derived import Derived, with_derived
from surveyapp.analysis.disclosure.equivalences import equivalences
from surveyapp.analysis.disclosure.figures import read_figures
from surveyapp.analysis.disclosure.linking import ANSWERED, REST, Links, System, normal
from surveyapp.analysis.tables import NO_ANSWER, UNASKED, Slice, Table
from surveyapp.analysis.tabulation import Layout, tabulate
from surveyapp.instrument.model import Condition
from tests.core.disclosing import who
from tests.core.test_dataset import make_dataset
from tests.makers import make_instrument, make_question

PARTS = [{"code": code, "label": code.upper()} for code in ("a", "b", "c")]
INTO = [{"code": "ab", "label": "A or B", "of": ["a", "b"]}, {"code": "rest", "label": "C", "of": ["c"]}]
DERIVED = [Derived.model_validate({"id": "part", "label": "Part", "recode": "region", "into": INTO})]
FAMILIES = {"m": frozenset({"0", "1"})}


def make_data(seed: int, n: int = 60) -> Dataset:
    """Answers drawn at random, some left out: region, kind, q (asked of kind a and b), a multiple and a grid."""
    asked = {"question": "kind", "in": ["a", "b"]}
    questions = [make_question("single", name, options=PARTS) for name in ("region", "kind")]
    questions.append(make_question("single", "q", options=PARTS, show_if=asked))
    questions += [make_question("multiple", "m", options=PARTS), make_question("grid", "g")]
    chance = Random(seed)
    answers = []
    for _ in range(n):
        answer = {name: chance.choice("aabc") for name in ("region", "kind", "q") if chance.random() < 0.9}
        answer["m"] = [code for code in "abc" if chance.random() < 0.4]
        answers.append(answer | {f"g.{row}": chance.choice(["more", "same"]) for row in ("police", "health")})
    return with_derived(make_dataset(make_instrument(questions), *answers), DERIVED)


def make_tables(data: Dataset) -> list[Table]:
    """All the ways in which tables can hang together."""
    here = Condition.model_validate({"question": "kind", "is": "a"})
    asked = [
        ("q", Layout(nets={"Any": ["a", "b"]}, by=[["region"]])),
        ("q", Layout(by=[["region", "kind"]])),
        ("q", Layout(by=[["m"]], where=here)),
        ("m", Layout(nets={"Either": ["a", "b"]}, by=[["region"], ["kind"]])),
        ("m", Layout(base="asked")),
        ("g", Layout()),
        ("g.police", Layout(by=[["region"]], base="responded")),
        ("region", Layout(exclude=["c"])),
        ("q", Layout(where=here)),
        ("q", Layout(by=[["part"]])),
        ("part", Layout(by=[["kind"]])),
    ]
    return [tabulate(data, name, str(i), "A table", layout) for i, (name, layout) in enumerate(asked)]


def true(slice_: Slice, data: Dataset, links: Links | None) -> int:
    """How many really are in a slice of the equations."""
    conditions = set()
    for name, codes in slice_:
        if name in FAMILIES:
            answered = {"0", "1"} if ANSWERED in codes else set()
            conditions.add((f"{name}.a", frozenset(answered | (codes - {ANSWERED}))))
        elif codes == {REST} and links is not None:
            every = {*data.variables[name.split("+")[0]].codes}
            every |= set() if name.startswith("m.") else {NO_ANSWER, UNASKED}
            conditions.add((name, frozenset(every.difference(*links.classes[name]))))
        else:
            conditions.add((name, codes))
    return int(data.members(frozenset(conditions)).sum())


def every_equation(data: Dataset, links: Links) -> Iterator[tuple[float, float]]:
    system = links.system(frozenset(), links.values)
    numbers = [true(slice_, data, links) for slice_ in system.unknowns]
    for equation in system.equations:
        slack = [factor for place, factor in equation.terms if place >= len(numbers)]
        left = sum(factor * numbers[place] for place, factor in equation.terms if place < len(numbers))
        yield (left, equation.total) if not slack else (min(left, 0.0), 0.0)


@pytest.mark.parametrize("seed", range(4))
def test_every_sum_holds_for_the_answers(seed: int):
    data = make_data(seed)
    figures = read_figures(make_tables(data))
    values = dict(figures.counts)
    for domain in figures.domains.values():
        values |= {domain.who: domain.n} | domain.missing | domain.whole
    assert {slice_: n for slice_, n in values.items() if true(slice_, data, None) != n} == {}
    same = equivalences(DERIVED, data)
    assert (("q", UNASKED) in same, ("part", "ab") in same) == (True, True)
    links = Links(values, figures.families, same)
    assert figures.families == FAMILIES
    assert links.twins
    checked = list(every_equation(data, links))
    assert len(checked) > 100
    assert all(left == total for left, total in checked)


def unknowns(values: dict[Slice, int], *hidden: Slice) -> System:
    return Links(values, FAMILIES).system(frozenset(values) - set(hidden), hidden)


def test_a_hidden_figure_stands_in_the_sum_of_its_row_and_of_its_column():
    values = {who(): 9, **{who(q=a): 3 for a in "xyz"}, **{who(r=b): 3 for b in "uvw"}}
    values |= {who(q=a, r=b): 1 for a in "xyz" for b in "uvw"}
    system = unknowns(values, who(q="x", r="u"))
    assert system.unknowns == (who(q="x", r="u"),)
    assert [equation.total for equation in system.equations] in ([-1.0, -1.0], [1.0, 1.0])


def test_what_no_figure_names_keeps_a_line_open():
    values = {who(): 9, who(q="x"): 3, who(q="y"): 3}
    system = unknowns(values, who(q="x"))
    assert set(system.unknowns) == {who(q="x"), who(q=REST)}


def test_having_answered_one_option_is_having_answered_the_question():
    answered = frozenset({("m.a", frozenset({"0", "1"}))})
    assert (
        normal(answered, FAMILIES)
        == normal(frozenset({("m.b", frozenset({"0", "1"}))}), FAMILIES)
        == who(m=ANSWERED)
    )
    assert normal(answered | {("m.b", frozenset({"1"}))}, FAMILIES) == frozenset({("m.b", frozenset({"1"}))})


def test_two_conditions_on_one_variable_are_one():
    assert normal(who(q="a,b") | who(q="b,c"), {}) == who(q="b")
