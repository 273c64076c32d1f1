"""Threads in, twcs.csv and gold.csv out, row by row in bounded memory.

A few dozen threads are open at a time and take turns, so that, as in the real file, the rows of a
conversation lie apart and often newest first. Ids rise through the file but not within a thread.
"""

import csv
from collections import deque
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from a_ingestion.sample.broken import break_row, count_broken, is_broken_place
from a_ingestion.sample.grammar import Draw
from a_ingestion.sample.openers import Opener, draw_opener
from a_ingestion.sample.phrasebook import Phrasebook, load_phrasebook
from a_ingestion.sample.threads import DELETED, NO_PARENT, Post, draw_thread

COLUMNS = (
    "tweet_id",
    "author_id",
    "inbound",
    "created_at",
    "text",
    "response_tweet_id",
    "in_response_to_tweet_id",
)
GOLD_COLUMNS = ("tweet_id", "text", "label")

_GOLD_ROWS = 2_000  # more would make each evaluation longer, and no figure firmer that counts
_OPEN_THREADS = 32
_REMEMBERED_OPENERS = 400
_REPEATED_SHARE = 0.012  # openers posted again word for word
_FIRST_AUTHOR = 130_000
_KNOWN_AUTHOR_SHARE = 0.12
_FIRST_DAY = date(2017, 10, 1)
_WINDOW_S = 58 * 86_400  # threads start within these days; the longest last some days more
_DAYS = tuple(f"{_FIRST_DAY + timedelta(days=n):%a %b %d} " for n in range(92))
_TWO_DIGITS = tuple(f"{n:02}" for n in range(60))


class _Row(NamedTuple):
    cells: list[str]
    label: str | None


def write_sample(folder: Path, *, rows: int, seed: int) -> None:
    """Write folder/twcs.csv with exactly `rows` records, folder/gold.csv for its first openers.

    The same rows and seed give the same bytes. Some records are broken on purpose (broken.py).

    Raises:
        ValueError: if rows is less than 1.
    """
    if rows < 1:
        raise ValueError(f"rows must be at least 1, not {rows}")
    folder.mkdir(parents=True, exist_ok=True)
    target, gold = folder / "twcs.csv", folder / "gold.csv"
    drafts = [path.with_suffix(".csv.part") for path in (target, gold)]
    with (
        drafts[0].open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
        drafts[1].open("w", encoding="utf-8", newline="") as gold_out,
    ):
        write_row = csv.writer(out, lineterminator="\n").writerow
        write_gold = csv.writer(gold_out, lineterminator="\n").writerow
        write_row(COLUMNS)
        write_gold(GOLD_COLUMNS)
        draw = Random(seed).random  # noqa: S311 a seeded draw, no secret
        labeled = 0
        for cells, label in _draw_rows(load_phrasebook(), draw, rows=rows):
            write_row(cells)
            if label is not None and labeled < _GOLD_ROWS:
                write_gold((cells[0], cells[4], label))
                labeled += 1
    for draft, path in zip(drafts, (target, gold), strict=True):
        draft.replace(path)


def _draw_rows(book: Phrasebook, draw: Draw, *, rows: int) -> Iterator[_Row]:
    """The records of the file in their order; a label comes with customers' openers only."""
    threads = _Threads(book, draw, rows - count_broken(rows))
    waiting: list[list[_Row]] = []
    broken = 0
    for index in range(rows):
        if is_broken_place(index):
            yield _Row(break_row(threads.single_row(), broken), None)
            broken += 1
            continue
        while len(waiting) < _OPEN_THREADS and threads.rows_left:
            waiting.append(threads.next_rows())
        at = int(draw() * len(waiting))
        yield waiting[at].pop()
        if not waiting[at]:
            waiting[at] = waiting[-1]
            waiting.pop()


class _Threads:
    """Makes threads until the wanted number of rows is spent; hands out ids, authors and times."""

    def __init__(self, book: Phrasebook, draw: Draw, rows: int) -> None:
        self.rows_left = rows
        self._rows = max(rows, 1)
        self._book = book
        self._draw = draw
        self._next_id = 1
        self._authors = 0
        self._recent: deque[Opener] = deque(maxlen=_REMEMBERED_OPENERS)

    def next_rows(self) -> list[_Row]:
        """The rows of one more thread, last to be written first."""
        posts = draw_thread(
            self._book, self._draw, opener=self._next_opener(), next_author=self._next_author
        )[: self.rows_left]
        self.rows_left -= len(posts)
        return self._arrange(self._to_rows(posts))

    def single_row(self) -> list[str]:
        """A message without answers, for the broken rows."""
        opener = draw_opener(self._book, self._draw)
        post = Post(self._next_author(), True, NO_PARENT, 0, opener.text)
        return self._to_rows([post])[0].cells

    def _to_rows(self, posts: list[Post]) -> list[_Row]:
        """Give ids and times to posts and link them in both directions."""
        draw, count = self._draw, len(posts)
        base, at_s = self._next_id, self._start_s()
        # One id more than there are posts stands for a message that the file does not hold.
        self._next_id += count + 1
        newest_first = draw() < 0.6
        ids = [str(base + (count - 1 - n if newest_first else n)) for n in range(count)]
        replies: list[list[str]] = [[] for _ in posts]
        for post, tweet_id in zip(posts, ids, strict=True):
            if 0 <= post.parent < count:
                replies[post.parent].append(tweet_id)
        done = []
        for n, post in enumerate(posts):
            at_s += post.wait_s
            parent = post.parent
            if parent == NO_PARENT:
                answers = ""
            elif parent == DELETED or parent >= count:
                answers = str(base + count)
            else:
                answers = ids[parent]
            inbound = "True" if post.is_inbound else "False"
            time, cells = _twitter_time(at_s), [ids[n], post.author, inbound]
            done.append(_Row([*cells, time, post.text, ",".join(replies[n]), answers], post.label))
        return done

    def _arrange(self, rows: list[_Row]) -> list[_Row]:
        """Newest first, oldest first, or mixed; rows are popped from the end."""
        kind = self._draw()
        if kind < 0.3:
            rows.reverse()
        elif kind < 0.45:
            for at in range(len(rows) - 1, 0, -1):
                other = int(self._draw() * (at + 1))
                rows[at], rows[other] = rows[other], rows[at]
        return rows

    def _next_opener(self) -> Opener:
        if self._recent and self._draw() < _REPEATED_SHARE:
            return self._recent[int(self._draw() * len(self._recent))]
        opener = draw_opener(self._book, self._draw)
        self._recent.append(opener)
        return opener

    def _next_author(self) -> str:
        if self._authors and self._draw() < _KNOWN_AUTHOR_SHARE:
            return str(_FIRST_AUTHOR + int(self._draw() * self._authors))
        self._authors += 1
        return str(_FIRST_AUTHOR + self._authors - 1)

    def _start_s(self) -> int:
        """Seconds since the first day; later threads start later, give or take a quarter day."""
        progress = 1 - self.rows_left / self._rows
        return int(progress * _WINDOW_S + self._draw() * 21_600)


def _twitter_time(at_s: int) -> str:
    day, second = divmod(at_s, 86_400)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    clock = f"{_TWO_DIGITS[hour]}:{_TWO_DIGITS[minute]}:{_TWO_DIGITS[second]}"
    return f"{_DAYS[day]}{clock} +0000 2017"
