"""A stream of bytes in any encoding as a stream of UTF-8.

Bytes that the encoding does not have become bytes that are no UTF-8, so that their record alone is
rejected.
"""

import codecs
import io
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from common.tables.encodings.encoding import UTF8, Encoding, is_utf8

_SLIPPED = 0x0A00  # no character of UTF-16: a line end, parted by an odd byte before it
_UNDECODED = "mark what cannot be decoded"


class Bytes(Protocol):
    """A stream, as far as it is used."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end alone."""
        ...

    def readline(self) -> bytes:
        """The rest of a line, with its end."""
        ...


def decoded(stream: Bytes, encoding: Encoding, *, at_start: bool = True) -> Bytes:
    """The stream in UTF-8.

    Args:
        stream: bytes in the encoding.
        encoding: of the file.
        at_start: whether the stream starts where the file does, with a mark perhaps.
    """
    if encoding.name == UTF8:
        return stream
    return io.BufferedReader(_Decoded(stream, encoding, at_start), buffer_size=1 << 20)


class _Decoded(io.RawIOBase):
    """Bytes of another encoding as UTF-8."""

    def __init__(self, source: Bytes, encoding: Encoding, at_start: bool) -> None:
        super().__init__()
        self._source, self._encoding = source, encoding
        wide = encoding.name.startswith("utf-16")
        self._decode = _Utf16(encoding.name) if wide else _decoder(encoding)
        self._ready = b""
        self._may_be_mark, self._done = at_start, False

    def readable(self) -> bool:
        """It is read and nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next."""
        while not self._ready and not self._done:
            piece = self._source.read(len(buffer))
            self._done = not piece
            if self._encoding.mixed:
                piece += self._source.readline()
            if self._may_be_mark:  # which says more than a single-byte codec that was named
                self._may_be_mark = False
                piece = piece.removeprefix(codecs.BOM_UTF8)
            self._ready = self._decode(piece, self._done).encode(UTF8, "surrogatepass")
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


def _mark_undecoded(error: UnicodeError) -> tuple[str, int]:
    """A lone surrogate, which UTF-8 does not have, for each byte that cannot be decoded."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in wrong), error.end


codecs.register_error(_UNDECODED, _mark_undecoded)


def _decoder(encoding: Encoding) -> Callable[[bytes, bool], str]:
    decode = codecs.getincrementaldecoder(encoding.name)(_UNDECODED).decode

    def by_line(piece: bytes, final: bool) -> str:
        """A line of UTF-8 in a file of another encoding is not of that: all of it is marked."""
        return "".join(
            line.decode("ascii", _UNDECODED)
            if not line.isascii() and is_utf8(line)
            else decode(line, final)
            for line in piece.splitlines(keepends=True)
        )

    return by_line if encoding.mixed else decode


class _Utf16:
    """Decodes UTF-16; what a missing or surplus byte spoils ends with its line."""

    def __init__(self, name: str) -> None:
        self._name, self._rest = name, b""

    def __call__(self, piece: bytes, final: bool) -> str:
        data = self._rest + piece
        if self._name == "utf-16" and len(data) > 1:
            self._name = "utf-16-be" if data.startswith(codecs.BOM_UTF16_BE) else "utf-16-le"
            data = data.removeprefix(codecs.BOM_UTF16_BE).removeprefix(codecs.BOM_UTF16_LE)
        little = self._name != "utf-16-be"
        decode = codecs.utf_16_le_decode if little else codecs.utf_16_be_decode
        texts = []
        while line_end := _slipped_line_end(data, little=little):
            texts.append(decode(data[:line_end], _UNDECODED, True)[0])
            data = data[line_end:]
        # The last unit waits, as the next read may show that a line end begins in it.
        whole = len(data) if final else max(len(data) // 2 * 2 - 2, 0)
        text, used = decode(data[:whole], _UNDECODED, final)
        self._rest = data[used:]
        return "".join((*texts, text))


def _slipped_line_end(data: bytes, *, little: bool) -> int:
    """Where a line end starts that lies across two units; 0 if there is none."""
    units = np.frombuffer(data, "<u2" if little else ">u2", count=len(data) // 2)
    slips = np.flatnonzero(units[1:] == _SLIPPED)[:1] + 1
    return int(2 * slips[0]) + (1 if little else -1) if len(slips) else 0
