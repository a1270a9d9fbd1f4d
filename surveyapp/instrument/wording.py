"""How two wordings differ: layout, what is filled in, dates that moved, or words; and how much that may matter.

A comparison of texts can say that words changed, never that the meaning did. English only where it looks at the
meaning of a word: months, negations, opposites.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import chain
from typing import Any, Literal

Effect = Literal["comparable", "note", "breaks"]
Kind = Literal[
    "markup", "translation", "piping", "reference period moved", "real rewording",
    "option text", "option set", "scale", "exclusive", "specify",
    "routing", "repeat", "type", "unit", "bounds", "bands", "order", "mode", "concept",
    "position", "required", "linked", "interviewer", "renamed",
]  # fmt: skip

SLIGHT = 0.75
"""The share of words (difflib's ratio) that must stand for a rewording to be slight."""

RELATED = 0.4
"""Below this share the label of a code is taken for another label."""


@dataclass(frozen=True)
class Wording:
    """How two wordings in one language differ.

    `alike` is the share of words that stand; `turned` says why a change is not slight all the same.
    """

    kind: Kind
    before: str
    after: str
    alike: float = 1.0
    turned: str = ""
    language: str = ""

    @property
    def effect(self) -> Effect:
        """What the change may do to a trend."""
        return "note" if self.turned or self.alike < SLIGHT else "comparable"

    @property
    def in_hand(self) -> bool:
        """A moved period too: answers about one year would be read as about the next."""
        return self.effect != "comparable" or self.kind == "reference period moved"

    @property
    def label_effect(self) -> Effect:
        """A label is what a code means, so more hangs on it."""
        breaks = self.kind == "real rewording" and (self.turned or self.alike < RELATED)
        return "breaks" if breaks else self.effect

    @property
    def said(self) -> str:
        """What happened, to go after the name of the text."""
        where = f" in {self.language}" if self.language else ""
        if self.kind != "real rewording":
            why = _SAID[self.kind] + (f", {self.turned}" if self.turned else "")
            return f"{where}: {why}"
        kept = f"{self.alike:.0%} of the words stand" + (f", {self.turned}" if self.turned else "")
        return f"{where} reworded, judge by eye ({kept})"


_SAID: dict[str, str] = {
    "translation": "in another language",
    "markup": "only layout, punctuation or case",
    "piping": "only what is filled in",
    "reference period moved": "only the dates",
}


def wording_between(old: str, new: str, names: Mapping[str, str]) -> Wording | None:
    """The least that tells two wordings apart: layout, what is filled in, dates, or words."""
    if old == new:
        return None
    if tokens(old) == tokens(new) != ():
        return Wording("markup", old, new)
    bare_old, bare_new, exchanged = _PIPE.sub(" ", old), _PIPE.sub(" ", new), _exchanged(old, new, names)
    if tokens(bare_old) == tokens(bare_new) and (bare_old, bare_new) != (old, new):
        return Wording("piping", old, new, turned=exchanged)
    found = _period_or_words(bare_old, bare_new)
    return replace(found, before=old, after=new, turned=found.turned or exchanged)


_PIPE = re.compile(r"\{(answers|unit)\.([a-z0-9_.]+)\}", re.ASCII)


def _exchanged(old: str, new: str, names: Mapping[str, str]) -> str:
    def pipes(text: str, names: Mapping[str, str]) -> Counter[str]:
        return Counter(
            f"{match[1]}.{new_name(match[2], names) if match[1] == 'answers' else match[2]}"
            for match in _PIPE.finditer(text)
        )

    before, after = pipes(old, names), pipes(new, {})
    return "another fact is filled in" if before - after and after - before else ""


def _period_or_words(old: str, new: str) -> Wording:
    (masked_old, dates_old), (masked_new, dates_new) = _masked(old), _masked(new)
    if not dates_old or tokens(masked_old) != tokens(masked_new):
        return _rewording(words(masked_old) or [*old], words(masked_new) or [*new])
    if _one_distance(dates_old, dates_new):
        return Wording("reference period moved", "", "")
    alike = similarity(words(old), words(new))
    return Wording("real rewording", "", "", alike, "the dates moved by different distances")


# ── words ────────────────────────────────────────────────────────────────────

_TOKEN = re.compile(r"\{[a-z0-9_.]+\}|(?:(?<!\w)-)?\d+(?:[./:-]\d+)*|[^\W\d_]+|[^\w\s]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019\u2018\u02bc](?=\w)")
_DASH = re.compile("[\u2010-\u2015\u2212]")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)\s*-\s*(?=\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def tokens(text: str) -> tuple[str, ...]:
    """The words, numbers and signs with a meaning (£, %, +) of a text, without layout, case and punctuation."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    text = _BETWEEN_DIGITS.sub("-", _DASH.sub("-", _APOSTROPHE.sub("", text)))
    return tuple(token for token in _TOKEN.findall(_THOUSANDS.sub("", text)) if _is_said(token))


def _is_said(token: str) -> bool:
    return len(token) > 1 or token.isalnum() or token in "%&@#/" or unicodedata.category(token) in _SIGNS


_SIGNS = {"Sm", "Sc", "So"}


def words(text: str) -> list[str]:
    """Its words, with "don't" and "cannot" written out and numbers up to twelve in digits."""
    return list(chain.from_iterable(_written_out(token) for token in tokens(text)))


def _written_out(token: str) -> tuple[str, ...]:
    if token in _NUMBERS:
        return (str(_NUMBERS.index(token) + 2),)
    return _CONTRACTED.get(token, (token,))


_NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_STEMS = ["do", "does", "did", "is", "are", "was", "were", "has", "have", "had", "could", "would", "should"]
_CONTRACTED = {f"{stem}nt": (stem, "not") for stem in _STEMS}
_CONTRACTED |= {"cannot": ("can", "not"), "cant": ("can", "not"), "wont": ("will", "not")}

MAX_COMPARED = 300
"""Texts with more words are compared without regard to their order, which is quick."""


def similarity(old: Sequence[str], new: Sequence[str]) -> float:
    """The share of words that stand, from 0 to 1."""
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return matcher.ratio() if max(len(old), len(new)) <= MAX_COMPARED else matcher.quick_ratio()


def _rewording(old: Sequence[str], new: Sequence[str]) -> Wording:
    return Wording("real rewording", "", "", similarity(old, new), _turned(old, new))


def _turned(old: Sequence[str], new: Sequence[str]) -> str:
    """Why a small change may be a large one: a number, a unit of time, a "not", an opposite; English only."""
    gone, came = Counter(old) - Counter(new), Counter(new) - Counter(old)
    for word in (*came, *gone):
        if _TURNING.fullmatch(word):
            return f'"{word}" {"came in" if word in came else "went"}'
    pairs = ((a, b) for a in gone for b in came if _opposite(a, b))
    return next((f'"{a}" became "{b}"' for a, b in pairs), "")


_TURNING = re.compile(
    r"-?\d.*|not?|never|none|n?either|nor|without|except|excluding|including|only|unless|all|some|every|least|most"
    "|hours?|days?|weeks?|months?|quarters?|years?|(?:hour|dai|week|month|quarter|year|annual)ly"
)


def _pairs(words: str) -> set[frozenset[str]]:
    return {frozenset(pair.split("/")) for pair in words.split()}


_OPPOSITES = _pairs(
    "increase/decrease increases/decreases increased/decreased more/less more/fewer up/down better/worse "
    "higher/lower high/low rise/fall rises/falls before/after over/under above/below good/poor good/bad "
    "strong/weak often/rarely yes/no always/never true/false start/stop start/end begin/end past/next "
    "last/next first/last previous/next male/female men/women inside/outside own/other and/or"
)
_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "mis")


def _opposite(a: str, b: str) -> bool:
    return frozenset((a, b)) in _OPPOSITES or any(a == p + b or b == p + a for p in _PREFIXES)


# ── dates in a text ──────────────────────────────────────────────────────────

_YEAR = r"(?:19|20)\d\d"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"(?<![\w£$€.,])(?:(?P<iso>{_YEAR}-\d\d)-\d\d|(?P<span>{_YEAR}\s?[/\u2013\u2014-]\s?(?:{_YEAR}|\d\d))"
    rf"|(?:(?P<day>{_DAY})\s+)?(?P<month>{_MONTH})(?:\s+(?P<later>{_DAY})(?!\d))?(?:,?\s+(?P<year>{_YEAR}))?"
    rf"|(?P<alone>{_YEAR}))(?![\w%]|[.,]\d)"
)
_BEFORE_A_MONTH = re.compile(
    r"\b(?:in|since|until|till|by|from|to|and|of|last|next|this|between|before|after|for|or)\s+$", re.IGNORECASE
)


_Dates = list[tuple[bool, int]]
"""The dates of a text in months: counted from year 0, or (False) from January if there is no year."""


def _masked(text: str) -> tuple[str, _Dates]:
    """A text with its dates made alike, and the dates. A month alone counts after "in", "since" and the like."""
    dates: _Dates = []

    def mask(match: re.Match[str]) -> str:
        if match["month"] and match["year"] is None:
            if not (match["day"] or match["later"] or _BEFORE_A_MONTH.search(text[: match.start()])):
                return match[0]
            dates.append((False, _month(match["month"])))
            return " {month} "
        dates.extend((True, month) for month in _in_months(match))
        return " {span} " if match["span"] else " {year} " if match["alone"] else " {date} "

    return _DATE.sub(mask, text), dates


def _month(name: str) -> int:
    return "janfebmaraprmayjunjulaugsepoctnovdec".index(name[:3].lower()) // 3


def _in_months(match: re.Match[str]) -> list[int]:
    if match["iso"]:
        year, month = match["iso"].split("-")
        return [int(year) * 12 + int(month) - 1]
    if match["month"]:
        return [int(match["year"]) * 12 + _month(match["month"])]
    first = (match["span"] or match["alone"])[:4]
    last = match["span"][-4:] if match["span"] else first
    last = last if last.isdigit() else first[:2] + last[-2:]
    return [int(first) * 12, int(last) * 12]


def _one_distance(old: _Dates, new: _Dates) -> bool:
    """Whether all dates moved alike, so that a period kept its length."""
    pairs = list(zip(old, new, strict=False))
    if [dated for dated, _ in old] != [dated for dated, _ in new]:
        return False
    years = {b - a for (dated, a), (_, b) in pairs if dated}
    return len(years) <= 1 and len({(b - a) % 12 for (_, a), (_, b) in pairs}) <= 1


def new_name(operand: Any, names: Mapping[str, str]) -> Any:
    """What an operand of the old version is called in the new one; a number stays as it is."""
    if not isinstance(operand, str):
        return operand
    name, dot, row = operand.partition(".")
    return names.get(name, name) + dot + row
