import gzip
import zipfile
from pathlib import Path
from typing import Any

import pytest

from common.errors import DataError
from common.tables.input import TableInput

CSV = b"id,text\n1,hello\n"


def read(source: TableInput) -> bytes:
    with source.open_stream() as stream:
        return stream.read()


def test_plain(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    source = TableInput(tmp_path / "a.csv")
    assert (read(source), source.plain_bytes) == (CSV, 16)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv"])
def test_gzip_is_told_by_its_bytes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(CSV) + gzip.compress(b"2,more\n"))
    source = TableInput(tmp_path / name)
    assert (read(source), source.plain_bytes) == (CSV + b"2,more\n", None)


def test_member_of_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("twcs/twcs.csv", CSV)
    source = TableInput(tmp_path / "a.zip", member="twcs/twcs.csv")
    assert (read(source), source.plain_bytes) == (CSV, 16)


@pytest.mark.parametrize(
    "damaged",
    [gzip.compress(CSV)[:-9], b"\x1f\x8b nothing of the kind", gzip.compress(CSV) + b"x"],
    ids=["cut", "no gzip", "more after it"],  # not the bytes, which hold the time
)
def test_damaged_gzip(tmp_path: Path, damaged: Any) -> None:
    (tmp_path / "a.gz").write_bytes(damaged)
    with pytest.raises(DataError, match=r"a\.gz is damaged .* fetch or compress it anew"):
        read(TableInput(tmp_path / "a.gz"))


def test_damaged_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", CSV)
    path = tmp_path / "a.zip"
    path.write_bytes(path.read_bytes().replace(b"hello", b"jello"))
    with pytest.raises(DataError, match=r"a\.zip is damaged \(Bad CRC-32"):
        read(TableInput(path, member="a.csv"))


def test_the_only_file_of_a_zip_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
        for name in ("out/", "__MACOSX/out/._a.csv", "out/.DS_Store"):
            archive.writestr(name, b"")
        archive.writestr("out/a.csv", CSV)
    source = TableInput(tmp_path / "a.csv")
    assert read(source) == CSV
    assert source.plain_bytes == len(CSV)


@pytest.mark.parametrize(
    ("names", "message"),
    [([], "holds 0 files; unpack it"), (["a.csv", "b.csv"], r"holds 2 files \('a.csv', 'b.csv'\)")],
)
def test_a_zip_of_none_or_several_files_is_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("__MACOSX/x", b"")
        for name in names:
            archive.writestr(name, CSV)
    with pytest.raises(DataError, match=message):
        read(TableInput(tmp_path / "a.zip"))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.csv does not exist; name a CSV file"):
        TableInput(tmp_path / "no.csv").require()
    with pytest.raises(DataError, match="is a folder; name a CSV file"):
        TableInput(tmp_path).require()
