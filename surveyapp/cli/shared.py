"""What the commands share: kinds of option, the store and the day, refusals, notes and progress as printed."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import click

from surveyapp.cli.remedies import at_the_terminal
from surveyapp.config import Home
from surveyapp.problems import Refused
from surveyapp.roles import TERMINAL
from surveyapp.storage.database import Database, connect

FILE: Any = click.Path(path_type=Path)


def today() -> date:
    """The only clock of the command line; everything below is told the day."""
    return date.today()  # noqa: DTZ011 (the day where the office is)


def now() -> int:
    """The time in seconds, for leases of jobs, links that end, and the trail of staff."""
    return int(time.time())


def database(home: Home) -> Database:
    """The store of an installation, made where there is none. Raises `SurveyError` for a schema not ours."""
    return connect(home.make().store)


@contextmanager
def acting(db: Database, act: str, wave: str = "", survey: str = "", said: str = "") -> Iterator[None]:
    """Do an act of the terminal with its line in the trail of staff, as the site does with its own.

    `act` is one of `staffing.WHAT`; of a wave its survey is looked up. Nothing about an organisation or an answer
    goes in.
    """
    from surveyapp import campaigning, staffing  # here: `--help` waits for nothing

    of = survey or (campaigning.survey_of(db, wave) if wave else "")
    with staffing.doing(db, staffing.By(TERMINAL, now()), act, of, wave, said):
        yield


def split_edition(name: str) -> tuple[str, str]:
    """The survey and the version in `dat@2012.1`."""
    survey, _, version = name.partition("@")
    if not version:
        raise click.UsageError("name a version as SURVEY@VERSION, such as dat@2012.1")
    return survey, version


def show_refusal(refused: Refused) -> None:
    """Every problem on standard error, a line each, under what was refused."""
    complain(f"{refused.subject or 'Refused'}: {count(len(refused.problems), 'problem')}")
    for problem in refused.problems:
        complain(f"  {at_the_terminal(str(problem))}")


def complain(line: str) -> None:
    """A line on standard error. What a terminal might obey is shown as a mark."""
    click.echo(in_one_line(line), err=True)


def in_one_line(words: str) -> str:
    """Words of others in a line of ours: what a terminal might obey is shown as a mark, the end of a line too."""
    return "".join(c if c.isprintable() else "\ufffd" for c in words)


@contextmanager
def about(file: Path) -> Iterator[None]:
    """Refusals inside bear the name of the file, unless they bear one."""
    try:
        yield
    except Refused as refused:
        raise Refused(refused.problems, refused.subject or str(file)) from None


def count(n: int, thing: str) -> str:
    """`1 answer`, `1,204 answers`."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def relative(path: Path) -> str:
    """A path as people like to read it: from here, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


class Progress:
    """Progress on standard error: a moving line at a terminal, else a line a step."""

    def __init__(self) -> None:
        self.shown = ""

    def __enter__(self) -> "Progress":
        return self

    def __call__(self, what: str, done: int = 0, of: int = 0) -> None:
        """Say how far a step is, or only which at a terminal, where it takes the place of what was said before."""
        if sys.stderr.isatty():
            far = f": {done} of {of}" if of else " …"
            click.echo(f"\r\x1b[K{what}{far}", nl=False, err=True)
        elif of and what != self.shown:
            click.echo(f"{what} …", err=True)
        self.shown = what if of or sys.stderr.isatty() else self.shown

    def __exit__(self, *_: object) -> None:
        if self.shown and sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)
