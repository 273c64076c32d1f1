"""Functions of Arrow arrays as Spark functions: a batch at a time, no Python object a row."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import Column


def arrow_function(function: Callable[..., pa.Array], returns: str) -> "Callable[..., Column]":
    """Wrap ``function``, which gets one array a column; ``returns`` is its Spark type as DDL.

    Spark is told that it is not deterministic: it would else move filters on the result below it,
    and work out the function once for the filter and once more for the rows that pass.
    """
    from pyspark.sql.functions import arrow_udf  # type: ignore[attr-defined]

    wrapped: Callable[..., Column] = arrow_udf(function, returns).asNondeterministic()
    return wrapped
