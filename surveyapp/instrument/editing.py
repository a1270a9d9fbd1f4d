"""Editing a questionnaire by forms: each edit takes the text of its JSON and gives the text with little changed.

A part is named by its *place*: `front`, `0` (a section), `0-1` (a page), `0-1-2` (a question or note), counted
from 0; an answer or row that is shown on a condition of its own has one too: `0-1-2-options-3`. Its form has a
field for each thing that may be said about it, named like a JSON pointer below the part with "." for "/": `text`,
`options.2.label`; where a questionnaire speaks several languages, `text.cy`. What is typed goes into the text as
it is where it cannot be read; `checking` then says what is wrong with it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from surveyapp.documents import Document
from surveyapp.instrument import splicing
from surveyapp.instrument.checking import Examined, examine
from surveyapp.instrument.fields import FRONT, LISTED, TYPES, Field, fields, lists
from surveyapp.instrument.model import Page
from surveyapp.problems import NotFound, Problem, Refused

Json = Any


# ── places ───────────────────────────────────────────────────────────────────


def at_place(place: str) -> str:
    """The JSON pointer of a place. Raises `NotFound` for what is none."""
    if place == FRONT:
        return ""
    if not re.fullmatch(r"\d{1,4}(-\d{1,4}){0,2}", place, re.ASCII):
        raise NotFound("the questionnaire has no such part; it may have been moved")
    return "".join(f"/{key}/{int(i)}" for key, i in zip(_KEYS, place.split("-"), strict=False))


_KEYS = ("sections", "pages", "questions")


def part_at(value: Json, place: str) -> dict[str, Json]:
    """The part of a document at a place. Raises `NotFound`."""
    found = value
    for key in at_place(place).split("/")[1:]:
        if isinstance(found, list):
            found = found[int(key)] if key.isdigit() and int(key) < len(found) else None
        else:
            found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise NotFound("the questionnaire has no such part; it may have been moved")
    return found


_ENTRY = re.compile(r"(\d{1,4}-\d{1,4}-\d{1,4})-(options|rows)-(\d{1,4})", re.ASCII)


def part_of(place: str) -> str:
    """The place of the question that an answer or a row belongs to; any other place is its own."""
    found = _ENTRY.fullmatch(place)
    return found[1] if found else place


def shown_at(value: Json, place: str) -> tuple[str, str, dict[str, Json]]:
    """What can have a condition: the place of the part that it is or is in, its JSON pointer, and its JSON.

    A section, a page, a question or note; an answer or a row of a question. Raises `NotFound`.
    """
    found = _ENTRY.fullmatch(place)
    if not found:
        return place, at_place(place), part_at(value, place)
    question, name, index = found[1], found[2], int(found[3])
    listed = part_at(value, question).get(name)
    entry = listed[index] if isinstance(listed, list) and index < len(listed) else None
    if not isinstance(entry, dict):
        raise NotFound("the question has no such answer; it may have been moved")
    return question, f"{at_place(question)}/{name}/{index}", entry


def parts(value: Json) -> Iterator[tuple[str, dict[str, Json]]]:
    """Every section, page and question or note of a document, in order; what is none of them is passed over."""
    yield from _below(value, _KEYS, "")


def _below(value: Json, keys: Sequence[str], place: str) -> Iterator[tuple[str, dict[str, Json]]]:
    entries = value.get(keys[0]) if keys and isinstance(value, dict) else None
    for i, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            here = f"{place}-{i}" if place else f"{i}"
            yield here, entry
            yield from _below(entry, keys[1:], here)


def place_at(document: Document, line: int) -> str:
    """The innermost part that begins on a line or before it; `front` above the first section."""
    found, where = FRONT, 0
    for place, _ in parts(document.value):
        begins = document.lines.get(at_place(place), 0)
        if where <= begins <= line:
            found, where = place, begins
    return found


def languages(value: Json) -> list[str]:
    """The languages of a document, in its order; English where it names none."""
    named = value.get("languages") if isinstance(value, dict) else None
    given = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    return given or ["en"]


# ── the form of a part ───────────────────────────────────────────────────────


def counts(place: str, part: Mapping[str, Json]) -> dict[str, int]:
    """How many entries each list of a part has."""
    return {name: len(_entries(part, name)) for name in lists(place, part)}


def filled(place: str, part: Mapping[str, Json], spoken: Sequence[str]) -> dict[str, str]:
    """The form of a part as it stands."""
    form = _filled("", fields(place, part), part, spoken)
    for name, its in lists(place, part).items():
        for i, entry in enumerate(_entries(part, name)):
            form |= _filled(f"{name}.{i}.", its, entry, spoken)
    return form


def _entries(part: Mapping[str, Json], name: str) -> list[Mapping[str, Json]]:
    listed = part.get(name)
    if name == "probes":
        return [{_BARE: entry} for entry in listed] if isinstance(listed, list) else []
    return [entry if isinstance(entry, dict) else {} for entry in listed] if isinstance(listed, list) else []


_BARE = "words"
"""The name of the field that is the whole entry of a list of words."""


def _filled(prefix: str, its: Sequence[Field], part: Mapping[str, Json], spoken: Sequence[str]) -> dict[str, str]:
    form: dict[str, str] = {}
    for field in its:
        value = _told(part, field)
        if field.kind == "words":
            form |= {
                f"{prefix}{name}": _wording(value, language, spoken)
                for name, language in _boxes(field, spoken).items()
            }
        else:
            form[f"{prefix}{field.name}"] = _typed(field, value)
    return form


def _told(part: Mapping[str, Json], field: Field) -> Json:
    """What a part says of one thing, where that stands in it."""
    found: Json = part
    for key in field.name.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _boxes(field: Field, spoken: Sequence[str]) -> dict[str, str]:
    """The form fields of a wording, with their languages."""
    return {f"{field.name}.{each}": each for each in spoken} if len(spoken) > 1 else {field.name: spoken[0]}


def _wording(value: Json, language: str, spoken: Sequence[str]) -> str:
    if isinstance(value, dict):
        return str(value.get(language, ""))
    return str(value) if value is not None and language == spoken[0] else ""


def _typed(field: Field, value: Json) -> str:
    if field.kind == "flag":
        return "y" if value is True else ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if value is None or value is False:
        return field.usual
    return "true" if value is True else str(value)


# ── edits ────────────────────────────────────────────────────────────────────


def rewritten(text: str, value: Json, place: str, form: Mapping[str, str]) -> str:
    """The text with a part as its form says; what the form leaves as it was stays as it was typed."""
    part, spoken = part_at(value, place), languages(value)
    start, end = splicing.span(text, at_place(place))
    margin = text[text.rfind("\n", 0, start) + 1 : start]
    margin = "" if margin.strip() else margin
    words = margin + text[start:end]  # with its first margin, by which what is put in is laid out
    words = _rewritten(words, "", fields(place, part), part, form, spoken)
    for name, its in lists(place, part).items():
        for i, entry in enumerate(_entries(part, name)):
            words = _rewritten(words, f"/{name}/{i}", its, entry, form, spoken)
    return text[: start - len(margin)] + words + text[end:]


def _rewritten(
    words: str,
    at: str,
    its: Sequence[Field],
    part: Mapping[str, Json],
    form: Mapping[str, str],
    spoken: Sequence[str],
) -> str:
    prefix = at[1:].replace("/", ".") + "." if at else ""
    before = _filled(prefix, its, part, spoken)
    for field in its:
        boxes = _boxes(field, spoken) if field.kind == "words" else {field.name: ""}
        names = [f"{prefix}{name}" for name in boxes]
        typed = {name: form.get(name, "" if field.kind == "flag" else before[name]) for name in names}
        if any(typed[name] != before[name] for name in names):
            where = at if field.bare else f"{at}/{field.name.replace('.', '/')}"
            words = _said(words, where, field, _told(part, field), list(typed.values()), spoken)
    return words


def _said(words: str, at: str, field: Field, value: Json, typed: Sequence[str], spoken: Sequence[str]) -> str:
    """One thing said anew: a key that says nothing goes."""
    if field.kind == "words":
        new = _new_wording(value, typed, spoken)
    else:
        new = _new_value(field, typed[0].strip())
    if new is None and not field.must:
        return _without(words, at, "." in field.name) if value is not None else words
    if isinstance(new, dict) and isinstance(value, dict):
        for language in [name for name in new if new[name] != value.get(name)]:
            words = splicing.put(words, f"{at}/{language}", new[language])
        for language in [name for name in value if name not in new]:
            words = splicing.remove(words, f"{at}/{language}")
        return words
    return _put(words, at, "" if new is None else new, "." in field.name)


def _put(words: str, at: str, new: Json, is_inner: bool) -> str:
    """A value put where it belongs; an inner one into an object of its own, which may not be there yet."""
    above, _, key = at.rpartition("/")
    if is_inner:
        try:
            splicing.span(words, above)
        except KeyError:
            return splicing.put(words, above, {key: new})
    return splicing.put(words, at, new)


def _without(words: str, at: str, is_inner: bool) -> str:
    """A key taken away, with the object that held nothing else."""
    above = at.rpartition("/")[0]
    alone = is_inner and len(splicing.entries(words, splicing.span(words, above)[0])) == 1
    return splicing.remove(words, above if alone else at)


def _new_wording(value: Json, typed: Sequence[str], spoken: Sequence[str]) -> str | dict[str, str] | None:
    if len(spoken) == 1 and not isinstance(value, dict):
        return typed[0] if typed[0].strip() else None
    others = (
        {name: words for name, words in value.items() if name not in spoken} if isinstance(value, dict) else {}
    )
    said = {name: words for name, words in zip(spoken, typed, strict=True) if words.strip()} | others
    return said or None


def _new_value(field: Field, typed: str) -> Json:
    if field.kind == "flag":
        return True if typed else None
    if not typed or (field.usual and typed == field.usual):
        return None
    if field.kind == "names":
        return [each.strip() for each in typed.split(",") if each.strip()]
    if field.kind == "numbers":
        return [_number(each.strip()) for each in typed.split(",")]
    if field.name == "required" and typed == "true":
        return True
    return _number(typed) if field.kind in {"whole", "number"} else typed


def _number(typed: str) -> int | float | str:
    plain = typed.replace(",", "").replace(" ", "")
    if re.fullmatch(r"-?\d{1,15}", plain, re.ASCII):
        return int(plain)
    return float(plain) if re.fullmatch(r"-?\d{1,11}\.\d{1,4}", plain, re.ASCII) else typed


class Fixed(Refused):
    """A form changes names under which answers of published versions are kept; each problem is at its field."""


def edited(
    text: str,
    value: Json,
    place: str,
    form: Mapping[str, str],
    published: Mapping[str, frozenset[str]],
    sure: bool = False,
) -> str:
    """The text with a part as its form says, and with what reads it following a changed id or code.

    `published` has the codes of each question that was ever published. Raises `Refused` with each fault at its
    field, `Fixed` if a published id or code would change without the author being `sure`.
    """
    part = part_at(value, place)
    changes = renamed(place, part, form) if place.count("-") == 2 else []
    fixed = [change for change in changes if _is_published(change, str(part.get("id")), published)]
    if fixed and not sure:
        raise Fixed([_fixed(change) for change in fixed])
    new = rewritten(text, value, place, form)
    if changes:
        new = follow(new, json.loads(new), str(part.get("id")), changes)
    if any(change.field == "id" for change in fixed) and "was" not in part and not form.get("was"):
        new = splicing.put(new, f"{at_place(place)}/was", part["id"])
    if found := faults(examine(new).problems, place, form):
        raise Refused(found)
    return new


def _is_published(change: "Renamed", question: str, published: Mapping[str, frozenset[str]]) -> bool:
    if change.field == "id":
        return question in published
    return change.old in published.get(question, ())


def _fixed(change: "Renamed") -> Problem:
    if change.field == "id":
        what = f"answers are kept under the published id “{change.old}”"
        return Problem("id", what, 'leave it, or say below that you are sure: the question will say what it "was"')
    what = f"answers are kept under the published code “{change.old}”"
    return Problem(change.field, what, "leave it, or say below that you are sure: its trend will end")


def faults(problems: Sequence[Problem], place: str, form: Mapping[str, str]) -> list[Problem]:
    """Those of a document's problems that are at fields of a part's form, with the field's name as their place."""
    prefix = at_place(place) + "/"
    below = [(problem, problem.at.removeprefix(prefix)) for problem in problems if problem.at.startswith(prefix)]
    named = [(problem, _field_of(_with_missing(at, problem), form)) for problem, at in below]
    return [Problem(name, problem.what, _plainly(problem.do)) for problem, name in named if name]


