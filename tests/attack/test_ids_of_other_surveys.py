"""What is of one survey, named in the addresses and forms of another by somebody who has every role there."""

from typing import Any

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.attack.test_every_call_of_the_api import stored
from tests.makers import make_all_types, make_wave, rows
from tests.staff.conftest import Colleague, Office, title
from tests.staff.furnished import furnish
from tests.staff.test_doors import by_cookie, method, path

NAMES = {"manuscript": "next", "name": "tiny-3", "plan": "mine", "codeframe": "issues", "version": "1"}
"""What there is in the survey "tiny", and not in "other"."""

NOWHERE = {**dict.fromkeys(NAMES, "nothing"), "job": "f" * 32, "upload": "f" * 32}

SAID = {"into": "mine", "before": "1", "version": "1", "format": "json", "name": "mine", "sure": "on"}
"""The same in fields of forms."""


@pytest.fixture
def furnished(office: Office) -> Office:
    furnish(office)
    make_wave(office.db, "other-1", make_all_types(survey="other", version="7"))
    return office


def test_what_another_survey_has_answers_like_what_is_not_there(furnished: Office) -> None:
    stranger = furnished.enter("stranger")
    before, opened, count = rest(furnished), [], 0
    for rule, theirs in addressed(furnished):
        there, nowhere = (sent(stranger, rule, ids) for ids in (theirs, NOWHERE))
        count += 1
        if (there.status_code, title(there)) != (nowhere.status_code, title(nowhere)) or there.status_code < 400:
            opened.append((method(rule), path(rule, **theirs), there.status_code))
    assert opened == []
    assert rest(furnished) == before
    assert count > 80


def addressed(office: Office) -> list[tuple[Rule, dict[str, str]]]:
    """Every page of a survey that names something in it, with each thing of the other one that it could name."""
    jobs = [{"job": id_.hex()} for (id_,) in rows(office.db, "SELECT id FROM job")]
    uploads = [{"upload": id_.hex()} for (id_,) in rows(office.db, "SELECT id FROM upload")]
    found = [rule for rule, _ in by_cookie(office) if rule.arguments & NOWHERE.keys()]
    return [
        (rule, NAMES | ids)
        for rule in found
        for ids in (jobs if "job" in rule.arguments else uploads if "upload" in rule.arguments else [{}])
    ]


def sent(stranger: Colleague, rule: Rule, ids: dict[str, str]) -> TestResponse:
    """What they get who open it, or send its form, in their own survey."""
    address = path(rule, **{"survey": "other", "wave": "other-1", "place": "0-0-0"} | ids)
    if method(rule) == "GET":
        return stranger.get(address)
    stranger.get("/me")
    return stranger.post(address, SAID)


def rest(office: Office) -> dict[str, list[Any]]:
    """Every row, but for the trail, in which each attempt stands."""
    return {name: found for name, found in stored(office).items() if name not in {"act", "session"}}
