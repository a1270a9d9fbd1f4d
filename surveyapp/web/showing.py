"""What the pages show: a step's items with their texts filled in, typed answers again, the check page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from surveyapp.collecting import Desk
from surveyapp.identifying import Finding
from surveyapp.instrument import (
    CURRENCIES,
    Allocation,
    Answers,
    Clash,
    DateQuestion,
    Form,
    Grid,
    Item,
    Multiple,
    Note,
    NumberQuestion,
    Question,
    Rank,
    Step,
    Text,
    answer_keys,
    choices,
    fill,
    ordered,
    read_answers,
    specify_key,
)
from surveyapp.web.languages import printed_day


@dataclass(frozen=True)
class Line:
    """One answer on the check page; no values means not answered."""

    label: str
    values: list[str]
    change: str
    visually_hidden: str


@dataclass(frozen=True)
class Block:
    """Lines on the check page that stand together: a question's rows under it, or those of other questions."""

    title: str | None
    rows: list[Line]


@dataclass(frozen=True)
class Giveaway:
    """Words of one answer that may tell who wrote it, and the link to the answer."""

    text: str
    change: str
    findings: list[Finding]


@dataclass(frozen=True)
class Versions:
    """Two answers to a question, in lines, and which of them is likely to be the one to keep."""

    question: str
    text: str
    mine: list[str]
    saved: list[str]
    likely: str | None


@dataclass(frozen=True)
class Part:
    """A section on the check page."""

    title: str
    blocks: list[Block]


def filled(desk: Desk, text: Text | None, language: str) -> str:
    """A text with what is known of the organisation and its answers in place of `{…}`."""
    if text is None:
        return ""
    return fill(text.in_language(language), desk.instrument, desk.answers, desk.unit, language)


def shown_items(desk: Desk, step: Step, language: str) -> list[Item]:
    """The items of a step as they are printed: in the draft's order, every text in the language, filled in."""
    return [_printed(desk, ordered(item, desk.seed), language) for item in step.items]


def same_for_all(step: Step) -> bool:
    """Whether a step is printed alike for everybody: nothing on it filled in, drawn, hidden or repeated."""
    own = {id(item) for item in step.page.questions}
    return not _has_places(step.page.title) and all(
        id(item) in own and not _piped(item) and ordered(item, "") is item for item in step.items
    )


def _piped(item: Item) -> bool:
    return _has_places(item.text) or _has_places(getattr(item, "hint", None))


def _has_places(text: Text | None) -> bool:
    return text is not None and any("{" in wording for wording in (text, *text.translations.values()))


def _printed(desk: Desk, item: Item, language: str) -> Item:
    if not _piped(item):
        return item
    changes: dict[str, object] = {"text": Text(filled(desk, item.text, language))}
    if not isinstance(item, Note) and item.hint:
        changes["hint"] = Text(filled(desk, item.hint, language))
    printed: Item = item.model_copy(update=changes)
    return printed


def as_fields(step: Step, form: Form) -> dict[str, object]:
    """A form as the page prints it: field by field, a list for each `multiple`."""
    several = {question.id for question in step.questions if isinstance(question, Multiple)}
    return {name: list(values) if name in several else "".join(values[:1]) for name, values in form.items()}


def changed_questions(desk: Desk, address: Callable[[str, str], str], language: str) -> list[tuple[str, str]]:
    """Text and link of each question that has changed since the draft was saved, as far as it is asked."""
    return [
        (filled(desk, question.text, language), address(step.name, question.id))
        for step in desk.route.steps
        for question in step.questions
        if question.id.partition("@")[0] in desk.look_again
    ]


def giveaways(
    desk: Desk, found: Mapping[str, Sequence[Finding]], address: Callable[[str, str], str], language: str
) -> list[Giveaway]:
    """The words that may tell who wrote them, question by question."""
    return [
        Giveaway(
            filled(desk, question.text, language), address(step.name, key.replace(".", "-")), list(found[key])
        )
        for step in desk.route.steps
        for question in step.questions
        for key in answer_keys(question)
        if key in found
    ]


# ── two versions of a page ───────────────────────────────────────────────────


