"""How far a respondent has come: section by section, and what to open next."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from surveyapp.instrument.answers import missing
from surveyapp.instrument.conditions import Answers
from surveyapp.instrument.model import Section, answer_keys
from surveyapp.instrument.routing import Route, Step

State = Literal["not started", "in progress", "done"]


@dataclass(frozen=True)
class Progress:
    """How far one section of the route has come; `open` names the step to go on with, its first if it is done."""

    section: Section
    state: State
    open: str


def progress(way: Route, visited: Collection[str], unfinished: Collection[str]) -> list[Progress]:
    """Every section of the route that asks something.

    `visited` are the steps that were saved whole; a question may have been left blank there on purpose.
    `unfinished` are steps to be looked at again, whatever was saved.
    """
    waiting = _waiting(way, visited, unfinished)
    return [_progress(way, section, visited, waiting) for section in way.sections]


def next_step(way: Route, visited: Collection[str], unfinished: Collection[str]) -> str | None:
    """The first step that waits for somebody; the very first for who has not begun; None if all is done."""
    if not visited and not unfinished:
        return way.pages[0]
    waiting = _waiting(way, visited, unfinished)
    return next((step.name for step in way.steps if step.name in waiting), None)


def touched(way: Route, answers: Answers) -> list[str]:
    """The steps on which something is answered: what is known of a draft that came without its pages."""
    return [step.name for step in way.steps if _answered(step, answers)]


def _waiting(way: Route, visited: Collection[str], unfinished: Collection[str]) -> set[str]:
    required = {name for name, _ in missing(way)}
    asking = (step.name for step in way.steps if step.questions)
    return {name for name in asking if name not in visited or name in unfinished or name in required}


def _progress(way: Route, section: Section, visited: Collection[str], waiting: Collection[str]) -> Progress:
    steps = [step for step in way.steps if step.section.id == section.id]
    open_steps = [step.name for step in steps if step.name in waiting]
    if not open_steps:
        return Progress(section, "done", steps[0].name)
    begun = any(step.name in visited or _answered(step, way.answers) for step in steps)
    return Progress(section, "in progress" if begun else "not started", open_steps[0] if begun else steps[0].name)


def _answered(step: Step, answers: Answers) -> bool:
    return any(key in answers for question in step.questions for key in answer_keys(question))
