"""What the check page points at before an answer is sent: names of the frame, addresses, numbers, persons."""

import re
import sys
from collections.abc import Iterator
from re import _parser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from surveyapp import identifying as module
from surveyapp.demonstration.teams import invented_teams
from surveyapp.identifying import Finding, Names, identifying, prepare

UNITS = [
    *[("DAT-001", "Camden Drug and Alcohol Action Team"), ("DAT-002", "Reading Drug Action Team")],
    *[
        ("DAT-003", "Stoke-on-Trent City Council"),
        ("DAT-004", "St Helens DAAT"),
        ("DAT-005", "Cyngor Sir Ynys Môn"),
    ],
    *[
        ("DAT-006", "Brighton & Hove DAT"),
        ("DAT-007", "London Borough of Tower Hamlets"),
        ("P-1008", "Turning Point"),
    ],
    *[("P-1009", "CRI"), ("P-1010", "Drug and Alcohol Service"), ("P-1011", "Crime Reduction Initiatives")],
    *[("P-1012", "West Midlands Police"), ("P-1013", "Bath and North East Somerset Council")],
    *[("P-1014", "King's Lynn Community Trust"), ("E06000014", "City of York Council"), ("P-1016", "Compass")],
    *[("P-1017", "North Tyneside Safer Communities Partnership"), ("P-1018", "Recovery Partnership")],
    *[("P-1019", "Bedford Hope House Ltd"), ("P-1020", "Change Grow Live")],
]
FRAME = prepare(UNITS)
DEMONSTRATION = prepare((team["unit"], team["name"]) for team in invented_teams())
NOBODY = prepare([])


def found(text: str, names: Names = FRAME) -> list[tuple[str, str]]:
    return [(finding.kind, finding.words) for finding in identifying(text, names)]


# ── ordinary comments ────────────────────────────────────────────────────────

ORDINARY = """\
We expect the pooled treatment budget to fall by 10% in 2012-13.
Funding was £1,200,000 in 2010/11 and will be about £950,000 in 2012.
Our partnership has lost two of its five posts since April 2011.
The Government has not told us what happens after the National Treatment Agency closes.
The Home Office grant ends in March 2013, and nobody knows what the Police and Crime Commissioner will pay for.
Jobcentre staff are helpful, but 40% of our clients are refused benefit at the first interview.
NHS managers are busy with the move to Public Health England. Drug treatment is far down the list.
Reading the new guidance takes up most of the week.
Change is welcome, but not this much. Recovery is a long road.
It was a turning point for the team when the hostel closed in 2009.
We have 1,450 people in treatment, of whom 320 (22%) left free of drugs in Q1 2011.
Waiting times went up from 3 weeks to 5, a rise of 66%.
Ring-fencing should stay until at least 2015; without it the council will spend the money elsewhere.
Police support has dropped. Test on Arrest no longer runs on Friday and Saturday nights.
The Department of Health and the Ministry of Justice want different things from the same 1.5 staff.
Payment by Results worries small providers: a delay of 12-18 months could close them.
I agree with the aims of the 2010 Drug Strategy. However, there is no money to meet them.
Housing is the main gap. The Supporting People grant was cut from £4.2m to £2.6m.
Service users tell us that the GP will see them on Monday and the key worker on Thursday.
Over the last 3 years we moved 250 people into work; in 2011 only 61.
Joint working with Probation is excellent, with Adult Social Care less so.
The CSP, the PCT and the DAAT meet every 6 weeks, from 09:30 to 12:00.
Staff were told on 01/04/2011, in writing, that their posts end on 31.03.2012.
We use GOV.UK and the nhs.uk pages, and Models of Care (2006).
One PC was shared by three staff. Our PC World warranty ran out in 2010.
MS Office and an old database: that is the whole of our IT.
He said "See your Dr. However, the Dr is only in on Tuesday".
Spending per head is £2,400 here and £3,150 across England; in Wales and Scotland it is higher.
In the North East and the West Midlands cuts came earlier than in London.
Section 136 and Part 2 of the Act, Table 5, page 112, A4 2 sides, M25 5km.
1. Less bureaucracy 2. Three-year settlements 3. A named lead in each Clinical Commissioning Group
We hope to hold the line - a 0% change, 0.5 at most - to 2014-15.
From 100,000 needles in 2008 2009 2010 to 123 456 7890 at the last count.
Alcohol now takes 60p of every pound. Young people's services get 5p.
It costs 020 percent, or 0800 hours, or 0113: nothing adds up.
Naloxone, buprenorphine and methadone: our prescribing bill is £310,500 (2011-12), down 4.5%.
Community Payback, Drug Intervention Programme and IOM all come out of one pot.
Our crime reduction initiatives and the recovery partnership need a drug and alcohol service that lasts.
Mr and Mrs X do not want a clinic at the end of the road; one Mr Y wrote to us 14 times.
ALL OF THIS IS TAKING TIME AND NOBODY IS READING THE REPORTS.
e.g. outreach, i.e. work on the street, etc.and so on...
The NI number of a client is asked for 3 times; NHS numbers are not shared at all.
""".splitlines()


