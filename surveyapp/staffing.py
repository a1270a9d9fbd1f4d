"""Staff: who may come in, with which roles, and what was done. Knows accounts, never a frame or an answer."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from surveyapp import privacy
from surveyapp.acting import check_own, needs
from surveyapp.fieldwork import is_email
from surveyapp.passwords import password_faults
from surveyapp.problems import NotAllowed, NotFound, Problem, Refused, SurveyError
from surveyapp.roles import ADMIN, ANALYST, AUTHOR, EVERY_SURVEY, GUARDED, MANAGER, ROLES, TERMINAL, Member
from surveyapp.storage import accounts, trail, waves
from surveyapp.storage.accounts import Account, Token
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.trail import Act, Sought

ONE_DAY = 24 * 60 * 60
SESSION = 12 * 60 * 60
"""Seconds after which everybody signs in anew, however busy."""

ACTS: Mapping[str, str] = {
    "signed-in": "signed in",
    "signed-out": "signed out",
    "wave-change": "changed the settings of a wave",
    "wave-keep": "changed how long parts of a wave are kept",
    "wave-pause": "paused a wave",
    "wave-resume": "let a wave go on",
    "wave-move": "moved a wave to another version",
    "wave-close": "closed a wave",
    "wave-audit": "asked for an audit of anonymity",
    "unit-contact": "changed the contact of an organisation",
    "unit-mark": "noted what became of an organisation",
    "unit-code": "sent an organisation a new code",
    "unit-remind": "reminded an organisation by hand",
    "unit-letter-again": "sent a letter again",
    "unit-letter-arrived": "noted that a letter arrived",
    "unit-remove": "erased the contact of an organisation",
    "bounces-note": "noted letters that came back",
    "frame-hand-in": "handed in a newer frame",
    "frame-load": "asked for a newer frame to be loaded",
    "upload-erase": "threw a file away that was handed in",
    "letters-head": "changed address and sender of letters",
    "letters-words": "changed the words of a letter",
    "letters-shipped": "took the shipped words of a letter",
    "letters-test": "sent a test letter",
    "letters-invite": "asked for invitations",
    "letters-remind": "asked for reminders",
    "letters-send": "asked for waiting letters to be sent",
    "letters-again": "asked for refused letters to be sent again",
    "sessions-end": "ended their other sessions",
    "second-set": "set up a second factor",
    "spares-make": "made new recovery codes",
    "spare-use": "signed in with a recovery code",
    "password-set": "set their password by a link",
    "password-change": "changed their password",
    "own-name": "changed their own name",
    "account-add": "added an account",
    "invitation-make": "invited somebody by letter",
    "account-rename": "changed the name of an account",
    "roles-change": "changed the roles of an account",
    "account-disable": "disabled an account",
    "account-enable": "enabled an account",
    "second-take": "took away a lost second factor",
    "wave-prepare": "prepared a wave",
    "wave-open": "opened a wave",
    "key-make": "made a key",
    "key-rehearse": "brought a key back",
    "key-here": "left the key to the server",
    "preparation-letter": "sent a test letter",
    "preparation-discard": "threw a preparation away",
    "tray-open": "opened the tray",
    "sitting-begin": "began to key returns",
    "returns-hand-in": "handed in a file of returns",
    "returns-load": "asked for a file of returns to be loaded",
    "version-publish": "published a version",
    "version-retire": "retired a version",
    "manuscript-import": "brought in a form",
    "manuscript-begin": "began a questionnaire",
    "manuscript-save": "changed a questionnaire in hand",
    "manuscript-back": "took a questionnaire in hand back to a version",
    "manuscript-drop": "threw a questionnaire in hand away",
    "manuscript-publish": "published a questionnaire in hand",
    "microdata-ask": "asked for a data file by the API",
    "job-leave": "took back a job",
    "job-erase": "threw away a job and what it made",
    "token-make": "made a token for scripts",
    "token-take": "took back a token for scripts",
    "codeframe-begin": "began a codeframe",
    "codeframe-change": "changed a codeframe",
    "answers-code": "coded open answers",
    "coding-load": "loaded a coding sheet",
    "coding-finish": "said that they are done with coding",
    "answers-settle": "settled open answers",
    "settling-load": "loaded a settling sheet",
    "answer-quote": "cleared a quotation",
    "quotation-withdraw": "withdrew a quotation",
    "quotations-load": "loaded a quoting sheet",
    "codeframe-load": "took in a codeframe from a file",
    "plan-table": "saved a table into a plan",
    "plan-copy": "saved a copy of a plan",
    "plan-change": "changed a plan",
    "plan-rename": "renamed a plan",
    "plan-throw-away": "threw a plan away",
    "tables-export": "asked for an export of tables",
    "microdata-export": "asked for an export of microdata",
}
"""What a line of the trail says was done, by the name that is kept."""

EVENTS: Mapping[str, str] = {
    "door-shut": "ten attempts to sign in failed; unknown browsers were shut out for a while",
    "reset-ask": "a letter to reset the password was asked for",
}
"""What happens to an account without anybody of the staff having done it."""

AT_THE_TERMINAL: Mapping[str, str] = {
    "frame-replace": "loaded a newer frame",
    "returns-put": "loaded returns",
    "invitations-send": "sent invitations",
    "reminders-send": "sent reminders",
    "letters-resend": "sent letters again",
    "tables-write": "wrote tables to a file",
    "microdata-write": "wrote microdata to a file",
    "due-erase": "erased what was due",
}
"""What is done at once at the terminal and asked of a worker on the site; all else is done alike on both."""

WHAT: Mapping[str, str] = {**ACTS, **EVENTS, **AT_THE_TERMINAL}
"""Everything that a line of the trail can say."""

LONGEST = 200
"""Characters of an address and of a name."""


@dataclass(frozen=True)
class Staffroom:
    """What the use cases of staff work with: the store and the server's key for their secrets (`keys/staff`)."""

    db: Database
    key: bytes


