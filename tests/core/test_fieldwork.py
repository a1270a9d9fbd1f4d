"""The frame as offices save it, its strata, and the response rate with AAPOR's names."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp.fieldwork import Frame, Rate, Unit, cell, cell_sizes, disposition, printed_day, read_frame
from surveyapp.problems import Problem, Refused
from tests.makers import make_frame

HEADER = "unit,name,email,region\n"


def refusal(content: str | bytes) -> list[tuple[str, str, str, int | None]]:
    with pytest.raises(Refused) as refused:
        read_frame(content if isinstance(content, bytes) else content.encode())
    return [(p.at, p.what, p.do, p.line) for p in refused.value.problems]


# ── what is read ─────────────────────────────────────────────────────────────


def test_a_frame_is_read_with_its_strata():
    frame = read_frame(
        b"unit,name,email,contact,language,region\nU1,Team 1,team1@example.org,The manager,cy,North\n"
    )
    assert frame == Frame(
        (Unit("U1", "Team 1", "team1@example.org", "The manager", "cy", {"region": "North"}),), ("region",)
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_frame_is_read_as_any_office_saves_it(delimiter, end, mark):
    lines = [["Unit", " NAME ", "email", "region"], ["U1", " Team 1 ", "", "North"]]
    content = mark + end.join(delimiter.join(cells) for cells in lines) + end + end
    assert read_frame(content.encode()).units == (Unit("U1", "Team 1", strata={"region": "North"}),)


def test_quoted_cells_keep_their_commas():
    content = HEADER + 'U1,"Team 1, North ""A""",,"North; West"\n'
    assert read_frame(content.encode()).units[0].name == 'Team 1, North "A"'


def test_units_without_an_address_are_in_the_frame_and_not_issued():
    frame = read_frame((HEADER + "U1,Team 1,team1@example.org,North\nU2,Team 2,,South\n").encode())
    assert (len(frame.units), frame.issued) == (2, 1)


@pytest.mark.parametrize("name", ["=1+1", "<script>alert(1)</script>", "'; DROP TABLE unit; --", "Équipe 字 😀"])
def test_a_name_may_hold_anything_that_prints(name):
    assert read_frame(f"{HEADER}U1,{name},,North\n".encode()).units[0].name == name


@given(st.binary(max_size=80) | st.text('unitame,;\t"\n\r\0@.é', max_size=80).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_whatever_the_file_there_is_a_frame_or_a_refusal(content):
    try:
        assert read_frame(b"unit,name,email\n" + content).units
    except Refused as refused:
        vague = [p for p in refused.problems if not (p.at and p.what and p.do)]
        assert not vague


# ── what is refused ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", ("frame", "it is empty", "give it a header row and a row for each organisation", None)),
        (b"\n , \n", ("frame", "it is empty", "give it a header row and a row for each organisation", None)),
        (HEADER.encode(), ("frame", "it lists no organisation", "add a row for each", None)),
        (
            (HEADER + "U1,Équipe,,North\n").encode("cp1252"),
            ("frame", "it is not UTF-8 text", 'save it as "CSV UTF-8"', None),
        ),
        (HEADER.encode("utf-16"), ("frame", "it is not UTF-8 text", 'save it as "CSV UTF-8"', None)),
        (HEADER.encode("utf-16-le"), ("frame", "it is not a text file", 'save it as "CSV UTF-8"', None)),
        (b"unit,name,email\nU1,Te\0am,\n", ("frame", "it is not a text file", 'save it as "CSV UTF-8"', None)),
        (b"PK\x03\x04\x14\x00\x06\x00", ("frame", "it is not a text file", 'save it as "CSV UTF-8"', None)),
        (
            HEADER.encode() + b'U1,"' + b"x" * 200_000,
            ("frame", "it cannot be read as CSV (field larger than field limit (131072))", "check the quotes", 2),
        ),
        (
            b"unit,unit,name,email\nU1,U1,Team,\n",
            ("header", 'the column "unit" stands twice', "keep one", 1),
        ),
        (
            b"unit,name,email,Region,region\nU1,Team,,a,b\n",
            ("header", 'the column "region" stands twice', "keep one", 1),
        ),
        (b"unit,name\nU1,Team\n", ("header", 'the column "email" is missing', "add it", 1)),
        (
            b"unit,name,e_mail\nU1,Team,\n",
            ("header", 'the column "email" is missing', 'did you mean "e_mail"?', 1),
        ),
        (
            b"unit,name,email,Police force\nU1,Team,,x\n",
            ("header", '"police force" is not a column name', "use small letters, digits and _", 1),
        ),
        (
            b"unit,name,email,=1\nU1,Team,,x\n",
            ("header", '"=1" is not a column name', "use small letters, digits and _", 1),
        ),
        (
            b"unit,name,email,\x1b[2J\nU1,Team,,x\n",
            ("header", '"\ufffd[2j" is not a column name', "use small letters, digits and _", 1),
        ),
        (
            b"unit,name,email,region,\nU1,Team,,x,\n",
            ("header", '"" is not a column name', "use small letters, digits and _", 1),
        ),
    ],
)
def test_a_file_that_is_no_frame_says_what_to_do(content, problem):
    assert refusal(content) == [problem]


