"""Flask with what costs most of a page done once: addresses are built and found, templates see one dictionary.

What is kept here is the same for every visitor: the addresses of our own pages, never a word of an answer.
"""

from collections.abc import Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from wsgiref.types import WSGIEnvironment

from flask import Flask, Request, Response, has_request_context, request
from flask.templating import Environment
from werkzeug.exceptions import BadHost
from werkzeug.routing import MapAdapter, Rule
from werkzeug.wsgi import get_host

MOST_ADDRESSES = 4096

NAMES = frozenset({"page", "section", "wave"})
"""What of an address may be kept: names that are in a questionnaire or a frame, and never a secret of somebody."""


@lru_cache(MOST_ADDRESSES)
def quoted(anchor: str) -> str:
    """The name of a field as it stands in an address; a field is never named by an answer."""
    return quote(anchor)


class Templates(Environment):
    """Jinja, whose templates share the names of the app instead of a chain of dictionaries each.

    Jinja compares the names of a page with those of every file that it imports macros from; through a chain that
    takes longer than a macro.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The names of the app, unless a template is given more."""
        return super().make_globals(d) if d else self.globals


class Answer(Response):
    """A response that goes to the server as it is: werkzeug copies headers to mend what ours do not need.

    `also` are headers that go with it past werkzeug, which checks and compares each that it is given, and most of
    ours are the same for every page. `public` says that anybody may keep it: a stylesheet, never a page. `pieces`
    is the body once more, as `packing` wants it, if it was packed before.
    """

    also: tuple[tuple[str, str], ...] = ()
    public = False
    pieces = b""

    def get_wsgi_response(self, environ: WSGIEnvironment) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        """As werkzeug's, for a whole response of known length; anything else is left to werkzeug."""
        body: Any = self.response
        whole = isinstance(body, list) and "Content-Length" in self.headers and not self._on_close
        bare = environ["REQUEST_METHOD"] == "HEAD" or self.status_code < 200 or self.status_code in {204, 304}
        if bare or not whole or not self.headers.get("Location", "").isascii():
            self.headers.extend(self.also)
            return super().get_wsgi_response(environ)
        return body, self.status, [*self.headers, *self.also]


_Found = tuple[Rule, dict[str, Any]]


class Addresses(MapAdapter):
    """Where a request leads, looked for once: each search of werkzeug's leaves a cycle behind for the collector.

    `found` is what is kept, by path and method, for all requests of an app.
    """

    def __init__(self, found: dict[tuple[str, str], _Found], *given: Any) -> None:
        super().__init__(*given)
        self.found = found

    def match(self, *given: Any, **wanted: Any) -> Any:
        """As werkzeug's. Only what is found is kept, and no address with anything but `NAMES` in it."""
        if given or wanted != {"return_rule": True}:
            return super().match(*given, **wanted)
        place = self.path_info, self.default_method
        if (known := self.found.get(place)) is not None:
            return known[0], dict(known[1])
        rule, values = super().match(return_rule=True)
        if rule.arguments <= NAMES:
            if len(self.found) >= MOST_ADDRESSES:
                self.found.pop(next(iter(self.found)), None)
            self.found[place] = rule, dict(values)
        return rule, values


@lru_cache(64)
def _checked(host: str) -> str:
    """A name of this site as it may stand in an address; there are few of them. Raises `BadHost`."""
    name, colon, port = host.lower().partition(":")
    try:
        return f"{name.encode('idna').decode('ascii')}{colon}{port}"
    except UnicodeError:
        raise BadHost from None


class LeanFlask(Flask):
    """Flask whose addresses are built once: a page asks for ten of them, the check page for one a question."""

    jinja_environment = Templates
    response_class = Answer

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._built = lru_cache(MOST_ADDRESSES)(self._build)
        self.found: dict[tuple[str, str], _Found] = {}
        """Where addresses led, by path and method."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's for plain requests to the one name that a site has; what is special is left to Flask."""
        bound = self.config["SERVER_NAME"] or self.config["TRUSTED_HOSTS"]
        if request is None or bound or "HTTP_UPGRADE" in request.environ or not request.environ.get("PATH_INFO"):
            return super().create_url_adapter(request)
        request.host = get_host(request.environ)
        where = _checked(request.host), request.root_path or "/", "", request.scheme, request.path
        return Addresses(self.found, self.url_map, *where, request.method, request.query_string.decode("latin-1"))

    @property
    def addresses_kept(self) -> int:
        """How many have been built so far."""
        return self._built.cache_info().currsize

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: no view of ours is a coroutine, and looking takes longer than most of what is called."""
        return func

    def redirect(self, location: str, code: int = 302) -> Answer:
        """The way on, without a page that says so to browsers that do not go there by themselves: none is left."""
        return Answer(status=code, headers={"Location": location, "Content-Length": "0"}, mimetype="text/html")

    def url_for(
        self,
        /,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """As Flask's. Only the names of pages, waves and the like may stand in an address: it is kept."""
        if _method or _scheme or _external or not has_request_context():
            how: dict[str, Any] = {"_anchor": _anchor, "_method": _method, "_scheme": _scheme}
            return super().url_for(endpoint, _external=_external, **how, **values)
        address = self._built(request.script_root, request.blueprint, endpoint, *sorted(values.items()))
        return f"{address}#{quoted(_anchor)}" if _anchor else address

    def _build(self, _root: str, _blueprint: str | None, endpoint: str, *values: tuple[str, Any]) -> str:
        """Where the app is mounted belongs to every address, and what ".page" means depends on who asks."""
        return super().url_for(endpoint, **dict(values))
