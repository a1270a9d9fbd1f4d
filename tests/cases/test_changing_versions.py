"""Versions in the store: verified at each use, retired, and exchanged in mid-field only when it is safe."""

import json
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa

from surveyapp import campaigning, publishing, reporting
from surveyapp.collecting import desk, enter, enter_open, save_page
from surveyapp.problems import NotFound, SurveyError
from surveyapp.storage import responses
from surveyapp.storage.database import Database
from tests.makers import (
    PEPPER,
    TODAY,
    make_all_types,
    make_answers,
    make_frame,
    make_question,
    make_wave,
    send,
)


def publish(db: Database, document: dict[str, Any]) -> None:
    publishing.publish(db, json.dumps(document).encode(), TODAY)


def with_one_question_more(version: str = "2", **more: Any) -> dict[str, Any]:
    document = make_all_types(version=version)
    document["sections"][1]["pages"][0]["questions"].append(make_question("single", "outlook", **more))
    return document


def with_another_meaning() -> dict[str, Any]:
    document = make_all_types(version="3")
    document["sections"][0]["pages"][0]["questions"][0]["options"][0]["label"] = "Never at all"
    return document


def test_a_version_is_listed_with_its_state(db: Database) -> None:
    publish(db, make_all_types())
    publish(db, with_one_question_more())
    publishing.retire(db, "tiny", "1", TODAY)
    assert [(v.version, v.state) for v in publishing.versions(db)] == [("1", "retired"), ("2", "published")]


def test_no_wave_begins_with_a_retired_version_but_one_in_the_field_goes_on(db: Database) -> None:
    _, _, codes = make_wave(db)
    publishing.retire(db, "tiny", "1", TODAY)
    send(db, codes["U001"], make_answers())
    with pytest.raises(SurveyError, match="tiny@1 was retired on 2012-01-16; use a newer version"):
        make_wave(db, "tiny-2")


def test_only_what_is_published_can_be_retired_and_only_once(db: Database) -> None:
    with pytest.raises(NotFound, match="tiny@1 is not published"):
        publishing.retire(db, "tiny", "1", TODAY)
    publish(db, make_all_types())
    publishing.retire(db, "tiny", "1", TODAY)
    with pytest.raises(SurveyError, match="was retired"):
        publishing.retire(db, "tiny", "1", TODAY)


def test_an_altered_version_is_noticed_when_they_are_listed(db: Database) -> None:
    publish(db, make_all_types())
    with db.transaction() as connection:
        connection.execute(sa.text("UPDATE version SET document = replace(document, 'Yes', 'No!')"))
    with pytest.raises(SurveyError, match="was altered in the database"):
        publishing.versions(db)


