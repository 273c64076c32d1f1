from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from c_classification.labeling.speed import Trial, describe, measure
from c_classification.teacher.teacher import TeacherSpec, prepare_teacher
from common.config.schema import Settings
from common.labels import load_labels

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOON = datetime(2026, 3, 6, 12, 0)


@pytest.mark.parametrize(
    ("count", "speed", "line"),
    [
        (900, 100.0, "labeling 900 texts at 100 texts/s (measured on 128 of them): 9 s, "
         "until 12:00"),
        (50_000, 92.4, "labeling 50,000 texts at 92.4 texts/s (measured on 128 of them): 9 min, "
         "until 12:09"),
        (1_500_000, 21.0, "labeling 1,500,000 texts at 21 texts/s (measured on 128 of them): "
         "19.8 h, until Sat 07 March, 07:50"),
    ],
)  # fmt: skip
def test_the_line_says_how_many_how_fast_and_until_when(
    count: int, speed: float, line: str
) -> None:
    assert describe(count, Trial(128, speed, loads=2), now=NOON) == line


def test_workers_score_a_few_texts_and_keep_their_teacher(
    spark: "SparkSession", settings: Settings
) -> None:
    spec = prepare_teacher(
        settings.classification, load_labels(settings.labels), cache=settings.paths.cache
    )
    texts = spark.createDataFrame([(f"my parcel {n}",) for n in range(250)], "text string")
    trial = measure(texts, spec, count=250, threads=1)
    assert trial is not None
    assert trial.texts == 16  # of two workers with 16 each, the first 8 of each not counted
    assert trial.speed > 0
    assert 1 <= trial.loads <= 2
    again = measure(texts, spec, count=250, threads=1)
    assert again is not None
    assert again.loads + trial.loads <= 2


def test_few_texts_are_not_measured(spark: "SparkSession", settings: Settings) -> None:
    spec = TeacherSpec(settings.classification, load_labels(settings.labels), ())
    texts = spark.createDataFrame([("my parcel",)], "text string")
    assert measure(texts, spec, count=199, threads=1) is None
