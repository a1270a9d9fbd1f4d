"""The questionnaire of the soak, and what its respondents write into its pages: right, wrong, long."""

import random
from collections.abc import Mapping
from typing import Any

from surveyapp.instrument import Instrument, route, submitted
from surveyapp.instrument.coded import read_whole
from tests.faults.books import QUESTION
from tests.makers import make_document, make_question

Form = dict[str, list[str]]
"""What a page holds, as a browser posts it: no blank field."""

PAGES = ("p1", "p2", "p3", "p4", "p5")
GATED = "p3"
"""The page that is asked of those alone who say yes on the first."""

MARKED = "p5"
"""The page on which each leaves a mark."""

_WORDS = "team money staff waiting referral training alcohol prison police café naïve Llŷn ½ “so” <b>&"


def document() -> dict[str, Any]:
    """Its JSON: two languages, a gate, numbers that can be wrong, a long text, and the question with the mark."""
    share = {"id": "share", "type": "allocation", "text": "How is it shared?"}
    share["rows"] = [{"code": code, "label": code.title()} for code in ("staff", "rent", "other")]
    money = {"id": "money", "type": "number", "text": "How much?", "min": 0, "max": 9_000_000}
    since = {"id": "since", "type": "date", "text": "Since when?"}
    story = {"id": "story", "type": "text", "text": "What happened?", "max_length": 4000}
    mark = {"id": QUESTION, "type": "text", "text": "What weighs most?", "max_length": 100, "required": True}
    made = make_document(
        [make_question("single", "kind", required=True), make_question("multiple", "sources")],
        [make_question("grid", "partners")],
        [money | {"required": True}, share],
        [story],
        [since, mark],
        survey="soak",
        languages=["en", "cy"],
    )
    made["sections"][2]["pages"][0]["show_if"] = {"question": "kind", "is": "yes"}
    return _in_both(made)


def _in_both(part: Any, name: str = "") -> Any:
    """The document with every text in both languages."""
    if isinstance(part, dict):
        return {key: _in_both(value, key) for key, value in part.items()}
    if isinstance(part, list):
        return [_in_both(each, name) for each in part]
    texts = {"title", "text", "label", "intro", "thanks", "respondent"}
    return {"en": part, "cy": f"Cymraeg: {part}"} if name in texts else part


def drawn(page: str, chance: random.Random, mark: str) -> Form:
    """Right answers to a page. `mark` is the respondent's own."""
    if page == "p1":
        kind = {"kind": [chance.choice(["yes", "yes", "no"])]}
        return kind | _some("sources", chance.sample("abc", chance.randrange(4)))
    if page == "p2":
        return {f"partners.{row}": [chance.choice(["more", "same", "less"])] for row in ("police", "health")}
    if page == "p3":
        first = chance.randrange(101)
        shares = {"share.staff": first, "share.rent": 100 - first, "share.other": 0}
        return {"money": [str(chance.randrange(9_000_000))]} | {key: [str(n)] for key, n in shares.items()}
    if page == "p4":
        return _some("story", [words(chance, chance.choice([0, 40, 400, 4000]))])
    day = {"since.day": ["27"], "since.month": [str(chance.randrange(1, 13))], "since.year": ["2009"]}
    return {QUESTION: [mark], **day}


def wrong(page: str, chance: random.Random, mark: str) -> Form:
    """The same with something that cannot stand; a page that takes everything is merely different."""
    form = drawn(page, chance, mark)
    if page == "p1":
        form.pop("kind")
    elif page == "p3":
        form |= chance.choice([{"money": ["12,5 or so"]}, {"share.rent": ["777"]}])
    elif page == "p4":
        form |= {"story": [words(chance, 4_200)]}
    elif page == MARKED:
        form |= {"since.day": ["31"], "since.month": ["2"]}
    return form


def can_be_wrong(page: str) -> bool:
    """Whether a page refuses anything that `wrong` writes."""
    return page != "p2"


def words(chance: random.Random, length: int) -> str:
    """So many characters of words, with no blank at either end."""
    if not length:
        return ""
    pool, text = _WORDS.split(), "So: "
    while len(text) < length:
        text += f"{chance.choice(pool)} "
    return f"{text[: length - 1].rstrip():.<{length}}"


def _some(name: str, values: list[str]) -> Form:
    kept = sorted(value for value in values if value)
    return {name: kept} if kept else {}


def answers(instrument: Instrument, pages: Mapping[str, Form]) -> dict[str, Any]:
    """What a draft holds that was filled with these pages, without those that are led past."""
    return read_whole(instrument, {name: values for form in pages.values() for name, values in form.items()})[0]


def sent(instrument: Instrument, pages: Mapping[str, Form]) -> dict[str, Any]:
    """What is in the box of somebody who sent these pages."""
    return submitted(instrument, route(instrument, answers(instrument, pages)))


def asked(instrument: Instrument, pages: Mapping[str, Form]) -> list[str]:
    """The pages that such a respondent is asked."""
    return [step.name for step in route(instrument, answers(instrument, pages)).steps]
