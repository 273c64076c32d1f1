import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_ingestion import landing
from a_ingestion.landing import Landed, land_csv
from common.errors import DataError
from common.tables.input import TableInput

TWCS = "tweet_id,author_id,text\n"


def land(path: Path, *, text_column: str = "text", max_field_mb: int = 1) -> Landed:
    folder = path.parent / f"raw-{path.name}"
    folder.mkdir()
    return land_csv(TableInput(path), folder, text_column=text_column, max_field_mb=max_field_mb)


def land_bytes(folder: Path, data: bytes, **options: Any) -> Landed:
    (folder / "in.csv").write_bytes(data)
    return land(folder / "in.csv", **options)


def messages(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "raw-in.csv/messages").to_pylist()
    return rows


def quarantine(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "raw-in.csv/quarantine").to_pylist()
    return rows


def test_rows_and_their_numbers(tmp_path: Path) -> None:
    landed = land_bytes(tmp_path, (TWCS + '1,a,"hi, you"\n2,b\n3,,"two\nlines"\n').encode())
    assert landed.rows.model_dump() == {
        "taken": 3,
        "out": 2,
        "dropped": {"wrong number of columns": 1},
    }
    assert landed.columns == ("tweet_id", "author_id", "text")
    assert landed.csv_bytes == 57
    assert messages(tmp_path) == [
        {"tweet_id": "1", "author_id": "a", "text": "hi, you", "source_row": 1},
        {"tweet_id": "3", "author_id": "", "text": "two\nlines", "source_row": 3},
    ]
    assert quarantine(tmp_path) == [
        {"source_row": 2, "reason": "wrong number of columns", "record": "2,b"}
    ]


def test_all_columns_are_strings_and_the_number_is_a_long(tmp_path: Path) -> None:
    land_bytes(tmp_path, b"text,n\nhi,1\n")
    schema = pq.read_schema(tmp_path / "raw-in.csv/messages/part-00000.parquet")
    assert schema.equals(
        pa.schema([("text", pa.string()), ("n", pa.string()), ("source_row", pa.int64())])
    )


def test_headers_only(tmp_path: Path) -> None:
    landed = land_bytes(tmp_path, TWCS.encode())
    assert landed.rows.model_dump() == {"taken": 0, "out": 0, "dropped": {}}
    table = pq.read_table(tmp_path / "raw-in.csv/messages")
    assert table.column_names == ["tweet_id", "author_id", "text", "source_row"]
    assert (table.num_rows, quarantine(tmp_path)) == (0, [])


