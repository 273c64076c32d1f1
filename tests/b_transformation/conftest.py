"""The stage in the tests' session."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture()
def shared_session(spark: "SparkSession", monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage runs in the tests' session, which it must not stop."""
    monkeypatch.setattr(
        "b_transformation.stage.spark_session", lambda *args, **kwargs: nullcontext(spark)
    )
