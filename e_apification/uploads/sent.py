"""A table in the body of a request: which types are taken, and the stream that a reader opens."""

import io
from functools import partial
from typing import Any, Final, NamedTuple

from fastapi import Request

from common.errors import DataError
from common.tables.encodings.western import OpenStream
from e_apification.http.payloads import read_body, require_type, stated_encoding
from e_apification.uploads.archives import is_document, open_only_table

CSV: Final = "text/csv"
_ZIP = ("application/zip", "application/x-zip-compressed")
_ANY = "application/octet-stream"  # the content says what it is
TABLES: Final = (
    CSV,
    "text/tab-separated-values",
    "application/x-ndjson",
    "application/jsonl",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/gzip",
    *_ZIP,
    _ANY,
)
_PACKED = (b"PK\x03\x04", b"\x1f\x8b")


class Sent(NamedTuple):
    """A table as it was sent; max_bytes: most that it may unpack to; encoding: as stated."""

    body: bytes
    media_type: str
    max_bytes: int
    encoding: str | None = None

    def opened(self) -> OpenStream:
        """What opens the file: of a ZIP the only one in it, all else as it was sent.

        Raises:
            ApiError: 400 where it is no ZIP of one table; 413 (while it is read) where that
                unpacks to more than ``max_bytes``.
            DataError: where it is packed, and named text.
        """
        if self.media_type.startswith("text/") and self.body.startswith(_PACKED):
            raise DataError("it is packed; name its type: application/gzip or application/zip")
        zipped = self.media_type == _ANY and self.body.startswith(_PACKED[0])
        if self.media_type in _ZIP or (zipped and not is_document(self.body)):
            return partial(open_only_table, self.body, max_bytes=self.max_bytes)
        return partial(io.BytesIO, self.body)


async def receive(
    request: Request, *, max_mb: float, timeout_s: float, also: tuple[str, ...] = ()
) -> Sent:
    """The table that a request brings, or a body of one of the types in ``also``.

    Raises:
        ApiError: 415 where it is named something else, 413 too large, 408 too slow.
    """
    media_type = require_type(request, *also, *TABLES)
    encoding = stated_encoding(request)
    body = await read_body(request, max_mb=max_mb, timeout_s=timeout_s)
    return Sent(body, media_type, int(max_mb * 1_000_000), encoding)


def takes_tables(example: str) -> dict[str, Any]:
    """The OpenAPI note of a body that is a table, by type; with an example in CSV."""
    file = {"schema": {"type": "string", "format": "binary"}}
    return {
        CSV: {"schema": {"type": "string"}, "example": example},
        **dict.fromkeys(TABLES[1:], file),
    }
