"""Read JSONL: one object a line, in two passes and bounded memory; no Arrow is needed.

The columns are the keys of all lines, in the order in which they first come. Strings stay as they
are, numbers as the file spells them; true and false in lower case; null and a missing key are
empty; an array or object inside is compact JSON.
"""

import codecs
import json
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import IO, Any, NamedTuple

from common.errors import DataError
from common.tables.delimited.layout import TOO_LONG
from common.tables.delimited.records import NOT_UTF8, NUL
from common.tables.formats.entries import (
    KEPT_BYTES,
    LONE_SURROGATE,
    NO_OBJECT,
    NOT_JSON,
    REPEATED_KEY,
    Entries,
    Entry,
)

_MOST_COLUMNS = 10_000
_REMEDY = (
    "write one object a line (`jq -c '.[]' in.json > out.jsonl`, or in pandas "
    '`to_json(path, orient="records", lines=True)`)'
)


def read_jsonl(
    stream: IO[bytes], *, name: str, encoding: str | None = None, max_field_bytes: int
) -> Entries:
    """Read all keys at once, the records as they are asked for.

    Args:
        stream: it is read from its start twice.
        name: what errors call the file.
        encoding: None for UTF-8, or UTF-16 where the stream starts so.
        max_field_bytes: a record with a longer field is rejected, and a line of four times that.

    Raises:
        DataError: if no line holds an object, or there are too many keys for a table.
    """
    keys: dict[str, None] = {}
    objects = 0
    source = _Source(stream, encoding, name)
    for line in source.lines(4 * max_field_bytes):
        if line.number == 1:
            _check_start(line.data, name=name)
        found = _parse(line, max_field_bytes)
        if isinstance(found, dict):
            objects += 1
            keys.update(dict.fromkeys(found))
            only = found if objects == 1 else {}
            if len(keys) > _MOST_COLUMNS:
                raise DataError(
                    f"{name} has more than {_MOST_COLUMNS:,} different keys by line "
                    f"{line.line}; give every object the same few keys"
                )
    if not keys:
        raise DataError(f"{name} holds no JSON object with a key; {_REMEDY}")
    if objects == 1 and all((value or "").startswith("{") for value in only.values()):
        raise DataError(f"{name} is one object that holds whole columns; {_REMEDY}")
    columns = tuple(keys)
    return Entries(columns, _records(source, columns, max_field_bytes))


class _Line(NamedTuple):
    """A line with something in it: its number among those, its place in the file, its bytes."""

    number: int
    line: int
    data: bytes
    whole: bool


class _Number(str):
    """A number as it is spelled."""


class _RepeatedKeyError(ValueError):
    pass


def _check_start(start: bytes, *, name: str) -> None:
    if start.lstrip().startswith(b"["):
        raise DataError(f"{name} is a JSON array; {_REMEDY}")
    if start.strip() == b"{":
        raise DataError(f"{name} is JSON with objects over several lines; {_REMEDY}")


def _records(source: "_Source", columns: tuple[str, ...], max_field_bytes: int) -> Iterator[Entry]:
    for line in source.lines(4 * max_field_bytes):
        found = _parse(line, max_field_bytes)
        if isinstance(found, dict):
            yield Entry(line.number, line.line, [found.get(column) for column in columns])
        else:
            record = line.data[:KEPT_BYTES].rstrip(b"\r\n").decode(errors="backslashreplace")
            yield Entry(line.number, line.line, [], found, record)


class _Source:
    """A stream as lines of UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str | None, name: str) -> None:
        self._name = name
        stream.seek(0)
        if encoding is None and stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            encoding = "utf-16"
        self._stream = stream
        self._rest = b""  # of another encoding: what is decoded and not yet read
        self._codec = None
        if encoding is not None and codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig"):
            self._codec = codecs.getincrementaldecoder(encoding)()

    def lines(self, max_bytes: int) -> Iterator[_Line]:
        """Lines that are not blank, from the start; of one that is too long, its start."""
        self._stream.seek(0)
        if self._codec is not None:
            self._codec.reset()
        number = place = 0
        while data := self._read(max_bytes):
            whole = data.endswith(b"\n") or len(data) < max_bytes
            rest = data
            while not whole and rest and not rest.endswith(b"\n"):
                rest = self._read(max_bytes)
            place += 1
            if place == 1:
                data = data.removeprefix(codecs.BOM_UTF8)
            if data and not data.isspace():
                number += 1
                yield _Line(number, place, data, whole)

    def _read(self, max_bytes: int) -> bytes:
        if self._codec is None:
            return self._stream.readline(max_bytes)
        try:
            while b"\n" not in self._rest and len(self._rest) < max_bytes:
                piece = self._stream.read(1 << 16)
                self._rest += self._codec.decode(piece, final=not piece).encode()
                if not piece:
                    break
        except UnicodeError as error:
            raise DataError(f"{self._name} cannot be read ({error}); name its encoding") from None
        end = min(self._rest.find(b"\n") + 1 or max_bytes, max_bytes)
        line, self._rest = self._rest[:end], self._rest[end:]
        return line


def _parse(line: _Line, max_field_bytes: int) -> dict[str, str | None] | str:
    """The fields by key, or the reason why the line is no record."""
    if not line.whole:
        return TOO_LONG
    if b"\0" in line.data:
        return NUL
    try:
        value = _DECODER.decode(line.data.decode())
    except UnicodeDecodeError:
        return NOT_UTF8
    except _RepeatedKeyError:
        return REPEATED_KEY
    except (ValueError, RecursionError):
        return NOT_JSON
    if not isinstance(value, dict):
        return NO_OBJECT
    fields = {key: _field(item) for key, item in value.items()}
    if len(line.data) > max_field_bytes and any(
        len(field.encode(errors="replace")) > max_field_bytes for field in fields.values() if field
    ):
        return TOO_LONG
    if b"\\u" in line.data:  # only so can these two be written
        joined = "".join([*fields, *(field for field in fields.values() if field)])
        if "\0" in joined:
            return NUL
        if any("\ud800" <= char <= "\udfff" for char in joined):
            return LONE_SURROGATE
    return fields


def _field(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else _compact(value)


def _compact(value: Any) -> str:
    """JSON without spaces; numbers keep their spelling."""
    if isinstance(value, dict):
        pairs = (f"{encode_basestring(key)}:{_compact(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    if isinstance(value, str) and not isinstance(value, _Number):
        return encode_basestring(value)
    if isinstance(value, _Number):
        return value
    return {None: "null", True: "true", False: "false"}[value]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKeyError
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_Number, parse_int=_Number, parse_constant=_refuse
)