# ── accounts ─────────────────────────────────────────────────────────────────

INVITATION = 7 * ONE_DAY
"""Seconds for which the link of an invitation is good."""

INVITED, IN_USE, DISABLED = "invited", "in use", "disabled"
"""The states of an account: INVITED is one whose owner has not come in yet."""


@dataclass(frozen=True)
class By:
    """Who does something and when, for the line in the trail: an address, or where it was done, and a time."""

    who: str
    now: int


@dataclass(frozen=True)
class Person:
    """An account with its roles by survey; `link` says that a link to come in by is under way."""

    account: Account
    roles: Mapping[str, frozenset[str]]
    link: bool = False

    @property
    def state(self) -> str:
        """INVITED, IN_USE or DISABLED."""
        if self.account.disabled_on:
            return DISABLED
        return IN_USE if self.account.password else INVITED


@needs(ADMIN)
def add_account(  # nosec B107 (no password is none, not an empty one)
    db: Database,
    email: str,
    name: str,
    roles: Mapping[str, frozenset[str]],
    today: date,
    password: str = "",
    by: By | None = None,
) -> Account:
    """A new account with roles by survey ("" for `admin`); without a password it needs a link to set one.

    Raises `Refused` for an address that is none or is taken, and for roles that there are not.
    """
    address, name = email.strip().lower(), " ".join(name.split())
    faults = [*_role_faults(roles), *(password_faults(password, address, name) if password else [])]
    kept = privacy.password_hash(password) if password and not faults else ""
    account = Account(privacy.new_id(), address, name or address, kept, made_on=today.isoformat())
    with db.transaction() as connection:
        faults = [*_address_faults(connection, address), *name_faults(name), *faults]
        if faults:
            raise Refused(faults, "the account")
        accounts.add(connection, account)
        _note(connection, by, "account-add", address)
        _change_roles(connection, account, {}, roles, by)
    return account


