"""The lines of an XLSForm as questions and notes of ours, one by one: names, wording, types, options, grids."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from surveyapp.instrument.checking import look
from surveyapp.instrument.xlsform.logic import Inexpressible, Known, condition, rules, together
from surveyapp.instrument.xlsform.sheets import Group, Line, Report, shown

Json = dict[str, Any]

MOST_OPTIONS = 200
MOST_IN_SCALE = 20

# ── names and words ──────────────────────────────────────────────────────────


class Names:
    """Names in our form, each its own. Two that only look different (l and 1, with and without _) are one."""

    def __init__(self, letter_first: str = "") -> None:
        self.letter_first = letter_first
        self.taken: set[str] = set()
        self.numbers: dict[str, int] = {}

    def give(self, wanted: str) -> str:
        """The name most like the one wanted."""
        plain = unicodedata.normalize("NFKD", wanted.casefold()).encode("ascii", "ignore").decode()
        plain = re.sub("[^a-z0-9_]+", "_", plain).strip("_") or self.letter_first or "c"
        if self.letter_first and not plain[0].isalpha():
            plain = f"{self.letter_first}_{plain}"
        name = plain[:40]
        while look(name) in self.taken:
            self.numbers[plain] = self.numbers.get(plain, 1) + 1
            name = f"{plain[:34]}_{self.numbers[plain]}"
        self.taken.add(look(name))
        return name


_MARKUP = re.compile(
    r"</?(?:a|b|big|br|center|div|em|font|h[1-6]|i|p|small|span|strong|sub|sup|u)\b[^<>]{0,300}>|\*\*|^#{1,6} +",
    re.MULTILINE | re.IGNORECASE,
)
_BRACES = re.compile(r"(?<!\$)\{([^{}]*)\}")
"""What would be read as a placeholder of ours."""
_REFERENCE = re.compile(r"\$\{([^{}]*)\}")


def unbraced(text: str) -> str:
    """Text in which nothing is filled in."""
    return re.sub(r"\$?\{([^{}]*)\}", r"(\1)", text)


class Words:
    """Wording in every language of the form; references to answers become placeholders."""

    def __init__(self, languages: Sequence[str], known: Mapping[str, Known], report: Report) -> None:
        self.languages = languages
        self.known = known
        self.report = report

    def of(self, line: Line, base: str = "label", fill: bool = True) -> Any:
        """The wording of a line, or None. What is not translated stands in a language that there is.

        Only questions, notes and titles of pages `fill` in answers; labels are the same for everybody.
        """
        given = {language: self._clean(line, f"{base}::{language}", fill) for language in self.languages}
        first = next(filter(None, given.values()), None)
        if first is None or len(self.languages) == 1:
            return first
        for language in (language for language, text in given.items() if not text):
            self._report_missing(line, base, language)
        return {language: text or first for language, text in given.items()}

    def _report_missing(self, line: Line, base: str, language: str) -> None:
        """At the cell; once for the sheet where there is no such column."""
        column = f"{base}::{language}"
        place = line.place(column) if column in line.columns else (line.sheet, 0, 0)
        what = f"there is no {base} in {language}; the wording of another language stands there"
        self.report.add(place, what, "translate it in the new file")

    def label(self, line: Line, fill: bool = True) -> Any:
        """The label of a line; its name where it has none."""
        found = self.of(line, "label", fill)
        if found is not None:
            return found
        text = line["name"].replace("_", " ").strip().capitalize() or "…"
        self.report.add(line.place("name"), f"there is no label; “{shown(text)}” stands there", "word it")
        return self.stock(unbraced(text))

    def stock(self, text: str) -> Any:
        """Words of ours, the same in every language."""
        return text if len(self.languages) == 1 else dict.fromkeys(self.languages, text)

    def _clean(self, line: Line, column: str, fill: bool) -> str:
        text = "".join(c for c in line[column] if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
        plain = _BRACES.sub(r"(\1)", _MARKUP.sub("", re.sub("<br */?>", "\n", text)))
        if plain != text:
            self.report.add(line.place(column), "its formatting is left out", "nothing to do, if it reads well")
        known = self.known if fill else {}
        plain = _REFERENCE.sub(lambda match: self._placeholder(line, column, match[1].strip(), known), plain)
        return plain.strip() if any(c.isprintable() and not c.isspace() for c in plain) else ""

    def _placeholder(self, line: Line, column: str, name: str, known: Mapping[str, Known]) -> str:
        if name in known:
            return f"{{answers.{known[name].key}}}"
        what = f"“${{{shown(name)}}}” in the text cannot be filled in; … stands there"
        self.report.add(line.place(column), what, "word it without")
        return "…"


# ── types ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Type:
    """What the type of a line says: our kind ("" for none), its list of choices, whether "other" comes to them."""

    kind: str
    list: str = ""
    other: bool = False


_SELECT = re.compile(
    r"(select[_ ]one|select1|select[_ ]multiple|select all that apply|rank)(?: from)? (\S+)"
    r"( or_other| or specify other| or other)?",
    re.IGNORECASE,
)
_KINDS = {
    "text": "text", "string": "text", "integer": "integer", "int": "integer", "decimal": "decimal",
    "range": "range", "date": "date", "note": "note", "acknowledge": "acknowledge", "trigger": "acknowledge",
}  # fmt: skip
_METADATA = {
    "start", "end", "today", "deviceid", "device_id", "subscriberid", "simserial", "phonenumber", "phone_number",
    "username", "email", "audit", "start-geopoint", "background-audio", "background-geopoint",
}  # fmt: skip


def type_of(line: Line) -> Type:
    """The kind of a line with its list of choices; kind "" for what we do not have."""
    text = " ".join(line["type"].split())
    match = _SELECT.fullmatch(text)
    if match is None:
        return Type(_KINDS.get(text.lower(), ""))
    word = match[1].lower()
    kind = "rank" if word == "rank" else "single" if "one" in word or word == "select1" else "multiple"
    return Type(kind, match[2], bool(match[3]))


@dataclass
class List:
    """A list of choices: its lines with their codes here, and the codes by the form's names."""

    lines: list[tuple[Line, str]] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    names: Names = field(default_factory=Names)