def _plainly(remedy: str) -> str:
    """A remedy for somebody who sees no JSON."""
    return (
        remedy.replace(", without quotes", "")
        .replace(", in double quotes", "")
        .replace(" or leave the key out", "")
    )


def _with_missing(at: str, problem: Problem) -> str:
    """Where a key is missing, its own place."""
    missing = re.fullmatch(r"'([a-z_]+)' is missing", problem.what)
    return f"{at}/{missing[1]}" if missing else at


def _field_of(at: str, form: Mapping[str, str]) -> str | None:
    """The field that a pointer below the part leads to: itself, that above it, or its first language."""
    whole = re.match(r"(.*\b(?:bands|sum|carry))/", at)  # a list that is one box
    name = whole[1].replace("/", ".") if whole else at.replace("/", ".")
    name = re.sub(r"^(probes\.\d+)", rf"\1.{_BARE}", name)
    return next((field for field in form if field == name or field.startswith(f"{name}.")), None)


_ACTION = re.compile(r"(up|down|remove|add)-(options|rows|scale|probes|checks)(?:-(\d{1,4}))?", re.ASCII)


def acted(
    text: str, place: str, action: str, published: Mapping[str, frozenset[str]] | None = None, sure: bool = False
) -> str:
    """The text after a button in a part's list, such as `up-options-3` or `add-rows`; else as it is.

    `published` is as in `edited`: raises `Fixed` if a published answer would go without the author being `sure`.
    """
    found = _ACTION.fullmatch(action)
    if not found or place == FRONT:
        return text
    what, name, index = found[1], found[2], int(found[3] or 0)
    value = json.loads(text)
    if name not in lists(place, part_at(value, place)):
        return text
    if what == "add":
        return with_entry(text, value, place, name)
    if what == "remove":
        if not sure and (fault := _removes_published(part_at(value, place), name, index, published or {})):
            raise Fixed([fault])
        return without_entry(text, value, place, name, index)
    return moved_entry(text, value, place, name, index, -1 if what == "up" else 1)


