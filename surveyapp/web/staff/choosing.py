"""What is chosen in the builder: the fields of its form, the plan that they ask for, and the way back.

The form is sent by GET, so all that is chosen stands in the address. Nothing here has seen an answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from surveyapp.instrument import (
    Allocation,
    DateQuestion,
    Grid,
    Instrument,
    NumberQuestion,
    OpenText,
    Question,
    Rank,
    choices,
)
from surveyapp.planning import Json, Material
from surveyapp.problems import Problem, Refused

NETS, COLUMNS, FILTERS = 20, 12, 6
"""How many of each the form has room for; it shows those that are used, and adds one at a press of a button."""

THEMES = "themes:"
"""What the name of an open question begins with where its themes are meant."""

SCORE = "score."
"""What the name of the field for an answer's score begins with; the code follows."""

Code = tuple[str, str]
Option = tuple[str, str]


class Fields(Protocol):
    """The fields of a form, as Flask has them."""

    def get(self, key: str, default: str = "") -> str:
        """The first value."""

    def getlist(self, key: str) -> list[str]:
        """All values."""


@dataclass(frozen=True)
class Subject:
    """Something that a table can be of, or be broken down or filtered by.

    `kind` is the question's type, stratum, derived or themes; `codes` are its answers with their labels, `rows`
    those of a grid as a whole.
    """

    name: str
    label: str
    kind: str
    group: str = ""
    codes: tuple[Code, ...] = ()
    rows: tuple[Code, ...] = ()

    @property
    def is_amount(self) -> bool:
        """Whether it holds numbers."""
        return self.kind in {"number", "allocation", "amount"} and not self.codes


@dataclass(frozen=True)
class Offer:
    """What can be chosen for a wave: what tables are of, what stands in columns, and in filters."""

    rows: Sequence[Subject]
    columns: Sequence[Subject]
    filters: Sequence[Subject]
    strata: Sequence[str]

    def subject(self, name: str) -> Subject | None:
        """What a table is of."""
        return next((each for each in self.rows if each.name == name), None)

    def filter(self, name: str) -> Subject | None:
        """What respondents are chosen by."""
        return next((each for each in self.filters if each.name == name), None)


def offer(material: Material, plan: Mapping[str, Any]) -> Offer:
    """What can be chosen for a wave, with the variables that a plan derives."""
    asked = list(_asked(material.instrument))
    parts = [part for each in asked for part in _parts(each)]
    derived = list(_derived(plan))
    strata = [
        Subject(n, _named(n), "stratum", "Groups of the frame", _same(v)) for n, v in material.strata.items()
    ]
    themes = [_themes(material.instrument, name) for name in material.coded]
    wholes = [each for each in asked if each.kind not in {"grid", "rank", "allocation"}]
    of_rows = [part for part in parts if part.kind in {"grid", "allocation"}]
    coded = [each for each in [*wholes, *of_rows, *derived] if not each.is_amount]
    return Offer(
        rows=[*asked, *of_rows, *derived, *themes],
        columns=[*strata, *(each for each in coded if each.kind != "rank")],
        filters=[*strata, *wholes, *of_rows, *(each for each in derived if each.codes)],
        strata=list(material.strata),
    )


def _asked(instrument: Instrument) -> Iterator[Subject]:
    """The closed questions that are asked once."""
    for section in instrument.sections:
        for page in section.pages:
            for question in page.asked if page.repeat is None else []:
                if not isinstance(question, OpenText):
                    rows = question.rows if isinstance(question, Grid | Allocation) else []
                    named = tuple((row.code, str(row.label)) for row in rows)
                    text = _short(str(question.text))
                    yield Subject(question.id, text, question.type, str(section.title), _codes(question), named)


def _parts(whole: Subject) -> Iterator[Subject]:
    for code, label in whole.rows:
        group = f"Rows of: {whole.label}"
        yield Subject(f"{whole.name}.{code}", f"{label}", whole.kind, group, whole.codes)


def _codes(question: Question) -> tuple[Code, ...]:
    if isinstance(question, NumberQuestion):
        bounds = [str(bound) for bound in question.bands or []]
        return tuple((bound, f"from {bound}") for bound in bounds)
    if isinstance(question, Rank):
        return tuple(
            (str(place), f"Place {place}") for place in range(1, (question.top or len(question.options)) + 1)
        )
    if isinstance(question, DateQuestion):
        return ()
    return tuple((option.code, str(option.label)) for option in choices(question))


