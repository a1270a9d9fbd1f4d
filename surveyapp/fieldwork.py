"""Fieldwork without a database: a wave's name, its last day and its pause, who is due a letter.

Values in, values out; days come in as arguments.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from surveyapp.frames import Frame, Unit, cell, cell_sizes, is_email, read_frame, read_text
from surveyapp.problems import Problem, Refused

__all__ = [
    "DISPOSITIONS",
    "MAX_CONTACT",
    "MAX_SERVICE",
    "REMIND_AFTER",
    "Frame",
    "Unit",
    "cell",
    "cell_sizes",
    "days_left",
    "due",
    "is_email",
    "naming_problems",
    "printed_day",
    "reached",
    "read_bounces",
    "read_frame",
    "read_rule",
    "takes_answers",
]

MAX_SERVICE = 100
MAX_CONTACT = 200
"""Characters of the name and of the contact that a wave's pages bear."""


def _table(content: bytes) -> tuple[list[str], list[tuple[int, Sequence[str]]]]:
    """The header in small letters, and the rows with their lines. Raises `Refused` for what is not UTF-8."""
    source = read_text(content)
    if source.notes:
        raise Refused([Problem("frame", "it is not UTF-8 text", 'save it as "CSV UTF-8"')])
    return [name.lower() for name in source.rows[0][1]], list(source.rows[1:])


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


def takes_answers(state: str, closes_on: str | None, today: date, paused_on: str | None = None) -> bool:
    """Whether a wave takes answers: neither closed nor paused, and not after its last day, all of which counts."""
    left = days_left(closes_on, today)
    return state == "open" and not paused_on and (left is None or left >= 0)


def days_left(closes_on: str | None, today: date) -> int | None:
    """Days until a wave's last day: 0 on that day, negative after it, None where there is no last day."""
    return (date.fromisoformat(closes_on) - today).days if closes_on else None


# ── letters ──────────────────────────────────────────────────────────────────

DISPOSITIONS = ("refused", "out-of-scope", "undeliverable")
"""What may have become of an organisation that does not answer, beside nothing."""

REMIND_AFTER = (10, 20, 27)
"""Days after the invitation on which reminders are due, unless others are asked for."""


def read_rule(text: str) -> tuple[int, ...]:
    """The days in `10,20,27`. Raises `Refused` for anything but rising numbers of days up to a year."""
    days = [int(part) if re.fullmatch(" *[0-9]{1,3} *", part) else 0 for part in text.split(",")]
    if not all(0 < day <= 366 for day in days) or days != sorted(set(days)):
        raise Refused(
            [Problem("rule", f'"{text[:60]}" is no list of days', "write rising numbers such as 10,20,27")]
        )
    return tuple(days)


def due(invited_on: str | None, reminded_on: str | None, rule: Sequence[int] | None, today: date) -> bool:
    """Whether a reminder is due to somebody who has not answered, by the days of the letters sent so far.

    `rule` counts days from the invitation; a day that was missed is made up by one reminder, not by one for each.
    Without a rule a reminder is due at any time. Nobody is written to twice on one day.
    """
    if today.isoformat() in {invited_on, reminded_on}:
        return False
    if rule is None:
        return True
    if invited_on is None:
        return False
    invited = date.fromisoformat(invited_on)
    reached = [invited + timedelta(days=days) for days in rule if invited + timedelta(days=days) <= today]
    return bool(reached) and (reminded_on is None or date.fromisoformat(reminded_on) < reached[-1])


def reached(invited_on: str | None, rule: Sequence[int] | None, today: date) -> int:
    """How many days of the rule are over since the invitation; 0 without a rule."""
    if rule is None or invited_on is None:
        return 0
    return sum(date.fromisoformat(invited_on) + timedelta(days=days) <= today for days in rule)


def read_bounces(content: bytes) -> list[tuple[int, str, str]]:
    """Line, "unit" or "email", and the value, from a CSV file that has one of these columns.

    Raises `Refused` if it has neither.
    """
    header, rows = _table(content)
    column = next((name for name in ("unit", "email") if name in header), None)
    if column is None:
        what, do = "it has neither a column unit nor a column email", "name the column in the first line"
        raise Refused([Problem("header", what, do, 1)])
    place = header.index(column)
    return [(line, column, cells[place]) for line, cells in rows if len(cells) > place and cells[place]]
