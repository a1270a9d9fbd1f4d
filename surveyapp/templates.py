"""The words of a letter: a template with places for what differs, filled in for one organisation.

A line in which a place stays empty (no last day, nobody to ask) is left out. What is filled in is text: it never
becomes a header, nor markup in the HTML of a letter.
"""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from surveyapp.documents import nearest
from surveyapp.problems import Problem, Refused

FINAL = "final"
"""The reminder after which there is none by rule; it is sent by hand."""

STAGES = ("first", "second", "third", FINAL)
"""Reminders that may have words of their own; without them they have those of any reminder."""

REMINDERS = ("reminder", *STAGES)
KINDS = ("invitation", *REMINDERS, "code")
LANGUAGES = ("en", "cy")
"""Those that letters are shipped in, the first where nothing else is known."""

PLACES = {
    "unit.name": "the organisation",
    "contact": "the person written to, or else the organisation",
    "title": "the title of the questionnaire",
    "address": "the address of the site",
    "code": "the access code",
    "closes": "the last day",
    "days_left": "how long that is",
    "sender": "the name of the sender",
    "minutes": "how many minutes it takes",
    "respondent": "who should answer",
    "ask": "whom to ask",
    "invited": "the day of the invitation",
}
"""What may stand in braces, and what it says."""

MAY_BE_EMPTY = ("closes", "days_left", "ask", "invited")
"""A line with one of these may be left out; so no code stands beside them."""

MAX_SUBJECT = 200
MAX_WORDS = 20_000

_PLACE = re.compile(r"\{([^{}\n]{0,60})\}")
_MONTHS = {
    "cy": (
        *("Ionawr", "Chwefror", "Mawrth", "Ebrill", "Mai", "Mehefin"),
        *("Gorffennaf", "Awst", "Medi", "Hydref", "Tachwedd", "Rhagfyr"),
    ),
}


@dataclass(frozen=True)
class Template:
    """The words of one kind of letter in one language; `html` is "" where there is no such part."""

    subject: str
    text: str
    html: str = ""


# ── reading and writing ──────────────────────────────────────────────────────


def read_template(content: bytes, kind: str, markup: bytes = b"") -> Template:
    """The template in a text file: `Subject: …`, an empty line, the text. `markup` is its HTML part.

    Raises `Refused` with every problem and its line.
    """
    text, html_part = _decoded(content), _decoded(markup)
    first, _, rest = text.strip().partition("\n")
    name, colon, subject = first.partition(":")
    if not colon or name.strip().lower() != "subject":
        raise Refused([Problem("subject", "the first line does not begin with Subject:", "write it there", 1)])
    template = Template(" ".join(subject.split()), rest.strip() + "\n", html_part)
    if problems := [*_shape_problems(template), *_place_problems(template, text, html_part, kind)]:
        raise Refused(problems)
    return template


def as_text(template: Template) -> str:
    """What `read_template` reads, the HTML part left out."""
    return f"Subject: {template.subject}\n\n{template.text}"


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise Refused([Problem("letter", "it is not UTF-8 text", "save it as UTF-8")]) from None
    if bad := next((c for c in text if not c.isprintable() and c not in "\n\t\u00a0\u200b\u2028"), None):
        raise Refused([Problem("letter", f"it holds the control character U+{ord(bad):04X}", "remove it")])
    return text


def _shape_problems(template: Template) -> Iterator[Problem]:
    if not template.subject:
        yield Problem("subject", "it is empty", "write what the letter is about", 1)
    if len(template.subject) > MAX_SUBJECT:
        yield Problem("subject", f"it has {len(template.subject)} characters", f"shorten it to {MAX_SUBJECT}", 1)
    if not template.text.strip():
        yield Problem("text", "it is empty", "write the letter under the subject")
    for at, part in (("text", template.text), ("html", template.html)):
        if len(part) > MAX_WORDS:
            yield Problem(at, f"it has {len(part):,} characters", f"shorten it to {MAX_WORDS:,}")


