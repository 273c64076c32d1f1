"""A CSV opened: its encoding and delimiter found, or as the caller names them, and said once."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from common.tables.delimited.blocks import BLOCK_BYTES, Blocks, read_blocks
from common.tables.delimited.dialect import NO_DELIMITER, checked_delimiter
from common.tables.encodings.encoding import UTF8, Encoding, IsUtf8, is_utf8
from common.tables.encodings.stream import TextStream
from common.tables.encodings.western import OpenStream
from common.tables.form import Form

logger = logging.getLogger(__name__)


class CsvText(NamedTuple):
    """Blocks of records in UTF-8. source: the stream of the file's own bytes."""

    blocks: Blocks
    stream: TextStream
    source: IO[bytes]

    @property
    def encoding(self) -> Encoding:
        """What the file is in, as far as the blocks were read."""
        return self.stream.encoding

    @property
    def form(self) -> Form:
        """What was found to read the file by, as far as the blocks were read."""
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
        open_stream: opens the uncompressed bytes from their start; it is called again if the file
            is not UTF-8.
        name: what errors and the log call the file.
        encoding: a Python codec; None: found in the file.
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
    with open_stream() as source:
        stream = TextStream(source, open_stream, name=name if log else None, given=encoding)
        blocks = read_blocks(
            stream,
            name=name,
            block_bytes=block_bytes,
            max_open=max_open,
            delimiter=sign,
            valid=valid,
        )
        text = CsvText(blocks, stream, source)
        usual = (UTF8, ","), (UTF8, NO_DELIMITER)
        if log and (text.encoding.name, blocks.delimiter) not in usual:
            logger.info("reading %s: %s", name, text.form.described)
        yield text
