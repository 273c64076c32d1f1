"""Random files of tables whose rows are known, for hypothesis.

``files`` draws one of the formats; another format is one more function in ``_FORMATS``. What is
broken on purpose is broken so that nothing else can be meant by it: see ``_broken``.
"""

import gzip
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import strategies as st

from common.tables.form import Form

Record: TypeAlias = tuple[str, ...] | str

SIGNS = (",", ";", "\t", "|")
ODD_SIGNS = ("^", "~", ":")
CODECS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")
WESTERN = "Grüße aus Köln – die Lieferung für “Tür 5” fehlt noch immer, es waren 20 €"
CELLS = (
    "", " ", "  two  ", "'", "'=1+1", "''", '"', '""', '"quoted"', '5" pipe', ",", ";", "\t", "|",
    "a,b;c", "\n", "\r\n", "\r", "line\nbreak", "end\r\n", "=1+1", "=cmd|' /C calc'!A0", "+A1",
    "-SUM(B1)", "@SUM(1;2)", "-12.50", "+44 20 7946 0000", "-", "- charged twice",
    "@115712 my parcel", "1e5", "007", "12,5", "NULL", "true", "#N/A", "sep=;", "\\n", "\x0b",
    "_x000D_", "café", "👍🏽 great", "漢字", "\ufeffmark", "\u2028", "１２", "＝1+1",
)  # fmt: skip
NAMES = (
    "text", "id", "ticket.message", "0", "12", "Message: body", "", " padded ", "a`b", "tickets #2",
    "=1+1", "-x", "'quoted", 'with "quotes"', "é", "label", "confidence", "Subject\nline", "#N/A",
    "created_at", "{a}", "[q1]", "a?b", "null", "_x0041_",
)  # fmt: skip
# What stands for "a byte that the encoding does not have".
_NO_CHARACTER = "\ue000"
_REASONS = {
    "few": "wrong number of columns",
    "many": "wrong number of columns",
    "open": "broken quote",
    "after": "broken quote",
    "bytes": "not {encoding}",
    "nul": "NUL byte",
}


@dataclass(frozen=True)
class TableFile:
    """A file and its truth: records in order, a broken one as the reason of its rejection.

    encoding, delimiter: what the user has to set, where the file can't show it.
    """

    content: bytes
    columns: tuple[str, ...]
    text_column: str
    records: tuple[Record, ...]
    form: Form
    encoding: str | None = None
    delimiter: str | None = None

    @property
    def rows(self) -> dict[int, tuple[str, ...]]:
        """Intact rows by number."""
        return {n: r for n, r in enumerate(self.records, 1) if not isinstance(r, str)}

    @property
    def rejected(self) -> dict[int, str]:
        """Reasons by number."""
        return {n: r for n, r in enumerate(self.records, 1) if isinstance(r, str)}


def files(*, twins: bool = False) -> st.SearchStrategy[TableFile]:
    """Files of all formats; twins: some columns may share a name, where the format has that."""
    return st.one_of(*[make(twins=twins) for make in _FORMATS])


@st.composite
def csv_files(draw: Callable[[Any], Any], *, twins: bool) -> TableFile:
    """CSV of any dialect and encoding, plain or packed."""
    codec = draw(st.sampled_from(CODECS))
    sign = draw(st.sampled_from(SIGNS) | st.sampled_from(ODD_SIGNS))
    declared = draw(st.booleans())  # by a line sep=
    columns, text_column = draw(_columns(codec, twins=twins))
    width = len(columns)
    kinds = ["bytes", "nul"] + (["few", "many", "open", "after"] if width > 1 else [])
    cells = st.tuples(*[_cells(codec)] * (width - 1))
    rows = st.builds(lambda number, rest: (str(number), *rest), st.integers(-99, 99), cells)
    if width == 1:
        rows = st.tuples(_cells(codec))
    records: list[Any] = draw(st.lists(rows | rows | st.sampled_from(kinds), max_size=10))
    if codec == "cp1252":  # enough of it to be recognised
        western = (*("1" for _ in columns[1:]), WESTERN)
        records = [western, western, *records, western]
    set_sign = not declared and (
        sign not in SIGNS or _unclear(columns, records, sign) or draw(st.booleans())
    )
    one_column = width == 1 and not declared and not set_sign
    style = "all" if one_column else draw(st.sampled_from(["all", "minimal", "sparse"]))
    lines = [_line(columns, style, sign, first=width == 1)]
    for record in records:
        if isinstance(record, str):
            lines.append(_broken(record, width, sign))
        else:
            lines.append(_line(record, style, sign, first=width == 1 or "open" in records))
    ends = st.sampled_from(["\n", "\r\n", "\r"])
    end, mixed = draw(ends), draw(st.booleans())
    text = f"sep={sign}{end}" if declared else ""
    for line in lines:
        text += end * draw(st.sampled_from([0, 0, 0, 1, 2])) + line
        text += draw(ends) if mixed else end
    if not draw(st.booleans()):
        text = text.rstrip("\r\n")
    data = _encoded(text, codec)
    name, bom = codec.removesuffix("-sig"), codec in ("utf-8-sig", "utf-16")
    set_codec = _unrecognised(data, codec)
    reason = f"not {name.upper() if name.startswith('utf') else name}"
    return TableFile(
        _packed(data, draw(st.sampled_from(["", "gzip", "zip"]))),
        columns,
        text_column,
        tuple(
            r if isinstance(r, tuple) else _REASONS[r].replace("not {encoding}", reason)
            for r in records
        ),
        Form("csv", name, bom, None if one_column else sign),
        encoding=name if set_codec else None,
        delimiter=("tab" if sign == "\t" else sign) if set_sign else None,
    )