def _removes_published(
    part: Mapping[str, Json], name: str, index: int, published: Mapping[str, frozenset[str]]
) -> Problem | None:
    entries = _entries(part, name)
    code = str(entries[index].get("code")) if index < len(entries) else ""
    if code not in published.get(str(part.get("id")), ()):
        return None
    what = f"answers are kept under the published code “{code}”"
    do = "leave it, or say below that you are sure and press Remove again: its trend will end"
    return Problem(f"{name}.{index}.code", what, do)


def page_at(examined: Examined, place: str) -> Page | None:
    """The page at a place, the first page of a section; None if it is none yet, or if the place is the front."""
    if place == FRONT or examined.document is None:
        return None
    section, _, rest = place.partition("-")
    here = f"{section}-{rest.partition('-')[0] or 0}"
    try:
        part = part_at(examined.document.value, here)
        if examined.instrument:
            return examined.instrument.sections[int(section)].pages[int(here.partition("-")[2])]
        return Page.model_validate(part)
    except (NotFound, ValidationError):
        return None


# ── order, more and less ─────────────────────────────────────────────────────


def moved(text: str, value: Json, place: str, by: int) -> tuple[str, str]:
    """The text with a part exchanged with its neighbour (`by` is -1 or 1), and where the part is now."""
    above, index = _above(place)
    if not 0 <= index + by < len(_siblings(value, place)):
        return text, place
    place_now = f"{place.rpartition('-')[0]}-{index + by}".lstrip("-")
    return splicing.swap(text, above, index, index + by), place_now


