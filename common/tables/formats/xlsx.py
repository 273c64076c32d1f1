"""Read a sheet of an .xlsx workbook, by openpyxl, row by row; no Arrow is needed.

The header is the first row that is not empty. A cell gives its value, not its format: numbers
without a needless ".0", dates in ISO 8601, true and false in lower case, errors as Excel shows
them (#N/A), formulas as they were last computed.
"""

import logging
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from openpyxl import Workbook, load_workbook

from common.errors import DataError
from common.tables.columns.places import quoted
from common.tables.delimited.layout import TOO_LONG
from common.tables.delimited.records import NUL, WRONG_WIDTH
from common.tables.formats.entries import LONE_SURROGATE, Entries, Entry, shown

_EXACT = 1 << 53  # whole numbers up to here are exact in Excel's floats
_MOST_ROWS = 1 << 20  # of any sheet
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # how Excel writes a CR, for instance
_SURROGATE = re.compile("[\ud800-\udfff]")
_FORMULA = re.compile(rb"<(\w+:)?f[ />]")
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, ParseError, LookupError, ValueError, TypeError,
    AttributeError, OSError, NotImplementedError,
)  # fmt: skip
logger = logging.getLogger(__name__)


def read_xlsx(
    stream: IO[bytes], *, name: str, sheet: str | None = None, max_field_bytes: int
) -> Entries:
    """Read the header at once, the rows as they are asked for; empty ones are no records.

    Args:
        stream: the workbook, with seek.
        name: what errors call the file.
        sheet: its name; None for the first that is not hidden.
        max_field_bytes: a record with a longer field is rejected.

    Raises:
        DataError: if the workbook can't be read, has no such sheet, or the sheet is empty; while
            reading on, if the sheet is damaged.
    """
    rows = _guarded(_rows(stream, name=name, sheet=sheet), name=name)
    _, header = next(rows, (0, ()))
    if not header:
        raise DataError(f"{name} has nothing in its sheet; name another: SHEET=")
    columns = tuple(field or "" for field in header)
    return Entries(columns, _records(rows, len(columns), max_field_bytes))


def unpacked_bytes(stream: IO[bytes], *, most: int) -> int:
    """What a ZIP, which is left at its start, unpacks to; counting stops soon after ``most``.

    Sizes that the ZIP states are not trusted.
    """
    total = 0
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            with archive.open(member) as part:
                while total <= most and (piece := part.read(1 << 16)):
                    total += len(piece)
    stream.seek(0)
    return total


def _records(
    rows: Iterator[tuple[int, list[str | None]]], width: int, max_field_bytes: int
) -> Iterator[Entry]:
    for number, (line, fields) in enumerate(rows, start=1):
        reason = _fault(fields, width, max_field_bytes)
        if reason:
            yield Entry(number, line, fields, reason, shown(fields))
        else:
            yield Entry(number, line, fields + [None] * (width - len(fields)))


def _fault(fields: Sequence[str | None], width: int, max_field_bytes: int) -> str:
    if len(fields) > width:
        return WRONG_WIDTH
    if any("\0" in field for field in fields if field):
        return NUL
    if any(_SURROGATE.search(field) for field in fields if field):
        return LONE_SURROGATE
    long = any(len(field.encode()) > max_field_bytes for field in fields if field)
    return TOO_LONG if long else ""


def _guarded(
    rows: Iterator[tuple[int, list[str | None]]], *, name: str
) -> Iterator[tuple[int, list[str | None]]]:
    """The rows; what a damaged workbook raises becomes one clear error."""
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about what is no data: styles, validations
                row = next(rows, None)
        except _DAMAGED as error:
            raise DataError(
                f"{name} is damaged, or no .xlsx workbook ({error}); open it in a spreadsheet "
                "program and save it as .xlsx or CSV"
            ) from None
        if row is None:
            return
        yield row


def _rows(
    stream: IO[bytes], *, name: str, sheet: str | None
) -> Iterator[tuple[int, list[str | None]]]:
    """The sheet's row number and fields up to the last that is not empty, of rows that have any."""
    book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
    values = _values(book, name=name, sheet=sheet)
    formulas = (
        iter(())
        if not _has_formulas(stream)
        else _values(
            load_workbook(stream, read_only=True, keep_links=False), name=name, sheet=sheet
        )
    )
    unknown = 0
    for line, cells in enumerate(values, start=1):
        if line > _MOST_ROWS:
            raise ValueError(f"it has more than {_MOST_ROWS:,} rows")
        written = next(formulas, ())
        unknown += sum(f is not None and v is None for f, v in zip(written, cells, strict=False))
        fields = [_field(value) for value in cells]
        while fields and fields[-1] is None:
            fields.pop()
        if fields:
            yield line, fields
    if unknown:
        logger.warning(
            "%s: %s formulas have no computed value and are read as empty; open the file in a "
            "spreadsheet program and save it",
            name,
            f"{unknown:,}",
        )


def _values(book: Workbook, *, name: str, sheet: str | None) -> Iterator[tuple[Any, ...]]:
    sheets = {found.title: found for found in book.worksheets}
    if sheet is not None and sheet not in sheets:
        raise DataError(f"{name} has no sheet {sheet!r}; it has {quoted(list(sheets))}")
    shown_first = sorted(sheets.values(), key=lambda found: found.sheet_state != "visible")
    if not shown_first:
        raise ValueError("it has no sheet with cells")
    chosen = shown_first[0] if sheet is None else sheets[sheet]
    chosen.reset_dimensions()  # programs state wrong ones
    return chosen.iter_rows(values_only=True)


def _has_formulas(stream: IO[bytes]) -> bool:
    with zipfile.ZipFile(stream) as archive:
        for member in archive.namelist():
            if member.startswith("xl/worksheets/") and member.endswith(".xml"):
                before = b""
                with archive.open(member) as part:
                    while piece := part.read(1 << 20):
                        if _FORMULA.search(before + piece):
                            return True
                        before = piece[-32:]
    return False


def _field(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if "_x" not in value:
            return value
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
        # Both halves of a character may have been escaped.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat()
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
