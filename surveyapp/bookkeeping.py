"""Bookkeeping: whether what the store holds agrees with itself, whatever has happened to the machine.

It counts. Who sent which answers is not asked, and nothing is opened: it can be run by anybody, at any time.
"""

from collections.abc import Iterator

from surveyapp.acting import OPERATOR, needs
from surveyapp.problems import Problem
from surveyapp.storage import books
from surveyapp.storage.books import Account
from surveyapp.storage.database import Database

_RESTORE = "restore a backup, and ask those who build this programme how it came about"


@needs(OPERATOR)
def imbalances(db: Database) -> list[Problem]:
    """Everything in the store that contradicts itself; nothing, if the books balance.

    Answers beyond the organisations that are done are no fault: returns on paper may be loaded without a unit.
    """
    with db.reading() as connection:
        unsound = [Problem("the database", damage, _RESTORE) for damage in books.unsound(connection)]
        return unsound + [
            problem for account in books.accounts(connection) for problem in _contradictions(account)
        ]


def _contradictions(account: Account) -> Iterator[Problem]:
    held = account.boxes + account.released
    if account.done > held:
        what = f"{account.done:,} have sent their answers, and {held:,} answers are held"
        yield Problem(account.wave, what, _RESTORE)
    if account.outlived:
        what = f"{account.outlived:,} drafts are kept of those who have sent their answers"
        yield Problem(account.wave, what, "erase them: their answers are held a second time")
    if account.words and not account.released:
        yield Problem(account.wave, f"{account.words:,} open answers belong to no released answer", _RESTORE)
    left = {"drafts": account.drafts, "days of answering": account.days, "letters that wait": account.due}
    for thing, number in left.items():
        if account.closed and number:
            yield Problem(
                account.wave, f"it is closed and keeps {number:,} {thing}", "erase them: it was promised"
            )
