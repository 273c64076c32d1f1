"""The rows of /add_data: read from JSON or a table and checked, all of them before any is kept."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from common.config.serving import ServingSettings
from common.store import Labeled
from common.text import TextRules, dedup_key
from e_apification.http.errors import ApiError, Problem
from e_apification.http.payloads import JSON, Payload, parse_json
from e_apification.uploads.labeled_table import no_csv, read_labeled
from e_apification.uploads.sent import Sent

_MOST_PROBLEMS = 10
_SHOWN_CHARS = 80


class LabeledRow(Payload):
    """A text as it was written, and its right label."""

    text: str
    label: str


class AddDataRequest(Payload):
    """Rows to learn from."""

    rows: Annotated[list[LabeledRow], Field(fail_fast=True)]


def read_rows(sent: Sent) -> list[LabeledRow]:
    """The rows of JSON, or of a table.

    Raises:
        ApiError: 400 where it is neither, 422 where JSON has another shape.
    """
    if sent.media_type == JSON:
        return parse_json(sent.body, AddDataRequest).rows
    return _read_table(sent)


def check_rows(
    rows: Sequence[LabeledRow],
    *,
    names: Sequence[str],
    rules: TextRules,
    limits: ServingSettings,
) -> list[Labeled]:
    """The rows with their natural texts, if there is nothing against any of them.

    ``names``, ``rules``: labels and text rules of the model that serves.

    Raises:
        ApiError: 422 naming the first ten rows at fault, counted from 1; texts are not repeated.
    """
    if not 0 < len(rows) <= limits.max_feedback_rows:
        raise _invalid(
            [Problem(field="rows", problem=f"give 1 to {limits.max_feedback_rows:,} rows")]
        )
    checked: list[Labeled] = []
    problems: list[Problem] = []
    first: dict[str, int] = {}  # row by text, whatever its case and punctuation
    for number, row in enumerate(rows, start=1):
        natural = rules.natural(row.text) if len(row.text) <= limits.max_text_chars else ""
        found = _problem(row, natural, names=names, limits=limits)
        if found is None:
            before = first.setdefault(dedup_key(natural), number)
            if rows[before - 1].label != row.label:
                found = f"gives the text of row {before} another label"
        if found is not None:
            problems.append(Problem(field=f"row {number}", problem=found))
            if len(problems) == _MOST_PROBLEMS:
                break
        checked.append(Labeled(natural, row.label))
    if problems:
        raise _invalid(problems)
    return checked


def _problem(
    row: LabeledRow, natural: str, *, names: Sequence[str], limits: ServingSettings
) -> str | None:
    if len(row.text) > limits.max_text_chars:
        return f"its text is longer than {limits.max_text_chars} characters"
    if "\0" in row.text:
        return "its text holds a NUL"
    if not natural:
        return "holds no text that a model would read"
    if row.label not in names:
        shown = row.label[:_SHOWN_CHARS]
        return f"{shown!r} is not a label; the labels are {', '.join(map(repr, names))}"
    return None


def _read_table(sent: Sent) -> list[LabeledRow]:
    def refused(number: int, problem: str) -> ApiError:
        return no_csv(f"row {number} {problem}")

    records = read_labeled(sent, refused=refused)
    return [LabeledRow(text=text, label=label) for _, text, label in records]


def _invalid(problems: Sequence[Problem]) -> ApiError:
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_rows",
        "nothing was added, because of the rows that details names",
        details=problems,
    )
