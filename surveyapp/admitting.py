"""Admitting staff: passwords, second factors, links in letters, and doors that shut on whoever guesses.

Failures are counted for each account, apart for each browser that has come in to it before and together for all
others (OWASP's device cookies). Whoever guesses shuts out unknown browsers, and never the one that its owner uses.
What is counted stands under a keyed hash: no address of a machine is kept, nor one that somebody typed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from surveyapp import privacy, staffing
from surveyapp.acting import needs
from surveyapp.mail import Letter, Server, Transport
from surveyapp.passwords import password_faults
from surveyapp.problems import NotAdmitted, NotAllowed, Problem, Refused, SurveyError
from surveyapp.roles import ADMIN, Member
from surveyapp.staffing import SESSION, By
from surveyapp.storage import accounts
from surveyapp.storage.accounts import Account
from surveyapp.storage.database import Connection, Database

MOST_FAILURES = 10
SHUT = 15 * 60
"""Seconds in which so many failures shut a door, and for which it stays shut."""

RESET = 60 * 60
"""Seconds for which a link to set a new password is good."""

MOST_LETTERS = 3
"""Letters to reset a password that one address may be sent within `RESET`."""

HERE, SENDER = "http://127.0.0.1:8000", "surveys@localhost"
"""The address of the site and the sender of letters, as long as both stay on this machine."""

_WRONG = "The address or the password is wrong"
_WRONG_CODE = "That code is wrong, or has been used; wait for the next one"
_WRONG_SPARE = "That recovery code is wrong, or has been used"


class ShutOut(NotAdmitted):
    """Too many attempts have failed; the message says for how long nothing more is tried."""


class UnknownLink(SurveyError):
    """The code of a link is unknown, used or has run out."""


@dataclass(frozen=True)
class Porch:
    """What the door works with: the store, the key of staff's secrets, the time in seconds.

    `devices` is what this browser brings along: for accounts that have come in from it, a random name of it.
    """

    db: Database
    key: bytes = field(repr=False)
    now: int
    devices: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Entered:
    """A session after a step: its token, whose it is, and whether that was the last step."""

    token: str = field(repr=False)
    account: bytes
    done: bool


# ── the password ─────────────────────────────────────────────────────────────


def enter(porch: Porch, email: str, password: str) -> Entered:
    """Begin a session with address and password; a second factor may still be wanted.

    Takes as long for an address that is unknown. Raises `NotAdmitted`, or `ShutOut` without trying.
    """
    address = email.strip().lower()
    with porch.db.reading() as connection:
        account = accounts.by_email(connection, address)
    usable = account if account and not account.disabled_on else None
    attempt = _begin_attempt(porch, "password", address, account)
    if not privacy.password_fits(usable.password if usable else "", password) or usable is None:
        raise _failure(porch, attempt, account, _WRONG)
    dated = privacy.password_is_dated(usable.password)
    kept = privacy.password_hash(password) if dated else usable.password
    with porch.db.transaction() as connection:
        now = accounts.by_id(connection, usable.id)
        if now is None or now.disabled_on or now.password != usable.password:
            raise NotAdmitted(_WRONG)  # changed in the twentieth of a second that the hash takes
        if dated:
            accounts.change(connection, usable.id, password=kept)
        accounts.forgive(connection, attempt.who)
        return _begin(porch, connection, usable, second=False)


def change_password(porch: Porch, token: str, present: str, new: str) -> Entered:
    """Exchange one's own password; every other session ends. Raises `Refused`, `ShutOut`."""
    member = _member(porch, token)
    account = _check_password(porch, member, present, "present")
    faults = password_faults(new, account.email, account.name)
    if faults:
        raise Refused(faults, "the password")
    kept = privacy.password_hash(new)
    with porch.db.transaction() as connection:
        accounts.change(connection, account.id, password=kept)
        accounts.drop_links(connection, account.id)
        accounts.end_all(connection, account.id)
        staffing.note(connection, By(account.email, porch.now), "password-change", account.email)
        return _session(porch, connection, account.id, member.second, done=True)


def _check_password(porch: Porch, member: Member, password: str, field_: str) -> Account:
    """The member's account, if this is its password. Raises `Refused` at the field, `ShutOut`."""
    with porch.db.reading() as connection:
        account = accounts.by_id(connection, member.id)
    attempt = _begin_attempt(porch, "password", member.email, account)
    if account is None or not privacy.password_fits(account.password, password):
        _count(porch, attempt, account)
        raise Refused([Problem(field_, "this is not your password", "type the one you signed in with")])
    with porch.db.transaction() as connection:
        accounts.forgive(connection, attempt.who)
    return account


