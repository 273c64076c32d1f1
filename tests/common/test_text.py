from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.text import NATURAL_GROUPS, clean_text, dedup_key, natural_text, rules_sha256

NATURAL = {
    "": "",
    "  ": "",
    "Where is it?": "Where is it?",
    "😀😀": "😀😀",
    # Entities
    "5 &gt; 3 &amp; 2 &lt; 3": "5 > 3 & 2 < 3",
    "&amp;lt;3": "<3",
    "&amp;amp;amp; so": "& so",
    "it&#39;s &quot;late&quot;": 'it\'s "late"',
    "&#x1F600;": "😀",
    "R&D &bogus; &copy;": "R&D &bogus; ©",
    # Line breaks, blanks, invisible marks
    "a<br>b<BR />c": "a b c",
    "a\u00a0\u200bb\t\r\nc\x00d\ufeff": "a b c d",
    "half \ud83d gone": "half gone",
    "👩\u200d💻": "👩\u200d💻",
    "cafe\u0301": "caf\u00e9",
    # Web addresses
    "see https://example.com/a?b=1 now": "see now",
    "HTTP://EXAMPLE.COM": "",
    "www.example.com/x, thanks": "thanks",
    "the awww.factor": "the awww.factor",
    # Handles
    "@115712 ask @ShopHelp": "@user ask @brand",
    "@115712x @_": "@brand @brand",
    "@user @brand": "@user @brand",
    "@users": "@brand",
    "a@1": "a@1",
    "@ home": "@ home",
    # Mail addresses
    "write to jo.doe+x@mail.example.org.": "write to [email].",
    "jo@gmail or @gmail": "[email] or @brand",
    # Cards and phones
    "4111 1111 1111 1111": "[card]",
    "3782-822463-10005": "[card]",
    "4111 1111-1111 1111": "4111 1111-1111 1111",
    "call +44 20 7946 0000!": "call [phone]!",
    "1-800-555-0100 or 020 7946 0000": "[phone] or [phone]",
    "call 5552345678": "call [phone]",
    "order number is 5552345678": "order number is 5552345678",
    "Ref: 5552345678": "Ref: 5552345678",
    "$5552345678": "$5552345678",
    "flight 12345678": "flight 12345678",
}  # fmt: skip
CLEAN = {
    "": "",
    "😀 !!! 😀": "",
    "It's LATE, again!": "it s late again",
    "@brand, @user: hi": "@brand @user hi",
    "caf\u00e9 STRASSE": "caf\u00e9 strasse",
    "snake_case __ 3.5%": "snake case 3 5",
    "[email] [phone]": "email phone",
    "Где МОЙ заказ?": "где мой заказ",
    "  a   b ": "a b",
}
WORDS = [
    "&", "&amp;", "&amp;lt;", "R&amp;D", "it&#39;s", "<br>", "a<br/>b", "https://example.com/a",
    "www.example.com", "@", "@user", "@brand", "@123", "@Shop_1", "jo@gmail", "jo@example.com,",
    "a@1", "4111 1111 1111 1111", "1111", "020 7946 0000", "+44", "555-234-5678", "5552345678",
    "order", "é", "😀", "\u200b", "___", "(0)", "Hi!",
]  # fmt: skip
TAGS = [
    "<p>", "</p>", "<div", " a='b'", ">", "<", "/", "<br>", "<b>", "</b>", "<!--", "-->", "<style>",
    "</style>", "{", "}", "<user>", "&lt;", "&gt;", "&lt;p&gt;", "&amp;lt;", "&#60;", "p>", "br>",
    "\u200b", "\n", "\\n", "\\r\\n", "\\t", "C:\\new", "\\\\host\\name", "yes\\no", ". ", "Hi", "a",
    "<script>", "</script>", "<td>", "<a href=x>", "</a>", "<!doctype html>", "\u00a0", "<o:p>",
]  # fmt: skip
messages = st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join)