@needs(ADMIN)
def invitation(db: Database, email: str, now: int, by: By | None = None) -> str:
    """The code of a link by which somebody sets the password of a new account: /staff/welcome#CODE.

    It is good once and for a week, and earlier ones are void. Raises `NotFound`, and `SurveyError` for an account
    that has a password or is disabled.
    """
    code = privacy.new_code()
    with db.transaction() as connection:
        account = accounts.by_email(connection, email)
        if account is None:
            raise NotFound(f"there is no account {email[:100]!r}")
        if account.disabled_on:
            raise SurveyError(f"the account {account.email} is disabled; enable it first")
        if account.password:
            raise SurveyError(f"{account.email} has a password, and can set another by the page of sign-in")
        accounts.add_link(connection, privacy.printed_hash(code), account.id, "invitation", now + INVITATION)
        _note(connection, by, "invitation-make", account.email)
    return code


def has_no_account(db: Database) -> bool:
    """Whether the site is so new that nobody can sign in."""
    with db.reading() as connection:
        return accounts.is_empty(connection)


@needs(ANALYST, ADMIN)
def people(db: Database, now: int) -> list[Person]:
    """Every account, by address."""
    with db.reading() as connection:
        roles, links = accounts.duties(connection), accounts.invited(connection, now)
        return [Person(one, roles.get(one.id, {}), one.id in links) for one in accounts.accounts(connection)]


@needs(ADMIN)
def person(db: Database, id_: bytes, now: int) -> Person:
    """One account. Raises `NotFound`."""
    with db.reading() as connection:
        account = _account(connection, id_)
        return Person(account, accounts.roles_of(connection, id_), id_ in accounts.invited(connection, now))


@needs(ADMIN)
def surveys(db: Database) -> list[str]:
    """The surveys that have a published version, or in which somebody has a role."""
    with db.reading() as connection:
        held = {survey for roles in accounts.duties(connection).values() for survey in roles}
        return sorted({*waves.surveys(connection), *held} - {EVERY_SURVEY})


def rename(db: Database, id_: bytes, name: str, by: By) -> None:
    """Write another name on an account, one's own or as an administrator. Raises `Refused`."""
    check_own(id_)
    name = " ".join(name.split())
    faults = name_faults(name) if name else [Problem("name", "the name is missing", "enter one")]
    if faults:
        raise Refused(faults, "the account")
    with db.transaction() as connection:
        account = _account(connection, id_)
        accounts.change(connection, id_, name=name)
        what = "own-name" if by.who == account.email else "account-rename"
        _note(connection, by, what, account.email)


@needs(ADMIN)
def set_roles(db: Database, id_: bytes, roles: Mapping[str, frozenset[str]], by: By) -> None:
    """Give an account these roles and no others. A line of the trail for each survey says what was changed.

    Whoever gets a role that needs a second factor, and has none, signs in anew and sets one up. Raises `Refused`
    for roles that there are not, `SurveyError` if nobody would be left to keep the accounts.
    """
    faults = _role_faults(roles)
    if faults:
        raise Refused(faults, "the account")
    with db.transaction() as connection:
        account, before = _account(connection, id_), accounts.roles_of(connection, id_)
        if ADMIN not in roles.get(EVERY_SURVEY, ()):
            _check_not_last(connection, id_)
        _change_roles(connection, account, before, roles, by)
        guarded = any(GUARDED & held for held in roles.values())
        if guarded and not account.second and not any(GUARDED & held for held in before.values()):
            accounts.end_all(connection, id_)


@needs(ADMIN)
def disable(db: Database, id_: bytes, today: date, by: By) -> None:
    """Let an account in no more: its sessions end, its links and its tokens for scripts are good for nothing.

    Raises `SurveyError` if nobody would be left to keep the accounts.
    """
    with db.transaction() as connection:
        account = _account(connection, id_)
        _check_not_last(connection, id_)
        accounts.change(connection, id_, disabled_on=today.isoformat())
        accounts.end_all(connection, id_)
        accounts.drop_links(connection, id_)
        _note(connection, by, "account-disable", account.email)


@needs(ADMIN)
def enable(db: Database, id_: bytes, by: By) -> None:
    """Let a disabled account in again, with the password, roles and second factor that it had."""
    with db.transaction() as connection:
        account = _account(connection, id_)
        accounts.change(connection, id_, disabled_on=None)
        _note(connection, by, "account-enable", account.email)


