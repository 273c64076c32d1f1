"""Which encoding a file of text is in, as far as its start shows it, or a caller names it.

UTF-8 with a byte order mark and UTF-16 with or without one are recognised here for sure. All else
is UTF-8 until a record is none (stream).
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import SettingsError

UTF8 = "utf-8"
_NO_FILES = ("idna", "punycode", "undefined")
_ONE_ORDER = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}  # where a file does not say which
_SHOWN = re.compile(r"\\xed\\xb([0-3])\\x([0-9a-f]{2})")
_MARKS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


IsUtf8 = Callable[[bytes | memoryview], bool]


@dataclass(frozen=True)
class Encoding:
    """A codec's name, and whether the file starts with a byte order mark.

    marks: some of the characters above ASCII that made a file cp1252, to be shown.
    mixed: lines of UTF-8 stand between those of a single-byte encoding.
    """

    name: str
    bom: bool = False
    marks: str = ""
    mixed: bool = False

    @property
    def reason(self) -> str:
        """Why a record is rejected that does not decode."""
        return f"not {self.name.upper() if self.name.startswith('utf') else self.name}"

    def shown(self, record: str) -> str:
        """A rejected record, shown with backslashes, with the bytes that stand in the file."""
        if self.name == UTF8:
            return record
        return _SHOWN.sub(lambda m: f"\\x{int(m[1], 16) << 6 | int(m[2], 16) & 0x3F:02x}", record)


def encoding_at_start(start: bytes, *, given: str | None = None) -> Encoding | None:
    """What the first bytes of a file show, or the codec that is ``given``; None: to be found.

    Raises:
        SettingsError: if there is no codec of that name.
    """
    mark = next((m for m in _MARKS if start.startswith(m[0])), None)
    if given is not None:
        name = _checked(given)
        if name in _ONE_ORDER and (mark is None or mark[1] != name):
            name = _utf16_without_mark(start) or _ONE_ORDER[name]
        return Encoding(name, bom=mark is not None)
    if mark is not None:
        return Encoding(mark[1], bom=True)
    wide = _utf16_without_mark(start)
    return Encoding(wide) if wide else None


def is_utf8(data: bytes | memoryview) -> bool:
    """Whether bytes are valid UTF-8."""
    try:
        str(data, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _checked(given: str) -> str:
    try:
        name = codecs.lookup(given).name
        "a".encode(name)
    except (LookupError, ValueError, TypeError):
        name = ""
    if not name or name in _NO_FILES:
        raise SettingsError(
            f"{given!r} is no encoding of text; ENCODING= (ingestion.encoding) takes utf-8, "
            "utf-16, cp1252, latin-1 or another that Python knows"
        )
    return UTF8 if name == "utf-8-sig" else name


def _utf16_without_mark(start: bytes) -> str | None:
    """Of a header's characters, mostly ASCII, each has a zero, and nearly all in one place."""
    blank = len(start) - len(start.lstrip(b"\r\n\0"))  # lines before the header
    line_end = next((at for at in range(blank, len(start)) if start[at] in b"\r\n"), len(start))
    even, odd = start[: line_end + 1 : 2].count(0), start[1 : line_end + 1 : 2].count(0)
    if start.count(0) < 0.02 * len(start) or max(even, odd) <= 2 * min(even, odd):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"
