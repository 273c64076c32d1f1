"""Count what a packed file really unpacks to: what it states of its own size is never trusted."""

import io
from typing import IO, Any


class Counted(io.RawIOBase):
    """What a stream unpacks to, up to a limit.

    Args:
        source: unpacks as it is read.
        max_bytes: most that it may give.
        broken: what ``source`` raises where it is damaged.
        damaged: raised in its place.
        too_large: raised where there is more.
    """

    def __init__(
        self,
        source: IO[bytes],
        *,
        max_bytes: int,
        broken: tuple[type[Exception], ...],
        damaged: Exception,
        too_large: Exception,
    ) -> None:
        super().__init__()
        self._source, self._left = source, max_bytes
        self._broken, self._damaged, self._too_large = broken, damaged, too_large

    def readable(self) -> bool:
        """It is read and nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next."""
        try:
            piece = self._source.read(len(buffer))
        except self._broken:
            raise self._damaged from None
        self._left -= len(piece)
        if self._left < 0:
            raise self._too_large
        buffer[: len(piece)] = piece
        return len(piece)
