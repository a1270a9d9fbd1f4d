"""The visit: who is at work in this browser, as its sealed cookie says, and what lies before them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from surveyapp import collecting
from surveyapp.collecting import Desk, Visit
from surveyapp.instrument import Instrument
from surveyapp.keyring import Keys
from surveyapp.problems import UnknownCode
from surveyapp.storage.database import Database
from surveyapp.storage.waves import Wave
from surveyapp.web import brand, languages

pages = Blueprint("respondent", __name__)
"""All pages of the respondent app; `entrance`, `answering` and `sending` fill it."""


@dataclass(frozen=True)
class Site:
    """What the views work with: the store, the server's half of the draft keys, the day."""

    db: Database
    peppers: Keys
    today: Callable[[], date]
    rings: Sequence[Keys] = ()
    """All keys that these pages and those served beside them need, the peppers among them."""

    @property
    def pepper(self) -> Sequence[bytes]:
        """The server's half of new draft keys, then those of drafts that were saved before it was changed."""
        return self.peppers.opening


def site() -> Site:
    """The installation that is served."""
    served: Site = current_app.extensions["surveyapp"]
    return served


def remember(visit: Visit) -> None:
    """Put a visit into the cookie, in place of all that was there but the language."""
    languages.forget_all_else()
    hidden = [part.hex() for part in (visit.code_hash, visit.salt, visit.key)]
    before = [visit.before.hex()] if visit.before else []
    session["visit"] = [visit.wave, *hidden, visit.seed, visit.new_code, *before]


def remembered() -> Visit | None:
    """The visit in the cookie, if there is one."""
    held = session.get("visit")
    if held is None:
        return None
    wave, code_hash, salt, key, seed, new_code, *before = held
    code_hash, salt, key = (bytes.fromhex(part) for part in (code_hash, salt, key))
    return Visit(wave, code_hash, salt, key, seed, new_code, bytes.fromhex("".join(before)))


def visit() -> Visit:
    """The visit in the cookie. Raises `UnknownCode` if there is none."""
    held = remembered()
    if held is None:
        raise UnknownCode("no visit is open in this browser")
    return held


def desk(of: Visit | None = None) -> Desk:
    """What lies before this visitor, and the page's language and looks with it."""
    return dressed(collecting.desk(site().db, of or visit(), site().today()))


def dressed(found: Desk) -> Desk:
    """The same desk; the page that is being made takes the wave's language and looks."""
    if found.language in found.instrument.languages:
        session.setdefault("language", found.language)
    dress(found.wave, found.instrument)
    return found


def dress(wave: Wave, instrument: Instrument) -> None:
    """Let the page that is being made speak a questionnaire's language and wear its wave's looks."""
    brand.wear(wave)
    languages.speak(instrument.languages)


def to_work(found: Desk) -> ResponseReturnValue:
    """Go to the first page that waits, or to the check page."""
    address = url_for(".page", page=found.next) if found.next else url_for(".check")
    return redirect(address, 303 if request.method == "POST" else 302)
