"""What can be wrong, in the words of the trade: problems to list and errors to stop at.

A `Problem` is one fault in something that somebody wrote (an instrument, a frame, a posted page);
they are found all at once and shown together. A `SurveyError` is a refusal; the entry points turn each
into a page or an exit code, in one place each.
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass


class Words(str):
    """A sentence in English that remembers how it was made, so that a page can say it in another language.

    `template` is the English sentence with `{name}` for each of `values`, or a pair of sentences (one, many) that
    `values["n"]` chooses between. A value that is itself translated (a label, other `Words`) keeps its kind.
    """

    __slots__ = ("template", "values")
    template: str | tuple[str, str]
    values: dict[str, object]


def say(template: str, **values: object) -> Words:
    """A sentence with its values: `say("Enter {least:,f} or more", least=number)`."""
    words = Words(template.format(**values))
    words.template, words.values = template, values
    return words


def say_n(one: str, many: str, n: int, **values: object) -> Words:
    """A sentence about one thing, or about `n` of them, which both templates may print as `{n}`."""
    words = Words((one if n == 1 else many).format(n=n, **values))
    words.template, words.values = (one, many), {"n": n, **values}
    return words


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where it is, what is wrong, and what to do about it.

    `at` is a JSON pointer for a document, a sheet cell for a spreadsheet, a field name for a form;
    `line` counts from 1 and is known for text documents only.
    """

    at: str
    what: str
    do: str
    line: int | None = None

    def __str__(self) -> str:
        """One line for a terminal: place, fault, remedy."""
        place = f"line {self.line}, {self.at}" if self.line else self.at
        return f"{place or 'the document'}: {self.what}; {self.do}"


class SurveyError(Exception):
    """Something asked for cannot be done; the message says why and what to do."""


class Refused(SurveyError):
    """A document, a sheet or a page has problems; all of them are listed."""

    def __init__(self, problems: Sequence[Problem], subject: str = "") -> None:
        self.problems = tuple(problems)
        self.subject = subject
        super().__init__("\n".join(f"{subject}: {p}" if subject else str(p) for p in self.problems))


class NotFound(SurveyError):
    """There is no such file, wave, version or question."""


class UnknownCode(SurveyError):
    """The access code is not one of ours, or has been replaced."""


class AlreadyReceived(SurveyError):
    """The answers for this access code have been received."""


class WaveNotOpen(SurveyError):
    """The wave does not take answers now.

    `closed_on` is the last day on which it did, as an ISO text; `service`, `contact` and `colour` are the wave's,
    for the page that says so.
    """

    def __init__(
        self, message: str, closed_on: str | None = None, service: str = "", contact: str = "", colour: str = ""
    ) -> None:
        self.closed_on = closed_on
        self.service, self.contact, self.colour = service, contact, colour
        super().__init__(message)


class WavePaused(WaveNotOpen):
    """The wave takes no answers for the time being; what was saved stays."""


class NoLongerAsked(SurveyError):
    """A posted page is not on the respondent's route, or not any more: an earlier answer has changed."""


class NotSaved(SurveyError):
    """The store could not be written; what was saved before is still there."""


class NotRead(SurveyError):
    """The store could not be read now; it can be tried again."""


class Unfinished(SurveyError):
    """The answers cannot be sent yet: a question that must be answered is not.

    `page` is the first page that needs work.
    """

    def __init__(self, page: str) -> None:
        self.page = page
        super().__init__("a question that must be answered is still open")


class NotAllowed(SurveyError):
    """Somebody of the staff has no role for this; the message names the roles that would do."""


class NotAdmitted(SurveyError):
    """A sign-in does not succeed. The message never says which part was wrong."""


def fault_place(error: BaseException) -> str:
    """An unforeseen error by type and line, for a log: its text could hold an answer."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f for f in reversed(frames) if "surveyapp" in f.filename), frames[-1] if frames else None)
    where = f"{place.filename.rpartition('/')[2]}:{place.lineno}" if place else "unknown"
    return f"{type(error).__name__} at {where}"
