"""The deposit: all files there, agreeing with each other, described for an archive, and the same every time."""

import csv
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from xml.etree.ElementTree import Element

import pyreadstat
import pytest
from defusedxml.ElementTree import fromstring
from triple_s import read_triple_s

from surveyapp.analysis.columns import read_part
from surveyapp.analysis.dataset import assemble
from surveyapp.analysis.microdata import Recipe, microdata
from surveyapp.export.deposit import deposit
from surveyapp.instrument import read_instrument
from tests.export.ddi import NAMESPACE, faults
from tests.export.makers import make_facts
from tests.export.test_microdata_files import NO, YES, make_microdata
from tests.export.test_workbook import HOSTILE

FILES = [
    "data.csv",
    "data.sav",
    "setup.sps",
    "setup.R",
    "codebook.csv",
    "codebook.json",
    "triples.sss",
    "triples.csv",
    "ddi.xml",
    "questionnaire.html",
    "README.txt",
    "LICENCE.txt",
    "SHA256SUMS",
]


def make_deposit(label: str = "Yes", cells: list[str] | None = None) -> dict[str, bytes]:
    content = deposit(make_microdata(label=label, cells=cells), make_facts())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def variables(files: dict[str, bytes]) -> dict[str, Element]:
    return {var.get("name", ""): var for var in fromstring(files["ddi.xml"]).iter(f"{NAMESPACE}var")}


def texts(element: Element, name: str) -> list[str]:
    return [each.text or "" for each in element.iter(f"{NAMESPACE}{name}")]


def test_the_zip_holds_every_file_with_its_checksum():
    files = make_deposit()
    assert list(files) == FILES
    sums = dict(reversed(line.split("  ")) for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {name: hashlib.sha256(files[name]).hexdigest() for name in FILES[:-1]}


def test_the_same_answers_give_the_same_bytes_whatever_their_order():
    answers = [YES] * 12 + [NO] * 12
    first, second = (deposit(make_microdata(*some), make_facts()) for some in (answers, answers[::-1]))
    assert first == second


def test_the_description_fits_ddi_codebook():
    assert faults(fromstring(make_deposit()["ddi.xml"])) == []
    assert faults(fromstring(make_deposit(cells=["North"] * 18 + ["South"] * 18)["ddi.xml"])) == []


@pytest.mark.parametrize(
    "file",
    sorted((Path(__file__).parents[1] / "instruments" / "valid").glob("*.json")),
    ids=lambda file: file.stem,
)
def test_a_deposit_can_be_made_of_any_questionnaire(file: Path, tmp_path: Path):
    instrument = read_instrument(file.read_bytes())
    data = assemble(instrument, [read_part(instrument, [""] * 20, ["{}"] * 20)])
    if not data.variables:
        return
    amounts = [variable.name for variable in data.variables.values() if variable.is_amount]
    bands = {name: [["0"], ["10"]] for name in amounts}
    content = deposit(microdata(data, Recipe(bands=bands)), make_facts())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path)
    assert faults(fromstring((tmp_path / "ddi.xml").read_bytes())) == []
    frame, _ = pyreadstat.read_sav(tmp_path / "data.sav", user_missing=True)
    assert len(frame) == 20
    assert set(frame.to_numpy().ravel()) <= {-9, -8, -7}


def test_the_check_of_the_description_finds_faults():
    text = make_deposit()["ddi.xml"].decode()
    swapped = text.replace("<titl>A tiny survey</titl><IDNo", "<IDNo/><titl>x</titl><IDNo", 1)
    assert faults(fromstring(swapped)) == ["titlStmt holds IDNo titl IDNo "]
    assert faults(fromstring(text.replace('intrvl="contin"', 'intrvl="x"'))) == ["var has intrvl='x'"]
    assert "ddi:codebook:2_5}var points to ['F9']" in str(
        faults(fromstring(text.replace('files="F1', 'files="F9')))
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (' level="study"', "", "otherMat has no level"),
        ('<item VALUE="-9"/>', '<item VALUE="-9">x</item>', "item holds words between its elements"),
        ('<item VALUE="-9"/>', "<item/>", "item has no VALUE"),
        ('ID="V1"', 'ID="1"', "var has ID='1'"),
        ('xml:lang="en"', 'xml:lang="en_GB"', "codeBook has {http://www.w3.org/XML/1998/namespace}lang='en_GB'"),
        ('<sumStat type="vald"', "<sumStat", "sumStat has no type"),
    ],
)
def test_what_the_schema_demands_of_attributes_is_checked(old: str, new: str, fault: str):
    text = make_deposit()["ddi.xml"].decode()
    assert old in text
    assert fault in faults(fromstring(text.replace(old, new, 1)))


def test_a_range_without_values_is_a_fault():
    text = re.sub(r"<invalrng>.*?</invalrng>", "<invalrng/>", make_deposit()["ddi.xml"].decode(), count=1)
    assert faults(fromstring(text)) == ["invalrng holds nothing"]


