"""A frame of 142 invented Drug Action Teams, and a drawing of those that answer.

The size is that of the frame of 2012; everything else is made up: places are put together from syllables,
addresses end in the reserved domain `.example`, contacts are roles and not persons.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle, product

from surveyapp.fieldwork import Frame, Unit

PLACES_SEED = 2012
RESPONDING = 65
LEAST_PER_REGION = 5

COUNTY, UNITARY, METROPOLITAN, LONDON = "County", "Unitary authority", "Metropolitan borough", "London borough"

REGIONS: Mapping[str, Mapping[str, int]] = {
    "North East": {COUNTY: 2, UNITARY: 5, METROPOLITAN: 5},
    "North West": {COUNTY: 2, UNITARY: 5, METROPOLITAN: 14},
    "Yorkshire and the Humber": {COUNTY: 1, UNITARY: 5, METROPOLITAN: 8},
    "East Midlands": {COUNTY: 5, UNITARY: 5},
    "West Midlands": {COUNTY: 3, UNITARY: 4, METROPOLITAN: 7},
    "East of England": {COUNTY: 5, UNITARY: 5},
    "London": {LONDON: 31},
    "South East": {COUNTY: 6, UNITARY: 11},
    "South West": {COUNTY: 4, UNITARY: 9},
}

_BEGINNINGS = (
    *("Abrost", "Bravon", "Corvel", "Dravik", "Elvram", "Frendal", "Grisvel", "Hoskrel", "Istrel", "Jorvan"),
    *("Kelvra", "Lumvar", "Mardov", "Nerrow", "Orvel", "Pendrow", "Quillan", "Ruvast", "Selvrin", "Tarvel"),
)
_ENDINGS = ("bury", "by", "combe", "dale", "field", "ham", "ley", "mere", "stow", "wick")
_ROLES = ("Partnership manager", "Joint commissioning manager", "Head of drug and alcohol strategy")


def seeded(seed: int) -> random.Random:
    """The one source of chance in the demonstration: the same seed, the same drawing."""
    return random.Random(seed)  # noqa: S311  # nosec B311: a seeded drawing, not a secret


def invented_teams() -> list[dict[str, str]]:
    """The whole frame, region by region; the same at every call."""
    rows = zip(invented_places(PLACES_SEED), _kinds(), cycle(_ROLES), strict=False)
    return [_team(number, *row) for number, row in enumerate(rows, start=1)]


def team_frame() -> Frame:
    """The same as a frame with the strata region and kind."""
    return Frame(tuple(_unit(team) for team in invented_teams()), ("region", "kind"))


def responding(teams: Sequence[Mapping[str, str]], seed: int) -> list[str]:
    """The units of the 65 teams that answer, in the order of the frame, at least five in every region."""
    rng = seeded(seed)
    sure = [unit for units in _by_region(teams) for unit in rng.sample(units, LEAST_PER_REGION)]
    others = [team["unit"] for team in teams if team["unit"] not in sure]
    drawn = {*sure, *rng.sample(others, RESPONDING - len(sure))}
    return [team["unit"] for team in teams if team["unit"] in drawn]


def invented_places(seed: int) -> list[str]:
    """200 names of places that there are not, in an order of chance."""
    places = [beginning + ending for beginning, ending in product(_BEGINNINGS, _ENDINGS)]
    seeded(seed).shuffle(places)
    return places


def _unit(team: Mapping[str, str]) -> Unit:
    contact = {name: team[name] for name in ("unit", "name", "email", "contact", "language")}
    return Unit(**contact, strata={"region": team["region"], "kind": team["kind"]}, sampled=True)


def _kinds() -> Iterator[tuple[str, str]]:
    """Region and kind of every team."""
    for region, kinds in REGIONS.items():
        for kind, teams in kinds.items():
            yield from [(region, kind)] * teams


def _team(number: int, place: str, where: tuple[str, str], contact: str) -> dict[str, str]:
    region, kind = where
    return {
        "unit": f"DAT-{number:03}",
        "name": f"{place} Drug and Alcohol Partnership",
        "email": f"partnership@{place.lower()}.example",
        "contact": contact,
        "language": "en",
        "region": region,
        "kind": kind,
    }


def _by_region(teams: Iterable[Mapping[str, str]]) -> list[list[str]]:
    regions: dict[str, list[str]] = {}
    for team in teams:
        regions.setdefault(team["region"], []).append(team["unit"])
    return list(regions.values())
