"""Which kind of table a file holds, by its content and never by its name."""

import codecs
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from common.errors import DataError
from common.tables.form import Kind
from common.tables.input import TableInput

_ZIP, _PARQUET, _OLE = b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE = "save it as .xlsx or CSV in a spreadsheet program and name that file"
_LOOKED_AT = 1 << 12
# What ZIPs hold that are documents of an office program.
_WORKBOOK, _BINARY, _OPEN = "xl/workbook.xml", "xl/workbook.bin", "content.xml"


def kind_of(source: TableInput) -> Kind:
    """The kind of the table in a file.

    Raises:
        DataError: if the file cannot be opened, its compressed data is damaged, or it is a table
            of another program; the message says what to do.
    """
    with open_source(source) as stream:
        return kind_of_stream(stream, name=str(source.path))


@contextmanager
def open_source(source: TableInput) -> Iterator[IO[bytes]]:
    """The uncompressed bytes; those of a workbook as they are, though it is a ZIP."""
    source.require()
    if source.member is None and is_document(source):
        with source.path.open("rb") as stream:
            yield stream
    else:
        with source.open_stream() as stream:
            yield stream


def is_document(source: TableInput) -> bool:
    """Whether a file is a ZIP that an office program wrote, as every .xlsx is."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            return bool({_WORKBOOK, _BINARY, _OPEN} & {*archive.namelist()})
    except (zipfile.BadZipFile, OSError):
        return False


def kind_of_stream(stream: IO[bytes], *, name: str) -> Kind:
    """The kind of the table in uncompressed bytes, of which the start is read.

    Raises:
        DataError: if it is a table of another program.
    """
    start = stream.read(_LOOKED_AT)
    if start.startswith(_PARQUET):
        return "parquet"
    if start.startswith(_OLE):
        raise DataError(
            f"{name} is an old Excel file (.xls), or one with a password; {_SAVE}, without password"
        )
    if start.startswith(_ZIP):
        stream.seek(0)
        return _kind_of_zip(stream, name=name)
    return "jsonl" if _text(start).lstrip()[:1] in ("{", "[") and _is_json(start) else "csv"


def _kind_of_zip(stream: IO[bytes], *, name: str) -> Kind:
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.namelist()
    except zipfile.BadZipFile as error:
        raise DataError(f"{name} is damaged ({error}); fetch it or {_SAVE}") from None
    if _WORKBOOK in members:
        return "xlsx"
    if _BINARY in members:
        raise DataError(f"{name} is a binary Excel file (.xlsb); {_SAVE}")
    if _OPEN in members:
        raise DataError(f"{name} is an OpenDocument file (.ods); {_SAVE}")
    raise DataError(f"{name} is a ZIP in another file; unpack it and name the table in it")


def _is_json(start: bytes) -> bool:
    """Whether the first line goes on as JSON does; a CSV's header may start with a bracket."""
    line = _text(start).lstrip()
    behind = line[1:].lstrip()
    if line[0] == "{":
        return behind[:1] in ('"', "}", "")
    return behind[:1] in ("{", "[", "]", "")


def _text(start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return start.decode("utf-16", errors="replace")
    return start.decode("utf-8-sig", errors="replace")
