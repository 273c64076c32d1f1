"""Whether a file that is not UTF-8 is in cp1252, by all of its bytes.

It is taken for cp1252 (Windows, and of latin-1 all that is no control character) if its bytes make
sense so: letters with accents amid plain ones, typographic quotes, the euro sign. A file of UTF-8
with some damaged records stays UTF-8, and so does what makes sense in neither: its records are
rejected, and the caller names an encoding.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO

import numpy as np
from numpy.typing import NDArray

from common.tables.encodings.encoding import UTF8, Encoding, is_utf8

_CHUNK_BYTES = 1 << 18
_LONGEST_LINE = 64 << 20  # is cut, lest a file without line ends fill the memory
_MOST_UTF8 = 0.01  # lines of valid UTF-8 a line that is not: more, and the file is UTF-8
_MOST_STRANGE = 0.1  # of the bytes above ASCII, what no western text is made of
_MOST_RUNS = 0.1  # of letters with accents, third in a row: words of another alphabet
_MOST_ACCENTS = 0.4  # of letters; text in Cyrillic or Greek has nothing else
_WESTERN = (
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüœŒ‘’“”„–—…•€£¥§©®™°´¨«»‹›¿¡·\u00a0½¼¾ªº"
)

OpenStream = Callable[[], AbstractContextManager[IO[bytes]]]


def find_western(open_stream: OpenStream) -> Encoding:
    """UTF-8 or cp1252; the whole file is read."""
    with open_stream() as stream:
        seen = _Seen()
        for lines in _whole_lines(stream):
            seen.add(lines)
        return seen.encoding()


def _whole_lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The file in chunks that end at a line end, as long as there is one."""
    rest = b""
    while read := stream.read(_CHUNK_BYTES):
        data = rest + read
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if cut or len(data) > _LONGEST_LINE:
            yield data[: cut or len(data)]
            data = data[cut or len(data) :]
        rest = data
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
        above_ascii = [line for line in lines.splitlines() if not line.isascii()]
        others = [line for line in above_ascii if not is_utf8(line)]
        self.utf8_lines += len(above_ascii) - len(others)
        self.other_lines += len(others)
        chars = np.frombuffer(b"\n".join(others), np.uint8)
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
        return Encoding("cp1252", marks=" ".join(shown.decode("cp1252")), mixed=self.utf8_lines > 0)
