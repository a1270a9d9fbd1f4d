"""What the program says to respondents it says in Welsh too, all of it. The remedy is `make translations`."""

import ast
import re
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from surveyapp.web import catalogue

FILES = list(catalogue.files())
SAYING = {"say": 1, "say_n": 2, "gettext": 1, "ngettext": 2, "_": 1}
"""How many sentences each of them takes."""

TEMPLATES = sorted((catalogue.SOURCES / "web/templates").glob("*.html"))
REMEDY = (
    "run `make translations`, then write the translations that are empty (surveyapp/web/translations/README.md)"
)


def language(file: Path) -> str:
    return file.parents[1].name


@pytest.fixture(scope="module")
def found() -> Any:
    """Everything that the sources say."""
    return catalogue.extract()


def ids(messages: Any) -> set[Any]:
    return {message.id for message in messages if message.id}


def wordings(message: Any) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def originals(message: Any) -> list[str]:
    return [message.id] if isinstance(message.id, str) else list(message.id)


def filled_in(words: str) -> set[str]:
    """What a sentence leaves open: `{name:spec}` in the core and in scripts, `%(name)s` in templates."""
    fields = {f"{{{name}:{spec}}}" for _, name, spec, _ in Formatter().parse(words) if name is not None}
    return fields | set(re.findall(r"%\(\w+\)[a-z]", words))


def test_there_is_a_welsh_catalogue():
    assert [language(file) for file in FILES] == ["cy"]


def test_the_sources_are_searched_in_python_and_in_templates(found: Any):
    assert {"That is not a number", "Page not found", "Skip to main content"} <= ids(found)


def test_every_sentence_stands_in_its_call_where_it_is_found():
    """Write `say("one") if … else say("another")`, not `say(sentence)`."""
    hidden = []
    for path in sorted(catalogue.SOURCES.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in SAYING:
                sentences = call.args[: SAYING[call.func.id]]  # type: ignore[attr-defined]
                if not all(isinstance(sentence, ast.Constant) for sentence in sentences):
                    hidden.append(f"{path.name}:{call.lineno}")
    assert hidden == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_words_that_nobody_can_translate(template):
    """Wrap them: `{{ _("Continue") }}`."""
    html = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
    spoken = re.findall(r'(?:aria-label|title|alt|placeholder|content)="([^"]*)"', html)
    text = re.sub(r'<style>.*?</style>|<[^>]*>|[a-z-]+="[^"]*"', " ", html, flags=re.DOTALL)
    words = " ".join([*spoken, text])
    assert set(re.findall(r"[^\W\d_]{3,}", words)) <= {"width", "device", "initial", "scale"}


@pytest.mark.parametrize("file", FILES, ids=language)
def test_the_catalogue_holds_what_the_program_says_and_nothing_else(file, found):
    known = ids(catalogue.read(file))
    assert sorted(map(str, ids(found) - known)) == [], REMEDY
    assert sorted(map(str, known - ids(found))) == [], REMEDY


@pytest.mark.parametrize("file", FILES, ids=language)
def test_the_compiled_catalogue_is_that_of_the_text(file):
    assert file.with_suffix(".mo").read_bytes() == catalogue.compiled(catalogue.read(file)), REMEDY


@pytest.mark.parametrize("file", FILES, ids=language)
def test_nothing_is_left_untranslated(file):
    messages = [message for message in catalogue.read(file) if message.id]
    assert [message.id for message in messages if not all(wordings(message)) or message.fuzzy] == [], REMEDY


@pytest.mark.parametrize("file", FILES, ids=language)
def test_what_is_filled_in_is_the_same_in_both_languages(file):
    """One form of a sentence with a number may leave the number out, as in English."""
    for message in catalogue.read(file):
        both = [filled_in(original) for original in originals(message)]
        for said in wordings(message) if message.id else ():
            assert set.intersection(*both) <= filled_in(said) <= set.union(*both), said


@pytest.mark.parametrize("file", FILES, ids=language)
def test_no_translation_brings_markup_into_a_page(file):
    """What `_()` gives is not escaped: a template's own words, in any language, are trusted."""
    for message in catalogue.read(file):
        assert not any(mark in said for said in wordings(message) for mark in "<>&") or not message.id


def test_a_new_sentence_comes_in_empty_and_due_and_an_old_one_goes(found: Any):
    welsh = catalogue.read(FILES[0])
    welsh.add("No longer said", "Ddim mwyach")
    found.add("Quite new {thing}")
    text = catalogue.updated(welsh, found).decode()
    found.delete("Quite new {thing}")
    assert '# professional translation due\n#, python-brace-format\nmsgid "Quite new {thing}"\nmsgstr ""' in text
    assert "No longer said" not in text
    assert 'msgid "Page not found"\nmsgstr "Heb ddod' in text
