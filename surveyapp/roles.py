"""Who on the staff may do what: roles are given survey by survey, and no role holds both frame and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MANAGER, AUTHOR, ANALYST, KEY_HOLDER = "manager", "author", "analyst", "key_holder"

ROLES: Mapping[str, str] = {
    MANAGER: "runs the fieldwork: the frame, invitations, reminders, response rates; sees no answers",
    AUTHOR: "writes and publishes questionnaires",
    ANALYST: "sees released answers, makes tables and exports, codes open answers; sees no frame",
    KEY_HOLDER: "opens the tray with the private key of a wave",
}
"""The roles within a survey, each with what it is for."""

ADMIN = "admin"
"""Keeps the accounts of the whole installation; sees no frame, no answers and no questionnaires."""

TERMINAL = "terminal"
"""In place of an address, for whoever works at the command line of the server: no account can have it."""

EVERY_SURVEY = ""
"""Stands in place of a survey for what holds for the whole installation."""

GUARDED = frozenset({MANAGER, KEY_HOLDER, ADMIN})
"""Roles that need a second factor at every sign-in."""


@dataclass(frozen=True)
class Member:
    """Somebody of the staff at work: an account that is signed in, or a script with a token.

    `roles` has the roles by survey; `second` says that the second factor was shown at this sign-in, `has_second`
    that there is one. A script has no account: `id` is empty.
    """

    id: bytes
    email: str
    name: str
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    second: bool = False
    has_second: bool = False

    @property
    def surveys(self) -> list[str]:
        """The surveys in which this member has any role, by name."""
        return sorted(survey for survey in self.roles if survey != EVERY_SURVEY)

    @property
    def is_admin(self) -> bool:
        """Whether this member keeps the accounts."""
        return ADMIN in self.roles.get(EVERY_SURVEY, ())

    @property
    def guarded(self) -> bool:
        """Whether any of the roles needs the second factor."""
        return any(GUARDED & held for held in self.roles.values())

    @property
    def is_through(self) -> bool:
        """Whether the password was enough, or the second factor was shown after it."""
        return self.second or not (self.has_second or self.guarded)

    def has(self, survey: str, *roles: str) -> bool:
        """Whether this member has one of these roles in a survey."""
        return not self.roles.get(survey, frozenset()).isdisjoint(roles)


def sees_both(roles: Mapping[str, frozenset[str]]) -> list[str]:
    """The surveys in which one person would see both the list of organisations and the answers."""
    return sorted(survey for survey, held in roles.items() if {MANAGER, ANALYST} <= held)