# ── the second factor ────────────────────────────────────────────────────────


def show_second(porch: Porch, token: str, typed: str) -> Entered:
    """Show the code of the second factor; the session goes on under a new token. A code is good for once.

    Raises `NotAdmitted`, or `ShutOut` without trying.
    """
    member = _member(porch, token)
    attempt = _begin_attempt(porch, "second", member.email, _account_of(porch, member))
    with porch.db.transaction() as connection:
        account = accounts.by_id(connection, member.id)
        step = _step(porch, account, typed) if account else None
        if account and step is not None and step > account.second_step:
            accounts.change(connection, account.id, second_step=step)
            return _shown(porch, connection, account, token, attempt)
    raise _failure(porch, attempt, account, _WRONG_CODE)


def show_spare(porch: Porch, token: str, typed: str) -> tuple[Entered, int]:
    """Show a recovery code in place of the second factor; how many are left. Raises like `show_second`."""
    member = _member(porch, token)
    attempt = _begin_attempt(porch, "second", member.email, _account_of(porch, member))
    with porch.db.transaction() as connection:
        account = accounts.by_id(connection, member.id)
        spares = account.recovery.split() if account else []
        shown = privacy.spare_hash(porch.key, member.id, typed)
        if account and account.second and shown in spares:
            spares.remove(shown)
            accounts.change(connection, account.id, recovery=" ".join(spares))
            staffing.note(connection, By(account.email, porch.now), "spare-use", account.email)
            return _shown(porch, connection, account, token, attempt), len(spares)
    raise _failure(porch, attempt, account, _WRONG_SPARE)


def _shown(porch: Porch, connection: Connection, account: Account, token: str, attempt: "_Attempt") -> Entered:
    accounts.forgive(connection, attempt.who)
    accounts.end(connection, privacy.token_hash(token))
    return _begin(porch, connection, account, second=True)


def check_may_set_up(porch: Porch, token: str) -> Member:
    """Who sets up a second factor. Raises `NotAllowed` for one that has to be shown before it is changed."""
    member = _member(porch, token)
    if member.has_second and not member.second:
        raise NotAllowed("Show the second factor that you have before you set up another.")
    return member


def asks_password(member: Member) -> bool:
    """Whether the password is asked for before a second factor is set up: not in the minute of the sign-in."""
    return member.has_second or not member.guarded


def set_up(porch: Porch, token: str, secret: str, typed: str, password: str) -> tuple[Entered, list[str]]:
    """Set up a second factor, in place of one that there may be, and its recovery codes; other sessions end.

    `typed` is a code of it. Raises `Refused`, `NotAllowed`, `ShutOut`.
    """
    member = check_may_set_up(porch, token)
    if asks_password(member):
        _check_password(porch, member, password, "password")
    step = privacy.second_step(secret, typed, porch.now)
    if step is None:
        what = "the code does not fit; either it has run out, or the clock of the device is wrong"
        raise Refused([Problem("code", what, "type the one that is shown now")])
    spares = privacy.new_spares()
    sealed = privacy.seal_text(porch.key, secret, member.id)
    kept = _kept(porch, member.id, spares)
    with porch.db.transaction() as connection:
        accounts.change(connection, member.id, second=sealed, second_step=step, recovery=kept)
        accounts.end_all(connection, member.id)
        staffing.note(connection, By(member.email, porch.now), "second-set", member.email)
        if member.guarded and not member.second:
            staffing.note(connection, By(member.email, porch.now), "signed-in")
        return _session(porch, connection, member.id, second=True, done=True), spares


def new_spares(porch: Porch, token: str, password: str) -> list[str]:
    """New recovery codes; the old ones are good no more. Raises `Refused`, `ShutOut`."""
    member = _member(porch, token)
    account = _check_password(porch, member, password, "password")
    if not account.second:
        raise SurveyError("there is no second factor that recovery codes could stand in for; set one up first")
    spares = privacy.new_spares()
    with porch.db.transaction() as connection:
        accounts.change(connection, member.id, recovery=_kept(porch, member.id, spares))
        staffing.note(connection, By(member.email, porch.now), "spares-make", member.email)
    return spares


def spares_left(db: Database, account: bytes) -> int:
    """How many recovery codes an account has."""
    with db.reading() as connection:
        found = accounts.by_id(connection, account)
    return len(found.recovery.split()) if found else 0


def _kept(porch: Porch, account: bytes, spares: list[str]) -> str:
    return " ".join(privacy.spare_hash(porch.key, account, spare) for spare in spares)


