"""Who is asked what: a pure, forward-only function of the answers.

A question off the route is not asked: its answer, if there once was one, opens no later question and is
never submitted.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from surveyapp.instrument.conditions import Answers, holds
from surveyapp.instrument.model import Instrument, Item, Note, Page, answer_keys


@dataclass(frozen=True)
class Route:
    """What these answers lead through: the items shown on each page, and the ids of the questions asked."""

    shown: dict[str, tuple[Item, ...]]
    asked: frozenset[str]

    @property
    def pages(self) -> list[str]:
        """The ids of the pages that show anything, in order."""
        return [page for page, items in self.shown.items() if items]

    def before(self, page_id: str) -> str | None:
        """The page before this one on the route."""
        i = self.pages.index(page_id)
        return self.pages[i - 1] if i else None

    def after(self, page_id: str) -> str | None:
        """The page after this one on the route."""
        i = self.pages.index(page_id) + 1
        return self.pages[i] if i < len(self.pages) else None


def route(instrument: Instrument, answers: Answers) -> Route:
    """The route that `answers` take through `instrument`."""
    seen: dict[str, str | list[str]] = {}
    shown: dict[str, tuple[Item, ...]] = {}
    for page in instrument.pages:
        shown[page.id] = _shown_on(page, answers, seen)
    asked = frozenset(i.id for items in shown.values() for i in items if not isinstance(i, Note))
    return Route(shown, asked)


def prune(instrument: Instrument, answers: Answers) -> dict[str, str | list[str]]:
    """The answers on the route, in questionnaire order: what is submitted."""
    seen: dict[str, str | list[str]] = {}
    for page in instrument.pages:
        _shown_on(page, answers, seen)
    return seen


def _shown_on(page: Page, answers: Answers, seen: dict[str, str | list[str]]) -> tuple[Item, ...]:
    """The items of a page that are shown; their answers join `seen`, which later conditions read."""
    shown = []
    for item in page.questions:
        if holds(item.show_if, seen):
            shown.append(item)
            if not isinstance(item, Note):
                _collect(answer_keys(item), answers, seen)
    return tuple(shown)


def _collect(keys: Iterable[str], answers: Answers, seen: dict[str, str | list[str]]) -> None:
    for key in keys:
        if answer := answers.get(key):
            seen[key] = answer if isinstance(answer, str) else list(answer)
