import pytest

from common.errors import SettingsError
from common.tables.delimited.dialect import (
    NO_DELIMITER,
    checked_delimiter,
    find_delimiter,
    split_sep_line,
)


@pytest.mark.parametrize(
    ("start", "delimiter"),
    [
        ("id,text\n1,hi\n", ","),
        ("id;text;amount\n1;hi;0,50\n2;ho;1,50\n", ";"),
        ("id\ttext\r\n1\thi, you\r\n", "\t"),
        ("id|text\r1|a;b\r", "|"),
        # The header's own commas are inside quotes, or part of a name.
        ('"id, old";text\n1;"hi; you"\n2;ho\n', ";"),
        ("id, old;text\n1;hi\n2;ho\n", ";"),
        # Of two that fit equally well: commas of texts and numbers don't count, then more columns.
        ("Betrag,EUR;Text\n0,50;x\n1,20;y\n", ";"),
        ("Name, Vorname;Text\nMaier, Jo;hallo\nRoth, Al;ho\n", ";"),
        ("id, text\n1, hi\n2, ho\n", ","),
        ("a;b;c,d\n1;2;3,4\n5;6;7,8\n", ";"),
        ("a,b;c\n1,2;3\n4,5;6\n", ","),
        # Quotes that are broken by a sign count against it.
        (';,label\n"Lieferung, noch immer",b\n"a, b",c\n', ","),
        # Records of wrong width do not hide the header's delimiter.
        ("id,text\n1,hi, you\n2,hi, you, too\n", ","),
        ("id,text", ","),
        # A quote that is left open costs its own record alone.
        ('id;text\n1;"hi\n2;ho\n', ";"),
        # Line ends before the header and inside it.
        ('\n\n"text"', NO_DELIMITER),
        ('"a\nb";c', ";"),
        # One column: a text may hold anything.
        ("text\nhi, you\nho\nwell, well, well\n", NO_DELIMITER),
        ("text\nhi; you\nho\n", NO_DELIMITER),
        ('text\n"hi, you"\n"ho"\n', NO_DELIMITER),
        ("text\n", NO_DELIMITER),
        ("text\nhi, you\n", NO_DELIMITER),
        ("text\nhi, you\nho, me\nit cost 1,50\n", NO_DELIMITER),
        # All have one comma, none as in a text: the header lacks a column.
        ("text\n1,hi\n2,ho\n", ","),
    ],
)
def test_the_delimiter_of_the_first_records(start: str, delimiter: str) -> None:
    assert find_delimiter(start) == delimiter


def test_a_record_that_the_sample_cuts_does_not_count() -> None:
    assert find_delimiter("a;b\n1;2\n3,4,5,6") == ";"


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (b"sep=,\r\nid,text\n", (",", b"sep=,\r\n")),
        (b"SEP=;\nid;text\n", (";", b"SEP=;\n")),
        (b'"sep=|"\rid|text\r', ("|", b'"sep=|"\r')),
        (b"sep=\t\nid\ttext\n", ("\t", b"sep=\t\n")),
        (b"sep=,", (",", b"sep=,")),
        (b"sep=\\t\nid\ttext\n", ("\t", b"sep=\\t\n")),
        (b"sep=\nid;text\n", (None, b"sep=\n")),
        (b"sep=,,\n", (None, b"")),
        (b"separator\n", (None, b"")),
        (b"id,sep=,\n", (None, b"")),
    ],
)
def test_a_line_that_names_the_delimiter(start: bytes, found: tuple[str | None, bytes]) -> None:
    assert split_sep_line(start) == found


def test_a_setting_names_a_character() -> None:
    assert [checked_delimiter(given) for given in (";", "tab", "\\t", "\t", "Pipe", "~")] == [
        ";", "\t", "\t", "\t", "|", "~",
    ]  # fmt: skip
    for given in ("", ";;", '"', "\n", "§"):
        with pytest.raises(SettingsError, match="is no delimiter; DELIMITER="):
            checked_delimiter(given)