@needs(ADMIN)
def take_second(db: Database, id_: bytes, typed: str, by: By) -> None:
    """Take away a second factor that was lost, with its recovery codes; every session of the account ends.

    `typed` is the address of the account, to confirm it. Raises `Refused` if it is another.
    """
    with db.transaction() as connection:
        account = _account(connection, id_)
        if typed.strip().lower() != account.email:
            what = "this is not the address of the account"
            raise Refused([Problem("typed", what, f"type {account.email} to confirm")], "the account")
        accounts.change(connection, id_, second=b"", second_step=0, recovery="")
        accounts.end_all(connection, id_)
        _note(connection, by, "second-take", account.email)


def _account(connection: Connection, id_: bytes) -> Account:
    found = accounts.by_id(connection, id_)
    if found is None:
        raise NotFound("there is no such account")
    return found


def _check_not_last(connection: Connection, id_: bytes) -> None:
    if [admin.id for admin in accounts.admins(connection)] == [id_]:
        raise SurveyError("this is the last account that keeps the accounts; make another administrator first")


def _change_roles(
    connection: Connection,
    account: Account,
    before: Mapping[str, frozenset[str]],
    after: Mapping[str, frozenset[str]],
    by: By | None,
) -> None:
    for survey in sorted({*before, *after}):
        held, wanted = before.get(survey, frozenset()), after.get(survey, frozenset())
        for role in wanted - held:
            accounts.give(connection, account.id, survey, role)
        for role in held - wanted:
            accounts.take(connection, account.id, survey, role)
        said = _said("gave", wanted - held) + _said("took", held - wanted)
        if said:
            _note(connection, by, "roles-change", account.email, survey, ", ".join(said))


def _said(verb: str, roles: frozenset[str]) -> list[str]:
    return [f"{verb} {role.replace('_', ' ')}" for role in sorted(roles)]


def _address_faults(connection: Connection, address: str) -> list[Problem]:
    if not is_email(address) or len(address) > LONGEST:
        return [Problem("email", "this is not an e-mail address", "give one like name@example.org")]
    if accounts.by_email(connection, address):
        return [Problem("email", "there is an account with this address", "give that one the roles")]
    return []


def name_faults(name: str) -> list[Problem]:
    """What is wrong with the name of a person."""
    if len(name) <= LONGEST and name.isprintable():
        return []
    return [Problem("name", "the name is too long or has signs that do not print", "write it as it is spoken")]


def _role_faults(roles: Mapping[str, frozenset[str]]) -> list[Problem]:
    known = {EVERY_SURVEY: {ADMIN}}
    wrong = {role for survey, held in roles.items() for role in held - set(known.get(survey, ROLES))}
    names = [survey for survey in roles if survey != EVERY_SURVEY and not _SURVEY.fullmatch(survey)]
    shape = "begin with a small letter; then small letters, digits, - and _, 40 at most"
    return [
        *(Problem("roles", f"{r} is no role here", f"choose among {', '.join(ROLES)}") for r in sorted(wrong)),
        *(Problem("survey", f"{name[:60]!r} cannot be the name of a survey", shape) for name in names),
    ]


# ── sessions ─────────────────────────────────────────────────────────────────


def begin_session(db: Database, account: bytes, now: int, second: bool = False) -> str:
    """Begin a session of an account; its token, which is kept as a hash only."""
    token = privacy.new_token()
    with db.transaction() as connection:
        accounts.sweep(connection, now)
        accounts.begin(connection, privacy.token_hash(token), account, now + SESSION, second)
    return token


def member(db: Database, token: str, now: int) -> Member | None:
    """Whose session a token is of; None if it is over."""
    with db.reading() as connection:
        return accounts.member(connection, privacy.token_hash(token), now)


def bearer(db: Database, token: str, today: date) -> Member | None:
    """Who comes with the token of a script; None if it is good for nothing."""
    with db.reading() as connection:
        return accounts.bearer(connection, privacy.token_hash(token), today.isoformat())


