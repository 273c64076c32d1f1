"""What the narrow columns decide: which raw rows are kept, in whose conversation, for which brand.

data/raw in -> two small Parquet files out, keyed by source_row, that workers join to the texts, and
a count of the rows that are dropped. It is one NumPy pass in the driver, run while the JVM starts:
following replies needs all ids at once, some 250 bytes a row.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from b_transformation.columns.date_forms import Times
from b_transformation.columns.directions import INBOUND, OUTBOUND, UNKNOWN
from b_transformation.columns.ids import NOTHING, Ints
from b_transformation.columns.raw_columns import RawColumns
from b_transformation.threading.brands import ThreadBrands, find_thread_brands
from b_transformation.threading.threads import Threads, find_places, resolve_threads

NO_ID, NO_DIRECTION = "no readable tweet_id", "no readable inbound flag"
REPEATED, BY_BRAND, NO_TIME = "repeated tweet_id", "outbound", "no readable created_at"
QUESTIONS, ANSWERS = "questions.parquet", "answers.parquet"
_GROUP_ROWS = 100_000
_TIME = pa.timestamp("us", tz="UTC")


class Index(NamedTuple):
    """Counts of what was written and dropped, and the ``brands``' handles."""

    questions: int
    answers: int
    dropped: dict[str, int]
    brands: tuple[str, ...]
    figures: dict[str, int]


class _Kept(NamedTuple):
    """N kept rows in the order of their ids; ``parents`` are places in that order."""

    ids: Ints
    parent_ids: Ints
    parents: Ints
    source_rows: Ints
    directions: NDArray[np.int8]
    authors: Ints
    dates: Times | None


def write_index(raw: RawColumns, folder: Path, *, rounds: int) -> Index:
    """Write questions.parquet and answers.parquet into ``folder``.

    questions, every inbound message with a date, or of a source without dates: source_row,
    tweet_id, conversation_id, is_opener, replied_to?, in_thread?, created_at?. answers, every
    outbound reply to one: source_row, question_id, brand.
    """
    kept, dropped = _keep_readable(raw)
    threads = resolve_threads(kept.ids, kept.parent_ids, kept.parents, rounds=rounds)
    brands = find_thread_brands(
        kept.authors, kept.directions, kept.parents, threads.conversation_ids, kept.source_rows
    )
    names = raw.authors.dictionary if raw.authors is not None else pa.array([], pa.string())
    questions = _questions(kept, threads, brands, names)
    dropped[NO_TIME] = int(np.count_nonzero(kept.directions == INBOUND)) - len(questions)
    answers = _answers(kept, names)
    for table, name in ((questions, QUESTIONS), (answers, ANSWERS)):
        # In the order of the texts, in groups, so that a worker reads just what its rows need.
        table = table.sort_by("source_row")
        pq.write_table(table, folder / name, compression="lz4", row_group_size=_GROUP_ROWS)
    return Index(
        questions=len(questions),
        answers=len(answers),
        dropped=dropped,
        brands=tuple(names.take(pa.array(brands.brands)).to_pylist()),
        figures={
            "conversations": len(np.unique(threads.conversation_ids)),
            "missing_parents": threads.missing_parents,
            "reply_cycles": threads.cycles,
            "threads_cut": threads.cut,
        },
    )


def _keep_readable(raw: RawColumns) -> tuple[_Kept, dict[str, int]]:
    """Rows with an id and a direction; of several with one id the first in the source."""
    has_id = raw.tweet_ids != NOTHING
    has_direction = raw.directions != UNKNOWN
    rows = np.flatnonzero(has_id & has_direction)
    rows = rows[np.argsort(raw.tweet_ids[rows], kind="stable")]
    sorted_ids = raw.tweet_ids[rows]
    is_first = np.ones(len(rows), bool)
    is_first[1:] = sorted_ids[1:] != sorted_ids[:-1]
    rows = rows[is_first]
    ids, parent_ids = raw.tweet_ids[rows], raw.parent_ids[rows]
    kept = _Kept(
        ids=ids,
        parent_ids=parent_ids,
        parents=find_places(ids, parent_ids),
        source_rows=raw.source_rows[rows],
        directions=raw.directions[rows],
        authors=_author_codes(raw)[rows],
        dates=None if raw.dates is None else raw.dates[rows],
    )
    dropped = {
        NO_ID: int(np.count_nonzero(~has_id)),
        NO_DIRECTION: int(np.count_nonzero(has_id & ~has_direction)),
        REPEATED: int(np.count_nonzero(~is_first)),
        BY_BRAND: int(np.count_nonzero(kept.directions == OUTBOUND)),
    }
    return kept, dropped


def _author_codes(raw: RawColumns) -> Ints:
    """(N,) place of each author in the dictionary of authors, NOTHING for none."""
    if raw.authors is None:
        return np.full(len(raw.source_rows), NOTHING, np.int64)
    codes = raw.authors.indices.fill_null(NOTHING).to_numpy().astype(np.int64)
    is_blank = np.array([not name.strip() for name in raw.authors.dictionary.to_pylist()], bool)
    blank = np.flatnonzero(is_blank)
    return np.where(np.isin(codes, blank), NOTHING, codes) if len(blank) else codes


def _questions(
    kept: _Kept, threads: Threads, brands: ThreadBrands, names: pa.StringArray
) -> pa.Table:
    inbound = kept.directions == INBOUND
    dates = kept.dates
    rows = np.flatnonzero(inbound if dates is None else inbound & ~np.isnat(dates))
    ids, conversation_ids = kept.ids[rows], threads.conversation_ids[rows]
    return pa.table(
        {
            "source_row": kept.source_rows[rows],
            "tweet_id": ids,
            "conversation_id": conversation_ids,
            "is_opener": conversation_ids == ids,
            "replied_to": _named(brands.replied_to[rows], names),
            "in_thread": _named(brands.in_thread[rows], names),
            **({} if dates is None else {"created_at": pa.array(dates[rows], _TIME)}),
        }
    )


def _answers(kept: _Kept, names: pa.StringArray) -> pa.Table:
    replies = np.flatnonzero((kept.directions == OUTBOUND) & (kept.parents != NOTHING))
    rows = replies[kept.directions[kept.parents[replies]] == INBOUND]
    return pa.table(
        {
            "source_row": kept.source_rows[rows],
            "question_id": kept.parent_ids[rows],
            "brand": _named(kept.authors[rows], names),
        }
    )


def _named(codes: Ints, names: pa.StringArray) -> pa.Array:
    """(N,) the names at ``codes``, null for NOTHING."""
    return names.take(pa.array(codes, mask=codes == NOTHING))
