from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from b_transformation.texts.arrow import arrow_function

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_function_gets_one_array_a_column_and_whole_batches(spark: "SparkSession") -> None:
    def describe(words: pa.Array, numbers: pa.Array) -> pa.Array:
        types = f"{words.type} {numbers.type}"
        return pa.StructArray.from_arrays(
            [
                pc.binary_join_element_wise(words, pc.cast(numbers, pa.string()), "/"),
                pa.array([len(words)] * len(words), pa.int32()),
                pa.array([types] * len(words), pa.string()),
            ],
            names=["joined", "batch", "types"],
        )

    rows = [("tea", 1), (None, 2), ("😀", None), ("", 4)]
    frame = spark.createDataFrame(rows, "word string, number bigint").coalesce(1)
    function = arrow_function(describe, "joined string, batch int, types string")
    found = frame.select(function(frame["word"], frame["number"]).alias("it")).select("it.*")
    assert [row["joined"] for row in found.collect()] == ["tea/1", None, None, "/4"]
    assert {row["types"] for row in found.collect()} == {"string int64"}
    assert max(row["batch"] for row in found.collect()) > 1
    assert found.dtypes == [("joined", "string"), ("batch", "int"), ("types", "string")]


def test_partitions_without_a_row(spark: "SparkSession") -> None:
    frame = spark.range(3, numPartitions=1).repartition(8)
    double = arrow_function(lambda numbers: pc.multiply(numbers, 2), "bigint")
    found = frame.select(double(frame["id"]).alias("double")).collect()
    assert sorted(row["double"] for row in found) == [0, 2, 4]
