"""The peer: how the original design cleans the same CSV, as such PySpark jobs are commonly written.

A multi-line CSV read twice, cleaned by Java regexes, with a window count, a join, a global sort and
Parquet out. No threads, no quality checks, no language, no masking, no count of what was dropped.

    python -m benchmarks.transformation.original twcs.csv cleaned/
"""

import sys

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

DRIVER_MEMORY = "4g"
REPLACEMENTS = (
    (r"https?://\S+", " "),
    (r"@\w+", " "),
    (r"[^a-z\s]", " "),
    (r"\s+", " "),
)


def main(source: str, target: str) -> None:
    spark = (
        SparkSession.builder.appName("original")
        .master("local[*]")
        .config("spark.driver.memory", DRIVER_MEMORY)
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    customers = clean(read(spark, source).where(F.col("inbound") == "True"))
    replies = first_replies(read(spark, source).where(F.col("inbound") == "False"))
    (
        customers.join(replies, on="tweet_id", how="left")
        .orderBy("created_at")
        .write.mode("overwrite")
        .parquet(target)
    )
    spark.stop()


def read(spark: SparkSession, source: str) -> DataFrame:
    return (
        spark.read.option("header", True)
        .option("multiLine", True)
        .option("quote", '"')
        .option("escape", '"')
        .csv(source)
    )


def clean(tweets: DataFrame) -> DataFrame:
    text = F.lower("text")
    for pattern, replacement in REPLACEMENTS:
        text = F.regexp_replace(text, pattern, replacement)
    by_author = Window.partitionBy("author_id")
    return (
        tweets.withColumn("tweet_id", F.expr("try_cast(tweet_id AS bigint)"))
        .withColumn(
            "created_at",
            F.try_to_timestamp(F.substring("created_at", 5, 26), F.lit("MMM dd HH:mm:ss Z yyyy")),
        )
        .withColumn("clean_text", F.trim(text))
        .where(F.length("clean_text") > 0)
        .withColumn("author_messages", F.count("*").over(by_author))
    )


def first_replies(answers: DataFrame) -> DataFrame:
    question = F.expr("CAST(try_cast(in_response_to_tweet_id AS double) AS bigint)")
    return (
        answers.select(question.alias("tweet_id"), "created_at", "author_id", "text")
        .groupBy("tweet_id")
        .agg(F.min_by(F.struct("author_id", "text"), "created_at").alias("first"))
        .select(
            "tweet_id",
            F.col("first.author_id").alias("brand"),
            F.col("first.text").alias("reply"),
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
