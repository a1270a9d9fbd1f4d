"""Fieldwork without a database: the frame, its strata, a wave's name and last day, the response rate.

Values in, values out; days come in as arguments.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from surveyapp.documents import nearest
from surveyapp.problems import Problem, Refused

COLUMNS = ("unit", "name", "email", "contact", "language")
MAX_UNITS = 200_000
MAX_FIELD = 300
MAX_SERVICE = 100
MAX_CONTACT = 200
"""Characters of the name and of the contact that a wave's pages bear."""

_EMAIL = re.compile(
    r"(?=.{1,254}$)[\w!#$%&'*+/=^`{|}~-]+(\.[\w!#$%&'*+/=^`{|}~-]+)*@(?:[a-z0-9-]+\.)+[a-z0-9-]+", re.A | re.I
)
_LANGUAGE = re.compile("[a-z]{2}")


@dataclass(frozen=True)
class Unit:
    """One organisation of the frame. `email` is "" where no usable address is known; then it is not issued."""

    unit: str
    name: str
    email: str = ""
    contact: str = ""
    language: str = "en"
    strata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """The list of organisations and the names of its strata."""

    units: tuple[Unit, ...]
    strata: tuple[str, ...]

    @property
    def issued(self) -> int:
        """Units with a usable address."""
        return sum(bool(unit.email) for unit in self.units)


# ── the frame ────────────────────────────────────────────────────────────────


def read_frame(content: bytes) -> Frame:
    """The frame in a CSV file: columns `unit`, `name`, `email`, `contact`, `language`; any other is a stratum.

    Comma, semicolon or tab; UTF-8. Raises `Refused` with every problem and its line.
    """
    header, rows = _table(content)
    problems = list(_header_problems(header))
    if problems:
        raise Refused(problems)
    strata = tuple(name for name in header if name not in COLUMNS)
    seen: dict[str, int] = {}
    units = []
    for line, row in rows:
        problems += _row_problems(line, row, header, seen)
        units.append(_unit(dict(zip(header, row, strict=False)), strata))
    if not units:
        problems.append(Problem("frame", "it lists no organisation", "add a row for each"))
    if problems:
        raise Refused(problems[:500])
    return Frame(tuple(units), strata)


