"""Labeled rows as the student sees them: read, folded to distinct texts, parted, chosen.

Every row ends in training, validation or test, or is left out for a reason that is counted.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from common.config.training import TrainingSettings
from common.errors import DataError
from common.labels import LabelSchema
from common.text import dedup_key
from d_training.data.sampling import sample_balanced
from d_training.data.split import TEST, TRAIN, VALIDATION, part_conversations

_COLUMNS = ("tweet_id", "text", "label", "scores")


@dataclass(frozen=True)
class Rows:
    """N rows in one order.

    scores: (N, K), each row sums to 1; abstained: the teacher did; human: a person gave the label,
    so that scores are one-hot and nobody abstained.
    """

    tweet_ids: NDArray[np.int64]
    conversations: NDArray[np.int64]
    texts: NDArray[np.object_]
    scores: NDArray[np.float32]
    abstained: NDArray[np.bool_]
    human: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, where: NDArray[np.integer] | NDArray[np.bool_]) -> Self:
        """The rows at the given positions, or of the given mask."""
        return type(self)(
            tweet_ids=self.tweet_ids[where],
            conversations=self.conversations[where],
            texts=self.texts[where],
            scores=self.scores[where],
            abstained=self.abstained[where],
            human=self.human[where],
        )

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) the teacher's best label, also where it abstained."""
        return np.asarray(self.scores.argmax(axis=1))


@dataclass(frozen=True)
class Parts:
    """What the rows are used for; ``left_out`` counts the others by reason.

    abstained_share: of all distinct texts, before any was left out.
    """

    train: Rows
    validation: Rows
    test: Rows
    abstained_share: float
    left_out: Counter[str]


def read_rows(folder: Path, schema: LabelSchema) -> tuple[Rows, int]:
    """The usable rows of a labeled folder, by tweet_id, and the number of the others.

    Raises:
        DataError: if the folder lacks a column or was labeled with another number of labels.
    """
    labeled = ds.dataset(folder, format="parquet")
    missing = [name for name in _COLUMNS if name not in labeled.schema.names]
    if missing:
        raise DataError(f"{folder} lacks column {', '.join(missing)}; run `make classify`")
    threaded = "conversation_id" in labeled.schema.names
    table = labeled.to_table(columns=[*_COLUMNS, *(["conversation_id"] if threaded else [])])
    taken = table.num_rows
    with_text = pc.greater(pc.fill_null(pc.utf8_length(table["text"]), 0), 0)
    table = table.filter(pc.and_(with_text, pc.is_valid(table["scores"])))
    scores = _score_matrix(table["scores"], labels=len(schema.names), folder=folder)
    ids = table["tweet_id"].to_numpy()
    conversations = pc.coalesce(table["conversation_id"], table["tweet_id"]) if threaded else None
    rows = Rows(
        tweet_ids=ids,
        conversations=ids if conversations is None else conversations.to_numpy(),
        texts=table["text"].to_numpy(),
        scores=scores,
        abstained=pc.is_null(table["label"]).to_numpy(),
        human=np.zeros(len(ids), np.bool_),
    )
    return rows.take(np.argsort(ids, kind="stable")), taken - len(rows)


def part_rows(rows: Rows, settings: TrainingSettings, *, seed: int) -> Parts:
    """Fold to distinct texts, part by conversation, and keep what the settings allow.

    Texts that differ only in case or punctuation count as one: its first row stays, so that no
    copy of a training text is ever held out. Rows on which the teacher abstained are used like
    the others: their flat soft labels say that they are hard, which helps (left out, or at half
    weight, the student came out 0.02 further from its teacher and no better on gold). Where a
    person gave a label, the whole conversation trains.

    Raises:
        DataError: if a part would be empty.
    """
    left_out: Counter[str] = Counter()
    distinct = rows.take(_first_of_each([dedup_key(text) for text in rows.texts]))
    left_out["copy of another text"] = len(rows) - len(distinct)
    place = part_conversations(
        distinct.conversations,
        distinct.labels,
        validation_share=settings.validation_share,
        test_share=settings.test_share,
        seed=seed,
    )
    # What a person has put right is there to be learnt, with the conversation that it is part of.
    corrected = np.isin(distinct.conversations, distinct.conversations[distinct.human])
    place[corrected] = TRAIN
    train, validation, test = (distinct.take(place == p) for p in (TRAIN, VALIDATION, TEST))
    for name, part in (("training", train), ("validation", validation), ("test", test)):
        if part.abstained.all():
            raise DataError(
                f"{len(distinct):,} distinct texts leave none that the teacher labeled for "
                f"{name}; label more messages, or lower classification.threshold"
            )
    parts = Parts(
        train=_limited(train, settings.max_rows, seed=seed),
        validation=_sampled(validation, settings.evaluation_rows, seed=seed),
        test=_sampled(test, settings.evaluation_rows, seed=seed),
        abstained_share=float(distinct.abstained[~distinct.human].mean()),
        left_out=left_out,
    )
    left_out["beyond max_rows"] = len(train) - len(parts.train)
    left_out["beyond evaluation_rows"] = (
        len(validation) + len(test) - len(parts.validation) - len(parts.test)
    )
    return parts


def _score_matrix(column: pa.ChunkedArray, *, labels: int, folder: Path) -> NDArray[np.float32]:
    """(N, K) soft labels, each row scaled to sum to 1 (scores of labels judged apart do not)."""
    widths = pc.unique(pc.list_value_length(column)).to_pylist()
    if widths not in ([], [labels]):
        raise DataError(
            f"{folder} holds {', '.join(map(str, widths))} scores a row and the label schema "
            f"{labels} labels; run `make classify` with this schema"
        )
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    scores = np.asarray(flat, np.float32).reshape(-1, labels)
    sums = scores.sum(axis=1, keepdims=True)
    if not (np.isfinite(scores).all() and (scores >= 0).all() and (sums > 0).all()):
        raise DataError(f"{folder} holds scores that are no probabilities; run `make classify`")
    return np.asarray(scores / sums)


def _first_of_each(keys: list[str]) -> NDArray[np.int64]:
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    return np.fromiter(first.values(), np.int64, len(first))


def _limited(rows: Rows, limit: int | None, *, seed: int) -> Rows:
    """Of the weakly labeled rows as many as the limit allows; people's labels all stay."""
    weak = np.flatnonzero(~rows.human)
    if limit is None or len(weak) <= limit:
        return rows
    chosen = weak[sample_balanced(rows.labels[weak], limit=limit, seed=seed)]
    return rows.take(np.sort(np.concatenate([chosen, np.flatnonzero(rows.human)])))


def _sampled(rows: Rows, limit: int, *, seed: int) -> Rows:
    """A random ``limit`` of held-out rows: unlike training rows they keep their proportions."""
    chosen = np.random.default_rng(seed).permutation(len(rows))[:limit]
    return rows.take(np.sort(chosen))
