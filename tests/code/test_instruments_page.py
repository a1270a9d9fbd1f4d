"""Every example in docs/instruments.md is one that works, and every key of a questionnaire has an example."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from surveyapp.instrument import json_schema, read_instrument

PAGE = (Path(__file__).parents[2] / "docs/instruments.md").read_text(encoding="utf-8")
WHOLE: dict[str, Any] = json.loads(re.search(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1])  # type: ignore[index]


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in indented blocks; other words there say what they mean."""
    reader = json.JSONDecoder()
    for block in re.findall(r"(?:^    .*\n)+", text, re.MULTILINE):
        at = 0
        while (at := block.find("{", at)) >= 0:
            found, at = reader.raw_decode(block, at)
            yield found


EXAMPLES = list(objects(PAGE[PAGE.index("## Types") :]))
QUESTIONS = [example for example in EXAMPLES if "type" in example]
PAGES = [example for example in EXAMPLES if "questions" in example]
CONDITIONS = [example for example in EXAMPLES if {"question", "all", "any", "not"} & set(example)]
SETTINGS = [example for example in EXAMPLES if "disclosure" in example]


def with_page(page: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The whole questionnaire of the page, and a page behind it."""
    document: dict[str, Any] = copy.deepcopy(WHOLE) | more
    document["sections"][0]["pages"].append(page)
    return document


def read(document: dict[str, Any]) -> Any:
    return read_instrument(json.dumps(document).encode())


def test_the_page_has_examples_of_everything() -> None:
    assert len(QUESTIONS) == 9
    assert len(PAGES) == 2
    assert len(CONDITIONS) == 9
    assert len(SETTINGS) == 1
    assert len(EXAMPLES) == 21


def test_the_whole_questionnaire_is_sound() -> None:
    assert read(WHOLE).questions.keys() == {"staff", "change", "why"}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["type"])
def test_an_example_of_a_type_is_sound(question: dict[str, Any]) -> None:
    real = {"id": "after", "type": "text", "text": "And?"}
    mode = {"mode": "interviewer"} if "probes" in question else {}
    instrument = read(with_page({"id": "more", "title": "More", "questions": [question, real]}, **mode))
    assert question["type"] == "note" or question["id"] in instrument.questions


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page["id"])
def test_an_example_of_a_page_is_sound(page: dict[str, Any]) -> None:
    assert page["questions"][0]["id"] in read(with_page(page)).questions


@pytest.mark.parametrize("condition", CONDITIONS, ids=json.dumps)
def test_an_example_of_a_condition_is_sound(condition: dict[str, Any]) -> None:
    contact = next(question for question in QUESTIONS if question["id"] == "contact")
    asked = {"id": "asked", "type": "text", "text": "And?", "show_if": condition}
    assert read(with_page({"id": "more", "title": "More", "questions": [contact, asked]}))


@pytest.mark.parametrize("setting", SETTINGS, ids=json.dumps)
def test_an_example_of_a_setting_is_sound(setting: dict[str, Any]) -> None:
    assert read(WHOLE | setting).disclosure.carry == ["region"]


def keys(value: Any) -> Iterator[str]:
    """The keys of an example."""
    if isinstance(value, dict):
        yield from value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(part)


def test_every_key_of_the_schema_has_an_example_or_is_explained() -> None:
    schema = json_schema()
    parts = [schema, *schema["$defs"].values()]
    known = {key for part in parts for key in part.get("properties", {})}
    shown = {key for example in [WHOLE, *EXAMPLES] for key in keys(example)}
    assert {key for key in known - shown if f'"{key}"' not in PAGE and f"`{key}`" not in PAGE} == set()
