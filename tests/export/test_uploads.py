"""Uploaded workbooks: what is read, what is listed, and what is refused before it can do anything."""

import datetime
import io
import socket
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from surveyapp import cli
from surveyapp.export import uploads
from surveyapp.export.uploads import read_workbook
from surveyapp.instrument import read_instrument
from surveyapp.problems import Problem, Refused

SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture(autouse=True)
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)


def book(**sheets: list[list[Any]]) -> openpyxl.Workbook:
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for cells in rows:
            sheet.append(cells)
    return made


def content(made: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


Change = Callable[[bytes], bytes]


def changed(part: str, change: Change, made: openpyxl.Workbook | bytes | None = None) -> bytes:
    """A workbook with one of its parts rewritten, or a new part in it."""
    source = made if isinstance(made, bytes) else content(made or book(one=[["a"]]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in dict.fromkeys([*old.namelist(), part]):
            before = old.read(name) if name in old.namelist() else b""
            new.writestr(name, change(before) if name == part else before)
    return buffer.getvalue()


SHARED = (
    b'<Override PartName="/xl/sharedStrings.xml" ContentType='
    b'"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
)


def as_excel(
    cells: bytes, strings: bytes = b"<si><t>first</t></si><si><r><t>se</t></r><r><t>cond</t></r></si>"
) -> bytes:
    """A workbook with its texts in a part of their own, as Excel writes them."""
    made = changed("[Content_Types].xml", lambda old: old.replace(b"</Types>", SHARED))
    namespace = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    made = changed("xl/sharedStrings.xml", lambda _: b"<sst %s>%s</sst>" % (namespace, strings), made)
    sheet = b"<worksheet %s><sheetData>%s</sheetData></worksheet>" % (namespace, cells)
    return changed(SHEET, lambda _: sheet, made)


def read(made: openpyxl.Workbook | bytes, *wanted: str) -> uploads.Uploaded:
    return read_workbook("x.xlsx", made if isinstance(made, bytes) else content(made), wanted)


def refusal(made: openpyxl.Workbook | bytes, name: str = "x.xlsx") -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        read_workbook(name, made if isinstance(made, bytes) else content(made))
    return [(p.at, p.what) for p in refused.value.problems]


def with_sheet(change: Callable[[Worksheet], object], *rows: list[Any]) -> openpyxl.Workbook:
    made = book(one=list(rows))
    change(made["one"])
    return made


# ── what is read ─────────────────────────────────────────────────────────────


def test_every_kind_of_value_comes_as_people_see_it():
    values = [
        *("text", " spaces ", "007", "=not", 12, 0.1 + 0.2, 1.5e10, -3, 1_000_000, True, False, None, "end"),
        *(datetime.date(2012, 1, 31), datetime.datetime.fromisoformat("2012-01-31T14:30"), datetime.time(9, 5)),
    ]
    made = book(one=[values])
    made["one"]["D1"].data_type = "s"
    assert read(made).sheets["one"] == (
        (
            *("text", " spaces ", "007", "=not", "12", "0.3", "15000000000", "-3", "1000000", "TRUE", "FALSE", ""),
            *("end", "2012-01-31", "2012-01-31 14:30:00", "09:05:00"),
        ),
    )


def test_empty_rows_and_columns_keep_their_places():
    made = with_sheet(lambda s: s.cell(4, 3, "C4"), ["a"])
    found = read(made)
    assert (found.sheets, found.notes) == ({"one": (("a",), (), (), ("", "", "C4"))}, ())


def test_a_list_of_staff_may_have_more_rows_than_what_respondents_send(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "MAX_ROWS", 3)
    monkeypatch.setattr(uploads, "MAX_ROWS_OF_STAFF", 4)
    four, five = content(book(one=[["a"]] * 4)), content(book(one=[["a"]] * 5))
    assert len(uploads.read_workbook("a.xlsx", four, large=True).sheets["one"]) == 4
    with pytest.raises(Refused, match="the content goes down to row 5; end by row 4"):
        uploads.read_workbook("a.xlsx", five, large=True)
    with pytest.raises(Refused, match="the content goes down to row 4; end by row 3"):
        uploads.read_workbook("a.xlsx", four)


def test_with_apart_a_spoilt_sheet_refuses_itself_alone():
    made = content(book(Frame=[["unit", "name"], ["U1", "Team"]], Sums=[["all", "=1+1"]]))
    found = uploads.read_workbook("a.xlsx", made, apart=True)
    assert (list(found.sheets), found.titles) == (["Frame"], ("Frame", "Sums"))
    rows, problems = found.spoilt["Sums"]
    assert rows == (("all", "=1+1"),)
    assert [problem.at for problem in problems] == ["Sums!B1"]


def test_only_the_wanted_sheets_are_read_and_the_others_named():
    made = book(Survey=[["a"]], Notes=[["=1+1"]])
    found = read(made, "survey")
    assert list(found.sheets) == ["Survey"]
    assert found.notes == (Problem("Notes", "the sheet is not read", "nothing to do, if it is only for you"),)


def test_texts_in_a_part_of_their_own_are_read_whatever_the_sheet_says_of_its_size():
    first = b'<row r="2"><c r="B2" t="s"><v>1</v></c><c r="D2" t="str"><v>last</v></c></row>'
    assert read(as_excel(first + b'<row><c t="s"><v>0</v></c></row>')).sheets["one"] == (
        (),
        ("", "second", "", "last"),
        ("first",),
    )


def test_a_text_that_is_not_there_is_damage():
    assert refusal(as_excel(b'<row><c t="s"><v>7</v></c></row>')) == [("the file", "it is damaged")]


def test_line_breaks_and_control_characters_are_made_plain():
    made = book(one=[["a_x000D_\nb"]])
    assert read(made).sheets["one"] == (("a\nb",),)


def test_what_is_hidden_or_merged_is_read_and_listed():
    def hide(sheet: Worksheet) -> None:
        for row in (2, 3, 5):
            sheet.row_dimensions[row].hidden = True
        sheet.column_dimensions["B"].hidden = True
        sheet.merge_cells("A1:B1")

    made = with_sheet(hide, *[[str(i), "x"] for i in range(1, 7)])
    made.create_sheet("secret").sheet_state = "veryHidden"
    found = read(made)
    assert found.sheets["one"][1] == ("2", "x")
    assert [(p.at, p.what) for p in found.notes] == [
        ("one!2:3", "it is hidden, and was read"),
        ("one!5:5", "it is hidden, and was read"),
        ("one!B:B", "it is hidden, and was read"),
        ("one!A1:B1", "the cells are merged, and count as the first"),
        ("secret", "it is hidden, and was read"),
    ]


def test_a_format_on_the_last_cell_of_all_costs_nothing():
    made = with_sheet(lambda s: setattr(s["XFD1048576"], "number_format", "0.00"), ["a"])
    assert read(made).sheets["one"] == (("a",),)


def test_links_to_web_pages_and_addresses_are_only_words():
    made = with_sheet(lambda s: setattr(s["A1"], "hyperlink", "mailto:a@b.example"), ["a@b.example"])
    assert read(made).sheets["one"] == (("a@b.example",),)


# ── what is refused: the file ────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("made", "name", "what"),
    [
        (b"", "x.xlsx", "it is empty"),
        (b" \r\n ", "x.xlsx", "it is empty"),
        (b"unit,name\nU1,Team 1\n", "x.xlsx", "it is a text file, not a workbook"),
        ("unit;name\nU1;Té\n".encode("cp1252"), "x.xlsx", "it is a text file, not a workbook"),
        ("unit,name".encode("utf-16"), "x.xlsx", "it is not a workbook"),
        (b"%PDF-1.4\n\0", "x.xlsx", "it is a PDF"),
        (b"MZ\x90\0", "x.xlsx", "it is a programme"),
        (b"\x7fELF\2", "x.xlsx", "it is a programme"),
        (b"<html>", "x.xlsx", "it is a text file, not a workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "x.xlsx", "it is an old Excel file (.xls)"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "x.xlsx",
            "it is protected with a password",
        ),
        (b"PK\x03\x04 and then nonsense", "x.xlsx", "it is damaged"),
        (content(book(one=[["a"]])), "x.csv", "its name does not end in .xlsx"),
        (content(book(one=[["a"]])), "x.xlsm", "its name does not end in .xlsx"),
        (content(book(one=[["a"]]))[:-300], "x.xlsx", "it is damaged"),
        (b"PK\x03\x04" + b"x" * 10_000_000, "x.xlsx", "it has 10,000,004 bytes"),
    ],
)
def test_what_is_no_workbook_is_refused_by_what_it_is(made: bytes, name: str, what: str):
    assert refusal(made, name) == [("the file", what)]


def archive(**parts: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, part in parts.items():
            made.writestr(name, part)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (archive(**{"readme.txt": b"x"}), "it is an archive, but no Excel workbook"),
        (archive(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "it is an OpenDocument file"),
        (changed("xl/vbaProject.bin", lambda _: b"x"), "it holds macros"),
        (changed("xl/externalLinks/externalLink1.xml", lambda _: b"<x/>"), "it is linked to another file"),
    ],
)
def test_archives_of_other_kinds_are_refused(made: bytes, what: str):
    assert refusal(made) == [("the file", what)]


def test_a_relationship_to_a_file_elsewhere_is_refused():
    link = b'<Relationship Id="r9" Type="http://x/oleObject" Target="http://e.example" TargetMode="External"/>'
    made = changed(
        "xl/_rels/workbook.xml.rels", lambda old: old.replace(b"</Relationships>", link + b"</Relationships>")
    )
    assert refusal(made) == [("the file", "it is linked to another file")]


def test_a_zip_bomb_is_refused_before_it_is_unpacked():
    started = time.monotonic()
    made = changed("xl/sharedStrings.xml", lambda _: b"<sst>" + b" " * 61_000_000 + b"</sst>")
    assert len(made) < 100_000
    assert [at for at, _ in refusal(made)] == ["the file"]
    assert time.monotonic() - started < 5


def test_a_part_that_unpacks_to_more_than_it_says_is_damaged():
    made = bytearray(changed("xl/media/image1.png", lambda _: b"x" * 1_000_000))
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = made.rfind(b"xl/media/image1.png")
        at = made.rfind(mark, 0, at if mark == b"PK\x01\x02" else made.find(b"xl/media/image1.png"))
        made[at + offset : at + offset + 4] = (10).to_bytes(4, "little")
    assert refusal(bytes(made)) == [("the file", "it is damaged")]


@pytest.mark.parametrize(
    "part", [SHEET, "xl/workbook.xml", "xl/styles.xml", "docProps/app.xml", "xl/media/image1.png"]
)
@pytest.mark.parametrize(
    "prologue",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x SYSTEM "http://e.example/x.dtd">',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://e.example/p"> %p;]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_and_entities_are_refused_in_every_part(part: str, prologue: str, encoding: str):
    made = changed(part, lambda _: (prologue + "<x>hello</x>").encode(encoding))
    assert refusal(made) == [("the file", "it holds a document type or entities")]


@pytest.mark.parametrize(
    "xml",
    [
        b"<x>" * 60,
        b"<worksheet>" + b"<row><c><v>1</v></c></row>" * 700 + b"</worksheet>",
        b"<styleSheet>" + b"<a/>" * 1_001 + b"</styleSheet>",
    ],
)
def test_too_many_or_too_deep_elements_are_refused(monkeypatch: pytest.MonkeyPatch, xml: bytes):
    monkeypatch.setattr(uploads, "MAX_ELEMENTS", 2_000)
    monkeypatch.setattr(uploads, "MAX_TRIMMINGS", 1_000)
    assert refusal(changed(SHEET, lambda _: xml)) == [("the file", "it holds too much")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"</worksheet>", b""),
        (b'r="A1"', b'r="A7"'),
        (b'r="A1"', b'r="ZZZ1"'),
        (b'r="A1"', b'r="../x"'),
        (b'<row r="1"', b'<row r="0"'),
        (b'<row r="1"', b'<row r="x"'),
        (b"<sheetData>", b'<sheetData><row r="3"/>'),
    ],
)
def test_a_sheet_that_does_not_keep_its_own_rules_is_refused(old: bytes, new: bytes):
    def damage(sheet: bytes) -> bytes:
        assert old in sheet
        return sheet.replace(old, new)

    assert refusal(changed(SHEET, damage)) == [("the file", "it is damaged")]


CELLS = (
    b'<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" s="1"><v>41000</v></c><c r="C1" t="b"><v>1</v></c></row>'
)
WHOLE = as_excel(CELLS)
PARTS = [SHEET, "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml", "[Content_Types].xml", "_rels/.rels"]


def is_read_or_refused(made: bytes) -> None:
    try:
        read(made)
    except Refused as refused:
        assert refused.problems


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_damaged_anywhere_is_read_or_refused(data: st.DataObject):
    made = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 5))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    is_read_or_refused(bytes(made))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PARTS), st.data())
