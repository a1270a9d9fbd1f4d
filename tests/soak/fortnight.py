"""A wave's fortnight in a minute: letters, visits, and everything that befalls a site in two weeks.

`Installation` is what lasts: the folder, the nodes that serve it, somebody in the office. `Fieldwork` is one wave
on it: 142 organisations that get letters, answer day by day as their scripts say, are reminded; in between
processes are killed and restarted, the tray is opened in batches, a backup is made, retention runs, and staff look
at their pages the whole time. Whatever happens, the books must balance with what respondents were told.
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

from surveyapp import (
    auditing,
    bookkeeping,
    campaigning,
    privacy,
    publishing,
    reporting,
    retaining,
    staffing,
    writing,
)
from surveyapp.config import Home, secret, write_once
from surveyapp.instrument import Instrument
from surveyapp.mail import Folder
from surveyapp.roles import ROLES
from surveyapp.storage import backups, responses
from surveyapp.storage.database import Database, connect
from surveyapp.web.staff import create_site
from surveyapp.writing import Desk
from tests.faults import victims
from tests.faults.books import QUESTION, assert_books_balance, assert_pages_open
from tests.makers import PEPPER, TODAY, in_tray, make_frame
from tests.soak import survey
from tests.soak.respondents import Browser, Respondent, Site
from tests.soak.serving import Node

UNITS, DAYS = 142, 14

STAFF_PAGES = (
    "",
    "/{wave}",
    "/{wave}?by=region",
    "/{wave}/organisations",
    "/{wave}/letters",
    "/{wave}/response.xlsx",
)
OF_THE_WAVE_BEFORE = ("/{before}/builder?q=kind&by1=region", "/{before}/builder?q=sources&by1=kind&margins=y")

EVERYTHING = {1: "worker", 3: "reload", 4: "worker", 6: "restart", 7: "worker", 9: "power", 12: "worker"}
"""What befalls the first node, by the number of the day."""

CALLED = {"worker": "workers killed", "reload": "reloads", "restart": "restarts", "power": "power cuts"}

_LOGGED = re.compile(
    r"\[[^\]]+\] \[\d+\] \[ERROR\] (Worker \(pid:\d+\) was sent SIG\w+!.*|Reason: .*|Shutting down: Master)"
    r"|refused \w+|entered|received|code not known|code asked again|form taken|form refused"
)
"""The only lines that a server may log: of its processes, and names of events."""


@dataclass
class Installation:
    """A folder, the nodes that serve it, the day that all of them live in, and one member of staff."""

    home: Home
    db: Database
    nodes: list[Node]
    site: Site
    log: Path
    day_file: Path
    account: bytes
    instrument: Instrument

    @property
    def day(self) -> date:
        return date.fromisoformat(self.day_file.read_text())

    def set_day(self, day: date) -> None:
        aside = self.day_file.with_suffix(".new")
        aside.write_text(day.isoformat())
        aside.replace(self.day_file)

    def colleague(self, chance: random.Random) -> Browser:
        """A browser of the member of staff, signed in."""
        token = staffing.begin_session(self.db, self.account, int(time.time()), second=True)
        site = create_site(self.home, secure=False)
        try:
            staff = site.mounts["/staff"]
            with staff.test_request_context():
                sealed = staff.session_interface.seal({"token": token})
        finally:
            site.mounts["/staff"].extensions["staff"].db.close()
            site.app.extensions["surveyapp"].db.close()
        browser = Browser(self.site, chance)
        browser.cookie = f"staff={sealed}"
        return browser


@contextmanager
def installed(folder: Path, nodes: int = 1, pause: float = 0.0) -> Iterator[Installation]:
    """An installation that is served, with a published questionnaire and no wave."""
    home = Home(folder / "home").make()
    write_once(home.keys / "pepper", PEPPER)
    secret(home.keys / "cookie", privacy.new_secret)  # two nodes that start at once share all keys
    db = connect(home.store)
    published = publishing.publish(db, json.dumps(survey.document()).encode(), TODAY)
    account = staffing.add_account(db, "m@example.org", "M", {"soak": frozenset(ROLES)}, TODAY).id
    log, day = folder / "server.log", folder / "day"
    day.write_text(TODAY.isoformat())
    served = [Node(home, day, log) for _ in range(nodes)]
    site = Site([node.port for node in served], pause)
    try:
        for node in served:
            node.start()
        yield Installation(home, db, served, site, log, day, account, published.instrument)
    finally:
        for node in served:
            node.end()
        db.close()


@dataclass
class Fieldwork:
    """One wave. `chance` draws everything that is not left to the timing of threads."""

    at: Installation
    wave: str
    chance: random.Random
    key: bytes = field(default=b"", repr=False)
    everybody: list[Respondent] = field(default_factory=list, repr=False)
    visits: dict[int, list[tuple[Respondent, bool]]] = field(default_factory=dict, repr=False)
    opened_on: date = TODAY
    before: str = ""
    ills: Mapping[int, str] = field(default_factory=lambda: EVERYTHING)
    faults: list[str] = field(default_factory=list)

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
        frame = make_frame(UNITS)
        campaigning.open_wave(at.db, self.wave, "soak", "1", frame, keep_key=keys.append, **settings)
        (self.key,) = keys
        outcome = writing.invite(self._desk(), self.wave, address="https://x.example", sender="o@example.org")
        assert outcome.sent == UNITS, outcome
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
        assert not self.faults, "\n\n".join(self.faults)
        again = [(who, last) for who, last in today if last and not who.told]  # were cut off: they come tomorrow
        self.visits.setdefault(number + 1, []).extend(again)
        if number % 4 == 3:
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
        if number in {10, 12}:
            at.site.count("reminders", writing.remind(self._desk(), self.wave, (10, 12)).sent)
        if number in {3, 9}:
            backups.back_up(at.db, backups.new_name(at.home.backups, at.day))
            at.site.count("backups")
        if number in {5, 11}:
            retaining.run(at.db, at.home, at.day)
            at.site.count("retention runs")
        if number in {7, 10, 13}:
            if number == 10:
                victims.killed_after(0.02, victims.open_once, at.db.place, self.wave, self.key)
                at.site.count("openings killed")
            opened = reporting.open_tray(at.db, self.wave, self.key)
            at.site.count("released early", opened.released)

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
        self._wait_for_requests(self.chance.randrange(5, 60))
        if what == "worker":
            node.kill_a_worker(self.chance)
        else:
            {"reload": node.reload, "restart": node.restart, "power": node.lose_power}[what]()
        self.at.site.count(CALLED[what])

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
        self.check()
        campaigning.close_wave(at.db, self.wave, at.day)
        reporting.open_tray(at.db, self.wave, self.key)
        marks = assert_books_balance(at.db, self.told, self.wave, self.key)
        at.site.count("completed", len(marks))
        self._check_released(marks)
        failed = {
            o.attack.name for o in auditing.audit(at.home, at.db, self.wave, [at.log]) if o.verdict == "fails"
        }
        assert not failed, failed
        at.set_day(at.day + timedelta(400))
        retaining.run(at.db, at.home, at.day)
        assert not list((at.home.outbox / self.wave).glob("*")), "letters have outlived their days"
        assert not bookkeeping.imbalances(at.db)
        self._check_log()

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

    def _check_log(self) -> None:
        """Nothing about anybody in the log of the server, nor a fault of ours."""
        lines = self.at.log.read_text().splitlines()
        strange = [line for line in lines if line.strip() and not _LOGGED.fullmatch(line.strip())]
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