_FORMATS = (csv_files,)


@st.composite
def _columns(draw: Callable[[Any], Any], codec: str, *, twins: bool) -> tuple[tuple[str, ...], str]:
    """One to five names that ingestion takes, and the one of the texts."""
    plain = _text(codec, max_size=5, without="\0\ufeff").filter(lambda n: n.casefold() != "")
    known = st.sampled_from([name for name in NAMES if _fits(name, codec)])

    def taken_as(names: Sequence[str]) -> set[str]:
        filled = (name or f"column_{at}" for at, name in enumerate(names, 1))
        return {name.casefold() for name in filled}

    names = draw(
        st.lists(known | known | plain, min_size=1, max_size=5).filter(
            lambda names: (
                len(taken_as(names)) == len(names) and any(names) and "source_row" not in names
            )
        )
    )
    text_column = draw(st.sampled_from([name for name in names if name]))
    if twins and len(names) > 1:
        others = [name for name in names if name != text_column]
        names = names + draw(st.lists(st.sampled_from(others), max_size=2))
    return tuple(names), text_column


def _cells(codec: str) -> st.SearchStrategy[str]:
    known = st.sampled_from([cell for cell in CELLS if _fits(cell, codec)])
    return known | _text(codec, max_size=10, without="\0")


def _text(codec: str, *, max_size: int, without: str) -> st.SearchStrategy[str]:
    if codec == "cp1252":  # no two of these letters are valid UTF-8 by chance
        alphabet = st.sampled_from("abcdefghij XYZ 0123456789 ,;|\t\"'\r\n=+-@éüßñÀ")
        return st.text(alphabet, max_size=max_size)
    anything = st.characters(codec="utf-8", exclude_characters=without + _NO_CHARACTER)
    return st.text(anything | st.sampled_from("\",;|\t\n\r='"), max_size=max_size)


def _fits(text: str, codec: str) -> bool:
    return codec != "cp1252" or text.isascii() or text == "café"


def _line(fields: Sequence[str], style: str, sign: str, *, first: bool) -> str:
    """A record; first: its first field is quoted at all events.

    A quote that was left open before it is then found out by this field: it would end there, and
    go on with a digit. Alone in its record, an empty field would be a blank line.
    """
    return sign.join(
        '"' + field.replace('"', '""') + '"'
        if style == "all" or (first and at == 0) or _needs_quotes(field, style, sign)
        else field
        for at, field in enumerate(fields)
    )


def _needs_quotes(field: str, style: str, sign: str) -> bool:
    return (
        any(end in field for end in (sign, "\r", "\n"))
        or field.startswith('"')
        or (style == "minimal" and '"' in field)
    )


def _broken(kind: str, width: int, sign: str) -> str:
    """A line that is no row of so many fields."""
    return {
        "few": sign.join(["x"] * (width - 1)) or "x",
        "many": sign.join(["x"] * (width + 1)),
        "open": sign.join(["x"] * (width - 1) + ['"never closed']),
        "after": sign.join(['"ab"c'] + ["x"] * (width - 1)),
        "bytes": sign.join(["x"] * (width - 1) + [f"caf{_NO_CHARACTER}"]),
        "nul": sign.join(["x"] * (width - 1) + ["a\0b"]),
    }[kind]


def _encoded(text: str, codec: str) -> bytes:
    mark = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe"}.get(codec, b"")
    codec = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(codec, codec)
    broken = {"utf-16-le": b"\x00\xd8", "utf-16-be": b"\xd8\x00", "cp1252": b"\x81"}
    parts = (part.encode(codec) for part in text.split(_NO_CHARACTER))
    return mark + broken.get(codec, b"\xff").join(parts)


def _unrecognised(data: bytes, codec: str) -> bool:
    """Whether an encoding can't be found: too little text in cp1252, UTF-16 that starts oddly."""
    if codec == "cp1252":
        high = sum(byte >= 0x80 for byte in data)
        letters = sum(chr(byte).isascii() and chr(byte).isalpha() for byte in data)
        odd = data.count(b"\x81") + data.count(b"\0")
        return high * 3 > letters or odd * 12 > high
    if codec in ("utf-16-le", "utf-16-be"):
        start = data[:4].decode(codec, errors="replace")
        return not (start.isascii() and len(start) == 2)
    return False


def _unclear(columns: Sequence[str], records: Sequence[Record], sign: str) -> bool:
    """Whether a person could not say either which character parts the fields."""
    others = [other for other in SIGNS if other != sign]
    broken = sum(record in ("few", "many", "open", "after") for record in records)
    return broken * 2 > len(records) or any(o in name for o in others for name in columns)


def _packed(data: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(data, compresslevel=1)
    if how == "zip":
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("export.csv", data)
            file.writestr("__MACOSX/._export.csv", b"\0")
        return archive.getvalue()
    return data
