"""The same file gives the same rows and rejects where it is landed and where it is scored."""

import csv
import gzip
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from a_ingestion import landing
from common.tables.input import TableInput
from e_apification.bulk import rows as bulk

MEGABYTE = b"x" * 1_000_000
# Content after the header id,text; how many rows it has; what is rejected, by record number.
CORPUS: dict[str, tuple[bytes, int, dict[int, str]]] = {
    "plain": (b"1,a\n2,b\n", 2, {}),
    "header alone": (b"", 0, {}),
    "no last line end": (b"1,a\n2,b", 2, {}),
    "CR LF": (b"1,a\r\n2,b\r\n", 2, {}),
    "CR": (b"1,a\r2,b\r", 2, {}),
    "blank lines": (b"\n\n1,a\n\r\n\n2,b\n\n", 2, {}),
    "quotes": (b'"1","say ""hi"", you"\n2,"two\nlines"\n3,5" pipe\n', 3, {}),
    "line breaks": (b'1,"a\r\nb"\r\n2,"a\n\n\nb"\r\n', 2, {}),
    "quote never closed": (
        b'1,"my parcel is late\n2,charged twice\n3,app crashes\n',
        2,
        {1: "broken quote"},
    ),
    "quote closed by the next": (b'1,"a\n2,"b"\n3,c\n', 2, {1: "broken quote"}),
    "quote never closed at the end": (b'1,a\n2,"b\n', 1, {2: "broken quote"}),
    "text behind a quote": (b'1,"a"b\n2,c\n', 1, {1: "broken quote"}),
    "latin-1": (b"1,caf\xe9\n2,caf\xc3\xa9\n", 1, {1: "not UTF-8"}),
    "half a surrogate": (b"1,\xed\xa0\x80\n2,b\n", 1, {1: "not UTF-8"}),
    "NUL": (b"1,a\0\n2,b\n", 1, {1: "NUL byte"}),
    "too few": (b"1\n2,b\n", 1, {1: "wrong number of columns"}),
    "too many": (b"1,Hello, you\n2,b\n", 1, {1: "wrong number of columns"}),
    "long fields": (b"1," + MEGABYTE + b"\n2,%sx\n3,c\n" % MEGABYTE, 2, {2: "field too long"}),
    "swallowed rows": (
        b'1,"x,y\n2,a\n3,b\n4,", well"\n5,c\n',
        4,
        {1: "broken quote"},
    ),
    "formulas": (b"1,=1+1\n2,@you\n-3,+4\n", 3, {}),
}


def landed(source: Path, folder: Path) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    folder.mkdir()
    landing.land_csv(TableInput(source), folder, text_column="text", max_field_mb=1)
    rows = pq.read_table(folder / "messages").drop_columns([landing.ROW_COLUMN])
    rejected = pq.read_table(folder / "quarantine")
    return (
        [tuple(row.values()) for row in rows.to_pylist()],
        [tuple(map(str, row.values())) for row in rejected.to_pylist()],
    )


def scored(source: Path, folder: Path) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    folder.mkdir()
    target, rejects = folder / "rows.parquet", folder / "rejected.csv"
    result = bulk.land_table(
        TableInput(source), target, rejects=rejects, text_column="text", max_field_mb=1
    )
    rows = pq.read_table(target).drop_columns(["row", "text"]).to_pylist()
    with rejects.open(encoding="utf-8", newline="") as file:
        header, *rejected = csv.reader(file)
    assert header == ["source_row", "reason", "record"]
    assert len(rejected) == result.rejected.total()
    return [tuple(row.values()) for row in rows], [tuple(record) for record in rejected]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no BOM", "BOM"])
@pytest.mark.parametrize("name", CORPUS)
def test_landing_and_scoring_read_the_same(
    tmp_path: Path, name: str, mark: bytes, packed: bool
) -> None:
    content, rows, reasons = CORPUS[name]
    data = mark + b"id,text\n" + content
    source = tmp_path / "in.csv"
    source.write_bytes(gzip.compress(data, compresslevel=1) if packed else data)
    by_landing = landed(source, tmp_path / "landed")
    assert scored(source, tmp_path / "scored") == by_landing
    assert len(by_landing[0]) == rows
    assert {int(number): reason for number, reason, _ in by_landing[1]} == reasons
