"""What a page shows at once: its parts on a narrow screen, and the lines at its top that say what is wrong.

A long grid is tiring on a phone, so a page that holds one is walked through there in parts of at most
`MOST_ROWS` rows. The page stays one form and one address: a wide screen shows it whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from surveyapp.instrument import Allocation, DateQuestion, Grid, Item, Row
from surveyapp.problems import Problem, say

MOST_ROWS = 8
MOST_LINES = 3
"""Unfinished rows of one grid up to this number are named one by one at the top of a page."""

_DATE = {"day": range(1, 32), "month": range(1, 13), "year": range(1000, 10_000)}


@dataclass(frozen=True)
class Chunk:
    """An item, or neighbouring rows of a long grid, in part `part` of its page; rows and parts count from 1."""

    item: Item
    part: int
    rows: tuple[Row, ...] = ()
    first: int = 0
    last: int = 0


@dataclass(frozen=True)
class Piece:
    """Rows that the template prints together; `now` says that a narrow screen shows them."""

    rows: tuple[Row, ...]
    now: bool


@dataclass(frozen=True)
class Parts:
    """The parts 1 to `count` of a page, each with one item or chunk at least."""

    chunks: tuple[Chunk, ...]

    @property
    def count(self) -> int:
        """How many parts there are; a page without a long grid is one."""
        return self.chunks[-1].part if self.chunks else 1

    def opening(self, part: int) -> Chunk | None:
        """The rows that begin a part after the first; None if there is no such part."""
        return next((chunk for chunk in self.chunks if chunk.part == part > 1), None)

    def part_of(self, key: str) -> int:
        """The part of an answer key or a problem's place; 1 for what stands nowhere on the page.

        What belongs to a long grid as a whole stands in each of its parts and counts to the first.
        """
        name = key.partition(".")[0]
        of_item = [chunk for chunk in self.chunks if chunk.item.id == name]
        of_row = (chunk for chunk in of_item if any(key == f"{name}.{row.code}" for row in chunk.rows))
        found = next(of_row, of_item[0] if of_item else None)
        return found.part if found else 1

    def up_to(self, part: int, problems: Iterable[Problem]) -> list[Problem]:
        """The problems of the parts up to `part`: those that somebody who has come so far can have seen."""
        return [problem for problem in problems if self.part_of(problem.at) <= part]

    def shown(self, part: int, problems: Iterable[Problem] = ()) -> dict[str, list[Piece]]:
        """The pieces of each item, by its id. Those of `part` are shown, and of every part with a problem.

        Empty for a page of one part, which is shown whole.
        """
        if self.count == 1:
            return {}
        now = {min(max(part, 1), self.count), *(self.part_of(problem.at) for problem in problems if problem.at)}
        pieces: dict[str, list[Piece]] = {}
        for chunk in self.chunks:
            pieces.setdefault(chunk.item.id, []).append(Piece(chunk.rows, chunk.part in now))
        return pieces


def parts(items: Iterable[Item]) -> Parts:
    """Divide a page. `items` are those shown, in the order shown: on it depends which rows stand together.

    Each further chunk of a long grid begins a part, and so does a long grid where the part already holds rows of
    another one; everything else joins the part before it.
    """
    chunks: list[Chunk] = []
    part, taken = 1, False
    for item in items:
        if not isinstance(item, Grid) or len(item.rows) <= MOST_ROWS:
            chunks.append(Chunk(item, part, tuple(item.rows) if isinstance(item, Grid) else ()))
            continue
        for first, last in _balanced(len(item.rows)):
            part, taken = part + taken, True
            chunks.append(Chunk(item, part, tuple(item.rows[first:last]), first + 1, last))
    return Parts(tuple(chunks))


def _balanced(rows: int) -> list[tuple[int, int]]:
    """Where chunks begin and end, as even as can be, the longer ones first: 9 rows are 5 and 4."""
    chunks = -(-rows // MOST_ROWS)
    return list(pairwise(-(-rows * chunk // chunks) for chunk in range(chunks + 1)))


# ── what is wrong ────────────────────────────────────────────────────────────


def summary(items: Iterable[Item], problems: Sequence[Problem], fields: Mapping[str, object]) -> list[Problem]:
    """The lines at the top of a page, each with the form field that it leads to.

    More than `MOST_LINES` rows of a grid that are only blank make one line, which leads to the first of them;
    every row keeps its own message beside it. `fields` is what the page shows in its form.
    """
    by_id = {item.id: item for item in items}
    blank: dict[str, list[Problem]] = {}
    for problem in problems:
        name = problem.at.partition(".")[0]
        if isinstance(by_id.get(name), Grid) and problem.at != name and not fields.get(problem.at):
            blank.setdefault(name, []).append(problem)
    grouped = {name: found for name, found in blank.items() if len(found) > MOST_LINES}
    lines = []
    for problem in problems:
        name = problem.at.partition(".")[0]
        if problem not in grouped.get(name, ()):
            lines.append(_to_field(by_id.get(problem.at), problem, fields))
        elif problem is grouped[name][0]:
            lines.append(_unfinished(by_id[name], grouped[name]))
    return lines


def _unfinished(grid: Item, rows: Sequence[Problem]) -> Problem:
    """One line for many rows; a question that ends in its own mark gets no colon."""
    ends = str(grid.text).rstrip().endswith(("?", ".", ":", "!", "…"))
    what = say("{n} rows have no answer yet", n=len(rows))
    if ends:
        return Problem(rows[0].at, say("{question} {what}", question=grid.text, what=what), "")
    return Problem(rows[0].at, say("{question}: {what}", question=grid.text, what=what), "")


def _to_field(item: Item | None, problem: Problem, fields: Mapping[str, object]) -> Problem:
    """The problem, leading to a field that takes the focus rather than to a question of several."""
    at = problem.at
    if isinstance(item, Grid | Allocation) and item.rows:
        at = f"{at}.{item.rows[0].code}"
    elif isinstance(item, DateQuestion):
        wrong = next((part for part in _DATE if not _possible(part, fields.get(f"{at}.{part}"))), "day")
        at = at if wrong == "day" else f"{at}.{wrong}"
    return problem if at == problem.at else Problem(at, problem.what, problem.do)


def _possible(part: str, typed: object) -> bool:
    """Whether a field of a date may be right, taken alone."""
    words = str(typed or "").strip()
    return words.isdecimal() and len(words) <= 4 and int(words) in _DATE[part]
