"""The forms on a page, as a browser would send them untouched."""

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

Fields = tuple[tuple[str, str], ...]
"""Names and values in the order of the page; a name may stand in it many times."""

_SILENT = {"submit", "button", "image", "reset"}


@dataclass(frozen=True)
class Form:
    """Where a form goes, and what it holds before anybody touches it.

    `buttons` are the names and values of which one is sent; `files` the fields that take a file.
    """

    page: str
    action: str
    method: str
    fields: Fields = ()
    choices: Fields = ()
    buttons: Fields = ()
    files: tuple[str, ...] = ()
    multipart: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that it sends or could send, but for the token."""
        found = (*self.fields, *self.choices, *self.buttons, *((name, "") for name in self.files))
        return tuple(name for name in dict.fromkeys(name for name, _ in found) if name != "csrf_token")

    @property
    def kind(self) -> tuple[object, ...]:
        """What forms have in common that are made by the same template."""
        return urlsplit(self.action).path, self.method, self.names


@dataclass
class _Open:
    form: Form
    select: str = ""
    chosen: list[str] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)
    words: str | None = None
    area: str = ""
    elsewhere: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """Reads forms, links, and what must not be in any page: markup that somebody sent."""

    def __init__(self, at: str, text: str, mark: str) -> None:
        super().__init__(convert_charrefs=True)
        self.at, self.mark = at, mark
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.smuggled: list[str] = []
        self._now: _Open | None = None
        self._script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Forms and their fields; attributes and addresses that run something."""
        given = {name: value or "" for name, value in attrs}
        self._look(tag, given)
        if tag == "a" and given.get("href"):
            self.links.append(urldefrag(urljoin(self.at, given["href"]))[0])
        elif tag == "form":
            action = urldefrag(urljoin(self.at, given.get("action") or self.at))[0]
            form = Form(self.at, action, given.get("method", "get").upper())
            self._now = _Open(replace(form, multipart="multipart" in given.get("enctype", "")))
        elif self._now is not None:
            self._field(self._now, tag, given)

    def handle_endtag(self, tag: str) -> None:
        """A form, a list or a text ends."""
        now = self._now
        self._script = False
        if now is None:
            return
        if tag == "form":
            self.forms += [now.form, *(replace(now.form, action=action) for action in now.elsewhere)]
            self._now = None
        elif tag == "select":
            for value in now.chosen or now.offered[:1]:
                now.form = replace(now.form, fields=(*now.form.fields, (now.select, value)))
            more = tuple((now.select, value) for value in now.offered)
            now.form, now.select = replace(now.form, choices=(*now.form.choices, *more)), ""
        elif tag == "textarea" and now.words is not None:
            now.form = replace(now.form, fields=(*now.form.fields, (now.area, now.words.removeprefix("\n"))))
            now.words = None

    def handle_data(self, data: str) -> None:
        """Words of a text; the words of a script must be ours."""
        if self._script and self.mark in data:
            self.smuggled.append(data)
        if self._now is not None and self._now.words is not None:
            self._now.words += data

    def _look(self, tag: str, given: dict[str, str]) -> None:
        self._script = tag in {"script", "style"}
        if given.get("srcdoc"):
            self.smuggled += Page(self.at, given["srcdoc"], self.mark).smuggled
        runs = [name for name in given if name.startswith("on") or name == "style"]
        asks = [value for name, value in given.items() if name in {"href", "src", "action", "formaction"}]
        led = [
            value
            for value in asks
            if value.strip().lower().startswith(("javascript:", "data:text", "//", "vbscript:"))
        ]
        abroad = [value for value in asks if self.mark in urlsplit(value).netloc]
        if runs or led or abroad or tag.startswith(self.mark) or self.mark in "".join(given):
            self.smuggled.append(f"<{tag} {given}>")

    def _field(self, now: _Open, tag: str, given: dict[str, str]) -> None:
        name, value, kind = given.get("name", ""), given.get("value", ""), given.get("type", "text")
        form = now.form
        if tag == "select":
            now.select, now.chosen, now.offered = name, [], []
        elif tag == "option" and now.select:
            now.offered.append(value)
            now.chosen += [value] if "selected" in given else []
        elif given.get("formaction"):
            now.elsewhere.append(urldefrag(urljoin(self.at, given["formaction"]))[0])
        if not name or tag in {"select", "option"}:
            return
        if tag == "textarea":
            now.area, now.words = name, ""
        elif tag == "button" or kind in _SILENT:
            now.form = replace(form, buttons=(*form.buttons, (name, value)))
        elif kind == "file":
            now.form = replace(form, files=(*form.files, name))
        elif kind in {"checkbox", "radio"}:
            value = value or "on"
            fields = ((name, value),) if "checked" in given else ()
            now.form = replace(form, choices=(*form.choices, (name, value)), fields=(*form.fields, *fields))
        elif tag == "input":
            now.form = replace(form, fields=(*form.fields, (name, value)))