def _derived(plan: Mapping[str, Any]) -> Iterator[Subject]:
    for each in plan.get("derive") or []:
        if isinstance(each, dict) and "id" in each:
            label = each.get("label")
            name = str(label.get("en") or each["id"]) if isinstance(label, dict) else str(label or each["id"])
            kind = "amount" if each.get("count") or each.get("score") else "derived"
            into = [one for one in each.get("into") or [] if isinstance(one, dict)]
            codes = tuple((str(one.get("code")), str(one.get("label"))) for one in into)
            yes_no = (("1", "Yes"), ("0", "No")) if each.get("when") or each.get("top") else ()
            yield Subject(str(each["id"]), name, kind, "Derived in the plan", codes or yes_no)


def _themes(instrument: Instrument, name: str) -> Subject:
    return Subject(THEMES + name, _short(str(instrument.questions[name].text)), "themes", "Themes of open answers")


def _same(values: Sequence[str]) -> tuple[Code, ...]:
    return tuple((value, value) for value in values)


def _named(stratum: str) -> str:
    return stratum.replace("_", " ").capitalize()


def _short(text: str, most: int = 90) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# ── from the form to a plan ──────────────────────────────────────────────────


def plan_of(fields: Fields, offered: Offer, survey: str, within: Mapping[str, Any]) -> Json:
    """The plan of one table that a form asks for, with what holds in the plan that it is built `within`.

    Raises `Refused` where a number is none.
    """
    kept = {key: value for key, value in within.items() if key not in {"tables", "$schema"}}
    own = {} if within else _weights(fields)
    unit = {} if within else {"unit": fields.get("unit").strip() or "respondents"}
    title = within.get("title") or "A table"
    return {"survey": survey, "title": title, **unit, **own, **kept, "tables": [entry_of(fields, offered)]}


def entry_of(fields: Fields, offered: Offer, name: str = "1", title: str = "") -> Json:
    """The table that a form asks for. Raises `Refused` where a number is none."""
    subject = offered.subject(fields.get("q"))
    of = fields.get("q")
    entry: Json = {"id": name}
    entry |= {"coded": of.removeprefix(THEMES)} if of.startswith(THEMES) else {"question": of}
    if title:
        entry["title"] = title
    entry |= _how(fields)
    scores = _scores(fields, subject)
    entry |= {"score": scores} if scores else {}
    nets = _nets(fields)
    rows = [code for code in fields.getlist("rows") if code]
    entry |= {"nets": nets} if nets else {}
    entry |= {"rows": [*rows, *(nets if subject is None or not subject.rows else [])]} if rows else {}
    by = [_together(fields.get(f"by{i}"), fields.get(f"in{i}")) for i in range(1, COLUMNS + 1)]
    banner = [each for each in by if each]
    entry |= {"by": banner} if banner else {}
    where = _where(fields, offered)
    entry |= {"where": where} if where else {}
    for key in ("waves", "audiences"):
        named = [wave for wave in fields.getlist(key) if wave]
        entry |= {key: named} if named else {}
    return entry


_WORDS = {
    "base": ("frame", "issued", "responded", "complete", "asked"),
    "percent_of": ("row", "total"),
    "per": ("answers",),
    "show": ("codes", "nets"),
    "sort": ("descending",),
    "net_rounding": ("sum_of_rounded",),
}
"""The values of each choice but the usual one, which a plan leaves out."""

_TICKS = ("margins", "tests", "bounds", "transpose", "sensitive")


def _how(fields: Fields) -> Json:
    """What is chosen by a word, a tick or a number."""
    entry: Json = {}
    for key, values in _WORDS.items():
        if fields.get(key) in values:
            entry[key] = fields.get(key)
    entry |= {key: True for key in _TICKS if fields.get(key)}
    if fields.get("without_all"):
        entry["total"] = False
    problems: list[Problem] = []
    for key in ("top", "at_least"):
        entry |= _number(key, fields.get(key), problems)
    exclude = [code for code in fields.getlist("exclude") if code]
    entry |= {"exclude": exclude} if exclude else {}
    entry |= _bands(fields.get("bands"), problems)
    if problems:
        raise Refused(problems)
    return entry


def _number(key: str, typed: str, problems: list[Problem]) -> Json:
    if not typed.strip():
        return {}
    if not typed.strip().isascii() or not typed.strip().isdigit():
        problems.append(
            Problem(key, f"{typed[:20]!r} is not a whole number", "write it in digits, or leave it empty")
        )
        return {}
    return {key: int(typed.strip()[:6])}


def _bands(typed: str, problems: list[Problem]) -> Json:
    if not typed.strip():
        return {}
    try:
        return {"bands": [float(part) for part in typed.split(",") if part.strip()]}
    except ValueError:
        problems.append(Problem("bands", "these are not numbers", "write lower bounds such as 1000, 5000"))
        return {}


