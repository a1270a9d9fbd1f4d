"""The blank questionnaire: HTML read back by a parser, Word by python-docx and as raw XML, and the command."""

import io
import itertools
import json
import re
import zipfile
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import docx
import pytest
from click.testing import CliRunner
from docx.document import Document
from docx.oxml.ns import qn

from surveyapp.cli import main
from surveyapp.export.archive import legible, undated
from surveyapp.export.blank import blank
from surveyapp.instrument import Instrument, read_instrument
from surveyapp.problems import SurveyError
from tests.export.test_workbook import HOSTILE
from tests.makers import make_document, make_instrument, make_question

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob("instruments/*/*.json"))
VOID = {"meta", "br"}


def make_everything(text: str = "Why?", **more: Any) -> Instrument:
    """An instrument of every type, with `text` wherever an author can write."""
    entries = [{"code": c, "label": f"{text} {c}"} for c in "abc"]
    options = [entries[0] | {"specify": True}, *entries[1:]]
    closed = [
        make_question("single", "kind", text=text, hint=text, options=options),
        make_question("multiple", "m", text=text, options=entries),
        make_question("grid", "g", text=text, rows=entries, scale=entries),
        make_question(
            "grid", "long", rows=entries[:2], scale=[{"code": f"s{i}", "label": f"S{i}"} for i in range(8)]
        ),
        make_question("allocation", "share", text=text, rows=entries, unit="%"),
        make_question("rank", "order", text=text, options=entries),
    ]
    opened = [
        {"id": "aside", "type": "note", "text": f"{text}\n\n- {text}"},
        make_question("number", "n", text=text, unit="months"),
        make_question("date", "day", text=text),
        make_question("text", "words", text=text, probes=[text], notes=True),
    ]
    titles = {"title": text, "respondent": text, "intro": text, "privacy": text, "thanks": text}
    document = make_document(closed, opened, **(titles | more))
    for section in document["sections"]:
        section["title"] = section["pages"][0]["title"] = text
    document["sections"][1]["pages"][0].pop("title")
    return read_instrument(json.dumps(document))


