"""The Spark job: raw texts and the index in, curated messages and replies out.

Both are read from Parquet with an explicit schema and joined on source_row; every text is cleaned
once, in Arrow batches.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from b_transformation.texts.clean import clean_column, natural_column
from b_transformation.threading.brands import brand_column
from b_transformation.threading.index import ANSWERS, QUESTIONS
from common.config.transformation import TransformationSettings
from common.runtime.spark import column, read_parquet, write_parquet
from common.tables.columns.roles import Roles
from common.tables.columns.texts import TEXT_SEPARATOR
from common.text import TextRules

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

NO_TEXT = "empty text"
NOTHING_LEFT = "empty after cleaning"
BROADCAST_BYTES = 64 * 2**20  # on disk, some four million rows; eight times that in memory
# Texts hardly repeat, and looking for repeats costs more than writing them.
_NO_DICTIONARY = {
    f"parquet.enable.dictionary#{name}": "false"
    for name in ("text", "clean_text", "message", "reply", "tweet_id", "message_id", "id")
}
REASONS = (NO_TEXT, NOTHING_LEFT)

_QUESTIONS_SCHEMA = (
    "source_row long, tweet_id long, conversation_id long, is_opener boolean, "
    "replied_to string, in_thread string, created_at timestamp"
)
_ANSWERS_SCHEMA = "source_row long, question_id long, brand string"


class Cleaned(NamedTuple):
    """Rows that the cleaning dropped, by reason, and its other figures."""

    dropped: dict[str, int]
    figures: dict[str, int]


class Sources(NamedTuple):
    """Where the job reads: data/raw/messages, its columns' roles, the index's folder; the rules."""

    raw: Path
    roles: Roles
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
    """Clean every message of the index and write those with a text."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as F

    clean = clean_column(
        rules=sources.rules,
        max_chars=settings.max_text_chars,
        detect_language=settings.detect_language,
    )
    choose_brand = brand_column(brands)
    roles = sources.roles
    carried = {f"carried_{place}": name for place, name in enumerate(roles.carried)}
    raw = _read_raw(
        spark,
        sources,
        raw_id=None if roles.ids is None else column(roles.ids),
        author_id=_given(roles.author),
        given_brand=_given(roles.brand),
        **{here: column(roles.carried[name]) for here, name in carried.items()},
    )
    index = _read_index(spark, sources.index_folder / QUESTIONS, _QUESTIONS_SCHEMA)
    guess = choose_brand(F.col("raw_text"), F.col("replied_to"), F.col("in_thread"))

    typed = raw.join(index, on="source_row", how="inner").select(
        "tweet_id",
        "conversation_id",
        "is_opener",
        F.coalesce("raw_id", F.col("tweet_id").cast("string")).alias("id"),
        "author_id",
        "created_at",
        F.coalesce(F.trim("raw_text"), F.lit("")).eqNullSafe("").alias("is_empty"),
        clean(F.col("raw_text")).alias("cleaned"),
        F.coalesce("given_brand", guess).alias("brand"),
        *carried,
    )
    reason = F.when(F.col("is_empty"), NO_TEXT).when(F.col("cleaned.text").isNull(), NOTHING_LEFT)
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
        "id",
        *(F.col(here).alias(name) for here, name in carried.items()),
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
        _read_raw(spark, sources)
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


def _read_raw(spark: "SparkSession", sources: Sources, **more: "Column | None") -> "DataFrame":
    """source_row and ``raw_text`` of data/raw/messages, and ``more``, null where that is None.

    Columns of the source are strings and may have any name; from here on they have names of ours.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import LongType, StringType, StructField, StructType

    roles = sources.roles
    names = {*roles.texts, roles.ids, roles.author, roles.brand, *roles.carried.values()} - {None}
    fields = [StructField(name, StringType()) for name in sorted(filter(None, names))]
    schema = StructType([StructField("source_row", LongType()), *fields])
    return read_parquet(spark, sources.raw, schema=schema).select(
        "source_row",
        _joined([column(name) for name in roles.texts]).alias("raw_text"),
        *(
            (F.lit(None).cast("string") if value is None else value).alias(name)
            for name, value in more.items()
        ),
    )


def _joined(texts: "list[Column]") -> "Column":
    """One text of several columns, as common/tables/columns joins them."""
    from pyspark.sql import functions as F

    if len(texts) == 1:
        return texts[0]
    return F.concat_ws(TEXT_SEPARATOR, *(F.nullif(text, F.lit("")) for text in texts))


def _given(name: str | None) -> "Column | None":
    """A column without the blanks around its values; null where nothing else is there."""
    from pyspark.sql import functions as F

    return None if name is None else F.nullif(F.trim(column(name)), F.lit(""))
