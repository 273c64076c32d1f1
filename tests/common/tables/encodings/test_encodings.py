import codecs
import io
import logging
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import SettingsError
from common.tables.delimited.csv_text import open_csv
from common.tables.delimited.layout import Layout
from common.tables.delimited.records import Records
from common.tables.encodings.decode import decoded
from common.tables.encodings.encoding import Encoding, is_utf8
from common.tables.encodings.stream import TextStream

GERMAN = "id,text\n1,Grüße aus Köln – “schön”, 20 €\n2,parcel\n"
FRENCH = "id,text\n1,Je n’ai rien reçu, c’est très fâcheux…\n2,où est mon colis ?\n"


def found(data: bytes, given: str | None = None) -> Encoding:
    stream = TextStream(io.BytesIO(data), partial(io.BytesIO, data), given=given)
    while read := stream.read(1 << 20):
        if stream.doubtful and not is_utf8(read):
            stream.decide(read)
    return stream.encoding


def utf8(data: bytes, encoding: Encoding, size: int = -1) -> bytes:
    return b"".join(iter(partial(decoded(io.BytesIO(data), encoding).read, size), b""))


@pytest.mark.parametrize("text", [GERMAN, FRENCH, "id,text\n1,plain\n"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_recognised(text: str, codec: str) -> None:
    data = text.encode(codec)
    encoding = found(data)
    name = codec.removesuffix("-sig")
    assert (encoding.name, encoding.bom) == (name, codec in ("utf-8-sig", "utf-16"))
    assert utf8(data, encoding).decode().removeprefix("\ufeff") == text


@pytest.mark.parametrize("text", [GERMAN, FRENCH])
def test_cp1252_and_latin_1_are_recognised(text: str) -> None:
    data = text.encode("cp1252")
    assert found(data).name == "cp1252"
    assert utf8(data, found(data)).decode() == text
    latin = text.translate({ord(c): None for c in "–“”€’…"})
    assert utf8(latin.encode("latin-1"), found(latin.encode("latin-1"))).decode() == latin


def test_what_made_it_cp1252_is_shown() -> None:
    assert found("für die Tür: né – abc".encode("cp1252")).marks == "ü – é"


@pytest.mark.parametrize(
    "data",
    [
        "Привет, где моя посылка".encode("cp1251"),
        "Amazon order from Leeds, где мой заказ".encode("cp1251"),
        "Amazon order from Leeds, где мой заказ".encode("koi8-r"),
        "schön wäre ein Päckchen für Köln".encode("cp850"),
        "kargom nerede, şikayet ediyorum ığ".encode("cp1254"),
        "Πού είναι το δέμα μου".encode("cp1253"),
        "ご注文の商品が届きません".encode("shift_jis"),
        "Gdzie jest moja paczka? Proszę o pomoc, źle działa, płaciłam".encode("cp1250"),
        "Caf\u00e9 tr\u00e8s bon, d\u00e9j\u00e0 \u00e9t\u00e9".encode("mac_roman"),
        b"id,text\n1,\xff\xfe\x00\n",
        b"id,text\n1,\x00\x01\x02\xe9\xe8\n",
    ],
)
def test_other_encodings_are_not_taken_for_cp1252(data: bytes) -> None:
    assert found(data) == Encoding("utf-8")


def test_the_whole_file_decides() -> None:
    plain, umlaut = b"1,plain text\n", "2,Grüße\n"
    late = plain * 700_000 + umlaut.encode("cp1252")
    assert found(late).name == "cp1252"
    # UTF-8 with some damaged lines stays UTF-8, wherever they are.
    mixed = umlaut.encode() * 50 + umlaut.encode("cp1252") * 40
    assert found(mixed).name == "utf-8"
    assert found(umlaut.encode("cp1252") * 40 + umlaut.encode()).name == "utf-8"
    assert found(umlaut.encode("cp1252") * 200 + "Ã©".encode()).name == "cp1252"


def test_a_named_encoding_is_taken() -> None:
    data = "Привет\n".encode("cp1251")
    encoding = found(data, "cp1251")
    assert utf8(data, encoding).decode() == "Привет\n"
    assert found(codecs.BOM_UTF8 + b"a\n", "UTF-8") == Encoding("utf-8", bom=True)
    for name in ("klingon", "base64", ""):
        with pytest.raises(SettingsError, match="is no encoding of text; ENCODING="):
            found(data, name)


def test_bytes_without_meaning_stay_faults() -> None:
    cp1252 = Encoding("cp1252")
    assert readable(utf8(b"a\n\xc3\x81\nb", cp1252)) == ["a", None, "b"]
    record = utf8(b"\xc3\x81", cp1252).decode(errors="backslashreplace")
    assert cp1252.shown(record) == "Ã\\x81"
    half = "a\n\ud800\nb".encode("utf-16-le", "surrogatepass")
    assert readable(utf8(half, Encoding("utf-16-le"))) == ["a", None, "b"]
    assert readable(utf8(half + b"c", Encoding("utf-16-le"))) == ["a", None, None]


def test_utf8_is_nothing_that_ascii_has() -> None:
    assert readable(utf8("é\nx".encode(), Encoding("ascii"))) == [None, "x"]


def readable(data: bytes) -> list[str | None]:
    """The lines; None for one that is no UTF-8."""
    return [line.decode() if is_utf8(line) else None for line in data.splitlines()]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("size", [2, 9, 1000])
def test_a_byte_too_many_or_missing_in_utf16_costs_one_line(
    codec: str, mark: str, size: int
) -> None:
    data = (mark + "id\n1,aa\n2,bb\n3,cc\n").encode(codec)
    at = data.index("bb".encode(codec)) + 1
    for broken in (data[:at] + b"x" + data[at:], data[:at] + data[at + 1 :]):
        assert readable(utf8(broken, found(broken), size)) == ["id", "1,aa", None, "3,cc"]


def test_a_line_of_utf8_in_a_file_of_cp1252_is_none_of_it() -> None:
    data = "1,café au lait\n".encode("cp1252") * 200 + "2,café\n".encode() + b"3,x\n"
    assert found(data) == Encoding("cp1252", marks="é", mixed=True)
    for size in (5, 1000, -1):
        lines = readable(utf8(data, found(data), size))
        assert lines == ["1,café au lait"] * 200 + [None, "3,x"]


def test_utf16_that_is_named_needs_no_mark() -> None:
    for codec in ("utf-16", "utf-16-le", "utf-16-be"):
        data = GERMAN.encode(codec)
        assert utf8(data, found(data, "UTF-16")).decode() == GERMAN


def test_a_mark_is_no_text_whatever_is_named() -> None:
    data = codecs.BOM_UTF8 + b"id,caf\xe9"
    assert utf8(data, found(data, "cp1252")).decode() == "id,café"


def test_a_header_beyond_ascii_shows_utf16_by_what_is_ascii_in_it() -> None:
    data = "текст,id\n1,где заказ\n".encode("utf-16-le")
    assert found(data).name == "utf-16-le"


def test_reasons() -> None:
    assert (Encoding("utf-8").reason, Encoding("cp1252").reason) == ("not UTF-8", "not cp1252")


@given(st.text(), st.sampled_from(["utf-16", "utf-16-be", "utf-32", "gb18030"]), st.integers(1, 9))
def test_size_of_the_reads_changes_nothing(text: str, codec: str, size: int) -> None:
    assert utf8(text.encode(codec), Encoding(codec), size).decode() == text


LINES = st.sampled_from(
    [
        b"1,parcel\n",
        "2,café\n".encode("cp1252"),
        "3,café\n".encode(),
        b'4,"a\n',
        b'5,"a\nb"\n',
        b"\n",
    ]
)


@given(st.lists(LINES), st.integers(20, 200), st.integers(0, 300))
def test_size_of_the_blocks_decides_nothing(lines: list[bytes], size: int, cp1252: int) -> None:
    data = b"id,text\n" + b"".join(lines) + "2,café\n".encode("cp1252") * cp1252
    opened = partial(io.BytesIO, data)

    def read(block_bytes: int) -> tuple[list[bytes], str]:
        with open_csv(opened, name="x.csv", block_bytes=block_bytes, max_open=1000) as csv:
            records = [r for b in csv.blocks.blocks for r in map(Records(b).bytes_of, all_of(b))]
            return records, csv.encoding.name

    assert read(size) == read(1 << 20)


def all_of(block: Layout) -> range:
    return range(len(Records(block).starts))


def test_what_is_utf8_before_the_first_record_of_cp1252_stays_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cp1252 = "2,“café”\n".encode("cp1252")
    data = b"id,text\n" + "1,“café”\n".encode() + cp1252 * 200 + "3,café\n".encode()
    caplog.set_level(logging.INFO)
    with open_csv(partial(io.BytesIO, data), name="x.csv") as csv:
        lines = readable(b"".join(b.data[1 : b.end] for b in csv.blocks.blocks))
    assert lines == ["", "1,“café”", *["2,“café”"] * 200, None, ""]
    assert "x.csv is in cp1252 (“ ” é)" in caplog.text