def test_a_part_damaged_anywhere_is_read_or_refused(part: str, data: st.DataObject):
    def damage(old: bytes) -> bytes:
        at = data.draw(st.integers(0, len(old) - 1))
        new = data.draw(st.sampled_from([b"", b"9", b"x", b'"', b"<a/>"]))
        return old[:at] + new + old[at + data.draw(st.integers(0, 3)) :]

    is_read_or_refused(changed(part, damage, WHOLE))


# ── what is refused: cells ───────────────────────────────────────────────────


def test_every_formula_is_named():
    made = book(one=[["=1+1", "a"], ['=HYPERLINK("http://e.example")']], two=[["", "=[1]x!A1"]])
    assert refusal(made) == [
        ("one!A1", "it holds a formula"),
        ("one!A2", "it holds a formula"),
        ("two!B1", "it holds a formula"),
    ]


def test_content_in_the_last_cell_of_all_is_refused_at_once():
    started = time.monotonic()
    made = with_sheet(lambda s: s.cell(1_048_576, 16_384, "x"), ["a"])
    assert refusal(made) == [
        ("one!XFD1048576", "the content goes down to row 1,048,576"),
        ("one!XFD1048576", "the content goes out to column 16,384"),
    ]
    assert time.monotonic() - started < 1


def test_5000_columns_are_refused():
    made = book(one=[[str(i) for i in range(5_000)]])
    assert refusal(made) == [("one!GJH1", "the content goes out to column 5,000")]


