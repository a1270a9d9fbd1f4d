"""What a page wears: the name, the contact and the colour of the wave that it belongs to, else those of the site.

A colour comes as a stylesheet of its own, since our policy refuses inline style. It sets the three custom
properties that `app.css` is written with, and browsers may keep it: its address names the colour.
"""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from flask import Blueprint, Flask, current_app, g
from werkzeug.routing import BaseConverter

from surveyapp import campaigning
from surveyapp.colours import shades
from surveyapp.fieldwork import is_email
from surveyapp.problems import NotFound
from surveyapp.web.lean import Answer

sheets = Blueprint("brand", __name__)

A_MONTH = 30 * 24 * 60 * 60
"""Seconds that a stylesheet may be kept; not for ever, as a newer version of ours may draw other shades."""


@dataclass(frozen=True)
class Look:
    """What a page wears; "" and None are the site's own. `colour` is "#rrggbb"."""

    service: str = ""
    contact: str = ""
    colour: str | None = None

    @property
    def mailto(self) -> str | None:
        """The address of a link to the contact, if that is an e-mail address and nothing else."""
        return f"mailto:{quote(self.contact, safe='@')}" if is_email(self.contact) else None


class Dressed(Protocol):
    """A wave, or the error that a wave is not open."""

    @property
    def service(self) -> str:
        """The name that its pages bear."""

    @property
    def contact(self) -> str:
        """Whom to ask."""

    @property
    def colour(self) -> str:
        """As "#rrggbb"."""


class Colour(BaseConverter):
    """A colour in an address: without its #, which begins a fragment there."""

    regex = "[0-9a-f]{6}"

    def to_python(self, value: str) -> str:
        """`0b5563` as the core writes it."""
        return f"#{value}"

    def to_url(self, value: str) -> str:
        """`#0b5563` as it stands in an address."""
        return value.removeprefix("#")


def install(app: Flask) -> None:
    """Give every page of an app a `look`, and serve the stylesheets of the waves' colours."""
    app.url_map.converters["colour"] = Colour
    app.register_blueprint(sheets)
    app.context_processor(lambda: {"look": worn()})


def wear(*dressed: Dressed) -> None:
    """Let this request's page wear what a wave has; of several waves, what all of them share."""
    g.look = Look(
        _shared({each.service for each in dressed}),
        _shared({each.contact for each in dressed}),
        _shared({each.colour for each in dressed}) or None,
    )


def worn() -> Look:
    """What the page that is being made wears."""
    found: Look = g.get("look", _PLAIN)
    return found


_PLAIN = Look()


def _shared(values: set[str]) -> str:
    return values.pop() if len(values) == 1 else ""


@sheets.get("/brand/<colour:colour>.css")
def stylesheet(colour: str) -> Answer:
    """The shades of a colour that some wave has. Nothing of the visitor is in it: no cookie goes with it."""
    if not campaigning.has_colour(current_app.extensions["surveyapp"].db, colour):
        raise NotFound("no wave has this colour")
    found = shades(colour)
    response = Answer(
        f":root{{--app-brand:{found.brand};--app-brand-dark:{found.dark};--app-brand-tint:{found.tint}}}\n",
        mimetype="text/css",
    )
    response.public = True
    response.headers["Cache-Control"] = f"public, max-age={A_MONTH}"
    return response
