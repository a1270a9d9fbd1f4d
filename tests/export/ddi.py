"""The part of DDI-Codebook 2.5 that deposits use: which elements may stand in which, in what order, how often.

Every model here was held against the schema itself (codebook.xsd of the DDI Alliance, 2.5.1 of 2013-11-14, read
from its first line to its last); where the documentation of 2.5 is narrower, that counts. The schema is no part of
this repository, so it does not run here. This check knows fewer elements than it: one that a deposit begins to use
must be added from the schema first.
"""

import re
from xml.etree.ElementTree import Element

NAMESPACE = "{ddi:codebook:2_5}"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
_NAMES = rf"{_NAME}( {_NAME})*"

EVERYWHERE = {
    "ID": _NAME,
    f"{_XML}lang": r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*",
    "source": "archive|producer",
    "elementVersion": ".*",
    "elementVersionDate": r"\d{4}(-\d\d(-\d\d)?)?",
}

EMPTY, TEXT = "", "text"

# Of each element: its children in order with ?, * or + (nothing: exactly once). TEXT stands for words alone: the
# schema would allow markup there, which deposits do not use.
CONTENT = {
    "codeBook": "docDscr* stdyDscr+ fileDscr* dataDscr* otherMat*",
    "docDscr": "citation? guide? docStatus? docSrc* controlledVocabUsed* notes*",
    "citation": "titlStmt rspStmt? prodStmt? distStmt? serStmt* verStmt* biblCit? holdings* notes*",
    "titlStmt": "titl subTitl* altTitl* parTitl* IDNo*",
    "prodStmt": "producer* copyright? prodDate* prodPlac* software* fundAg* grantNo*",
    "verStmt": "version? verResp* notes*",
    "stdyDscr": "citation+ studyAuthorization* stdyInfo* studyDevelopment* method* dataAccs* othrStdyMat* notes*",
    "stdyInfo": "studyBudget* subject? abstract* sumDscr* qualityStatement? notes* exPostEvaluation*",
    "sumDscr": "timePrd* collDate* nation* geogCover* geogUnit* geoBndBox? boundPoly* anlyUnit* universe* "
    "dataKind*",
    "method": "dataColl* notes* anlyInfo? stdyClas* dataProcessing* codingInstructions*",
    "dataColl": "timeMeth* dataCollector* collectorTraining* frequenc* sampProc* sampleFrame* targetSampleSize* "
    "deviat* collMode* resInstru* instrumentDevelopment* sources? collSitu* actMin* ConOps* weight* cleanOps*",
    "anlyInfo": "respRate* EstSmpErr* dataAppr*",
    "dataAccs": "setAvail* useStmt* notes*",
    "useStmt": "confDec? specPerm? restrctn? contact* citReq? deposReq? conditions? disclaimer?",
    "fileDscr": "fileTxt* locMap? notes*",
    "fileTxt": "fileName? fileCitation? fileCont? fileStrc? dimensns? fileType? format? filePlac? dataChck* "
    "ProcStat? dataMsng? software* verStmt?",
    "dimensns": "caseQnty* varQnty* logRecL* recPrCas* recNumTot*",
    "dataDscr": "varGrp* nCubeGrp* var* nCube* notes*",
    "varGrp": "labl* txt* concept* defntn? universe? notes*",
    "var": "location* labl* imputation? security? embargo? respUnit? anlysUnit? qstn* valrng* invalrng* undocCod* "
    "universe* TotlResp? sumStat* txt* stdCatgry* catgryGrp* catgry* codInstr* verStmt* concept* derivation? "
    "varFormat? geoMap* catLevel* notes*",
    "qstn": "(preQTxt|qstnLit|postQTxt|forward|backward|ivuInstr)*",
    "valrng": "(item|range)+ key* notes*",
    "invalrng": "(item|range)+ key* notes*",
    "catgry": "catValu? labl* txt* catStat* mrow?",
    "otherMat": "labl* txt* notes* table* citation? otherMat*",
    "item": EMPTY,
    "range": EMPTY,
} | dict.fromkeys(
    [
        "titl",
        "IDNo",
        "software",
        "version",
        "notes",
        "abstract",
        "collDate",
        "anlyUnit",
        "universe",
        "dataKind",
        "timeMeth",
        "sampProc",
        "collMode",
        "resInstru",
        "weight",
        "cleanOps",
        "respRate",
        "confDec",
        "restrctn",
        "conditions",
        "fileName",
        "caseQnty",
        "varQnty",
        "fileType",
        "labl",
        "qstnLit",
        "sumStat",
        "catValu",
        "catStat",
        "concept",
        "varFormat",
    ],
    TEXT,
)

