"""A ZIP of one table, opened in memory: nothing is extracted, and what unpacks is counted.

Sizes and counts that the archive states are never trusted.
"""

import io
import re
import struct
import zipfile
import zlib
from http import HTTPStatus
from typing import IO

from common.tables.counted import Counted
from common.tables.input import is_added
from e_apification.http.errors import ApiError

# The directory of an archive of one file: a few hundred bytes, however long its name and comment.
_MAX_DIRECTORY_BYTES = 200_000
_END = struct.Struct("<4s4H2LH")
_END_MARK, _ZIP64_MARK = b"PK\x05\x06", b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_MAX_COMMENT_BYTES = 1 << 16
_OF_DOCUMENTS = {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}
_TABLES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".xlsx")
_TAKEN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, struct.error)


def is_document(body: bytes) -> bool:
    """Whether a ZIP was written by an office program: an .xlsx workbook, for instance.

    Raises:
        ApiError: 400 where it is no ZIP.
    """
    _check_directory(body)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return not _OF_DOCUMENTS.isdisjoint(archive.namelist())
    except _BROKEN:
        raise bad_zip("it is damaged, or no ZIP") from None


def open_only_table(body: bytes, *, max_bytes: int) -> IO[bytes]:
    """The one table in a ZIP, as a stream of at most ``max_bytes``; what systems add is skipped.

    Raises:
        ApiError: 400 where it is no such archive, 413 (while reading) where it unpacks to more.
    """
    _check_directory(body)
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
        members = [m for m in archive.infolist() if not is_added(m.orig_filename)]
        if len(members) != 1:
            raise bad_zip(f"it holds {len(members)} entries")
        member = members[0]
        _check_member(member)
        unpacked = Counted(
            archive.open(member),
            max_bytes=max_bytes,
            broken=_BROKEN,
            damaged=bad_zip("it is damaged"),
            too_large=too_large(max_bytes),
        )
        return io.BufferedReader(unpacked)
    except _BROKEN:
        raise bad_zip("it is damaged, or no ZIP") from None


def bad_zip(reason: str) -> ApiError:
    """A ZIP that is not read; the reason quotes nothing of it."""
    return ApiError(
        HTTPStatus.BAD_REQUEST,
        "invalid_zip",
        f"the body must be a ZIP of exactly one table: {reason}",
    )


def too_large(max_bytes: int) -> ApiError:
    """A file over the limit."""
    return ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "payload_too_large",
        f"the file is larger than {max_bytes} bytes; /metadata publishes the limits",
    )


def _check_directory(body: bytes) -> None:
    """Refuse a directory of many entries before zipfile makes an object of each."""
    at = body.rfind(_END_MARK, max(0, len(body) - _MAX_COMMENT_BYTES - _END.size))
    if at < 0 or len(body) - at < _END.size:
        raise bad_zip("it is damaged, or no ZIP")
    if body[max(0, at - _ZIP64_LOCATOR_BYTES) : at].startswith(_ZIP64_MARK):
        raise bad_zip("it has the format for more than 4 GB")
    if _END.unpack_from(body, at)[5] > _MAX_DIRECTORY_BYTES:
        raise bad_zip("it holds many entries")


def _check_member(member: zipfile.ZipInfo) -> None:
    # zipfile turns the file's separators into / and cuts at a NUL; what was sent is judged.
    name = member.orig_filename
    if re.search(r"^/|^[A-Za-z]:|\\|\x00|(^|/)\.\.(/|$)", name):
        raise bad_zip("the name of its entry is no plain relative path")
    if not name.lower().endswith(_TABLES):
        raise bad_zip(f"its entry is not named {', '.join(_TABLES[:-1])} or {_TABLES[-1]}")
    if member.flag_bits & 0x1:
        raise bad_zip("it is encrypted")
    if member.compress_type not in _TAKEN:
        raise bad_zip("it is compressed with something other than deflate")