@pytest.mark.parametrize("names", [DEMONSTRATION, NOBODY, FRAME], ids=["demonstration", "no frame", "real places"])
@pytest.mark.parametrize("comment", ORDINARY)
def test_an_ordinary_comment_alarms_nobody(comment, names):
    assert found(comment, names) == []


def test_the_comments_together_alarm_nobody_either():
    assert found("\n".join(ORDINARY), DEMONSTRATION) == []


# ── organisations ────────────────────────────────────────────────────────────

ORGANISATIONS = {
    "Here in Camden we have cut": "Camden",
    "Camden's budget is gone": "Camden",
    "CAMDEN HAS CUT": "CAMDEN",
    "the camden drug and alcohol action team said": "camden drug and alcohol action team",
    "the Camden DAAT meets": "Camden DAAT",
    "the camden daat meets": "camden daat",
    "Camden Drug & Alcohol Action Team has": "Camden Drug & Alcohol Action Team",
    "our Camden drug service users": "Camden drug service",
    "people in Reading wait": "Reading",
    "Reading DAT will close": "Reading DAT",
    "Reading council pays": "Reading council",
    "We at the reading drug action team think": "reading drug action team",
    "costs in stoke on trent rose": "stoke on trent",
    "Costs in Stoke-on-Trent rose": "Stoke-on-Trent",
    "in St. Helens and elsewhere": "St. Helens",
    "in Saint Helens": "Saint Helens",
    "all over Ynys Mon": "Ynys Mon",
    "all over Ynys Môn": "Ynys Môn",
    "ar Ynys Mo\u0302n": "Ynys Mo\u0302n",
    "brighton and hove is short": "brighton and hove",
    "Brighton alone is short": "Brighton",
    "tower hamlets has a clinic": "tower hamlets",
    "London Borough of Tower Hamlets": "London Borough of Tower Hamlets",
    "run by Turning Point since 2009": "Turning Point",
    "run by CRI since 2009": "CRI",
    "Compass are cheaper, and people at Compass": "Compass",
    "run by Crime Reduction Initiatives": "Crime Reduction Initiatives",
    "the Recovery Partnership here": "Recovery Partnership",
    "West Midlands Police pay": "West Midlands Police",
    "half of Somerset": "Somerset",
    "the trust in Kings Lynn": "Kings Lynn",
    "the trust in King’s Lynn": "King’s Lynn",
    "the York Council scheme": "York Council",
    "Hope House in Bedford": "Bedford",
    "as unit dat-003 we": "dat-003",
    "as unit DAT003 we": "DAT003",
    "area E06000014 only": "E06000014",
}


@pytest.mark.parametrize("text", ORGANISATIONS)
def test_an_organisation_of_the_frame_is_found(text):
    assert ("organisation", ORGANISATIONS[text]) in found(text)
    assert len(found(text)) == 1


def test_the_words_that_few_names_share_are_telling_and_no_others():
    names = prepare(
        [(f"U{n}", f"{place} Mersea Project") for n, place in enumerate(["Alder", "Bracken", "Celyn"])]
    )
    assert found("Mersea as a whole, and Celyn", names) == [("organisation", "Mersea"), ("organisation", "Celyn")]
    names = prepare([(f"U{n}", f"Place{c} Mersea Project") for n, c in enumerate("abcdefg")])
    assert found("Mersea as a whole", names) == []


def test_the_own_name_counts_in_small_letters():
    for own in ("DAT-001", "Camden DAAT"):
        assert found("we in camden", prepare(UNITS, own)) == [("organisation", "camden")]
    assert found("we in camden", FRAME) == []


def test_the_own_name_counts_where_there_is_no_frame():
    assert found("we in Lumvarby", prepare([], "Lumvarby Drug Action Team")) == [("organisation", "Lumvarby")]


def test_a_number_is_no_unit():
    assert found("in 2012 about 17, or 123456", prepare([("2012", ""), ("17", ""), ("12-3456", "")])) == []
    assert found("in 2012 about 123456", prepare([("123456", "")])) == [("organisation", "123456")]


def test_every_name_of_the_demonstration_is_found_whole_and_by_its_place():
    for team in invented_teams():
        place = team["name"].split()[0]
        text = f"They of {team['name']} and {place}."
        assert found(text, DEMONSTRATION) == [("organisation", team["name"]), ("organisation", place)]


