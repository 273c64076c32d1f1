from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b_transformation.texts.mail import choose_rules
from common.config.settings import load_settings

MAIL = "It broke.\n\nOn 3 Jan 2024, X wrote:\n> Hello\n"


def write(folder: Path, *parts: Sequence[str | None]) -> Path:
    for number, texts in enumerate(parts):
        table = pa.table({"text": pa.array(texts, pa.string()), "n": pa.array(range(len(texts)))})
        pq.write_table(table, folder / f"part-{number}.parquet")
    return folder


@pytest.mark.parametrize(
    ("mails", "cut", "share"), [(0, False, 0.0), (4, False, 0.04), (5, True, 0.05), (60, True, 0.6)]
)
def test_auto_cuts_where_a_twentieth_looks_like_mail(
    tmp_path: Path, mails: int, cut: bool, share: float
) -> None:
    others = ["@shop it broke"] * (99 - mails)
    folder = write(tmp_path, [MAIL] * mails, [*others, None])
    chosen = choose_rules(folder, columns=["text"], cut_mail="auto")
    assert chosen.rules.cut_mail is cut
    assert chosen.figures == {"cut_mail": cut, "mail_share": share}


@pytest.mark.parametrize(
    "text",
    [
        MAIL,
        "> quoted\nmine",
        "a\n-- \nJo",
        "a\nSent from my iPhone",
        "a\n-----Original Message-----\nFrom: x",
        '<div dir="ltr">a</div>',
        '<p class="MsoNormal">a</p>',
        "<p>a</p><p>Best regards,<br>Jo</p>",
        "a\n\nKind regards\nJo",
        "a\nLe 3 janv. 2024, X a écrit :\n> b",
        "a\nAm 3.1.2024 schrieb X:\n> b",
        "a\nVon: X <x@y.example>\nGesendet: 1",
    ],
)
def test_marks_of_mail(tmp_path: Path, text: str) -> None:
    assert choose_rules(write(tmp_path, [text]), columns=["text"], cut_mail="auto").rules.cut_mail


def test_the_setting_decides_where_it_does_not_say_auto(tmp_path: Path) -> None:
    folder = write(tmp_path, [MAIL])
    assert choose_rules(folder, columns=["text"], cut_mail="off").figures == {"cut_mail": False}
    assert choose_rules(tmp_path / "none", columns=["text"], cut_mail="on").rules.cut_mail


def test_a_source_without_rows_is_no_mail(tmp_path: Path) -> None:
    chosen = choose_rules(write(tmp_path, []), columns=["text"], cut_mail="auto")
    assert chosen.figures == {"cut_mail": False, "mail_share": 0.0}


def test_mails_at_the_end_of_a_long_source_are_found(tmp_path: Path) -> None:
    folder = write(tmp_path, *[["a tweet"] * 500] * 60, *[[MAIL] * 500] * 10)
    assert choose_rules(folder, columns=["text"], cut_mail="auto").rules.cut_mail


def test_a_mark_in_any_of_several_columns_counts(tmp_path: Path) -> None:
    table = pa.table({"subject": ["Re: order"], "body": [MAIL]})
    pq.write_table(table, tmp_path / "part-0.parquet")
    columns = ["subject", "body"]
    assert choose_rules(tmp_path, columns=columns, cut_mail="auto").rules.cut_mail


@pytest.mark.parametrize("word", ["auto", "on", "off"])
def test_the_setting_is_one_of_three_words(word: str) -> None:
    loaded = load_settings(overrides=[f"transformation.cut_mail={word}"], environ={})
    assert loaded.settings.transformation.cut_mail == word