def versions(desk: Desk, clash: Clash, language: str) -> Versions:
    """Both answers to a question that two people gave, without the lines on which they agree."""
    mine, saved = (_version(clash.question, form, language) for form in (clash.mine, clash.saved))
    return Versions(
        clash.question.id,
        filled(desk, clash.question.text, language),
        [line for line in mine if line not in saved],
        [line for line in saved if line not in mine],
        clash.likely,
    )


def _version(question: Question, form: Form, language: str) -> list[str]:
    """An answer in lines; what cannot be read stands as it was typed."""
    answers, problems = read_answers([question], form)
    if problems:
        return [value for values in form.values() for value in values]
    rows = {
        f"{question.id}.{row.code}": row.label.in_language(language)
        for row in (question.rows if isinstance(question, Grid | Allocation) else ())
    }
    keys = rows or {question.id: ""}
    labels = {option.code: option.label.in_language(language) for option in choices(question)}
    said = [(label, _values(question, key, answers, labels, language)) for key, label in keys.items()]
    notes = [str(answers[key]) for key in answer_keys(question) if key.endswith(".notes") and key in answers]
    return [f"{label}: {value}" if label else value for label, values in said for value in values] + notes


# ── the check page ───────────────────────────────────────────────────────────


def check_parts(desk: Desk, address: Callable[[str, str], str], language: str) -> list[Part]:
    """All answers, section by section. `address` gives the link that changes an answer, from step and field."""
    parts: list[Part] = []
    for section in desk.instrument.sections:
        steps = [step for step in desk.route.steps if step.section is section]
        headed = [
            (_heading(desk, step, question, language), _lines(desk, step, question, address, language))
            for step in steps
            for question in step.questions
        ]
        if headed:
            parts.append(Part(section.title.in_language(language), _merged(headed)))
    return parts


def _heading(desk: Desk, step: Step, question: Question, language: str) -> str | None:
    """What stands over a question's lines: itself if it has rows, the thing that a repeated page is about."""
    if isinstance(question, Grid | Allocation):
        return filled(desk, question.text, language)
    if step.page.repeat:
        return f"{step.page.repeat.item.in_language(language)} {step.number}".capitalize()
    return None


def _merged(headed: list[tuple[str | None, list[Line]]]) -> list[Block]:
    blocks: list[Block] = []
    for heading, rows in headed:
        if not blocks or blocks[-1].title != heading:
            blocks.append(Block(heading, []))
        blocks[-1].rows.extend(rows)
    return blocks


def _lines(
    desk: Desk, step: Step, question: Question, address: Callable[[str, str], str], language: str
) -> list[Line]:
    text = filled(desk, question.text, language)
    keys = {question.id: text}
    if isinstance(question, Grid | Allocation):
        keys = {f"{question.id}.{row.code}": row.label.in_language(language) for row in question.rows}
    labels = {option.code: option.label.in_language(language) for option in choices(question)}
    return [
        Line(
            label,
            _values(question, key, desk.answers, labels, language),
            address(step.name, key.replace(".", "-")),
            label if label == text else f"{text}: {label}",
        )
        for key, label in keys.items()
    ]


def _values(question: Question, key: str, answers: Answers, labels: Mapping[str, str], language: str) -> list[str]:
    answer = answers.get(key)
    if not answer:
        return []
    if isinstance(question, Rank):
        return [f"{place}. {labels.get(code, code)}" for place, code in enumerate(answer, 1)]
    if labels:
        given = [answer] if isinstance(answer, str) else answer
        return [_with_words(question, code, labels.get(code, code), answers) for code in labels if code in given]
    return [_said(question, str(answer), language)]


def _with_words(question: Question, code: str, label: str, answers: Answers) -> str:
    words = answers.get(specify_key(question.id, code))
    return f"{label}: {words}" if words else label


def _said(question: Question, answer: str, language: str) -> str:
    """A number with its unit, a day as people read it, words as they are."""
    if isinstance(question, NumberQuestion | Allocation):
        unit = question.unit.in_language(language) if question.unit else ""
        whole, dot, fraction = answer.partition(".")
        number = f"{int(whole):,}{dot}{fraction}"
        if unit in CURRENCIES:
            return f"{CURRENCIES[unit]}{number}"
        return f"{number}{'' if unit in {'', '%'} else ' '}{unit}"
    return printed_day(answer) if isinstance(question, DateQuestion) else answer
