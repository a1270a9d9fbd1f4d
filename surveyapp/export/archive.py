"""What all Office files share: text that XML can hold, and an archive without a moment in it."""

import io
import re
import zipfile
from datetime import datetime

EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 (a constant that stands for no time at all)

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def legible(text: str) -> str:
    """`text` with one kind of line end, and a visible mark for each character that XML cannot hold."""
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


_FORMULA = ("=", "+", "-", "@", "\t", "\n", "\r", "\x00", "'", "＝", "＋", "－", "＠")


def csv_text(text: str) -> str:
    """A text for a cell of a CSV file: harmless to spreadsheets, in quotes where it needs them."""
    safe = f"'{text}" if text.startswith(_FORMULA) else text
    quoted = any(c in safe for c in '",\r\n') or safe != safe.strip()
    return '"' + safe.replace('"', '""') + '"' if quoted else safe


def undated(written: bytes) -> bytes:
    """The archive packed again: the same content always gives the same bytes."""
    fixed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(written)) as source,
        zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            target.writestr(_undated(entry), _without_time(entry.filename, source.read(entry)))
    return fixed.getvalue()


def _undated(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(entry.filename, date_time=(2000, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _without_time(name: str, content: bytes) -> bytes:
    """openpyxl stamps the moment of saving."""
    if name != "docProps/core.xml":
        return content
    stamp = EPOCH.isoformat().encode() + b"Z"
    return re.sub(rb"(<dcterms:modified[^>]*>)[^<]*(<)", rb"\g<1>" + stamp + rb"\g<2>", content)