def test_a_wave_moves_when_no_answer_in_hand_changes_its_meaning(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    save_page(db, visit, "p1", {"kind": ["yes"]}, TODAY)
    publish(db, with_one_question_more())
    assert campaigning.move_wave(db, "tiny-1", "2").look_again == ("outlook",)
    now = desk(db, visit, TODAY)
    assert now.instrument.version == "2"
    assert now.answers == {"kind": "yes"}
    assert now.look_again == ("outlook",)


def test_what_to_look_at_again_is_asked_until_its_page_is_saved(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    save_page(db, visit, "p1", {"kind": ["yes"]}, TODAY)
    publish(db, with_one_question_more())
    campaigning.move_wave(db, "tiny-1", "2")
    save_page(db, visit, "p1", {"kind": ["no"]}, TODAY)
    assert desk(db, visit, TODAY).look_again == ("outlook",)
    save_page(db, visit, "p2", {"outlook": ["yes"]}, TODAY)
    assert desk(db, visit, TODAY).look_again == ()


def test_a_change_of_meaning_is_refused_and_nothing_changes(db: Database) -> None:
    make_wave(db)
    publish(db, with_another_meaning())
    with pytest.raises(SurveyError, match="would change their meaning under 3: kind; open a new wave instead"):
        campaigning.move_wave(db, "tiny-1", "3")
    assert campaigning.status(db, "tiny-1").wave.version == "1"


def test_a_version_whose_answers_do_not_fit_the_boxes_is_refused(db: Database) -> None:
    make_wave(db)
    document = make_all_types(version="4")
    document["sections"][1]["pages"][0]["questions"].append(make_question("text", "essay", max_length=9000))
    publish(db, document)
    with pytest.raises(SurveyError, match="allows longer answers than the boxes of tiny-1 hold"):
        campaigning.move_wave(db, "tiny-1", "4")


def test_boxes_are_equally_long_before_and_after_a_move_and_all_open(db: Database) -> None:
    _, key, codes = make_wave(db)
    send(db, codes["U001"], make_answers())
    publish(db, with_one_question_more())
    campaigning.move_wave(db, "tiny-1", "2")
    send(db, codes["U002"], make_answers(outlook="yes"))
    with db.reading() as connection:
        assert len({row[0] for row in connection.execute(sa.text("SELECT length(box) FROM tray"))}) == 1
    campaigning.close_wave(db, "tiny-1", TODAY)
    assert reporting.open_tray(db, "tiny-1", key).released == 2


def moved_in_the_field(db: Database, *, before: int, after: int) -> Counter[tuple[str, str]]:
    """So many answers from the North before the wave is moved and after it: cells and versions as released."""
    _, key, codes = make_wave(db, frame=make_frame(60))
    north = [code for unit, code in codes.items() if int(unit[1:]) % 2 == 0]
    for code in north[:before]:
        send(db, code, make_answers())
    publish(db, with_one_question_more())
    campaigning.move_wave(db, "tiny-1", "2")
    for code in north[before : before + after]:
        send(db, code, make_answers(outlook="yes"))
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    with db.reading() as connection:
        return Counter((r.cell, r.version) for r in responses.responses(connection, "tiny-1"))


def test_a_version_that_enough_share_is_released(db: Database) -> None:
    assert moved_in_the_field(db, before=5, after=7) == {("North", "1"): 5, ("North", "2"): 7}
    _, data, _ = reporting.load(db, "tiny-1")
    assert Counter(data.values["outlook"].tolist()) == {-3: 5, 0: 7}


@pytest.mark.parametrize(("before", "after"), [(4, 8), (8, 4), (1, 20)])
def test_a_version_that_few_share_is_blank_with_the_one_that_would_give_it_away(
    db: Database, before: int, after: int
) -> None:
    assert moved_in_the_field(db, before=before, after=after) == {("North", ""): before + after}


def test_answers_without_a_version_are_read_by_that_of_the_wave(db: Database) -> None:
    moved_in_the_field(db, before=4, after=8)
    _, data, _ = reporting.load(db, "tiny-1")
    assert Counter(data.values["outlook"].tolist()) == {-1: 4, 0: 8}


def test_a_version_is_shared_by_enough_in_each_stratum_cell(db: Database) -> None:
    """Six of each version in all, of the South three: there both are blank, for the day of the move is known."""
    _, key, codes = make_wave(db, frame=make_frame(60))
    north, south = ([c for u, c in codes.items() if int(u[1:]) % 2 == odd] for odd in (0, 1))
    for code in [*north[:6], *south[:3]]:
        send(db, code, make_answers())
    publish(db, with_one_question_more())
    campaigning.move_wave(db, "tiny-1", "2")
    for code in [*north[6:12], *south[3:12]]:
        send(db, code, make_answers(outlook="yes"))
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    with db.reading() as connection:
        found = Counter((r.cell, r.version) for r in responses.responses(connection, "tiny-1"))
    assert found == {("North", "1"): 6, ("North", "2"): 6, ("South", ""): 12}


def test_unknown_and_retired_versions_and_closed_waves_are_refused(db: Database) -> None:
    make_wave(db)
    with pytest.raises(NotFound, match="tiny@9 is not published"):
        campaigning.move_wave(db, "tiny-1", "9")
    publish(db, with_one_question_more())
    publishing.retire(db, "tiny", "2", TODAY)
    with pytest.raises(SurveyError, match="was retired"):
        campaigning.move_wave(db, "tiny-1", "2")
    campaigning.close_wave(db, "tiny-1", TODAY)
    with pytest.raises(SurveyError, match="was closed"):
        campaigning.move_wave(db, "tiny-1", "2")


def test_a_visit_in_a_wave_open_to_anyone_survives_a_move(db: Database) -> None:
    make_wave(db, anyone=True)
    visit = enter_open(db, PEPPER, "tiny-1", TODAY)
    save_page(db, visit, "p1", {"kind": ["yes"]}, TODAY)
    publish(db, with_one_question_more())
    campaigning.move_wave(db, "tiny-1", "2")
    assert desk(db, visit, TODAY).answers == {"kind": "yes"}