def asker(db: Database, who: str) -> Member | None:
    """Whoever asked for work, as their roles are now; None for who works at the terminal, as the operator.

    What has "" was asked for on a page open to anyone, by nobody. A script asked for whoever made its token. A
    disabled account has no roles any more. Raises `NotAllowed` for an address that no account has: nobody answers
    for what it asked.
    """
    if who == TERMINAL:
        return None
    if not who:
        return Member(b"", "", "")
    with db.reading() as connection:
        account = accounts.by_email(connection, who.partition(" (token ")[0])
        if account is None:
            raise NotAllowed(
                f"There is no account any more with the address {who[:100]}, which asked for this, so it is not "
                "done. Ask for it with an account of your own."
            )
        held = {} if account.disabled_on else accounts.roles_of(connection, account.id)
    return Member(account.id, account.email, account.name, held)


def count_asking(db: Database, token: str, minute: int) -> int:
    """Count one request of a script within a minute; how many there are, 0 for a token that is not known."""
    kept = privacy.token_hash(token)
    with db.reading() as connection:
        if not accounts.is_kept(connection, kept):
            return 0
    with db.transaction(kept) as connection:  # beside respondents who are saving, not before them
        return accounts.count_asking(connection, kept, minute)


def end_session(db: Database, token: str) -> None:
    """End a session."""
    with db.transaction() as connection:
        accounts.end(connection, privacy.token_hash(token))


# ── tokens of scripts ────────────────────────────────────────────────────────

TOKEN_ROLES = (MANAGER, AUTHOR, ANALYST)
"""Roles that a script may have. Opening the tray takes the key holder in person, with the key."""

TOKEN_DAYS = 365
"""The longest life of a token."""

LONGEST_LABEL = 40


@needs(MANAGER, AUTHOR, ANALYST)
def make_token(db: Database, maker: Member, survey: str, role: str, label: str, until: date, today: date) -> str:
    """A token for a script with one role in one survey, to the end of a day; only its hash is kept.

    Raises `Refused` for a role that the maker has not or scripts cannot have, a label that is none or is in use,
    and a day that is over or more than a year off.
    """
    token, label = privacy.new_token(), label.strip()
    with db.transaction() as connection:
        taken = {known.label for known in accounts.tokens(connection, maker.id, survey)}
        if faults := _token_faults(maker, survey, role, label, taken, (until - today).days):
            raise Refused(faults, "the token")
        kept = privacy.token_hash(token)
        made = Token(kept, maker.id, survey, role, label, today.isoformat(), until.isoformat())
        accounts.add_token(connection, made)
    return token


def _token_faults(maker: Member, survey: str, role: str, label: str, taken: set[str], days: int) -> list[Problem]:
    faults = []
    if role not in TOKEN_ROLES or not maker.has(survey, role):
        faults.append(Problem("role", "a token of yours cannot have this role", "choose one of those offered"))
    if not label or len(label) > LONGEST_LABEL or not label.isprintable():
        what = f"the name of a token has 1 to {LONGEST_LABEL} characters"
        faults.append(Problem("label", what, "say what the script does"))
    elif label in taken:
        faults.append(Problem("label", "you have a token of this name", "take it back first, or name another"))
    if not 0 <= days <= TOKEN_DAYS:
        what = "the last day is over, or more than a year off"
        faults.append(Problem("until", what, "choose a day within a year"))
    return faults


@needs(MANAGER, AUTHOR, ANALYST)
def tokens(db: Database, survey: str, account: bytes) -> list[Token]:
    """The tokens that an account made in a survey, by label."""
    with db.reading() as connection:
        return accounts.tokens(connection, account, survey)


@needs(MANAGER, AUTHOR, ANALYST)
def take_back_token(db: Database, survey: str, account: bytes, beginning: bytes) -> None:
    """Make a token good for nothing, known by the beginning of its hash.

    Raises `NotFound` for one that this account did not make in this survey.
    """
    with db.transaction() as connection:
        mine = (known.token for known in accounts.tokens(connection, account, survey))
        token = next((token for token in mine if beginning and token.startswith(beginning)), None)
        if token is None:
            raise NotFound("there is no such token; it may have been taken back")
        accounts.drop_token(connection, token)