def _table(content: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused([Problem("frame", "it is not UTF-8 text", 'save it as "CSV UTF-8"')]) from None
    if "\0" in text:
        raise Refused([Problem("frame", "it is not a text file", 'save it as "CSV UTF-8"')])
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
            if len(rows) > MAX_UNITS:
                raise Refused([Problem("frame", f"it has over {MAX_UNITS:,} rows", "split it")])
    except csv.Error as error:
        what = f"it cannot be read as CSV ({error})"
        raise Refused([Problem("frame", what, "check the quotes", reader.line_num)]) from None
    if not rows:
        raise Refused([Problem("frame", "it is empty", "give it a header row and a row for each organisation")])
    return [name.lower() for name in rows[0][1]], rows[1:]


def _header_problems(header: Sequence[str]) -> Iterator[Problem]:
    for name in ("unit", "name", "email"):
        if name not in header:
            others = [h for h in header if h not in COLUMNS and h.isprintable()]
            hint = nearest(name, others) if others else "add it"
            yield Problem("header", f'the column "{name}" is missing', hint if "did you" in hint else "add it", 1)
    for name, times in Counter(header).items():
        shown = "".join(c if c.isprintable() else "�" for c in name[:40])
        if times > 1:
            yield Problem("header", f'the column "{shown}" stands twice', "keep one", 1)
        if not re.fullmatch("[a-z][a-z0-9_]{0,39}", name):
            yield Problem("header", f'"{shown}" is not a column name', "use small letters, digits and _", 1)


def _row_problems(line: int, row: list[str], header: Sequence[str], seen: dict[str, int]) -> Iterator[Problem]:
    if len(row) != len(header):
        yield Problem(
            "row", f"it has {len(row)} cells, the header has {len(header)}", "quote cells with commas", line
        )
        return
    cells = dict(zip(header, row, strict=True))
    for name, value in cells.items():
        yield from _cell_problems(line, name, value)
    if first := seen.get(cells["unit"].casefold()):
        yield Problem("unit", f'"{cells["unit"]}" stands on line {first} too', "keep one", line)
    seen.setdefault(cells["unit"].casefold(), line)


def _cell_problems(line: int, name: str, value: str) -> Iterator[Problem]:
    if len(value) > MAX_FIELD:
        yield Problem(name, f"it has {len(value)} characters", f"shorten it to {MAX_FIELD}", line)
    elif any(not c.isprintable() for c in value):
        yield Problem(name, "it holds a line break or a control character", "remove it", line)
    elif name in {"unit", "name"} and not value:
        yield Problem(name, "it is empty", "fill it in", line)
    elif name == "email" and value and not _EMAIL.fullmatch(value):
        yield Problem(name, f'"{value}" is not an e-mail address', "correct it, or leave it empty", line)
    elif name == "language" and value and not _LANGUAGE.fullmatch(value):
        yield Problem(name, f'"{value}" is not a language', "use two small letters such as en", line)
    elif name not in COLUMNS and not value:
        yield Problem(name, "the stratum is empty", 'fill it in, or write "Unknown"', line)


def _unit(cells: Mapping[str, str], strata: Iterable[str]) -> Unit:
    return Unit(
        unit=cells.get("unit", ""),
        name=cells.get("name", ""),
        email=cells.get("email", ""),
        contact=cells.get("contact", ""),
        language=cells.get("language") or "en",
        strata={name: cells.get(name, "") for name in strata},
    )


# ── strata ───────────────────────────────────────────────────────────────────


def cell(strata: Mapping[str, str], carry: Sequence[str]) -> str:
    """The stratum cell that goes with the answers: the carried strata, joined by " / "; "" if none is carried."""
    return " / ".join(strata.get(name, "") for name in carry)


def cell_sizes(frame: Frame, carry: Sequence[str], at_least: int) -> dict[str, int]:
    """Units of the frame in each carried cell, crossed.

    Raises `Refused` for a stratum that the frame does not have, and for cells under `at_least`, which would
    let answers be known by where they come from.
    """
    unknown = [name for name in carry if name not in frame.strata]
    if unknown:
        raise Refused(
            [Problem(n, "the frame has no such stratum", nearest(n, list(frame.strata))) for n in unknown]
        )
    sizes = Counter(cell(unit.strata, carry) for unit in frame.units)
    small = sorted(item for item in sizes.items() if item[1] < at_least)
    do = f"merge it with a neighbour to reach {at_least}, or carry fewer strata"
    if small:
        raise Refused([Problem(f"cell “{name}”", f"only {n} of the frame are in it", do) for name, n in small])
    return dict(sorted(sizes.items()))


def printed_day(day: str) -> str:
    """`2012-01-09` as people read it: `9 January 2012`."""
    return f"{date.fromisoformat(day):%-d %B %Y}"


# ── the wave ─────────────────────────────────────────────────────────────────


def naming_problems(service: str, contact: str) -> Iterator[Problem]:
    """What is wrong with the name that a wave's pages bear, and with whom they say to ask; "" is neither."""
    for at, value, most in (("service", service, MAX_SERVICE), ("contact", contact, MAX_CONTACT)):
        if len(value) > most:
            yield Problem(at, f"it has {len(value)} characters", f"shorten it to {most}")
        elif not value.isprintable():
            yield Problem(at, "it holds a line break or a control character", "write it on one line")


def is_email(text: str) -> bool:
    """Whether a text is one e-mail address and nothing else."""
    return _EMAIL.fullmatch(text) is not None


def takes_answers(state: str, closes_on: str | None, today: date) -> bool:
    """Whether a wave takes answers: it has not been closed, and its last day, all of which counts, is not over."""
    left = days_left(closes_on, today)
    return state == "open" and (left is None or left >= 0)


def days_left(closes_on: str | None, today: date) -> int | None:
    """Days until a wave's last day: 0 on that day, negative after it, None where there is no last day."""
    return (date.fromisoformat(closes_on) - today).days if closes_on else None


# ── the response rate ────────────────────────────────────────────────────────

COMPLETE = Fraction(80, 100)
PARTIAL = Fraction(50, 100)


@dataclass(frozen=True)
class Rate:
    """Response of one stratum or of all, in organisations, with the names of AAPOR.

    `complete` answered at least 80% of the applicable closed questions, `partial` 50% to under 80%; `breakoff`
    sent less than that and counts as no answer in every rate.
    """

    name: str
    frame: int
    issued: int
    complete: int
    partial: int
    breakoff: int = 0

    @property
    def received(self) -> int:
        """All that were sent in."""
        return self.complete + self.partial + self.breakoff

    @property
    def rr1(self) -> Fraction:
        """AAPOR RR1: complete of issued, all of whom are eligible."""
        return Fraction(self.complete, self.issued) if self.issued else Fraction(0)

    @property
    def rr2(self) -> Fraction:
        """AAPOR RR2: complete and partial of issued."""
        return Fraction(self.complete + self.partial, self.issued) if self.issued else Fraction(0)


def disposition(answered: int, applicable: int) -> str:
    """How a response counts by the AAPOR 80% rule: "complete", "partial" or "breakoff"."""
    share = Fraction(answered, applicable) if applicable else Fraction(0)
    if share >= COMPLETE:
        return "complete"
    return "partial" if share >= PARTIAL else "breakoff"
