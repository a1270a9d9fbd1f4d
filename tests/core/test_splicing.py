"""Splicing a JSON text: the value changes as asked, and every other character stays."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.documents import pointer
from surveyapp.instrument import splicing

TEXT = """{
  "id": "kind",   "type":"single",
  "text" : "What?",
  "options": [
    {"code": "yes", "label": "Yes"},
    {"code": "no",  "label": "No"}
  ],
  "empty": []
}
"""


def test_a_value_is_put_in_place_of_another_and_nothing_else_changes():
    assert splicing.put(TEXT, "/text", "Why “this”?") == TEXT.replace('"What?"', '"Why “this”?"')


def test_a_new_key_goes_where_people_write_it_and_is_laid_out_like_its_neighbours():
    assert splicing.put(TEXT, "/hint", "H") == TEXT.replace('"What?",', '"What?",\n  "hint": "H",')
    assert splicing.put(TEXT, "/options/0/specify", True) == TEXT.replace('"Yes"}', '"Yes", "specify": true}')


def test_an_entry_is_put_on_a_line_of_its_own():
    added = splicing.insert(TEXT, "/options", 2, {"code": "other", "label": "Other"})
    assert added == TEXT.replace('"No"}', '"No"},\n    {"code": "other", "label": "Other"}')
    first = splicing.insert(TEXT, "/options", 0, {"code": "a", "label": "A"})
    assert first == TEXT.replace('    {"code": "yes"', '    {"code": "a", "label": "A"},\n    {"code": "yes"')


def test_an_empty_list_opens():
    assert splicing.insert(TEXT, "/empty", 0, 1) == TEXT.replace("[]", "[\n    1\n  ]")


def test_entries_change_places_word_for_word():
    swapped = splicing.swap(TEXT, "/options", 0, 1)
    yes, no = '{"code": "yes", "label": "Yes"}', '{"code": "no",  "label": "No"}'
    assert swapped == TEXT.replace(yes, "#").replace(no, yes).replace("#", no)


def test_what_is_removed_takes_its_comma_with_it():
    assert splicing.remove(TEXT, "/options/1") == TEXT.replace(',\n    {"code": "no",  "label": "No"}', "")
    assert splicing.remove(TEXT, "/text") == TEXT.replace('"text" : "What?",\n  ', "")


def test_a_place_that_is_not_there_is_an_error():
    for at in ("/nothing/at/all", "/options/2/code", "/text/x"):
        with pytest.raises(KeyError):
            splicing.span(TEXT, at)


# ── whatever the document ────────────────────────────────────────────────────

keys = st.text('ab~/"{[é,: ', max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text('x"\\{}[],:\n ü', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
layouts = st.sampled_from([None, 1, 2, "\t"])


def places(value: Any, at: str = "") -> list[tuple[str, Any, Any]]:
    """Every place with the container that it is in and its key."""
    found: list[tuple[str, Any, Any]] = []
    for key in range(len(value)) if isinstance(value, list) else list(value):
        found.append((at + pointer(key), value, key))
        if isinstance(value[key], list | dict):
            found += places(value[key], at + pointer(key))
    return found


@given(st.dictionaries(keys, values, min_size=1, max_size=4), layouts, st.data(), values)
def test_the_value_is_as_if_it_had_been_changed_itself(value, layout, data, new):
    text = json.dumps(value, indent=layout, ensure_ascii=False)
    at, container, key = data.draw(st.sampled_from(places(value)))
    start, end = splicing.span(text, at)
    assert json.loads(text[start:end]) == container[key]
    edit = data.draw(st.sampled_from(["put", "remove", "insert", "add", "swap"]))
    target = container[key]
    if edit == "insert" and isinstance(target, list):
        index = data.draw(st.integers(0, len(target)))
        text = splicing.insert(text, at, index, new)
        target.insert(index, new)
    elif edit == "add" and isinstance(target, dict) and "new" not in target:
        text = splicing.put(text, f"{at}/new", new)
        target["new"] = new
    elif edit == "swap" and isinstance(target, list) and len(target) > 1:
        text = splicing.swap(text, at, 0, len(target) - 1)
        target[0], target[-1] = target[-1], target[0]
    elif edit == "remove":
        text = splicing.remove(text, at)
        del container[key]
    else:
        text = splicing.put(text, at, new)
        container[key] = new
    assert json.loads(text) == value