# ── the trail ────────────────────────────────────────────────────────────────


def record(db: Database, now: int, who: str, what: str, survey: str = "", about: str = "", said: str = "") -> None:
    """Append a line to the trail: `what` is one of `WHAT`. Never anything about a respondent."""
    with db.transaction() as connection:
        _note(connection, By(who, now), what, about, survey, said)


@contextmanager
def doing(db: Database, by: By, what: str, survey: str = "", about: str = "", said: str = "") -> Iterator[None]:
    """Do an act with its line written before it, and another one if it was refused: a door does the same."""
    record(db, by.now, by.who, what, survey, about, said)
    try:
        yield
    except Exception as error:
        record(db, by.now, by.who, what, survey, about, f"was not done ({type(error).__name__})")
        raise


def record_daily(db: Database, now: int, who: str, what: str, survey: str, about: str, said: str) -> None:
    """Append a line unless the same was appended on this day of UTC, by whatever process."""
    act = Act(moment(now), who, survey, what, about, said)
    with db.transaction() as connection:
        if not trail.has(connection, act):
            _note(connection, By(who, now), what, about, survey, said)


def note(connection: Connection, by: By, what: str, about: str = "", survey: str = "", said: str = "") -> None:
    """Append a line in the transaction of the act itself, so that there is both or neither."""
    _note(connection, by, what, about, survey, said)


def _note(
    connection: Connection, by: By | None, what: str, about: str = "", survey: str = "", said: str = ""
) -> None:
    """Append a line, if it is known who did it: demonstrations and tests make accounts without."""
    if what not in WHAT:
        raise KeyError(what)
    if by is not None:
        trail.append(connection, Act(moment(by.now), by.who, survey, what, about, said))


def moment(now: int) -> str:
    """A time in seconds as it stands in the trail: UTC, to the second."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@needs(*ROLES, ADMIN)
def acts(db: Database, sought: Sought | None = None, most: int | None = None) -> list[tuple[int, Act]]:
    """Lines of the trail with their numbers, the newest first; all of them if nothing is sought."""
    with db.reading() as connection:
        return trail.acts(connection, sought or Sought(), most)


@needs(*ROLES, ADMIN)
def sealed_acts(db: Database, sought: Sought) -> list[dict[str, object]]:
    """Lines of the trail as values by column, each with its hash, the newest first."""
    with db.reading() as connection:
        return trail.sealed(connection, sought)


@needs(*ROLES, ADMIN)
def who_acted(db: Database, survey: str | None = None) -> list[str]:
    """Who stands in the trail, of one survey or of all."""
    with db.reading() as connection:
        return trail.people(connection, survey)


@dataclass(frozen=True)
class Soundness:
    """What the chain of the trail says: its lines, the hash of the last, the first that was altered or None.

    `checked` says that the chain was followed; a long one is so only on request.
    """

    lines: int
    last: str
    checked: bool
    broken: int | None = None


AT_ONCE = 5000
"""Lines that are checked whenever the trail is looked at: a twentieth of a second."""


@needs(*ROLES, ADMIN)
def soundness(db: Database, ask: bool = False) -> Soundness:
    """Whether the trail was altered past this programme. A long one is followed if `ask`."""
    with db.reading() as connection:
        lines, last = trail.last(connection)
        checked = ask or lines <= AT_ONCE
        return Soundness(lines, last.hex(), checked, trail.broken(connection) if checked else None)


@needs(*ROLES, ADMIN)
def broken(db: Database) -> int | None:
    """The number of the first line of the trail that was altered past this programme; None if all is well."""
    with db.reading() as connection:
        return trail.broken(connection)


_SURVEY = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def check_survey(name: str) -> str:
    """The name of a survey, as questionnaires bear it. Raises `NotFound` for what can be none."""
    if not _SURVEY.fullmatch(name):
        raise NotFound(f"there is no survey {name[:60]!r}")
    return name
