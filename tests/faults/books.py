"""The books of a wave: who was told what, against what the store holds."""

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from surveyapp import bookkeeping, collecting
from surveyapp.storage import books, responses
from surveyapp.storage.database import Database
from tests.makers import PEPPER, TODAY, in_tray

QUESTION = "issues"
"""The open question in which each respondent leaves a mark of their own: their access code."""


def assert_books_balance(db: Database, told: Collection[str], wave: str, key: bytes) -> set[str]:
    """Nothing lost, nothing twice; the marks of everybody whose answers are held.

    (i) Everybody told "received" is in the tray or among the released exactly once; (ii) nobody is flagged done
    without a box and no box lies there without a flag; (iv) the store finds nothing wrong with itself, and no
    journal is left to play back. (iii), that saved pages open again, is `assert_pages_open`.
    """
    marks = Counter(_in_tray(db, wave, key) + _released(db, wave))
    assert set(marks.values()) <= {1}, f"twice: {[m for m, n in marks.items() if n > 1]}"
    assert set(told) <= set(marks), f"told but lost: {set(told) - set(marks)}"
    with db.reading() as connection:
        (account,) = [found for found in books.accounts(connection) if found.wave == wave]
    assert account.done == marks.total(), f"{account.done} flagged done, {marks.total()} boxes and responses"
    wrong = "; ".join(map(str, bookkeeping.imbalances(db)))
    assert not wrong, wrong
    if isinstance(db.place, Path):
        _assert_played_back(db.place)
    return set(marks)


def assert_pages_open(db: Database, saved: Iterable[tuple[str, dict[str, object]]]) -> None:
    """(iii) Every page that somebody was told is saved opens again with their access code.

    The codes are of those who have not sent their answers.
    """
    for code, answers in saved:
        found = collecting.desk(db, collecting.enter(db, PEPPER, code, TODAY), TODAY).answers
        assert answers.items() <= found.items(), f"saved but lost: {answers.keys() - found.keys()}"


def _assert_played_back(database: Path) -> None:
    journal = database.with_name(f"{database.name}-journal")
    assert not journal.exists() or _cold(journal), "the journal has not been played back"
    beside = {path.name for path in database.parent.glob(f"{database.name}*")} - {journal.name}
    assert beside <= {database.name, f"{database.name}.lock"}


def _cold(journal: Path) -> bool:
    """A journal whose transaction never touched the database: the next writer clears it away."""
    return not journal.read_bytes()[:8].strip(b"\0")


def _in_tray(db: Database, name: str, key: bytes) -> list[str]:
    return [content["answers"][QUESTION] for content in in_tray(db, key, name)]


def _released(db: Database, name: str) -> list[str]:
    with db.reading() as connection:
        return [v.text for v in responses.verbatims(connection, name) if v.question == QUESTION]
