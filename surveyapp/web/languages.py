"""Which language a page speaks, and how its sentences, labels and days are said in it.

Two things are chosen together. The *language* is that of the questionnaire's own texts and may be any that it has.
The *interface* is ours, in English and Welsh: where a questionnaire speaks another language, ours is English.

What the browser says of itself is passed over on purpose: locked-down English browsers stand at Welsh bodies. A
visitor chooses by the switch on each page, and the cookie remembers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import flask_babel
from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from flask import Flask, g, request, session, url_for
from jinja2 import pass_context
from jinja2.runtime import Context

from surveyapp.instrument import Text
from surveyapp.problems import Words

INTERFACE = ("en", "cy")
"""What our own words can be said in, the first where nothing else is known."""


@dataclass(frozen=True)
class Tongue:
    """A language that this page can also be read in: its code, its own name, and the address that chooses it."""

    code: str
    name: str
    address: str


def install(app: Flask) -> None:
    """Teach an app the languages: `_()` and `ngettext()` in templates, the filter `translated`, the switch."""
    babel = flask_babel.Babel(configure_jinja=False)
    babel.init_app(app, default_locale=INTERFACE[0], locale_selector=interface)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals["_"] = _made_once(app.jinja_env.globals["gettext"])
    app.jinja_env.globals["other_languages"] = other_languages
    app.jinja_env.filters["translated"] = translated
    app.context_processor(lambda: {"language": language(), "interface": interface()})


# ── choosing ─────────────────────────────────────────────────────────────────


def speak(available: Sequence[str]) -> str:
    """Choose this page's language among those of its questionnaire, and offer the others on the page.

    What `?lang=` asks for is taken, and remembered, if it is one of them; then what the cookie remembers; else it
    is the first.
    """
    wish = request.args.get("lang") if request.method in {"GET", "HEAD"} else None
    if wish in available:
        session["language"] = wish
    held = session.get("language")
    _use(str(held) if held in available else available[0])
    g.languages = tuple(available)
    return str(g.language)


def greet(fielded: Iterable[Sequence[str]]) -> str:
    """Choose the language of the first page: Welsh is offered if any questionnaire in the field has it."""
    spoken = {name for languages in fielded for name in languages}
    return speak([name for name in INTERFACE if name == INTERFACE[0] or name in spoken])


def choose(wanted: str, available: Sequence[str]) -> None:
    """Remember a choice made by a button; one that the questionnaire does not have is passed over."""
    if wanted in available:
        session["language"] = wanted


def forget_all_else() -> None:
    """Empty the cookie but for the visitor's language."""
    kept = session.get("language")
    session.clear()
    if kept:
        session["language"] = kept


def language() -> str:
    """The language of this page's texts; where no questionnaire is known, the visitor's among our own."""
    if "language" not in g:
        speak(INTERFACE)
        g.languages = ()
    return str(g.language)


def spoken() -> tuple[str, tuple[str, ...]]:
    """The language of this page's texts, and all that it is offered in."""
    return language(), g.get("languages", ())


def interface() -> str:
    """The language of our own words on this page."""
    chosen = language()
    return chosen if chosen in INTERFACE else INTERFACE[0]


def other_languages() -> list[Tongue]:
    """What this page can also be read in. After a form it leads to the first page, for a form has no address."""
    here = request.path if request.method in {"GET", "HEAD"} else url_for("respondent.home")
    others = [code for code in g.get("languages", ()) if code != g.language]
    return [Tongue(code, _own_name(code), f"{here}?lang={code}") for code in others]


def _use(chosen: str) -> None:
    if "language" in g:  # what has been said so far was in another one
        g.pop("translations", None)
        g.pop("sentences", None)
        flask_babel.refresh()
    g.language = chosen


@cache
def _own_name(code: str) -> str:
    """`cy` is Cymraeg."""
    try:
        name = Locale.parse(code).get_language_name() or code
    except UnknownLocaleError:
        return code
    return name[0].upper() + name[1:]


# ── saying ───────────────────────────────────────────────────────────────────


def translated(value: object) -> str:
    """A sentence of ours, an author's text or a lazy one, in the page's language; other words stay as they are."""
    if isinstance(value, Words):
        said = {name: _said(part) for name, part in value.values.items()}
        return _template(value).format(**said)
    if isinstance(value, Text):
        return value.in_language(language())
    return str(value)


def printed_day(day: str | date) -> str:
    """`2012-03-01` as people read it in the page's language: `1 March 2012`, `1 Mawrth 2012`."""
    given = date.fromisoformat(day) if isinstance(day, str) else day
    return format_date(given, "d MMMM y", locale=_locale(interface()))


def _template(words: Words) -> str:
    if isinstance(words.template, tuple):
        number: Any = words.values["n"]
        return _ngettext(*words.template, number)
    return _gettext(words.template)


class _Printed(str):
    """Words that stand as they are, whatever a template says about printing them."""

    def __format__(self, _spec: str) -> str:
        return str(self)


def _said(part: object) -> object:
    if isinstance(part, date):
        return _Printed(printed_day(part))
    return translated(part) if isinstance(part, Words | Text) else part


def _made_once(make: Any) -> Any:
    """`_()` for templates: a sentence without values is made once a language, for a page has a hundred of them."""
    made: dict[str, dict[str, Any]] = {name: {} for name in INTERFACE}

    @pass_context
    def sentence(context: Context, message: str, /, **values: object) -> Any:
        if values:
            return make(context, message, **values)
        try:
            return g.sentences[message]
        except (AttributeError, KeyError):
            g.sentences = made[interface()]
            return g.sentences.setdefault(message, make(context, message))

    return sentence


def _gettext(message: str) -> str:
    return str(_translations().ugettext(message))


def _ngettext(one: str, many: str, n: int) -> str:
    return str(_translations().ungettext(one, many, n))


def _translations() -> Any:
    """The catalogue of this page, looked up once: Flask-Babel's own way takes some microseconds a word."""
    try:
        return g.translations
    except AttributeError:
        language()
        g.translations = flask_babel.get_translations()
        return g.translations


_locale: Callable[[str], Locale] = cache(Locale.parse)