def test_the_range_of_an_amount_has_all_its_digits():
    spent = [{"spend": f"{1_234_567 + i // 12}.25"} for i in range(36)]
    content = deposit(make_microdata(*spent), make_facts())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (found,) = fromstring(archive.read("ddi.xml")).iter(f"{NAMESPACE}range")
    assert found.attrib == {"UNITS": "REAL", "min": "1234567.25", "max": "1234569.25"}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_labels_are_words_in_the_description(text: str):
    files = make_deposit(label=text)
    assert faults(fromstring(files["ddi.xml"])) == []
    assert text in texts(variables(files)["kind"], "labl")


def test_the_description_knows_every_column_code_and_count_of_the_data():
    files = make_deposit()
    rows = list(csv.reader(io.StringIO(files["data.csv"].decode(), newline="")))
    described = variables(files)
    assert list(described) == rows[0]
    for place, var in enumerate(described.values()):
        counted = dict(zip(texts(var, "catValu"), texts(var, "catStat"), strict=True))
        column = [row[place] for row in rows[1:]]
        for value, n in counted.items():
            assert column.count(value) == int(n)
        if rows[0][place] != "spend":
            assert set(column) <= set(counted)


def test_the_options_of_a_multiple_are_a_group():
    groups = fromstring(make_deposit()["ddi.xml"]).iter(f"{NAMESPACE}varGrp")
    assert [(g.get("name"), g.get("type"), g.get("var")) for g in groups] == [
        ("m", "multipleResp", "V2 V3 V4"),
        ("g", "grid", "V5 V6"),
    ]


def test_codebook_and_data_agree(tmp_path):
    files = make_deposit()
    lines = list(csv.DictReader(io.StringIO(files["codebook.csv"].decode(), newline="")))
    yes = next(line for line in lines if line["column"] == "kind" and line["code"] == "yes")
    assert (yes["number"], yes["meaning"], yes["missing"], yes["responses"]) == ("1", "Yes", "no", "12")
    path = tmp_path / "x.sav"
    path.write_bytes(files["data.sav"])
    _, about = pyreadstat.read_sav(path, user_missing=True)
    for line in lines:
        if line["number"] not in {"", "-9", "-8", "-7"}:
            assert about.variable_value_labels[line["column"]][int(line["number"])] == line["meaning"]
    said = json.loads(files["codebook.json"])
    assert [column["column"] for column in said["columns"]] == list(
        dict.fromkeys(line["column"] for line in lines)
    )
    assert said["left_out"] == {"opening": "left out on purpose"}


def test_another_reader_reads_triple_s(tmp_path):
    for name, content in make_deposit().items():
        (tmp_path / name).write_bytes(content)
    found = read_triple_s(str(tmp_path / "triples.sss"), str(tmp_path / "triples.csv")).to_pandas()
    assert list(found.columns) == ["kind", "m", "g.police", "g.health", "spend"]
    assert found.isna().iloc[:12].all(axis=None)
    assert found.iloc[12].tolist() == [1, [1, 3], 1, None, 1.25]
    assert found.iloc[24].tolist()[:2] == [2, [2]]
    assert found["spend"].tolist()[12:] == [1.25] * 12 + [-3] * 12


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_labels_are_words_in_triple_s(text: str):
    labels = texts_of(make_deposit(label=text)["triples.sss"])
    assert " ".join(text.split()) in labels


def texts_of(content: bytes) -> list[str]:
    return [" ".join((element.text or "").split()) for element in fromstring(content).iter("value")]


def test_spss_commands_label_everything_and_make_sets():
    commands = make_deposit(label="It's")["setup.sps"].decode()
    assert "/FILE='data.csv'" in commands
    assert "VALUE LABELS kind\n  1 'It''s'\n  2 'No'\n  -9 'No reply'" in commands
    assert "MISSING VALUES spend (-9 THRU -7)." in commands
    assert (
        "MRSETS /MDGROUP NAME=$m LABEL='What about m?' VALUE=1 VARIABLES=\n    m.a\n    m.b\n    m.c." in commands
    )


def test_r_commands_label_everything():
    commands = make_deposit(label='a"b')["setup.R"].decode()
    assert (
        'responses[["kind"]] <- factor(responses[["kind"]], levels = c(1, 2), labels = c("a\\"b", "No"))'
        in commands
    )
    assert 'responses[["spend"]][responses[["spend"]] %in% c(-9, -8, -7)] <- NA' in commands


def test_the_readme_says_what_was_done_for_anonymity_and_the_licence_is_open():
    files = make_deposit(cells=["North"] * 18 + ["South"] * 18)
    readme = files["README.txt"].decode()
    assert "Columns that describe the organisation: unit.region. 10 responses or more share each" in readme
    assert "- opening: left out on purpose" in readme
    assert "- spend: amounts under -3 are given as that, amounts over 1.25 as that" in readme
    assert files["LICENCE.txt"].decode().startswith("LICENCE: NOT CHOSEN YET")


def test_nothing_says_when_anything_was_made():
    content = deposit(make_microdata(), make_facts())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2000, 1, 1, 0, 0, 0)}
