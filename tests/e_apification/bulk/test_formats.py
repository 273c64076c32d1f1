import csv
import gzip
import io
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DataError, SettingsError
from common.tables.writing.formulas import harmless
from common.tables.writing.output import ending_of
from e_apification.bulk import formats
from e_apification.bulk.formats import Dialect, check_cells, check_fits, write_table

NAMES = ["id", "=text", "label", "confidence", "abstained", "truncated", "model_id"]
SCHEMA = pa.schema(
    list(
        zip(
            NAMES,
            [pa.string()] * 3 + [pa.float32(), pa.bool_(), pa.bool_(), pa.string()],
            strict=True,
        )
    )
)
ROWS = [
    ("007", "=cmd()", "other", 0.75, False, True, "v1"),
    ("-5", 'two\r\n"lines"; é', None, 0.3, True, False, "v1"),
    (None, "", None, None, None, None, None),
]


def write(
    target: Path, rows: Sequence[tuple[Any, ...]] = ROWS, dialect: Dialect | None = None
) -> Path:
    columns = [pa.array(column, type_) for column, type_ in zip(zip(*rows), SCHEMA.types)]  # noqa: B905
    batch = pa.record_batch(columns, SCHEMA)
    write_table(target, ending_of(target), SCHEMA, iter([batch]), dialect or Dialect())
    return target


def test_a_csv_is_text_and_safe_in_a_spreadsheet(tmp_path: Path) -> None:
    assert write(tmp_path / "out.csv").read_bytes().decode() == (
        "id,'=text,label,confidence,abstained,truncated,model_id\r\n"
        "007,'=cmd(),other,0.7500,false,true,v1\r\n"
        '-5,"two\r\n""lines""; é",,0.3000,true,false,v1\r\n'
        ",,,,,,\r\n"
    )


def test_a_csv_has_the_delimiter_and_the_mark_that_the_input_had(tmp_path: Path) -> None:
    dialect = Dialect(";", bom=True, guard=False)
    assert write(tmp_path / "out.csv", dialect=dialect).read_bytes().decode("utf-8") == (
        "\ufeffid;=text;label;confidence;abstained;truncated;model_id\r\n"
        "007;=cmd();other;0.7500;false;true;v1\r\n"
        '-5;"two\r\n""lines""; é";;0.3000;true;false;v1\r\n'
        ";;;;;;\r\n"
    )


def test_a_tsv_has_tabs_whatever_the_input_had(tmp_path: Path) -> None:
    content = write(tmp_path / "OUT.TSV", dialect=Dialect(";")).read_bytes().decode()
    assert content.startswith("id\t'=text\tlabel\t")
    assert content.splitlines()[1] == "007\t'=cmd()\tother\t0.7500\tfalse\ttrue\tv1"


def test_packed_text_is_the_same_text(tmp_path: Path) -> None:
    for ending in (".csv", ".tsv", ".jsonl"):
        packed = write(tmp_path / f"out{ending}.gz").read_bytes()
        assert gzip.decompress(packed) == write(tmp_path / f"out{ending}").read_bytes()


def test_jsonl_keeps_null_numbers_and_truth(tmp_path: Path) -> None:
    lines = write(tmp_path / "out.jsonl").read_text(encoding="utf-8").split("\n")
    assert lines[0] == (
        '{"id": "007", "=text": "=cmd()", "label": "other", "confidence": 0.75, '
        '"abstained": false, "truncated": true, "model_id": "v1"}'
    )
    assert json.loads(lines[1])["=text"] == 'two\r\n"lines"; é'
    assert json.loads(lines[1])["confidence"] == 0.3
    assert [json.loads(lines[2])[name] for name in NAMES] == [None, "", *[None] * 5]
    assert lines[3:] == [""]


def test_parquet_keeps_types(tmp_path: Path) -> None:
    table = pq.read_table(write(tmp_path / "out.parquet"))
    assert table.schema.equals(SCHEMA)
    assert table.column("label").to_pylist() == ["other", None, None]
    assert table.column("id").to_pylist() == ["007", "-5", None]


def cells(path: Path) -> list[list[Any]]:
    """Values as a spreadsheet shows them: openpyxl leaves Excel's escapes as they are written."""

    def shown(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), value)

    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert not [cell for row in sheet for cell in row if cell.data_type in ("f", "e")]
    return [[shown(cell.value) for cell in row] for row in sheet]