def _scores(fields: Fields, subject: Subject | None) -> dict[str, float]:
    """The number that stands for each answer that has one. Raises `Refused` for what is none."""
    problems: list[Problem] = []
    found: dict[str, float] = {}
    for code, _ in subject.codes if subject else ():
        typed = fields.get(f"{SCORE}{code}").strip()
        if re.fullmatch(r"[-−]?\d{1,6}(\.\d{1,4})?", typed, re.ASCII) or re.fullmatch(r"−\d{1,6}", typed):
            number = float(typed.replace("−", "-"))
            found[code] = int(number) if number.is_integer() else number
        elif typed:
            do = "write it in digits such as 2 or -1, or leave it empty"
            problems.append(Problem(f"{SCORE}{code}", f"{typed[:20]!r} is no number", do))
    if problems:
        raise Refused(problems)
    return found


def _nets(fields: Fields) -> dict[str, list[str]]:
    named = [(fields.get(f"net{i}").strip(), fields.getlist(f"of{i}")) for i in range(1, NETS + 1)]
    return {label or " + ".join(codes): codes for label, codes in named if codes}


def _together(name: str, inside: str) -> str | list[str]:
    return [name, inside] if name and inside else name or inside


def _weights(fields: Fields) -> Json:
    names = [name for name in fields.getlist("strata") if name]
    method = fields.get("weight")
    return {"weights": {method: names}} if method in {"stratify", "poststratify", "rake"} else {}


def _where(fields: Fields, offered: Offer) -> Json | None:
    tests = [test for i in range(1, FILTERS + 1) if (test := _test(fields, offered, i))]
    return None if not tests else tests[0] if len(tests) == 1 else {"all": tests}


def _test(fields: Fields, offered: Offer, i: int) -> Json | None:
    """One line of the filter: who gave one of the codes, or did not; who answered at all; a number in between."""
    name, how = fields.get(f"if{i}"), fields.get(f"how{i}")
    subject = offered.filter(name)
    if subject is None:
        return None
    if how in {"answered", "blank"}:
        return {"question": name, "answered": how == "answered"}
    codes = [code for code in fields.getlist(f"is{i}") if code]
    found = _between(fields, name, i) if subject.is_amount else _any_of(subject, codes) if codes else None
    return {"not": found} if found and how == "not" else found


def _any_of(subject: Subject, codes: Sequence[str]) -> Json:
    if subject.kind == "multiple":
        tests = [{"question": subject.name, "includes": code} for code in codes]
        return tests[0] if len(tests) == 1 else {"any": tests}
    if len(codes) == 1:
        return {"question": subject.name, "is": codes[0]}
    return {"question": subject.name, "in": list(codes)}


def _between(fields: Fields, name: str, i: int) -> Json | None:
    problems: list[Problem] = []
    found: Json = {}
    for field, key in ((f"least{i}", "at_least"), (f"most{i}", "at_most")):
        if number := _number(field, fields.get(field), problems):
            found[key] = number[field]
    if problems:
        raise Refused(problems)
    return {"question": name, **found} if found else None


# ── from a plan to the form ──────────────────────────────────────────────────


def fields_of(entry: Mapping[str, Any], plan: str, offered: Offer) -> dict[str, Any] | None:
    """The fields that ask for a table of a plan; None for one that the form has no room for."""
    fields: dict[str, Any] = {"plan": plan, "table": entry.get("id", "")}
    fields["q"] = entry.get("question") or THEMES + str(entry.get("coded"))
    fields |= {
        key: entry[key]
        for key in (*_WORDS, "top", "at_least", "rows", "exclude", "waves", "audiences")
        if key in entry
    }
    fields |= {key: "y" for key in _TICKS if entry.get(key)}
    fields |= {"without_all": "y"} if entry.get("total") is False else {}
    fields |= {f"{SCORE}{code}": f"{number:g}" for code, number in (entry.get("score") or {}).items()}
    fields |= {"bands": ", ".join(f"{bound:g}" for bound in entry["bands"])} if entry.get("bands") else {}
    for i, (label, codes) in enumerate((entry.get("nets") or {}).items(), 1):
        fields |= {f"net{i}": label, f"of{i}": codes}
    if "rows" in fields:
        fields["rows"] = [row for row in fields["rows"] if row not in (entry.get("nets") or {})]
    for i, one in enumerate(entry.get("by") or [], 1):
        names = [one] if isinstance(one, str) else one
        fields |= {f"by{i}": names[0]} | ({f"in{i}": names[1]} if len(names) > 1 else {})
    where = entry.get("where")
    for i, test in enumerate((where.get("all") or [where]) if where else [], 1):
        fields |= _as_fields(test, i)
    return fields if _same_table(fields, entry, offered) else None