def test_200000_rows_are_refused():
    rows = b"".join(b"<row><c><v>%d</v></c></row>" % i for i in range(200_000))
    made = changed(
        SHEET,
        lambda old: (
            old.replace(b"<sheetData>", b"<sheetData>" + rows, 1).replace(b' r="1"', b"").replace(b' r="A1"', b"")
        ),
    )
    assert refusal(made) == [("one!A200001", "the content goes down to row 200,001")]


def test_errors_and_numbers_out_of_bounds_are_named():
    made = book(one=[["#REF!", 1e300]])
    made["one"]["A1"].data_type = "e"
    assert refusal(made) == [
        ("one!A1", "it holds the error #REF!"),
        ("one!B1", "it holds a number out of all bounds"),
    ]


# ── import on the command line ───────────────────────────────────────────────

UNSAYABLE = "selected(${pay}, '1') and string-length(${Staff}) > 3"
BOTH = ("label::English (en)", "label::Cymraeg (cy)")
FORM = {
    "survey": [
        ["type", "name", *BOTH, "required", "relevant", "appearance"],
        ["start", "start"],
        ["select_one yn", "Staff", "Do you have staff?", "Oes gennych chi staff?", True],
        ["begin_group", "work", "Your work", "Eich gwaith", None, "${Staff} = 'yes'", "table-list"],
        ["select_one scale", "pay", "Pay", "Cyflog"],
        ["select_one scale", "hours", "Hours", "Oriau"],
        ["end_group"],
        ["text", "why", "Why is pay {so}?", "Pam?", None, UNSAYABLE],
    ],
    "choices": [
        ["list_name", "name", *BOTH],
        ["yn", "yes", "Yes", "Oes"],
        ["yn", "no", "No", "Nac oes"],
        ["scale", 1, "Bad", "Drwg"],
        ["scale", 2, "Good", "Da"],
    ],
    "settings": [
        ["form_title", "form_id", "version", "default_language"],
        ["Staff", "staff", 2024.1, "English (en)"],
    ],
}


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli.main, ["instrument", "import", *arguments])


