"""What a new version of a questionnaire does to the trend, and to the answers already given.

Questions are matched by id, or by the `was` that the new version declares; never by likeness. Each gets a verdict:
`same`, `comparable` (touched, same meaning), `note` (comparable with a footnote), `breaks` (no trend across this
change), `added`, `removed`. It is the worst effect of its changes:

    kind                    effect      why
    markup                  comparable  white space, punctuation, case, quotes and dashes: the same words are read
    translation             comparable  the wording in a language that both have is untouched
    piping                  comparable  the same thing is named from another source; note if one fact was exchanged
                                        for another
    reference period moved  comparable  what a wave does; all dates by one distance, else it is a real rewording
    real rewording          comparable  if slight: `SLIGHT` of the words stand and no number, unit of time, "not",
                                        "only", … or opposite came or went; else note. Never more: texts are
                                        compared here, not meanings, so judge by eye
    option text             comparable  (options, points, rows) if slight; note from `RELATED` of the words; below
                                        or turned or with another code's label: breaks, the code means other things
    option set              note        added or reordered: answers may have shifted. Removed breaks: they went
                                        elsewhere, and where to cannot be declared yet. In a rank, and for the rows
                                        of an allocation, added breaks too: all share places or the total
    scale                   breaks      points of a grid or an `ordinal` single added, removed or in another order
                                        (the mark `ordinal` itself: comparable, nothing else was asked)
    exclusive               note        what could go with it now cannot, or the other way about
    specify                 comparable  words beside the same code
    routing                 breaks      asked or offered under another condition (section, page and question as
                                        one), or by the answers to a question that breaks: the base changed
    repeat                  breaks      asked once for each thing, or no longer: the base is other things. How many
                                        at most: note. The page's name: comparable
    type, unit              breaks      other values, or a number that counts something else
    bounds                  note        min, max and checks: some values could not be given. Of a date, decimals,
                                        length of words: comparable. total, at_most, top: breaks, every share
                                        depends on them
    bands                   note        the same question, tabulated in other classes
    order                   note        the first shown gain a little
    linked                  note        people say other things where their words stay with their answers
    mode                    note        people say other things to an interviewer; noted on every question
    concept                 breaks      exchanged: the author says it is something else. Dropped: note. New:
                                        comparable
    position, required,     comparable  the question is what it was
    interviewer, renamed

A row of a grid is a question of its own: added or removed it leaves the other rows as they were. Titles, notes
and the texts before and after are listed by themselves (`around`) and change no verdict. Not compared: disclosure,
minutes, messages of checks, conditions of notes. Months are known in English, years in any language. Two
conditions are the same if they differ in order, nesting, or `in` for several `is`; other rewriting is a change.

A verdict is about the trend. Whether a wave may move to the new version in mid-field is another question: there a
moved period counts, and a new id, and a stricter bound, while an added option does not (`in_hand`).
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, Literal

from surveyapp.instrument.conditions import renamed, single_tests
from surveyapp.instrument.model import (
    Allocation,
    Condition,
    DateQuestion,
    Grid,
    Instrument,
    Multiple,
    Note,
    NumberQuestion,
    Option,
    Page,
    Question,
    Rank,
    Row,
    Section,
    Single,
    Text,
    choices,
)
from surveyapp.instrument.wording import (
    Effect,
    Kind,
    Wording,
    new_name,
    tokens,
    wording_between,
    words,
)
from surveyapp.problems import Problem, Refused

Word = Literal["same", "comparable", "note", "breaks", "added", "removed"]
ALIKE = 0.6
"""The share of words from which a removed and an added question are suggested to be one."""

MAX_ALIKE = 100
"""How many removed and added questions of a type are held against each other for a suggestion."""

_ORDER: tuple[Word, ...] = ("same", "comparable", "note", "breaks")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. `at` is a JSON pointer in the new version; in the old one for what was removed.

    `in_hand`: answers given under the old version may mean something else under the new one, or be refused.
    """

    kind: Kind
    effect: Effect
    at: str
    what: str
    before: str = ""
    after: str = ""
    in_hand: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one question, or of one row of a grid (`question` is then `question.row`).

    `rows` has every row if one of them differs; `was` is the id in the old version if that was another.
    """

    question: str
    word: Word
    at: str
    changes: tuple[Change, ...] = ()
    rows: tuple["Verdict", ...] = ()
    was: str = ""
    suggestion: str = ""

    @property
    def breaks(self) -> list[str]:
        """The variables whose trend breaks: the question, or some of its rows."""
        if any(change.effect == "breaks" for change in self.changes):
            return [self.question]
        return [row.question for row in self.rows if row.word == "breaks"]

    @property
    def in_hand(self) -> bool:
        """Whether an answer given under the old version may be touched."""
        own = self.word == "removed" or any(change.in_hand for change in self.changes)
        return own or any(row.in_hand for row in self.rows)


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side: a verdict for each question, in the order of the new version.

    Removed questions stand where they were. `problems` are faults of the renames that the new version declares.
    """

    survey: str
    old: str
    new: str
    verdicts: tuple[Verdict, ...]
    around: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def breaks(self) -> tuple[str, ...]:
        """The variables whose trend breaks."""
        return tuple(chain.from_iterable(verdict.breaks for verdict in self.verdicts))

    @property
    def renames(self) -> dict[str, str]:
        """Old ids to new ones, where they differ."""
        return {verdict.was: verdict.question for verdict in self.verdicts if verdict.was}

    @property
    def safe_for_answers_in_hand(self) -> bool:
        """Whether a wave may move to the new version in mid-field.

        True if no answer already given changes meaning or becomes unreadable. A renamed question is not safe:
        its answers are kept under the old id (`renames`).
        """
        return not self.problems and not any(verdict.in_hand for verdict in self.verdicts)

    @property
    def look_again(self) -> tuple[str, ...]:
        """The questions that a draft begun under the old version must be led through again, new ones included."""
        return tuple(v.question for v in self.verdicts if v.word != "removed" and (v.in_hand or _grew(v)))


