"""The part of DDI-Codebook 2.5 that deposits use: which elements may stand in which, in what order, how often.

Written by hand from the published field-level documentation of the schema (codebook.xsd, 2012-01-17), which cannot
be fetched where the tests run. It knows fewer elements than the schema: what passes here is meant to pass there.
An element that a deposit begins to use must be added from the documentation first.
"""

import re
from xml.etree.ElementTree import Element

NAMESPACE = "{ddi:codebook:2_5}"
_EVERYWHERE = {
    "ID",
    "{http://www.w3.org/XML/1998/namespace}lang",
    "source",
    "elementVersion",
    "elementVersionDate",
}

# Of each element: its children in order with ?, * or + (nothing: exactly once); `text` stands for words alone.
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
    "qstn": "preQTxt* qstnLit* postQTxt* forward* backward* ivuInstr*",
    "valrng": "item* range* key* notes*",
    "invalrng": "item* range* key* notes*",
    "catgry": "catValu? labl* txt* catStat* mrow?",
    "otherMat": "typ? labl* txt? notes* table* citation? otherMat*",
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
        "item",
        "range",
        "sumStat",
        "catValu",
        "catStat",
        "concept",
        "varFormat",
    ],
    "text",
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
        "var": ".*",
    },
    "var": {
        "name": ".+",
        "files": ".*",
        "dcml": r"\d+",
        "intrvl": "contin|discrete",
        "nature": "nominal|ordinal|interval|ratio|percent|other",
        "geog": "Y|N",
    },
    "item": {"VALUE": ".*"},
    "range": {"min": ".*", "max": ".*"},
    "sumStat": {"type": "mean|medn|mode|vald|invd|min|max|stdev|other"},
    "catgry": {"missing": "Y|N"},
    "catStat": {"type": "freq|percent|crosstab|other"},
    "varFormat": {"type": "numeric|character", "schema": "SAS|SPSS|IBM|ANSI|ISO|XML-Data|other"},
    "otherMat": {"type": ".*", "URI": ".*"},
}


def faults(root: Element) -> list[str]:
    """Everything in a document that this part of the schema does not allow."""
    found = [fault for element in root.iter() for fault in _faults_of(element)]
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
    children = "".join(f"{child.tag.removeprefix(NAMESPACE)} " for child in element)
    model = "" if CONTENT[name] == "text" else CONTENT[name]
    wanted = "".join(
        f"(?:{re.escape(part.rstrip('?*+'))} ){part[len(part.rstrip('?*+')) :]}" for part in model.split()
    )
    found = [] if re.fullmatch(wanted, children) else [f"{name} holds {children}"]
    if model and "".join([element.text or "", *(child.tail or "" for child in element)]).strip():
        found.append(f"{name} holds words between its elements")
    for key, value in element.attrib.items():
        allowed = ATTRIBUTES.get(name, {}).get(key)
        if key not in _EVERYWHERE and (allowed is None or not re.fullmatch(allowed, value, re.DOTALL)):
            found.append(f"{name} has {key}={value!r}")
    return found
