"""Sets of answers that add up to the printed tables of the 2012 survey: a reconstruction, never data.

The real answers of 2012 are not known. What is known are the printed percentages and the counts that lie
behind them (`figures/dat-2012.json`). `reconstruct` invents 65 sets of answers which meet every one of those
counts and bases exactly; who answers what within them says nothing about any team. It goes in four steps:

1. Blanks. As many teams leave an item blank as its base asks for. 61 teams answer at least 80% of the closed
   items (AAPOR's complete), the others stop earlier (partial), so that late questions lose them first.
2. One choice (singles and rows of a grid). The codes are dealt out in the numbers given, to teams ordered by
   how easy their resources are, by how well they are connected, or by chance; so funding goes with
   staff time, and working together next year with working together now.
3. Several choices. Everybody who answers first gets one tick, then the other ticks are placed; options that
   contradict each other are not given to one team.
4. Own words. Invented sentences (`figures/open-answers.json`), one for each theme that a team carries, with
   the themes in the numbers of the coded tables.

All chance comes from one generator with the seed given: same seed, same answers.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle
from math import ceil
from typing import Annotated, Literal

from pydantic import Field

from surveyapp.demonstration.teams import seeded
from surveyapp.documents import Model, read_document, read_model
from surveyapp.instrument.model import Part
from surveyapp.problems import Refused

Answers = dict[str, str | list[str]]

COMPLETE = 0.8
"""AAPOR: a questionnaire with at least this share of its questions answered is complete."""

_NOISE = 0.7
_LEANING = {
    "funding_level": "ease",
    "staff_time": "ease",
    "engagement_now": "ties",
    "decision_making": "ties",
    "public_health_knowledge": "ties",
}
_CLOSENESS = {"lot": 2, "little": 1, "none": 0}
_DECREASES = ("decrease_little", "decrease_lot")
CONTRADICTIONS = (
    ("start_12m", "in_process", "would_like"),
    ("drugs_up", "drugs_down"),
    ("alcohol_up", "alcohol_down"),
)
"""Codes of a multiple that nobody means together."""


# ── the printed figures ──────────────────────────────────────────────────────


class Fieldwork(Part):
    """How many were asked and answered."""

    issued: int
    completed: int
    response_rate_percent: int
    largest_base: int


class Point(Part):
    """One point of a grid's scale."""

    code: str
    label: str


class PrintedOption(Part):
    """An option with its printed percentage and the count behind it."""

    code: str
    label: str
    published: int
    count: int
    note: str | None = None


class PrintedRow(Part):
    """A row of a grid: a percentage and a count for each point of the scale, on a base of its own."""

    code: str
    label: str
    base: int
    published: list[int]
    counts: list[int]
    note: str | None = None


class ChoiceTable(Part):
    """The table of a question with one or several choices."""

    kind: Literal["single", "multiple"]
    id: str
    topic: str
    base: int
    options: list[PrintedOption]


class GridTable(Part):
    """The table of a grid."""

    kind: Literal["grid"]
    id: str
    topic: str
    scale: list[Point]
    rows: list[PrintedRow]


class PrintedTheme(Part):
    """A theme of a coded table."""

    label: str
    published: int
    count: int


class CodedTable(Part):
    """A derived table: themes of an open question. `printed_base` is what the page says, where it errs."""

    kind: Literal["coded"]
    id: str
    title: str
    base: int
    printed_base: int | None = None
    rows: list[PrintedTheme]


class SortedTable(Part):
    """A derived table: a question in another order."""

    kind: Literal["sorted"]
    id: str
    title: str
    of: str
    order: str


class Claim(Part):
    """A net that the running text states, as a percentage or in words."""

    of: str
    net: list[str]
    published: int | None = None
    published_words: str | None = None


class NetTable(Part):
    """A derived table of nets, or the nets that the text claims."""

    kind: Literal["net"]
    id: str
    rounding: str
    title: str | None = None
    of: str | None = None
    net: list[str] = Field(default_factory=list)
    show: str | None = None
    order: str | None = None
    rows: list[str] = Field(default_factory=list)
    published: dict[str, int] = Field(default_factory=dict)
    claims: list[Claim] = Field(default_factory=list)


class VerbatimTable(Part):
    """A derived table of quotations."""

    kind: Literal["verbatim"]
    id: str
    title: str
    printed: int


Table = Annotated[ChoiceTable | GridTable, Field(discriminator="kind")]
Derived = Annotated[CodedTable | SortedTable | NetTable | VerbatimTable, Field(discriminator="kind")]


@dataclass(frozen=True)
class Item:
    """One closed item, a question or a row of a grid: its answer key and how often each code is chosen."""

    key: str
    base: int
    counts: Mapping[str, int]
    multiple: bool = False

    @property
    def question(self) -> str:
        """The question it belongs to."""
        return self.key.partition(".")[0]


