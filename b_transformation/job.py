"""The Spark job: raw texts and the index in, curated messages and replies out.

Workers read their rows and what the index has of them (rows.py) and clean every text once, in Arrow
batches; Spark parts the work, counts, joins replies to messages, and writes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from b_transformation.rows import Piece, map_pieces, read_piece
from b_transformation.texts.clean import clean_raw, cut_natural
from b_transformation.threading.brands import choose_brands
from b_transformation.threading.index import ANSWERS, QUESTIONS
from common.config.transformation import TransformationSettings
from common.runtime.spark import read_parquet, write_parquet
from common.tables.columns.roles import Roles
from common.tables.columns.texts import join_texts
from common.text import TextRules

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NO_TEXT = "empty text"
NOTHING_LEFT = "empty after cleaning"
# Texts hardly repeat, and looking for repeats costs more than writing them.
_NO_DICTIONARY = {
    f"parquet.enable.dictionary#{name}": "false"
    for name in ("text", "clean_text", "message", "reply", "tweet_id", "message_id", "id")
}
REASONS = (NO_TEXT, NOTHING_LEFT)
_CLEANED = (
    "tweet_id long, author_id string, created_at timestamp, brand string, conversation_id long, "
    "is_opener boolean, text string, clean_text string, lang string, id string, reason string, "
    "was_cut boolean, was_html boolean, mail_cut boolean"
)
_TIME = pa.timestamp("us", tz="UTC")


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

    roles = sources.roles
    names = {brand.lower(): brand for brand in brands}
    carried = {f"carried_{place}": name for place, name in enumerate(roles.carried)}

    def clean(piece: Piece) -> Iterator[pa.RecordBatch]:
        index = sources.index_folder / QUESTIONS
        for raw, known in read_piece(piece, index, columns=_columns(roles)):
            yield _clean_rows(raw, known, sources, names=names, settings=settings)

    ddl = ", ".join([_CLEANED, *(f"{here} string" for here in carried)])
    counts = Observation()
    judged = map_pieces(spark, sources.raw, clean, ddl).observe(
        counts,
        *(F.count_if(F.col("reason") == name).alias(name) for name in REASONS),
        F.count_if("was_cut").alias("texts_cut"),
        F.count_if("was_html").alias("texts_html"),
        F.count_if("mail_cut").alias("mails_cut"),
        F.approx_count_distinct("clean_text").alias("distinct_texts_about"),
    )
    curated = judged.where(F.col("reason").isNull()).select(
        "tweet_id",
        "author_id",
        "created_at",
        "brand",
        "conversation_id",
        "is_opener",
        "text",
        "clean_text",
        "lang",
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

    texts = list(sources.roles.texts)

    def read(piece: Piece) -> Iterator[pa.RecordBatch]:
        index = sources.index_folder / ANSWERS
        for raw, known in read_piece(piece, index, columns=texts):
            replies = cut_natural(
                _whole(join_texts([raw[name] for name in texts])),
                rules=sources.rules,
                max_chars=settings.max_text_chars,
            )
            columns = [_whole(known["question_id"]), _whole(known["brand"]), replies]
            rows = pa.record_batch(columns, ["question_id", "brand", "reply"])
            yield rows.filter(pc.fill_null(pc.not_equal(replies, ""), False))

    answers = map_pieces(spark, sources.raw, read, "question_id long, brand string, reply string")
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


def _columns(roles: Roles) -> list[str]:
    """Of the source, those that messages are made of."""
    names = {*roles.texts, roles.ids, roles.author, roles.brand, *roles.carried.values()}
    return sorted(name for name in names if name is not None)


def _clean_rows(
    raw: pa.Table,
    known: pa.Table,
    sources: Sources,
    *,
    names: dict[str, str],
    settings: TransformationSettings,
) -> pa.RecordBatch:
    """Columns of ``_CLEANED`` and those carried, of the rows of a source and of the index."""
    roles, nothing = sources.roles, pa.nulls(len(raw), pa.string())
    texts = _whole(join_texts([raw[name] for name in roles.texts]))
    cleaned = clean_raw(
        texts,
        rules=sources.rules,
        max_chars=settings.max_text_chars,
        detect_language=settings.detect_language,
    )
    text, words, languages, *flags = cleaned.flatten()
    replied_to, in_thread = (_whole(known[name]) for name in ("replied_to", "in_thread"))
    guess = choose_brands(texts, replied_to, in_thread, names=names)
    is_empty = pc.equal(pc.utf8_trim(pc.fill_null(texts, ""), " "), "")
    reason = pc.case_when(
        pc.make_struct(is_empty, pc.is_null(text)), pa.scalar(NO_TEXT), pa.scalar(NOTHING_LEFT)
    )
    tweet_ids = _whole(known["tweet_id"])
    written_ids = nothing if roles.ids is None else _whole(raw[roles.ids])
    dates = known["created_at"] if "created_at" in known.column_names else None
    columns = {
        "tweet_id": tweet_ids,
        "author_id": nothing if roles.author is None else _trimmed(raw[roles.author]),
        "created_at": pa.nulls(len(raw), _TIME) if dates is None else _whole(dates),
        "brand": guess if roles.brand is None else pc.coalesce(_trimmed(raw[roles.brand]), guess),
        "conversation_id": _whole(known["conversation_id"]),
        "is_opener": _whole(known["is_opener"]),
        "text": text,
        "clean_text": words,
        "lang": languages,
        "id": pc.coalesce(written_ids, tweet_ids.cast(pa.string())),
        "reason": reason,
        **dict(zip(("was_cut", "was_html", "mail_cut"), flags, strict=True)),
        **{
            f"carried_{place}": _whole(raw[name])
            for place, name in enumerate(roles.carried.values())
        },
    }
    return pa.record_batch(list(columns.values()), list(columns))


def _trimmed(column: pa.ChunkedArray) -> pa.Array:
    """Without the blanks around the values; null where nothing else is there."""
    bare = pc.utf8_trim(_whole(column), " ")
    return pc.if_else(pc.equal(bare, ""), None, bare)


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
