"""What models are judged on: labeled texts, of people where a gold CSV is named, else held out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.errors import DataError
from common.labels import LabelSchema
from common.models.metrics import read_served
from d_training.data.languages import count_languages
from d_training.data.rows import read_rows
from d_training.data.training_rows import held_out_ids
from d_training.evaluation.gold import read_gold


@dataclass(frozen=True)
class JudgedRows:
    """N texts. truth: (N,) their labels; credit: (N, K) how right each label is, rows sum to 1.

    A person's label is right alone. The student learns a teacher's soft scores, so these say how
    right its labels are: held against the teacher's best label alone, a confidence of 0.6 that
    repeats the teacher's 0.6 would look unsure of itself.
    calibration: what the calibration error against ``credit`` is called.
    languages: texts by code, where transformation detected them.
    """

    what: str
    texts: list[str]
    truth: NDArray[np.int64]
    credit: NDArray[np.float32]
    calibration: str
    languages: Mapping[str, int]


def judged_rows(
    gold: Path | None, labeled: Path, candidate: Path, schema: LabelSchema
) -> JudgedRows:
    """Gold where there is one, else the test rows of the candidate that a teacher labeled.

    Raises:
        DataError: if the gold can't be read, or the labeled folder is not the candidate's.
    """
    if gold is not None:
        read = read_gold(gold, schema, rules=read_served(candidate).text_rules)
        what = f"{len(read.texts):,} texts of {gold}, labeled by people"
        one_hot = np.eye(len(schema.names), dtype=np.float32)[read.truth]
        return JudgedRows(what, read.texts, read.truth, one_hot, "calibration error", {})
    rows, _ = read_rows(labeled / "messages", schema)
    rows = rows.take(np.isin(rows.tweet_ids, held_out_ids(candidate)) & ~rows.abstained)
    if not len(rows):
        raise DataError(
            f"{labeled} holds none of the test rows of {candidate}; run `make train_model`"
        )
    what = f"{len(rows):,} held-out texts, by the teacher's labels"
    return JudgedRows(
        what,
        rows.texts.tolist(),
        rows.labels,
        rows.scores,
        "calibration error against soft labels",
        count_languages(labeled / "messages", rows.tweet_ids),
    )
