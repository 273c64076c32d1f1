"""A CSV opened: its encoding and delimiter found, or as the caller names them, and said once."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from common.tables.blocks import BLOCK_BYTES, Blocks, read_blocks
from common.tables.dialect import NO_DELIMITER, checked_delimiter
from common.tables.encoding import (
    UTF8,
    Encoding,
    IsUtf8,
    OpenStream,
    decoded,
    find_encoding,
    is_utf8,
)
from common.tables.form import Form

logger = logging.getLogger(__name__)


class CsvText(NamedTuple):
    """Blocks of records in UTF-8. source: the stream of the file's own bytes."""

    blocks: Blocks
    encoding: Encoding
    source: IO[bytes]

    @property
    def form(self) -> Form:
        """What was found to read the file by."""
        sign = None if self.blocks.delimiter == NO_DELIMITER else self.blocks.delimiter
        return Form("csv", self.encoding.name, self.encoding.bom, sign)


@contextmanager
def open_csv(
    open_stream: OpenStream,
    *,
    name: str,
    encoding: str | None = None,
    delimiter: str | None = None,
    block_bytes: int = BLOCK_BYTES,
    max_open: int | None = None,
    valid: IsUtf8 = is_utf8,
    log: bool = True,
) -> Iterator[CsvText]:
    """Open the CSV and read its header.

    Args:
        open_stream: opens the uncompressed bytes from their start; it is called two or three times.
        name: what errors and the log call the file.
        encoding: a Python codec; None: found in all bytes of the file.
        delimiter: one ASCII character or "tab"; None: found in the first lines.
        block_bytes: how much to read at a time.
        max_open: how long an unfinished record, or the header, may get; by default a block.
        valid: tells UTF-8.
        log: whether to say how the file is read, where that is not as usual.

    Raises:
        SettingsError: for an unknown encoding or delimiter.
        DataError: as ``read_blocks`` does.
    """
    sign = None if delimiter is None else checked_delimiter(delimiter)
    found = find_encoding(open_stream, given=encoding, valid=valid)
    with open_stream() as source:
        blocks = read_blocks(
            decoded(source, found),
            name=name,
            block_bytes=block_bytes,
            max_open=max_open,
            delimiter=sign,
        )
        text = CsvText(blocks, found, source)
        if log and (found.name, blocks.delimiter) not in ((UTF8, ","), (UTF8, NO_DELIMITER)):
            marks = f" ({found.marks})" if found.marks else ""
            logger.info("reading %s: %s%s", name, text.form.described, marks)
        yield text