# ── persons, addresses, numbers ──────────────────────────────────────────────

OTHERS = {
    "as Mr Smith said": ("person", "Mr Smith"),
    "Mrs. Jones's letter": ("person", "Mrs. Jones"),
    "under Mr Cameron's Big Society": ("person", "Mr Cameron"),
    "and Ms Green left": ("person", "Ms Green"),
    "DR PATEL LEFT": ("person", "DR PATEL"),
    "dr O'Neill left": ("person", "dr O'Neill"),
    "Dr J. K. Lloyd-Jones retired": ("person", "Dr J. K. Lloyd-Jones"),
    "Prof. Dame Anne van der Berg wrote": ("person", "Prof. Dame Anne van der Berg"),
    "our PC Plodder and": ("person", "PC Plodder"),
    "thanks to Sgt Ann Brown here": ("person", "Sgt Ann Brown"),
    "Ch. Insp. Taylor chairs": ("person", "Insp. Taylor"),
    "Cllr Khan objects": ("person", "Cllr Khan"),
    "Chief Superintendent Davies": ("person", "Superintendent Davies"),
    "gan Cyng. Siân Rhys": ("person", "Cyng. Siân Rhys"),
    "Mr ap Gwilym of the board": ("person", "Mr ap Gwilym"),
    "write to jo.bloggs@example.gov.uk.": ("e-mail address", "jo.bloggs@example.gov.uk"),
    "(JO+DAT@EXAMPLE.ORG)": ("e-mail address", "JO+DAT@EXAMPLE.ORG"),
    "<o'neill_j@mail.example.nhs.uk>": ("e-mail address", "o'neill_j@mail.example.nhs.uk"),
    "see www.example.gov.uk/drugs.": ("web address", "www.example.gov.uk/drugs"),
    "see https://example.org/a?b=c, and": ("web address", "https://example.org/a?b=c"),
    "on example.co.uk now": ("web address", "example.co.uk"),
    "on EXAMPLE.GOV.UK now": ("web address", "EXAMPLE.GOV.UK"),
    "ring 020 7946 0000.": ("telephone number", "020 7946 0000"),
    "ring 07700 900123 now": ("telephone number", "07700 900123"),
    "ring 07700900123 now": ("telephone number", "07700900123"),
    "ring 01632 960 001 now": ("telephone number", "01632 960 001"),
    "ring (01632) 960001 now": ("telephone number", "(01632) 960001"),
    "ring us (020 7946 0000)": ("telephone number", "020 7946 0000"),
    "ring 01632-960-001 in 2012": ("telephone number", "01632-960-001"),
    "ring 01632 960001 2012 was": ("telephone number", "01632 960001"),
    "Tel:+44 20 7946 0000": ("telephone number", "+44 20 7946 0000"),
    "+44 (0)20 7946 0000. 2012 was": ("telephone number", "+44 (0)20 7946 0000"),
    "0044 7700 900123": ("telephone number", "0044 7700 900123"),
    "at SW1A 1AA now": ("postcode", "SW1A 1AA"),
    "at sw1a 1aa now": ("postcode", "sw1a 1aa"),
    "at SW1A1AA now": ("postcode", "SW1A1AA"),
    "(M1 1AE)": ("postcode", "M1 1AE"),
    "B33 8TH, here": ("postcode", "B33 8TH"),
    "at DN55 1PT": ("postcode", "DN55 1PT"),
    "at EC1A 1BB": ("postcode", "EC1A 1BB"),
    "at gir 0aa": ("postcode", "gir 0aa"),
    "number 943 476 5919 again": ("reference number", "943 476 5919"),
    "number 943-476-5919 again": ("reference number", "943-476-5919"),
    "number AB 12 34 56 C again": ("reference number", "AB 12 34 56 C"),
    "number ab123456c again": ("reference number", "ab123456c"),
}


@pytest.mark.parametrize("text", OTHERS)
def test_a_person_an_address_or_a_number_is_found(text):
    assert found(text, DEMONSTRATION) == [OTHERS[text]]


