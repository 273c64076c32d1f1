import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.tables.output import harmless, write_csv


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30 1", "'+49 30 1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("'=1", "'=1"),
        ("a=1", "a=1"),
        ("1-1", "1-1"),
        ("", ""),
    ],
)
def test_formulas_get_an_apostrophe(value: str, written: str) -> None:
    assert harmless(value) == written


def test_the_apostrophe_is_inside_the_quotes() -> None:
    file = io.StringIO()
    write_csv(file, [['=HYPERLINK("http://x","a")', "b"]])
    assert file.getvalue() == '"\'=HYPERLINK(""http://x"",""a"")",b\r\n'


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2)))
def test_what_is_written_reads_back(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    write_csv(file, rows)
    back = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert back == [[harmless(value) for value in row] for row in rows]
    assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for r in back for value in r)
