"""Mails as programs write them; of each, its writer's own words are to be left."""

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from common.text import TextRules

ASK = "My parcel was due Monday and never came."
RULES = TextRules(cut_mail=True)

PLAIN, MARKUP = (
    {name: mail.replace("$ASK", ASK) for name, mail in mails.items()}
    for mails in yaml.safe_load(Path(__file__).with_name("mails.yaml").read_bytes()).values()
)

# Never the whole, and nothing that only looks like a mail's.
KEPT = {
    "> all of it\n> is quoted": "all of it is quoted",
    "Kind regards,\nJo Doe": "Kind regards, Jo Doe",
    "Sent from my iPhone": "Sent from my iPhone",
    "-- \nJo": "-- Jo",
    "Thanks\nbut my order never came": "Thanks but my order never came",
    "Thanks for nothing.\nWhere is it?": "Thanks for nothing. Where is it?",
    "Hello,\nmy order is late.\nThanks": "Hello, my order is late.",
    "It broke.\nThanks for nothing": "It broke. Thanks for nothing",
    "On Monday you wrote: it's sent.\nIt isn't.": "On Monday you wrote: it's sent. It isn't.",
    "From: London\nI want to move my delivery": "From: London I want to move my delivery",
    "The price is\n5 > 3": "The price is 5 > 3",
    "Is it cheaper -- or not?\nTell me": "Is it cheaper -- or not? Tell me",
    "Best\nphone ever, but it broke": "Best phone ever, but it broke",
    "-----Original Message----- it said": "-----Original Message----- it said",
    "Regards the delivery,\nwhere is it?": "Regards the delivery, where is it?",
}
PIECES = [
    "> ", ">", "\n", "\n\n", "-- ", "--", "On 3 Jan 2024, X wrote:", "On Mon 1:2 a@b wrote: ",
    "From: a@b.c", "Sent: 1", "To: b", "Subject: c", "-----Original Message-----",
    "---- Forwarded message ----", "Thanks", "Kind regards,", "Jo", "it broke", "where?",
    "Sent from my iPhone", "\r\n", "\\n", "<p>", "</p>", "<blockquote>", "</blockquote>", "<br>",
    "&lt;", "div&gt;", "\u00a0", " ", "@", "www.x.example",
]  # fmt: skip


@pytest.mark.parametrize("kind", PLAIN)
def test_of_a_mail_in_plain_text_the_complaint_is_left(kind: Any) -> None:
    assert RULES.read(PLAIN[kind]) == (ASK, False, True)


@pytest.mark.parametrize("kind", MARKUP)
def test_of_a_mail_in_html_the_complaint_is_left(kind: Any) -> None:
    natural = RULES.read(MARKUP[kind])
    assert natural.text == ASK
    assert natural.was_html


def test_each_row_of_an_export_of_mails_is_its_complaint_alone() -> None:
    path = Path(__file__).parents[2] / "cases" / "html_mail.csv"
    with path.open(newline="", encoding="utf-8") as file:
        natural = [RULES.natural(row["text"]) for row in csv.DictReader(file)]
    assert natural == [
        text
        for text in (
            "My parcel was due Monday and the tracking page has not moved since.",
            "You charged my card twice this month and I want the money back.",
            "The blender stopped working after two days.",
            "Your agent hung up on me and nobody has called back.",
        )
        for _ in ("plain", "simple html", "outlook html")
    ]


@pytest.mark.parametrize(("raw", "natural"), KEPT.items())
def test_what_only_looks_quoted_or_signed_stays(raw: Any, natural: Any) -> None:
    assert RULES.natural(raw) == natural


@pytest.mark.parametrize("mail", [*PLAIN.values(), *MARKUP.values()])
def test_nothing_is_cut_where_that_is_off(mail: Any) -> None:
    natural = TextRules().read(mail)
    assert not natural.mail_cut
    assert len(natural.text) >= len(ASK)


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@settings(max_examples=500)
def test_cutting_again_changes_nothing_and_leaves_something(raw: Any) -> None:
    natural = RULES.natural(raw)
    assert RULES.natural(natural) == natural
    assert bool(natural) == bool(TextRules().natural(raw))
