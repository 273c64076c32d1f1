"""Labeled rows out of an uploaded table with columns text and label, read strictly, as a stream.

What cannot be scored without guessing is refused with the number of its row; rows without a text
or a label are counted. Nothing of the file is repeated in an answer.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import NamedTuple

from common.config.serving import ServingSettings
from common.errors import DataError
from common.tables.delimited.layout import BROKEN_QUOTE, TOO_LONG
from common.tables.delimited.records import NOT_UTF8, NUL, WRONG_WIDTH
from common.tables.strict import RecordError
from common.tables.upload import TooLargeError, open_upload
from e_apification.http.errors import ApiError, Problem
from e_apification.uploads.archives import too_large
from e_apification.uploads.sent import Sent

COLUMNS = ("text", "label")
_READ_BYTES = 1 << 13  # too many rows are found before more of the file is unpacked
_MAX_RECORD_BYTES = 1 << 20  # what a hostile record costs is bounded


class LabeledRow(NamedTuple):
    """One row to score; ``truth`` is the place of its label in schema order."""

    text: str
    truth: int


class LabeledTable:
    """A stream of labeled rows, and the count of those left out."""

    def __init__(self, file: Sent, *, names: Sequence[str], limits: ServingSettings) -> None:
        self._file = file
        self._places = {name: i for i, name in enumerate(names)}
        self._limits = limits
        self.left_out: Counter[str] = Counter()

    def __iter__(self) -> Iterator[LabeledRow]:
        """Read on.

        Raises:
            ApiError: 400 no CSV, 413 too many rows, 422 a row that cannot be scored.
        """
        for number, text, label in read_labeled(self._file, refused=bad_row):
            if number > self._limits.max_rows:
                raise _too_many_rows(self._limits.max_rows)
            row = self._row(number, text, label)
            if row:
                yield row

    def _row(self, number: int, text: str, label: str) -> LabeledRow | None:
        if len(text) > self._limits.max_text_chars:
            raise bad_row(number, f"text is longer than {self._limits.max_text_chars} characters")
        if not text or text.isspace():
            self.left_out["no text"] += 1
            return None
        if not label or label.isspace():
            self.left_out["no label"] += 1
            return None
        if label not in self._places:
            raise bad_row(number, "label is none of the model's; /metadata names them")
        return LabeledRow(text, self._places[label])


def read_labeled(
    file: Sent, *, refused: Callable[[int, str], ApiError]
) -> Iterator[tuple[int, str, str]]:
    """Number, from 1, text and label of each record.

    Args:
        file: the table.
        refused: what to raise for a record, by its number, that has a problem of its own.

    Raises:
        ApiError: 400 where it is no table with those columns, 413 where it unpacks to too much, or
            what ``refused`` gives.
    """
    try:
        with open_upload(
            file.opened(),
            name="it",
            max_bytes=file.max_bytes,
            block_bytes=_READ_BYTES,
            max_record_bytes=_MAX_RECORD_BYTES,
            encoding=file.encoding,
        ) as table:
            text, label = (_column_place(table.columns, column) for column in COLUMNS)
            for record in table.records:
                yield record.number, record.fields[text], record.fields[label]
    except RecordError as error:
        if error.reason == WRONG_WIDTH:
            problem = f"has {error.fields} fields, the header {error.width}"
            raise refused(error.number, problem) from None
        if error.reason == NUL:
            raise refused(error.number, "holds a NUL; is the file UTF-8?") from None
        if error.reason == TOO_LONG:
            raise refused(error.number, "is longer than 1 MB") from None
        if error.reason == NOT_UTF8:
            raise no_csv("it is not text in one encoding; save it as UTF-8") from None
        if error.reason != BROKEN_QUOTE:
            raise refused(error.number, f"is no record: {error.reason}") from None
        after = f"it cannot be read after row {error.number - 1}"
        raise no_csv(f"{after}; is a quote open there?") from None
    except TooLargeError:
        raise too_large(file.max_bytes) from None
    except DataError as error:
        raise no_csv(str(error)) from None


def bad_row(number: int, problem: str) -> ApiError:
    """A row, counted from 1 after the header, that cannot be scored."""
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_row",
        "a row of the file cannot be scored; details name it",
        details=[Problem(field=f"row {number}", problem=problem)],
    )


def _column_place(header: Sequence[str], column: str) -> int:
    """Where one of COLUMNS stands, which must be there once."""
    if header.count(column) != 1:
        many = "two columns" if column in header else "no column"
        raise no_csv(f"it has {many} named {column!r}; needed are {' and '.join(COLUMNS)}")
    return header.index(column)


def no_csv(reason: str) -> ApiError:
    """A body that is not read as a table."""
    return ApiError(
        HTTPStatus.BAD_REQUEST, "invalid_csv", f"the body is no table of texts and labels: {reason}"
    )


def _too_many_rows(most: int) -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too_many_rows",
        f"the file has more than {most} rows; /metadata publishes the limits",
    )