def _grew(verdict: Verdict) -> bool:
    return verdict.word == "added" or any(row.word == "added" for row in verdict.rows)


def compare(old: Instrument, new: Instrument) -> Comparison:
    """What becomes of each question of `old` in `new`. Raises `Refused` if they are different surveys."""
    if old.survey != new.survey:
        what = f"they are different surveys: {old.name} and {new.name}"
        raise Refused([Problem("/survey", what, "compare two versions of one survey")])
    return _Comparing(old, new).comparison()


# ── for a terminal and for machines ──────────────────────────────────────────


def describe(comparison: Comparison) -> str:
    """The comparison in lines: counts, what is not the same (verdict, question, what changed), answers in hand."""
    count = Counter(verdict.word for verdict in comparison.verdicts)
    words = (*_ORDER, "added", "removed")
    counts = ", ".join(f"{count[word]} {word}" for word in words if count[word])
    lines = [f"{comparison.survey}: {comparison.old} → {comparison.new}: {counts or 'no questions'}"]
    lines += _columns([line for verdict in comparison.verdicts for line in _verdict_lines(verdict)])
    lines += _columns([("around", "", _said(change)) for change in comparison.around])
    lines += [f"problem: {problem}" for problem in comparison.problems]
    return "\n".join([*lines, _in_hand_line(comparison)])


def _columns(lines: list[tuple[str, str, str]]) -> list[str]:
    width = max((len(name) for _, name, _ in lines), default=0)
    return [f"{word:10}  {name:{width}}  {what}".rstrip() for word, name, what in lines]


def _verdict_lines(verdict: Verdict) -> Iterator[tuple[str, str, str]]:
    if verdict.word == "same":
        return
    said = [_said(change) for change in verdict.changes]
    said += [verdict.suggestion] if verdict.suggestion else []
    differ = [row for row in verdict.rows if row.changes or row.word in {"added", "removed"}]
    for i, what in enumerate(said or [f"{len(differ)} rows differ" if len(differ) > 1 else ""]):
        yield ("", "", what) if i else (verdict.word, verdict.question, what)
    for row in differ:
        yield from _verdict_lines(row)


def _said(change: Change) -> str:
    before, after = _differing(change.before, change.after)
    values = f"{before} → {after}" if before and after else before or after
    return f"{change.kind}: {change.what}" + (f": {values}" if values else "")


def _differing(before: str, after: str) -> tuple[str, str]:
    """Both texts in 60 characters, from a little before the first difference."""
    before, after = " ".join(before.split()), " ".join(after.split())
    same = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
    begin = max(0, before.rfind(" ", 0, max(0, same - 15))) if same > 40 else 0
    return _short(before, begin), _short(after, begin)


def _short(text: str, begin: int) -> str:
    cut = "…" + text[begin:].lstrip() if begin else text
    return cut if len(cut) <= 60 else cut[:59] + "…"


