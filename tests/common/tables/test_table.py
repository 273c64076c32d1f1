import csv
import gzip
import io
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError
from common.tables import table as module
from common.tables.input import TableInput
from common.tables.strict import RecordError, open_strict
from common.tables.table import open_table

Read: TypeAlias = tuple[tuple[str, ...], dict[int, list[str]], dict[int, tuple[str, str]]]


def read(path: Path, *, max_field_mb: int = 1) -> Read:
    """Columns, rows by number, rejected records by number."""
    with open_table(TableInput(path), max_field_mb=max_field_mb) as table:
        rows: dict[int, list[str]] = {}
        rejected: dict[int, tuple[str, str]] = {}
        for batch in table.batches:
            values = [column.to_pylist() for column in batch.rows.columns]
            records = map(list, zip(*values, strict=True))
            rows.update(zip(batch.numbers.tolist(), records, strict=True))
            rejected.update({r.number: (r.reason, r.record) for r in batch.rejected})
        return table.columns, rows, rejected


def write(folder: Path, content: bytes) -> Path:
    (folder / "in.csv").write_bytes(content)
    return folder / "in.csv"


def test_numbers_go_on_from_batch_to_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 2_000_000)
    lines = [b"%d,%s" % (n, b"x" * 1000) for n in range(1, 5_001)]
    lines[2_499], lines[4_999] = b"2500", b"5000,\xe9"
    path = write(tmp_path, b"\n".join([b"id,text", *lines]))
    with open_table(TableInput(path), max_field_mb=1) as table:
        batches = list(table.batches)
        assert (table.total, table.bytes_read()) == (3, path.stat().st_size)
    assert len(batches) == 3
    assert sum(batch.records for batch in batches) == 5_000
    _, rows, rejected = read(path)
    assert list(rows) == [n for n in range(1, 5_001) if n not in (2_500, 5_000)]
    assert all(row[0] == str(number) for number, row in rows.items())
    assert rejected == {
        2_500: ("wrong number of columns", "2500"),
        5_000: ("not UTF-8", "5000,\\xe9"),
    }


def test_header_names_stay_as_they_are_written(tmp_path: Path) -> None:
    columns, rows, _ = read(write(tmp_path, b"a,,a,A\n1,2,3,4\n"))
    assert (columns, rows) == (("a", "", "a", "A"), {1: ["1", "2", "3", "4"]})


def test_a_quote_amid_a_name_takes_no_row_into_the_header(tmp_path: Path) -> None:
    columns, rows, _ = read(write(tmp_path, b'id,5",text\n1,a,"b"\n2,c,d\n'))
    assert (columns, rows) == (("id", '5"', "text"), {1: ["1", "a", "b"], 2: ["2", "c", "d"]})


def test_leaving_early_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 2_000_000)
    path = write(tmp_path, b"text\n" + b"x\n" * 10_000_000)
    with open_table(TableInput(path), max_field_mb=1) as table:
        next(table.batches)
        early = table.bytes_read()
    assert early < path.stat().st_size


def test_damage_further_on_is_an_error(tmp_path: Path) -> None:
    data = gzip.compress(b"text\n" + b"a line\n" * 3_000_000, compresslevel=0)
    with pytest.raises(DataError, match=r"in\.csv is damaged"):
        read(write(tmp_path, data[:20_000_000]))


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00") | st.sampled_from('",\n\r\ufeff'),
    max_size=12,
)
# What breaks a record of three fields, and the reason; none of them may touch the rows beside it.
BROKEN = {
    b'x,"never closed,y': "broken quote",
    b'"ab"c,x,y': "broken quote",
    b"x,y": "wrong number of columns",
    b"x,y,z,more": "wrong number of columns",
    b"caf\xff,x,y": "not UTF-8",
    b"x,\x00,y": "NUL byte",
}


def written(fields: tuple[str, ...]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="").writerow(fields)
    return out.getvalue().encode()


@settings(max_examples=100)
@given(
    records=st.lists(
        st.tuples(st.integers(0, 99).map(str), TEXTS, TEXTS) | st.sampled_from(sorted(BROKEN)),
        max_size=12,
    ),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    blanks=st.lists(st.integers(0, 2), min_size=14, max_size=14),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    packed=st.booleans(),
    last=st.booleans(),
)
def test_each_record_arrives_once_intact_or_rejected(
    tmp_path_factory: pytest.TempPathFactory,
    records: Any,
    end: Any,
    blanks: Any,
    mark: Any,
    packed: bool,
    last: bool,
) -> None:
    """A table whose truth is known: whole rows, fully quoted, among records that are broken.

    Each row starts with a number: a row that starts with a comma could close an open quote.
    """
    lines = [record if isinstance(record, bytes) else written(record) for record in records]
    parts = [end * more + line for more, line in zip(blanks, [b"a,b,text", *lines], strict=False)]
    data = mark + end.join(parts) + (end if last else b"")
    path = write(tmp_path_factory.mktemp("table"), gzip.compress(data) if packed else data)
    columns, rows, rejected = read(path)
    assert columns == ("a", "b", "text")
    numbered = dict(enumerate(records, start=1))
    assert rows == {n: [*r] for n, r in numbered.items() if isinstance(r, tuple)}
    broken = {n: r for n, r in numbered.items() if isinstance(r, bytes)}
    assert rejected == {
        n: (BROKEN[r], r.decode(errors="backslashreplace")) for n, r in broken.items()
    }


PIECES = [b'"', b",", b"\n", b"\r\n", b"\r", b"a", b"\xc3\xa9", b"\xe9", b"\0", b'","', b'""']


@settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=60), st.sampled_from([4, 10, 1000]))
def test_a_strict_reader_finds_the_same_rows_up_to_the_first_rejected(
    tmp_path_factory: pytest.TempPathFactory, pieces: Any, block_bytes: Any
) -> None:
    data = b"a,b\n" + b"".join(pieces)
    _, rows, rejected = read(write(tmp_path_factory.mktemp("table"), data))
    first = min(rejected, default=None)
    with open_strict(partial(io.BytesIO, data), name="it", block_bytes=block_bytes) as strict:
        found = {}
        try:
            for record in strict.records:
                found[record.number] = record.fields
        except RecordError as error:
            assert error.number == first
        else:
            assert first is None
        assert found == {n: row for n, row in rows.items() if first is None or n < first}
