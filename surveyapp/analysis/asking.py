"""What a plan may ask for: the shape of the files in `exports/`. See `plans` for what makes one fit a survey."""

from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from surveyapp.analysis.dataset import STRATUM
from surveyapp.analysis.derived import Derived
from surveyapp.analysis.estimation.weights import Method
from surveyapp.analysis.tabulation import Layout
from surveyapp.documents import WAVE
from surveyapp.instrument.model import Condition, Id, Part, Text

TableId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]{0,24}$")]

WaveName = Annotated[str, StringConstraints(pattern=WAVE)]

Banner = list[str | Annotated[list[str], Field(min_length=1, max_length=3)]]


class Entry(Part):
    """One table of a plan. Without `title` it is called by the question's wording.

    It is of a `question`, or of the themes given to the answers of an open one (`coded`).
    """

    id: TableId
    question: str | None = Field(
        None, description="A question, question.row for one row of a grid, or a derived variable."
    )
    coded: str | None = Field(None, description="An open question: the themes of its codeframe are counted.")
    title: Text | None = None
    nets: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(default_factory=dict)
    show: Literal["all", "codes", "nets"] = "all"
    sort: Literal["questionnaire", "descending"] = "questionnaire"
    at_least: Annotated[int, Field(ge=0, le=100)] | None = None
    rows: Annotated[list[str], Field(min_length=1)] | None = None
    top: Annotated[int, Field(ge=1, le=200)] | None = Field(None, description="Keep so many rows, join the rest.")
    other: Text = Field(Text("Other"), description="What the rest is called.")
    net_rounding: Literal["unrounded", "sum_of_rounded"] = "unrounded"
    by: Annotated[Banner, Field(max_length=20)] = Field(
        default_factory=list,
        description="The banner: variables and strata beside each other, lists of them nested.",
    )
    total: bool = Field(
        True, description="Whether a banner has a column of everybody; not for what is never pooled."
    )
    where: Condition | None = Field(None, description="Leaves out those who do not meet it.")
    base: Literal["frame", "issued", "responded", "complete", "asked", "answered"] | None = None
    per: Literal["respondents", "answers"] = "respondents"
    percent_of: Literal["column", "row", "total"] = "column"
    exclude: list[str] = Field(default_factory=list, description="Codes that are left out of the base.")
    score: dict[str, float] | None = Field(None, description="A number for each code; the mean is added.")
    bands: list[float] = Field(default_factory=list, description="Lower bounds that a number is tabulated by.")
    margins: bool | None = Field(None, description="Errors and intervals; else as the plan says.")
    tests: bool = Field(False, description="Letters for differences between the columns of the banner.")
    bounds: bool = Field(False, description="What could be, had all who are silent said the one or the other.")
    transpose: bool = False
    sensitive: bool = Field(False, description="Stricter disclosure control.")
    waves: Annotated[list[WaveName], Field(min_length=1, max_length=20)] | None = Field(
        None, description="Earlier waves to compare with: a trend, oldest first."
    )
    audiences: Annotated[list[WaveName], Field(min_length=1, max_length=10)] | None = Field(
        None, description="Waves of other surveys that ask the same concept, side by side."
    )
    notes: list[Text] = Field(default_factory=list)

    @property
    def subject(self) -> str:
        """What the table is of: a closed question or an open one."""
        return self.question or self.coded or ""

    def layout(self, margins: bool = False, level: float = 0.95, strata: Collection[str] = ()) -> Layout:
        """How the table is arranged; `margins` and `level` are the plan's, `strata` the names that mean one."""
        return Layout(
            nets=self.nets,
            show=self.show,
            sort=self.sort,
            at_least=self.at_least,
            rows=self.rows,
            sum_of_rounded=self.net_rounding == "sum_of_rounded",
            top=self.top,
            other=str(self.other),
            by=tuple(
                tuple(variable(name, strata) for name in ([one] if isinstance(one, str) else one))
                for one in self.by
            ),
            total=self.total,
            where=with_strata(self.where, strata),
            exclude=self.exclude,
            base=self.base or "answered",
            per=self.per,
            percent_of=self.percent_of,
            score=self.score,
            margins=margins if self.margins is None else self.margins,
            level=level,
            tests=self.tests,
            bounds=self.bounds,
            transpose=self.transpose,
            bands=self.bands,
        )


def variable(name: str, strata: Collection[str]) -> str:
    """The variable that a plan means by a name: a stratum may be called without `unit.` before it."""
    return f"{STRATUM}{name}" if name in strata else name


def with_strata(condition: Condition | None, strata: Collection[str]) -> Condition | None:
    """The same condition with the full names of strata."""
    if condition is None:
        return None
    changes: dict[str, object] = {}
    if condition.question is not None:
        changes["question"] = variable(condition.question, strata)
    for part in ("all_", "any_"):
        if parts := getattr(condition, part):
            changes[part] = [with_strata(each, strata) for each in parts]
    if condition.not_ is not None:
        changes["not_"] = with_strata(condition.not_, strata)
    return condition.model_copy(update=changes)


class Weights(Part):
    """How answers are weighted to the frame: exactly one of stratify, poststratify, rake names the strata."""

    stratify: Annotated[list[Id], Field(min_length=1)] | None = None
    poststratify: Annotated[list[Id], Field(min_length=1)] | None = None
    rake: Annotated[list[Id], Field(min_length=1)] | None = None
    trim: Annotated[list[float], Field(min_length=2, max_length=2)] | None = Field(
        None, description="The smallest and the largest weight, as shares of the mean weight: [0.3, 3]."
    )

    @property
    def methods(self) -> "dict[Method, list[str]]":
        """The strata by method: one, if the plan is right."""
        named: dict[Method, list[str] | None] = {
            "stratify": self.stratify,
            "poststratify": self.poststratify,
            "rake": self.rake,
        }
        return {method: strata for method, strata in named.items() if strata is not None}


class Plan(Part):
    """Which tables make a workbook, in their order, and in which style."""

    schema_: str | None = Field(None, alias="$schema")
    survey: Id
    title: Text
    style: Literal["default", "as-printed-2012"] = "default"
    unit: Text = Text("respondents")
    weights: Weights | None = None
    margins: bool = Field(
        False, description="Whether tables have errors and intervals, unless they say otherwise."
    )
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    population: Annotated[int, Field(ge=1)] | None = Field(
        None, description="How many there are, where the frame does not say: in a wave open to anyone."
    )
    derive: Annotated[list[Derived], Field(max_length=200)] = Field(default_factory=list)
    where: Condition | None = Field(None, description="Leaves respondents out of every table.")
    notes: list[Text] = Field(default_factory=list)
    tables: Annotated[list[Entry], Field(min_length=1, max_length=1000)]

    def layout(self, entry: Entry, strata: Collection[str] = ()) -> Layout:
        """How a table is arranged, with what holds for the whole plan."""
        layout = entry.layout(self.margins, self.level, strata)
        everywhere = with_strata(self.where, strata)
        if everywhere is None or layout.where is None:
            return replace(layout, where=layout.where or everywhere)
        return replace(layout, where=Condition.model_construct(all_=[everywhere, layout.where]))
