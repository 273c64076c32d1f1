"""The Spark job: raw texts and the index in, curated messages and replies out.

Both are read from Parquet with an explicit schema and joined on source_row; every text is cleaned
once, in Arrow batches.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from b_transformation.texts.clean import clean_column, natural_column
from b_transformation.texts.timestamps import parse_created_at
from b_transformation.threading.brands import brand_column
from b_transformation.threading.index import ANSWERS, QUESTIONS
from common.config.transformation import TransformationSettings
from common.runtime.spark import column, read_parquet, write_parquet
from common.text import TextRules

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NO_TIME = "no readable created_at"
NO_TEXT = "empty text"
NOTHING_LEFT = "empty after cleaning"
BROADCAST_BYTES = 64 * 2**20  # on disk, some four million rows; eight times that in memory
# Texts hardly repeat, and looking for repeats costs more than writing them.
_NO_DICTIONARY = {
    f"parquet.enable.dictionary#{name}": "false"
    for name in ("text", "clean_text", "message", "reply", "tweet_id", "message_id")
}
REASONS = (NO_TIME, NO_TEXT, NOTHING_LEFT)

_QUESTIONS_SCHEMA = (
    "source_row long, tweet_id long, conversation_id long, is_opener boolean, "
    "replied_to string, in_thread string"
)
_ANSWERS_SCHEMA = "source_row long, question_id long, brand string"


class Cleaned(NamedTuple):
    """Rows that the cleaning dropped, by reason, and its other figures."""

    dropped: dict[str, int]
    figures: dict[str, int]


class Sources(NamedTuple):
    """Where the job reads: data/raw/messages, its columns, the index's folder; by which rules."""

    raw: Path
    columns: Sequence[str]
    text_column: str
    index_folder: Path
    rules: TextRules = TextRules()


def write_messages(
    spark: "SparkSession",
    sources: Sources,
    folder: Path,
    *,
    brands: Sequence[str],
    settings: TransformationSettings,
) -> Cleaned:
    """Clean every inbound message and write those with a text and a time."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as F

    clean = clean_column(
        rules=sources.rules,
        max_chars=settings.max_text_chars,
        detect_language=settings.detect_language,
    )
    choose_brand = brand_column(brands)
    raw = _read_texts(spark, sources)
    index = _read_index(spark, sources.index_folder / QUESTIONS, _QUESTIONS_SCHEMA)
    has_time = "created_at" in sources.columns
    created_at = parse_created_at(F.col("created_at")) if has_time else F.lit(None)
    author_id = F.nullif(F.trim("author_id"), F.lit("")) if "author_id" in sources.columns else None

    typed = raw.join(index, on="source_row", how="inner").select(
        "tweet_id",
        "conversation_id",
        "is_opener",
        (F.lit(None) if author_id is None else author_id).cast("string").alias("author_id"),
        created_at.cast("timestamp").alias("created_at"),
        F.coalesce(F.trim("raw_text"), F.lit("")).eqNullSafe("").alias("is_empty"),
        clean(F.col("raw_text")).alias("cleaned"),
        choose_brand(F.col("raw_text"), F.col("replied_to"), F.col("in_thread")).alias("brand"),
    )
    reason = (
        F.when(F.col("created_at").isNull() if has_time else F.lit(False), NO_TIME)
        .when(F.col("is_empty"), NO_TEXT)
        .when(F.col("cleaned.text").isNull(), NOTHING_LEFT)
    )
    counts = Observation()
    judged = typed.withColumn("reason", reason).observe(
        counts,
        *(F.count_if(F.col("reason") == name).alias(name) for name in REASONS),
        F.count_if("cleaned.was_cut").alias("texts_cut"),
        F.count_if("cleaned.was_html").alias("texts_html"),
        F.count_if("cleaned.mail_cut").alias("mails_cut"),
        F.approx_count_distinct("cleaned.clean_text").alias("distinct_texts_about"),
    )
    curated = judged.where(F.col("reason").isNull()).select(
        "tweet_id",
        "author_id",
        "created_at",
        "brand",
        "conversation_id",
        "is_opener",
        "cleaned.text",
        "cleaned.clean_text",
        "cleaned.lang",
    )
    write_parquet(curated, folder, options=_NO_DICTIONARY)
    seen = counts.get
    return Cleaned(
        dropped={name: seen[name] for name in REASONS},
        figures={name: count for name, count in seen.items() if name not in REASONS},
    )


def write_replies(
    spark: "SparkSession",
    sources: Sources,
    messages: Path,
    folder: Path,
    *,
    settings: TransformationSettings,
) -> None:
    """Put each brand's answer beside the curated message that it answers."""
    from pyspark.sql import functions as F

    natural = natural_column(rules=sources.rules, max_chars=settings.max_text_chars)
    index = _read_index(spark, sources.index_folder / ANSWERS, _ANSWERS_SCHEMA)
    answers = (
        _read_texts(spark, sources)
        .join(index, on="source_row", how="inner")
        .select("question_id", "brand", natural(F.col("raw_text")).alias("reply"))
        .where(F.col("reply") != "")
    )
    questions = read_parquet(spark, messages, schema="tweet_id long, text string")
    replies = answers.join(
        questions, on=answers["question_id"] == questions["tweet_id"], how="inner"
    ).select(
        F.col("tweet_id").alias("message_id"),
        "brand",
        F.col("text").alias("message"),
        "reply",
    )
    write_parquet(replies, folder, options=_NO_DICTIONARY)


def _read_index(spark: "SparkSession", path: Path, schema: str) -> "DataFrame":
    """One file of the index; a small one is sent to every worker, which spares moving the texts."""
    index = read_parquet(spark, path, schema=schema)
    return index.hint("broadcast") if path.stat().st_size <= BROADCAST_BYTES else index


def _read_texts(spark: "SparkSession", sources: Sources) -> "DataFrame":
    """data/raw/messages: everything is a string but source_row; the text is ``raw_text``."""
    from pyspark.sql.types import LongType, StringType, StructField, StructType

    wanted = {"source_row", "author_id", "created_at", sources.text_column}
    fields = [
        StructField(name, LongType() if name == "source_row" else StringType())
        for name in sources.columns
        if name in wanted
    ]
    raw = read_parquet(spark, sources.raw, schema=StructType(fields))
    return raw.withColumn("raw_text", column(sources.text_column))
