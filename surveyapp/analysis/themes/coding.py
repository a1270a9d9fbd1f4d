"""Coded open answers: how far coders agree, what is settled, themes as columns, words that may be quoted.

An answer may be given several themes, so agreement is reckoned theme by theme: each is given or not by either
coder. Chance is taken off by Cohen's kappa; where nothing varies there is no kappa, and it is said so.
"""

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from surveyapp import privacy
from surveyapp.analysis.themes.codeframes import Codeframe, Codes
from surveyapp.identifying import Finding

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Key = TypeVar("Key", bound=Hashable)
"""What names one open answer."""


# ── agreement ────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ThemeAgreement:
    """One theme over the answers that two coders have coded: given by both, by one only, by neither."""

    code: str
    label: str
    both: int
    first: int
    second: int
    neither: int

    @property
    def n(self) -> int:
        """Answers that both have coded."""
        return self.both + self.first + self.second + self.neither

    @property
    def observed(self) -> float:
        """The share of answers on which they agree, 0 to 1; `n` must not be 0."""
        return (self.both + self.neither) / self.n

    @property
    def expected(self) -> float:
        """The share on which they would agree by chance, 0 to 1; `n` must not be 0."""
        return self._chance / self.n**2

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa; None where both coders gave the theme to all answers or to none."""
        beyond = self.n**2 - self._chance
        return (self.n * (self.both + self.neither) - self._chance) / beyond if beyond else None

    @property
    def _chance(self) -> int:
        given = (self.both + self.first) * (self.both + self.second)
        return given + (self.neither + self.first) * (self.neither + self.second)


@dataclass(frozen=True)
class PairAgreement:
    """Two coders: `n` answers coded by both, on `same` of which they gave exactly the same themes."""

    first: str
    second: str
    n: int
    same: int
    themes: tuple[ThemeAgreement, ...]

    @property
    def pooled(self) -> float | None:
        """Kappa of all themes together: observed and expected agreement are averaged first, then compared.

        Rare themes hardly move it, where the mean of kappas gives each theme the same weight. None where no
        theme varies.
        """
        if not self.n or all(theme.kappa is None for theme in self.themes):
            return None
        expected = sum(theme.expected for theme in self.themes)
        return (sum(theme.observed for theme in self.themes) - expected) / (len(self.themes) - expected)

    @property
    def mean(self) -> float | None:
        """The mean of the kappas that there are; None where there is none."""
        known = [theme.kappa for theme in self.themes if theme.kappa is not None]
        return sum(known) / len(known) if known else None


def agreement(frame: Codeframe, coders: Mapping[str, Mapping[Key, Codes]]) -> list[PairAgreement]:
    """Every two coders, on the answers that both have coded.

    An answer marked as uncodable, or with nothing to code, has no theme; whether the marks are the same shows in
    `same`. Nets are left out: they would count an agreement twice.
    """
    return [_pair(frame, one, other, coders) for one, other in combinations(sorted(coders), 2)]


def _pair(frame: Codeframe, one: str, other: str, coders: Mapping[str, Mapping[Key, Codes]]) -> PairAgreement:
    first, second = coders[one], coders[other]
    pairs = [(codes, second[key]) for key, codes in first.items() if key in second]
    themes = tuple(_theme(code, frame.labels[code], pairs) for code in frame.coded)
    return PairAgreement(one, other, len(pairs), sum(mine == yours for mine, yours in pairs), themes)


def _theme(code: str, label: str, pairs: Iterable[tuple[Codes, Codes]]) -> ThemeAgreement:
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for mine, yours in pairs:
        counts[code in mine, code in yours] += 1
    return ThemeAgreement(code, label, *counts.values())


def describe(pairs: Sequence[PairAgreement]) -> str:
    """The agreement for people, a line a theme."""
    return "\n\n".join("\n".join(_described(pair)) for pair in pairs)


def _described(pair: PairAgreement) -> Iterable[str]:
    yield f"{pair.first} and {pair.second}: {pair.n:,} answers coded by both, the same themes on {pair.same:,}"
    if not pair.n:
        return
    width = max(6, *(len(theme.code) for theme in pair.themes))
    yield f"{'theme':<{width}}   kappa    both   {pair.first[:12]:>12} {pair.second[:12]:>12}  neither"
    for theme in pair.themes:
        counts = f"{theme.both:>6}   {theme.first:>12} {theme.second:>12} {theme.neither:>8}"
        yield f"{theme.code:<{width}}  {_shown(theme.kappa):>6}  {counts}"
    flat = sum(theme.kappa is None for theme in pair.themes)
    yield f"{'pooled':<{width}}  {_shown(pair.pooled):>6}"
    yield f"{'mean':<{width}}  {_shown(pair.mean):>6}"
    if flat:
        share = f"{flat} of {len(pair.themes)} themes"
        yield f"none: given to every answer or to no answer, so there is no kappa ({share})"


def _shown(kappa: float | None) -> str:
    return "none" if kappa is None else f"{kappa:.2f}"


def as_json(pairs: Sequence[PairAgreement]) -> list[dict[str, Any]]:
    """The agreement for scripts, at full precision; a kappa that there is not is null."""
    return [
        {
            "coders": [pair.first, pair.second],
            "answers": pair.n,
            "same": pair.same,
            "pooled": pair.pooled,
            "mean": pair.mean,
            "themes": [_theme_json(theme) for theme in pair.themes],
        }
        for pair in pairs
    ]


def _theme_json(theme: ThemeAgreement) -> dict[str, Any]:
    counts = {"both": theme.both, "first": theme.first, "second": theme.second, "neither": theme.neither}
    return {"code": theme.code, "label": theme.label, "kappa": theme.kappa, **counts}


# ── settling ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Dispute:
    """An answer that somebody must decide: what each coder gave it, and old themes left open by a new version."""

    given: Mapping[str, Codes]
    again: Codes = frozenset()

    @property
    def agreed(self) -> Codes:
        """What all of them gave."""
        return frozenset.intersection(*self.given.values())

    @property
    def open(self) -> Codes:
        """What some gave and others did not."""
        return frozenset.union(*self.given.values()) - self.agreed


@dataclass(frozen=True)
class Settlement(Generic[Key]):
    """What every answer is settled on, what is in dispute, and what nobody has coded.

    `once` counts the answers that one coder alone has coded: they are settled on that, where several coders share
    the work and double-code a part of it.
    """

    settled: Mapping[Key, Codes]
    disputed: Mapping[Key, Dispute]
    uncoded: tuple[Key, ...]
    once: int


def settle(
    keys: Iterable[Key],
    coders: Mapping[str, Mapping[Key, Codes]],
    decisions: Mapping[Key, Codes],
    again: Mapping[Key, Codes],
) -> Settlement[Key]:
    """The settled coding: what all who coded an answer gave it, or what a third person decided.

    `again` names, for answers carried over from an older version of the codeframe, the themes that it split or
    ended; such an answer is in dispute until it is coded anew or decided.
    """
    settled: dict[Key, Codes] = {}
    disputed: dict[Key, Dispute] = {}
    uncoded: list[Key] = []
    once = 0
    for key in keys:
        dispute = Dispute(
            {coder: codes[key] for coder, codes in coders.items() if key in codes}, again.get(key, _NONE)
        )
        once += len(dispute.given) == 1 and len(coders) > 1
        if key in decisions:
            settled[key] = decisions[key]
        elif not dispute.given:
            uncoded.append(key)
        elif dispute.open or dispute.again:
            disputed[key] = dispute
        else:
            settled[key] = dispute.agreed
    return Settlement(settled, disputed, tuple(uncoded), once)


_NONE: Codes = frozenset()


# ── themes as columns ────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ThemeColumns:
    """The settled themes of one open question: a row an answer, in no order, a column a theme, nets included.

    `mentions[i, j]` is 1 where answer i carries theme `codes[j]`. `cells` and `groups` hold, for each row, its
    stratum cell and the group asked for ("" if unknown). Bases: `responses` is all who sent the questionnaire, the
    rows are those who wrote something; `unsettled` of them are uncoded or in dispute and carry nothing yet.
    The report of 2012 takes all who answered as the base of "who mentions it"; a share of those who wrote is
    larger and says something else. Respondents may carry several themes, so shares do not add up to 100.
    """

    codeframe: Codeframe
    question: str
    cells: tuple[str, ...] = field(repr=False)
    groups: tuple[str, ...] = field(repr=False)
    mentions: "npt.NDArray[np.uint8]" = field(repr=False)
    responses: int
    unsettled: int

    @property
    def codes(self) -> tuple[str, ...]:
        """The theme of each column, in the order of the codeframe."""
        return tuple(theme.code for theme in self.codeframe.themes)

    @property
    def counts(self) -> dict[str, int]:
        """How many answers carry each theme."""
        return dict(zip(self.codes, self.mentions.sum(axis=0, dtype="int64").tolist(), strict=True))

    def by_group(self, at_least: int) -> "dict[str, tuple[int, dict[str, int]]]":
        """Of each group, the answers and how many carry each theme; groups under `at_least` are one, called "".

        The group "" is itself never under `at_least`, unless there are fewer answers than that.
        """
        import numpy as np  # here, for a web worker starts without it

        labels = np.array(privacy.blanked(self.groups, at_least), dtype=object)
        found = {}
        for group in sorted(set(labels.tolist())):
            rows = self.mentions[labels == group]
            sums = rows.sum(axis=0, dtype=np.int64).tolist()
            found[group] = (len(rows), dict(zip(self.codes, sums, strict=True)))
        return found


def theme_columns(
    frame: Codeframe,
    question: str,
    answers: Sequence[tuple[str, str, Codes | None]],
    responses: int,
) -> ThemeColumns:
    """Columns from the cell, the group and the settled codes of each answer; None is not settled."""
    import numpy as np

    numbers = {theme.code: j for j, theme in enumerate(frame.themes)}
    mentions = np.zeros((len(answers), len(numbers)), dtype=np.uint8)
    for i, (_, _, codes) in enumerate(answers):
        for code in frame.with_nets(codes or _NONE):
            if code in numbers:
                mentions[i, numbers[code]] = 1
    return ThemeColumns(
        codeframe=frame,
        question=question,
        cells=tuple(cell for cell, _, _ in answers),
        groups=tuple(group for _, group, _ in answers),
        mentions=mentions,
        responses=responses,
        unsettled=sum(codes is None for _, _, codes in answers),
    )


# ── quotations ───────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Quotation:
    """Words that may be printed: under which theme, and whom they are attributed to."""

    theme: str
    words: str = field(repr=False)
    attribution: str


def redacted(words: str, findings: Iterable[Finding]) -> str:
    """`words` with a mark such as [organisation] in place of whatever may identify somebody."""
    for finding in sorted(findings, key=lambda f: f.start, reverse=True):
        words = f"{words[: finding.start]}[{finding.kind}]{words[finding.end :]}"
    return words


def is_faithful(printed: str, said: str) -> bool:
    """Whether `printed` holds nothing that was not said, in that order.

    Omissions (… or ...) and what stands in square brackets are the editor's; all else must be in `said`, word for
    word.
    """
    rest = _even(said)
    for piece in map(_even, re.split(r"\[[^\[\]]*\]|…|\.\.\.", printed)):
        found = _whole_words(piece).search(rest)
        if found is None:
            return False
        rest = rest[found.end() :]
    return bool(re.search(r"\w", re.sub(r"\[[^\[\]]*\]", "", printed)))


def _whole_words(piece: str) -> re.Pattern[str]:
    """`piece` where it does not begin or end within a word."""
    begins, ends = r"(?<!\w)" * bool(re.match(r"\w", piece)), r"(?!\w)" * bool(re.search(r"\w$", piece))
    return re.compile(begins + re.escape(piece) + ends)


def _even(text: str) -> str:
    """One kind of blank, of quotation mark and of dash: what spreadsheets and editors exchange."""
    return " ".join(text.translate(_MARKS).split())


_MARKS = str.maketrans("‘’“”–—\u2011", "''\"\"---")

Group = tuple[str, ...]


def safe_groups(groups: Collection[Group], at_least: int) -> dict[Group, Group]:
    """How much of its group each respondent may be attributed to: all of it, or its first parts, or ().

    `groups` holds that of every respondent, the widest part first. Whoever reads an attribution knows that it is
    not a narrower one, so at least `at_least` must share not only the parts, but also their being cut there.
    """
    safe: dict[Group, Group] = {}
    waiting = list(groups)
    for depth in range(max(map(len, groups), default=0), 0, -1):
        marks = [_mark(group[:depth]) if all(group[:depth]) else "" for group in waiting]
        shown = privacy.blanked(marks, at_least)
        safe |= {group: group[:depth] for group, mark in zip(waiting, shown, strict=True) if mark}
        waiting = [group for group, mark in zip(waiting, shown, strict=True) if not mark]
    return safe | dict.fromkeys(waiting, ())


def _mark(parts: Group) -> str:
    return "\0".join(parts)


def attribution(frame: Codeframe, group: Group, label: Callable[[str, str], str]) -> str:
    """Who, and each part by its `label(name, code)`: `Police survey respondent, South East`."""
    parts = zip(frame.attribution.by, group, strict=False)
    return ", ".join([str(frame.attribution.who), *(label(name, code) for name, code in parts)])