def _step(porch: Porch, account: Account, typed: str) -> int | None:
    if not account.second:
        return None
    secret = privacy.open_text(porch.key, account.second, account.id)
    return privacy.second_step(secret, typed, porch.now)


# ── sessions ─────────────────────────────────────────────────────────────────


def end_others(porch: Porch, token: str) -> int:
    """End every session of one's own but this; how many there were."""
    member = _member(porch, token)
    with porch.db.transaction() as connection:
        count = accounts.end_all(connection, member.id, privacy.token_hash(token))
        staffing.note(connection, By(member.email, porch.now), "sessions-end", member.email, said=f"{count} ended")
    return count


def sessions(porch: Porch, token: str) -> list[tuple[int, bool]]:
    """When the sessions of this member began, in seconds, and which of them is this one."""
    member, own = _member(porch, token), privacy.token_hash(token)
    with porch.db.reading() as connection:
        return [
            (until - SESSION, key == own) for key, until in accounts.sessions(connection, member.id, porch.now)
        ]


def _member(porch: Porch, token: str) -> Member:
    found = staffing.member(porch.db, token, porch.now)
    if found is None:
        raise NotAdmitted("You have been signed out. Sign in again.")
    return found


def _account_of(porch: Porch, member: Member) -> Account | None:
    with porch.db.reading() as connection:
        return accounts.by_id(connection, member.id)


def _begin(porch: Porch, connection: Connection, account: Account, second: bool) -> Entered:
    """A new session; it is complete if no second factor is wanted any more, and then the trail says so."""
    roles = accounts.roles_of(connection, account.id)
    guarded = Member(account.id, account.email, account.name, roles).guarded
    done = second or not (account.second or guarded)
    if done:
        staffing.note(connection, By(account.email, porch.now), "signed-in")
    return _session(porch, connection, account.id, second, done)


def _session(porch: Porch, connection: Connection, account: bytes, second: bool, done: bool) -> Entered:
    token = privacy.new_token()
    accounts.sweep(connection, porch.now)
    accounts.begin(connection, privacy.token_hash(token), account, porch.now + SESSION, second)
    return Entered(token, account, done)


# ── counting failures ────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Attempt:
    """One attempt: what it is counted under, and its number among those that failed."""

    who: bytes
    number: int


