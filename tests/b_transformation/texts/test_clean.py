from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b_transformation.texts.clean import clean_raw, clean_texts, cut_natural, natural_texts
from common.text import TextRules, clean_text, natural_text

# raw, natural, clean: the result is typed by hand, and Arrow and Python must both give it.
TEXTS = [
    ("", "", ""),
    ("   ", "", ""),
    ("Where is it?", "Where is it?", "where is it"),
    ("  too   many    blanks ", "too many blanks", "too many blanks"),
    ("a\tb\r\nc\n\nd", "a b c d", "a b c d"),
    ("bell\x07and\x1fnull\x00", "bell and null", "bell and null"),
    ("non\u00a0breaking\u2003space", "non breaking space", "non breaking space"),
    ("zero\u200bwidth \ufeffmark", "zerowidth mark", "zerowidth mark"),
    ("It's LATE, again!!", "It's LATE, again!!", "it s late again"),
    ("😀😀", "😀😀", ""),
    ("ok 👍🏽 then", "ok 👍🏽 then", "ok then"),
    ("👩\u200d💻 broke", "👩\u200d💻 broke", "broke"),
    ("snake_case__x 3.5%", "snake_case__x 3.5%", "snake case x 3 5"),
    ("Q&amp;A", "Q&A", "q a"),
    ("Q&amp;amp;A &amp;lt;b&gt;", "Q&A <b>", "q a b"),
    ("it&#39;s &quot;new&quot;", "it's \"new\"", "it s new"),
    ("&#128512; &copy; &nope;", "😀 © &nope;", "nope"),
    ("one<br>two<BR/>three<br />four", "one two three four", "one two three four"),
    ("see https://x.example/a?b=1&amp;c=2 now", "see now", "see now"),
    ("HTTPS://X.EXAMPLE", "", ""),
    ("(www.x.example)", "(", ""),
    ("ask @115712 or @Tea_Shop.", "ask @user or @brand.", "ask @user or @brand"),
    ("@115712,@TeaShop hi", "@user,@brand hi", "@user @brand hi"),
    ("@user @brand", "@user @brand", "@user @brand"),
    ("5 @ 3 each", "5 @ 3 each", "5 @ 3 each"),
    ("mail jo.doe+tea@mail.example.org!", "mail [email]!", "mail email"),
    ("JO@GMAIL or jo@HotMail", "[email] or [email]", "email or email"),
    ("4111 1111 1111 1111", "[card]", "card"),
    ("paid with 3782-822463-10005.", "paid with [card].", "paid with card"),
    ("ring +44 20 7946 0000", "ring [phone]", "ring phone"),
    ("(212) 555-0100 after 5", "[phone] after 5", "phone after 5"),
    ("order 5552345678", "order 5552345678", "order 5552345678"),
    ("call 5552345678", "call [phone]", "call phone"),
    ("$5552345678 is a lot", "$5552345678 is a lot", "5552345678 is a lot"),
    ("cafe\u0301 CAF\u00c9", "caf\u00e9 CAF\u00c9", "caf\u00e9 caf\u00e9"),
    ("STRASSE Straße", "STRASSE Straße", "strasse straße"),
    ("Где МОЙ заказ?", "Где МОЙ заказ?", "где мой заказ"),
    ("注文はどこ？", "注文はどこ？", "注文はどこ"),
    ("أين طلبي؟", "أين طلبي؟", "أين طلبي"),
    ("İstanbul", "İstanbul", "istanbul"),
    ("½ price, 2² and Ⅷ", "½ price, 2² and Ⅷ", "½ price 2² and ⅷ"),
]  # fmt: skip
RULES, MAIL_RULES = TextRules(), TextRules(cut_mail=True)
RAW = [raw for raw, _, _ in TEXTS]
PIECES = [
    "&", "&amp;", "&amp;lt;", "&#39;", "<br>", "https://x.example/a", "www.x.example", "://", "@",
    "@user", "@12", "@Tea_1", "jo@gmail", "jo@x.example,", "a@1", "4111 1111 1111 1111", "1111",
    "020 7946 0000", "+44", "555-234-5678", "5552345678", "order", "é", "e\u0301", "😀", "\u200b",
    "\u200d", "\x00", "<p>", "</p>", "<div a=", "&lt;", "&lt;p&gt;", "&lt;/b&gt;", "<!--", "-->",
    "<style>", "</style>", "<user>", "<", ">", "p>", "/", "\\n", "\\r", "C:\\new", "> ", "-- ",
    "On 3 Jan 2024, X wrote:", "\n\nThanks\n", "\n", "_", "(0)", "Hi!", "K", "İ", "ſ", "ı",
    "x" * 70,
]  # fmt: skip
messages = st.lists(st.sampled_from(PIECES), max_size=8).flatmap(
    lambda pieces: st.sampled_from(["", " ", "  "]).map(lambda gap: gap.join(pieces))
)
BATCH_PLUS_NULLS = pa.array([None, *RAW, None], pa.string())


