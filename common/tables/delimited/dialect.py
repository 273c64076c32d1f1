"""Which character parts the fields of a CSV, by its first lines.

The line sep=; that spreadsheet programs write and obey is obeyed here too. Else each candidate
splits the first records, and the one that gives every record the header's number of fields wins.
"""

import csv
import io
import re
from collections.abc import Sequence
from itertools import islice

from common.errors import SettingsError
from common.tables.delimited.layout import find_layout
from common.tables.delimited.records import Records

CANDIDATES = (",", ";", "\t", "|")
# Of a file with one column, whose texts may hold any of the candidates, but no NUL.
NO_DELIMITER = "\0"
_RECORDS = 200
_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_SEP_LINE = re.compile(rb'^"?sep=(\\t|[!-~\t]?)"?(?:\r\n?|\n|$)', re.IGNORECASE)


def checked_delimiter(given: str) -> str:
    """The character that a setting names: itself, or tab, comma, semicolon, pipe.

    Raises:
        SettingsError: if it is none.
    """
    character = _NAMES.get(given.lower(), given)
    if len(character) != 1 or not character.isascii() or character in '"\r\n\0':
        raise SettingsError(
            f"{given!r} is no delimiter; DELIMITER= (ingestion.delimiter) takes one ASCII "
            "character, or tab"
        )
    return character


def split_sep_line(start: bytes) -> tuple[str | None, bytes]:
    """The delimiter that the line sep= names, if it names one, with that line."""
    found = _SEP_LINE.match(start)
    if not found:
        return None, b""
    named = found[1].decode()
    return _NAMES.get(named, named) or None, found[0]


def find_delimiter(start: str) -> str:
    """The delimiter of a CSV.

    Of several that fit, the one that is least like the comma of a text or of a number, and then the
    one with the most columns. Without any, NO_DELIMITER where records hold no comma, differ in how
    many, or have most of them as texts do; else the header lacks columns.

    Args:
        start: the sample of the stream, decoded, or all that there is.
    """
    fits = {sign: _fit(_widths(start, sign)) for sign in CANDIDATES}
    fitting = [sign for sign in CANDIDATES if fits[sign][1] > 1]
    if fitting:
        return max(
            fitting, key=lambda sign: (fits[sign][0], -_texts_share(start, sign), fits[sign][1])
        )
    widths = [width for width in _widths(start, ",") if width]
    if widths[:1] == [1] and (len(set(widths[1:])) != 1 or _texts_share(start, ",") >= 0.5):
        return NO_DELIMITER
    return NO_DELIMITER if set(widths) == {1} else ","


def _widths(sample: str, delimiter: str) -> list[int]:
    """Fields of each of the first records; 0 for one with broken quotes, at the end.

    Nothing where the header is such a one. The last, which may be cut, counts if it is alone.
    """
    data = f"\n{sample}\n".encode()
    records = Records(find_layout(data, final=True, max_open=len(data), delimiter=delimiter))
    if not len(records.good()) or records.good()[0] > 0:
        return []
    text = io.StringIO(records.good_bytes().decode(), newline="")
    reader = filter(None, csv.reader(text, delimiter=delimiter))
    widths = [len(fields) for fields in islice(reader, _RECORDS + 1)]
    whole = widths if sample.endswith(("\n", "\r")) else widths[:-1] or widths
    return whole + [0] * (len(records.starts) - len(records.good()))


def _texts_share(sample: str, delimiter: str) -> float:
    """Share of the sign, in tenths, that stands as in texts: before a blank or amid a number."""
    sign = re.escape(delimiter)
    amid = len(re.findall(rf"{sign} |(?<=\d){sign}(?=\d)", sample))
    return round(amid / max(1, sample.count(delimiter)), 1)


def _fit(widths: Sequence[int]) -> tuple[float, int]:
    """Share of records that have the header's fields, in tenths; and how many these are."""
    if not widths or widths[0] < 2:
        return 0.0, 1
    same = sum(width == widths[0] for width in widths[1:])
    share = same / (len(widths) - 1) if len(widths) > 1 else 1.0
    return round(share, 1), widths[0]