def _place_problems(template: Template, text: str, markup: str, kind: str) -> Iterator[Problem]:
    """Unknown places with the nearest known one; a code where none is known, or none where it is needed."""
    for at, part in (("text", text), ("html", markup)):
        for line, place in _places(part):
            if place not in PLACES:
                yield Problem(at, f"{{{place}}} is not known", nearest(place, list(PLACES)), line)
            elif place == "code" and kind in REMINDERS:
                what = "a reminder holds no code, for only its hash is kept"
                yield Problem(at, what, "refer to the invitation of {invited}", line)
            elif place == "code" and at == "text" and line == 1:
                yield Problem("subject", "an access code must not stand in a subject", "put it in the text", 1)
    yield from _code_problems(template, kind)


def _code_problems(template: Template, kind: str) -> Iterator[Problem]:
    """A letter that lacks its code, or would lose it with a line that is left out."""
    if kind not in REMINDERS:
        for at, part in (("text", template.text), ("html", template.html)):
            if part and "{code}" not in part:
                yield Problem(at, "it holds no access code", "write {code}, or {address}/#{code} as the link")
            for line in part.split("\n"):
                risky = [place for place in MAY_BE_EMPTY if f"{{{place}}}" in line]
                if "{code}" in line and risky:
                    what = f"the line with {{code}} would be left out where {{{risky[0]}}} is not known"
                    yield Problem(at, what, "put them on two lines")


