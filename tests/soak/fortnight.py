"""A wave's fortnight in a minute: letters, visits, and everything that befalls a site in two weeks.

`Fieldwork` is one wave on an installation: 142 organisations that get letters, answer day by day as their scripts
say, are reminded; in between processes are killed and restarted, and the server of the database if there is one,
the tray is opened in batches, a backup is made, retention runs, staff look at their pages the whole time, and ask
for tables, data, letters and an opening as jobs. Whatever happens, the books must balance with what respondents
were told.
"""

import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from surveyapp import auditing, bookkeeping, campaigning, collecting, reporting, retaining, writing
from surveyapp.mail import Folder
from surveyapp.problems import SurveyError
from surveyapp.storage import backups, responses
from surveyapp.working.tray import OPENING
from surveyapp.writing import Desk
from tests.faults import victims
from tests.faults.books import QUESTION, assert_books_balance, assert_pages_open
from tests.makers import PEPPER, TODAY, in_tray, make_frame
from tests.soak import survey
from tests.soak.errands import Errands
from tests.soak.installation import Installation
from tests.soak.respondents import Respondent

UNITS, DAYS = 142, 14

STAFF_PAGES = (
    "",
    "/{wave}",
    "/{wave}?by=region",
    "/{wave}/organisations",
    "/{wave}/letters",
    "/{wave}/response.xlsx",
)
REMIND = (10, 12)
"""Days after the invitation, on each of which there are reminders."""

OF_THE_WAVE_BEFORE = ("/{before}/builder?q=kind&by1=region", "/{before}/builder?q=sources&by1=kind&margins=y")

EVERYTHING = {3: "reload", 6: "restart", 9: "power"}
EVERYTHING |= dict.fromkeys((1, 4, 7, 11), "worker") | dict.fromkeys((2, 8, 12), "job worker")
"""What befalls the first node, by the number of the day."""

ON_A_SERVER = EVERYTHING | dict.fromkeys((5, 11, 13), "database")
"""The same where the store is a server, which dies too."""

CALLED = {
    "worker": "workers killed",
    "job worker": "job workers killed",
    "reload": "reloads",
    "restart": "restarts",
    "power": "power cuts",
    "database": "database servers killed",
}

AWAY = 30
"""Seconds for which the office tries again while the store is away."""

_LOGGED = re.compile(
    r"\[[^\]]+\] \[\d+\] \[ERROR\] (Worker \(pid:\d+\) was sent SIG\w+!.*|Reason: .*|Shutting down: Master)"
    r"|refused \w+|entered|received|code not known|code asked again|form taken|form refused"
    r"|surveyapp worker: job [a-z-]+ (done|failed|waiting|left)"
)
"""The only lines that a server may log: of its processes, and names of events."""

_STORE_AWAY = re.compile(
    r"fault (SurveyError|NotRead) at \S+|surveyapp worker: the store could not be used"
    r"|(surveyapp worker: )?error ignored terminating <psycopg\.Pipeline \S+ at \S+>: the connection is lost"
)
"""What it says beside while its database is away."""


