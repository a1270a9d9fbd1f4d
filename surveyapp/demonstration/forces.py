"""A frame of invented police forces, command units and other units, as the police questionnaire asks for."""

from collections.abc import Mapping, Sequence

from surveyapp.demonstration.teams import invented_places, seeded
from surveyapp.fieldwork import Frame, Unit

PLACES_SEED = 2011

LEVELS: Mapping[str, tuple[int, int]] = {"Force": (39, 34), "Command unit": (104, 58), "Other unit": (26, 19)}
"""How many there are at each level, and how many of them answer."""

_NAMES = {"Force": "{} Police", "Command unit": "{} Command Unit", "Other unit": "{} Transport Unit"}
_SIGNS = {"Force": "FORCE", "Command unit": "BCU", "Other unit": "UNIT"}


def police_frame() -> Frame:
    """The whole frame, level by level; the same at every call."""
    places = iter(invented_places(PLACES_SEED))
    units = [_unit(level, i, next(places)) for level, (n, _) in LEVELS.items() for i in range(1, n + 1)]
    return Frame(tuple(units), ("level",))


def answering(frame: Frame, seed: int) -> Sequence[Unit]:
    """Those that answer, as many as `LEVELS` says of each level, in the order of the frame."""
    rng = seeded(seed)
    drawn: set[str] = set()
    for level, (_, n) in LEVELS.items():
        drawn |= set(rng.sample([unit.unit for unit in frame.units if unit.strata["level"] == level], n))
    return [unit for unit in frame.units if unit.unit in drawn]


def _unit(level: str, number: int, place: str) -> Unit:
    return Unit(
        f"{_SIGNS[level]}-{number:03}",
        _NAMES[level].format(place),
        f"drugs@{place.lower()}.example",
        "Drugs lead",
        "en",
        {"level": level},
        sampled=True,
    )