def moved_entry(text: str, value: Json, place: str, name: str, index: int, by: int) -> str:
    """The text with an entry of a question's list exchanged with its neighbour."""
    count = len(_entries(part_at(value, place), name))
    if not (0 <= index < count and 0 <= index + by < count):
        return text
    return splicing.swap(text, f"{at_place(place)}/{name}", index, index + by)


def without(text: str, value: Json, place: str) -> str:
    """The text without a part."""
    part_at(value, place)
    return splicing.remove(text, at_place(place))


def without_entry(text: str, value: Json, place: str, name: str, index: int) -> str:
    """The text without an entry of a question's list."""
    if not 0 <= index < len(_entries(part_at(value, place), name)):
        return text
    return splicing.remove(text, f"{at_place(place)}/{name}/{index}")


def carried(text: str, value: Json, place: str, page: str) -> tuple[str, str]:
    """The text with a question at the end of another page, and where it is now."""
    part_at(value, place)
    questions = _entries(part_at(value, page), "questions")
    if place.rpartition("-")[0] == page:
        return text, place
    return splicing.carry(text, at_place(place), f"{at_place(page)}/questions"), f"{page}-{len(questions)}"


def with_entry(text: str, value: Json, place: str, name: str) -> str:
    """The text with one more entry at the end of a question's list: a code of its own, and words to replace."""
    part = part_at(value, place)
    entries = _entries(part, name)
    entry = _new_entry(value, place, name, entries)
    if not isinstance(part.get(name), list):
        return splicing.put(text, f"{at_place(place)}/{name}", [entry])
    return splicing.insert(text, f"{at_place(place)}/{name}", len(entries), entry)