def _places(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        for match in _PLACE.finditer(line):
            if not re.fullmatch(r"[^\w]*|.*[;:].*", match[1]):  # braces of a style sheet are no places
                yield number, match[1]


# ── filling in ───────────────────────────────────────────────────────────────


def filled(template: Template, values: Mapping[str, str]) -> Template:
    """The letter itself. The subject is one line whatever is put into it; the HTML shows values as text."""
    escaped = {name: html.escape(value) for name, value in values.items()}
    subject = " ".join(_line(template.subject, values).split())
    return Template(subject, _body(template.text, values), _body(template.html, escaped))


def _body(text: str, values: Mapping[str, str]) -> str:
    """Every line with its places filled in; a line whose place is empty goes, and gaps do not add up."""
    lines = [_line(line, values) for line in text.split("\n") if not _lacking(line, values)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _lacking(line: str, values: Mapping[str, str]) -> bool:
    return any(match[1] in PLACES and not values.get(match[1]) for match in _PLACE.finditer(line))


def _line(line: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda match: values.get(match[1], match[0]), line)


def said_day(day: str, language: str) -> str:
    """`2012-01-09` in the words of a letter: `9 January 2012`, `9 Ionawr 2012`; "" where there is none."""
    if not day:
        return ""
    given = date.fromisoformat(day)
    months = _MONTHS.get(language)
    return f"{given.day} {months[given.month - 1]} {given.year}" if months else f"{given:%-d %B %Y}"


def said_days(days: int | None, language: str) -> str:
    """How long is left: `12 days`, `1 day`, `less than a day`; Welsh counts with the singular."""
    if days is None or days < 0:
        return ""
    if language == "cy":
        return f"{days} diwrnod" if days else "llai na diwrnod"
    return f"{days} day{'' if days == 1 else 's'}" if days else "less than a day"


# ── the letters that come with the product ───────────────────────────────────

_EN_WAY = """\
Go to {address}/#{code}
or to {address} and type this access code: {code}

Please answer by {closes}.

Share the code only with colleagues who help you answer. Whoever holds it can open the answers until they are sent; nobody can afterwards.

If you have a question about this survey: {ask}
"""  # noqa: E501 (a paragraph is one line: the reader's programme folds it)

_CY_WAY = """\
Ewch i {address}/#{code}
neu i {address} a theipiwch y cod mynediad hwn: {code}

Atebwch erbyn {closes}.

Rhannwch y cod dim ond gyda chydweithwyr sy’n eich helpu i ateb. Gall pwy bynnag sydd â’r cod agor yr atebion nes iddynt gael eu hanfon; ni all neb wedyn.

Os oes gennych gwestiwn am yr arolwg hwn: {ask}
"""  # noqa: E501

DEFAULTS = {
    ("invitation", "en"): Template(
        "{title}",
        "To: {contact}\n{unit.name}\n\n{title}\n\nWe invite you to answer this questionnaire: {respondent}. "
        f"It takes about {{minutes}} minutes, and you can stop and come back.\n\n{_EN_WAY}",
    ),
    ("reminder", "en"): Template(
        "Reminder: {title}",
        """\
To: {contact}
{unit.name}

{title}

We have not had your answers yet: {respondent}. It takes about {minutes} minutes.

The last day to answer is {closes}. Time left: {days_left}.

Go to {address} and type the access code from our invitation.
We sent it on {invited}.

This reminder holds no code, because we do not keep it. If the invitation is lost, reply to this letter and ask for a new code. Answers that were begun with the old code cannot be opened with the new one.

If you have a question or need a new code: {ask}
""",  # noqa: E501
    ),
    ("final", "en"): Template(
        "Last reminder: {title}",
        """\
To: {contact}
{unit.name}

{title}

This is our last letter about this questionnaire: {respondent}. We have not had your answers yet. It takes about {minutes} minutes.

The last day to answer is {closes}. Time left: {days_left}.

Go to {address} and type the access code from our invitation.
We sent it on {invited}.

This reminder holds no code, because we do not keep it. If the invitation is lost, reply to this letter and ask for a new code. Answers that were begun with the old code cannot be opened with the new one.

If you do not want to answer, there is nothing to do: we will not write again.

If you have a question or need a new code: {ask}
""",  # noqa: E501
    ),
    ("code", "en"): Template(
        "A new access code: {title}",
        "To: {contact}\n{unit.name}\n\n{title}\n\nThis is your new access code. The code that we sent before no "
        f"longer works, and answers that were begun with it have been erased.\n\n{_EN_WAY}",
    ),
    ("invitation", "cy"): Template(
        "{title}",
        "At: {contact}\n{unit.name}\n\n{title}\n\nRydym yn eich gwahodd i ateb yr holiadur hwn: {respondent}. "
        f"Mae’n cymryd tua {{minutes}} munud, a gallwch stopio a dod yn ôl.\n\n{_CY_WAY}",
    ),
    ("reminder", "cy"): Template(
        "Nodyn atgoffa: {title}",
        """\
At: {contact}
{unit.name}

{title}

Nid ydym wedi cael eich atebion eto: {respondent}. Mae’n cymryd tua {minutes} munud.

Y diwrnod olaf i ateb yw {closes}. Amser ar ôl: {days_left}.

Ewch i {address} a theipiwch y cod mynediad o’n gwahoddiad.
Fe’i hanfonwyd ar {invited}.

Nid oes cod yn y nodyn hwn, gan nad ydym yn ei gadw. Os yw’r gwahoddiad ar goll, atebwch y llythyr hwn i ofyn am god newydd. Ni ellir agor atebion a ddechreuwyd gyda’r hen god gyda’r un newydd.

Os oes gennych gwestiwn neu os oes angen cod newydd arnoch: {ask}
""",  # noqa: E501
    ),
    ("final", "cy"): Template(
        "Nodyn atgoffa olaf: {title}",
        """\
At: {contact}
{unit.name}

{title}

Dyma ein llythyr olaf am yr holiadur hwn: {respondent}. Nid ydym wedi cael eich atebion eto. Mae’n cymryd tua {minutes} munud.

Y diwrnod olaf i ateb yw {closes}. Amser ar ôl: {days_left}.

Ewch i {address} a theipiwch y cod mynediad o’n gwahoddiad.
Fe’i hanfonwyd ar {invited}.

Nid oes cod yn y nodyn hwn, gan nad ydym yn ei gadw. Os yw’r gwahoddiad ar goll, atebwch y llythyr hwn i ofyn am god newydd. Ni ellir agor atebion a ddechreuwyd gyda’r hen god gyda’r un newydd.

Os nad ydych am ateb, nid oes angen gwneud dim: ni fyddwn yn ysgrifennu eto.

Os oes gennych gwestiwn neu os oes angen cod newydd arnoch: {ask}
""",  # noqa: E501
    ),
    ("code", "cy"): Template(
        "Cod mynediad newydd: {title}",
        "At: {contact}\n{unit.name}\n\n{title}\n\nDyma eich cod mynediad newydd. Nid yw’r cod a anfonwyd o’r "
        f"blaen yn gweithio mwyach, ac mae’r atebion a ddechreuwyd gydag ef wedi’u dileu.\n\n{_CY_WAY}",
    ),
}
"""By kind and language. A questionnaire in another language is announced in English until it has its own words."""
