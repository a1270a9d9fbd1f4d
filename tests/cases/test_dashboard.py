"""The dashboard of a wave: one count for everything on it, by the store, on both stores."""

import pytest

from surveyapp import collecting, framing, watching, writing
from surveyapp.problems import SurveyError
from surveyapp.storage.database import Database
from surveyapp.storage.standings import standings
from tests.makers import PEPPER, TODAY, make_answers, make_frame, make_wave, send

pytestmark = pytest.mark.stores


def fielded(db: Database) -> None:
    """Sixty organisations: some have sent, some begun, one refused, one is gone, one was never found."""
    _, _, codes = make_wave(db, frame=make_frame(60))
    for i in range(1, 25):
        send(db, codes[f"U{i:03}"], make_answers())
    for i in range(30, 42):
        visit = collecting.enter(db, PEPPER, codes[f"U{i:03}"], TODAY)
        collecting.save_page(db, visit, "p1", {"kind": ["yes"]}, TODAY)
    for unit, disposition in (("U050", "refused"), ("U051", "undeliverable"), ("U052", "out-of-scope")):
        writing.mark_organisation(db, "tiny-1", unit, disposition, TODAY)
    framing.remove(db, "tiny-1", "U053")
    framing.remove(db, "tiny-1", "U001")


def test_it_shows_what_a_glance_and_the_response_show(db: Database) -> None:
    fielded(db)
    seen = watching.dashboard(db, "tiny-1", TODAY, ["region"], lambda _: None)
    assert seen.glance == watching.glance(db, "tiny-1", TODAY)
    assert seen.response == watching.response(db, "tiny-1", TODAY, ["region"])
    assert seen.strata == ["region"]


def test_what_is_known_of_released_answers_is_asked_for_by_what_is_seen(db: Database) -> None:
    fielded(db)
    asked = []
    sent = {"complete": 20, "partial": 3, "breakoff": 1}
    seen = watching.dashboard(db, "tiny-1", TODAY, (), lambda glance: asked.append(glance.completed) or sent)
    assert asked == [24]
    assert seen.response == watching.response(db, "tiny-1", TODAY, sent=sent)


def test_organisations_that_stand_alike_are_counted_by_the_store(db: Database) -> None:
    fielded(db)
    with db.reading() as connection:
        found = standings(connection, "tiny-1")
    assert sum(one.number for one in found) == 60
    assert len(found) < 15
    assert sum(one.number for one in found if one.done) == 24
    assert sum(one.number for one in found if one.draft) == 12
    assert sum(one.number for one in found if one.strata == {"region": "North"}) == 30


def test_a_wave_open_to_anyone_has_none(db: Database) -> None:
    make_wave(db, anyone=True, carry=None)
    with pytest.raises(SurveyError, match="without a frame there is no response rate"):
        watching.dashboard(db, "tiny-1", TODAY, (), lambda _: None)
