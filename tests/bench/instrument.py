"""How long questionnaires take: `make bench-instrument`. Prints CPU beside wall time; asserts nothing."""

import json
import time
from collections.abc import Callable
from typing import Any

import click

from surveyapp.identifying import identifying, prepare
from surveyapp.instrument import read_answers, read_instrument, route
from surveyapp.instrument.comparing import compare
from tests.makers import make_document, make_question


def make_large(questions: int = 500) -> dict[str, Any]:
    """Fifty pages of ten questions; all but the first three have two tests each in their condition."""
    asked = []
    for n in range(1, questions + 1):
        tests = [{"question": f"q{n - 2}", "is": "yes"}, {"not": {"question": f"q{n - 3}", "in": ["no"]}}]
        asked.append(make_question("single", f"q{n}", **({"show_if": {"any": tests}} if n > 3 else {})))
    return make_document(*(asked[i : i + 10] for i in range(0, questions, 10)))


def timed(name: str, limit: str, call: Callable[[], object], times: int = 10) -> None:
    """Print the best of several calls."""
    runs = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        runs.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu, wall = (1000 * min(run[i] for run in runs) for i in (0, 1))
    click.echo(f"{name:<52}{cpu:8.2f} ms CPU {wall:8.2f} ms wall   (at most {limit})")


def main() -> None:
    """The figures that the questionnaire language must hold."""
    text = json.dumps(make_large())
    instrument = read_instrument(text)
    answers = {f"q{n}": "yes" if n % 3 else "no" for n in range(1, 501)}
    timed("load and check 500 questions, 994 tests", "500 ms", lambda: read_instrument(text), 5)
    timed("route of 500 questions, 994 tests", "5 ms", lambda: route(instrument, answers))
    step = route(instrument, answers).steps[30]
    timed("read one posted page", "no limit", lambda: read_answers(step.items, {"q305": ["yes"]}))
    timed("difference of two versions of 500 questions", "no limit", lambda: compare(instrument, instrument))
    units = [(f"P-{n:04}", f"Place{n:x} and Sord{n % 997:x} Drug and Alcohol Service") for n in range(5_000)]
    names, words = prepare(units), ("Funding in Placeab fell by 10% to £1,200,000 in 2012-13. " * 80)[:4_000]
    timed("names of a frame of 5,000 made ready", "30 ms", lambda: prepare(units))
    timed("an open answer of 4,000 characters scanned", "2 ms", lambda: identifying(words, names))


if __name__ == "__main__":
    main()
