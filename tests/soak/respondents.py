"""Respondents at their browsers, each by a script drawn from a seed, who remember what they were told.

They fill in forms as the pages hold them, without scripts, and do what people do: come back by their code, work in
two tabs, press "back" and send again, click twice, write what cannot stand, change their minds, let days go by.
When the site is not there they try again, as often as it takes; some give up and come back another day.
"""

import io
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from http.client import HTTPConnection, HTTPException
from threading import Lock
from urllib.parse import urlencode

from openpyxl import load_workbook

from surveyapp.instrument import Instrument
from surveyapp.instrument.reconciling import TAKE
from tests.soak import survey
from tests.soak.survey import MARKED, PAGES, Form

PATIENCE = 90
"""Seconds for which a site may be away before the soak fails."""


class Wrong(AssertionError):
    """Something that a respondent should never see."""


class GaveUp(Exception):
    """The respondent has closed the browser, not knowing what came of the last click."""


# ── what is seen of the site ─────────────────────────────────────────────────

_TAG = re.compile(r"<(input|textarea)\b([^>]*)>(?:\n?([^<]*)</textarea>)?")
_ATTRIBUTE = re.compile(r'\b(type|name|value)="([^"]*)"')
_ACTION = re.compile(r'<form[^>]* action="([^"]*)"')


@dataclass(frozen=True)
class Page:
    """What came back."""

    status: int
    location: str
    content: bytes = field(repr=False)

    @cached_property
    def text(self) -> str:
        return self.content.decode()

    @property
    def action(self) -> str:
        """Where its form goes."""
        found = _ACTION.search(self.text)
        return unescape(found[1]) if found else ""

    @cached_property
    def fields(self) -> Form:
        """What its form holds, as a browser would send it: what is hidden, chosen or written."""
        found: Form = {}
        for tag, inside, words in _TAG.findall(self.text):
            given = {name: unescape(value) for name, value in _ATTRIBUTE.findall(inside)}
            value = unescape(words) if tag == "textarea" else given.get("value", "")
            if "name" in given and (given.get("type") not in {"radio", "checkbox"} or " checked" in inside):
                found.setdefault(given["name"], []).append(value)
        return found

    @property
    def hidden(self) -> Form:
        """What only the form itself wants."""
        return {name: values for name, values in self.fields.items() if name in {"csrf_token", "as-seen"}}

    @property
    def answers(self) -> Form:
        """What is shown of the respondent's own."""
        own = ((name, [value for value in values if value]) for name, values in self.fields.items())
        return {name: sorted(values) for name, values in own if values and name not in self.hidden}


@dataclass
class Site:
    """The site as its visitors know it: addresses, of which each request takes one as a balancer would.

    `pause` is how many seconds a visitor waits after each answer. `tally` counts what was done and seen, `waits`
    are the seconds that answers to posts took.
    """

    ports: list[int]
    pause: float = 0.0
    tally: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock, repr=False)

    def count(self, what: str, n: int = 1) -> None:
        with self.lock:
            self.tally[what] += n

    def took(self, method: str, seconds: float) -> None:
        with self.lock:
            self.tally["requests"] += 1
            if method == "POST":
                self.waits.append(seconds)
        time.sleep(self.pause)


