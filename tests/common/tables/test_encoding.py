import codecs
import io
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DataError
from common.tables.encoding import Encoding, decoded, find_encoding

GERMAN = "id,text\n1,Grüße aus Köln – “schön”, 20 €\n2,parcel\n"
FRENCH = "id,text\n1,Je n’ai rien reçu, c’est très fâcheux…\n2,où est mon colis ?\n"


def found(data: bytes, given: str | None = None) -> Encoding:
    return find_encoding(partial(io.BytesIO, data), given=given)


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
        with pytest.raises(DataError, match="is no encoding of text; ENCODING="):
            found(data, name)


def test_bytes_without_meaning_stay_faults() -> None:
    assert utf8(b"a\x81b", Encoding("cp1252")) == b"a\x81b"
    half = "a\ud800b".encode("utf-16-le", "surrogatepass")
    assert utf8(half, Encoding("utf-16-le")) == b"a\xed\xa0\x80b"
    assert utf8("ab".encode("utf-16-le") + b"c", Encoding("utf-16-le")) == b"ab\xff"


def test_reasons() -> None:
    assert (Encoding("utf-8").reason, Encoding("cp1252").reason) == ("not UTF-8", "not cp1252")


@given(st.text(), st.sampled_from(["utf-16", "utf-16-be", "utf-32", "gb18030"]), st.integers(1, 9))
def test_size_of_the_reads_changes_nothing(text: str, codec: str, size: int) -> None:
    assert utf8(text.encode(codec), Encoding(codec), size).decode() == text


@pytest.mark.parametrize("character", ["a", "é", "漢", "👍"])
def test_a_character_may_lie_across_two_reads(character: str) -> None:
    for before in range((1 << 18) - 5, (1 << 18) + 1):
        data = b"a," + b"x" * (before - 2) + character.encode()
        assert found(data).faultless
        assert found(data + b",1").faultless
        assert found(data[:-1]).faultless == (character == "a")
        assert not found(data + "é".encode()[:1]).faultless
        assert not found(data + b"\x80").faultless
