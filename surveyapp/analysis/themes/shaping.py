"""Codeframes written by forms: from what somebody filled in to the document, as it would be written by hand."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from surveyapp.problems import Problem

TEXTS = ("label", "definition", "example", "include", "exclude")
"""The texts of a theme, the first two of which it must have."""


@dataclass(frozen=True)
class Row:
    """One theme as it was filled in: all of it text. `became` are the codes that took its place, with blanks.

    `place` is its number in the order; `was` is the code it had before, "" for a new one; `retired` is not "" if
    it is to go.
    """

    code: str = ""
    label: str = ""
    definition: str = ""
    example: str = ""
    include: str = ""
    exclude: str = ""
    parent: str = ""
    place: str = ""
    was: str = ""
    retired: str = ""
    became: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was filled in."""
        return not any(getattr(self, name).strip() for name in ("code", *TEXTS))


ROW_FIELDS = tuple(entry.name for entry in fields(Row))


@dataclass(frozen=True)
class Heads:
    """What a codeframe has beside its themes, as it was filled in."""

    title: str
    version: str
    who: str
    by: tuple[str, ...] = field(default=())


def coined(label: str, taken: Collection[str]) -> str:
    """A code for a label, or an id for a title: its words in small letters, with a number if that is taken."""
    words = re.sub(r"[^a-z0-9]+", "_", label.casefold()).strip("_")[:34].strip("_") or "theme"
    stem = words if words[0].isalpha() else f"t_{words}"
    numbered = (stem if n == 1 else f"{stem}_{n}" for n in range(1, len(taken) + 2))
    return next(code for code in numbered if code not in taken)


def next_version(version: str) -> str:
    """The name that a newer version would have: its last number is one more."""
    found = re.fullmatch(r"(.*?)([0-9]{1,9})", version)
    return f"{found[1]}{int(found[2]) + 1}" if found else f"{version[:38]}.2"


def listed_themes(lines: str) -> tuple[list[dict[str, str]], list[Problem]]:
    """Themes from lines such as `Money: anything about the budget`, and what is wrong with which line."""
    themes: list[dict[str, str]] = []
    problems = []
    for i, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        label, _, definition = (part.strip() for part in line.partition(":"))
        if label and definition:
            code = coined(label, [theme["code"] for theme in themes])
            themes.append({"code": code, "label": label, "definition": definition})
        else:
            do = "write a label, a colon and what the theme means"
            problems.append(Problem("themes", f"line {i} does not say what the theme means", do))
    if not themes and not problems:
        problems.append(Problem("themes", "there is no theme", "write the first themes, each on a line"))
    return themes, problems


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows by their number, retired ones last, without those where nothing was filled in."""
    filled = [row for row in rows if not row.is_blank]
    return sorted(filled, key=lambda row: (bool(row.retired), _number(row.place)))


def _number(place: str) -> float:
    return float(place) if re.fullmatch(r"[0-9]{1,4}([.][0-9]{1,4})?", place.strip()) else 10_000


def rows_of(document: Mapping[str, Any]) -> list[Row]:
    """The rows of a form that would write the themes of a document as they are."""
    return [
        Row(
            code=theme["code"],
            **{name: _shown(theme.get(name, "")) for name in TEXTS},
            parent=theme.get("parent", ""),
            place=str(i),
            was=theme["code"],
        )
        for i, theme in enumerate(document["themes"], 1)
    ]


def reworked(before: Mapping[str, Any], heads: Heads, rows: Sequence[Row], in_use: bool) -> dict[str, Any]:
    """The document after somebody has worked on it by a form; `rows` come from `in_order`.

    Of a codeframe that is `in_use` it says what became of themes that are gone.
    """
    known = {theme["code"]: theme for theme in before["themes"]}
    taken = [row.code.strip() for row in rows if row.code.strip()]
    themes = [_theme(known.get(row.was, {}), row, taken) for row in rows if not row.retired]
    document = {**before, "title": _text(before["title"], heads.title), "version": heads.version, "themes": themes}
    by = [*heads.by]
    document["attribution"] = {**before.get("attribution", {}), "who": _text(_who(before), heads.who), "by": by}
    if in_use and heads.version != before["version"]:
        nets = {theme.get("parent") for theme in before["themes"]}
        changed = [row for row in rows if row.was and row.was not in nets and (row.retired or row.became.split())]
        became = {row.was: row.became.split() for row in changed}
        document["was"] = {"version": before["version"], "themes": became}
    return document


def _theme(before: Mapping[str, Any], row: Row, taken: Collection[str]) -> dict[str, Any]:
    code = row.code.strip() or coined(row.label, taken)
    texts = {name: _text(before.get(name, ""), getattr(row, name)) for name in TEXTS}
    kept = {name: text for name, text in texts.items() if text or name in TEXTS[:2]}
    return {"code": code, **kept, **({"parent": row.parent} if row.parent else {})}


def _who(document: Mapping[str, Any]) -> Any:
    return document.get("attribution", {}).get("who", "Survey respondent")


def who_of(document: Mapping[str, Any]) -> str:
    """Whom the quotations of a document are attributed to, in its first language."""
    return _shown(_who(document))


def _shown(text: Any) -> str:
    """A text in its first language."""
    return str(next(iter(text.values()), "")) if isinstance(text, dict) else str(text)


def _text(before: Any, typed: str) -> Any:
    """What was typed; of a text with translations it is the first language."""
    words = " ".join(typed.split())
    if isinstance(before, dict) and before and words:
        return {**before, next(iter(before)): words}
    return words
