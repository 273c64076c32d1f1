"""Which encoding a file of text is in, by all of its bytes, and the same bytes in UTF-8.

UTF-8, with or without a byte order mark, and UTF-16 are recognised for sure. A file is taken for
cp1252 (Windows, and of latin-1 all that is no control character) if it is not UTF-8 and its bytes
make sense so: letters with accents amid plain ones, typographic quotes, the euro sign. A file of
UTF-8 with some damaged records stays UTF-8, and so does what makes sense in neither: its records
are rejected, and the caller names an encoding.
"""

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from common.errors import DataError

UTF8 = "utf-8"
_CHUNK_BYTES = 1 << 18
_LONGEST_LINE = 64 << 20  # is cut, lest a file without line ends fill the memory
_MOST_UTF8 = 0.01  # lines of valid UTF-8 a line that is not: more, and the file is UTF-8
_MOST_STRANGE = 0.1  # of the bytes above ASCII, what no western text is made of
_MOST_RUNS = 0.1  # of letters with accents, third in a row: words of another alphabet
_MOST_ACCENTS = 0.4  # of letters; text in Cyrillic or Greek has nothing else
_WESTERN = (
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüœŒ‘’“”„–—…•€£¥§©®™°´¨«»‹›¿¡·\u00a0½¼¾ªº"
)
_MARKS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

OpenStream = Callable[[], AbstractContextManager[IO[bytes]]]
IsUtf8 = Callable[[bytes], bool]


@dataclass(frozen=True)
class Encoding:
    """A codec's name, and whether the file starts with a byte order mark.

    marks: some of the characters above ASCII that made a file cp1252, to be shown.
    faultless: all bytes of the file are valid in it, as far as was looked.
    """

    name: str
    bom: bool = False
    marks: str = ""
    faultless: bool = False

    @property
    def reason(self) -> str:
        """Why a record is rejected that does not decode."""
        return f"not {self.name.upper() if self.name.startswith('utf') else self.name}"