@dataclass
class Fieldwork:
    """One wave. `chance` draws everything that is not left to the timing of threads.

    Staff look at tables of the wave `before`. If the office `asks` the job worker, it does so for those and more.
    """

    at: Installation
    wave: str
    chance: random.Random
    key: bytes = field(default=b"", repr=False)
    everybody: list[Respondent] = field(default_factory=list, repr=False)
    visits: dict[int, list[tuple[Respondent, bool]]] = field(default_factory=dict, repr=False)
    opened_on: date = TODAY
    before: str = ""
    asks: bool = True
    ills: Mapping[int, str] = field(default_factory=dict)
    units: int = UNITS
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw what staff ask for beside."""
        self.errands = Errands(self.at, random.Random(self.chance.random()))

    # ── the course of it ──

    def run(self, clients: int = 6) -> None:
        """From the letters to the end of retention. Raises `AssertionError` for the first thing that is wrong."""
        self.open()
        with self._staff_reading():
            for number in range(DAYS):
                self._live(number, clients)
        self.end()

    def open(self) -> None:
        """Open the wave and write to everybody; the codes are taken from the letters, as their readers do."""
        at = self.at
        keys: list[bytes] = []
        settings = {"carry": ["region"], "key_place": "holder", "closes": None, "today": self.opened_on}
        frame = make_frame(self.units)
        campaigning.open_wave(at.db, self.wave, "soak", "1", frame, keep_key=keys.append, **settings)
        (self.key,) = keys
        outcome = writing.invite(self._desk(), self.wave, address="https://x.example", sender="o@example.org")
        assert outcome.sent == self.units, outcome
        seeds = random.Random(self.chance.random())
        for unit, code in sorted(codes(at.home.outbox / self.wave).items()):
            own = random.Random(seeds.random())
            self.everybody.append(Respondent(unit, code, at.instrument, own))
        self._plan()

    def _plan(self) -> None:
        """On which days each comes by. One in thirty never does, one in fifteen never ends."""
        for who in self.everybody:
            fate = self.chance.random()
            if fate < 1 / 30:
                continue
            days = sorted(self.chance.sample(range(DAYS), self.chance.choice([1, 1, 1, 2, 2, 3])))
            for day in days:
                last = day == days[-1] and fate > 0.1
                self.visits.setdefault(day, []).append((who, last))

    def _live(self, number: int, clients: int) -> None:
        """One day: the office does its work while respondents answer and something befalls the site."""
        self.at.set_day(self.opened_on + timedelta(number))
        self._lost_letters(number)
        today = self.visits.get(number, [])
        self.chance.shuffle(today)
        beside = [threading.Thread(target=self._guarded, args=(do, number)) for do in (self._office, self._befall)]
        for thread in beside:
            thread.start()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(lambda visit: self._guarded(visit[0].visit, self.at.site, visit[1]), today))
        for thread in beside:
            thread.join()
        logged = self.at.log.read_text()[-2000:]
        assert not self.faults, "\n\n".join([*self.faults, f"logged last:\n{logged}"])
        again = [(who, last) for who, last in today if last and not who.told]  # were cut off: they come tomorrow
        self.visits.setdefault(number + 1, []).extend(again)
        if number % 4 == 3 or self.ills.get(number) in {"power", "database"}:
            self.check()

    def _guarded(self, action: Callable[..., None], *args: object) -> None:
        """Keep what goes wrong for the end of the day."""
        try:
            action(*args)
        except Exception as fault:  # noqa: BLE001 (whatever it was, the soak must see it)
            self.faults.append(f"{type(fault).__name__}: {fault}")

    # ── the office ──

    def _desk(self) -> Desk:
        return Desk(self.at.db, self.at.home.outbox_key, Folder(self.at.home.outbox / self.wave), self.at.day)

    def _lost_letters(self, number: int) -> None:
        """Some ask for a new code. The draft under the old one goes with it: so it is said to them."""
        waiting = [who for who in self.everybody if not who.told and not who.sending]
        if number in {4, 8} and waiting:
            who = self.chance.choice(waiting)
            writing.new_code(self._desk(), self.wave, who.unit)
            who.code = codes(self.at.home.outbox / self.wave)[who.unit]
            who.forget()
            self.at.site.count("new code by letter")

    def _office(self, number: int) -> None:
        """What staff and the daily timer do on a day, at any moment of it."""
        time.sleep(0.05)
        at = self.at
        if number == 10 or (number == 12 and not self.asks):
            at.site.count(
                "reminders", self._steadfast(lambda: writing.remind(self._desk(), self.wave, REMIND)).sent
            )
        if number in {3, 9}:
            self._steadfast(lambda: backups.back_up(at.db, backups.new_name(at.home.backups, at.day)))
            at.site.count("backups")
        if number in {5, 11}:
            self._steadfast(self._retain)
            at.site.count("retention runs")
        if number in {7, 10, 13}:
            if number == 10:
                victims.killed_after(0.02, victims.open_once, at.db.place, self.wave, self.key)
                at.site.count("openings killed")
            opened = self._steadfast(lambda: reporting.open_tray(at.db, self.wave, self.key))
            at.site.count("released early", opened.released)
        if self.asks:
            self._ask_for_jobs(number)

    def _ask_for_jobs(self, number: int) -> None:
        """What the worker is to do: tables and data of the wave before, letters, and the tray."""
        errands, rule = self.errands, ",".join(map(str, REMIND))
        if number in {2, 8} and self.before:
            self._steadfast(lambda: errands.tables(self.before))
        if number == 5 and self.before:
            self._steadfast(lambda: errands.microdata(self.before))
        if number == 11:
            self._steadfast(lambda: errands.opening(self.wave, self.key))
        if number == 12:
            self._steadfast(lambda: errands.reminders(self.wave, rule))

    def _retain(self) -> None:
        """Erase what is over, but no jobs: they bear the time of this machine, which the days of a soak overtake.

        `Errands` throws them away instead.
        """
        kept, retaining.JOB_DAYS = retaining.JOB_DAYS, 365_000
        try:
            retaining.run(self.at.db, self.at.home, self.at.day)
        finally:
            retaining.JOB_DAYS = kept

    def _steadfast(self, do: Callable[[], Any]) -> Any:
        """Do it; should the store be away, again, as the next run of the timer does."""
        until = time.monotonic() + AWAY
        while True:
            try:
                return do()
            except SurveyError:
                if self.at.server is None or time.monotonic() > until:
                    raise
                self.at.site.count("office cut off")
                time.sleep(0.2)

    @contextmanager
    def _staff_reading(self) -> Iterator[None]:
        """Somebody looks at the dashboard and its neighbours, again and again."""
        over = threading.Event()
        browser = self.at.colleague(random.Random(self.chance.random()))
        pages = [*STAFF_PAGES, *(OF_THE_WAVE_BEFORE if self.before else ())]

        def read() -> None:
            while not over.is_set():
                for page in pages:
                    browser.get(f"/staff/surveys/soak/waves{page.format(wave=self.wave, before=self.before)}")
                    self.at.site.count("staff pages")
                    if over.wait(0.5):
                        return

        reader = threading.Thread(target=self._guarded, args=(read,))
        reader.start()
        try:
            yield
        finally:
            over.set()
            reader.join()
            browser.close()

    # ── what befalls the site ──

    def _befall(self, number: int) -> None:
        """A death or a restart on most days, at a moment that nobody chose."""
        node, what = self.at.nodes[0], self.ills.get(number)
        if what is None:
            return
        if what == "job worker":
            self.errands.wait_for_work()
            time.sleep(self.chance.random() / 3)
        else:
            self._wait_for_requests(self.chance.randrange(5, 60))
        self.errands.deaths += 1
        befall: dict[str, Callable[[], None]] = {
            "worker": lambda: node.kill_a_worker(self.chance),
            "job worker": node.kill_the_job_worker,
            "reload": node.reload,
            "restart": node.restart,
            "power": node.lose_power,
            "database": self._lose_the_database,
        }
        befall[what]()
        self.at.site.count(CALLED[what])

    def _lose_the_database(self) -> None:
        """Its server ends at once, and is there again after a moment."""
        assert self.at.server is not None
        self.at.server.die()
        self.at.server.start()

    def _wait_for_requests(self, number: int) -> None:
        """Until so many more have been answered; not for ever, should nobody come today."""
        until, patience = self.at.site.tally["requests"] + number, time.monotonic() + 5
        while self.at.site.tally["requests"] < until and time.monotonic() < patience:
            time.sleep(0.005)

    # ── the books ──

    @property
    def told(self) -> dict[str, Respondent]:
        """Who has read "received", by the mark in the answers."""
        return {who.code: who for who in self.everybody if who.told}

    def check(self) -> None:
        """The books, the boxes and the drafts, while nobody is at work."""
        at = self.at
        self.errands.settle(OPENING)
        marks = assert_books_balance(at.db, self.told, self.wave, self.key)
        unsure = {who.code for who in self.everybody if who.sending}
        assert marks <= {*self.told, *unsure}, f"held and never sent: {marks - {*self.told, *unsure}}"
        self._check_boxes()
        drafts = [(who.code, who.certain) for who in self.everybody if not who.told and not who.sending]
        assert_pages_open(at.db, [(code, found) for code, found in drafts if found])
        at.site.count("drafts found again", sum(1 for _, found in drafts if found))
        at.site.count("books balanced")

    def _check_boxes(self) -> None:
        """Each box holds what its sender was told is saved: nothing else, nothing of anybody else's."""
        by_mark = {who.code: who for who in self.everybody}
        boxes = in_tray(self.at.db, self.key, self.wave)
        for box in boxes:
            held = box["answers"]
            who = by_mark[held[QUESTION]]
            if not who.doubtful:
                assert held == who.sent, f"{who.unit} sent {who.sent}, and the box holds {held}"
        self.at.site.count("boxes compared", len(boxes))

    def end(self) -> None:
        """Close, release everything, audit, and erase what is over."""
        at = self.at
        self.errands.settle()
        self.check()
        self._check_letters()
        campaigning.close_wave(at.db, self.wave, at.day)
        reporting.open_tray(at.db, self.wave, self.key)
        marks = assert_books_balance(at.db, self.told, self.wave, self.key)
        at.site.count("completed", len(marks))
        self._check_released(marks)
        self._audit()
        self.errands.end()
        at.set_day(at.day + timedelta(400))
        self._retain()
        assert not list((at.home.outbox / self.wave).glob("*")), "letters have outlived their days"
        assert not bookkeeping.imbalances(at.db)
        self._check_log()

    def _audit(self) -> None:
        """No known attack learns anything of it, with what jobs made lying about.

        Whoever is killed at a letter leaves half of it; the audit names that, and retention erases it.
        """
        half = [path.name for path in self.at.home.outbox.rglob(".*.eml.*")]
        outcomes = auditing.audit(self.at.home, self.at.db, self.wave, [self.at.log])
        failed = {outcome.attack.name: outcome.found for outcome in outcomes if outcome.verdict == "fails"}
        if half and failed.get("leftovers", "").partition(", ")[0] in half:
            self.at.site.count("half letters", len(half))
            del failed["leftovers"]
        assert not failed, failed

    def _check_released(self, marks: set[str]) -> None:
        """The released answers are those that were sent, each once; whose is whose cannot be told any more."""
        with self.at.db.reading() as connection:
            released = responses.responses(connection, self.wave)
            said = Counter(v.text for v in responses.verbatims(connection, self.wave) if v.question == "story")
        unsure = [who for who in self.everybody if who.code in marks and who.doubtful]
        sent = [who.sent for who in self.everybody if who.code in marks and not who.doubtful]
        opened = {QUESTION, "story"}
        expected = Counter(_as_text({k: v for k, v in each.items() if k not in opened}) for each in sent)
        found = Counter(_as_text(each.answers) for each in released)
        assert not expected - found, f"sent and not released: {expected - found}"
        assert len(found - expected) <= len(unsure), f"released and never sent: {found - expected}"
        stories = Counter(str(each["story"]) for each in sent if "story" in each)
        assert not stories - said, "open answers are lost"

    def _check_letters(self) -> None:
        """Nobody was reminded more often than on each of the days on which the office did it."""
        letters = (self.at.home.outbox / self.wave).glob("*_reminder*.eml")
        reminded = Counter(letter.name.partition("_reminder")[0] for letter in letters)
        assert reminded or not self.at.site.tally["reminders"], "nobody can tell who was reminded"
        often = {who: times for who, times in reminded.items() if times > len(REMIND)}
        assert not often, f"reminded too often: {often}"

    def _check_log(self) -> None:
        """Nothing about anybody in the log of the server, nor a fault of ours."""
        lines = self.at.log.read_text().splitlines()
        known = [_LOGGED, *([_STORE_AWAY] if self.at.server else [])]
        strange = [
            line for line in filter(None, map(str.strip, lines)) if not any(k.fullmatch(line) for k in known)
        ]
        assert not strange, "logged:\n" + "\n".join(strange[:40])