class Questions:
    """Questions and notes, one by one, in the order of the form."""

    def __init__(self, languages: Sequence[str], choices: Iterable[Line], report: Report, faults: Report) -> None:
        self.report = report
        self.faults = faults
        self.known: dict[str, Known] = {}
        self.words = Words(languages, self.known, report)
        self.ids = Names("q")
        self.origin: dict[int, tuple[Json, Line]] = {}
        self.lists: dict[str, List] = {}
        for line in choices:
            self._add_choice(line)

    def _add_choice(self, line: Line) -> None:
        found = self.lists.setdefault(line["list_name"], List())
        code = found.names.give(line["name"])
        self.report_name(line, code)
        found.lines.append((line, code))
        found.codes.setdefault(line["name"], code)

    def report_name(self, line: Line, name: str) -> None:
        """Say so if a name had to change."""
        if name != line["name"]:
            self.report.add(
                line.place("name"), f"the name “{shown(line['name'])}” became “{name}”", "use the new one"
            )

    def made(self, part: Json, line: Line) -> Json:
        """`part`, remembered as coming from `line`."""
        self.origin[id(part)] = (part, line)
        return part

    def line_of(self, part: Json) -> Line:
        """The line that a part comes from."""
        return self.origin[id(part)][1]

    def relevance(self, line: Line) -> Json | None:
        """The condition of a line; one that cannot be said is reported, and the line is not conditioned."""
        if not line["relevant"]:
            return None
        try:
            return condition(line["relevant"], self.known)
        except Inexpressible as reason:
            self.report_condition(line, str(reason))
        return None

    def report_condition(self, line: Line, reason: str) -> None:
        """Say that a condition could not be kept."""
        what = f"the condition “{shown(line['relevant'], 150)}” is not carried over: {reason}"
        self.report.add(line.place("relevant"), what, 'it is always asked; write "show_if" in the new file')

    def item(self, line: Line) -> Json | None:
        """A line as a question or a note; None if it is not carried over."""
        kind = type_of(line)
        match kind.kind:
            case "single" | "multiple" | "rank":
                return self._closed(line, kind)
            case "integer" | "decimal" | "range":
                return self._number(line, kind.kind)
            case "text" | "date":
                return self._register(line, self._constrained(line, self._asked(line, kind.kind)))
            case "note":
                return self._note(line)
            case "acknowledge":
                what = "a question that only asks for a tick became a note"
                self.report.add(
                    line.place("type"), what, "make it a single with two options, if it must be ticked"
                )
                return self._note(line)
        self._leave_out(line)
        return None

    def _leave_out(self, line: Line) -> None:
        kind = line["type"].lower()
        do = "ask for it in words, or do without"
        if kind in _METADATA:
            do = "nothing to do: answers are anonymous"
        elif kind in {"calculate", "hidden"}:
            do = "work it out from the answers afterwards"
        what = f"“{shown(line['name'])}” of the type “{shown(line['type'])}” is not carried over"
        self.report.add(line.place("type"), what, do)

    def _note(self, line: Line) -> Json:
        id_ = self.ids.give(line["name"] or "note")
        note = {"id": id_, "type": "note", "text": self.words.label(line)}
        return self.made(with_condition(note, self.relevance(line)), line)

    def _asked(self, line: Line, kind: str) -> Json:
        """What all questions have."""
        question: Json = {"id": self.ids.give(line["name"]), "type": kind, "text": self.words.label(line)}
        self.report_name(line, question["id"])
        if (hint := self.words.of(line, "hint")) is not None:
            question["hint"] = hint
        if self.required(line):
            question["required"] = True
        return self.made(with_condition(question, self.relevance(line)), line)

    def required(self, line: Line) -> bool:
        """Whether a line must be answered; a condition for that is reported, and not kept."""
        word = line["required"].lower().replace(" ", "")
        if word not in {"", "no", "false", "false()", "0", "yes", "true", "true()", "1"}:
            what = f"“{shown(line['required'])}” is not carried over: it cannot depend on answers"
            self.report.add(line.place("required"), what, 'write "required": true if it must be answered')
        return word in {"yes", "true", "true()", "1"}

    def _register(self, line: Line, question: Json, codes: Mapping[str, str] | None = None) -> Json:
        whole = question["type"] == "number" and not question.get("decimals")
        self.known[line["name"]] = Known(question["id"], question["type"], codes or {}, whole)
        return question

    # ── choices ──

    def options(self, line: Line, name: str, kind: str) -> tuple[list[Json], dict[str, str]] | None:
        """The options in a list, and their codes by the form's names; None if a `kind` cannot have them."""
        found = self.lists.get(name)
        if found is None:
            self.faults.add(
                line.place("type"), f"there is no list “{shown(name)}” of choices", "add it to choices"
            )
            return None
        most = MOST_OPTIONS if kind in {"single", "multiple"} else MOST_IN_SCALE
        if not 2 <= len(found.lines) <= most:
            what = (
                f"“{shown(line['name'])}” is not carried over: it has {len(found.lines)} choices, not 2 to {most}"
            )
            self.report.add(line.place("type"), what, "change the list of choices, or ask it otherwise")
            return None
        options = [
            self.made({"code": code, "label": self.words.label(choice, fill=False)}, choice)
            for choice, code in found.lines
        ]
        self._tell_apart(options)
        return options, found.codes

    def _tell_apart(self, entries: Iterable[Json]) -> None:
        """Show the code with what reads like another, as happens in lists that a filter divides."""
        seen: set[tuple[str, str]] = set()
        for entry in entries:
            label = entry["label"]
            texts = {"": label} if isinstance(label, str) else label
            reads = {(language, " ".join(text.casefold().split())) for language, text in texts.items()}
            if reads & seen:
                texts = {language: f"{text} ({entry['code']})" for language, text in texts.items()}
                entry["label"] = texts.get("", texts)
                place = self.line_of(entry).place("name")
                self.report.add(place, "another reads the same; its code stands with it", "word them apart")
            seen |= reads

    def _closed(self, line: Line, kind: Type) -> Json | None:
        found = self.options(line, kind.list, kind.kind)
        if found is None:
            return None
        options, codes = found[0], dict(found[1])
        if kind.other:
            codes["other"] = self._add_other(line, options, kind)
        if line["choice_filter"]:
            what = f"the filter “{shown(line['choice_filter'], 150)}” is not carried over"
            do = 'all choices are shown; write "show_if" at options in the new file'
            self.report.add(line.place("choice_filter"), what, do)
        question = self._asked(line, kind.kind)
        question["options"] = options
        if "randomize=true" in line["parameters"].lower().replace(" ", ""):
            question["order"] = "random"
        return self._register(line, self._constrained(line, question, codes), codes)

    def _add_other(self, line: Line, options: list[Json], kind: Type) -> str:
        """The option "Other" with room for words, unless the list has one that can be given it."""
        other = next((option for option in options if option["code"] == "other"), None)
        if other is None:
            other = self.made({"code": "other", "label": self.words.stock("Other")}, line)
            options.append(other)
            if len(self.words.languages) > 1:
                self.report.add(line.place("type"), "“Other” reads the same in all languages", "translate it")
        if kind.kind == "rank":
            self.report.add(line.place("type"), "“other” in a ranking has no room for words", "ask for them apart")
        else:
            other["specify"] = True
        return "other"

    def _constrained(self, line: Line, question: Json, codes: Mapping[str, str] | None = None) -> Json:
        """The question with what its constraint says; what it cannot say is reported."""
        if not line["constraint"]:
            return question
        codes = codes or {}
        whole = question["type"] == "number" and not question.get("decimals")
        found = rules(line["constraint"], question["type"], whole, list(codes))
        question |= found.entries
        if question.get("at_most", 0) >= len(question.get("options", [])):
            question.pop("at_most", None)
        alone = {codes[name] for name in found.exclusive}
        for option in question.get("options", []):
            if option["code"] in alone:
                option["exclusive"] = True
        if found.left_out:
            what = f"the rule “{shown(line['constraint'], 150)}” is not wholly carried over: {found.left_out}"
            self.report.add(line.place("constraint"), what, "add bounds in the new file, or check afterwards")
        return question

    def _number(self, line: Line, kind: str) -> Json:
        question = self._asked(line, "number")
        if kind == "decimal":
            question["decimals"] = 4
        elif kind == "range":
            self._set_range(line, question)
        return self._register(line, self._constrained(line, question))

    def _set_range(self, line: Line, question: Json) -> None:
        """Bounds from `start=1 end=10 step=1`, which is also what stands for a part left out."""
        given = dict(re.findall(r"(start|end|step)\s*=\s*(-?\d{1,12}(?:\.\d{1,4})?)(?![\d.])", line["parameters"]))
        start, end, step = (given.get(name, default) for name, default in _RANGE.items())
        question["min"], question["max"] = (float(n) if "." in n else int(n) for n in (start, end))
        decimals = max(len(n.partition(".")[2]) for n in (start, end, step))
        if decimals:
            question["decimals"] = decimals
        if not re.fullmatch(r"1|0\.0*1", step):
            self.report.add(
                line.place("parameters"), f"steps of {step} are not carried over", "say so in the hint"
            )

    # ── grids ──

    def grid(self, line: Line, text: Any, rows: Sequence[Line], scale: str) -> Json | None:
        """One choice a row: `rows` are lines with a name and a label, `scale` is a list of choices."""
        found = self.options(line, scale, "grid")
        if found is None:
            return None
        options, codes = found
        grid: Json = {"id": self.ids.give(line["name"]), "type": "grid", "text": text}
        self.report_name(line, grid["id"])
        names = Names()
        grid["rows"] = [self._row(row, names) for row in rows]
        self._tell_apart(grid["rows"])
        grid["scale"] = options
        self._require_rows(grid, rows)
        for row, entry in zip(rows, grid["rows"], strict=True):
            if row.sheet == "survey":
                self.known[row["name"]] = Known(f"{grid['id']}.{entry['code']}", "single", codes)
        return self.made(grid, line)

    def _row(self, line: Line, names: Names) -> Json:
        row = {"code": names.give(line["name"]), "label": self.words.label(line, fill=False)}
        if line.sheet == "survey":
            self.report_name(line, row["code"])
            self._constrained(line, {"type": "grid"})
        if self.words.of(line, "hint") is not None:
            place = line.place(f"hint::{self.words.languages[0]}")
            self.report.add(place, "the hint of a row in a grid is not carried over", "put it into its label")
        return self.made(with_condition(row, self.relevance(line)), line)

    def _require_rows(self, grid: Json, rows: Sequence[Line]) -> None:
        """A grid is required as a whole."""
        required = [row for row in rows if self.required(row)]
        if required and len(required) == len(rows):
            grid["required"] = True
        elif required:
            what = "only some rows of the grid are required; none is here"
            self.report.add(required[0].place("required"), what, 'write "required": true at the grid for all')

    def ranking(self, group: Group) -> Json | None:
        """KoBo's ranking: a list of items, and a line for each rank."""
        found = self.options(group.line, group.line["kobo--rank-items"], "rank")
        if found is None:
            return None
        question = self._asked(group.line, "rank")
        question.pop("show_if", None)
        question["options"] = found[0]
        levels = len(group.children)
        if 1 <= levels < len(found[0]):
            question["top"] = levels
        return question


_RANGE = {"start": "1", "end": "10", "step": "1"}


def with_condition(part: Json, show_if: Json | None) -> Json:
    """`part`, asked only if this is met beside what it asks already."""
    if both := together(show_if, part.get("show_if")):
        part["show_if"] = both
    return part