@pytest.mark.parametrize(("raw", "natural"), NATURAL.items())
def test_natural_text(raw: Any, natural: Any) -> None:
    assert natural_text(raw) == natural


@pytest.mark.parametrize(("natural", "clean"), CLEAN.items())
def test_clean_text(natural: Any, clean: Any) -> None:
    assert clean_text(natural) == clean


@given(messages | st.lists(st.sampled_from(TAGS), max_size=12).map("".join))
@settings(max_examples=500)
def test_applied_again_they_change_nothing(raw: Any) -> None:
    natural = natural_text(raw)
    assert natural_text(natural) == natural
    clean = clean_text(natural)
    assert clean_text(clean) == clean


BREAKS = {
    "Hello.\\nMy order is late": "Hello. My order is late",
    "Hello\\r\\nmy order\\tis late": "Hello my order is late",
    "one\\ntwo\\nthree": "one two three",
    "late\\n\\nBye": "late Bye",
    "it ends\\n": "it ends",
    "yes\\no": "yes\\no",
    "in C:\\new\\names.txt": "in C:\\new\\names.txt",
    "on \\\\host\\new now": "on \\\\host\\new now",
    "See C:\\new.\\nIt is gone.\\nBye": "See C:\\new.\\nIt is gone. Bye",
    "tab\\time": "tab\\time",
}


@pytest.mark.parametrize(("raw", "natural"), BREAKS.items())
def test_line_breaks_written_as_backslash_n(raw: Any, natural: Any) -> None:
    assert natural_text(raw) == natural
    assert natural_text(natural) == natural


@pytest.mark.parametrize("rules", ["markup.RULES", "quotes.RULES", "STRUCTURE"])
def test_digest_changes_with_the_rules_of_html_and_mails(
    monkeypatch: pytest.MonkeyPatch, rules: str
) -> None:
    before = rules_sha256()
    monkeypatch.setattr(f"common.text.{rules}", "others")
    assert rules_sha256() != before


@given(st.text(max_size=80))
@settings(max_examples=300)
def test_any_text_comes_out_in_shape(raw: str) -> None:
    natural = natural_text(raw)
    assert natural == natural.strip(" ")
    assert "  " not in natural
    assert not any(c < " " or "\ud800" <= c <= "\udfff" for c in natural)
    clean = clean_text(natural)
    assert clean == " ".join(clean.split())
    assert all(c.isalnum() or c in "@ " for c in clean if c.isascii())


def test_digest_is_stable_and_changes_with_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rules_sha256()
    assert len(before) == 64
    assert rules_sha256() == before
    monkeypatch.setattr("common.text.NATURAL_GROUPS", NATURAL_GROUPS[1:])
    assert rules_sha256() != before


@pytest.mark.parametrize(
    ("raw", "natural"),
    [
        ("card 4111\u00a01111\u00a01111\u00a01111", "card [card]"),
        ("card 4111  1111  1111  1111", "card [card]"),
        ("call 020\u00a07946\u00a00000", "call [phone]"),
        ("555\u2011234\u20115678", "[phone]"),
        ("jo\u200b@gmail.com", "[email]"),
        ("&AMP;lt; &#038;lt;", "< <"),
    ],
)
def test_odd_spaces_and_hyphens_hide_nothing(raw: str, natural: str) -> None:
    assert natural_text(raw) == natural
    assert natural_text(natural) == natural


@pytest.mark.parametrize(
    ("natural", "key"),
    [
        ("Where is MY parcel?!", "where is my parcel"),
        ("  where   is my parcel", "where is my parcel"),
        ("CAFÉ, closed", "café closed"),
        ("😀😀", "😀😀"),
        ("!!", "!!"),
        ("", ""),
    ],
)
def test_texts_of_one_key_are_one_text_and_emoji_alone_keep_theirs(natural: str, key: str) -> None:
    assert dedup_key(natural) == key
