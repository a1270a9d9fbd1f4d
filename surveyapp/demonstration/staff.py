"""Staff of the demonstration: an account for each role, all with one password that is made afresh each time.

Roles that need a second factor have one here too: its secret is kept beside the password in a file of the
demonstration, so that somebody at the terminal gets in without an authenticator app. Nothing of this exists in an
installation that is no demonstration.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from surveyapp import privacy, publishing, staffing
from surveyapp.config import Home, read_file, secret, write_aside
from surveyapp.problems import NotFound
from surveyapp.roles import ADMIN, EVERY_SURVEY, GUARDED, ROLES
from surveyapp.storage import accounts
from surveyapp.storage.database import Database

DOMAIN = "example.org"


@dataclass(frozen=True)
class Staff:
    """How to get in: the password of all accounts, and the secret of the second factor of those that need one."""

    password: str
    second: str
    plain: tuple[str, ...]
    guarded: tuple[str, ...]

    def code(self, now: int) -> str:
        """The code of the second factor at a time in seconds."""
        return privacy.second_code(self.second, now)


def add_staff(db: Database, home: Home, today: date) -> Staff:
    """An account for each role in the surveys that are published, and one that keeps the accounts."""
    surveys = sorted({version.survey for version in publishing.versions(db)})
    cast = {role: {survey: frozenset({role}) for survey in surveys} for role in ROLES}
    cast[ADMIN] = {EVERY_SURVEY: frozenset({ADMIN})}
    made = Staff(
        password=privacy.new_code(),
        second=privacy.new_second(),
        plain=tuple(_address(role) for role in cast if role not in GUARDED),
        guarded=tuple(_address(role) for role in cast if role in GUARDED),
    )
    for role, roles in cast.items():
        _add(db, home, made, role, roles, today)
    write_aside(_place(home), json.dumps(asdict(made)).encode(), private=True)
    return made


def staff_of(home: Home) -> Staff:
    """How to get into the demonstration in a folder. Raises `NotFound` if there is none."""
    if not _place(home).exists():
        raise NotFound(f"{home.path} holds no demonstration with staff; build one with: surveyapp demo")
    kept = json.loads(read_file(_place(home)))
    return Staff(kept["password"], kept["second"], tuple(kept["plain"]), tuple(kept["guarded"]))


def _add(
    db: Database, home: Home, made: Staff, role: str, roles: Mapping[str, frozenset[str]], today: date
) -> None:
    name = f"The {role.replace('_', ' ')} of the demonstration"
    account = staffing.add_account(db, _address(role), name, roles, today, made.password)
    if role in GUARDED:
        key = secret(home.keys / "staff", privacy.new_secret)
        with db.transaction() as connection:
            sealed = privacy.seal_text(key, made.second, account.id)
            accounts.change(connection, account.id, second=sealed)


def _address(role: str) -> str:
    return f"{role.replace('_', '-')}@{DOMAIN}"


def _place(home: Home) -> Path:
    return home.path / "demonstration-staff"
