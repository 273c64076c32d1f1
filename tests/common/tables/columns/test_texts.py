import pyarrow as pa
import pytest

from common.tables.columns.places import text_columns
from common.tables.columns.texts import join_texts


@pytest.mark.parametrize("chunked", [False, True], ids=["array", "chunked"])
def test_texts_of_a_row_are_joined_by_a_line_end(chunked: bool) -> None:
    subject = pa.array(["Late", "", None, None, "Hi"], pa.string())
    body = pa.array(["Where is it?", "Refund", "Crash", "", None], pa.string())
    columns = [pa.chunked_array([c[:2], c[2:]]) if chunked else c for c in (subject, body)]
    joined = join_texts(columns).to_pylist()
    assert joined == ["Late\nWhere is it?", "Refund", "Crash", "", "Hi"]


def test_one_column_stays_as_it_is() -> None:
    assert join_texts([pa.array(["a", None, ""])]).to_pylist() == ["a", None, ""]


@pytest.mark.parametrize(
    ("setting", "columns", "named"),
    [
        ("text", ["id", "text"], ("text",)),
        ("ticket.message", ["ticket.message"], ("ticket.message",)),
        ("0", ["0", "1"], ("0",)),
        ("subject,body", ["subject", "body"], ("subject", "body")),
        ("body, subject", ["subject", "body"], ("body", "subject")),
        ("subject,body", ["subject", "body", "subject,body"], ("subject,body",)),
        ("a, b", ["a", " b"], ("a", " b")),
        ("a,a", ["a"], ("a",)),
        ("text,", ["text", ""], ("text", "")),
        ("body", ["text"], ("body",)),
    ],
)
def test_a_setting_names_one_column_or_several(
    setting: str, columns: list[str], named: tuple[str, ...]
) -> None:
    assert text_columns(setting, columns) == named