class Figures(Part):
    """The whole file of printed figures."""

    source: str
    fieldwork: Fieldwork
    reading: list[str]
    tables: list[Table]
    derived: list[Derived]

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """All closed items in the order of the questionnaire."""
        return tuple(item for table in self.tables for item in _items(table))

    def themes(self, table: str) -> dict[str, int]:
        """How many carry each theme of a coded table, by the theme's label."""
        coded = {derived.id: derived for derived in self.derived if isinstance(derived, CodedTable)}
        return {row.label: row.count for row in coded[table].rows}


def _items(table: ChoiceTable | GridTable) -> list[Item]:
    if isinstance(table, ChoiceTable):
        counts = {option.code: option.count for option in table.options}
        return [Item(table.id, table.base, counts, multiple=table.kind == "multiple")]
    codes = [point.code for point in table.scale]
    return [
        Item(f"{table.id}.{row.code}", row.base, dict(zip(codes, row.counts, strict=True))) for row in table.rows
    ]


# ── the invented sentences ───────────────────────────────────────────────────


class Theme(Part):
    """A theme of an open question and ways to say it; `likely_if` lists codes, the likeliest first."""

    code: str
    label: str
    sentences: list[str]
    likely_if: dict[str, list[str]] = Field(default_factory=dict)

    def distance(self, answers: Mapping[str, str | list[str]]) -> int:
        """How badly the theme fits these answers; 0 is best."""
        return sum(_rank(codes, answers.get(key, [])) for key, codes in self.likely_if.items())


def _rank(codes: Sequence[str], given: str | list[str]) -> int:
    """The place of the first of `codes` that was given, or the place after the last."""
    chosen = [given] if isinstance(given, str) else given
    return next((place for place, code in enumerate(codes) if code in chosen), len(codes))


class OpenQuestion(Part):
    """How many write something, their themes, and sentences for those who carry none.

    `coded` gives themes to sentences of the last kind, where no count of them was printed.
    """

    writers: int
    table: str | None = None
    themes: list[Theme] = Field(default_factory=list)
    other: list[str]
    coded: dict[str, list[str]] = Field(default_factory=dict)

    @property
    def sentences(self) -> list[str]:
        """All that may be said, theme by theme, then what carries none."""
        return [*(sentence for theme in self.themes for sentence in theme.sentences), *self.other]

    def themes_in(self, text: str) -> list[str]:
        """The codes of the themes whose sentences stand in a text: what a coder would give it."""
        by_theme = {theme.code: theme.sentences for theme in self.themes} | self.coded
        return [code for code, sentences in by_theme.items() if any(sentence in text for sentence in sentences)]


class OpenAnswers(Part):
    """Everything invented in words: by open question, and by option (`team_type.other`) that asks for words."""

    about: str
    questions: dict[str, OpenQuestion]
    words: dict[str, list[str]]


def read_figures(content: bytes) -> Figures:
    """The figures in a JSON file. Raises `Refused` with everything that is wrong."""
    return _read(Figures, content)


def read_open_answers(content: bytes) -> OpenAnswers:
    """The invented sentences in a JSON file. Raises `Refused` with everything that is wrong."""
    return _read(OpenAnswers, content)


def _read(model: type[Model], content: bytes) -> Model:
    found, problems = read_model(model, read_document(content))
    if found is None:
        raise Refused(problems)
    return found


# ── the reconstruction ───────────────────────────────────────────────────────


@dataclass(eq=False)
class _Team:
    """A respondent that never was: how easy its resources are, how close its ties, and its answers."""

    ease: float
    ties: float
    answers: Answers = field(default_factory=dict)


