"""The staff's side: accounts, roles, sessions, links that are used once, tokens of scripts. Nothing of a wave."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from surveyapp.roles import ADMIN, EVERY_SURVEY, Member
from surveyapp.storage.database import Day, Seconds, metadata


def _account_column(**more: bool) -> sa.Column[bytes]:
    return sa.Column("account", sa.LargeBinary, sa.ForeignKey("account.id"), **more)  # type: ignore[arg-type]


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table of accounts: strict, and without numbers of rows that would tell who came first."""
    return sa.Table(name, metadata, *columns, sqlite_strict=True, sqlite_with_rowid=False)


account_table = _table(
    "account",
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("email", sa.Text, nullable=False, unique=True),
    *_texts("name", "password"),
    sa.Column("second", sa.LargeBinary, nullable=False),
    sa.Column("second_step", sa.Integer, nullable=False),
    *_texts("recovery", "made_on"),
    sa.Column("disabled_on", Day),
)

duty_table = _table(
    "duty",
    _account_column(primary_key=True),
    sa.Column("survey", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
)

session_table = _table(
    "staff_session",
    sa.Column("token", sa.LargeBinary, primary_key=True),
    _account_column(nullable=False),
    sa.Column("until", Seconds, nullable=False),
    sa.Column("second", sa.Integer, nullable=False),
)

link_table = _table(
    "link",
    sa.Column("token", sa.LargeBinary, primary_key=True),
    _account_column(nullable=False),
    *_texts("purpose"),
    sa.Column("until", Seconds, nullable=False),
)

attempt_table = _table(
    "attempt",
    sa.Column("who", sa.LargeBinary, primary_key=True),
    sa.Column("until", Seconds, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
)

token_table = _table(
    "token",
    sa.Column("token", sa.LargeBinary, primary_key=True),
    _account_column(nullable=False),
    *_texts("survey", "role", "label", "made_on", "until"),
)

asking_table = _table(
    "asking",
    sa.Column("who", sa.LargeBinary, primary_key=True),
    sa.Column("minute", sa.Integer, nullable=False),
    sa.Column("asked", sa.Integer, nullable=False),
)


@dataclass(frozen=True)
class Account:
    """One account. `password` is an argon2 hash, "" until it is set; `second` the sealed secret of the second
    factor, b"" without one; `recovery` the hashes of codes that stand in for it, in hexadecimal, a space between.
    """

    id: bytes
    email: str
    name: str
    password: str = ""
    second: bytes = b""
    second_step: int = 0
    recovery: str = ""
    made_on: str = ""
    disabled_on: str | None = None


def add(connection: sa.Connection, account: Account) -> None:
    """Store a new account; its address must be new."""
    connection.execute(account_table.insert(), account.__dict__)


def by_email(connection: sa.Connection, email: str) -> Account | None:
    """The account with an address, whatever its capitals."""
    return _one(connection, account_table.c.email == email.strip().lower())


def by_id(connection: sa.Connection, id_: bytes) -> Account | None:
    """The account with an id."""
    return _one(connection, account_table.c.id == id_)


def _one(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Account | None:
    row = connection.execute(sa.select(account_table).where(condition)).mappings().first()
    return Account(**row) if row else None


def accounts(connection: sa.Connection) -> list[Account]:
    """Every account, by address."""
    rows = connection.execute(sa.select(account_table).order_by(account_table.c.email)).mappings()
    return [Account(**row) for row in rows]


def change(connection: sa.Connection, id_: bytes, **values: object) -> None:
    """Set columns of an account."""
    connection.execute(account_table.update().where(account_table.c.id == id_).values(**values))


# ── roles ────────────────────────────────────────────────────────────────────


def give(connection: sa.Connection, account: bytes, survey: str, role: str) -> None:
    """Give a role in a survey; once is enough."""
    if role not in roles_of(connection, account).get(survey, frozenset()):
        connection.execute(duty_table.insert().values(account=account, survey=survey, role=role))


def take(connection: sa.Connection, account: bytes, survey: str, role: str) -> None:
    """Take a role in a survey away."""
    table = duty_table.c
    connection.execute(
        duty_table.delete().where(table.account == account, table.survey == survey, table.role == role)
    )


def roles_of(connection: sa.Connection, account: bytes) -> Mapping[str, frozenset[str]]:
    """The roles of an account by survey."""
    query = sa.select(duty_table.c.survey, duty_table.c.role).where(duty_table.c.account == account)
    held: dict[str, set[str]] = defaultdict(set)
    for survey, role in connection.execute(query):
        held[survey].add(role)
    return {survey: frozenset(roles) for survey, roles in held.items()}


def duties(connection: sa.Connection) -> dict[bytes, dict[str, frozenset[str]]]:
    """The roles of every account that has any, by survey."""
    held: dict[bytes, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in connection.execute(sa.select(duty_table)):
        held[row.account][row.survey].add(row.role)
    return {account: {name: frozenset(roles) for name, roles in by.items()} for account, by in held.items()}


def holders(connection: sa.Connection, survey: str, role: str) -> list[Account]:
    """The accounts in use with a role in a survey, by address."""
    table, duties = account_table.c, duty_table.c
    query = sa.select(account_table).join(duty_table, duties.account == table.id)
    query = query.where(duties.survey == survey, duties.role == role, table.disabled_on.is_(None))
    return [Account(**row) for row in connection.execute(query.order_by(table.email)).mappings()]


# ── sessions ─────────────────────────────────────────────────────────────────


def begin(connection: sa.Connection, token: bytes, account: bytes, until: int, second: bool = False) -> None:
    """Begin a session, known by the hash of its token, until a time in seconds; `second`: with both factors."""
    values = {"token": token, "account": account, "until": until, "second": int(second)}
    connection.execute(session_table.insert(), values)


def member(connection: sa.Connection, token: bytes, now: int) -> Member | None:
    """Whose session this is; None if it has ended, or its account is not in use."""
    table, person = session_table.c, account_table.c
    query = sa.select(person.id, person.email, person.name, person.second, table.second.label("shown"))
    query = query.join(account_table, person.id == table.account).select_from(session_table)
    query = query.where(table.token == token, _lasts(table.until, now), person.disabled_on.is_(None))
    row = connection.execute(query).first()
    if row is None:
        return None
    roles = roles_of(connection, row.id)
    return Member(row.id, row.email, row.name, roles, second=bool(row.shown), has_second=bool(row.second))


def end(connection: sa.Connection, token: bytes) -> None:
    """End one session."""
    connection.execute(session_table.delete().where(session_table.c.token == token))


def end_all(connection: sa.Connection, account: bytes, but: bytes = b"") -> int:
    """End every session of an account, or every other; how many there were."""
    table = session_table.c
    return connection.execute(session_table.delete().where(table.account == account, table.token != but)).rowcount


def sessions(connection: sa.Connection, account: bytes, now: int) -> list[tuple[bytes, int]]:
    """The sessions of an account that go on: the hash of each token, and until when; the oldest first."""
    table = session_table.c
    query = sa.select(table.token, table.until).where(table.account == account, _lasts(table.until, now))
    return [(row.token, row.until) for row in connection.execute(query.order_by(table.until, table.token))]


def sweep(connection: sa.Connection, now: int) -> None:
    """Forget sessions, links, attempts and counts of requests that are over."""
    for table in (session_table, link_table, attempt_table):
        connection.execute(table.delete().where(~_lasts(table.c.until, now)))
    connection.execute(asking_table.delete().where(asking_table.c.minute != now // 60))


def _lasts(until: sa.ColumnElement[int], now: int) -> sa.ColumnElement[bool]:
    """Whether something is not over. What would last longer than anything does was written by a clock ahead."""
    return (until > now) & (until <= now + _LONGEST[until.table.name])


_LONGEST = {session_table.name: 2 * 12 * 3600, link_table.name: 2 * 7 * 24 * 3600, attempt_table.name: 2 * 3600}
"""Seconds by table: twice what is asked for, so that a clock that is set back a little ends nothing."""


# ── links that are used once ─────────────────────────────────────────────────


def add_link(connection: sa.Connection, token: bytes, account: bytes, purpose: str, until: int) -> None:
    """Keep the hash of a link's token; earlier links of the account for the same purpose are void."""
    table = link_table.c
    connection.execute(link_table.delete().where(table.account == account, table.purpose == purpose))
    values = {"token": token, "account": account, "purpose": purpose, "until": until}
    connection.execute(link_table.insert(), values)


def link(connection: sa.Connection, token: bytes, now: int) -> tuple[Account, str] | None:
    """The account and the purpose of a link that is good."""
    query = sa.select(link_table.c.account, link_table.c.purpose)
    row = connection.execute(query.where(link_table.c.token == token, _lasts(link_table.c.until, now))).first()
    found = by_id(connection, row.account) if row else None
    return (found, row.purpose) if row and found and found.disabled_on is None else None


def use_link(connection: sa.Connection, token: bytes) -> None:
    """A link is good for once."""
    connection.execute(link_table.delete().where(link_table.c.token == token))


def drop_links(connection: sa.Connection, account: bytes) -> None:
    """Every link of an account is void."""
    connection.execute(link_table.delete().where(link_table.c.account == account))


def invited(connection: sa.Connection, now: int) -> set[bytes]:
    """The accounts with a link that is still good."""
    return set(connection.scalars(sa.select(link_table.c.account).where(_lasts(link_table.c.until, now))))


# ── attempts ─────────────────────────────────────────────────────────────────


def failures(connection: sa.Connection, who: bytes, now: int) -> int:
    """How many attempts in a row have failed, as far as they still count."""
    query = sa.select(attempt_table.c.failures).where(
        attempt_table.c.who == who, _lasts(attempt_table.c.until, now)
    )
    return connection.scalar(query) or 0


def count_failure(connection: sa.Connection, who: bytes, now: int, until: int, most: int) -> int:
    """Count one more; how many there are.

    They count until the time given with the first of them, or, once there are `most`, with the last.
    """
    query = sa.select(attempt_table).where(attempt_table.c.who == who, _lasts(attempt_table.c.until, now))
    known = connection.execute(query).first()
    count, first = (known.failures + 1, known.until) if known else (1, until)
    forgive(connection, who)
    ends = first if count < most else until
    connection.execute(attempt_table.insert().values(who=who, failures=count, until=ends))
    return count


def counted_until(connection: sa.Connection, who: bytes) -> int:
    """Until when failed attempts count; 0 if there are none."""
    return connection.scalar(sa.select(attempt_table.c.until).where(attempt_table.c.who == who)) or 0


def forgive(connection: sa.Connection, who: bytes) -> None:
    """Count afresh."""
    connection.execute(attempt_table.delete().where(attempt_table.c.who == who))


# ── tokens of scripts ────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Token:
    """What a script may do: one role in one survey, until a day. `token` is a hash."""

    token: bytes
    account: bytes
    survey: str
    role: str
    label: str
    made_on: str
    until: str


def add_token(connection: sa.Connection, token: Token) -> None:
    """Keep a token's hash with what it is good for."""
    connection.execute(token_table.insert(), token.__dict__)


def tokens(connection: sa.Connection, account: bytes | None = None, survey: str | None = None) -> list[Token]:
    """The tokens of an account or in a survey, by label."""
    query = sa.select(token_table).order_by(token_table.c.label, token_table.c.token)
    if account is not None:
        query = query.where(token_table.c.account == account)
    if survey is not None:
        query = query.where(token_table.c.survey == survey)
    return [Token(**row) for row in connection.execute(query).mappings()]


def drop_token(connection: sa.Connection, token: bytes) -> None:
    """A token is good no more."""
    connection.execute(token_table.delete().where(token_table.c.token == token))


def bearer(connection: sa.Connection, token: bytes, today: str) -> Member | None:
    """Who comes with a token: its role in its survey, as long as the account that made it has that role itself."""
    row = connection.execute(sa.select(token_table).where(token_table.c.token == token)).mappings().first()
    if row is None or row["until"] < today:
        return None
    maker = by_id(connection, row["account"])
    if (
        maker is None
        or maker.disabled_on
        or row["role"] not in roles_of(connection, maker.id).get(row["survey"], ())
    ):
        return None
    name = f"{maker.email} (token {row['label']})"
    return Member(b"", name, row["label"], {row["survey"]: frozenset({row["role"]})}, second=True)


def is_kept(connection: sa.Connection, token: bytes) -> bool:
    """Whether there is a token with this hash, good or run out."""
    return connection.scalar(sa.select(token_table.c.token).where(token_table.c.token == token)) is not None


def count_asking(connection: sa.Connection, token: bytes, minute: int) -> int:
    """Count one request of a token within a minute; how many there are. Other minutes are forgotten."""
    table = asking_table.c
    more = asking_table.update().where(table.who == token, table.minute == minute).values(asked=table.asked + 1)
    if not connection.execute(more).rowcount:
        connection.execute(asking_table.delete().where(table.minute != minute))
        connection.execute(asking_table.insert(), {"who": token, "minute": minute, "asked": 1})
    return connection.scalar(sa.select(table.asked).where(table.who == token)) or 0


def is_empty(connection: sa.Connection) -> bool:
    """Whether there is no account yet."""
    return connection.execute(sa.select(account_table.c.id).limit(1)).first() is None


def admins(connection: sa.Connection) -> list[Account]:
    """The accounts in use that keep the accounts."""
    return holders(connection, EVERY_SURVEY, ADMIN)