BROKEN = "it holds a line break or a control character"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("U1,Team,a@b.org", ("row", "it has 3 cells, the header has 4", "quote cells with commas", 2)),
        ("U1,Team,a@b.org,North,x", ("row", "it has 5 cells, the header has 4", "quote cells with commas", 2)),
        (",Team,a@b.org,North", ("unit", "it is empty", "fill it in", 2)),
        ("U1,,a@b.org,North", ("name", "it is empty", "fill it in", 2)),
        ("U1,Team,a@b.org,", ("region", "the stratum is empty", 'fill it in, or write "Unknown"', 2)),
        ("U1," + "x" * 301 + ",a@b.org,North", ("name", "it has 301 characters", "shorten it to 300", 2)),
        ("U1,Te\x1bam,,North", ("name", BROKEN, "remove it", 2)),
        ("U1,Te\u202eam,,North", ("name", BROKEN, "remove it", 2)),
        ('U1,"Te\nam",,North', ("name", BROKEN, "remove it", 3)),
        ('U1,Team,"a@b.org\nBcc: c@d.org",North', ("email", BROKEN, "remove it", 3)),
        ('U1,Team,"a@b.org\rBcc: c@d.org",North', ("email", BROKEN, "remove it", 3)),
        ('U1,Team,"a@b\nBcc: c",North', ("email", BROKEN, "remove it", 3)),
    ],
)  # fmt: skip
def test_a_row_with_a_fault_names_its_column_and_line(row, problem):
    assert refusal(HEADER + row + "\n") == [problem]


@pytest.mark.parametrize(
    "email",
    [
        "team", "team@", "@example.org", "team@example", "a@b@c.org", "a b@c.org", "Team <a@b.org>", "a@b.org>",
        "a;b@c.org", '"a"@b.org', "a@b..org", "a@.org", "a@b.org.", ".a@b.org", "a.@b.org", "a..b@c.org",
        "a@[127.0.0.1]", "a@[b.org", "a@b.org]", "ü@b.org", "a@bücher.org", "аdmin@b.org", "=?utf-8?q?x?=@b.org",
        "a@b_c.org", "a@b.org\u2028c", "a" * 250 + "@b.org", "mailto:a@b.org", "a@b.org/x", "a%0a@b.org\\n",
    ],
)  # fmt: skip
def test_what_no_letter_can_be_sent_to_is_not_an_address(email):
    quoted = '"' + email.replace('"', '""') + '"'
    (problem,) = refusal(f"unit,name,email,region\nU1,Team,{quoted},North\n")
    assert problem[0] == "email"
    assert problem[3] == 2


@pytest.mark.parametrize(
    "email", ["a@b.org", "first.last+survey@sub.example.co.uk", "o'neill@police.uk", "A_1-x@b-c.org", "t&t@b.org"]
)
def test_an_address_that_people_have_is_accepted(email):
    assert read_frame(f"{HEADER}U1,Team,{email},North\n".encode()).units[0].email == email


def test_the_same_unit_twice_names_both_lines_whatever_its_capitals():
    assert refusal(HEADER + "U1,Team,,North\nU2,Team,,North\nu1,Team,,North\n") == [
        ("unit", '"u1" stands on line 2 too', "keep one", 4)
    ]


def test_a_language_is_two_small_letters():
    assert refusal("unit,name,email,language\nU1,Team,,Welsh\nU2,Team,,\n") == [
        ("language", '"Welsh" is not a language', "use two small letters such as en", 2)
    ]