ATTRIBUTES: dict[str, dict[str, str]] = {
    "codeBook": {"version": "2.5", "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation": ".*"},
    "IDNo": {"agency": ".*"},
    "collDate": {"date": r"\d{4}-\d\d-\d\d", "event": "start|end|single"},
    "confDec": {"required": "yes|no"},
    "fileDscr": {"URI": ".*"},
    "varGrp": {
        "name": ".*",
        "type": "section|multipleResp|grid|display|repetition|subject|version|other",
        "var": _NAMES,
    },
    "var": {
        "name": ".+",
        "files": _NAMES,
        "dcml": r"\d+",
        "intrvl": "contin|discrete",
        "nature": "nominal|ordinal|interval|ratio|percent|other",
        "geog": "Y|N",
    },
    "item": {"UNITS": "INT|REAL", "VALUE": ".*"},
    "range": {"UNITS": "INT|REAL", "min": ".*", "max": ".*"},
    "sumStat": {"type": "mean|medn|mode|vald|invd|min|max|stdev|other"},
    "catgry": {"missing": "Y|N"},
    "catStat": {"type": "freq|percent|crosstab|other"},
    "varFormat": {"type": "numeric|character", "schema": "SAS|SPSS|IBM|ANSI|ISO|XML-Data|other"},
    "otherMat": {"type": ".*", "level": r"[\w.:-]+", "URI": ".*"},
}

REQUIRED = {"var": {"name"}, "item": {"VALUE"}, "sumStat": {"type"}, "otherMat": {"level"}}


def faults(root: Element) -> list[str]:
    """Everything in a document that this part of the schema does not allow."""
    found = [] if root.tag == f"{NAMESPACE}codeBook" else [f"the root is {root.tag}"]
    found += [fault for element in root.iter() for fault in _faults_of(element)]
    ids = [element.get("ID") for element in root.iter() if element.get("ID")]
    found += ["an ID twice"] * (len(ids) > len(set(ids)))
    known = set(ids)
    for element in root.iter():
        for name in ("files", "var"):
            missing = set(element.get(name, "").split()) - known
            found += [f"{element.tag} points to {sorted(missing)}"] * bool(missing)
    return found


def _faults_of(element: Element) -> list[str]:
    name = element.tag.removeprefix(NAMESPACE)
    if not element.tag.startswith(NAMESPACE) or name not in CONTENT:
        return [f"{element.tag} is not known"]
    return [*_content(name, element), *_attributes(name, element)]


def _content(name: str, element: Element) -> list[str]:
    children = "".join(f"{child.tag.removeprefix(NAMESPACE)} " for child in element)
    model = "" if CONTENT[name] == TEXT else CONTENT[name]
    wanted = re.sub(r"\w+", r"(?:\g<0> )", model.replace(" ", "\n")).replace("\n", "")
    found = [] if re.fullmatch(wanted, children) else [f"{name} holds {children or 'nothing'}"]
    words = "".join([element.text or "", *(child.tail or "" for child in element)])
    if CONTENT[name] != TEXT and words.strip():
        found.append(f"{name} holds words between its elements")
    return found


def _attributes(name: str, element: Element) -> list[str]:
    allowed = EVERYWHERE | ATTRIBUTES.get(name, {})
    found = [f"{name} has no {key}" for key in REQUIRED.get(name, set()) - set(element.keys())]
    for key, value in element.attrib.items():
        if key not in allowed or not re.fullmatch(allowed[key], value, re.DOTALL):
            found.append(f"{name} has {key}={value!r}")
    return found
