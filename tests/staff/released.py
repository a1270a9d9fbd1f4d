"""A wave whose answers have been released, for those who make tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from surveyapp import campaigning, privacy
from surveyapp.storage import responses
from surveyapp.storage.responses import Response, Verbatim
from tests.makers import TODAY
from tests.staff.conftest import Office


def release(
    office: Office, answers: Sequence[Mapping[str, Any]], wave: str = "tiny-1", version: str = "1"
) -> None:
    """These answers are those of the wave, closed and released, in turn from the North and from the South."""
    cells = sorted(office.wave.cells)
    closed, words = [], []
    for place, given in enumerate(answers):
        cell = cells[place % len(cells)]
        rest = {key: value for key, value in given.items() if key != "issues"}
        closed.append((privacy.new_id(), Response(version, cell, rest)))
        words.append((privacy.new_id(), Verbatim("issues", cell, given["issues"])))
    campaigning.close_wave(office.db, wave, TODAY)
    with office.db.transaction() as connection:
        responses.release(connection, wave, [], closed, words)
