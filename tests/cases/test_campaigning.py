"""Campaign: waves are opened whole or not at all, codes are given once, letters carry them, the close ends it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from surveyapp import collecting, privacy, publishing
from surveyapp.campaigning import (
    Changes,
    change_settings,
    close_wave,
    has_colour,
    invite,
    open_wave,
    status,
)
from surveyapp.fieldwork import Frame, Unit
from surveyapp.problems import AlreadyReceived, NotFound, Refused, SurveyError, WaveNotOpen
from surveyapp.storage.database import Database
from surveyapp.storage.waves import Wave, not_open
from tests.makers import (
    PEPPER,
    TODAY,
    as_form,
    everything,
    make_all_types,
    make_answers,
    make_frame,
    make_wave,
    normal,
    rows,
    send,
)

pytestmark = pytest.mark.stores

# ── opening a wave ───────────────────────────────────────────────────────────


def test_a_wave_is_opened_on_a_frame(db: Database) -> None:
    keys: list[bytes] = []
    wave = _opened(db, keep_key=keys.append)
    assert (wave.kind, wave.state, wave.carry, wave.key_place) == ("listed", "open", ("region",), "holder")
    assert wave.cells == {"North": 20, "South": 20}
    assert (wave.population, wave.issued) == (40, 40)
    assert len(keys) == 1


def test_the_key_that_is_kept_opens_what_the_wave_seals(db: Database) -> None:
    keys: list[bytes] = []
    wave = _opened(db, keep_key=keys.append)
    privacy.rehearse(keys[0], wave.public_key)


def test_the_private_key_is_not_in_the_database(db: Database) -> None:
    keys: list[bytes] = []
    _opened(db, keep_key=keys.append)
    content = everything(db)
    assert keys[0] not in content
    assert keys[0].hex().encode() not in content


def test_if_the_key_cannot_be_kept_there_is_no_wave(db: Database) -> None:
    with pytest.raises(OSError, match="no room"):
        _opened(db, keep_key=_failing)
    with pytest.raises(NotFound):
        status(db, "tiny-1")
    assert _count(db, "organisation") == 0
    _opened(db)


def test_a_name_that_is_taken_is_refused_and_the_key_of_the_first_stays(db: Database) -> None:
    keys: list[bytes] = []
    _opened(db, keep_key=keys.append)
    with pytest.raises(SurveyError, match="there is a wave tiny-1 already; choose another name"):
        _opened(db, keep_key=keys.append)
    assert len(keys) == 1
    assert _count(db, "organisation") == 40


@pytest.mark.parametrize("name", ["", "A", "../x", "a b", "a/b", "-a", "é", "a" * 41, "a\n", "--", "a_b"])
def test_a_name_that_no_file_should_have_is_refused(db: Database, name: str) -> None:
    keys: list[bytes] = []
    with pytest.raises(SurveyError, match="is not a wave name; use small letters, digits and -"):
        _opened(db, name=name, keep_key=keys.append)
    assert keys == []


def test_cells_too_small_are_refused_with_their_sizes(db: Database) -> None:
    frame = make_frame(40)
    units = [*frame.units, *(Unit(f"W{i}", f"W {i}", "w@x.org", strata={"region": "Wales"}) for i in range(7))]
    units += [Unit("S1", "Skye", "s@x.org", strata={"region": "Isles"})]
    keys: list[bytes] = []
    with pytest.raises(Refused) as refused:
        _opened(db, frame=Frame(tuple(units), ("region",)), keep_key=keys.append)
    assert [(p.at, p.what) for p in refused.value.problems] == [
        ("cell “Isles”", "only 1 of the frame are in it"),
        ("cell “Wales”", "only 7 of the frame are in it"),
    ]
    assert "merge it with a neighbour to reach 10" in refused.value.problems[0].do
    assert keys == []
    assert _count(db, "wave") == 0


def test_the_cross_of_two_strata_counts_not_each_alone(db: Database) -> None:
    units = tuple(
        Unit(f"U{i}", f"U {i}", "u@x.org", strata={"region": "NS"[i % 2], "kind": "ab"[i // 2 % 2]})
        for i in range(36)
    )
    frame = Frame(units, ("region", "kind"))
    _opened(db, name="one", frame=frame, carry=["region"])
    with pytest.raises(Refused, match="cell “N / a”: only 9 of the frame"):
        _opened(db, name="both", frame=frame, carry=["region", "kind"])


def test_a_stratum_that_the_frame_does_not_have_is_refused_with_the_nearest(db: Database) -> None:
    with pytest.raises(Refused, match='regoin: the frame has no such stratum; did you mean "region"'):
        _opened(db, carry=["regoin"])


def test_without_a_choice_the_strata_of_the_instrument_are_carried(db: Database) -> None:
    carrying = make_all_types(disclosure={"policy": "organisations", "minimum_base": 10, "carry": ["region", "x"]})
    assert _opened(db, document=carrying, carry=None).carry == ("region",)


def test_a_version_that_is_not_published_is_refused(db: Database) -> None:
    with pytest.raises(NotFound, match="tiny@2 is not published; publish it first"):
        _opened(db, version="2")


def test_a_wave_open_to_anyone_has_no_population(db: Database) -> None:
    wave, _, _ = make_wave(db, anyone=True)
    assert (wave.kind, wave.carry, wave.cells, wave.population, wave.issued) == ("open", (), {}, 0, 0)


# ── codes ────────────────────────────────────────────────────────────────────


def test_everybody_with_an_address_gets_a_code(db: Database) -> None:
    frame = make_frame(20)
    silent = Unit("X1", "No address", "", strata={"region": "North"})
    _opened(db, frame=Frame((*frame.units, silent), ("region",)))
    codes = {unit.unit: code for unit, code in invite(db, "tiny-1", TODAY)}
    assert len(codes) == len(set(codes.values())) == 20
    assert "X1" not in codes
    assert status(db, "tiny-1").invited == 20


def test_inviting_twice_gives_nobody_a_second_code(db: Database) -> None:
    _, _, codes = make_wave(db)
    assert invite(db, "tiny-1", TODAY) == []
    assert status(db, "tiny-1").invited == 40
    send(db, codes["U001"], make_answers())
    assert invite(db, "tiny-1", TODAY) == []


def test_no_code_is_kept_anywhere(db: Database) -> None:
    _, _, codes = make_wave(db)
    content = everything(db)
    for code in codes.values():
        assert code.encode() not in content
        assert normal(code).encode() not in content


def test_codes_of_two_waves_are_apart(db: Database) -> None:
    _, _, first = make_wave(db, "tiny-1")
    _, _, second = make_wave(db, "tiny-2")
    assert not set(first.values()) & set(second.values())
    assert collecting.enter(db, PEPPER, second["U001"], TODAY).wave == "tiny-2"


def test_inviting_to_an_unknown_wave_names_those_there_are(db: Database) -> None:
    make_wave(db)
    with pytest.raises(NotFound, match="there is no wave 'nope'; the waves are: tiny-1"):
        invite(db, "nope", TODAY)


def test_nobody_is_invited_when_the_last_day_is_over(db: Database) -> None:
    _opened(db, closes=date(2012, 2, 17))
    with pytest.raises(WaveNotOpen, match="2012-02-17 was the last day of the wave tiny-1") as refused:
        invite(db, "tiny-1", date(2012, 2, 18))
    assert "give it a later last day" in str(refused.value)
    assert status(db, "tiny-1").invited == 0
    assert len(invite(db, "tiny-1", date(2012, 2, 17))) == 40


# ── settings ─────────────────────────────────────────────────────────────────


def test_a_wave_opens_with_a_name_a_contact_and_a_colour_of_its_own(db: Database) -> None:
    wave = _opened(db, service=" National drug survey ", contact="office@example.org", colour="#1D70B8")
    assert (wave.service, wave.contact, wave.colour) == ("National drug survey", "office@example.org", "#1d70b8")
    assert status(db, "tiny-1").wave == wave


def test_every_setting_that_will_not_do_is_told_at_once_and_no_wave_is_opened(db: Database) -> None:
    keys: list[bytes] = []
    with pytest.raises(Refused) as refused:
        _opened(
            db,
            service="s" * 300,
            contact="two\nlines",
            colour="#ffdd00",
            closes=date(2012, 1, 15),
            keep_key=keys.append,
        )
    assert [str(problem) for problem in refused.value.problems] == [
        "service: it has 300 characters; shorten it to 100",
        "contact: it holds a line break or a control character; write it on one line",
        (
            "colour: #ffdd00 has a contrast of 1.3 to 1 with white, and 4.5 is needed; "
            "take #887600, the nearest darker shade that has it"
        ),
        "closes: 15 January 2012 is over; give today or a later day, or use: wave close",
    ]
    assert keys == []
    assert _count(db, "wave") == 0


def test_a_wave_may_close_on_the_day_of_its_opening(db: Database) -> None:
    assert _opened(db, closes=TODAY).closes_on == "2012-01-16"


def test_only_the_settings_that_are_given_are_changed(db: Database) -> None:
    before = _opened(db, service="One", contact="office@example.org", closes=date(2012, 2, 17))
    after = change_settings(db, "tiny-1", Changes(service="Two", colour="#1d70b8"), TODAY)
    assert after == replace(before, service="Two", colour="#1d70b8")
    assert status(db, "tiny-1").wave == after


def test_a_setting_that_is_emptied_is_the_site_s_own_again(db: Database) -> None:
    before = _opened(db)
    change_settings(db, "tiny-1", Changes("One", "office@example.org", "#1d70b8"), TODAY)
    assert change_settings(db, "tiny-1", Changes("", "", ""), TODAY) == before


def test_no_setting_is_changed_if_one_of_them_will_not_do(db: Database) -> None:
    before = _opened(db, service="One")
    with pytest.raises(Refused, match='tiny-1: colour: "teal" is not a colour'):
        change_settings(db, "tiny-1", Changes(service="Two", colour="teal"), TODAY)
    assert status(db, "tiny-1").wave == before


def test_the_settings_of_a_wave_that_is_not_there_name_those_that_are(db: Database) -> None:
    _opened(db)
    with pytest.raises(NotFound, match="there is no wave 'nope'; the waves are: tiny-1"):
        change_settings(db, "nope", Changes(service="Two"), TODAY)


def test_a_later_last_day_lets_a_lapsed_wave_take_answers_again(db: Database) -> None:
    _opened(db, closes=date(2012, 2, 17))
    late = date(2012, 2, 20)
    with pytest.raises(WaveNotOpen):
        invite(db, "tiny-1", late)
    assert change_settings(db, "tiny-1", Changes(closes=date(2012, 2, 24)), late).closes_on == "2012-02-24"
    assert len(invite(db, "tiny-1", late)) == 40


def test_a_last_day_that_is_over_is_refused(db: Database) -> None:
    _opened(db)
    with pytest.raises(Refused, match="closes: 17 February 2012 is over"):
        change_settings(db, "tiny-1", Changes(closes=date(2012, 2, 17)), date(2012, 2, 18))
    assert status(db, "tiny-1").wave.closes_on is None


def test_a_closed_wave_gets_no_new_last_day_but_may_still_say_whom_to_ask(db: Database) -> None:
    _opened(db)
    close_wave(db, "tiny-1", date(2012, 2, 17))
    with pytest.raises(WaveNotOpen, match="the wave tiny-1 was closed on 2012-02-17"):
        change_settings(db, "tiny-1", Changes("Two", closes=date(2012, 3, 1)), date(2012, 2, 18))
    assert status(db, "tiny-1").wave.service == ""
    assert change_settings(db, "tiny-1", Changes(contact="office@example.org"), TODAY).contact != ""


def test_whoever_comes_too_late_is_told_the_day_that_counted(db: Database) -> None:
    wave = _opened(db, closes=date(2012, 2, 17), service="One", contact="office@example.org", colour="#1d70b8")
    late = not_open(wave)
    assert (late.closed_on, late.service, late.contact) == ("2012-02-17", "One", "office@example.org")
    assert late.colour == "#1d70b8"
    assert not_open(replace(wave, state="closed", closed_on="2012-02-20")).closed_on == "2012-02-17"
    assert not_open(replace(wave, state="closed", closed_on="2012-02-10")).closed_on == "2012-02-10"


def test_a_colour_is_known_as_long_as_some_wave_has_it(db: Database) -> None:
    _opened(db, colour="#1d70b8")
    assert has_colour(db, "#1d70b8")
    assert not has_colour(db, "#0b5563")
    change_settings(db, "tiny-1", Changes(colour=""), TODAY)
    assert not has_colour(db, "#1d70b8")


# ── the close ────────────────────────────────────────────────────────────────


def test_the_close_erases_drafts(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    collecting.save_all(db, visit, as_form(make_answers()), TODAY)
    (box,) = _column(db, "draft", "box")
    wave = close_wave(db, "tiny-1", date(2012, 2, 17))
    assert (wave.state, wave.closed_on) == ("closed", "2012-02-17")
    assert _count(db, "draft") == 0
    assert box[:200] not in everything(db)
    assert box[-200:] not in everything(db)


def test_the_close_of_one_wave_leaves_the_drafts_of_another(db: Database) -> None:
    _, _, first = make_wave(db, "tiny-1")
    _, _, second = make_wave(db, "tiny-2")
    for codes in (first, second):
        collecting.save_all(db, collecting.enter(db, PEPPER, codes["U001"], TODAY), as_form(make_answers()), TODAY)
    close_wave(db, "tiny-1", TODAY)
    assert (
        collecting.desk(db, collecting.enter(db, PEPPER, second["U001"], TODAY), TODAY).answers == make_answers()
    )


def test_the_close_forgets_on_which_day_each_organisation_answered(db: Database) -> None:
    _, _, codes = make_wave(db)
    send(db, codes["U001"], make_answers(), today=date(2012, 1, 23))
    assert [day for day in _column(db, "invitation", "completed_on") if day] == ["2012-01-23"]
    close_wave(db, "tiny-1", TODAY)
    assert set(_column(db, "invitation", "completed_on")) == {None}
    assert status(db, "tiny-1").received == 1


def test_a_closed_wave_refuses_everything(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    done = collecting.enter(db, PEPPER, codes["U002"], TODAY)
    send(db, codes["U002"], make_answers())
    close_wave(db, "tiny-1", TODAY)
    before = everything(db)
    for attempt in (
        lambda: close_wave(db, "tiny-1", TODAY),
        lambda: invite(db, "tiny-1", TODAY),
        lambda: collecting.enter(db, PEPPER, codes["U001"], TODAY),
        lambda: collecting.desk(db, visit, TODAY),
        lambda: collecting.save_page(db, visit, "p1", as_form(make_answers()), TODAY),
        lambda: collecting.save_all(db, visit, as_form(make_answers()), TODAY),
        lambda: collecting.submit(db, visit, TODAY),
    ):
        with pytest.raises(WaveNotOpen):
            attempt()
    with pytest.raises(AlreadyReceived):
        collecting.submit(db, done, TODAY)
    assert everything(db) == before


def test_the_status_counts(db: Database) -> None:
    _, _, codes = make_wave(db)
    for unit in ("U001", "U002", "U003"):
        send(db, codes[unit], make_answers())
    found = status(db, "tiny-1")
    assert (found.invited, found.received, found.tray, found.released) == (40, 3, 3, 0)


def _opened(
    db: Database,
    name: str = "tiny-1",
    version: str = "1",
    document: Mapping[str, Any] | None = None,
    frame: Frame | None = None,
    **more: Any,
) -> Wave:
    """A wave just opened, nobody invited yet."""
    content = document or make_all_types()
    publishing.publish(db, _json(content), TODAY)
    settings: dict[str, Any] = {"carry": ["region"], "key_place": "holder", "closes": None, "today": TODAY}
    settings["keep_key"] = lambda _: None
    return open_wave(db, name, "tiny", version, frame or make_frame(), **(settings | more))


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _failing(_: bytes) -> None:
    raise OSError("no room")


def _column(db: Database, table: str, column: str) -> list[Any]:
    return [value for (value,) in rows(db, f"SELECT {column} FROM {table}")]


def _count(db: Database, table: str) -> int:
    return len(_column(db, table, "1"))