def write(path: Path, made: openpyxl.Workbook) -> str:
    path.write_bytes(content(made))
    return str(path)


def test_a_form_in_two_languages_becomes_a_questionnaire(tmp_path: Path):
    made = book(**FORM)
    made["survey"].row_dimensions[2].hidden = True
    done = run(write(tmp_path / "form.xlsx", made), "--out", str(tmp_path / "staff.json"))
    assert done.exit_code == 0
    assert done.stdout == f"{tmp_path / 'staff.json'}: staff@2024.1, 3 questions, 3 pages, no problem\n"
    assert [line.partition(";")[0] for line in done.stderr.splitlines()] == [
        "Not as it was in the form: 6 things",
        "  survey!2:2: it is hidden, and was read",
        "  survey!A2: “start” of the type “start” is not carried over",
        "  survey!B3: the name “Staff” became “staff”",
        "  survey!C8: its formatting is left out",
        f"  survey!F8: the condition “{UNSAYABLE}” is not carried over: a count of answers cannot be compared",
        "  settings: a form has no introduction, thanks, respondent and length",
    ]
    found = read_instrument((tmp_path / "staff.json").read_bytes())
    assert found.languages == ["en", "cy"]
    assert found.questions["work"].text.in_language("cy") == "Eich gwaith"
    assert [row.label.in_language("cy") for row in found.questions["work"].rows] == ["Cyflog", "Oriau"]
    assert found.sections[1].show_if.is_ == "yes"
    assert found.questions["why"].show_if is None


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path):
    out = tmp_path / "staff.json"
    out.write_text("mine")
    done = run(write(tmp_path / "form.xlsx", book(**FORM)), "--out", str(out))
    assert (done.exit_code, done.stderr) == (1, f"{out} is there already; name a new file\n")
    assert out.read_text() == "mine"


def test_a_refused_form_writes_nothing_and_says_where(tmp_path: Path):
    made = book(survey=[["type", "name"], ["select_one x", "q"]])
    done = run(write(tmp_path / "form.xlsx", made), "--out", str(tmp_path / "x.json"))
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "Refused: 1 problem",
        "  survey!A2: there is no list “x” of choices; add it to choices",
    ]
    assert not (tmp_path / "x.json").exists()


def test_survey_and_version_can_be_given_and_the_new_name_must_end_in_json(tmp_path: Path):
    form, out = write(tmp_path / "form.xlsx", book(**FORM)), tmp_path / "x.json"
    assert run(form, "--out", str(out), "--survey", "dat", "--version", "7").exit_code == 0
    assert read_instrument(out.read_bytes()).name == "dat@7"
    assert run(form, "--out", str(tmp_path / "x.txt")).exit_code == 2
