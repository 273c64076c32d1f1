import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.tables.writing.formulas import harmless
from common.tables.writing.lines import csv_lines, harmless_column
from common.tables.writing.output import write_csv

ANY = st.text(st.characters(codec="utf-8"), max_size=12)
NEAR = st.text(st.sampled_from("=+-@＝＋－＠;,|\t\r\n\"'() !$aAé1%^.\x00\u200b"), max_size=10)
TEXTS = st.sampled_from(["=1+1", "@SUM(1;2)", "+A1", "-12.50", "@115712 hi", ""]) | ANY | NEAR


def lines(rows: list[tuple[Any, ...]], delimiter: str = ",", *, guard: bool = True) -> str:
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    written: bytes = csv_lines(columns, delimiter=delimiter, guard=guard).to_pybytes()
    return written.decode()


def test_fields_are_quoted_where_they_need_it() -> None:
    rows = [("a", 'say "hi"'), (None, "two\nlines"), ("x;y", ""), ("'", "=1+1"), ("é", "\r")]
    assert lines(rows, ";") == (
        'a;"say ""hi"""\r\n;"two\nlines"\r\n"x;y";\r\n\';\'=1+1\r\né;"\r"\r\n'
    )
    assert lines([("=1+1", "a")], guard=False) == "=1+1,a\r\n"


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "]", "\\", "-", " ", "\x1f"])
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6))
def test_they_are_the_lines_of_the_csv_module(
    delimiter: str, guard: bool, rows: list[tuple[str, str]]
) -> None:
    file = io.StringIO(newline="")
    write_csv(file, rows, delimiter=delimiter, guard=guard)
    assert lines(rows, delimiter, guard=guard) == file.getvalue()


@given(st.lists(TEXTS, max_size=30))
def test_a_column_is_as_harmless_as_its_texts(texts: list[str]) -> None:
    column = harmless_column(pa.array(texts, pa.string()))
    assert column.to_pylist() == [harmless(text) for text in texts]


def test_a_part_of_a_column_is_written_alone() -> None:
    columns = [pa.array(["a", "b", "c"]).slice(1, 1), pa.array(["d", "e", "f"]).slice(2, 1)]
    assert csv_lines(columns, delimiter=",", guard=True).to_pybytes() == b"b,f\r\n"
    assert csv_lines([c.slice(0, 0) for c in columns], delimiter=",", guard=True).size == 0
