import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from common.tables.writing.formulas import harmless
from common.tables.writing.output import write_csv

ROWS = st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2))


def test_the_apostrophe_is_inside_the_quotes() -> None:
    file = io.StringIO()
    write_csv(file, [['=HYPERLINK("http://x","a")', "b"]])
    assert file.getvalue() == '"\'=HYPERLINK(""http://x"",""a"")",b\r\n'


def test_the_guard_can_be_turned_off() -> None:
    file = io.StringIO()
    write_csv(file, [["=1+1", "-1;2"]], delimiter=";", guard=False)
    assert file.getvalue() == '=1+1;"-1;2"\r\n'


@given(ROWS, st.sampled_from(",;\t|"))
def test_what_is_written_reads_back(rows: list[list[str]], delimiter: str) -> None:
    file = io.StringIO(newline="")
    write_csv(file, rows, delimiter=delimiter)
    back = list(csv.reader(io.StringIO(file.getvalue(), newline=""), delimiter=delimiter))
    assert back == [[harmless(value) for value in row] for row in rows]
    assert not any(value.startswith("=") for row in back for value in row)