def is_utf8(data: bytes) -> bool:
    """Whether bytes are valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def find_encoding(
    open_stream: OpenStream, *, given: str | None = None, valid: IsUtf8 = is_utf8
) -> Encoding:
    """Look at the whole file; where a codec is ``given``, at its start alone.

    Args:
        open_stream: opens the bytes from their start; called again where they are not UTF-8.
        given: a codec.
        valid: tells UTF-8, where there is a faster way than Python's.

    Raises:
        DataError: if there is no codec of that name.
    """
    with open_stream() as stream:
        start = stream.read(_CHUNK_BYTES)
        mark = next((m for m in _MARKS if start.startswith(m[0])), None)
        if given is not None:
            return Encoding(_checked(given), bom=mark is not None)
        if mark is not None and mark[1] != UTF8:
            return Encoding(mark[1], bom=True)
        if mark is None and (wide := _utf16_without_mark(start)):
            return Encoding(wide)
        if all(chars.isascii() or valid(chars) for chars in _whole_characters(start, stream)):
            return Encoding(UTF8, bom=mark is not None, faultless=True)
    if mark is not None:
        return Encoding(UTF8, bom=True)
    with open_stream() as stream:
        seen = _Seen()
        for lines in _whole_lines(stream.read(_CHUNK_BYTES), stream):
            seen.add(lines)
        return seen.encoding()


def decoded(stream: IO[bytes], encoding: Encoding) -> IO[bytes]:
    """The stream in UTF-8; bytes that the encoding does not have become bytes that are no UTF-8."""
    if encoding.name == UTF8:
        return stream
    return io.BufferedReader(_Decoded(stream, encoding.name), buffer_size=1 << 20)


def _checked(name: str) -> str:
    try:
        codec = codecs.lookup(name)
        "a".encode(name)
    except (LookupError, ValueError, TypeError):
        raise DataError(
            f"{name!r} is no encoding of text; ENCODING= (ingestion.encoding) takes utf-8, utf-16, "
            "cp1252, latin-1 or another that Python knows"
        ) from None
    return UTF8 if codec.name in ("utf-8", "utf-8-sig") else name


def _utf16_without_mark(start: bytes) -> str | None:
    """Plain characters, with which a header starts, have a zero in every other byte of UTF-16."""
    zeros = [byte == 0 for byte in start[:4]]
    if zeros == [False, True] * 2:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False] * 2 else None


def _whole_characters(start: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """The file in chunks that part no character of UTF-8."""
    rest = b""
    while start:
        data = rest + start if rest else start
        cut = len(data)
        for back in range(1, min(4, len(data) + 1)):
            if data[-back] >= 0xC0:  # the first byte of a character, and says how many follow
                length = 2 + (data[-back] >= 0xE0) + (data[-back] >= 0xF0)
                cut -= back if back < length else 0
            if data[-back] < 0x80 or data[-back] >= 0xC0:
                break
        yield data[:cut]
        rest, start = data[cut:], stream.read(_CHUNK_BYTES)
    yield rest


def _whole_lines(start: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """The file in chunks that end at a line end, as long as there is one."""
    rest = b""
    while start:
        data = rest + start
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if cut or len(data) > _LONGEST_LINE:
            yield data[: cut or len(data)]
            data = data[cut or len(data) :]
        rest = data
        start = stream.read(_CHUNK_BYTES)
    yield rest


@dataclass
class _Seen:
    """Lines with characters above ASCII: those of UTF-8, and the bytes of the others."""

    utf8_lines: int = 0
    other_lines: int = 0
    runs: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))

    def add(self, lines: bytes) -> None:
        if lines.isascii():
            return
        for line in _above_ascii(lines):
            if is_utf8(line):
                self.utf8_lines += 1
            else:
                self.other_lines += 1
                chars = np.frombuffer(line, np.uint8)
                self.counts += np.bincount(chars, minlength=256)
                accents = chars >= 0xC0
                self.runs += int((accents[2:] & accents[1:-1] & accents[:-2]).sum())

    def encoding(self) -> Encoding:
        if self.utf8_lines > _MOST_UTF8 * self.other_lines:
            return Encoding(UTF8)
        high = self.counts[128:]
        western = np.zeros(128, bool)
        western[[byte - 128 for byte in _WESTERN.encode("cp1252")]] = True
        strange = int(high[~western].sum()) + int(self.counts[:9].sum())
        letters = sum(int(self.counts[ord(a) : ord(z) + 1].sum()) for a, z in ("az", "AZ"))
        accents = int(self.counts[0xC0:].sum())
        if (
            strange > _MOST_STRANGE * high.sum()
            or accents > _MOST_ACCENTS * (letters + accents)
            or self.runs > _MOST_RUNS * accents
        ):
            return Encoding(UTF8)
        order = [int(byte) + 128 for byte in np.argsort(-high, kind="stable")[:5] if high[byte]]
        shown = bytes(byte for byte in order if western[byte - 128] and byte != 0xA0)
        return Encoding("cp1252", marks=" ".join(shown.decode("cp1252")))


def _above_ascii(lines: bytes) -> Iterable[bytes]:
    return (line for line in lines.splitlines() if not line.isascii())


class _Decoded(io.RawIOBase):
    """Bytes of another encoding as UTF-8."""

    def __init__(self, source: IO[bytes], name: str) -> None:
        super().__init__()
        self._source, self._name = source, name
        # What a codec of characters of several bytes can't read must stay a fault: half a
        # surrogate pair in UTF-16, a byte without meaning elsewhere.
        self._errors = "surrogatepass" if name.lower().startswith("utf") else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(name)(self._errors)
        self._ready = b""
        self._done = False

    def readable(self) -> bool:
        """It is read and nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next."""
        while not self._ready and not self._done:
            piece = self._source.read(len(buffer))
            self._done = not piece
            self._ready = self._decode(piece)
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def _decode(self, piece: bytes) -> bytes:
        try:
            text = self._decoder.decode(piece, final=self._done)
        except UnicodeDecodeError:
            if self._done:
                return b"\xff"  # the file ends amid a character
            raise DataError(
                f"the file is not {self._name} throughout; name another ENCODING="
            ) from None
        return text.encode(UTF8, self._errors)
