"""Pages on which nothing of a visitor stands: rendered once, then given to each with a nonce and token of its own.

Most pages are opened before anything has been answered on them, and then the same page goes to every respondent of
a wave. The templates stay its one source: what is kept here is what they made, cut where nonce and tokens stand,
and each piece beside it as it is packed for slow lines.
No answer, no name and no code is on such a page; whoever keeps one says on what else it depends.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from flask import Flask, current_app, g, render_template, request

from surveyapp import privacy
from surveyapp.web import brand, languages, packing, tokens
from surveyapp.web.lean import Answer

MOST = 256
"""Pages kept in a process at once: some megabytes."""

_NONCE, _TOKEN = (privacy.new_token() for _ in range(2))
"""What stands for them while a page is rendered: nobody can have written it into a text."""

_MARKS = re.compile(f"({_NONCE}|{_TOKEN})")


class Same:
    """A thing as a key that is equal to itself alone, and that stays while it is in use."""

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


def install(app: Flask) -> None:
    """Let an app keep pages."""
    app.extensions["kept"] = {}


def page(template: str, depends_on: Hashable, context: Callable[[], Mapping[str, Any]]) -> Answer:
    """A page that is the same for everybody for whom `depends_on`, language, looks and path are the same.

    `context` makes what the template is given; it is asked once.
    """
    kept: dict[Hashable, list[_Piece]] = current_app.extensions["kept"]
    key = (template, depends_on, languages.spoken(), brand.worn(), request.script_root, request.path)
    pieces = kept.get(key)
    if pieces is None:
        pieces = [_piece(text) for text in _rendered(template, context())]
        if len(kept) >= MOST:
            kept.pop(next(iter(kept)), None)
        kept[key] = pieces
    return _put_together(pieces)


_Piece = tuple[bytes, bytes] | str
"""What is the same for everybody, as it is and packed; or a mark."""


def _piece(text: str) -> _Piece:
    return text if text in {_NONCE, _TOKEN} else (text.encode(), packing.piece(text.encode()))


def _put_together(pieces: list[_Piece]) -> Answer:
    own = {_NONCE: g.nonce, _TOKEN: tokens.token() if _TOKEN in pieces else ""}
    words = {mark: (text.encode(), packing.word(text.encode())) for mark, text in own.items()}
    whole = [words[piece] if isinstance(piece, str) else piece for piece in pieces]
    answer = Answer(b"".join([plain for plain, _ in whole]))
    answer.pieces = b"".join([packed for _, packed in whole])
    return answer


def _rendered(template: str, context: Mapping[str, Any]) -> list[str]:
    """The page in pieces, marks among them. A token or a nonce of this visitor must not be in any."""
    visitor = g.nonce
    whole = render_template(template, **context, csp_nonce=_NONCE, csrf_token=lambda: _TOKEN)
    if "csrf_token" in g or visitor in whole:
        raise RuntimeError(f"{template} asks for a token or a nonce without its context; it cannot be kept")
    return _MARKS.split(whole)
