"""One person's sitting with a pile of paper returns: what is in hand, what waits to be keyed again, what is done.

It holds answers beside the organisations that gave them. The screen of the command line has it in its memory and
nowhere else; the staff site keeps it in the store, sealed so that only the keyer's browser can open it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from surveyapp import privacy
from surveyapp.instrument import Form
from surveyapp.instrument.keying import Box, Difference

FIRST, SECOND, SETTLING = "first", "second", "settling"


@dataclass
class Return:
    """A return in hand. `label` is what it goes by in this sitting: its organisation's unit, or a number.

    `stage` is FIRST, then SECOND while it is keyed again, then SETTLING with the `differences` of both keyings.
    `typed` is what stands in the boxes, `first` the first keying; `agreed` are the boxes of which the keyer said
    that the paper is blank there, or that an answer is to be left out.
    """

    label: str
    unit: str = ""
    name: str = field(default="", repr=False)
    id: str = field(default_factory=lambda: privacy.new_id().hex())
    stage: str = FIRST
    typed: Form = field(default_factory=dict, repr=False)
    first: Form = field(default_factory=dict, repr=False)
    agreed: set[str] = field(default_factory=set)
    items: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list, repr=False)


@dataclass
class Sitting:
    """What has been done since the work began; `twice` says that every return is keyed twice.

    `filled` counts the boxes that were compared, `differing` those in which two keyings were not the same,
    `unclear` the answers of sealed returns that were marked twice or could not be read.
    """

    twice: bool = False
    hand: Return | None = None
    waiting: dict[str, Return] = field(default_factory=dict)
    keyed: int = 0
    checked: int = 0
    filled: int = 0
    differing: int = 0
    unclear: int = 0
    numbers: int = 0
    last: str = ""
    lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def rate(self) -> float | None:
        """The share of compared boxes in which two keyings differed, in per cent; None before any was compared."""
        return 100 * self.differing / self.filled if self.filled else None

    def take(self, unit: str, name: str) -> Return:
        """Take a return in hand: the one of this unit that waits to be keyed again, else a new one.

        Without a unit it gets a number, which goes onto the paper.
        """
        self.last = ""
        if unit in self.waiting:
            return self.take_again(unit)
        self.numbers += not unit
        self.hand = Return(unit or f"Return {self.numbers}", unit, name)
        return self.hand

    def take_again(self, label: str) -> Return:
        """Take one that waits in hand. Raises `KeyError`."""
        self.last, self.hand = "", self.waiting.pop(label)
        return self.hand

    def hold(self, held: Return) -> None:
        """Lay a return that was keyed once with those that wait to be keyed again."""
        held.stage, held.first, held.typed = SECOND, held.typed, {}
        self.waiting[held.label], self.hand = held, None

    def put_aside(self) -> None:
        """Forget the return in hand, with all that was typed."""
        self.hand = None

    def compare(self, filled: int, differences: Iterable[Difference]) -> None:
        """Count what two keyings of the return in hand have shown, and go on with the first."""
        if self.hand:
            found = list(differences)
            self.checked, self.filled, self.differing = (
                self.checked + 1,
                self.filled + filled,
                self.differing + len(found),
            )
            self.hand.stage, self.hand.typed, self.hand.differences = SETTLING, self.hand.first, found

    def settle(self, chosen: Mapping[str, str]) -> None:
        """Put what the paper says into the boxes that two keyings had filled in differently."""
        if self.hand:
            self.hand.typed = {**self.hand.typed, **{name: [typed] for name, typed in chosen.items()}}
            self.hand.differences = []

    def done(self, unclear: int) -> None:
        """The return in hand is in the tray."""
        if self.hand:
            self.last = " ".join(filter(None, (self.hand.label, self.hand.name)))
        self.keyed, self.unclear, self.hand = self.keyed + 1, self.unclear + unclear, None


# ── kept from one page to the next ───────────────────────────────────────────

_COUNTS = ("twice", "keyed", "checked", "filled", "differing", "unclear", "numbers", "last")
_OF_RETURN = ("label", "unit", "name", "id", "stage", "typed", "first", "items")


def as_text(sitting: Sitting) -> bytes:
    """A sitting as it is kept."""
    kept = {name: getattr(sitting, name) for name in _COUNTS}
    hand = _return_out(sitting.hand) if sitting.hand else None
    waiting = [_return_out(held) for held in sitting.waiting.values()]
    return json.dumps({**kept, "hand": hand, "waiting": waiting}, ensure_ascii=False).encode()


def from_text(text: bytes, known: Mapping[str, Box]) -> Sitting:
    """The sitting that `as_text` was given; `known` are the boxes of the questionnaire, by name."""
    kept = json.loads(text)
    hand = _return_in(kept["hand"], known) if kept["hand"] else None
    waiting = [_return_in(held, known) for held in kept["waiting"]]
    counts = {name: kept[name] for name in _COUNTS}
    return Sitting(hand=hand, waiting={held.label: held for held in waiting}, **counts)


def _return_out(held: Return) -> dict[str, Any]:
    differences = [[d.box.name, d.first, d.second] for d in held.differences]
    kept = {name: getattr(held, name) for name in _OF_RETURN}
    return {**kept, "agreed": sorted(held.agreed), "differences": differences}


def _return_in(kept: Mapping[str, Any], known: Mapping[str, Box]) -> Return:
    """A box that the questionnaire no longer has, since the wave was moved to a newer version, is left out."""
    differences = [Difference(known[name], *typed) for name, *typed in kept["differences"] if name in known]
    own = {name: kept[name] for name in _OF_RETURN}
    return Return(**own, agreed=set(kept["agreed"]), differences=differences)