class Browser:
    """One browser with its cookie. A request that is cut off is sent again, as by pressing "reload"."""

    def __init__(self, site: Site, chance: random.Random) -> None:
        self.site, self.chance = site, chance
        self.cookie = ""
        self.connections: list[HTTPConnection] = []
        self._connect()

    def tab(self) -> "Browser":
        """Another with the same cookie, over a connection of its own."""
        other = copy(self)
        other._connect()
        return other

    def close(self) -> None:
        """Close it with all its tabs. Its cookie stays: it can be opened again."""
        for connection in self.connections:
            connection.close()

    def _connect(self) -> None:
        self.connection = HTTPConnection("127.0.0.1", self.chance.choice(self.site.ports), timeout=60)
        self.connections.append(self.connection)

    def get(self, path: str, *wanted: int) -> Page:
        """A page. Raises `Wrong` for any status but the wanted."""
        return self._until("GET", path, b"", "", wanted or (200,), steadfast=True)

    def post(self, path: str, form: Mapping[str, list[str]], *wanted: int, steadfast: bool = True) -> Page:
        """A form sent. Whoever is not `steadfast` may give up when it is cut off, and raises `GaveUp`."""
        body = urlencode(form, doseq=True).encode()
        return self._until("POST", path, body, "application/x-www-form-urlencoded", wanted or (303,), steadfast)

    def upload(self, path: str, form: Form, name: str, file: tuple[str, bytes], *wanted: int) -> Page:
        """A form sent with a file in the field `name`."""
        fields = [(f'name="{each}"', value.encode()) for each, values in form.items() for value in values]
        parts = [*fields, (f'name="{name}"; filename="{file[0]}"', file[1])]
        head = "--edge\r\nContent-Disposition: form-data; {}\r\n\r\n"
        body = b"".join(head.format(part).encode() + content + b"\r\n" for part, content in parts)
        kind = "multipart/form-data; boundary=edge"
        return self._until("POST", path, body + b"--edge--\r\n", kind, wanted or (200,), steadfast=True)

    def _until(
        self, method: str, path: str, body: bytes, kind: str, wanted: tuple[int, ...], steadfast: bool
    ) -> Page:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                page = self._ask(method, path, body, kind)
            except (OSError, HTTPException):
                self.site.count("requests cut off")
                self._elsewhere()
                if not steadfast and self.chance.random() < 0.5:
                    self.site.count("gave up, came back another day")
                    raise GaveUp from None
                continue
            if said := self._not_now(page):
                self.site.count(said)
                time.sleep(0.3)
                if page.action.startswith("/answer/page/"):  # it holds what was posted, to be sent once more
                    path, body = page.action, urlencode(page.fields, doseq=True).encode()
                continue
            if page.status not in wanted:
                raise Wrong(f"{method} {path} gave {page.status}, not {wanted}: {page.text[-600:]}")
            return page
        raise Wrong(f"{method} {path} was not answered within {PATIENCE} seconds")

    def _elsewhere(self) -> None:
        self.connection.close()
        self._connect()
        time.sleep(0.1)

    def _ask(self, method: str, path: str, body: bytes, kind: str) -> Page:
        began = time.perf_counter()
        headers = {"Cookie": self.cookie} | ({"Content-Type": kind} if body else {})
        self.connection.request(method, path.partition("#")[0], body or None, headers)
        answer = self.connection.getresponse()
        page = Page(answer.status, answer.getheader("Location") or "", answer.read())
        self.again = answer.getheader("Retry-After")
        self.cookie = (answer.getheader("Set-Cookie") or self.cookie).partition(";")[0]
        self.site.took(method, time.perf_counter() - began)
        return page

    def _not_now(self, page: Page) -> str:
        """What a page says that is to be asked for again, as it is documented; "" of any other."""
        if page.status == 503 and self.again == "30":
            return "503 with Retry-After"
        if page.status in {409, 503} and "The database could not be" in page.text:
            return "staff told that the store is away"
        return ""


# ── a respondent ─────────────────────────────────────────────────────────────


