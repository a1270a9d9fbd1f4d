"""From the JSON of a questionnaire to an `Instrument`, or to every problem at once.

The document's shape is the model's business; here is what the shape cannot say: references, order, names used
twice, languages.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from surveyapp.documents import MAX_PROBLEMS, Document, nearest, pointer, read_document, read_model
from surveyapp.instrument.conditions import single_tests
from surveyapp.instrument.model import (
    Condition,
    Grid,
    Instrument,
    Item,
    Multiple,
    Note,
    OpenText,
    Option,
    Question,
    Row,
    Single,
    Text,
    choices,
)
from surveyapp.problems import Refused

_COMBINERS = {"all", "any", "not"}

MAX_QUESTIONS = 1_000
"""Far beyond what anybody answers; every draft is padded to what all questions can take."""


def read_instrument(content: bytes | str) -> Instrument:
    """The instrument in a JSON document. Raises `Refused` with every problem, in the order of the lines."""
    document = read_document(content)
    instrument, problems = read_model(Instrument, document)
    if instrument is not None:
        problems = [document.problem(*fault) for fault in islice(_faults(instrument), MAX_PROBLEMS)]
    if instrument is None or problems:
        raise Refused(sorted(problems, key=lambda p: p.line or 0))
    return instrument


def content_hash(content: bytes | str) -> str:
    """SHA-256 over the document's values: layout and key order do not count, every wording does."""
    return _hash(read_document(content))


def _hash(document: Document) -> str:
    canonical = json.dumps(document.value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """The JSON Schema of an instrument, for editors: the contents of `instruments/schema.json`."""
    schema = Instrument.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "surveyapp instrument",
    }


# ── what the shape cannot say: each fault is (pointer, what, remedy) ──────────────────────────────

Fault = tuple[str, str, str]


def _faults(instrument: Instrument) -> Iterator[Fault]:
    yield from _repeated_ids(instrument)
    if len(instrument.questions) > MAX_QUESTIONS:
        what = f"it asks {len(instrument.questions):,} questions"
        yield "/sections", what, f"ask at most {MAX_QUESTIONS:,}; make two questionnaires of it"
    for place, item in _placed(instrument):
        yield from _item_faults(place, item)
    yield from _condition_faults(instrument)
    yield from _language_faults(instrument)
    yield from _repeated("/disclosure/carry", instrument.disclosure.carry, "stratum")


def _placed(instrument: Instrument) -> Iterator[tuple[str, Item]]:
    """Every question and note with its JSON pointer."""
    for s, section in enumerate(instrument.sections):
        for p, page in enumerate(section.pages):
            for q, item in enumerate(page.questions):
                yield f"/sections/{s}/pages/{p}/questions/{q}", item


