"""Languages of labeled rows, as transformation detected them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray


def count_languages(folder: Path, tweet_ids: NDArray[np.int64]) -> dict[str, int]:
    """Rows by ISO 639 code, most frequent first; rows of unknown language are left out.

    Args:
        folder: labeled rows; one without a column ``lang`` gives no counts.
        tweet_ids: of the rows to count.
    """
    dataset = ds.dataset(folder, format="parquet")
    if "lang" not in dataset.schema.names:
        return {}
    wanted = pc.field("tweet_id").isin(tweet_ids.tolist())
    counts = Counter(dataset.to_table(columns=["lang"], filter=wanted)["lang"].to_pylist())
    return {code: count for code, count in counts.most_common() if code is not None}