@pytest.mark.parametrize(("raw", "natural", "clean"), TEXTS)
def test_python_rules(raw: str, natural: str, clean: str) -> None:
    assert natural_text(raw) == natural
    assert clean_text(natural) == clean


def test_columns_of_arrow() -> None:
    natural = natural_texts(BATCH_PLUS_NULLS, rules=RULES)
    assert natural.to_pylist() == [None, *(natural for _, natural, _ in TEXTS), None]
    assert clean_texts(natural).to_pylist() == [None, *(clean for _, _, clean in TEXTS), None]


def test_a_slice_of_a_column() -> None:
    part = BATCH_PLUS_NULLS.slice(3, 20)
    assert natural_texts(part, rules=RULES).to_pylist() == [
        natural for _, natural, _ in TEXTS[2:22]
    ]
    assert clean_texts(natural_texts(part, rules=RULES)).to_pylist() == [
        clean for _, _, clean in TEXTS[2:22]
    ]


@pytest.mark.parametrize("values", [[], [None], [None, None]])
def test_columns_without_a_text(values: list[Any]) -> None:
    texts = pa.array(values, pa.string())
    assert natural_texts(texts, rules=RULES).to_pylist() == values
    assert clean_texts(texts).to_pylist() == values


@given(st.lists(messages | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)))
@settings(max_examples=200)
def test_columns_follow_the_python_rules(raws: Any) -> None:
    natural = natural_texts(pa.array(raws, pa.string()), rules=RULES)
    assert natural.to_pylist() == [natural_text(raw) for raw in raws]
    mails = natural_texts(pa.array(raws, pa.string()), rules=MAIL_RULES)
    assert mails.to_pylist() == [MAIL_RULES.natural(raw) for raw in raws]
    assert clean_texts(natural).to_pylist() == [clean_text(text) for text in natural.to_pylist()]


def test_columns_give_the_same_texts() -> None:
    raws = pa.array([*RAW, None], pa.string())
    found = clean_raw(raws, rules=RULES, max_chars=5000, detect_language=False).to_pylist()
    naturals = cut_natural(raws, rules=RULES, max_chars=5000).to_pylist()
    handles_alone = ("", "@user @brand")
    for n, (raw, expected, words) in enumerate(TEXTS):
        assert naturals[n] == expected
        left, html = expected not in handles_alone, "<br" in raw
        assert tuple(found[n].values()) == (
            (expected, words, None, False, html, False)
            if left
            else (None, None, None, False, html, False)
        )
    assert naturals[len(TEXTS)] is None
    assert tuple(found[len(TEXTS)].values()) == (None, None, None, False, False, False)


def cleaned(texts: Any, **options: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = clean_raw(pa.array(texts, pa.string()), **options).to_pylist()
    return rows


def test_columns_say_what_was_html_and_what_was_cut() -> None:
    texts: dict[str | None, tuple[str | None, bool, bool]] = {
        "it broke": ("it broke", False, False),
        "<p>it broke</p>": ("it broke", True, False),
        "it broke\n-- \nJo": ("it broke", False, True),
        "<p>it broke</p><blockquote>Hello</blockquote>": ("it broke", True, True),
        "&lt;p&gt;it broke&lt;/p&gt;": ("it broke", True, False),
        None: (None, False, False),
    }
    rows = cleaned(list(texts), rules=MAIL_RULES, max_chars=99, detect_language=False)
    found = [(row["text"], row["was_html"], row["mail_cut"]) for row in rows]
    assert found == list(texts.values())


def test_handles_alone_are_no_text_and_long_ones_are_cut() -> None:
    texts = {
        "@user": (None, None, False),
        " @115712 ": (None, None, False),
        "@TeaShop @115712 ": (None, None, False),  # longer than the cut, and still no text
        "@TeaShop!": ("@brand!", "@brand", False),
        "twelve chars": ("twelve char", "twelve char", True),
        "eleven char": ("eleven char", "eleven char", False),
        "😀😀😀😀😀😀😀😀😀😀😀b": ("😀😀😀😀😀😀😀😀😀😀😀", "", True),
        "it https://x.example/very/long": ("it", "it", False),
    }
    rows = cleaned(list(texts), rules=RULES, max_chars=11, detect_language=False)
    found = [(row["text"], row["clean_text"], row["was_cut"]) for row in rows]
    assert found == list(texts.values())


def test_language_is_found_where_it_is_asked_for() -> None:
    rows = cleaned(["thanks!", "😀", None], rules=RULES, max_chars=11, detect_language=True)
    assert [row["lang"] for row in rows] == ["en", None, None]
