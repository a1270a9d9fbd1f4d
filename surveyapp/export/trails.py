"""The trail of staff's acts for a spreadsheet and for scripts."""

import json
from collections.abc import Iterable, Mapping

from surveyapp.export.archive import csv_text

COLUMNS = ("number", "at", "who", "survey", "what", "object", "said")

Line = Mapping[str, object]
"""A line of the trail: the columns, and `hash`, which stands for it and all lines before it."""


def trail_csv(lines: Iterable[Line]) -> bytes:
    """A line an act, the columns above them; what a spreadsheet could take for a formula has a ' before it."""
    rows = [",".join(COLUMNS), *(",".join(csv_text(str(line[name])) for name in COLUMNS) for line in lines)]
    return ("\ufeff" + "\r\n".join(rows) + "\r\n").encode()


def trail_json(lines: Iterable[Line]) -> bytes:
    """A JSON object a line, with the hashes by which an altered trail is found out."""
    return "".join(json.dumps(dict(line), ensure_ascii=False) + "\n" for line in lines).encode()
