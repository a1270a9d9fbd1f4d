"""Keeping the translations: what the program says, found in its sources, and the catalogues that say it otherwise.

`python -m surveyapp.web.catalogue` (or `make translations`) brings every catalogue up to date and compiles it.
`translations/README.md` says who does what.
"""

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

SOURCES = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "translations"
METHODS = [("**.py", "python"), ("web/templates/**.html", "jinja2")]
OPTIONS = {"web/templates/**.html": {"trimmed": "true", "silent": "false"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None, "say": None, "say_n": (1, 2)}
DUE = "professional translation due"
"""Stands over each entry that nobody has checked; a translator takes it away."""


def files() -> Iterator[Path]:
    """Every catalogue, as translators edit it."""
    yield from sorted(FOLDER.glob("*/LC_MESSAGES/messages.po"))


def extract() -> Catalog:
    """Everything that the program says to respondents, with the files where it stands."""
    found = Catalog(project="surveyapp", charset="utf-8")
    spoken = extract_from_dir(SOURCES, METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True)
    for file, _line, message, comments, context in spoken:
        found.add(message, locations=[(file, 0)], auto_comments=comments, context=context)
    return found


def read(file: Path) -> Catalog:
    """The catalogue in a file."""
    with file.open("rb") as stream:
        return read_po(stream, locale=file.parents[1].name, abort_invalid=True)


def updated(catalogue: Catalog, found: Catalog) -> bytes:
    """The text of a catalogue with what is new, empty and due, and without what is no longer said."""
    known = {message.id for message in catalogue}
    catalogue.update(found, no_fuzzy_matching=True, update_creation_date=False)
    for message in catalogue:
        if message.id and message.id not in known:
            message.user_comments = [DUE]
    return _written(catalogue)


def compiled(catalogue: Catalog) -> bytes:
    """The same catalogue as the program reads it."""
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def _written(catalogue: Catalog) -> bytes:
    stream = io.BytesIO()
    write_po(stream, catalogue, width=100, sort_output=True, ignore_obsolete=True, include_lineno=False)
    return stream.getvalue()


def main() -> None:
    """Bring every catalogue up to date and compile it."""
    found = extract()
    for file in files():
        file.write_bytes(updated(read(file), found))
        file.with_suffix(".mo").write_bytes(compiled(read(file)))


if __name__ == "__main__":
    main()
