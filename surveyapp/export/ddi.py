"""The description of a deposit for an archive: DDI-Codebook 2.5, the elements that archives ask for.

Texts are escaped where elements are made, so none is markup. Days, never moments.
"""

import re
from collections.abc import Iterable, Iterator
from html import escape

from surveyapp.analysis.microdata import Field, Microdata, is_stratum
from surveyapp.analysis.report import WaveFacts
from surveyapp.export.archive import legible
from surveyapp.export.codebook import labelled
from surveyapp.export.microdata import decimals, measure, missing_labels, number_text, wording_of

NAMESPACE = "ddi:codebook:2_5"
_SCHEMA = "http://www.ddialliance.org/Specification/DDI-Codebook/2.5/XMLSchema/codebook.xsd"


class _Xml(str):
    """Markup that we made; any other string is text."""

    __slots__ = ()


def ddi(data: Microdata, facts: WaveFacts, files: Iterable[tuple[str, str]]) -> bytes:
    """The XML for the data files of a deposit, given by name and kind; all hold the same numbers."""
    described = list(files)
    root = _el(
        "codeBook",
        _document(data, facts),
        _study(data, facts),
        *(_file(data, number, name, kind) for number, (name, kind) in enumerate(described, 1)),
        _data(data, " ".join(f"F{number}" for number in range(1, len(described) + 1))),
        _questionnaire(),
        version="2.5",
        xmlns=NAMESPACE,
        xmlns__xsi="http://www.w3.org/2001/XMLSchema-instance",
        xsi__schemaLocation=f"{NAMESPACE} {_SCHEMA}",
        xml__lang=data.instrument.languages[0],
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n'.encode()


def _questionnaire() -> _Xml:
    label = _el("labl", "The blank questionnaire")
    return _el("otherMat", label, type="questionnaire", level="study", URI="questionnaire.html")


def _el(tag: str, *inside: str, **attributes: str) -> _Xml:
    """An element; `__` in the name of an attribute is a colon, `_` at its end falls away."""
    named = "".join(
        f' {name.rstrip("_").replace("__", ":")}="{escape(legible(value))}"'
        for name, value in attributes.items()
        if value
    )
    content = "".join(part if isinstance(part, _Xml) else escape(legible(part), quote=False) for part in inside)
    return _Xml(f"<{tag}{named}>{content}</{tag}>" if content else f"<{tag}{named}/>")


def _all(elements: Iterable[_Xml]) -> _Xml:
    return _Xml("".join(elements))


# ── the study ────────────────────────────────────────────────────────────────


def _title(data: Microdata, facts: WaveFacts, prefix: str = "") -> _Xml:
    return _el(
        "titlStmt", _el("titl", f"{prefix}{data.instrument.title}"), _el("IDNo", facts.wave, agency="surveyapp")
    )


def _document(data: Microdata, facts: WaveFacts) -> _Xml:
    made = _el("prodStmt", _el("software", "surveyapp"))
    return _el("docDscr", _el("citation", _title(data, facts, "Codebook: "), made))


def _study(data: Microdata, facts: WaveFacts) -> _Xml:
    version = _el(
        "verStmt", _el("version", data.instrument.version), _el("notes", f"SHA-256 {facts.version_hash}")
    )
    return _el(
        "stdyDscr",
        _el("citation", _title(data, facts), version),
        _el("stdyInfo", _el("abstract", str(data.instrument.intro)), _summary(data, facts)),
        _method(data, facts),
        _access(data),
        *([_el("notes", facts.note)] if facts.note else []),
    )


def _summary(data: Microdata, facts: WaveFacts) -> _Xml:
    asked = "the organisations of a list" if facts.listed else "anybody with the address"
    days = [("start", facts.opened_on), ("end", facts.closed_on or "")]
    return _el(
        "sumDscr",
        *(_el("collDate", day, date=day, event=event) for event, day in days if day),
        _el("anlyUnit", "Organisation" if data.instrument.disclosure.policy == "organisations" else "Person"),
        _el("universe", f"{data.instrument.respondent}; asked were {asked}"),
        _el("dataKind", "Survey data"),
    )


def _method(data: Microdata, facts: WaveFacts) -> _Xml:
    everybody = sum(facts.cells.values())
    drawn = (
        f"A list of {everybody:,} organisations" if facts.listed else "No sample: open to anybody with the address"
    )
    own = data.instrument.mode == "self"
    collection = _el(
        "dataColl",
        _el("timeMeth", "Cross-section; no respondent can be followed from one wave to another"),
        _el("sampProc", drawn),
        _el("collMode", "Self-administered questionnaire" if own else "Interview"),
        _el("resInstru", "Structured questionnaire; questionnaire.html in this deposit"),
        _el("weight", "None"),
        _el("cleanOps", *_cleaning(data)),
    )
    rate = f"{data.n:,} responses" + (
        f"; {facts.issued:,} organisations could be written to" if facts.listed else ""
    )
    return _el("method", collection, _el("anlyInfo", _el("respRate", rate)))


def _cleaning(data: Microdata) -> Iterator[str]:
    yield "Answers to questions that the routing leads past are left out. Rows lie in the order of their content. "
    for name, why in data.left_out.items():
        yield f"{name} has no column: {why}. "
    for column in data.fields:
        if column.changed:
            yield f"{column.name}: {column.changed}. "


def _access(data: Microdata) -> _Xml:
    checked = ", ".join(data.identifying) or "none in this file"
    return _el(
        "dataAccs",
        _el(
            "useStmt",
            _el("confDec", "Users undertake not to try to find out who gave which answers.", required="yes"),
            _el(
                "restrctn",
                f"Combinations of identifying columns ({checked}) are shared by {data.minimum} or more.",
            ),
            _el("conditions", "See LICENCE.txt."),
        ),
    )


# ── files and variables ──────────────────────────────────────────────────────


def _file(data: Microdata, number: int, name: str, kind: str) -> _Xml:
    size = _el("dimensns", _el("caseQnty", str(data.n)), _el("varQnty", str(len(data.fields))))
    return _el(
        "fileDscr", _el("fileTxt", _el("fileName", name), size, _el("fileType", kind)), ID=f"F{number}", URI=name
    )


def _data(data: Microdata, files: str) -> _Xml:
    ids = {column.name: f"V{number}" for number, column in enumerate(data.fields, 1)}
    groups = (_group(data, question, columns, ids) for question, columns in data.of_question.items())
    variables = (_variable(data, column, ids[column.name], files) for column in data.fields)
    return _el("dataDscr", _all(groups), _all(variables))


def _group(data: Microdata, question: str, columns: list[Field], ids: dict[str, str]) -> _Xml:
    """The columns of one question together: those of a multiple are a multiple response."""
    if len(columns) == 1:
        return _Xml()
    kind = "multipleResp" if columns[0].variable.kind == "multiple" else "grid"
    members = " ".join(ids[column.name] for column in columns)
    return _el("varGrp", _el("labl", wording_of(data, columns[0])), name=question, type=kind, var=members)


def _variable(data: Microdata, column: Field, name: str, files: str) -> _Xml:
    variable = column.variable
    given, missing = data.counts(column)
    wording = wording_of(data, column)
    return _el(
        "var",
        _el("labl", str(variable.label)),
        *([_el("qstn", _el("qstnLit", wording))] if wording else []),
        *([_range(data, column)] if variable.is_amount else []),
        _el("invalrng", *(_el("item", VALUE=str(number)) for number in column.missing)),
        _el("sumStat", str(sum(given)), type="vald"),
        _el("sumStat", str(sum(missing)), type="invd"),
        _all(_categories(column, given, missing)),
        *([_el("concept", concept)] if (concept := _concept(data, column)) else []),
        _el("varFormat", type="numeric", schema="other"),
        *([_el("notes", column.changed)] if column.changed else []),
        ID=name,
        name=column.name,
        files=files,
        dcml=str(decimals(data, column)) if variable.is_amount else "0",
        intrvl="contin" if variable.is_amount else "discrete",
        nature=measure(data, column).replace("scale", "ratio" if variable.is_amount else "interval"),
        geog="Y" if is_stratum(column) and "region" in variable.name else "",
    )


def _range(data: Microdata, column: Field) -> _Xml:
    places, amounts = data.places[column.variable.name], data.amounts[column.variable.name]
    given = amounts[places >= 0]
    if not len(given):
        return _Xml()
    units = "REAL" if decimals(data, column) else "INT"
    return _el("valrng", _el("range", UNITS=units, min=_amount(given.min()), max=_amount(given.max())))


def _amount(number: float) -> str:
    return number_text(int(number) if float(number).is_integer() else float(number))


def _categories(column: Field, given: list[int], missing: list[int]) -> Iterator[_Xml]:
    if not column.variable.is_amount:
        for (number, label), n in zip(labelled(column), given, strict=True):
            yield _category(number, label, n, "")
    for number, label, n in zip(column.missing, missing_labels(column), missing, strict=True):
        yield _category(number, label, n, "Y")


def _category(number: int, label: str, n: int, missing: str) -> _Xml:
    counted = _el("catStat", str(n), type="freq")
    return _el("catgry", _el("catValu", str(number)), _el("labl", label), counted, missing=missing)


def _concept(data: Microdata, column: Field) -> str:
    question = data.instrument.questions.get(column.variable.question)
    return re.sub("_", " ", question.concept or "") if question is not None else ""
