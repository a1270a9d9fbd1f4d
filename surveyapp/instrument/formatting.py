"""A questionnaire as people like to read and edit it: JSON with two spaces; an option, a row or a test a line."""

import json
from typing import Any

_LINES = {"options", "rows", "scale"}
_WHOLE = {"languages", "repeat", "bands", "sum", "disclosure"}


def json_text(document: dict[str, Any]) -> str:
    """The text of a document's file: the form in which `instruments/` are kept."""
    return _value("", document, "") + "\n"


def fragment(key: str, value: Any, indent: str) -> str:
    """A part of a document, as it stands in its file under `key` on a line that begins with `indent`."""
    return _value(key, value, indent)


def _value(key: str, value: Any, indent: str) -> str:
    """The value under `key`; its lines after the first begin with `indent`."""
    if not value or not isinstance(value, dict | list) or key in _WHOLE or _is_test(value):
        return _dumps(value)
    deeper = indent + "  "
    if isinstance(value, dict):
        parts = [f"{_dumps(name)}: {_value(name, entry, deeper)}" for name, entry in value.items()]
    elif key in _LINES:
        parts = [_dumps(entry) for entry in value]
    else:
        parts = [_value("", entry, deeper) for entry in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([opening, ",\n".join(deeper + part for part in parts), indent + closing])


def _is_test(value: Any) -> bool:
    """A test of one answer, or its opposite."""
    inner = value.get("not", value) if isinstance(value, dict) else {}
    return isinstance(inner, dict) and "question" in inner


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
