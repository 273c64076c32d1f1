"""Dates by declared forms, to microseconds since 1970; a time without a zone is taken as UTC.

A column may mix forms. Two things are decided over the whole column: whether 05/06/2024 has the day
or the month first, and whether bare numbers are seconds since 1970.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from b_transformation.columns.date_forms import (
    EPOCH,
    FORMS,
    NO_TIME,
    ORDERS,
    Flags,
    Numbers,
    Times,
    read_forms,
)
from b_transformation.columns.values import Example, Unread, first_of, given_values, shortened
from common.errors import DataError

WHAT = "date"
LEAVE_OUT = "DATE_COLUMN=none leaves the dates out"


class Dates(NamedTuple):
    """(N,) times, NaT where there is none, and what of the column was not read."""

    times: Times
    unread: Unread


class Forms(NamedTuple):
    """How the dates of a column, or of a part of it, are written.

    given: dates; epochs: numbers that may be seconds since 1970. found: the forms that occur.
    Of dates such as 05/06/2024 the first that has the day first alone, the month first alone, and
    the first that has another meaning by each order, with its row.
    """

    given: int
    found: tuple[str, ...]
    epochs: int = 0
    only_day: Example | None = None
    only_month: Example | None = None
    differs: Example | None = None


def parse_dates(column: pa.ChunkedArray, *, name: str, order: str | None) -> Dates:
    """Read a column of dates.

    Args:
        column: N strings.
        name: of the column, for errors.
        order: ``dmy`` or ``mdy`` for dates such as 05/06/2024; None: decided over the column.

    Raises:
        DataError: if that order can't be decided.
    """
    texts = given_values(column)
    read = read_forms(texts)
    forms = _survey(texts, read, np.arange(len(texts)))
    chosen = choose_forms(forms, name=name, order=order)
    times = _first_read(read, chosen, rows=len(texts))
    unread = pa.array(np.isnat(times) & texts.is_valid().to_numpy())
    return Dates(
        times,
        Unread(
            column=name,
            what=WHAT,
            empty=texts.null_count,
            unreadable=unread.true_count,
            example=first_of(texts, unread),
            found=chosen,
        ),
    )


def survey_dates(column: pa.ChunkedArray, rows: Numbers) -> Forms:
    """How the dates of a part of a column are written; ``rows``: (N,) their place in the whole."""
    texts = given_values(column)
    return _survey(texts, read_forms(texts), rows)


def join_forms(parts: Iterable[Forms]) -> Forms:
    """What parts show of the whole column."""
    parts = list(parts)
    found = {form for part in parts for form in part.found}

    def first(examples: Iterable[Example | None]) -> Example | None:
        return min((Example(*example) for example in examples if example), default=None)

    return Forms(
        given=sum(part.given for part in parts),
        found=tuple(form for form in FORMS if form in found),
        epochs=sum(part.epochs for part in parts),
        only_day=first(part.only_day for part in parts),
        only_month=first(part.only_month for part in parts),
        differs=first(part.differs for part in parts),
    )


def choose_forms(forms: Forms, *, name: str, order: str | None) -> tuple[str, ...]:
    """The forms that a column is read by.

    Raises:
        DataError: if the order of day and month can't be decided.
    """
    found = list(forms.found)
    if ORDERS["dmy"] in found:
        order = order or _decide_order(forms, name=name)
        found.remove(ORDERS["mdy" if order == "dmy" else "dmy"])
    if EPOCH in found and 2 * forms.epochs <= forms.given:
        found.remove(EPOCH)
    return tuple(found)


def read_dates(column: pa.ChunkedArray, chosen: Sequence[str]) -> Times:
    """(N,) times of a part of a column, by the forms that were chosen for the whole."""
    return _first_read(read_forms(given_values(column)), chosen, rows=len(column))


def _first_read(read: Mapping[str, Times], chosen: Sequence[str], *, rows: int) -> Times:
    times = np.full(rows, NO_TIME)
    for form in chosen:
        if form in read:
            times = np.where(np.isnat(times), read[form], times)
    return times


def _survey(texts: pa.ChunkedArray, read: Mapping[str, Times], rows: Numbers) -> Forms:
    def first(where: Flags) -> Example | None:
        place = int(where.argmax()) if where.any() else None
        return None if place is None else Example(int(rows[place]), texts[place].as_py())

    forms = Forms(
        given=len(texts) - texts.null_count, found=tuple(form for form in FORMS if form in read)
    )
    if EPOCH in read:
        forms = forms._replace(epochs=int(np.count_nonzero(~np.isnat(read[EPOCH]))))
    if ORDERS["dmy"] in read:
        day_first, month_first = (read[form] for form in ORDERS.values())
        has_day, has_month = ~np.isnat(day_first), ~np.isnat(month_first)
        forms = forms._replace(
            only_day=first(has_day & ~has_month),
            only_month=first(has_month & ~has_day),
            differs=first(has_day & has_month & (day_first != month_first)),
        )
    return forms


def _decide_order(forms: Forms, *, name: str) -> str:
    """Whichever gives a date where the other does not, for the whole column."""
    remedy = "name it: DATE_ORDER=dmy or DATE_ORDER=mdy (ingestion.date_order)"
    if forms.only_day and forms.only_month:
        examples = [shortened(example.text) for example in (forms.only_day, forms.only_month)]
        raise DataError(
            f"column {name!r} has dates with the day first, as {examples[0]!r}, and with the month "
            f"first, as {examples[1]!r}; write them alike, or {remedy} and lose the others, or "
            f"{LEAVE_OUT}"
        )
    if forms.differs and not (forms.only_day or forms.only_month):
        raise DataError(
            f"column {name!r} does not show whether day or month comes first: no date such as "
            f"{shortened(forms.differs.text)!r} has a number above 12 there; {remedy}, or "
            f"{LEAVE_OUT}"
        )
    return "mdy" if forms.only_month else "dmy"
