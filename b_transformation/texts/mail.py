"""Whether a source is one of mails: what is quoted and signed in those is cut, if not told else."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.config.transformation import CutMail
from common.mails.patterns import MAIL
from common.text import TextRules

MAIL_SHARE = 0.05  # of the texts bear a mark of mail; of tweets, one in a thousand does
_GROUPS, _TEXTS_A_GROUP = 32, 1_000  # places of the source that are looked at, evenly spread
logger = logging.getLogger(__name__)


class Chosen(NamedTuple):
    """The rules, and the share of texts with a mark of mail where that decided (else None)."""

    rules: TextRules
    mail_share: float | None

    @property
    def figures(self) -> dict[str, Any]:
        """What manifest and quality report say of it."""
        share = self.mail_share
        return {
            "cut_mail": self.rules.cut_mail,
            **({} if share is None else {"mail_share": round(share, 4)}),
        }


def choose_rules(folder: Path, *, columns: Sequence[str], cut_mail: CutMail) -> Chosen:
    """The text rules of a source.

    Args:
        folder: its Parquet files.
        columns: those of the text.
        cut_mail: ``auto`` cuts where 5 % of the texts have a mark of mail.
    """
    if cut_mail != "auto":
        return Chosen(TextRules(cut_mail=cut_mail == "on"), None)
    texts, marked = 0, 0
    for table in _sample(folder, columns):
        found = pa.repeat(pa.scalar(False), len(table))
        for column in table.columns:
            has_mark = pc.match_substring_regex(column.combine_chunks(), MAIL)
            found = pc.or_(found, pc.fill_null(has_mark, False))
        texts += len(table)
        marked += pc.sum(found).as_py() or 0
    share = marked / max(1, texts)
    rules = TextRules(cut_mail=share >= MAIL_SHARE)
    if rules.cut_mail:
        logger.info(
            "%.0f%% of the texts look like mails: quotes and signatures are cut; "
            "--set transformation.cut_mail=off keeps them",
            100 * share,
        )
    return Chosen(rules, share)


def _sample(folder: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    groups = [
        (path, number)
        for path in sorted(folder.glob("*.parquet"))
        for number in range(pq.read_metadata(path).num_row_groups)
    ]
    step = max(1, len(groups) / _GROUPS)
    chosen = [groups[int(i * step)] for i in range(min(len(groups), _GROUPS))]
    each = max(_TEXTS_A_GROUP, _GROUPS * _TEXTS_A_GROUP // max(1, len(chosen)))
    for path, number in chosen:
        with pq.ParquetFile(path) as file:
            yield file.read_row_group(number, columns=list(columns)).slice(0, each)
