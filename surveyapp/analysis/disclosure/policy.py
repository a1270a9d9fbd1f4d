"""How far results may single anybody out: the policies of disclosure control and their thresholds."""

from dataclasses import dataclass
from typing import Literal

from surveyapp.analysis.disclosure.figures import is_national
from surveyapp.analysis.disclosure.linking import topics
from surveyapp.analysis.tables import Cell, Slice


@dataclass(frozen=True)
class Policy:
    """How far a release may single anybody out.

    "organisations": nothing on a base under `minimum_base`, no column of a breakdown on one under `smallest_group`
    whatever was promised, none under `minimum_base` where `confidential`ity was; no figure of a breakdown under
    `minimum_cell` (`sensitive_cell` for questions named in `sensitive`). "persons": 1 to 7 hidden, the rest
    rounded to 5. A hidden figure's limits, as far as a reader can find them, are `minimum_cell` or more apart.
    """

    name: Literal["organisations", "persons"] = "organisations"
    minimum_base: int = 10
    confidential: bool = True
    sensitive: frozenset[str] = frozenset()
    smallest_group: int = 5
    minimum_cell: int = 3
    sensitive_cell: int = 5
    reliable: int = 30

    def smallest_base(self, national: bool) -> int:
        """The smallest base that percentages are printed on."""
        if self.name == "persons":
            return max(self.minimum_base if national else 0, PERSONS_HIDDEN + 1)
        return self.minimum_base if national or self.confidential else self.smallest_group

    def smallest_cell(self, who: Slice) -> int:
        """The smallest count that is printed, but for nought."""
        if self.name == "persons":
            return PERSONS_HIDDEN + 1
        if is_national(who):
            return 1
        return self.room(who)

    def room(self, who: Slice) -> int:
        """How far apart the limits of a hidden figure must be."""
        return self.sensitive_cell if topics(who) & self.sensitive else self.minimum_cell


PERSONS_HIDDEN = 7
PERSONS_ROUNDED = 5
DOMINANCE = 0.1
QUANTILE_OF = 10
TOO_MUCH = 0.3

QUANTILES = frozenset({"lower", "median", "upper", "quartile", "decile", "percentile"})
EXTREMES = frozenset({"min", "max", "minimum", "maximum", "smallest", "largest", "range"})


def rule_of_amount(cell: Cell, measure: str) -> str:
    """Which rule for amounts hides a value, "" for none. Nothing is said of how many gave an amount."""
    if measure in EXTREMES:
        return "extreme"
    if cell.amounts is None or measure == "n":
        return ""
    made_of = cell.amounts
    if made_of.contributors < 3:
        return "contributors"
    if measure in QUANTILES:
        return "quantile" if made_of.contributors < QUANTILE_OF else ""
    rest = made_of.total - made_of.first - made_of.second
    return "dominance" if rest < DOMINANCE * made_of.first else ""
