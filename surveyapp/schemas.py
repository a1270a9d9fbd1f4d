"""Writes the JSON Schemas that editors use beside the documents they describe, and the API's: `make schemas`."""

import json
from collections.abc import Callable
from typing import Any

from surveyapp.analysis import plans
from surveyapp.analysis.themes import codeframes
from surveyapp.config import PACKAGE, write_aside
from surveyapp.instrument import json_schema
from surveyapp.web.staff import openapi

SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "instruments/schema.json": json_schema,
    "instruments/codeframe-schema.json": codeframes.json_schema,
    "exports/schema.json": plans.json_schema,
    "docs/openapi.json": openapi.document,
}


def contents() -> dict[str, bytes]:
    """File name in the checkout, and what must stand in it."""
    return {name: (json.dumps(make(), indent=1) + "\n").encode() for name, make in SCHEMAS.items()}


if __name__ == "__main__":
    for name, content in contents().items():
        write_aside(PACKAGE.parent / name, content)
