"""A wave at a glance, and the organisations of a frame sought: on both stores."""

import pytest

from surveyapp import campaigning, framing, watching, writing
from surveyapp.rates import Range
from surveyapp.storage.database import Database
from tests.makers import TODAY, change, make_answers, make_wave, send

pytestmark = pytest.mark.stores


def test_a_glance_counts_and_hides_what_is_small(db: Database):
    _, _, codes = make_wave(db)
    make_wave(db, "for-all", anyone=True, carry=None)
    assert watching.glance(db, "tiny-1", TODAY).completed == 0
    send(db, codes["U001"], make_answers())
    found = watching.glance(db, "tiny-1", TODAY)
    assert (found.invited, found.completed, found.sealed) == (40, Range(1, 9), Range(0, 9))
    for i in range(2, 12):
        send(db, codes[f"U{i:03}"], make_answers())
    by_name = {glance.wave.name: glance for glance in watching.glances(db, "tiny", TODAY)}
    assert (by_name["tiny-1"].completed, by_name["tiny-1"].sealed, by_name["tiny-1"].released) == (11, 11, 0)
    assert by_name["for-all"].completed == 0


def test_waves_in_the_field_come_first(db: Database):
    for name in ("a", "b", "c"):
        make_wave(db, name)
    campaigning.close_wave(db, "c", TODAY)
    assert [glance.wave.name for glance in watching.glances(db, "tiny", TODAY)] == ["b", "a", "c"]
    assert watching.glances(db, "other", TODAY) == []


def test_a_completed_number_is_the_one_of_the_response(db: Database):
    """The list and the dashboard must not differ: from two ranges somebody could work a number out."""
    _, _, codes = make_wave(db)
    for noted, unit in (("refused", "U020"), ("undeliverable", "U021"), ("out-of-scope", "U022")):
        change(db, f"UPDATE organisation SET disposition = '{noted}' WHERE unit = '{unit}'")
    for i in range(1, 13):
        send(db, codes[f"U{i:03}"], make_answers())
        whole = watching.response(db, "tiny-1", TODAY).whole
        assert watching.glance(db, "tiny-1", TODAY).completed == whole.numbers["completed"]


def test_organisations_are_sought_by_words_and_state(db: Database):
    _, _, codes = make_wave(db)
    send(db, codes["U001"], make_answers())
    change(db, "UPDATE organisation SET name = 'Äther x_y' WHERE unit = 'U002'")
    change(db, "UPDATE organisation SET disposition = 'refused' WHERE unit = 'U003'")
    change(db, "UPDATE organisation SET sampled = 0 WHERE unit = 'U004'")
    assert framing.sought(db, "tiny-1")[0] == 40
    assert [one.unit.unit for one in framing.sought(db, "tiny-1", "Äther x_y")[1]] == ["U002"]
    assert framing.sought(db, "tiny-1", "_")[0] == 1
    assert [one.unit.unit for one in framing.sought(db, "tiny-1", state="answered")[1]] == ["U001"]
    assert [one.unit.unit for one in framing.sought(db, "tiny-1", state="refused")[1]] == ["U003"]
    assert framing.sought(db, "tiny-1", state="not-yet-in")[0] == 38
    assert [one.unit.unit for one in framing.sought(db, "tiny-1", state="not-drawn")[1]] == ["U004"]
    assert framing.sought(db, "tiny-1", page=2) == (40, [])
    assert watching.dashboard(db, "tiny-1", TODAY, (), lambda _: None).strata == ["region"]


def test_whom_letters_would_go_to_is_counted_by_stratum(db: Database):
    make_wave(db)
    due = writing.reminders_due(db, "tiny-1", None, "", TODAY)
    assert (due.number, due.kinds, due.strata) == (40, {"reminder": 40}, {"region": {"North": 20, "South": 20}})
    assert due.first is not None
    assert due.first.words.subject == "Reminder: A tiny survey"
    assert writing.invitations_due(db, "tiny-1", TODAY).number == 0