def _as_fields(test: Mapping[str, Any], i: int) -> dict[str, Any]:
    inner = test.get("not") or test
    how = "not" if "not" in test else ""
    parts = inner.get("any") or [inner]
    if "answered" in inner:
        how = "answered" if inner["answered"] else "blank"
    codes = [c for part in parts for c in [*part.get("in", []), part.get("is"), part.get("includes")] if c]
    found = {f"if{i}": parts[0].get("question", ""), f"how{i}": how, f"is{i}": codes}
    found |= {f"least{i}": inner["at_least"]} if "at_least" in inner else {}
    return found | ({f"most{i}": inner["at_most"]} if "at_most" in inner else {})


def _same_table(fields: Mapping[str, Any], entry: Mapping[str, Any], offered: Offer) -> bool:
    """Whether the form would ask for the table that it was made from."""
    left = {key: value for key, value in entry.items() if key not in {"title", "notes"} and value not in ([], {})}
    if left.get("total"):
        del left["total"]
    try:
        return entry_of(Given(fields), offered, str(entry.get("id"))) == left
    except (Refused, KeyError, TypeError):
        return False


class Given:
    """Fields from a mapping, as a form has them."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields

    def get(self, key: str, default: str = "") -> str:
        """The first value."""
        values = self.getlist(key)
        return values[0] if values else default

    def getlist(self, key: str) -> list[str]:
        """All values."""
        value = self.fields.get(key, [])
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]


# ── problems in the words of the form ────────────────────────────────────────

_REMEDIES = {
    "show": "name a net and tick its answers, or show all rows",
    "net_rounding": "work nets out from their own counts",
    "at_least": "put the largest first, and leave either the picked rows or the threshold out",
    "top": "put the largest first; rows of a grid are picked instead",
    "percent_of": "choose columns, or percentages of the column",
    "per": "count respondents",
    "transpose": "leave it out, or leave the columns out",
    "bands": "leave the bands out",
    "nets": "leave the nets out, or give bands",
    "total": "choose columns, or leave “all” in",
    "tests": "choose columns, or leave the tests out",
    "base": "choose “answered”",
    "waves": "leave columns, a threshold and the turning out; of a grid choose one row, or show one net alone",
    "audiences": "leave columns, a threshold and the turning out; of a grid choose one row, or show one net alone",
    "score": "leave the scores empty, or choose a question with one answer",
    "by": "choose one row of the grid, or make one net",
    "weights": "tick the groups of the frame that weights go by",
}
"""What to do in the form, where a plan's own remedy speaks of JSON."""

_PLACES = {
    "question": "q",
    "coded": "q",
    "weights": "weight",
    "where": "if1",
    "total": "without_all",
    "nets": "net1",
    "rows": "rows-1",
    "exclude": "exclude-1",
    "waves": "waves-1",
    "audiences": "audiences-1",
    "tables": "",
}
_FIELDS = {*_WORDS, *_TICKS, "top", "at_least", "bands"}
_FIELDS |= {f"{end}{i}" for end in ("least", "most") for i in range(1, FILTERS + 1)}


def shown(fields: Fields, kind: str) -> int:
    """How many rows of a kind ("by", "if", "net") the form shows: those used, one at least, one more if asked."""
    most = {"by": COLUMNS, "if": FILTERS, "net": NETS}[kind]
    used = [i for i in range(1, most + 1) if any(fields.get(f"{name}{i}") for name in _ROW_OF[kind])]
    return min(most, max([1, *used]) + (fields.get("more") == kind))


_ROW_OF = {"by": ("by",), "if": ("if",), "net": ("net", "of")}


def in_the_form(problem: Problem) -> tuple[str, str]:
    """The field that a problem of the built plan is at ("" for none), and its sentence."""
    parts = problem.at.strip("/").split("/")
    key = parts[2] if parts[:1] == ["tables"] and len(parts) > 2 else parts[0]
    place = _PLACES.get(key, key if key in _FIELDS or key.startswith(SCORE) else "")
    if key == "score":
        place = f"{SCORE}{parts[3]}" if len(parts) > 3 else "scores"
    if key == "by":
        place = f"by{int(parts[3]) + 1}" if len(parts) > 3 and parts[3].isdigit() else "by1"
    do = _REMEDIES.get(key, problem.do)
    return place, f"{problem.what[:1].upper()}{problem.what[1:]}: {do}."