def _in_hand_line(comparison: Comparison) -> str:
    safe = comparison.safe_for_answers_in_hand
    begin = "answers in hand: safe" if safe else "answers in hand: NOT safe, some would change or be lost"
    again = comparison.look_again
    return begin + (f"; drafts look again at {', '.join(again)}" if again else "")


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain values, for `json.dumps`."""
    return {
        "survey": comparison.survey,
        "old": comparison.old,
        "new": comparison.new,
        "breaks": list(comparison.breaks),
        "safe_for_answers_in_hand": comparison.safe_for_answers_in_hand,
        "look_again": list(comparison.look_again),
        "renames": comparison.renames,
        "verdicts": [_verdict_json(verdict) for verdict in comparison.verdicts],
        "around": [_change_json(change) for change in comparison.around],
        "problems": [{"at": p.at, "what": p.what, "do": p.do} for p in comparison.problems],
    }


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    more = {"was": verdict.was, "suggestion": verdict.suggestion}
    lists = {
        "changes": [_change_json(change) for change in verdict.changes],
        "rows": [_verdict_json(row) for row in verdict.rows],
    }
    found = {"question": verdict.question, "verdict": verdict.word, "at": verdict.at}
    return found | {key: value for key, value in (more | lists).items() if value}


def _change_json(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in Change.__slots__}


# ── the two versions side by side ────────────────────────────────────────────


@dataclass(frozen=True)
class _Place:
    """A question where it stands. `conditions` are those of its section, its page and itself."""

    at: str
    number: int
    section: Section
    page: Page
    question: Question
    conditions: tuple[Condition | None, ...]
    asked_if: frozenset[Any]
    reads: frozenset[str]
    checks: frozenset[Any]


def _places(instrument: Instrument, names: Mapping[str, str]) -> dict[str, _Place]:
    """Every question by id, with what it depends on; conditions read the questions by their new names."""
    found: dict[str, _Place] = {}
    for at, section, page in _pages(instrument):
        outer = renamed(section.show_if, names), renamed(page.show_if, names)
        asked_if, reads = _canonical(outer[0]) | _canonical(outer[1]), _operands(outer)
        checks = _checks(page, names)
        for q, item in enumerate(page.questions):
            if not isinstance(item, Note):
                own = renamed(item.show_if, names)
                found[item.id] = _Place(
                    f"{at}/questions/{q}", len(found), section, page, item, (*outer, own),
                    asked_if | _canonical(own), reads | _operands([own]),
                    frozenset(checks[names.get(item.id, item.id)]),
                )  # fmt: skip
    return found


def _pages(instrument: Instrument) -> Iterator[tuple[str, Section, Page]]:
    for s, section in enumerate(instrument.sections):
        for p, page in enumerate(section.pages):
            yield f"/sections/{s}/pages/{p}", section, page


def _operands(conditions: Iterable[Condition | None]) -> frozenset[str]:
    tests = (test for condition in conditions for _, test in single_tests(condition, ""))
    return frozenset(test.question for test in tests if test.question)


def _checks(page: Page, names: Mapping[str, str]) -> dict[str, list[Any]]:
    """For each question the sums that its answers must fit, by new names."""
    found: dict[str, list[Any]] = defaultdict(list)
    for check in page.checks:
        operands = [new_name(operand, names) for operand in (*check.sum, check.equals, check.at_most)]
        for name in {o.partition(".")[0] for o in operands if isinstance(o, str)}:
            found[name].append((frozenset(operands[:-2]), *operands[-2:]))
    return found


class _Comparing:
    """One comparison: what was found so far is what later questions are judged by."""

    def __init__(self, old: Instrument, new: Instrument) -> None:
        self.old, self.new = old, new
        self.problems: list[Problem] = []
        self.after = _places(new, {})
        self.before = _places(old, {})
        self.was = dict(self._renames())
        self.names = {was: name for name, was in self.was.items()}
        if self.names:
            self.before = _places(old, self.names)
        self.stays = {name: was for name in self.after if (was := self.was.get(name, name)) in self.before}
        self.moved = _moved([self.stays[name] for name in self.stays], [*self.before])
        self.texts = _Texts(old.languages[0], new.languages[0], self.names)
        self.words: dict[str, Word] = {}

    def comparison(self) -> Comparison:
        """Every verdict, in the order of the new version."""
        verdicts = [self._judge(name) for name in self.after]
        around = tuple(_around(self.old, self.new, self.texts))
        merged = tuple(self._with_removed(verdicts))
        old, new = self.old.version, self.new.version
        return Comparison(self.new.survey, old, new, merged, around, tuple(self.problems))

    def _with_removed(self, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
        """The verdicts with suggestions, and what was removed after what it followed."""
        now = {was: name for name, was in self.stays.items()}
        gone = _trailing([*self.before], now)
        looks = _suggestions(
            [self.before[name].question for name in chain.from_iterable(gone.values())],
            [self.after[name].question for name in self.after if name not in self.stays],
        )
        yield from self._removed(gone.get("", ()))
        for verdict in verdicts:
            yield replace(verdict, suggestion=looks.get(verdict.question, ""))
            if was := self.stays.get(verdict.question):
                yield from self._removed(gone.get(was, ()))

    def _removed(self, names: Iterable[str]) -> Iterator[Verdict]:
        return (Verdict(name, "removed", self.before[name].at) for name in names)

    def _renames(self) -> Iterator[tuple[str, str]]:
        """New ids with the old ids that they follow. A question that kept its id needs none: that is history."""
        followed: set[str] = set()
        for name, place in self.after.items():
            was = place.question.was
            if was is None or (name in self.before and was not in self.before):
                continue
            if fault := self._rename_fault(name, was, followed):
                self.problems.append(Problem(f"{place.at}/was", *fault))
            else:
                followed.add(was)
                yield name, was

    def _rename_fault(self, name: str, was: str, followed: set[str]) -> tuple[str, str] | None:
        if was not in self.before:
            return f'{self.old.name} has no question "{was}"', "name the question as it was called there"
        if was in self.after:
            return f'"{was}" is still a question here', "a former id must be gone; remove one of the two"
        if was in followed:
            return f'"{was}" is followed twice', "one question can follow one former question"
        if name in self.before:
            return f'"{name}" was a question of its own in {self.old.name}', 'remove "was", or choose a new id'
        return None

    # ── one question ──

    def _judge(self, name: str) -> Verdict:
        place, was = self.after[name], self.stays.get(name)
        verdict = self._compared(self.before[was], place) if was else Verdict(name, "added", place.at)
        self.words |= {name: verdict.word} | {row.question: row.word for row in verdict.rows}
        return verdict

    def _compared(self, old: _Place, new: _Place) -> Verdict:
        a, b = old.question, new.question
        changes = (*self._asking(old, new), *self._wording(old, new), *self._answering(old, new))
        shared = _worst(change.effect for change in changes)
        rows = tuple(self._rows(old, new, shared))
        if all(row.word == shared and not row.changes for row in rows):
            rows = ()
        word = _worst([shared, *("note" if row.word in {"added", "removed"} else row.word for row in rows)])
        return Verdict(b.id, word, new.at, changes, rows, was="" if a.id == b.id else a.id)

    def _asking(self, old: _Place, new: _Place) -> Iterator[Change]:
        """Who is asked, where and how."""
        a, b = old.question, new.question
        if a.id != b.id:
            yield Change("renamed", "comparable", f"{new.at}/was", "has another id", a.id, b.id, in_hand=True)
        yield from self._routing(old, new)
        yield from _repeat(old.page, new.page, new.at)
        yield from self._position(old, new)
        yield from _concept(new.at, a.concept, b.concept)
        if self.old.mode != self.new.mode:
            yield Change("mode", "note", "/mode", "is asked in another way", self.old.mode, self.new.mode)

    def _routing(self, old: _Place, new: _Place) -> Iterator[Change]:
        if old.asked_if == new.asked_if:
            yield from self._upstream(new.at, "is asked", new.reads)
            return
        places = new.at.split("/pages")[0], new.at.split("/questions")[0], new.at
        layers = zip(("section", "page", "question"), places, old.conditions, new.conditions, strict=True)
        differ = [(layer, at) for layer, at, a, b in layers if _canonical(a) != _canonical(b)]
        what = f"base changed: another condition of its {' and '.join(layer for layer, _ in differ)}"
        before, after = _in_words(old.conditions), _in_words(new.conditions)
        yield Change("routing", "breaks", f"{differ[-1][1]}/show_if", what, before, after, in_hand=True)

    def _upstream(self, at: str, verb: str, reads: Iterable[str]) -> Iterator[Change]:
        """A condition that stands, over answers that no longer mean what they did."""
        if broken := sorted(key for key in reads if self._word(key) == "breaks"):
            what = f"base may have changed: {verb} by the answers to {', '.join(broken)}, which breaks"
            yield Change("routing", "breaks", at, what, in_hand=True)

    def _word(self, key: str) -> Word | None:
        return self.words.get(key, self.words.get(key.partition(".")[0]))

    def _position(self, old: _Place, new: _Place) -> Iterator[Change]:
        before, after = (f"{place.section.id}/{place.page.id}" for place in (old, new))
        if before != after:
            yield Change("position", "comparable", new.at, "stands on another page", before, after)
        elif old.question.id in self.moved:
            before, after = (f"question {place.number + 1}" for place in (old, new))
            yield Change("position", "comparable", new.at, "stands in another order", before, after)

    def _wording(self, old: _Place, new: _Place) -> Iterator[Change]:
        a, b = old.question, new.question
        yield from self.texts.change(f"{new.at}/text", "the text", a.text, b.text)
        yield from self.texts.change(f"{(new if b.hint else old).at}/hint", "the hint", a.hint, b.hint)
        yield from self.texts.translations(f"{new.at}/text", a.text, b.text)
        if [(p, p.translations) for p in a.probes] != [(p, p.translations) for p in b.probes]:
            before, after = (" / ".join(question.probes) for question in (a, b))
            yield Change("interviewer", "comparable", new.at, "other probes", before, after)

    # ── what can be answered ──

    def _answering(self, old: _Place, new: _Place) -> Iterator[Change]:
        a, b = old.question, new.question
        yield from _settings(new.at, a, b)
        if old.checks != new.checks:
            stricter = bool(new.checks - old.checks)
            yield Change("bounds", "note", new.at, "other sums that the answers must fit", in_hand=stricter)
        if a.type != b.type:
            yield Change("type", "breaks", f"{new.at}/type", "is another type of question", a.type, b.type, True)
        else:
            if isinstance(a, NumberQuestion | Allocation) and isinstance(b, NumberQuestion | Allocation):
                yield from self.texts.unit(new.at, a.unit, b.unit)
            if rules := _rules(a, b):
                yield from self._list(old, new, rules)

    def _list(self, old: _Place, new: _Place, rules: "_Rules") -> Iterator[Change]:
        """Options, points of a scale, rows of an allocation: the set, then each of them."""
        lists = _Lists(getattr(old.question, rules.list), getattr(new.question, rules.list))
        yield from _set_changes(f"{old.at}/{rules.list}", f"{new.at}/{rules.list}", lists, rules)
        for i, (code, entry) in enumerate(lists.new.items()):
            if code in lists.old:
                yield from self._entry(f"{new.at}/{rules.list}/{i}", rules.name, entry, lists)

    def _entry(self, at: str, name: str, new: Option | Row, lists: "_Lists") -> Iterator[Change]:
        """One option, point or row that both versions have."""
        old = lists.old[new.code]
        yield from self.texts.label(f"{at}/label", f'{name} "{new.code}"', new.code, lists)
        if isinstance(old, Option) and isinstance(new, Option):
            yield from _flags(at, old, new)
        was, is_ = renamed(old.show_if, self.names), new.show_if
        if _canonical(was) == _canonical(is_):
            yield from self._upstream(f"{at}/show_if", f'{name} "{new.code}" is offered', _operands([is_]))
        else:
            what = f'base changed: {name} "{new.code}" is offered under another condition'
            yield Change("routing", "breaks", f"{at}/show_if", what, _in_words([was]), _in_words([is_]), True)

    def _rows(self, old: _Place, new: _Place, shared: Word) -> Iterator[Verdict]:
        """Each row of a grid by itself; removed ones where they were."""
        if not isinstance(old.question, Grid) or not isinstance(new.question, Grid):
            return
        lists = _Lists(old.question.rows, new.question.rows)
        gone = _trailing([*lists.old], lists.new)
        numbers = {code: i for i, code in enumerate(lists.old)}
        for i, code in enumerate(chain([""], lists.new), -1):
            if code:
                yield self._row(new, i, code, lists, shared)
            for lost in gone.get(code, ()):
                yield Verdict(f"{new.question.id}.{lost}", "removed", f"{old.at}/rows/{numbers[lost]}")

    def _row(self, place: _Place, i: int, code: str, lists: "_Lists", shared: Word) -> Verdict:
        name, at = f"{place.question.id}.{code}", f"{place.at}/rows/{i}"
        if code not in lists.old:
            return Verdict(name, "added", at)
        changes = [*self._entry(at, "row", lists.new[code], lists)]
        if code in lists.moved:
            changes.append(Change("position", "comparable", at, f'row "{code}" stands in another order'))
        return Verdict(name, _worst([shared, *(change.effect for change in changes)]), at, tuple(changes))


def _worst(words: Iterable[Word]) -> Word:
    return max(words, key=_ORDER.index, default="same")


def _trailing(old: Sequence[str], new: Mapping[str, object]) -> dict[str, list[str]]:
    """What is gone, under the name after which it stood ("" for the beginning)."""
    found: dict[str, list[str]] = {}
    last = ""
    for name in old:
        if name in new:
            last = name
        else:
            found.setdefault(last, []).append(name)
    return found


def _moved(now: Sequence[str], before: Sequence[str]) -> set[str]:
    """The fewest names that must have moved for the others to stand as before: all but a longest rising run."""
    number = {name: i for i, name in enumerate(before)}
    ends: list[str] = []
    previous: dict[str, str] = {}
    for name in now:
        k = bisect_left(ends, number[name], key=number.__getitem__)
        previous[name] = ends[k - 1] if k else ""
        ends[k : k + 1] = [name]
    moved, name = set(now), ends[-1] if ends else ""
    while name:
        moved.discard(name)
        name = previous[name]
    return moved


def _repeat(old: Page, new: Page, at: str) -> Iterator[Change]:
    page, a, b = at.split("/questions")[0], old.repeat, new.repeat
    if a and b:
        if a.max != b.max:
            what, less = "for another number of things at most", b.max < a.max
            yield Change("repeat", "note", f"{page}/repeat/max", what, str(a.max), str(b.max), less)
        if old.id != new.id:
            what = "how many there are is kept under the page's name"
            yield Change("repeat", "comparable", f"{page}/id", what, old.id, new.id, in_hand=True)
    elif a or b:
        before, after = (f"for each {repeat.item}" if repeat else "once" for repeat in (a, b))
        at = f"{page}/repeat" if b else page
        yield Change("repeat", "breaks", at, "base changed: asked another number of times", before, after, True)


def _concept(at: str, old: str | None, new: str | None) -> Iterator[Change]:
    if old and new and old != new:
        yield Change("concept", "breaks", f"{at}/concept", "is declared to be something else", old, new, True)
    elif old and not new:
        yield Change("concept", "note", at, "no concept joins it to other waves any more", old)
    elif new and not old:
        yield Change("concept", "comparable", f"{at}/concept", "has a concept now", "", new)


# ── settings: one value before, one after ────────────────────────────────────


@dataclass(frozen=True)
class _Setting:
    """A key of a question: what a change of it does, and when it refuses answers that were given."""

    name: str
    kind: Kind
    effect: Effect
    what: str
    refuses: Callable[[Any, Any], bool]


def _never(_before: Any, _after: Any) -> bool:
    return False


def _always(_before: Any, _after: Any) -> bool:
    return True


def _lower(before: Any, after: Any) -> bool:
    return after is not None and (before is None or after < before)


def _higher(before: Any, after: Any) -> bool:
    return after is not None and (before is None or after > before)


_ANY = (
    _Setting("required", "required", "comparable", "must be answered", _never),
    _Setting("notes", "interviewer", "comparable", "room for the interviewer's notes", _lower),
)
_SETTINGS = (
    *_ANY,
    _Setting("order", "order", "note", "the order shown", _never),
    _Setting("scale_order", "order", "note", "the order of the scale", _never),
    _Setting("ordinal", "scale", "comparable", "the options are points of a scale", _never),
    _Setting("at_most", "bounds", "breaks", "how many may be chosen", _always),
    _Setting("top", "bounds", "breaks", "how many are ranked", _always),
    _Setting("total", "bounds", "breaks", "the total that is shared out", _always),
    _Setting("min", "bounds", "note", "the least", _higher),
    _Setting("max", "bounds", "note", "the most", _lower),
    _Setting("decimals", "bounds", "comparable", "digits after the point", _lower),
    _Setting("max_length", "bounds", "comparable", "the longest answer", _lower),
    _Setting("bands", "bands", "note", "the bands", _always),
    _Setting("linked", "linked", "note", "kept with the other answers", _always),
)


def _settings(at: str, a: Question, b: Question) -> Iterator[Change]:
    for setting in _SETTINGS if a.type == b.type else _ANY:
        old, new = getattr(a, setting.name, None), getattr(b, setting.name, None)
        if old != new:
            effect = "comparable" if isinstance(b, DateQuestion) else setting.effect
            refuses = setting.refuses(old, new)
            place = at if new is None else f"{at}/{setting.name}"
            yield Change(setting.kind, effect, place, setting.what, _value(old), _value(new), refuses)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


# ── options, points and rows ─────────────────────────────────────────────────


@dataclass(frozen=True)
class _Rules:
    """How a list of codes is compared: its key, what one of them is called, what becomes of the question."""

    list: str
    name: str
    kind: Kind
    added: Effect
    moved: Effect


_SCALE = _Rules("scale", "point", "scale", "breaks", "breaks")
_POINTS = replace(_SCALE, list="options")
_OPTIONS = _Rules("options", "option", "option set", "note", "note")
_RANKED = _Rules("options", "option", "option set", "breaks", "note")
_SHARES = _Rules("rows", "row", "option set", "breaks", "comparable")


def _rules(a: Question, b: Question) -> _Rules | None:
    match a, b:
        case Grid(), _:
            return _SCALE
        case Single(), Single():
            return _POINTS if a.ordinal or b.ordinal else _OPTIONS
        case Multiple(), _:
            return _OPTIONS
        case Rank(), _:
            return _RANKED
        case Allocation(), _:
            return _SHARES
    return None


class _Lists:
    """The entries of a list by code, in both versions."""

    def __init__(self, old: Sequence[Option] | Sequence[Row], new: Sequence[Option] | Sequence[Row]) -> None:
        self.old: dict[str, Option | Row] = {entry.code: entry for entry in old}
        self.new: dict[str, Option | Row] = {entry.code: entry for entry in new}
        self.moved = _moved([code for code in self.new if code in self.old], [*self.old])

    @cached_property
    def meant(self) -> dict[tuple[str, ...], str]:
        """The code that a label had in the old version."""
        return {tokens(entry.label): code for code, entry in self.old.items()}

    @cached_property
    def means(self) -> dict[tuple[str, ...], str]:
        """The code that a label has in the new version."""
        return {tokens(entry.label): code for code, entry in self.new.items()}


def _set_changes(old_at: str, at: str, lists: _Lists, rules: _Rules) -> Iterator[Change]:
    for i, (code, entry) in enumerate(lists.new.items()):
        if code not in lists.old:
            breaks = rules.added == "breaks"
            what = f'{rules.name} "{code}" added'
            yield Change(rules.kind, rules.added, f"{at}/{i}", what, "", entry.label, breaks)
    for i, (code, entry) in enumerate(lists.old.items()):
        if code not in lists.new:
            what = f'{rules.name} "{code}" removed' + _recoded(entry, lists)
            yield Change(rules.kind, "breaks", f"{old_at}/{i}", what, entry.label, "", in_hand=True)
    if lists.moved:
        before, after = (", ".join(code for code in side if code in lists.old) for side in (lists.old, lists.new))
        breaks = rules.moved == "breaks"
        yield Change(rules.kind, rules.moved, at, f"the {rules.name}s in another order", before, after, breaks)


def _recoded(entry: Option | Row, lists: _Lists) -> str:
    code = lists.means.get(tokens(entry.label))
    return f' ("{code}" has its label now: keep the old code)' if code and code not in lists.old else ""


def _flags(at: str, old: Option, new: Option) -> Iterator[Change]:
    if old.exclusive != new.exclusive:
        what = f'option "{new.code}" {"cannot" if new.exclusive else "can"} go with others now'
        yield Change("exclusive", "note", at, what, in_hand=new.exclusive)
    if old.specify != new.specify:
        what = f'option "{new.code}" asks for {"a few" if new.specify else "no"} words now'
        yield Change("specify", "comparable", at, what, in_hand=old.specify)


# ── conditions ───────────────────────────────────────────────────────────────


def _canonical(condition: Condition | None) -> frozenset[Any]:
    """A condition as the set of what must all hold, the same for every way to order and nest it."""
    if condition is None:
        return frozenset()
    if condition.all_ is not None:
        return frozenset(chain.from_iterable(map(_canonical, condition.all_)))
    if condition.any_ is not None:
        return _one_of(map(_canonical, condition.any_))
    if condition.not_ is not None:
        return _negated(_canonical(condition.not_))
    return _test(condition)


def _test(test: Condition) -> frozenset[Any]:
    q = test.question
    if test.in_ is not None:
        return _one_of(frozenset({(q, "is", code)}) for code in test.in_)
    if test.answered is not None:
        answered = frozenset({(q, "answered")})
        return answered if test.answered else _negated(answered)
    values = ("is", test.is_), ("includes", test.includes), ("at_least", test.at_least), ("at_most", test.at_most)
    return frozenset((q, name, value) for name, value in values if value is not None)


def _one_of(parts: Iterable[frozenset[Any]]) -> frozenset[Any]:
    found: set[frozenset[Any]] = set()
    for part in parts:
        found |= _only(part, "any") or {part}
    return found.pop() if len(found) == 1 else frozenset({("any", frozenset(found))})


def _negated(inner: frozenset[Any]) -> frozenset[Any]:
    return _only(inner, "not") or frozenset({("not", inner)})


def _only(parts: frozenset[Any], kind: str) -> frozenset[Any] | None:
    """What is inside, if these are one combination of this kind."""
    (kind_or_question, *rest), *more = parts or [("",)]
    return rest[0] if kind_or_question == kind and not more and isinstance(rest[0], frozenset) else None


def _in_words(conditions: Iterable[Condition | None]) -> str:
    """Conditions that must all hold, for a person."""
    return " and ".join(_condition_words(condition) for condition in conditions if condition) or "always"


def _condition_words(condition: Condition) -> str:
    for parts, word in ((condition.all_, " and "), (condition.any_, " or ")):
        if parts is not None:
            return "(" + word.join(map(_condition_words, parts)) + ")"
    if condition.not_ is not None:
        return f"not {_condition_words(condition.not_)}"
    if condition.answered is not None:
        return f"{condition.question} {'answered' if condition.answered else 'not answered'}"
    if condition.in_ is not None:
        return f"{condition.question} in {', '.join(condition.in_)}"
    operators = {"is": condition.is_, "includes": condition.includes}
    bounds = {"at least": condition.at_least, "at most": condition.at_most}
    tests = [f"{name} {value}" for name, value in (operators | bounds).items() if value is not None]
    return f"{condition.question} {' and '.join(tests)}"


# ── texts: from one person's reading to the next ─────────────────────────────


@dataclass(frozen=True)
class _Texts:
    """Compares texts in the languages that both versions have."""

    old_language: str
    new_language: str
    names: Mapping[str, str]

    def wording(self, a: Text, b: Text) -> Wording | None:
        """The gravest difference over the languages; none if the wordings are the same in each."""
        if a == b and a.translations == b.translations:
            return None
        old, new = a.translations or {self.old_language: str(a)}, b.translations or {self.new_language: str(b)}
        common = [language for language in new if language in old]
        if not common:
            return Wording("translation", str(a), str(b), turned="no language in common")
        found = [
            replace(wording, language="" if language == self.new_language else language)
            for language in common
            if (wording := wording_between(old[language], new[language], self.names))
        ]
        return max(found, key=lambda w: (_ORDER.index(w.label_effect), w.kind == "real rewording"), default=None)

    def change(self, at: str, name: str, a: Text | None, b: Text | None) -> Iterator[Change]:
        """What becomes of a text that asks or explains."""
        if a is None or b is None:
            if a or b:
                what = f"{name} {'added' if b else 'removed'}, judge by eye"
                yield Change("real rewording", "note", at, what, str(a or ""), str(b or ""), in_hand=True)
        elif wording := self.wording(a, b):
            what = name + wording.said
            yield Change(wording.kind, wording.effect, at, what, wording.before, wording.after, wording.in_hand)

    def translations(self, at: str, a: Text, b: Text) -> Iterator[Change]:
        """Languages that came or went; once for a question, for a questionnaire has all its texts in each."""
        old, new = set(a.translations or {self.old_language}), set(b.translations or {self.new_language})
        if old != new:
            before, after = ", ".join(sorted(old)), ", ".join(sorted(new))
            yield Change("translation", "comparable", at, "asked in other languages", before, after)

    def unit(self, at: str, a: Text | None, b: Text | None) -> Iterator[Change]:
        """What a number counts."""
        if a is None or b is None:
            if a or b:
                place = f"{at}/unit" if b else at
                yield Change("unit", "breaks", place, "counts something else", str(a or ""), str(b or ""), True)
        elif wording := self.wording(a, b):
            if wording.kind == "markup":
                yield from self.change(f"{at}/unit", "the unit", a, b)
            else:
                before, after = wording.before, wording.after
                yield Change("unit", "breaks", f"{at}/unit", "counts something else", before, after, True)

    def label(self, at: str, name: str, code: str, lists: _Lists) -> Iterator[Change]:
        """What a code means."""
        wording = self.wording(lists.old[code].label, lists.new[code].label)
        if wording is None:
            return
        before, after = wording.before, wording.after
        if taken := _taken(code, wording, lists):
            what = f'{name} now has the label of "{taken}"'
            yield Change("option text", "breaks", at, what, before, after, in_hand=True)
            return
        effect = wording.label_effect
        what = f"{name} now means something else, or so it reads" if effect == "breaks" else name + wording.said
        kind: Kind = "option text" if wording.kind == "real rewording" else wording.kind
        yield Change(kind, effect, at, what, before, after, wording.in_hand or effect == "breaks")


def _taken(code: str, wording: Wording, lists: _Lists) -> str:
    """The code whose label this code has now. Years that move on are no such thing, unless two codes exchange."""
    if wording.kind == "markup":
        return ""
    other = lists.meant.get(tokens(lists.new[code].label), code)
    mutual = lists.means.get(tokens(lists.old[code].label)) == other
    return other if other != code and (mutual or wording.kind != "reference period moved") else ""


# ── around the questions, and questions that look alike ──────────────────────


def _around(old: Instrument, new: Instrument, texts: _Texts) -> Iterator[Change]:
    """Texts before, between and after the questions; titles only of what both versions have."""
    before, after = dict(_texts_around(old)), dict(_texts_around(new))
    for name in [*after, *(name for name in before if name not in after)]:
        (at, text), (old_at, old_text) = after.get(name, ("", None)), before.get(name, ("", None))
        if (text and old_text) or not name.startswith("the title"):
            changes = texts.change(at or old_at, name, old_text, text)
            yield from (replace(change, in_hand=False) for change in changes)


def _texts_around(instrument: Instrument) -> Iterator[tuple[str, tuple[str, Text]]]:
    """What it is called, with its JSON pointer and the text."""
    for name in ("respondent", "intro", "privacy", "thanks"):
        if text := getattr(instrument, name):
            yield f'"{name}"', (f"/{name}", text)
    for s, section in enumerate(instrument.sections):
        yield f'the title of section "{section.id}"', (f"/sections/{s}/title", section.title)
    for at, _, page in _pages(instrument):
        if page.title:
            yield f'the title of page "{page.id}"', (f"{at}/title", page.title)
        if page.repeat:
            yield f'what page "{page.id}" is repeated for', (f"{at}/repeat/item", page.repeat.item)
        for q, item in enumerate(page.questions):
            if isinstance(item, Note):
                yield f'the note "{item.id}"', (f"{at}/questions/{q}/text", item.text)


def _suggestions(gone: Sequence[Question], came: Sequence[Question]) -> dict[str, str]:
    """For added questions the remedy if they are a removed one under a new name. Nothing is matched by this."""
    looks = dict(_same_looks(gone, came))
    left = [q for q in gone if q.id not in looks.values()]
    for kind in {question.type for question in left}:
        olds = [_Looks(q) for q in left if q.type == kind][:MAX_ALIKE]
        news = [_Looks(q) for q in came if q.type == kind and q.id not in looks][:MAX_ALIKE]
        pairs = sorted(
            ((old.likeness(new), old.id, new.id) for old in olds for new in news), key=lambda pair: -pair[0]
        )
        for likeness, old, new in pairs:
            if likeness >= ALIKE and new not in looks and old not in looks.values():
                looks[new] = old
    return {
        new: f'"{new}" looks like "{old}": declare "was": "{old}" if it is the same question'
        for new, old in looks.items()
    }


def _same_looks(gone: Sequence[Question], came: Sequence[Question]) -> Iterator[tuple[str, str]]:
    """New and old ids of those with one concept, or the same text, of one type."""
    by_concept: dict[tuple[str, str | None], str] = {(q.type, q.concept): q.id for q in gone if q.concept}
    by_text = {(q.type, tokens(q.text)): q.id for q in gone}
    taken: set[str] = set()
    for new in came:
        old = by_concept.get((new.type, new.concept)) or by_text.get((new.type, tokens(new.text)))
        if old and old not in taken:
            taken.add(old)
            yield new.id, old


class _Looks:
    """What a question looks like: the set of its words, the set of its codes."""

    def __init__(self, question: Question) -> None:
        self.id = question.id
        self.words = frozenset(words(question.text))
        self.codes = frozenset(option.code for option in choices(question))
        if isinstance(question, Grid | Allocation):
            self.codes |= {row.code for row in question.rows}

    def likeness(self, other: "_Looks") -> float:
        """The share of words in common; 0 if fewer than half of the codes are."""
        if 2 * len(self.codes & other.codes) < len(self.codes | other.codes):
            return 0.0
        return 2 * len(self.words & other.words) / ((len(self.words) + len(other.words)) or 1)