def _repeated(at: str, codes: Iterable[str], kind: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for i, code in enumerate(codes):
        if code in seen:
            yield f"{at}/{i}", f'the {kind} "{code}" is used twice', f"give each {kind} its own"
        seen.add(code)


def _repeated_ids(instrument: Instrument) -> Iterator[Fault]:
    yield from _repeated("/sections", [section.id for section in instrument.sections], "section id")
    seen: set[str] = set()
    for s, section in enumerate(instrument.sections):
        for p, page in enumerate(section.pages):
            if page.id in seen:
                yield (
                    f"/sections/{s}/pages/{p}/id",
                    f'the page id "{page.id}" is used twice',
                    "rename one page",
                )
            seen.add(page.id)
    asked: set[str] = set()
    for place, item in _placed(instrument):
        if item.id in asked:
            yield f"{place}/id", f'the question id "{item.id}" is used twice', "give each question its own id"
        asked.add(item.id)


def _item_faults(place: str, item: Item) -> Iterator[Fault]:
    match item:
        case Single() | Multiple():
            yield from _list_faults(f"{place}/options", item.options, "option")
        case Grid():
            yield from _list_faults(f"{place}/rows", item.rows, "row")
            yield from _list_faults(f"{place}/scale", item.scale, "scale point")
    if not isinstance(item, OpenText | Note):
        yield from _flag_faults(place, item)


def _list_faults(at: str, entries: Sequence[Option | Row], kind: str) -> Iterator[Fault]:
    yield from _repeated(at, [entry.code for entry in entries], f"{kind} code")
    labels: set[str] = set()
    for i, entry in enumerate(entries):
        folded = " ".join(entry.label.casefold().split())
        if folded in labels:
            yield f"{at}/{i}/label", f'two {kind}s read "{entry.label[:40]}"', "word them so that they differ"
        labels.add(folded)


def _flag_faults(place: str, question: Question) -> Iterator[Fault]:
    name = "scale" if isinstance(question, Grid) else "options"
    for i, option in enumerate(choices(question)):
        at = f"{place}/{name}/{i}"
        if option.exclusive and not isinstance(question, Multiple):
            yield f"{at}/exclusive", "only an option of a multiple can be exclusive", "remove it"
        if option.specify and isinstance(question, Grid):
            yield f"{at}/specify", "a grid cannot ask for words", "ask in a question of its own"


def _condition_faults(instrument: Instrument) -> Iterator[Fault]:
    everything = {item.id: item for _, item in _placed(instrument) if not isinstance(item, Note)}
    earlier: dict[str, Question] = {}
    for place, item in _placed(instrument):
        for at, test in single_tests(item.show_if, f"{place}/show_if"):
            yield from _test_faults(at, test, earlier, everything)
        if not isinstance(item, Note):
            earlier[item.id] = item


def _test_faults(
    at: str, test: Condition, earlier: dict[str, Question], everything: dict[str, Question]
) -> Iterator[Fault]:
    operators = [name for name in test.operators if name != "question"]
    if test.question is None or len(operators) != 1 or set(operators) & _COMBINERS:
        yield at, "a condition needs one question and one test of it", 'write {"question": "q", "is": "code"}'
        return
    name, _, row = test.question.partition(".")
    if name not in everything:
        yield f"{at}/question", f'there is no question "{name}"', nearest(name, set(everything))
    elif name not in earlier:
        yield f"{at}/question", f'"{name}" comes later', "a condition may read earlier questions only"
    else:
        yield from _operand_faults(at, test, earlier[name], row)


def _operand_faults(at: str, test: Condition, question: Question, row: str) -> Iterator[Fault]:
    rows = {r.code for r in question.rows} if isinstance(question, Grid) else set()
    if row not in rows and (row or rows):
        what = f'"{test.question}" names no row of a grid' if row else f'"{question.id}" is a grid'
        yield f"{at}/question", what, nearest(row, rows) if rows else f'write "{question.id}"'
    if (test.includes is not None) is not isinstance(question, Multiple) and test.answered is None:
        do = "use includes for a multiple, is or in for the others"
        yield at, f"that test does not fit a {question.type}", do
    codes = {option.code for option in choices(question)}
    for key in ("is", "includes"):
        value = test.is_ if key == "is" else test.includes
        if value is not None and value not in codes:
            yield f"{at}/{key}", f'"{question.id}" has no code "{value}"', nearest(value, codes)
    for i, value in enumerate(test.in_ or []):
        if value not in codes:
            yield f"{at}/in/{i}", f'"{question.id}" has no code "{value}"', nearest(value, codes)


def _language_faults(instrument: Instrument) -> Iterator[Fault]:
    yield from _repeated("/languages", instrument.languages, "language")
    wanted, first = set(instrument.languages), instrument.languages[0]
    for at, text in _texts(instrument, ""):
        given = set(text.translations) or {first}
        if first in given and next(iter(text.translations), first) != first:
            yield at, f"the wording in {first} does not come first", f'write it first, as in "languages": {first}'
        if absent := sorted(wanted - given):
            yield at, f"there is no wording in {', '.join(absent)}", "add it"
        if extra := sorted(given - wanted):
            yield at, f"{', '.join(extra)} is not a language of this questionnaire", 'name it in "languages"'


def _texts(part: object, at: str) -> Iterator[tuple[str, Text]]:
    """Every wording with its JSON pointer."""
    if isinstance(part, Text):
        yield at, part
    elif isinstance(part, list):
        for i, entry in enumerate(part):
            yield from _texts(entry, at + pointer(i))
    elif hasattr(type(part), "model_fields"):
        for name, field in type(part).model_fields.items():  # type: ignore[attr-defined]
            yield from _texts(getattr(part, name), at + pointer(field.alias or name))
