"""Colours that can be read: contrast by the formula of WCAG 2, and the shades that go with a wave's own colour."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from surveyapp.problems import Problem

WHITE, INK = "#ffffff", "#0b0c0c"
"""What stands on a wave's colour, and what stands on its tint."""

LEAST = 4.5
"""Contrast of words of ordinary size by WCAG 2.2 AA."""

_DARK, _TINT = 0.62, 0.06
"""How much of the colour is left in the dark shade, and how much of it at most is in the tint."""

_COLOUR = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True)
class Shades:
    """A wave's colour, the darker shade of what is pointed at, and the light ground behind words."""

    brand: str
    dark: str
    tint: str


def colour_problems(colour: str) -> Iterator[Problem]:
    """What is wrong with a wave's colour: its form, or too little contrast with the white words on it."""
    if not _COLOUR.fullmatch(colour):
        yield Problem("colour", f'"{_shown(colour)}" is not a colour', "write # and six of 0 to f: #0b5563")
    elif contrast(colour, WHITE) < LEAST:
        what = f"{colour} has a contrast of {_printed(contrast(colour, WHITE))} to 1 with white, and 4.5 is needed"
        yield Problem("colour", what, f"take {darkened(colour)}, the nearest darker shade that has it")


def contrast(one: str, other: str) -> float:
    """Contrast of two colours "#rrggbb" by WCAG 2, from 1 (the same) to 21 (black and white)."""
    darker, lighter = sorted([_luminance(one), _luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def darkened(colour: str) -> str:
    """The lightest of the colour's darker shades on which white words can be read; itself if it is one."""
    shades = (_mixed(colour, "#000000", part / 255) for part in range(255, -1, -1))
    return next(shade for shade in shades if contrast(shade, WHITE) >= LEAST)


def shades(colour: str) -> Shades:
    """The shades of a colour that passes.

    The dark one takes white words; on the tint ordinary words have 7 to 1 and links in the colour itself 4.5,
    which makes it all but white for a colour that only just passes.
    """
    parts = chain((_TINT * part / 20 for part in range(20, 0, -1)), [0])
    tints = (_mixed(colour, WHITE, part) for part in parts)
    tint = next(tint for tint in tints if contrast(colour, tint) >= LEAST and contrast(INK, tint) >= 7)
    return Shades(colour, _mixed(colour, "#000000", _DARK), tint)


def _luminance(colour: str) -> float:
    """Relative luminance, from 0 to 1."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _mixed(colour: str, ground: str, part: float) -> str:
    """The colour with `part` of it left, the rest the ground."""
    pairs = zip(_channels(colour), _channels(ground), strict=True)
    return "#" + "".join(f"{int(a * part + b * (1 - part) + 0.5):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _printed(figure: float) -> str:
    """Rounded down: 4.48 is not 4.5."""
    return f"{int(figure * 10) / 10:.1f}"


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text[:20])
