"""What a questionnaire is: its model, its JSON, who is asked what, reading answers. No clock, no files."""

from surveyapp.instrument.answers import Form, maximum_size, missing, read_answers
from surveyapp.instrument.checking import content_hash, json_schema, read_instrument
from surveyapp.instrument.conditions import Answer, Answers, holds
from surveyapp.instrument.model import (
    Grid,
    Instrument,
    Multiple,
    Note,
    OpenText,
    Option,
    Page,
    Question,
    Row,
    Section,
    Single,
    Text,
    answer_keys,
    choices,
    specify_key,
)
from surveyapp.instrument.routing import Route, prune, route

__all__ = [
    "Answer",
    "Answers",
    "Form",
    "Grid",
    "Instrument",
    "Multiple",
    "Note",
    "OpenText",
    "Option",
    "Page",
    "Question",
    "Route",
    "Row",
    "Section",
    "Single",
    "Text",
    "answer_keys",
    "choices",
    "content_hash",
    "holds",
    "json_schema",
    "maximum_size",
    "missing",
    "prune",
    "read_answers",
    "read_instrument",
    "route",
    "specify_key",
]