def test_every_fault_of_every_row_is_listed_at_once():
    content = HEADER + "U1,,bad,\nU1,Team,a@b.org,North,x\n,Team,,South\n"
    assert [(at, line) for at, _, _, line in refusal(content)] == [
        ("name", 2),
        ("email", 2),
        ("region", 2),
        ("row", 3),
        ("unit", 4),
    ]


def test_thousands_of_faults_give_a_list_that_can_be_read():
    assert len(refusal(HEADER + "U1,,bad,\n" * 2000)) == 500


def test_a_frame_of_too_many_rows_is_refused():
    assert refusal("unit,name,email\n" + "u,n,\n" * 200_001) == [
        ("frame", "it has over 200,000 rows", "split it", None)
    ]


# ── strata ───────────────────────────────────────────────────────────────────


def make_cells(**sizes: int) -> Frame:
    units = [
        Unit(f"{region}{i}", "Team", strata={"region": region}) for region, n in sizes.items() for i in range(n)
    ]
    return Frame(tuple(units), ("region",))


def test_the_cell_of_a_unit_joins_its_carried_strata():
    strata = {"region": "North", "kind": "Police"}
    assert cell(strata, ["region", "kind"]) == "North / Police"
    assert cell(strata, ["kind"]) == "Police"
    assert cell(strata, []) == ""


def test_cells_of_exactly_the_smallest_size_may_be_carried():
    assert cell_sizes(make_cells(North=10, South=11), ["region"], 10) == {"North": 10, "South": 11}


def test_each_cell_that_is_too_small_is_named_with_its_size():
    with pytest.raises(Refused) as refused:
        cell_sizes(make_cells(West=9, North=10, East=1), ["region"], 10)
    do = "merge it with a neighbour to reach 10, or carry fewer strata"
    assert refused.value.problems == (
        Problem("cell “East”", "only 1 of the frame are in it", do),
        Problem("cell “West”", "only 9 of the frame are in it", do),
    )


def test_crossed_strata_are_judged_by_their_crossing():
    units = [Unit(f"U{i}", "Team", strata={"region": "NS"[i % 2], "kind": "ab"[i // 2 % 2]}) for i in range(30)]
    with pytest.raises(Refused) as refused:
        cell_sizes(Frame(tuple(units), ("region", "kind")), ["region", "kind"], 8)
    assert [p.at for p in refused.value.problems] == ["cell “N / b”", "cell “S / b”"]
    assert cell_sizes(Frame(tuple(units), ("region", "kind")), ["region"], 8) == {"N": 15, "S": 15}


def test_a_stratum_that_the_frame_does_not_have_suggests_the_nearest():
    with pytest.raises(Refused) as refused:
        cell_sizes(make_frame(), ["regoin"], 10)
    assert refused.value.problems == (
        Problem("regoin", "the frame has no such stratum", 'did you mean "region"?'),
    )


def test_a_whole_frame_that_is_too_small_is_refused_even_without_strata():
    with pytest.raises(Refused, match="only 9 of the frame are in it"):
        cell_sizes(make_frame(9), [], 10)
    assert cell_sizes(make_frame(10), [], 10) == {"": 10}


# ── response rate ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answered", "applicable", "name"),
    [
        (10, 10, "complete"), (8, 10, "complete"), (80, 100, "complete"), (799, 1000, "partial"),
        (7, 10, "partial"), (5, 10, "partial"), (50, 100, "partial"), (499, 1000, "breakoff"),
        (4, 10, "breakoff"), (0, 10, "breakoff"), (0, 0, "breakoff"), (4, 5, "complete"), (1, 2, "partial"),
    ],
)  # fmt: skip
def test_a_response_counts_by_the_rule_of_eighty_and_fifty_percent(answered, applicable, name):
    assert disposition(answered, applicable) == name


def test_rates_count_complete_and_partial_of_issued_and_no_breakoff():
    rate = Rate("All", frame=149, issued=142, complete=60, partial=5, breakoff=3)
    assert (rate.received, rate.rr1, rate.rr2) == (68, Fraction(60, 142), Fraction(65, 142))


def test_a_stratum_without_issued_units_has_a_rate_of_nothing():
    rate = Rate("North", frame=3, issued=0, complete=0, partial=0)
    assert (rate.rr1, rate.rr2) == (0, 0)


def test_a_day_is_printed_as_people_read_it():
    assert printed_day("2012-01-09") == "9 January 2012"
