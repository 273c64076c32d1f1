"""A text file as a stream of UTF-8, whose encoding may show only on the way.

Without a sign at its start, a file is read as UTF-8 until its reader meets a record that is none.
Then all of its bytes decide (western). If they are cp1252, that record comes once more, decoded,
and so does all that follows. So a file in UTF-8 is read once.
"""

import logging
from typing import IO

from common.tables.encodings.decode import Bytes, decoded
from common.tables.encodings.encoding import UTF8, Encoding, encoding_at_start
from common.tables.encodings.western import OpenStream, find_western

SAMPLE_BYTES = 1 << 16

logger = logging.getLogger(__name__)


class TextStream:
    """Bytes in UTF-8, from the start of a file; its byte order mark is left out.

    encoding: what the file is in, as far as is known. doubtful: whether that may still change.
    sample: the first SAMPLE_BYTES.
    """

    def __init__(
        self,
        source: IO[bytes],
        open_again: OpenStream,
        *,
        name: str | None = None,
        given: str | None = None,
    ) -> None:
        """Look at the start.

        Args:
            source: the file's bytes.
            open_again: opens them from their start, once, if they have to decide.
            name: what the log calls the file; None: it says nothing of it.
            given: a codec.

        Raises:
            SettingsError: if there is no codec of that name.
        """
        start = source.read(SAMPLE_BYTES)
        found = encoding_at_start(start, given=given)
        self.encoding = found or Encoding(UTF8)
        self.doubtful = found is None
        self._open_again, self._name = open_again, name
        self._source = decoded(_Joined(start, source), self.encoding)
        self.sample = self._source.read(SAMPLE_BYTES).removeprefix(b"\xef\xbb\xbf")
        self._unread = self.sample

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end alone."""
        if not self._unread:
            return self._source.read(size)
        piece, self._unread = self._unread[:size], self._unread[size:]
        return piece + self._source.read(size - len(piece)) if len(piece) < size else piece

    def decide(self, last: bytes) -> bool:
        """Look at the whole file; if it is cp1252, the ``last`` bytes are read once more, as such.

        Args:
            last: whole lines that were read last, and are not UTF-8.

        Returns:
            Whether it is cp1252.
        """
        self.doubtful = False
        found = find_western(self._open_again)
        if found.name == UTF8:
            return False
        if self._name:
            logger.info("%s is in %s (%s)", self._name, found.name, found.marks)
        rest = _Joined(last + self._unread, self._source)
        self.encoding, self._unread = found, b""
        self._source = decoded(rest, found, at_start=False)
        return True


class _Joined:
    """Some bytes, and the stream behind them."""

    def __init__(self, start: bytes, rest: Bytes) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int, /) -> bytes:
        piece, self._start = self._start[:size], self._start[size:]
        return piece or self._rest.read(size)

    def readline(self) -> bytes:
        line, end, self._start = self._start.partition(b"\n")
        return line + end if end else line + self._rest.readline()
