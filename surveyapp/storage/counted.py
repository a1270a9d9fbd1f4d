"""How complete the released responses of a wave are, as three counts beside the database; made anew when stale.

To count them every answer is read. Whoever deletes the file loses nothing but that time.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from surveyapp.config import write_aside
from surveyapp.problems import SurveyError

_FORMAT = "1"


def kept(folder: Path, wave: str, mark: str) -> dict[str, int] | None:
    """The counts of a wave, if they were kept under this mark; None if not, or if they are damaged."""
    try:
        known = json.loads(_file(folder, wave).read_text())
        if known["mark"] != [_FORMAT, mark]:
            return None
        return {str(name): int(number) for name, number in known["sent"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep(folder: Path, wave: str, mark: str, sent: Mapping[str, int]) -> None:
    """Keep the counts of a wave under a mark. Where that cannot be, nothing is kept."""
    with suppress(OSError, SurveyError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = json.dumps({"mark": [_FORMAT, mark], "sent": dict(sent)})
        write_aside(_file(folder, wave), content.encode(), private=True)


def _file(folder: Path, wave: str) -> Path:
    return folder / f"{wave}.sent.json"
