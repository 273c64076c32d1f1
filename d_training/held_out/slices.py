"""Agreement of student and teacher on kinds of held-out texts: by length, language and brand."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from common.metrics import share_interval
from common.models.metrics import Slice
from d_training.held_out.figures import HeldOut

FEWEST = 20  # texts of a slice; smaller ones are folded into "other"
_MOST = 12  # slices of a kind
_LENGTHS = {
    "up to 60 characters": 60,
    "61 to 120 characters": 120,
    "121 to 200 characters": 200,
    "over 200 characters": math.inf,
}
_NONE = "none known"


def slice_agreement(held_out: HeldOut, curated: Path | None) -> dict[str, tuple[Slice, ...]]:
    """Slices by kind of the rows that the teacher labeled.

    Brand and language are those of data/curated; without it there are lengths alone.
    """
    judged = held_out.rows.take(~held_out.rows.abstained)
    agrees = held_out.agrees
    lengths = _slices([_length(text) for text in judged.texts], agrees)
    order = [*_LENGTHS]
    lengths.sort(key=lambda part: order.index(part.name) if part.name in order else len(order))
    found = {"length": tuple(lengths)}
    if curated is not None:
        for kind, values in _curated_values(curated, judged.tweet_ids).items():
            found[kind] = tuple(_slices(values, agrees))
    return found


def _length(text: str) -> str:
    return next(name for name, limit in _LENGTHS.items() if len(text) <= limit)


def _curated_values(curated: Path, tweet_ids: NDArray[np.int64]) -> dict[str, list[str]]:
    """Language and brand of each row, by its tweet_id."""
    table = ds.dataset(curated / "messages", format="parquet").to_table(
        columns=["tweet_id", "lang", "brand"], filter=pc.field("tweet_id").isin(tweet_ids.tolist())
    )
    places = {tweet_id: row for row, tweet_id in enumerate(table["tweet_id"].to_pylist())}
    found = {}
    for kind, column in (("language", "lang"), ("brand", "brand")):
        values = table[column].to_pylist()
        found[kind] = [values[places[i]] or _NONE for i in tweet_ids.tolist()]
    return found


def _slices(values: Sequence[str], agrees: NDArray[np.bool_]) -> list[Slice]:
    names, which, counts = np.unique(np.array(values), return_inverse=True, return_counts=True)
    order = [k for k in np.argsort(-counts, kind="stable").tolist() if counts[k] >= FEWEST][:_MOST]
    slices = [_slice(str(names[k]), agrees[which == k]) for k in order]
    rest = agrees[~np.isin(which, order)]
    if len(rest):
        kinds = len(names) - len(order)
        slices.append(_slice(f"other ({kinds:,} kind{'s' * (kinds > 1)})", rest))
    return slices


def _slice(name: str, agrees: NDArray[np.bool_]) -> Slice:
    hits = int(agrees.sum())
    return Slice(
        name=name,
        texts=len(agrees),
        agreement=hits / len(agrees),
        interval_95=share_interval(hits, len(agrees)),
    )