def test_missing_text_column_names_those_present(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        land_bytes(tmp_path, b"id,content\n1,hi\n")
    assert "has no column 'text'; it has 'id', 'content'." in str(error.value)
    assert "TEXT_COLUMN=" in str(error.value)


def test_columns_without_a_name_get_one(tmp_path: Path) -> None:
    assert land_bytes(tmp_path, b",text,\n1,hi,2\n").columns == ("column_1", "text", "column_3")
    assert messages(tmp_path) == [{"column_1": "1", "text": "hi", "column_3": "2", "source_row": 1}]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"id,Text,text\n", "in.csv has columns of the same name: 'Text', 'text'; rename them"),
        (b"column_2,\n", "columns of the same name: 'column_2'"),
        (b"Source_Row,text\n", "which ingestion adds; rename it"),
    ],
)
def test_columns_that_spark_could_not_tell_apart(
    tmp_path: Path, header: bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        land_bytes(tmp_path, header)


def test_gzip_lands_like_its_plain_file(tmp_path: Path) -> None:
    data = (TWCS + "1,a,hi\n2,b,ho\n").encode()
    (tmp_path / "in.csv").write_bytes(gzip.compress(data))
    landed = land(tmp_path / "in.csv")
    assert (landed.rows.out, landed.csv_bytes) == (2, 38)
    assert [row["text"] for row in messages(tmp_path)] == ["hi", "ho"]


def test_file_that_is_cut_off_in_its_compressed_data(tmp_path: Path) -> None:
    whole = gzip.compress((TWCS + "1,a,hi\n" * 50_000).encode(), compresslevel=0)
    with pytest.raises(DataError, match="is damaged"):
        land_bytes(tmp_path, whole[:200_000])


def test_field_longer_than_allowed(tmp_path: Path) -> None:
    long = "x" * 1_000_001
    lines = f'1,a,{long}\n2,b,{long[1:]}\n3,c,"{long}\n{long}"\n4,d,hi\n'
    landed = land_bytes(tmp_path, (TWCS + lines).encode())
    assert landed.rows.dropped == {"field too long": 2}
    assert [row["source_row"] for row in messages(tmp_path)] == [2, 4]
    assert [len(row["record"]) for row in quarantine(tmp_path)] == [65_536, 65_536]


def test_line_longer_than_a_block(tmp_path: Path) -> None:
    lines = "1,a,hi\n2,b," + "x" * 40_000_000 + "\n3,c,ho\n"
    landed = land_bytes(tmp_path, (TWCS + lines).encode())
    assert landed.rows.dropped == {"field too long": 1}
    assert [row["source_row"] for row in messages(tmp_path)] == [1, 3]


@pytest.mark.parametrize(
    ("rest", "broken"),
    [
        ("", [11]),
        ('9999999,x,"quoted"\n', [11]),
        # By the letter, these two quotes are a pair; only the length gives them away.
        ('9999999,x,"\n"\n', [11, 300_001, 300_002]),
    ],
)
def test_missing_quote_does_not_swallow_the_rest_of_a_large_file(
    tmp_path: Path, rest: str, broken: list[int]
) -> None:
    rows = [f"{n},author,a text without any quote in it\n" for n in range(1, 300_001)]
    rows[10] = '11,author,"a quote that is never closed\n'
    landed = land_bytes(tmp_path, (TWCS + "".join(rows) + rest).encode())
    assert landed.rows.out == 299_999 + ("quoted" in rest)
    assert landed.rows.dropped == {"broken quote": len(broken)}
    apart = quarantine(tmp_path)
    assert [row["source_row"] for row in apart] == broken
    assert apart[0]["record"] == '11,author,"a quote that is never closed'


def test_files_and_row_groups_are_small_enough_to_share_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "GROUP_ROWS", 2_000)
    monkeypatch.setattr(landing, "FILE_ROWS", 6_000)
    lines = [f"{n:05}" + "x" * 3_000 for n in range(10_000)]
    land_bytes(tmp_path, "\n".join(["text", *lines]).encode())
    files = sorted((tmp_path / "raw-in.csv/messages").iterdir())
    assert [file.name for file in files] == ["part-00000.parquet", "part-00001.parquet"]
    assert [pq.read_metadata(file).num_row_groups for file in files] == [2, 1]
    rows = messages(tmp_path)
    assert [row["source_row"] for row in rows] == list(range(1, 10_001))
    assert [row["text"] for row in rows] == lines


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00") | st.sampled_from('",\n\r\ufeff'),
    max_size=12,
)
BAD_BYTES = st.sampled_from(b'"",\n\r\x00\xff\xe9x')


@settings(max_examples=200)
@given(
    st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(TEXTS, min_size=n, max_size=n))),
    st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)]),
)
def test_what_csv_writer_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory, records: Any, style: Any
) -> None:
    width = len(records[0]) if records else 1
    columns = ["text", "b", "c", "d"][:width]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=style[0], quoting=style[1])
    writer.writerows([columns, *records])
    folder = tmp_path_factory.mktemp("land")
    landed = land_bytes(folder, out.getvalue().encode())
    assert landed.rows.dropped == {}
    rows = [[row[name] for name in columns] for row in messages(folder)]
    assert rows == records


@settings(max_examples=200)
@given(
    st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=30),
    st.lists(
        st.tuples(
            st.integers(0, 2000), st.integers(0, 2), st.sampled_from(b'"",\n\r\x00\xff\xe9x')
        ),
        max_size=5,
    ),
)
def test_corruption_never_loses_count(
    tmp_path_factory: pytest.TempPathFactory, records: Any, edits: Any
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(records)
    data = bytearray(out.getvalue().encode())
    for place, deleted, inserted in edits:
        at = place % (len(data) + 1)
        data[at : at + deleted] = bytes([inserted])
    folder = tmp_path_factory.mktemp("land")
    landed = land_bytes(folder, b"a,b,text\n" + bytes(data))
    numbers = [row["source_row"] for row in messages(folder)]
    apart = quarantine(folder)
    assert sorted(numbers + [row["source_row"] for row in apart]) == list(
        range(1, landed.rows.taken + 1)
    )
    assert len(apart) == sum(landed.rows.dropped.values())
    assert "\x00" not in "".join(row["text"] for row in messages(folder))


@pytest.mark.parametrize(
    ("name", "text_column"),
    [
        ("twcs/twcs_real.csv", "text"),
        ("twcs/gold_dev.csv", "text"),
        ("ag_news/ag_news_8k.csv", "content"),
    ],
)
def test_real_files_land_as_the_csv_module_reads_them(
    shared_dir: Path, tmp_path: Path, name: str, text_column: str
) -> None:
    (tmp_path / "in.csv").write_bytes((shared_dir / name).read_bytes())
    landed = land(tmp_path / "in.csv", text_column=text_column)
    with (shared_dir / name).open(newline="", encoding="utf-8") as file:
        header, *records = csv.reader(file)
    assert landed.rows.dropped == {}
    assert [[row[c] for c in header] for row in messages(tmp_path)] == records
