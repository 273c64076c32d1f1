"""Files that people really have, and what comes of each, in bulk and strictly."""

import logging
from pathlib import Path

import pytest

from common.tables.input import TableInput
from common.tables.strict import RecordError, open_strict
from common.tables.table import open_table

CASES = Path(__file__).resolve().parents[2] / "cases"


def bulk(source: TableInput) -> tuple[tuple[str, ...], list[tuple[str, ...]], dict[int, str], str]:
    with open_table(source, max_field_mb=1) as table:
        rows: list[tuple[str, ...]] = []
        rejected: dict[int, str] = {}
        for batch in table.batches:
            rows += list(zip(*(column.to_pylist() for column in batch.rows.columns), strict=True))
            rejected |= {r.number: r.reason for r in batch.rejected}
        return table.columns, rows, rejected, table.form.described


def strict(source: TableInput) -> list[tuple[str, ...]]:
    found = open_strict(
        source.open_stream,
        name=str(source.path),
        encoding=source.encoding,
        delimiter=source.delimiter,
    )
    with found as table:
        return [tuple(record.fields) for record in table.records]


@pytest.mark.parametrize(
    ("name", "form", "columns", "rows", "first", "last"),
    [
        (
            "excel_semicolon.csv", 'CSV in UTF-8, fields by ";"',
            ("Ticket ID", "Subject", "Description", "Amount"), 30,
            ("1", "Hello", "My parcel was due Monday and tracking has not moved, ref 1000", "0,50"),
            ("30", "Hello", "Happy birthday to your team, ref 1029", "29,50"),
        ),
        (
            "sep_line.csv", 'CSV in UTF-8, fields by ","', ("id", "text"), 30,
            ("1", "My parcel was due Monday and tracking has not moved, ref 1000"),
            ("30", "Happy birthday to your team, ref 1029"),
        ),
        (
            "cp1252_two_thirds.csv", 'CSV in cp1252, fields by ","', ("id", "text", "name"), 60,
            ("1", "My parcel was due Monday and tracking has not moved, ref 1000", "Ann"),
            ("60", "Happy birthday to your team, ref 1059 – it’s “urgent”, 20 €", "Ann"),
        ),
        (
            "score_cp1252.csv", 'CSV in cp1252, fields by ","', ("id", "name", "text"), 2,
            ("1", "Zoë Müller", "parcel to Köln never came – 20 €"),
            ("2", "Bob", "I was charged twice"),
        ),
        (
            "formats_utf16.csv", 'CSV in UTF-16, fields by ","', ("id", "text"), 1,
            ("1", "my parcel never came"), ("1", "my parcel never came"),
        ),
        (
            "column_named_0.csv", 'CSV in UTF-8, fields by ","', ("", "0"), 30,
            ("0", "My parcel was due Monday and tracking has not moved, ref 1000"),
            ("29", "Happy birthday to your team, ref 1029"),
        ),
    ],
)  # fmt: skip
def test_a_case_is_read_whole(
    name: str, form: str, columns: tuple[str, ...], rows: int,
    first: tuple[str, ...], last: tuple[str, ...],
) -> None:  # fmt: skip
    source = TableInput(CASES / name)
    found_columns, found, rejected, described = bulk(source)
    assert (found_columns, len(found), rejected, described) == (columns, rows, {}, form)
    assert (found[0], found[-1]) == (first, last)
    assert strict(source) == found


def test_an_open_quote_costs_its_row_alone() -> None:
    source = TableInput(CASES / "open_quote.csv")
    _, rows, rejected, _ = bulk(source)
    assert [row[0] for row in rows] == ["1", "3", "4", "5", "6", "7"]
    assert rejected == {2: "broken quote"}
    with pytest.raises(RecordError, match="line 3: broken quote"):
        strict(source)


def test_a_comma_that_no_quote_protects_is_named_by_its_line() -> None:
    for name, line in (("gold_commas.csv", 2), ("synthetic_commas.csv", 2)):
        with pytest.raises(RecordError, match=f"line {line}: wrong number of columns"):
            strict(TableInput(CASES / name))


def test_how_a_file_is_read_is_logged_without_its_texts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bulk(TableInput(CASES / "score_cp1252.csv"))
    (line,) = caplog.messages
    assert line.endswith("score_cp1252.csv is in cp1252 (€ – ë ö ü)")
    caplog.clear()
    bulk(TableInput(CASES / "open_quote.csv"))
    assert not caplog.messages


def test_settings_overrule_what_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id;text\n1;Grüße, Köln\n".encode())
    assert bulk(TableInput(path, encoding="cp1252"))[1] == [("1", "GrÃ¼ÃŸe, KÃ¶ln")]
    assert bulk(TableInput(path, delimiter=","))[:2] == (("id;text",), [])
    assert bulk(TableInput(path, delimiter=","))[2] == {1: "wrong number of columns"}


def test_a_byte_that_the_encoding_has_not_rejects_its_record(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [f"{n},Grüße aus Köln".encode("cp1252") for n in range(30)]
    lines[7] += b"\x81"
    path.write_bytes(b"id,text\n" + b"\n".join(lines))
    _, rows, rejected, form = bulk(TableInput(path))
    assert (len(rows), rejected, form) == (29, {8: "not cp1252"}, 'CSV in cp1252, fields by ","')


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_utf_16_of_any_kind_with_a_line_that_names_the_delimiter(
    tmp_path: Path, codec: str, end: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(end.join(["sep=|", "id|text", '1|"a\nb"', "2|ünï, 漢字"]).encode(codec))
    assert bulk(TableInput(path))[:3] == (("id", "text"), [("1", "a\nb"), ("2", "ünï, 漢字")], {})
    assert strict(TableInput(path)) == [("1", "a\nb"), ("2", "ünï, 漢字")]


def test_a_file_of_one_column_keeps_its_commas(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text('text\nhello, you\n"quoted; too"\n\nplain\n', encoding="utf-8")
    assert bulk(TableInput(path))[1] == [("hello, you",), ("quoted; too",), ("plain",)]
    assert strict(TableInput(path)) == bulk(TableInput(path))[1]