def test_a_workbook_runs_nothing_and_needs_no_guard(tmp_path: Path) -> None:
    rows = [("#N/A", "=1+1", "_x000D_", 0.5, False, True, "\x0b \t\n\r"), *ROWS]
    assert cells(write(tmp_path / "out.xlsx", rows)) == [
        NAMES,
        ["#N/A", "=1+1", "_x000D_", 0.5, False, True, "\x0b \t\n\r"],
        ["007", "=cmd()", "other", 0.75, False, True, "v1"],
        ["-5", 'two\r\n"lines"; é', None, 0.3, True, False, "v1"],
        [None] * 7,
    ]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
NEAR = st.text(st.sampled_from("=+-@;,\t\r\n\"' aé_x000D\x0b\ufeff"), max_size=8)
RANDOM = st.lists(
    st.tuples(
        *[st.none() | TEXTS | NEAR] * 3,
        st.none() | st.floats(0, 1, width=32),
        st.none() | st.booleans(),
        st.booleans(),
        TEXTS,
    ),
    min_size=1,
    max_size=5,
)


@given(RANDOM)
def test_what_is_written_reads_back_in_each_format(rows: list[tuple[Any, ...]]) -> None:
    def text(value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        return f"{value:.4f}" if isinstance(value, float) else value or ""

    rounded = [[round(v, 4) if type(v) is float else v for v in row] for row in rows]
    texts = [[text(value) for value in row] for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for ending, delimiter in ((".csv", ";"), (".tsv", "\t")):
            written = write(out / f"o{ending}", rows, Dialect(";")).read_bytes().decode()
            back = list(csv.reader(io.StringIO(written, newline=""), delimiter=delimiter))
            assert back[1:] == [[harmless(value) for value in row] for row in texts]
        found = pq.read_table(write(out / "o.parquet", rows))
        assert [tuple(row.values()) for row in found.to_pylist()] == rows
        lines = write(out / "o.jsonl", rows).read_bytes().decode().split("\n")[:-1]
        assert [list(json.loads(line).values()) for line in lines] == rounded
        shown = cells(write(out / "o.xlsx", rows))[1:]
        assert shown == [[None if v == "" else v for v in row] for row in rounded]


@pytest.mark.parametrize("name", ["out", "out.txt", "out.gz", "outcsv", "out.parquet.gz"])
def test_a_name_of_no_format_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"must end in \.csv, .* or \.jsonl\.gz; that decides"):
        ending_of(Path(name))


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".jsonl.gz"])
def test_two_columns_of_a_name_need_a_format_that_holds_them(ending: str) -> None:
    check_fits(".csv", ["a", "a"], 1)
    with pytest.raises(DataError, match=r"the input has two: 'a'; rename one, or write \.csv"):
        check_fits(ending, ["a", "b", "a"], 1)


def test_a_workbook_has_limits() -> None:
    check_fits(".xlsx", ["a"], 1_048_575)
    with pytest.raises(DataError, match="holds 1,048,575 rows .* not 1,048,576 of 1; write"):
        check_fits(".xlsx", ["a"], 1_048_576)
    with pytest.raises(DataError, match="not 1 of 16,385"):
        check_fits(".xlsx", ["a"] * 16_385, 1)


@pytest.mark.parametrize(
    ("text", "chars"),
    [("x" * 32_768, "32,768"), ("\U0001f600" * 16_384, "32,768"), ("\x0b" * 4_682, "32,774")],
    ids=["plain", "outside the basic plane", "escaped"],
)
def test_a_text_that_fits_in_no_cell_is_named(text: str, chars: str) -> None:
    columns = [pa.array(["", None]), pa.array([None, text])]
    with pytest.raises(DataError, match=rf"row 12, column 'b' has {chars} characters"):
        check_cells(["a", "b"], columns, first_row=11)


def test_the_longest_text_of_a_cell_is_whole(tmp_path: Path) -> None:
    text = "x" * formats.CELL_CHARS
    check_cells(["a"], [pa.array([text])], first_row=1)
    assert cells(write(tmp_path / "o.xlsx", [(text, *ROWS[0][1:])]))[1][0] == text
