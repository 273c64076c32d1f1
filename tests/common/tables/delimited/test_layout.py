from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.tables.delimited import layout as module
from common.tables.delimited.layout import BROKEN_QUOTE, TOO_LONG, Broken, find_layout


def layout(lines: bytes, *, final: bool = True, max_open: int = 1000) -> Any:
    """The layout of lines, which stand behind the line end that every block starts with."""
    return find_layout(b"\n" + lines, final=final, max_open=max_open)


@pytest.mark.parametrize(
    ("lines", "quotes"),
    [
        (b"a,b\n", []),
        (b'"a",b\n', [1, 3]),
        (b'"a\nb",c\n', [1, 5]),
        (b'"a""b"\n', [1, 3, 4, 6]),
        (b'""\n', [1, 2]),
        (b'"""",""""""\n', [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]),
        (b'5" pipe,"x"\n', [9, 11]),
        (b'a "b, c" d\n', []),
        (b'a""b\n"c"\n', [6, 8]),
    ],
)
def test_quotes_that_mean_something(lines: bytes, quotes: list[Any]) -> None:
    found = layout(lines)
    assert (list(found.quotes), found.broken, found.end) == (quotes, (), len(lines) + 1)


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        (b'a,"b\nc,d\n', (1, 6)),  # never closed
        (b'a,"b\nc,"d"\n', (1, 6)),  # closed by the next field's opening quote
        (b'a,"b\r\nc,d\r\n', (1, 7)),
        (b'a,"b\rc,d\r', (1, 6)),
        (b'a,b\n"c"d,e\nf,g\n', (5, 12)),  # text behind the closing quote
        (b'a,"b"\nc,"x""\nd,e\n', (7, 14)),
        (b'a,"b\nb",c\nd,"e"f\ng,h\n', (11, 18)),  # the record before has a line break
        (b'5" a,b\nc,"d\n', (8, 13)),  # the quote of the record before is text
        (b'"a"\n5" b,c\n"d\n', (12, 15)),
    ],
)
def test_only_the_line_with_the_missing_quote_is_broken(
    lines: bytes, broken: tuple[int, int]
) -> None:
    start, stop = broken
    assert layout(lines).broken == (Broken(start, stop, BROKEN_QUOTE),)


def test_block_ends_behind_its_last_whole_record() -> None:
    assert layout(b"a,b\nc,", final=False).end == 5
    assert layout(b'a,b\nc,"d\ne', final=False).end == 5
    assert layout(b'a,b\nc,"d"', final=False).end == 5
    assert layout(b'a,"b\n', final=False).end == 1
    assert layout(b'a,b\nc,"d"x', final=False).end == 5


def test_open_record_is_given_up_when_it_gets_too_long() -> None:
    open_quote = b'a,"b\n' + b"c,d\n" * 10
    assert layout(open_quote, final=False, max_open=100).broken == ()
    given_up = layout(open_quote, final=False, max_open=30)
    assert given_up.broken == (Broken(1, 6, BROKEN_QUOTE),)
    assert given_up.end == 46
    no_end = layout(b'"a\n",' + b"x" * 50, final=False, max_open=30)
    assert [b.reason for b in no_end.broken] == [BROKEN_QUOTE, TOO_LONG]


@pytest.mark.parametrize("line", [b"x" * 50, b'"' + b"x" * 50])
def test_line_without_end_is_given_up_when_it_gets_too_long(line: bytes) -> None:
    found = layout(b"a,b\n" + line, final=False, max_open=30)
    assert found.broken[-1] == Broken(5, len(line) + 5, TOO_LONG)
    assert found.end == len(line) + 5


def plain_records(lines: bytes) -> list[tuple[bytes, str]]:
    """The rules of csv_layout once more, character by character."""
    records, at = [], 0
    while at < len(lines):
        if lines[at] in b"\r\n":
            at += 1
            continue
        stop, reason = record_stop(lines, at), ""
        if stop is None:
            stop, reason = line_stop(lines, at), BROKEN_QUOTE
        records.append((lines[at:stop], reason))
        at = stop
    return records


def line_stop(lines: bytes, at: int) -> int:
    while at < len(lines) and lines[at] not in b"\r\n":
        at += 1
    return at


def record_stop(lines: bytes, at: int) -> int | None:
    """Where the record's line end is; None if its quotes are wrong."""
    at_start = True
    while at < len(lines) and lines[at] not in b"\r\n":
        if at_start and lines[at] == ord('"'):
            at = lines.find(b'"', at + 1)
            while at >= 0 and lines[at + 1 : at + 2] == b'"':
                at = lines.find(b'"', at + 2)
            if at < 0 or (at + 1 < len(lines) and lines[at + 1] not in b",\r\n"):
                return None
        at_start = lines[at] == ord(",")
        at += 1
    return at


@settings(max_examples=2000)
@given(
    st.lists(st.sampled_from(list(b'"",\n\ra5')), max_size=40).map(bytes),
    st.sampled_from([0, 1, 64]),
)
def test_agrees_with_reading_character_by_character(lines: bytes, near_fields: int) -> None:
    lines += b"\n"
    with patch.object(module, "_NEAR_FIELDS", near_fields):
        found = layout(lines)
    assert found.end == len(lines) + 1
    broken = [lines[b.start - 1 : b.stop - 1].rstrip(b"\r\n") for b in found.broken]
    assert broken == [record for record, reason in plain_records(lines) if reason]
    inside: set[int] = set()
    for opening, closing in zip(found.quotes[::2], found.quotes[1::2], strict=True):
        inside.update(range(opening, closing))
    ends = [at for at in range(1, found.end) if found.data[at] in b"\r\n" and at not in inside]
    starts = [1, *(end + 1 for end in ends[:-1])]
    records = [found.data[s:e] for s, e in zip(starts, ends, strict=True) if e > s]
    assert records == [record for record, _ in plain_records(lines)]