def _new_entry(value: Json, place: str, name: str, entries: Sequence[Mapping[str, Json]]) -> Json:
    spoken = languages(value)
    if name == "checks":
        return _new_check(value, place, spoken)
    stem = LISTED[name].split()[0]
    number = next(
        n for n in range(len(entries) + 1, 10_000) if all(e.get("code") != f"{stem}_{n}" for e in entries)
    )
    words = _in_all(f"New {LISTED[name]} {number}", spoken)
    return words if name == "probes" else {"code": f"{stem}_{number}", "label": words}


def _new_check(value: Json, place: str, spoken: Sequence[str]) -> Json:
    """A sum of all numbers on the page, to be changed. Raises `Refused` where there are none."""
    numbers = [key for at, key, _ in amounts(value, place) if at.rpartition("-")[0] == place]
    if not numbers:
        do = "put a number, or a total divided over rows, on this page first"
        raise Refused([Problem("checks", "nothing on this page is a number that could be checked", do)])
    words = "These numbers must not add up to more than 100"
    return {"sum": numbers, "at_most": 100, "message": _in_all(words, spoken)}


def amounts(value: Json, place: str) -> list[tuple[str, str, str]]:
    """What a check on a page can read: numbers of it and of earlier pages, as (place, key, wording)."""
    found: list[tuple[str, str, str]] = []
    for at, part in parts(value):
        page = at.rpartition("-")[0]
        if at.count("-") != 2 or _order(page) > _order(place):
            continue
        if page != place and part_at(value, page).get("repeat"):
            continue
        words, name = wording_of(part.get("text"), value), str(part.get("id"))
        if part.get("type") == "number":
            found.append((at, name, words))
        elif part.get("type") == "allocation":
            rows = _entries(part, "rows")
            found += [
                (at, f"{name}.{r.get('code')}", f"{words} {wording_of(r.get('label'), value)}") for r in rows
            ]
    return found


def _order(place: str) -> tuple[int, ...]:
    return tuple(map(int, place.split("-")))


def wording_of(said: Json, value: Json) -> str:
    """A wording in the first language of a document, or what there is of it."""
    if isinstance(said, dict):
        return str(said.get(languages(value)[0]) or next(iter(said.values()), ""))
    return str(said or "")


def with_question(
    text: str, value: Json, place: str, kind: str, words: str, name: str = "", title: str = ""
) -> tuple[str, str]:
    """The text with a new question: on a page, on a new page of a section, or in a new section of the `front`.

    `name` is its id; one is made where it is empty. Returns the text and the place of the question.
    """
    spoken, taken = languages(value), {str(part.get("id")) for _, part in parts(value)}
    new: dict[str, Json] = new_question(kind, name or _free("question", taken), words, spoken)
    depth = -1 if place == FRONT else place.count("-")
    if depth > 1:
        raise NotFound("a question can be added to a page, not to a question")
    if depth <= 0:
        heading = {"title": _in_all(title, spoken)} if title and depth == 0 else {}
        new = {"id": _free("page", taken), **heading, "questions": [new]}
    if depth < 0:
        new = {"id": _free("section", taken), "title": _in_all(title or "New section", spoken), "pages": [new]}
    key = _KEYS[depth + 1]
    part = value if place == FRONT else part_at(value, place)
    index = len(_entries(part, key))
    where = (f"{place}-{index}" if place != FRONT else f"{index}") + "-0" * (1 - depth)
    at = f"{at_place(place)}/{key}"
    if not isinstance(part.get(key), list):
        return splicing.put(text, at, [new]), where
    return splicing.insert(text, at, index, new), where


def new_question(kind: str, name: str, words: str, spoken: Sequence[str]) -> dict[str, Json]:
    """A question of a type with sensible beginnings: its text in every language, to be translated."""
    if kind not in TYPES:
        raise NotFound(f"there is no type {kind[:40]!r}")
    question: dict[str, Json] = {"id": name, "type": kind, "text": _in_all(words, spoken)}
    for key, labels in _BEGINNINGS.get(kind, {}).items():
        question[key] = [
            {"code": code, "label": _in_all(label, spoken)}
            | ({"exclusive": True} if kind == "multiple" and code == "none" else {})
            for code, label in labels.items()
        ]
    return question | ({"unit": _in_all("%", spoken)} if kind == "allocation" else {})


