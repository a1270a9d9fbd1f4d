"""Printed nets: rounded once, added up, both or neither. Counts are worked out by hand."""

import json

import pytest

from surveyapp.analysis.printed.nets import NetVerdict, audit_nets, describe_net
from surveyapp.analysis.printed.percentages import audit
from surveyapp.analysis.printed.published import read_published
from surveyapp.config import project_file
from surveyapp.problems import Refused


def nets_of(options: dict[str, int], printed: int, kind: str = "single", base: int = 64) -> NetVerdict:
    """A net of `up` and `down` of one question, on bases up to `base`."""
    table = {"id": "q", "kind": kind, "options": [{"code": c, "published": p} for c, p in options.items()]}
    net = {"id": "t", "kind": "net", "of": "q", "net": ["up", "down"], "published": printed}
    content = json.dumps({"fieldwork": {"largest_base": base}, "tables": [table], "derived": [net]}).encode()
    published = read_published(content, "x.json")
    return audit_nets(published, audit(published))[0]


# 10, 28 and 26 of 64 are 15.6, 43.8 and 40.6%: printed 16, 44, 41. The net of 36 is 56.25%: 56, or added up 57.
THIRDS = {"up": 16, "same": 44, "down": 41}


def test_a_net_that_is_a_point_over_was_added_up():
    verdict = nets_of(THIRDS, 57)
    assert (verdict.added, verdict.once, verdict.ways) == (57, (56,), ("added",))
    assert (
        describe_net(verdict)
        == "t, q = 57: the rounded percentages of its parts added up; rounded once it would be 56"
    )


def test_a_net_of_its_own_count_was_rounded_once():
    assert nets_of(THIRDS, 56).ways == ("once",)


def test_a_net_that_is_neither_is_wrong():
    verdict = nets_of(THIRDS, 60)
    assert verdict.ways == ()
    assert describe_net(verdict) == "t, q = 60: neither rounded once (56) nor the sum of its rounded parts (57)"


def test_where_both_ways_agree_nothing_can_be_told():
    assert nets_of({"up": 25, "same": 50, "down": 25}, 50).ways == ("added", "once")


def test_a_net_of_a_multiple_lies_between_its_largest_part_and_their_sum():
    verdict = nets_of({"up": 50, "down": 30}, 65, "multiple", base=10)
    assert (verdict.once, verdict.ways) == ((50, 60, 70, 80), ())
    assert nets_of({"up": 50, "down": 30}, 70, "multiple", base=10).ways == ("once",)


def test_the_report_of_2012_added_up_rounded_percentages():
    published = read_published(
        project_file("surveyapp/demonstration/figures/dat-2012.json").read_bytes(), "x.json"
    )
    found = audit_nets(published, audit(published))
    assert len(found) == 20
    assert all("added" in verdict.ways for verdict in found)
    assert {(v.net.question, v.net.row, v.net.percent) for v in found if v.ways == ("added",)} == {
        ("engagement_next", "community", 57),
        ("engagement_now", "community", 69),
    }


def test_a_net_that_is_no_percentage_is_refused():
    with pytest.raises(Refused, match="is over 100"):
        nets_of(THIRDS, 157)
