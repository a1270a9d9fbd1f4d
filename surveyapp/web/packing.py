"""Packing pages for slow lines: a page of a large grid is forty thousand bytes, and packed a tenth of that.

The length of a packed page would depend on which answers stand on it, and whoever watches an encrypted line sees
lengths. So every page is filled up to the next `STEP` bytes. What an attacker would have to write into a page, to
guess at the rest of it by its length, no page takes from an address.
"""

import struct
import zlib
from functools import lru_cache

from flask import Flask, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from surveyapp.web.lean import Answer

STEP = 1024
_WORTH = 1000
_VARY = ("Vary", "Accept-Encoding")
_EXTRA = 0x04  # RFC 1952: a field in the head of a packed file that nobody has to read
_HEAD = struct.Struct("<4BL2BH")
_AS_IT_IS = struct.Struct("<B2H")  # RFC 1951: a block that is not packed
_LAST = b"\x03\x00"  # an empty block, which ends the others


def pack_pages(app: Flask) -> None:
    """Pack what the app answers, for browsers that can unpack it."""

    @app.after_request
    def _pack(response: Answer) -> Answer:
        if response.mimetype != "text/html" or response.is_streamed:
            return response
        response.also += (_VARY,)
        content = response.get_data()
        if len(content) >= _WORTH and _unpacks(request.headers.get("Accept-Encoding", "")):
            response.set_data(packed(content, response.pieces))
            response.headers["Content-Encoding"] = "gzip"
        return response


@lru_cache(64)
def _unpacks(accepted: str) -> bool:
    """Whether a browser that accepts this can unpack; there are few kinds of them."""
    return parse_accept_header(accepted, Accept)["gzip"] > 0


def packed(content: bytes, pieces: bytes = b"") -> bytes:
    """The content as gzip whose length is a multiple of `STEP`; `pieces` are the same content, packed before."""
    body = pieces + _LAST if pieces else _deflated(content, zlib.Z_FINISH)
    body += struct.pack("<LL", zlib.crc32(content), len(content) % 2**32)
    filling = -(_HEAD.size + len(body)) % STEP
    return _HEAD.pack(0x1F, 0x8B, 8, _EXTRA, 0, 0, 255, filling) + bytes(filling) + body


def piece(content: bytes) -> bytes:
    """A piece of a page, packed so that it can stand between others whatever they are."""
    return _deflated(content, zlib.Z_FULL_FLUSH)


def word(content: bytes) -> bytes:
    """A piece that is made for one page, as it is; of 65,535 bytes at most."""
    return _AS_IT_IS.pack(0, len(content), len(content) ^ 0xFFFF) + content


def _deflated(content: bytes, ending: int) -> bytes:
    packer = zlib.compressobj(level=6, wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush(ending)
