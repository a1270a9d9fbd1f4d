"""Flask with what costs most of a page done once: addresses are built once, templates see one dictionary of names.

What is kept here is the same for every visitor: the addresses of our own pages, never a word of an answer.
"""

from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from flask import Flask, has_request_context, request
from flask.templating import Environment

MOST_ADDRESSES = 4096


class Templates(Environment):
    """Jinja, whose templates share the names of the app instead of a chain of dictionaries each.

    Jinja compares the names of a page with those of every file that it imports macros from; through a chain that
    takes longer than a macro.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The names of the app, unless a template is given more."""
        return super().make_globals(d) if d else self.globals


class LeanFlask(Flask):
    """Flask whose addresses are built once: a page asks for ten of them, the check page for one a question."""

    jinja_environment = Templates

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._built = lru_cache(MOST_ADDRESSES)(self._build)

    @property
    def addresses_kept(self) -> int:
        """How many have been built so far."""
        return self._built.cache_info().currsize

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
        return f"{address}#{quote(_anchor)}" if _anchor else address

    def _build(self, _root: str, _blueprint: str | None, endpoint: str, *values: tuple[str, Any]) -> str:
        """Where the app is mounted belongs to every address, and what ".page" means depends on who asks."""
        return super().url_for(endpoint, **dict(values))