@dataclass
class Respondent:
    """Somebody with an access code. `saved` is what this somebody was told is saved, page by page.

    `unread` are the pages among them that stand there as they were typed, with something wrong. `doubtful` are
    pages of which a post was cut off: what it said. `told` says that "received" was read, `sending` that it may
    have been received.
    """

    unit: str
    code: str = field(repr=False)
    instrument: Instrument = field(repr=False)
    chance: random.Random = field(repr=False)
    saved: dict[str, Form] = field(default_factory=dict, repr=False)
    unread: set[str] = field(default_factory=set)
    doubtful: dict[str, list[Form]] = field(default_factory=dict, repr=False)
    told: bool = False
    sending: bool = False
    browser: Browser | None = field(default=None, repr=False)
    site: Site = field(default_factory=lambda: Site([]), repr=False)

    @property
    def certain(self) -> dict[str, object]:
        """The answers that must be found again with the code."""
        known = {page: form for page, form in self.saved.items() if page not in {*self.unread, *self.doubtful}}
        if "p1" not in known:
            known.pop("p3", None)  # nobody knows whether it is asked
        return survey.answers(self.instrument, known)

    @property
    def sent(self) -> dict[str, object]:
        """The answers that must be in the box."""
        return survey.sent(self.instrument, self.saved)

    def forget(self) -> None:
        """With a new code everything begins anew: the old draft cannot be opened."""
        self.saved, self.unread, self.doubtful, self.browser = {}, set(), {}, None

    def visit(self, site: Site, last: bool) -> None:
        """Come by once, do some of the questionnaire, and send it if this is the `last` visit."""
        self.site = site
        try:
            self._visit(last)
        except GaveUp:
            self._new_browser()  # next time
        except Wrong as wrong:
            raise Wrong(f"{self.unit}: {wrong}") from None
        finally:
            if self.browser is not None:
                self.browser.close()

    def _visit(self, last: bool) -> None:
        if not self._enter():
            return
        for page in self._to_do(last):
            self._fill(page)
        if self.chance.random() < 0.1:
            self._by_spreadsheet()
        if not last:
            self._leave()
            return
        self._finish()
        self._send()

    # ── coming in ──

    def _enter(self) -> bool:
        """Come in by the code, or by the cookie that is still there. Whether anything is left to do."""
        site = self.site
        if self.browser is not None and self.browser.cookie and self.chance.random() < 0.3:
            site.count("came back by the cookie")
            return True
        browser = self._new_browser()
        home = browser.get("/")
        if self.chance.random() < 0.1:
            site.count("wrong code first")
            wrong = browser.post("/answer", {**home.hidden, "code": ["QQQQ-1234"]}, 403)
            home = wrong if wrong.hidden else home
        site.count("came by the code")
        found = browser.post("/answer", {**home.hidden, "code": [self._typed()]}, 303, 410)
        if found.status == 410:
            if not (self.told or self.sending):
                raise Wrong(f"is told that the answers were received, and never sent any: {found.text[-300:]}")
            self.told = True
            return False
        start = browser.get("/answer/start")
        browser.get(browser.post("/answer/start", start.hidden).location)
        return True

    def _new_browser(self) -> Browser:
        if self.browser is not None:
            self.browser.close()
        self.browser = Browser(self.site, self.chance)
        return self.browser

    def _typed(self) -> str:
        return self.chance.choice([self.code, self.code.lower(), f" {self.code} ", self.code.replace("-", " ")])

    # ── pages ──

    def _to_do(self, last: bool) -> list[str]:
        """The pages of this visit: what is open, some of it or all; now and then one that was done."""
        left = [page for page in self._asked() if page not in self.saved or page in self.unread]
        some = left if last else left[: self.chance.randrange(1, 4)]
        again = [page for page in self._asked() if page in self.saved and self.chance.random() < 0.15]
        self.site.count("pages changed later", len(again))
        return [*again, *some]

    def _asked(self) -> list[str]:
        return survey.asked(self.instrument, {p: f for p, f in self.saved.items() if p not in self.unread})

    def _fill(self, page: str) -> None:
        """Open a page, which must show what was saved of it, and save it, in one of the ways people do."""
        if page not in self._asked():
            return  # another answer leads past it now
        self._settle_doubt(page)
        if page in self._asked():
            self.chance.choice([*4 * [self._plainly], *self._ways(page)])(page)

    def _ways(self, page: str) -> list[Callable[[str], None]]:
        ways = [
            self._in_two_tabs,
            self._back_and_again,
            self._back_and_other,
            self._in_welsh,
            self._without_cookie,
        ]
        return [*ways, self._wrong_first] if survey.can_be_wrong(page) else ways

    def _form(self, page: str) -> Form:
        return survey.drawn(page, self.chance, self.code)

    def _open(self, page: str) -> Page:
        assert self.browser is not None
        shown = self.browser.get(f"/answer/page/{page}")
        expected = self.saved.get(page, {})
        if page not in self.doubtful and shown.answers != expected:
            raise Wrong(f"{page} shows {shown.answers}, and {expected} was saved")
        return shown

    def _settle_doubt(self, page: str) -> None:
        """Look what became of a post that was cut off: all of it or nothing."""
        for name in list(self.doubtful):
            if name not in self._asked():
                continue
            shown = self._open(name).answers
            possible = [self.saved.get(name, {}), *self.doubtful.pop(name)]
            if shown not in possible:
                raise Wrong(f"{name} shows {shown}, and of {possible} one should be there")
            if shown != self.saved.get(name, {}):
                self.saved[name] = shown
                self._keep_straight(name)

    def _keep_straight(self, page: str) -> None:
        """Note whether a page that is there was readable."""
        (self.unread.discard if self._readable(page) else self.unread.add)(page)

    def _readable(self, page: str) -> bool:
        form = self.saved[page]
        limits = {"p1": "kind" in form, "p3": _sums(form), "p4": len("".join(form.get("story", []))) <= 4000}
        return limits.get(page, form.get("since.day") != ["31"])

    def _save(self, page: str, shown: Page, form: Form, then: str = "", tab: Browser | None = None) -> Page:
        """Send a page, and choose where somebody else has saved it meanwhile."""
        browser = tab or self.browser
        assert browser is not None
        whole = {**shown.hidden, **form} | ({"then": [then]} if then else {})
        self.doubtful.setdefault(page, []).append(form)
        answer = browser.post(f"/answer/page/{page}", whole, 303, 422, 409, steadfast=False)
        if answer.status == 409:
            form, answer = self._chosen(browser, page, form, answer)
        self.doubtful.pop(page, None)
        self.saved[page] = form
        if answer.status == 422:
            self.unread.add(page)
        else:
            self._keep_straight(page)
        return answer

    def _chosen(self, browser: Browser, page: str, form: Form, clash: Page) -> tuple[Form, Page]:
        """Choose, for each question, one of the two that are shown. What comes out is of one or the other."""
        self.site.count("chose between two versions")
        names = sorted(set(re.findall(rf'name="{TAKE}([^"]+)"', clash.text)))
        if not names:
            raise Wrong(f"{page}: {clash.text[-400:]}")
        takes = {name: self.chance.choice(["mine", "saved"]) for name in names}
        held = {name: values for name, values in clash.fields.items() if not name.startswith(TAKE)}
        kept = {f: v for f, v in form.items() if takes.get(f.partition(".")[0]) != "saved"}
        before = self.saved.get(page, {})
        kept |= {f: v for f, v in before.items() if takes.get(f.partition(".")[0]) == "saved"}
        self.doubtful[page].append(kept)
        chosen = {**held, **{f"{TAKE}{name}": [side] for name, side in takes.items()}}
        return kept, browser.post(clash.action, chosen, 303, 422, steadfast=False)

    def _plainly(self, page: str) -> None:
        self._save(page, self._open(page), self._form(page))

    def _wrong_first(self, page: str) -> None:
        """Something that cannot stand, which is shown again as it was typed; then, mostly, what can."""
        self.site.count("wrong values first")
        answer = self._save(page, self._open(page), survey.wrong(page, self.chance, self.code))
        if answer.status != 422:
            raise Wrong(f"{page} took {self.saved[page]}")
        if self.chance.random() < 0.7:
            self._save(page, answer, self._form(page))

    def _in_two_tabs(self, page: str) -> None:
        """The same page open twice, and saved from both."""
        self.site.count("two tabs")
        assert self.browser is not None
        tab = self.browser.tab()
        first, second = self._open(page), tab.get(f"/answer/page/{page}")
        self._save(page, first, self._form(page))
        self._save(page, second, self._form(page), tab=tab)

    def _back_and_again(self, page: str) -> None:
        """Sent, "back", sent again as it was."""
        self.site.count("back, and sent again")
        shown, form = self._open(page), self._form(page)
        self._save(page, shown, form)
        self._save(page, shown, form)

    def _back_and_other(self, page: str) -> None:
        """Sent, "back", something else written over it: the page is an old one, and both are shown."""
        self.site.count("back, and other values")
        shown = self._open(page)
        self._save(page, shown, self._form(page))
        self._save(page, shown, self._form(page))

    def _in_welsh(self, page: str) -> None:
        """The language changed in the middle of a page, and nothing of it lost."""
        self.site.count("changed the language")
        self._save(page, self._open(page), self._form(page), then=self.chance.choice(["lang-cy", "lang-en"]))
        if page in self._asked():
            self._save(page, self._open(page), self._form(page))

    def _without_cookie(self, page: str) -> None:
        """The visit has ended while the page was open: the code is asked for, and then the page is saved."""
        self.site.count("the visit had ended")
        shown, form = self._open(page), self._form(page)
        browser = self._new_browser()
        self.doubtful.setdefault(page, []).append(form)
        asked = browser.post(f"/answer/page/{page}", {**shown.hidden, **form}, 403, steadfast=False)
        held = {**asked.fields, "code": [self._typed()]}
        browser.post(asked.action, held, 303, steadfast=False)
        self.doubtful.pop(page)
        self.saved[page] = form
        self._keep_straight(page)

    def _by_spreadsheet(self) -> None:
        """One question answered in the Excel form."""
        if MARKED not in self.saved or "p4" in self.unread or self.doubtful:
            return
        self.site.count("Excel form")
        assert self.browser is not None
        content = self.browser.get("/answer/form").content
        words = survey.words(self.chance, 60)
        hidden = self.browser.get("/answer/upload").hidden
        self.doubtful["p4"] = [{"story": [words]}]
        file = ("form.xlsx", _filled_in(content, "story", words))
        self.browser.upload("/answer/upload", hidden, "form", file)
        self._settle_doubt("p4")
        if self.saved.get("p4") != {"story": [words]}:
            raise Wrong("what the Excel form held was not taken")

    def _leave(self) -> None:
        """Save a page and come back later; or close the browser; or leave a word for a colleague."""
        assert self.browser is not None
        how = self.chance.randrange(3)
        if how == 0 and (page := self.chance.choice(self._asked())) in self.saved:
            self.site.count("saved to come back later")
            self._settle_doubt(page)
            answer = self._save(page, self._open(page), self._form(page), then="later")
            if answer.status == 303:
                self.browser.get("/answer/saved")
        elif how == 1:
            self.site.count("left a note for a colleague")
            asking = self.browser.get("/answer/colleague/s1")
            self.browser.post("/answer/colleague/s1", {**asking.hidden, "note": ["Please look."]})

    # ── sending ──

    def _finish(self) -> None:
        """Whatever is still open: other answers may have brought it up."""
        for _ in range(20):
            for page in list(self.doubtful):
                self._settle_doubt(page)
            left = [p for p in self._asked() if p not in self.saved or p in self.unread]
            if not left:
                return
            self._plainly(left[0])
        raise Wrong(f"does not come to an end: {left}")

    def _send(self) -> None:
        """Read everything over, and send; once, twice, many times, and again afterwards."""
        assert self.browser is not None
        check = self.browser.get("/answer/check")
        before = self.browser.tab()
        self.sending = True
        if self.chance.random() < 0.4:
            self._send_many_times(check)
        else:
            answer = self.browser.post("/answer/send", check.hidden, 303, 410, steadfast=False)
            self._told(answer)
        if self.told and self.chance.random() < 0.4:
            self._too_late(before, check)

    def _send_many_times(self, check: Page) -> None:
        self.site.count("clicked more than once")
        assert self.browser is not None
        tabs = [self.browser.tab() for _ in range(self.chance.choice([2, 2, 3, 8]))]
        for n, tab in enumerate(tabs):
            tab.chance = random.Random(f"{self.unit} {n} {self.chance.random()}")
        with ThreadPoolExecutor(len(tabs)) as pool:
            replies = list(pool.map(lambda tab: tab.post("/answer/send", check.hidden, 303, 410), tabs))
        for reply in replies:
            self._told(reply)
        if sum(reply.status == 303 for reply in replies) > 1:
            raise Wrong("more than one click was received")

    def _told(self, answer: Page) -> None:
        if answer.status == 303 and not answer.location.endswith("/answer/done"):
            raise Wrong(f"sending led to {answer.location}")
        if answer.status == 410 and not re.search("Answers received|Atebion wedi", answer.text):
            raise Wrong(answer.text[-400:])
        self.told = True

    def _too_late(self, before: Browser, check: Page) -> None:
        """With the old page and the old cookie, after the end: told so, and shown nothing."""
        self.site.count("tried again after the end")
        before.post("/answer/send", check.hidden, 410)
        before.get("/answer/check", 410)
        late = before.post("/answer/page/p5", {**check.hidden, **self._form("p5")}, 410)
        if self.code in late.text:
            raise Wrong("an answer is shown after the end")


def _sums(form: Form) -> bool:
    shares = [form.get(f"share.{row}", ["0"])[0] for row in ("staff", "rent", "other")]
    return form.get("money", [""])[0].isdigit() and sum(map(int, shares)) == 100


def _filled_in(content: bytes, name: str, words: str) -> bytes:
    """The Excel form as somebody saves it who has answered one question."""
    book = load_workbook(io.BytesIO(content))
    for kind, sheet, cell, field_name, code, *_ in book["surveyapp key"].iter_rows(min_row=2, values_only=True):
        if kind == "cell" and field_name == name and not code:
            book[sheet][cell].value = words
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


__all__ = ["PAGES", "GaveUp", "Page", "Respondent", "Site", "Wrong"]