def _begin_attempt(porch: Porch, what: str, address: str, account: Account | None) -> _Attempt:
    """Count an attempt before it is judged, so that many at once are no way around the limit. Raises `ShutOut`."""
    device = porch.devices.get(account.id.hex(), "") if account else ""
    who = privacy.keyed_hash(porch.key, "attempt", what, address, device)
    with porch.db.transaction() as connection:
        if accounts.failures(connection, who, porch.now) >= MOST_FAILURES:
            minutes = -(-(accounts.counted_until(connection, who) - porch.now) // 60)
            raise ShutOut(_shut(minutes))
        accounts.sweep(connection, porch.now)
        number = accounts.count_failure(connection, who, porch.now, porch.now + SHUT, MOST_FAILURES)
    return _Attempt(who, number)


def _shut(minutes: int) -> str:
    wait = f"{minutes} minute{'' if minutes == 1 else 's'}"
    return (
        f"Too many attempts have failed, so nothing more is tried from here for {wait}. "
        "Wait, or set a new password by a letter if you have forgotten yours"
    )


def _count(porch: Porch, attempt: _Attempt, account: Account | None) -> None:
    """A failure stays counted; the one that shuts a door stands in the trail, each single one would fill it."""
    if attempt.number == MOST_FAILURES and account:
        with porch.db.transaction() as connection:
            staffing.note(connection, By(account.email, porch.now), "door-shut", account.email)


def _failure(porch: Porch, attempt: _Attempt, account: Account | None, why: str) -> NotAdmitted:
    _count(porch, attempt, account)
    return NotAdmitted(why)


# ── links in letters ─────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Link:
    """Whose link it is, and what for: "invitation" or "reset"."""

    email: str
    name: str
    purpose: str


def read_link(db: Database, code: str, now: int) -> Link:
    """What the code of a link is good for. Raises `UnknownLink`."""
    with db.reading() as connection:
        account, purpose = _linked(connection, code, now)
    return Link(account.email, account.name, purpose)


def use_link(porch: Porch, code: str, name: str, password: str) -> Entered | None:
    """Set name and password by a link, which is good for once. Sessions that there were end.

    An invitation begins a session; after a reset people sign in as always, with their second factor if they have
    one, and there is none. Raises `UnknownLink`, `Refused`.
    """
    link = read_link(porch.db, code, porch.now)
    name = " ".join(name.split()) or link.name
    faults = [*staffing.name_faults(name), *password_faults(password, link.email, name)]
    if faults:
        raise Refused(faults, "the account")
    kept = privacy.password_hash(password)
    with porch.db.transaction() as connection:
        account, purpose = _linked(connection, code, porch.now)
        accounts.drop_links(connection, account.id)
        accounts.change(connection, account.id, name=name, password=kept)
        accounts.end_all(connection, account.id)
        staffing.note(connection, By(account.email, porch.now), "password-set", account.email, said=purpose)
        return _begin(porch, connection, account, second=False) if purpose == "invitation" else None


def account_of_link(db: Database, code: str, now: int) -> bytes:
    """The id of the account of a link. Raises `UnknownLink`."""
    with db.reading() as connection:
        return _linked(connection, code, now)[0].id


def _linked(connection: Connection, code: str, now: int) -> tuple[Account, str]:
    normal = privacy.normal_code(code)
    found = accounts.link(connection, privacy.code_hash(normal), now) if normal else None
    if found is None:
        raise UnknownLink("that code is not known; it may have been used or have run out")
    return found


# ── letters ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Post:
    """How letters to staff leave: the way out, the address of the site, the sender. "" is not said."""

    transport: Transport
    address: str = ""
    sender: str = ""


@needs(ADMIN)
def send_invitation(db: Database, post: Post, email: str, by: By) -> None:
    """Send somebody the link to a new account; earlier links are void. Raises what `staffing.invitation` raises,
    and what the transport raises.
    """
    address, sender = _headings(post)
    with post.transport as out:
        code = staffing.invitation(db, email, by.now, by)
        out.send(_letter(email, "invitation", _INVITATION, address, code, by.now + staffing.INVITATION), sender)


def want_reset(porch: Porch, email: str) -> bool:
    """Whether a letter to reset a password may be sent to an address now: it does not say whether it is known.

    Counts it, so that nobody is sent more than a few.
    """
    who = privacy.keyed_hash(porch.key, "attempt", "reset", email.strip().lower())
    with porch.db.transaction() as connection:
        accounts.sweep(connection, porch.now)
        if accounts.failures(connection, who, porch.now) >= MOST_LETTERS:
            return False
        accounts.count_failure(connection, who, porch.now, porch.now + RESET, MOST_LETTERS)
    return True


def send_reset(db: Database, post: Post, email: str, now: int) -> None:
    """Send the link to a new password, if there is such an account in use. Not while somebody waits for a page."""
    address, sender = _headings(post)
    code = privacy.new_code()
    with db.transaction() as connection:
        account = accounts.by_email(connection, email)
        if account is None or account.disabled_on:
            return
        accounts.add_link(connection, privacy.printed_hash(code), account.id, "reset", now + RESET)
        staffing.note(connection, By(account.email, now), "reset-ask", account.email)
    with post.transport as out:
        out.send(_letter(account.email, "reset", _RESET, address, code, now + RESET), sender)


def _headings(post: Post) -> tuple[str, str]:
    """Address of the site and sender. Beyond this machine there are no defaults."""
    if isinstance(post.transport, Server) and not (post.address and post.sender):
        raise SurveyError(
            "letters to staff need the address of this site in SURVEYAPP_ADDRESS, such as "
            "https://survey.example.org, and a sender in SURVEYAPP_SENDER"
        )
    return post.address or HERE, post.sender or SENDER


_INVITATION = (
    "Your account for surveys at {site}",
    """You have been given an account on the staff pages of {site}.

To choose a password, open this link:

{address}/staff/welcome#{code}

If it does not open, go to {address}/staff/welcome and type this code: {code}

The link works once, until {until}.
If you did not expect this letter, do nothing.
""",
)
_RESET = (
    "A new password for surveys at {site}",
    """Somebody, probably you, asked for a new password for your account on the staff pages of {site}.

To choose it, open this link:

{address}/staff/welcome#{code}

If it does not open, go to {address}/staff/welcome and type this code: {code}

The link works once, until {until}. Your password stays as it is until then.
If it was not you, do nothing: whoever asked cannot read this letter.
""",
)


def _letter(email: str, kind: str, words: tuple[str, str], address: str, code: str, until: int) -> Letter:
    moment = f"{datetime.fromtimestamp(until, UTC):%-d %B %Y, %H:%M} UTC"
    site = urlsplit(address).netloc
    subject, text = (part.format(site=site, address=address, code=code, until=moment) for part in words)
    return Letter(f"{email}\n{kind}", email, subject, text)
