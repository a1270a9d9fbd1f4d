"""The frame as offices save it, what is understood of it, its strata, and what a newer list changes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp.frames import (
    Change,
    Frame,
    Listing,
    Source,
    Unit,
    cell,
    cell_sizes,
    changes,
    describe,
    difference,
    is_slip,
    letters,
    read_frame,
    read_listing,
    read_text,
    room_beside,
    strata_values,
)
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


@pytest.mark.parametrize("hint", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;;"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_line_that_tells_excel_the_separator_is_no_row(hint, end, mark):
    lines = [hint, "unit;name;email;region", "U1;Team, 1, North;;North, West"]
    frame = read_frame((mark + end.join(lines)).encode())
    assert frame.units == (Unit("U1", "Team, 1, North", strata={"region": "North, West"}),)


@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
def test_excel_may_be_told_any_separator_and_lines_count_from_the_first(separator):
    lines = [f"sep={separator}", separator.join(["unit", "name", "email"]), separator.join(["U1", "T", "x"])]
    assert [line for *_, line in refusal("\n".join(lines))] == [3]


def test_a_heading_that_begins_like_the_hint_is_a_heading():
    with pytest.raises(Refused, match="unit"):
        read_frame(b"sep=;x;y\nU1;Team 1;\n")


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
        (b"unit,name,email\nU1,\x81,\n", ("frame", "it is not UTF-8 text", 'save it as "CSV UTF-8"', 2)),
        (b"unit,name,email\nU1,\xe9\x07,\n", ("frame", "it is not UTF-8 text", 'save it as "CSV UTF-8"', 2)),
        (b"\xff\xfeu", ("frame", "it is damaged UTF-16 text", 'save it as "CSV UTF-8"', None)),
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
        (
            b"unit,name\nU1,Team\n",
            ("header", 'the column "email" is missing', 'add it, or say which it is: --column email="…"', 1),
        ),
        (
            b"unit,name,emial\nU1,Team,\n",
            ("header", 'the column "email" is missing', 'did you mean "emial"?', 1),
        ),
        (
            b"unit,name,email,=1\nU1,Team,,x\n",
            ("header", '"=1" is no name for a stratum', "begin with a letter, up to 40", 1),
        ),
        (
            b"unit,name,email,\x1b[2J\nU1,Team,,x\n",
            ("header", '"\ufffd[2J" is no name for a stratum', "begin with a letter, up to 40", 1),
        ),
        (
            b"unit,name,email,region,\nU1,Team,,x,y\n",
            (
                "header",
                "column E has no heading",
                "give it one, or empty the column; unmerge merged headings",
                1,
            ),
        ),
        (
            b"ID,Code,name,email\n1,2,Team,\n",
            ("header", "“ID” and “Code” could all be unit", 'say which: --column unit="…"', 1),
        ),
        (
            b"List of teams,,\nunit,name,email\nU1,Team,\n",
            ("header", "it stands above the headings", "delete the rows above the headings", 1),
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


# ── what is understood ───────────────────────────────────────────────────────


def make_sheet(*rows: list[str]) -> Source:
    return Source(tuple(enumerate(rows, 1)), "Frame")


def faults(source: Source, **how: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(Refused) as refused:
        read_listing(source, **how)
    return [(p.at, p.what, p.do) for p in refused.value.problems]


def test_usual_headings_are_understood_whatever_their_capitals_and_spaces():
    listing = read_listing(
        make_sheet(
            ["Org ID", "ORGANISATION ", "E-mail Address", "Contact name", "Govt Office Région", ""],
            ["U1", "Team 1", "a@b.org", "Ms A", "North"],
        )
    )
    assert [(letters(c.index), c.heading, c.field) for c in listing.columns] == [
        ("A", "Org ID", "unit"),
        ("B", "ORGANISATION ", "name"),
        ("C", "E-mail Address", "email"),
        ("D", "Contact name", "contact"),
        ("E", "Govt Office Région", "govt_office_region"),
    ]
    assert listing.frame.units == (
        Unit("U1", "Team 1", "a@b.org", "Ms A", strata={"govt_office_region": "North"}),
    )


def test_a_column_of_its_own_name_goes_before_one_that_is_merely_likely():
    listing = read_listing(make_sheet(["unit", "Code", "name", "email"], ["U1", "X", "Team", ""]))
    assert listing.frame.units == (Unit("U1", "Team", strata={"code": "X"}),)


def test_columns_can_be_named_and_left_out():
    listing = read_listing(
        make_sheet(["Key", "Title", "Write to", "Telephone"], ["U1", "Team", "a@b.org", "020 7946 0000"]),
        named={"unit": "key", "name": "Title", "email": "write to"},
        left_out=["telephone"],
    )
    assert listing.frame == Frame((Unit("U1", "Team", "a@b.org"),), ())


def test_a_column_that_is_not_there_suggests_the_nearest():
    source = make_sheet(["Org ID", "name", "email"], ["U1", "Team", ""])
    assert faults(source, named={"unit": "Orgg ID"}) == [
        ("Frame!A1", "there is no column “Orgg ID”", 'did you mean "Org ID"?')
    ]


def test_faults_of_a_workbook_name_its_cells_all_at_once():
    source = make_sheet(
        ["unit", "name", "email", "region"],
        ["U1", "Team 1", "a@b.org", "North"],
        ["u1", "", "Ms A <a@b.org>"],
        ["U2", "Team 2", "a@b.org; c@d.org", "North", "", "stray"],
        ["U3", "Team 3", "a@b.org; c@d.org", "South"],
    )
    assert faults(source) == [
        ("Frame!B3", "it is empty", "fill it in"),
        ("Frame!C3", '"Ms A <a@b.org>" is not an e-mail address', "write the address alone: a@b.org"),
        ("Frame!D3", "the stratum is empty", 'fill it in, or write "Unknown"'),
        ("Frame!A3", '"u1" stands in row 2 too', "keep one"),
        (
            "Frame!F4",
            "it stands outside the table",
            "give its column a heading (unmerge merged ones), or empty it",
        ),
        ("Frame!C5", '"a@b.org; c@d.org" is not an e-mail address', "give one address for each organisation"),
    ]


def test_two_units_with_one_address_or_name_are_told_and_not_refused():
    listing = read_listing(
        make_sheet(["unit", "name", "email"], ["U1", "Team", "a@b.org"], ["U2", "TEAM", "A@b.org"])
    )
    assert [str(note) for note in listing.notes] == [
        'Frame!B3: "TEAM" stands in row 2 too; nothing to do, if that is right',
        'Frame!C3: "A@b.org" stands in row 2 too; nothing to do, if that is right',
    ]


@pytest.mark.parametrize(
    ("encoding", "what"),
    [
        ("cp1252", "it is not UTF-8 text, and was read as Windows-1252"),
        ("utf-16", "it is UTF-16, and was read"),
    ],
)
def test_files_of_older_programmes_are_read_and_told(encoding, what):
    source = read_text("unit;name;email\r\nU1;Équipe “Nord”;\r\n".encode(encoding))
    assert read_listing(source).frame.units[0].name == "Équipe “Nord”"
    assert [note.what for note in source.notes] == [what]


def test_a_blank_column_at_the_end_is_passed_over():
    assert read_frame(b"unit,name,email,\nU1,Team,,\n") == Frame((Unit("U1", "Team"),), ())


def test_a_column_that_is_hardly_a_stratum_is_told():
    rows = [[f"U{i}", f"Team {i}", "", f"020 {i}"] for i in range(20)]
    listing = read_listing(make_sheet(["unit", "name", "email", "Phone"], *rows))
    assert [str(note) for note in listing.notes] == [
        "Frame!D1: “Phone” has 20 values in 20 rows; if it is no stratum, leave it out: --leave-out"
    ]


def test_a_value_written_in_two_ways_is_a_fault_of_the_rarer_one():
    source = make_sheet(
        ["unit", "name", "email", "region"],
        *([f"U{i}", f"Team {i}", "", region] for i, region in enumerate(["North", "north", "North", "South"])),
    )
    assert faults(source) == [
        ("Frame!D3", "“north” is elsewhere written “North”", "write it so, or if it is another: --new-value")
    ]
    assert read_listing(source, accepted=["north"]).frame.units[1].strata == {"region": "north"}


@pytest.mark.parametrize(("value", "known"), [("NORTH", "North"), ("Midland", "Midlands"), ("Londno", "London")])
def test_a_slip_beside_what_the_wave_knows_suggests_the_known_value(value, known):
    source = make_sheet(["unit", "name", "email", "region"], ["U1", "Team", "", value])
    assert faults(source, known={"region": ["North", "Midlands", "London"]}) == [
        ("Frame!D2", f"“{value}” is elsewhere written “{known}”", "write it so, or if it is another: --new-value")
    ]


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("North", "South"), ("North East", "North West"), ("Northern", "Southern"), ("Area 1", "Area 2"),
        ("Yorks A", "Yorks B"), ("Isles", "North"), ("Eastern", "Western"),
    ],
)  # fmt: skip
def test_names_that_merely_resemble_each_other_are_no_slips(value, known):
    assert not is_slip(value, known)


def test_the_preview_says_what_was_understood():
    listing = read_listing(
        make_sheet(
            ["Org ID", "name", "email", "region"],
            ["U1", "Team 1", "a@b.org", "North"],
            ["U2", "Team 2", "", "South"],
        )
    )
    assert describe(listing).splitlines() == [
        "2 organisations, 1 with an address, 1 without",
        "",
        "Columns",
        "  A   “Org ID” is unit",
        "  B   “name” is name",
        "  C   “email” is email",
        "  D   “region” is stratum region",
        "  -   no column is contact",
        "  -   no column is language",
        "",
        "region: North 1, South 1",
        "",
        "First rows",
        "  U1 | Team 1 | a@b.org | en | North",
        "  U2 | Team 2 | (no address) | en | South",
    ]


def test_columns_have_the_letters_of_spreadsheets():
    assert [letters(i) for i in (0, 25, 26, 51, 701, 702)] == ["A", "Z", "AA", "AZ", "ZZ", "AAA"]


# ── a newer list ─────────────────────────────────────────────────────────────

OLD = (
    Unit("U1", "Team 1", "a@b.org", "Ms A", "cy", {"region": "North"}, sampled=False),
    Unit("U2", "Team 2", "", "", "en", {"region": "South"}),
)


def make_listing(*rows: str, header: str = "unit,name,email,contact,language,region") -> Listing:
    return read_listing(read_text("\n".join([header, *rows]).encode()))


def test_the_same_list_changes_nothing():
    found = difference(OLD, make_listing("U2,Team 2,,,en,South", "U1,Team 1,a@b.org,Ms A,cy,North"))
    assert not found
    assert str(found) == "0 new, 0 changed, 0 gone"


def test_units_are_new_changed_and_gone_field_by_field():
    found = difference(OLD, make_listing("U1,Team 1,c@d.org,Ms A,cy,South", "U3,Team 3,,,,North"))
    after = Unit("U1", "Team 1", "c@d.org", "Ms A", "cy", {"region": "South"}, sampled=False)
    assert found.new == (Unit("U3", "Team 3", strata={"region": "North"}),)
    assert found.changed == (Change(OLD[0], after, ("region", "email")),)
    assert found.gone == (OLD[1],)
    assert changes(found) == [
        "+ U3 | Team 3 | (no address) | en | North",
        "~ U1  region: North → South; email: a@b.org → c@d.org",
        "- U2  Team 2",
        "1 new, 1 changed, 1 gone",
    ]


def test_a_column_that_the_file_lacks_changes_nothing():
    assert not difference(OLD, make_listing("U1,Team 1,a@b.org", "U2,Team 2,", header="unit,name,email"))


def test_a_new_unit_must_have_the_strata_of_the_others():
    with pytest.raises(Refused, match="U3: it is new, and the file has no column region; add the column"):
        difference(OLD, make_listing("U3,Team 3,", header="unit,name,email"))


def test_a_unit_in_other_letters_is_told_and_not_taken_for_a_new_one():
    with pytest.raises(Refused, match="u1: the wave writes this unit U1; write it so"):
        difference(OLD, make_listing("u1,Team 1,,,,North"))


def test_the_values_of_the_strata_are_collected():
    assert strata_values(OLD) == {"region": {"North", "South"}}


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


def test_in_a_sample_those_drawn_must_be_enough_too():
    units = [Unit(f"U{i}", "Team", strata={"region": "NS"[i % 2]}, sampled=i < 20) for i in range(40)]
    assert cell_sizes(Frame(tuple(units), ("region",)), ["region"], 10) == {"N": 20, "S": 20}
    with pytest.raises(Refused, match="cell “N”: only 10 of the sample are in it; draw more; merge it"):
        cell_sizes(Frame(tuple(units), ("region",)), ["region"], 11)


def test_the_room_beside_the_answers_is_that_of_the_longest_cell_in_bytes():
    assert room_beside([]) == 202
    assert room_beside(["North", "Môn"]) == 207
