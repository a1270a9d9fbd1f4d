"""The expressions of an XLSForm: read by a small parser of our own, and put into our words where we have any.

`relevant` becomes a condition; `constraint` becomes bounds, a longest text, exclusive options. What we cannot say
raises `Inexpressible` with the reason; nothing is ever evaluated.
"""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

Json = dict[str, Any]

MAX_LENGTH = 4_000
MAX_DEPTH = 15


class Inexpressible(Exception):
    """An expression, or a part of it, cannot be read or has no counterpart here; the message says why."""


# ── reading ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Ref:
    """`${name}`, or the question itself, `.`, whose name is "."."""

    name: str


@dataclass(frozen=True)
class Literal:
    """A quoted text or a number, as written."""

    text: str


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Compare:
    """Two operands and one of = != < <= > >=."""

    left: "Node"
    operator: str
    right: "Node"


@dataclass(frozen=True)
class Join:
    """Two or more parts joined by "and" or by "or"."""

    word: str
    parts: tuple["Node", ...]


Node = Ref | Literal | Call | Compare | Join

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<ref>\$\{\s*[^{}\s]{1,200}\s*\}) | (?P<text>"[^"]*"|'[^']*') | (?P<number>-?\s*(?:\d+(?:\.\d*)?|\.\d+))
    | (?P<word>[A-Za-z_][\w:.-]*) | (?P<mark>!=|<=|>=|[=<>(),.])
    )""",
    re.VERBOSE | re.ASCII,
)
_QUOTES = str.maketrans("‘’“”", "''\"\"")


def parse(text: str) -> Node:
    """The tree of an expression. Raises `Inexpressible` for whatever this small grammar does not know."""
    if len(text) > MAX_LENGTH:
        raise Inexpressible("it is too long")
    return _Parser(_tokens(text.translate(_QUOTES))).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise Inexpressible(f"“{text[position:].strip()[:20]}” is not understood")
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Parser:
    """Recursive descent: or, and, comparison, operand; depth is bounded."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = [*tokens, ("end", "")]
        self.position = self.depth = 0

    def whole(self) -> Node:
        """The expression up to its end."""
        node = self._joined("or")
        if self.tokens[self.position][0] != "end":
            raise self._unexpected()
        return node

    def _joined(self, word: str) -> Node:
        read = self._comparison if word == "and" else lambda: self._joined("and")
        parts = [read()]
        while self._take("word", word):
            parts.append(read())
        return parts[0] if len(parts) == 1 else Join(word, tuple(parts))

    def _comparison(self) -> Node:
        left = self._operand()
        kind, operator = self.tokens[self.position]
        if kind != "mark" or operator not in _FLIPPED:
            return left
        self.position += 1
        return Compare(left, operator, self._operand())

    def _operand(self) -> Node:
        kind, text = self.tokens[self.position]
        self.position += 1
        match kind:
            case "ref":
                return Ref(text[2:-1].strip())
            case "text":
                return Literal(text[1:-1])
            case "number":
                return Literal(re.sub(r"\s", "", text))
            case "mark" if text == ".":
                return Ref(".")
            case "mark" if text == "(":
                return self._inside()
            case "word" if self._take("mark", "("):
                return Call(text, self._arguments())
        self.position -= 1
        raise self._unexpected()

    def _inside(self) -> Node:
        """Up to the closing bracket."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Inexpressible("its brackets are too deep")
        node = self._joined("or")
        self._close()
        return node

    def _arguments(self) -> tuple[Node, ...]:
        if self._take("mark", ")"):
            return ()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Inexpressible("its brackets are too deep")
        found = [self._joined("or")]
        while self._take("mark", ","):
            found.append(self._joined("or"))
        self._close()
        return tuple(found)

    def _close(self) -> None:
        if not self._take("mark", ")"):
            raise self._unexpected()
        self.depth -= 1

    def _take(self, kind: str, text: str) -> bool:
        taken = self.tokens[self.position] == (kind, text)
        self.position += taken
        return taken

    def _unexpected(self) -> Inexpressible:
        text = self.tokens[self.position][1]
        return Inexpressible(f"“{text[:20]}” is not understood" if text else "it ends too early")


_FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def names(text: str) -> list[str]:
    """The names in every `${…}` of a text."""
    return [name.strip() for name in re.findall(r"\$\{([^{}]*)\}", text)]


# ── conditions ───────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Known:
    """A question that can be read: its key here, its type, its codes by the names of the form."""

    key: str
    type: str
    codes: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False


def condition(text: str, known: Mapping[str, Known]) -> Json | None:
    """The condition that a `relevant` states, reading `known` questions; None if it is always met."""
    node = parse(text)
    return None if node == Call("true", ()) else _condition(node, known)


def together(*conditions: Json | None) -> Json | None:
    """All of these conditions at once; None where there is none."""
    parts = [
        part for given in conditions if given for part in (given["all"] if list(given) == ["all"] else [given])
    ]
    return {"all": parts} if len(parts) > 1 else parts[0] if parts else None


def _condition(node: Node, known: Mapping[str, Known]) -> Json:
    match node:
        case Join("and", parts):
            return together(*(_condition(part, known) for part in parts)) or {}
        case Join("or", parts):
            return _either([_condition(part, known) for part in parts])
        case Call("not", (inner,)):
            return _not(_condition(inner, known))
        case Call("selected", (Ref(name), Literal(code))):
            return _selected(_known(name, known), code)
        case Compare():
            return _comparison(_facing_right(node), known)
        case Call(name):
            raise Inexpressible(f"{name[:30]}() has no counterpart")
    raise Inexpressible("it is no comparison")


def _either(parts: list[Json]) -> Json:
    """One of these; tests of one question for single codes become one test."""
    found: list[Json] = []
    for part in parts:
        codes = _codes(part)
        same = next((f for f in found if codes and _codes(f) and f["question"] == part["question"]), None)
        if same is None:
            found.append(part)
        else:
            merged = list(dict.fromkeys([*_codes(same), *codes]))
            found[found.index(same)] = {"question": part["question"], "in": merged}
    return found[0] if len(found) == 1 else {"any": found}


def _codes(part: Json) -> list[str]:
    """The codes that a single test of a code allows."""
    return [part["is"]] if "is" in part else list(part.get("in", []))


def _not(part: Json) -> Json:
    inner: Json | None = part.get("not")
    return inner if inner is not None else {"not": part}


def _known(name: str, known: Mapping[str, Known]) -> Known:
    if name not in known:
        raise Inexpressible(f"“{name[:40]}” cannot be read here")
    return known[name]


def _selected(question: Known, code: str) -> Json:
    if question.type not in {"single", "multiple", "rank"}:
        raise Inexpressible(f"“{question.key}” has no choices")
    if code not in question.codes:
        raise Inexpressible(f"“{question.key}” has no choice “{code[:40]}”")
    return {"question": question.key, "is" if question.type == "single" else "includes": question.codes[code]}


def _facing_right(node: Compare) -> Compare:
    """The comparison with what is asked on the left."""
    if isinstance(node.left, Literal):
        return Compare(node.right, _FLIPPED[node.operator], node.left)
    return node


def _comparison(node: Compare, known: Mapping[str, Known]) -> Json:
    match node:
        case Compare(Ref(name), ("=" | "!=") as operator, Literal("")):
            return _answered(_known(name, known), operator == "!=")
        case Compare(Call("count-selected" | "string-length", (Ref(name),)), operator, Literal(number)):
            if (operator, number) in _SOME | _NONE:
                return _answered(_known(name, known), (operator, number) in _SOME)
            raise Inexpressible("a count of answers cannot be compared")
        case Compare(Ref(name), operator, Literal(text)):
            return _test(_known(name, known), operator, text)
    raise Inexpressible("only a question and a fixed value can be compared")


_SOME = {(">", "0"), (">=", "1"), ("!=", "0")}
_NONE = {("=", "0"), ("<", "1"), ("<=", "0")}


def _answered(question: Known, wanted: bool) -> Json:
    return {"question": question.key, "answered": wanted}


def _test(question: Known, operator: str, text: str) -> Json:
    if question.type == "number":
        return _number_test(question, operator, _number(text))
    if question.type != "single":
        raise Inexpressible(f"the answer to “{question.key}” cannot be compared")
    if operator in {"=", "!="}:
        test = _selected(question, text)
        return test if operator == "=" else {"not": test}
    codes = [code for name, code in question.codes.items() if _holds(name, operator, _number(text))]
    if not codes:
        raise Inexpressible(f"“{question.key}” has no such choice")
    return {"question": question.key, "in": codes}


def _holds(name: str, operator: str, bound: Decimal) -> bool:
    """Whether a choice with a number for a name meets a comparison."""
    with suppress(Inexpressible):
        value = _number(name)
        return (value > bound if ">" in operator else value < bound) or (value == bound and "=" in operator)
    return False


def _number_test(question: Known, operator: str, bound: Decimal) -> Json:
    subject: Json = {"question": question.key}
    match operator:
        case "=" | "!=":
            test = subject | {"at_least": plain(bound), "at_most": plain(bound)}
            return test if operator == "=" else {"not": test}
        case ">=" | "<=":
            return subject | {"at_least" if operator == ">=" else "at_most": plain(bound)}
    if question.whole and bound == bound.to_integral_value():
        return subject | ({"at_least": plain(bound + 1)} if operator == ">" else {"at_most": plain(bound - 1)})
    beyond = subject | {"at_most" if operator == ">" else "at_least": plain(bound)}
    return {"all": [_answered(question, True), {"not": beyond}]}


def _number(text: str) -> Decimal:
    """A number of at most 15 digits."""
    if not re.fullmatch(r"-?(\d{1,15}(\.\d{0,10})?|\.\d{1,10})", text.strip(), re.ASCII):
        raise Inexpressible(f"“{text[:20]}” is no number")
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise Inexpressible(f"“{text[:20]}” is no number") from None


def plain(number: Decimal) -> int | float:
    """A number as JSON writes it: whole where it is whole."""
    return int(number) if number == number.to_integral_value() else float(number)


# ── constraints ──────────────────────────────────────────────────────────────


@dataclass
class Rules:
    """What a constraint says in our words: entries of the question, options that stand alone."""

    entries: Json = field(default_factory=dict)
    exclusive: set[str] = field(default_factory=set)
    left_out: str = ""


def rules(text: str, kind: str, whole: bool, choices: Collection[str]) -> Rules:
    """The rules in a `constraint` on a question of our type `kind`; `left_out` says why a part was left out."""
    found = Rules()
    try:
        node = _affirmed(parse(text))
    except Inexpressible as reason:
        found.left_out = str(reason)
        return found
    for part in node.parts if isinstance(node, Join) and node.word == "and" else (node,):
        try:
            _rule(kind, part, found, whole, choices)
        except Inexpressible as reason:
            found.left_out = str(reason)
    return found


def _affirmed(node: Node, opposite: bool = False) -> Node:
    """The same with every `not` moved to the innermost place, and if(a, b, true()) as "not a, or b"."""
    match node:
        case Call("not", (inner,)):
            return _affirmed(inner, not opposite)
        case Call("if", (test, then, Call("true", ()))):
            return _affirmed(Join("or", (Call("not", (test,)), then)), opposite)
        case Join(word, parts):
            other = {"and": "or", "or": "and"}[word] if opposite else word
            return _flat(other, [_affirmed(part, opposite) for part in parts])
        case Compare(left, operator, right):
            facing = _facing_right(Compare(left, operator, right))
            return Compare(facing.left, _OPPOSITE[facing.operator], facing.right) if opposite else facing
    return Call("not", (node,)) if opposite else node


def _flat(word: str, parts: list[Node]) -> Join:
    flat: list[Node] = []
    for part in parts:
        flat += part.parts if isinstance(part, Join) and part.word == word else (part,)
    return Join(word, tuple(flat))


def _rule(kind: str, node: Node, found: Rules, whole: bool, choices: Collection[str]) -> None:
    match kind:
        case "number":
            _number_rule(node, found, whole)
        case "date":
            _date_rule(node, found)
        case "text":
            _text_rule(node, found)
        case "multiple":
            _multiple_rule(node, found, choices)
        case _:
            raise Inexpressible("such an answer has no rules here")


def _number_rule(node: Node, found: Rules, whole: bool) -> None:
    match node:
        case Compare(Ref("."), operator, Literal(text)) if operator in _BOUND:
            bound = _number(text)
            if operator in {"<", ">"} and not (whole and bound == bound.to_integral_value()):
                raise Inexpressible("a bound that is itself left out is only for whole numbers")
            _narrow(found, _BOUND[operator], bound + {">": 1, "<": -1}.get(operator, 0))
        case _:
            raise Inexpressible("only fixed bounds are taken over")


_BOUND = {">=": "min", ">": "min", "<=": "max", "<": "max"}


def _narrow(found: Rules, name: str, bound: Decimal) -> None:
    """Keep the narrower of two bounds."""
    before = found.entries.get(name)
    value = plain(bound)
    if before is None or (value > before if name == "min" else value < before):
        found.entries[name] = value


def _date_rule(node: Node, found: Rules) -> None:
    match node:
        case Compare(Ref("."), operator, (Literal(text) | Call("date", (Literal(text),)))) if operator in _BOUND:
            day = _day(text) + timedelta(days={">": 1, "<": -1}.get(operator, 0))
            found.entries[_BOUND[operator]] = day.isoformat()
        case _:
            raise Inexpressible("only fixed days are taken over")


def _day(text: str) -> date:
    with suppress(ValueError):
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) and "0002" < text < "9998":
            return date.fromisoformat(text)
    raise Inexpressible(f"“{text[:20]}” is no day")


def _text_rule(node: Node, found: Rules) -> None:
    match node:
        case Compare(Call("string-length", (Ref("."),)), ("<" | "<=") as operator, Literal(text)):
            most = int(_number(text)) - (operator == "<" and _number(text) == int(_number(text)))
            if not 1 <= most <= 10_000:
                raise Inexpressible("a text has 1 to 10,000 characters")
            found.entries["max_length"] = min(most, found.entries.get("max_length", most))
        case _:
            raise Inexpressible("only a greatest length is taken over")


def _multiple_rule(node: Node, found: Rules, choices: Collection[str]) -> None:
    most = _at_most(node)
    alone = _alone(node, choices)
    if most is not None and most >= 1:
        found.entries["at_most"] = min(most, found.entries.get("at_most", most))
    elif alone and alone <= set(choices):
        found.exclusive |= alone
    else:
        raise Inexpressible("only a greatest number and choices that stand alone are taken over")


def _at_most(node: Node) -> int | None:
    """n, if this says that at most n choices are made."""
    match node:
        case Compare(Call("count-selected", (Ref("."),)), ("<" | "<=" | "=") as operator, Literal(text)):
            most = _number(text)
            if most == most.to_integral_value() and (operator != "=" or most == 1):
                return int(most) - (operator == "<")
    return None


def _alone(node: Node, choices: Collection[str]) -> set[str]:
    """The choices that cannot be made with others, as this puts it; empty if it says something else.

    "At most one, or not c"; "c and only one, or not c"; "not c, or none of all the others".
    """
    if not (isinstance(node, Join) and node.word == "or" and len(node.parts) == 2):
        return set()
    for one, other in (node.parts, node.parts[::-1]):
        absent = _absent(other)
        if absent and (_at_most(one) == 1 or _only(one) == absent):
            return absent
        if len(absent) == 1 and _absent(one) == set(choices) - absent:
            return absent
    return set()


def _absent(node: Node) -> set[str]:
    """The choices of which this says that none is made."""
    match node:
        case Call("not", (Call("selected", (Ref("."), Literal(code))),)):
            return {code}
        case Join("and", parts):
            found = [_absent(part) for part in parts]
            return set().union(*found) if all(found) else set()
    return set()


def _only(node: Node) -> set[str]:
    """{c}, if this says that c is chosen and nothing else."""
    match node:
        case Join("and", (one, other)):
            for a, b in ((one, other), (other, one)):
                match a:
                    case Call("selected", (Ref("."), Literal(code))) if _at_most(b) == 1:
                        return {code}
    return set()
