"""The order in which options and rows are shown: from a random seed of the draft, never from who answers.

The seed is drawn when somebody enters, lies in the encrypted cookie and draft, and is gone when the answers
are sent; the order is kept nowhere. Options that ask for words or exclude all others ("Other", "None of these")
stay at the end, where people look for them.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from surveyapp.instrument.model import Item, Multiple, Note, Option, Rank, Row, Single

Entry = TypeVar("Entry", Option, Row)


def ordered(item: Item, seed: str) -> Item:
    """The item with its options, rows or scale in the order that `seed` gives; itself if the order is fixed."""
    if isinstance(item, Note):
        return item
    changes: dict[str, object] = {}
    order = getattr(item, "order", "fixed")
    if order != "fixed" and isinstance(item, Single | Multiple | Rank):
        free = [option for option in item.options if not (option.specify or option.exclusive)]
        last = [option for option in item.options if option.specify or option.exclusive]
        changes["options"] = [*_in_order(free, order, item.id, seed), *last]
    elif order != "fixed":
        changes["rows"] = _in_order(getattr(item, "rows", []), order, item.id, seed)
    if getattr(item, "scale_order", "fixed") != "fixed":
        changes["scale"] = _in_order(getattr(item, "scale", []), "reversed-half", f"{item.id} scale", seed)
    shown: Item = item.model_copy(update=changes) if changes else item
    return shown


def _in_order(entries: Sequence[Entry], order: str, name: str, seed: str) -> list[Entry]:
    """`random` shuffles; `reversed-half` turns the list round for about half of all seeds."""
    if order == "random":
        return sorted(entries, key=lambda entry: _drawn(seed, name, entry.code))
    return list(reversed(entries)) if _drawn(seed, name, "")[0] % 2 else list(entries)


def _drawn(seed: str, name: str, code: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}\0{code}".encode()).digest()