@pytest.mark.parametrize(
    "text",
    [
        *["943 476 5918", "000 000 0000", "QQ 12 34 56 C", "BG 12 34 56 A"],
        *["ZZ1 1AA", "n1 5th", "in 2012 1AA", "S136 2007"],
        *[
            "0123 4567 8901 2345",
            "00123456789",
            "£020 7946 0000",
            "01.02.2012",
            "2011-12",
            "1 020,794",
            "0900-1700",
        ],
        *["@example", "a@b", "a@b.c1", "N.H.S.", "e.g.so", "gov.uk", "www.gov.uk", "https://.", "www.a"],
        *["PC Monday", "Mr X", "the Lord Mayor's fund", "the Miss Government", "di Giovanni"],
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert found(text, NOBODY) == []


# ── together ─────────────────────────────────────────────────────────────────


def test_findings_stand_in_order_of_place_and_the_longer_of_two_wins():
    text = "In Camden Dr Camden (team@camden.gov.uk, SW1A 1AA) told Mr Reading: 020 7946 0000."
    assert identifying(text, FRAME) == [
        Finding("organisation", "Camden", 3, 9),
        Finding("person", "Dr Camden", 10, 19),
        Finding("e-mail address", "team@camden.gov.uk", 21, 39),
        Finding("postcode", "SW1A 1AA", 41, 49),
        Finding("person", "Mr Reading", 56, 66),
        Finding("telephone number", "020 7946 0000", 68, 81),
    ]


def test_nothing_is_found_in_nothing():
    assert identifying("", FRAME) == []
    assert identifying("", prepare([("", ""), (" ", "&")], "")) == []


PIECES = [
    "Camden",
    "DAT",
    "&",
    "'s",
    ". ",
    " ",
    "Mr ",
    "Dr. J. ",
    "@",
    "a@b.uk",
    "www.",
    "http://",
    "020 ",
    "+44",
    "(0",
]
PIECES += [
    "SW1",
    "A 1AA",
    "943 ",
    "AB 12 ",
    "\n",
    "_",
    "-",
    "é",
    "\u0302",
    "\ud800",
    "\0",
    "ß",
    "½",
    "ﬁ",
    "İ",
    "字",
    "st. ",
]
texts = st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


@given(texts, st.lists(st.tuples(texts, texts), max_size=4), st.none() | texts)
@example("'s", [("'s", "'s")], "'s")
def test_whatever_is_written_findings_lie_in_the_text_and_apart(text, units, own):
    end = 0
    for finding in identifying(text, prepare([*units, *UNITS], own)):
        assert end <= finding.start < finding.end <= len(text)
        assert finding.words == text[finding.start : finding.end]
        end = finding.end


TAILS = ["DAT", "DAAT", "Drug Action Team", "Drug and Alcohol Partnership", "Council", "Police", "Borough Council"]


@given(
    st.sampled_from(["Camden", "Stoke-on-Trent", "Ynys Môn", "Brighton and Hove"]),
    st.sampled_from(TAILS),
    st.data(),
)
def test_a_name_is_found_in_whatever_case_its_tail_stands(place, tail, data):
    shouted = data.draw(st.lists(st.booleans(), min_size=len(tail), max_size=len(tail)))
    written = "".join(c.upper() if up else c.lower() for c, up in zip(tail, shouted, strict=True))
    assert found(f"as {place} {written} said") == [("organisation", f"{place} {written}")]


HOSTILE = [
    "a",
    "a.",
    "a-",
    "1 ",
    "0",
    "00 ",
    "020 ",
    "(0",
    "@a",
    "a@",
    "a.a@",
    "http://",
    "www.",
    "Mr ",
    "Mr J. ",
    "'a",
]
HOSTILE += ["A1 ", "AB 12 ", "é", "o\u0302", "Camden ", "Stoke on ", "Camden and ", "Dr van ", "12 34 "]


@pytest.mark.parametrize("piece", HOSTILE)
def test_ten_times_the_text_is_ten_times_the_work(piece):
    """Counted in lines of our code that run, not by the clock; the patterns have a test of their own."""
    short, long = (steps((piece * size)[:size]) for size in (1_000, 10_000))
    assert long <= 11 * short + 1_000
    assert long <= 100 * 10_000


def steps(text: str) -> int:
    count = 0

    def line(frame, event, _argument):
        nonlocal count
        if frame.f_code.co_filename != module.__file__:
            return None
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        identifying(text, FRAME)
    finally:
        sys.settrace(before)
    return count


PATTERNS = {name: value for name, value in vars(module).items() if isinstance(value, re.Pattern)}


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_goes_back_over_more_than_a_few_characters(name):
    """What may repeat without a limit must be possessive: write `++`, `*+`, or a limit as in `{0,6}`."""
    assert list(retried(_parser.parse(PATTERNS[name].pattern, PATTERNS[name].flags))) == []


def retried(parsed) -> Iterator[object]:
    """The repeats of a parsed pattern that have no limit and may give back what they took."""
    for part in parsed:
        if isinstance(part, tuple) and str(part[0]) in {"MAX_REPEAT", "MIN_REPEAT"} and part[1][1] > 20:
            yield part
        if isinstance(part, tuple | list | _parser.SubPattern):
            yield from retried(part)


def test_a_comment_of_any_length_is_read_in_pieces_that_do_not_touch():
    text = "In Camden. " * 2_000
    assert len(identifying(text, FRAME)) == 2_000