_BEGINNINGS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "single": {"options": {"yes": "Yes", "no": "No"}},
    "multiple": {"options": {"first": "First answer", "second": "Second answer", "none": "None of these"}},
    "rank": {"options": {"first": "First thing", "second": "Second thing", "third": "Third thing"}},
    "grid": {
        "rows": {"first": "First row", "second": "Second row"},
        "scale": {"agree": "Agree", "neither": "Neither agree nor disagree", "disagree": "Disagree"},
    },
    "allocation": {"rows": {"first": "First part", "second": "Second part"}},
}


def _above(place: str) -> tuple[str, int]:
    at = at_place(place)
    above, _, index = at.rpartition("/")
    if not above:
        raise NotFound("the questionnaire has no such part; it may have been moved")
    return above, int(index)


def _siblings(value: Json, place: str) -> list[Mapping[str, Json]]:
    part_at(value, place)
    above = place.rpartition("-")[0]
    return _entries(part_at(value, above) if above else value, _KEYS[place.count("-")])


def _in_all(words: str, spoken: Sequence[str]) -> str | dict[str, str]:
    return dict.fromkeys(spoken, words) if len(spoken) > 1 else words


def _free(stem: str, taken: set[str]) -> str:
    return next(f"{stem}_{n}" for n in range(1, 10_000) if f"{stem}_{n}" not in taken)


# ── names that answers are kept under ────────────────────────────────────────


@dataclass(frozen=True)
class Renamed:
    """A name under which answers are kept and which a form has changed: an id, or a code in one of the lists."""

    field: str
    old: str
    new: str


def renamed(place: str, part: Mapping[str, Json], form: Mapping[str, str]) -> list[Renamed]:
    """The id and the codes of a question that a form changes."""
    before = filled(place, part, ["en"])
    names = [name for name in before if name == "id" or name.endswith(".code")]
    return [Renamed(n, before[n], form[n].strip()) for n in names if n in form and form[n].strip() != before[n]]


def follow(text: str, value: Json, question: str, changes: Sequence[Renamed]) -> str:
    """The text with every condition, check and `{answers.…}` that reads a question following its new names.

    The question itself has them already in the text, whose document is `value`.
    """
    codes = {c.old: c.new for c in changes if c.field.startswith(("options.", "scale."))}
    rows = {c.old: c.new for c in changes if c.field.startswith("rows.")}
    name = next((c.new for c in changes if c.field == "id"), question)
    for at, old, new in _followed(value, "", question, name, rows, codes):
        if old != new:
            text = splicing.put(text, at, new)
    return text


def _followed(
    value: Json, at: str, question: str, name: str, rows: Mapping[str, str], codes: Mapping[str, str]
) -> Iterator[tuple[str, Json, Json]]:
    """What reads the question: where, as it is, and as it has to be."""

    def key(operand: Json) -> Json:
        own, dot, row = str(operand).partition(".")
        return name + dot + rows.get(row, row) if isinstance(operand, str) and own == question else operand

    if isinstance(value, list):
        for i, entry in enumerate(value):
            yield from _followed(entry, f"{at}/{i}", question, name, rows, codes)
    elif isinstance(value, str) and "{" in value:
        yield at, value, re.sub(r"(\{ *answers\.)([a-z0-9_.]+)", lambda m: m[1] + key(m[2]), value)
    elif isinstance(value, dict):
        if str(value.get("question", "")).partition(".")[0] == question:
            yield f"{at}/question", value["question"], key(value["question"])
            for operator in {"is", "in", "includes"} & set(value):
                now = value[operator]
                new = [codes.get(str(c), c) for c in now] if isinstance(now, list) else codes.get(str(now), now)
                yield f"{at}/{operator}", now, new
        elif isinstance(value.get("sum"), list):
            yield f"{at}/sum", value["sum"], [key(operand) for operand in value["sum"]]
            for bound in {"equals", "at_most"} & set(value):
                yield f"{at}/{bound}", value[bound], key(value[bound])
        for member, entry in value.items():
            if member not in {"question", "sum"}:
                yield from _followed(entry, f"{at}/{member}", question, name, rows, codes)