def codes(outbox: Path) -> dict[str, str]:
    """The access codes in the letters of a wave, by unit; of several letters the last."""
    found = {}
    texts = [letter.read_text() for letter in sorted(outbox.glob("*.eml"))]
    for text in sorted(texts, key=lambda text: "Subject: A new access code" in text):
        unit, code = re.search(r"team(\d+)@example", text), re.search(r"type this access code: (\S+)", text)
        if unit and code:
            found[f"U{int(unit[1]):03}"] = code[1]
    return found


def _as_text(answers: object) -> str:
    return json.dumps(answers, sort_keys=True)


def finished(at: Installation, wave: str, number: int = UNITS) -> str:
    """A wave in which so many have answered, closed and opened: its tables and data can be asked for."""
    keys: list[bytes] = []
    settings = {"carry": ["region"], "key_place": "holder", "closes": None, "today": at.day}
    campaigning.open_wave(at.db, wave, "soak", "1", make_frame(number), keep_key=keys.append, **settings)
    chance = random.Random(number)
    for _, code in campaigning.invite(at.db, wave, at.day):
        form = {name: value for page in survey.PAGES for name, value in survey.drawn(page, chance, code).items()}
        visit = collecting.enter(at.db, PEPPER, code, at.day)
        collecting.save_all(at.db, visit, form, at.day)
        collecting.submit(at.db, visit, at.day)
    campaigning.close_wave(at.db, wave, at.day)
    reporting.open_tray(at.db, wave, keys[0])
    return wave