class _Read(HTMLParser):
    """The tree of a page as (tag, attributes, text of the element); every tag closed in order."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.open: list[list[Any]] = []
        self.elements: list[list[Any]] = []
        self.feed(content.decode())
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append([tag, dict(attributes), ""])
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, text: str) -> None:
        for element in self.open:
            element[2] += text

    def texts(self, tag: str = "", class_: str = "") -> list[str]:
        """The texts of the elements of this tag and class."""
        return [e[2] for e in self.elements if tag in ("", e[0]) and class_ in ("", e[1].get("class"))]


def page(instrument: Instrument) -> _Read:
    return _Read(blank(instrument, ".html"))


def paper(instrument: Instrument) -> Document:
    return docx.Document(io.BytesIO(blank(instrument, ".docx")))


def parts(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def styled(found: Document, style: str) -> list[str]:
    return [p.text for p in found.paragraphs if p.style is not None and p.style.name == style]


def cells(found: Document) -> list[list[list[str]]]:
    return [[[cell.text for cell in row.cells] for row in table.rows] for table in found.tables]


# ── HTML ─────────────────────────────────────────────────────────────────────


def test_a_page_holds_headings_questions_and_options_in_order():
    found = page(make_everything())
    assert found.texts("h1") == ["Why?"]
    assert found.texts("h2")[-5:] == [
        "Section 1: Why?",
        "Section 2: Why?",
        "At the end",
        "What is shown when the answers have been sent",
        "Annex: variables and codes",
    ]
    assert found.texts("h3")[0] == "Why?"
    assert found.texts("h4", "question")[0] == "1. Why?"
    assert found.texts("h3", "question") == ["7. Why?", "8. Why?", "9. Why?"]
    assert found.texts("ul", "circles")[0] == "Why? a (please say which)Why? bWhy? c"
    assert found.texts("ul", "squares") == ["Why? aWhy? bWhy? c"]


def test_headings_of_a_page_skip_no_level():
    for file in FILES:
        levels = [
            int(tag[1])
            for tag, _, _ in page(read_instrument(file.read_bytes())).elements
            if tag[0] == "h" and tag[1:].isdigit()
        ]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(deeper <= level + 1 for level, deeper in itertools.pairwise(levels))


def test_every_heading_of_a_table_has_a_scope():
    found = page(make_everything())
    scopes = [e[1].get("scope") for e in found.elements if e[0] == "th"]
    assert set(scopes) == {"col", "row"}
    assert found.texts("table", "scale of3") == ["ItemWhy? aWhy? bWhy? ca. Why? ab. Why? bc. Why? c"]


def test_a_scale_of_many_points_becomes_lists():
    assert page(make_everything()).texts("p", "row") == ["a. Why? a", "b. Why? b"]
    assert styled(paper(make_everything()), "Circles")[3:11] == [f"S{i}" for i in range(8)]


def test_a_page_is_whole_in_itself():
    content = blank(make_everything(), ".html").decode()
    assert content.startswith('<!DOCTYPE html>\n<html lang="en-GB">')
    assert not re.search(r"src=|href=|url\(|@import|<script|javascript:", content)
    assert 'content: "tiny@1"' in content


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_never_markup(text: str):
    found = page(make_everything(text))
    tags = {element[0] for element in found.elements}
    assert tags == {element[0] for element in page(make_everything()).elements}
    assert text in found.texts("title")
    assert f"1. {text}" in found.texts("h4")
    assert f"{text} b" in found.texts("li")
    assert f"b. {text} b" in found.texts("th")
    assert text in found.texts("p", "hint")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_question_option_and_row_is_on_the_page_and_on_the_paper(file: Path):
    instrument = read_instrument(file.read_bytes())
    found = paper(instrument)
    word = {*(run.text for p in found.paragraphs for run in p.runs)}
    word |= {run.text for t in found.tables for row in t.rows for c in row.cells for run in c.paragraphs[0].runs}
    html = {*page(instrument).texts()}
    wanted = [str(q.text) for q in instrument.questions.values() if "{" not in q.text]
    for question in instrument.questions.values():
        for name in ("options", "rows", "scale"):
            wanted += [str(entry.label) for entry in getattr(question, name, ()) if "{" not in entry.label]
    assert [text for text in wanted if text not in html] == []
    assert [text for text in wanted if text not in word] == []


# ── Word ─────────────────────────────────────────────────────────────────────


def test_a_document_has_real_headings_lists_and_tables():
    found = paper(make_everything())
    assert styled(found, "Title") == ["Why?"]
    assert styled(found, "Heading 1") == ["Section 1: Why?", "Section 2: Why?", "Annex: variables and codes"]
    assert styled(found, "Question") == [f"{i}.\tWhy?" if i != 4 else "4.\tWhat about long?" for i in range(1, 7)]
    assert styled(found, "Question of section") == ["7.\tWhy?", "8.\tWhy?", "9.\tWhy?"]
    assert styled(found, "Squares") == ["Why? a", "Why? b", "Why? c"]
    assert styled(found, "Probes") == ["Why?"]
    grid, shares, places, annex = cells(found)
    assert grid[:2] == [["Item", "Why? a", "Why? b", "Why? c"], ["a.  Why? a", "○", "○", "○"]]
    assert [row[0] for row in shares] == ["Item", "a.  Why? a", "b.  Why? b", "c.  Why? c", "Total"]
    assert [row[0] for row in places] == ["Answer", "Why? a", "Why? b", "Why? c"]
    assert annex[:2] == [
        ["Question", "Variable", "Type", "Codes and limits"],
        ["1", "kind", "single", "a = Why? a\nb = Why? b\nc = Why? c"],
    ]


def test_questions_are_headings_below_their_page_or_section():
    levels = {}
    for style in paper(make_everything()).styles.element.iter(qn("w:style")):
        for level in style.iter(qn("w:outlineLvl")):
            levels[style.get(qn("w:styleId"))] = int(level.get(qn("w:val"))) + 1
    assert levels == {"Heading1": 1, "Heading2": 2, "Heading3": 3, "Question": 3, "Questionofsection": 2}


def test_the_header_of_every_table_is_repeated():
    for table in paper(make_everything()).tables:
        repeated = [row._tr.find(f".//{qn('w:tblHeader')}") is not None for row in table.rows]
        assert repeated == [True, *([False] * (len(repeated) - 1))]


def test_everything_is_arial_and_british():
    found = parts(blank(make_everything(), ".docx"))
    fonts = re.findall(r'w:(?:ascii|hAnsi)="([^"]+)"', found["word/styles.xml"] + found["word/numbering.xml"])
    assert set(fonts) == {"Arial"}
    assert "Theme=" not in found["word/styles.xml"]
    assert set(re.findall(r'<w:lang [^>]*w:val="([^"]+)"', found["word/styles.xml"])) == {"en-GB"}


def test_the_foot_has_name_version_and_page_numbers_and_nothing_else_is_a_field():
    content = blank(make_everything("=PAGE"), ".docx")
    found = parts(content)
    fields = {name: re.findall(r'w:instr="([^"]+)"', xml) for name, xml in found.items()}
    assert {name: field for name, field in fields.items() if field} == {"word/footer1.xml": ["PAGE", "NUMPAGES"]}
    assert not any("instrText" in xml or "hyperlink" in xml.partition("<w:body>")[2] for xml in found.values())
    foot = paper(make_everything()).sections[0].footer.paragraphs[0].text
    assert foot.startswith("Why? · tiny@1\tPage ")


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_the_text_it_was(text: str):
    found = paper(make_everything(text))
    assert styled(found, "Title") == [text]
    assert styled(found, "Question")[0] == f"1.\t{text}"
    assert styled(found, "Hint") == [text]
    assert styled(found, "Squares") == [f"{text} {c}" for c in "abc"]
    assert [row[0] for row in cells(found)[0]][1:] == [f"{c}.  {text} {c}" for c in "abc"]
    assert found.core_properties.title == text


def test_text_that_xml_cannot_hold_is_marked():
    assert legible("a\x00b\ud800\uffff\r\nc") == "a\ufffdb\ufffd\ufffd\nc"
    question = make_question(text="odd \ufffe one")
    assert styled(paper(make_instrument([question])), "Question") == ["1.\todd \ufffd one"]
    assert "1. odd \ufffd one" in page(make_instrument([question])).texts("h4")


def test_no_person_and_no_moment_is_in_the_properties():
    content = blank(make_everything(), ".docx")
    core = docx.Document(io.BytesIO(content)).core_properties
    moment = datetime(2000, 1, 1)  # noqa: DTZ001
    assert (core.author, core.last_modified_by, core.comments, core.language) == (
        "surveyapp",
        "surveyapp",
        "",
        "en-GB",
    )
    assert [core.created.replace(tzinfo=None), core.modified.replace(tzinfo=None)] == [moment, moment]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2000, 1, 1, 0, 0, 0)}
        assert not [name for name in archive.namelist() if "thumbnail" in name or "customXml" in name]


@pytest.mark.parametrize("ending", [".html", ".docx"])
def test_equal_questionnaires_give_equal_bytes(ending: str):
    assert blank(make_everything(), ending) == blank(make_everything(), ending)


def test_packing_again_changes_nothing():
    content = blank(make_everything(), ".docx")
    assert undated(content) == content


# ── the command ──────────────────────────────────────────────────────────────


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(main, ["instrument", "blank", *map(str, arguments)])


@pytest.fixture
def questionnaire(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(make_document()), encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", [".html", ".docx", ".xlsx"])
def test_the_command_writes_the_file(questionnaire: Path, tmp_path: Path, ending: str):
    out = tmp_path / f"blank{ending}"
    done = run(questionnaire, "--out", out)
    assert (done.exit_code, done.output) == (0, f"{out}: tiny@1, 1 question\n")
    assert out.read_bytes() == blank(read_instrument(questionnaire.read_bytes()), ending)


@pytest.mark.parametrize("name", ["blank.ods", "blank.pdf", "blank"])
def test_another_ending_is_refused(questionnaire: Path, tmp_path: Path, name: str):
    done = run(questionnaire, "--out", tmp_path / name)
    assert done.exit_code == 1
    ending = Path(name).suffix or "no ending"
    assert done.stderr == f"{ending} is not a kind of file; end the name in .html, .docx or .xlsx\n"
    assert sorted(tmp_path.iterdir()) == [questionnaire]


def test_a_faulty_questionnaire_is_refused_with_its_problems(tmp_path: Path):
    faulty = tmp_path / "faulty.json"
    faulty.write_text(json.dumps(make_document([make_question(), make_question()])), encoding="utf-8")
    done = run(faulty, "--out", tmp_path / "blank.html")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"{faulty}: 1 problem\n")
    assert sorted(tmp_path.iterdir()) == [faulty]


def test_a_place_that_cannot_be_written_leaves_nothing_half_written(questionnaire: Path, tmp_path: Path):
    out = tmp_path / "blank.html"
    out.mkdir()
    assert run(questionnaire, "--out", out).exit_code == 1
    assert sorted(tmp_path.rglob("*")) == [out, questionnaire]


def test_what_was_there_stays_if_the_new_one_cannot_be_made(questionnaire: Path, tmp_path: Path, monkeypatch: Any):
    def fail(*_: object) -> bytes:
        raise SurveyError("the disk is full")

    out = tmp_path / "blank.docx"
    out.write_bytes(b"before")
    monkeypatch.setattr("surveyapp.export.blank.blank", fail)
    assert run(questionnaire, "--out", out).exit_code == 1
    assert out.read_bytes() == b"before"