def reconstruct(figures: Figures, open_answers: OpenAnswers, seed: int) -> list[Answers]:
    """As many sets of answers as the largest base, which together give every printed count.

    Keys as in `instrument.model.answer_keys`; a list in the order of the options for several choices; what is
    not answered has no key.
    """
    rng = seeded(seed)
    teams = [_Team(rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(figures.fieldwork.largest_base)]
    blanks = _blanks(figures, rng)
    for item in figures.items:
        answering = [team for number, team in enumerate(teams) if number not in blanks[item.key]]
        (_tick if item.multiple else _choose)(item, answering, rng)
    _specify(open_answers.words, teams)
    complete = [team for team in teams if completeness(team.answers, figures) >= COMPLETE]
    for key, question in open_answers.questions.items():
        counts = figures.themes(question.table) if question.table else {}
        _write(key, question, counts, complete, rng)
    return [team.answers for team in teams]


def completeness(answers: Mapping[str, str | list[str]], figures: Figures) -> float:
    """The share, from 0 to 1, of the closed items that were answered; each row of a grid counts as one."""
    return sum(item.key in answers for item in figures.items) / len(figures.items)


def _blanks(figures: Figures, rng: random.Random) -> dict[str, set[int]]:
    """Who leaves each item blank.

    From the last item to the first, those with the most blanks still to give leave it; this meets all bases
    and all of `_blanks_each` if anything can (Gale and Ryser), and makes those who break off miss the end.
    """
    left = _blanks_each(figures, rng)
    blanks = {}
    for item in reversed(figures.items):
        order = sorted(range(len(left)), key=lambda number: (-left[number], rng.random()))
        blanks[item.key] = set(order[: len(left) - item.base])
        for number in blanks[item.key]:
            left[number] -= 1
    return blanks


def _blanks_each(figures: Figures, rng: random.Random) -> list[int]:
    """How many items each team leaves blank: few for a complete one, over a fifth for a partial one."""
    teams, items = figures.fieldwork.largest_base, len(figures.items)
    few = items - ceil(items * COMPLETE)
    partial = rng.sample(range(teams), teams - figures.fieldwork.completed)
    blanks = [rng.randint(few + 2, items // 2 - 2) if team in partial else 0 for team in range(teams)]
    for _ in range(sum(teams - item.base for item in figures.items) - sum(blanks)):
        blanks[rng.choice([team for team in range(teams) if blanks[team] < few])] += 1
    return blanks


def _choose(item: Item, answering: Sequence[_Team], rng: random.Random) -> None:
    """Deal the codes out, in the order of the scale; don't know, which comes last, goes by chance."""
    unsure = rng.sample(answering, item.counts.get("dont_know", 0))
    sure = [team for team in answering if team not in unsure]
    order = _by_ties_now if item.question == "engagement_next" else _by_leaning
    codes = Counter(item.counts).elements()
    for team, code in zip([*order(item, sure, rng), *unsure], codes, strict=True):
        team.answers[item.key] = code


def _by_leaning(item: Item, teams: Sequence[_Team], rng: random.Random) -> list[_Team]:
    """Those who lean to the first code first, loosely; by chance where nothing leans."""
    leaning = _LEANING.get(item.question)
    if leaning is None:
        return rng.sample(teams, len(teams))
    return sorted(teams, key=lambda team: rng.gauss(getattr(team, leaning), _NOISE), reverse=True)


def _by_ties_now(item: Item, teams: Sequence[_Team], rng: random.Random) -> list[_Team]:
    """Those who work little together now expect an increase, loosely; what hardly exists cannot decrease."""
    now = item.key.replace("engagement_next", "engagement_now")
    closeness = {team: _CLOSENESS.get(str(team.answers.get(now)), 1) + rng.uniform(0, 1.5) for team in teams}
    order = sorted(teams, key=closeness.__getitem__)
    could = [team for team in order if team.answers.get(now) != "none"]
    last = could[len(could) - sum(item.counts[code] for code in _DECREASES) :]
    return [team for team in order if team not in last] + last


def _tick(item: Item, answering: Sequence[_Team], rng: random.Random) -> None:
    """One tick for everybody who answers, then the others, rather to those whose resources are tight."""
    left = Counter(item.counts)
    ticked: dict[_Team, set[str]] = {}
    for team in rng.sample(answering, len(answering)):
        (code,) = rng.choices(list(left), weights=list(left.values()))
        ticked[team] = {code}
        left[code] -= 1
    for code, count in left.items():
        free = [team for team in answering if _may_tick(code, ticked[team])]
        for team in sorted(free, key=lambda team: rng.gauss(team.ease, 1))[:count]:
            ticked[team].add(code)
    for team in answering:
        team.answers[item.key] = [code for code in item.counts if code in ticked[team]]


def _may_tick(code: str, ticked: set[str]) -> bool:
    barred = {other for options in CONTRADICTIONS if code in options for other in options}
    return ticked.isdisjoint({code, *barred})


def _specify(words: Mapping[str, Sequence[str]], teams: Sequence[_Team]) -> None:
    """Words for everyone who chose an option that asks for them."""
    for option, sentences in words.items():
        key, code = option.split(".")
        said = cycle(sentences)
        for team in teams:
            if code in team.answers.get(key, []):
                team.answers[f"{option}.text"] = next(said)


def _write(
    key: str, question: OpenQuestion, counts: Mapping[str, int], teams: Sequence[_Team], rng: random.Random
) -> None:
    """An open answer for those whom its themes fit best: a sentence a theme, or one of another kind."""
    order = rng.sample(teams, len(teams))
    writers = sorted(order, key=lambda team: sum(theme.distance(team.answers) for theme in question.themes))
    said: dict[_Team, list[str]] = {team: [] for team in writers[: question.writers]}
    for theme in question.themes:
        carriers = _carriers(theme, said, rng)[: counts[theme.label]]
        for team, sentence in zip(carriers, cycle(theme.sentences), strict=False):
            said[team].append(sentence)
    other = cycle(question.other)
    for team, sentences in said.items():
        team.answers[key] = " ".join(sentences or [next(other)])


def _carriers(theme: Theme, said: Mapping[_Team, Sequence[str]], rng: random.Random) -> list[_Team]:
    """Those who write, in the order in which a theme suits them; who has said less goes first among equals."""
    order = rng.sample(list(said), len(said))
    return sorted(order, key=lambda team: (theme.distance(team.answers), len(said[team])))
