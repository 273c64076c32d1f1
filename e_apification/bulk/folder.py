"""Label a folder of Parquet or JSONL files: Spark's workers read, label and write it.

score --csv IN --out OUT, where IN is a folder, or an address such as hdfs://host/in or s3a://bucket/in.
OUT, a folder of Parquet files, has the rows of IN with the types that they have there, and the
columns label, confidence, abstained, truncated and model_id. No row passes through the driver, so
its memory does not grow with IN.

OUT must be new. _manifest.json in it is written last: where it lies, the result is whole. Lines
that are no JSON stand in OUT/_rejected.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from common.config.schema import Settings
from common.config.section import is_address
from common.errors import DataError, SettingsError, TriageError
from common.models.metrics import read_served
from common.models.model_source import fetch_served
from common.models.registry import model_folder, require_production_id
from common.runtime.places import Place
from common.runtime.spark import column
from common.stage.manifest import RowCounts
from common.tables.columns.places import TEXT_REMEDY, column_places, text_columns
from common.tables.columns.texts import join_texts
from common.tables.writing.formulas import unmarked
from common.text import TextRules
from e_apification.bulk.publish import FolderManifest, Summary
from e_apification.bulk.rows import ADDED, added_names, without_results
from e_apification.bulk.spark import logged_progress, predictor_of, shipped

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OpenSession = Callable[[], "AbstractContextManager[SparkSession]"]
FolderPlace = Path | str
MANIFEST, REJECTED = "_manifest.json", "_rejected"
_UNFINISHED = "_unfinished"
_NO_JSON, _RECORD = "not JSON", "_no_json"
_ENDINGS = {".parquet": "parquet", ".jsonl": "jsonl", ".json": "jsonl", ".ndjson": "jsonl"}
_NAMES = {"parquet": "Parquet", "jsonl": "JSONL"}
_LOOKED_AT = 1_000  # files
logger = logging.getLogger("e_apification.bulk.score")


class _Columns(NamedTuple):
    """texts: names of the columns that hold the text, and their places; added: new names."""

    texts: tuple[str, ...]
    places: list[int]
    added: list[str]


class _Source(NamedTuple):
    """rows: where lines are no JSON, these stand in the column ``_RECORD``, null elsewhere."""

    kind: str
    rows: "DataFrame"
    columns: _Columns


def is_folder(place: FolderPlace) -> bool:
    """Whether a folder is to be labeled, not a file."""
    return is_address(place) or Path(place).is_dir()


def score_folder(
    settings: Settings,
    *,
    source: FolderPlace,
    out: FolderPlace,
    text_column: str,
    open_session: OpenSession,
) -> Summary:
    """Label every row of a folder; the result is whole once its manifest is there.

    Raises:
        TriageError: for a missing model, column or folder, files of several kinds, or an output
            that is there.
    """
    started = time.monotonic()
    models = fetch_served(settings)
    model_id = require_production_id(models)
    rules = read_served(model_folder(models, model_id)).text_rules
    with open_session() as session, shipped(session, models, model_id) as found:
        given, target = Place(session, source), Place(session, out)
        opened = _open(session, given, text_column=text_column)
        _claim(target, given)
        label = partial(_label, source=opened.columns, rules=rules, models=found, model_id=model_id)
        began = time.monotonic()
        with logged_progress(session):
            counts = _write(opened, label, target)
        finished = time.monotonic()
        rejected = Counter({_NO_JSON: counts["rejected"]} if counts["rejected"] else {})
        if rejected:
            _write_rejected(session, opened, given, target)
        manifest = FolderManifest(
            created_at=datetime.now(UTC),
            model_id=model_id,
            input=given.address,
            form=_NAMES[opened.kind],
            text_columns=opened.columns.texts,
            rows=RowCounts(taken=counts["taken"], out=counts["out"], dropped=dict(rejected)),
            abstained=counts["abstained"],
            without_text=counts["without_text"],
        )
        target.write(MANIFEST, manifest.model_dump_json(indent=2, by_alias=True) + "\n")
        target.remove(_UNFINISHED)
    return Summary(
        taken=counts["taken"],
        out=counts["out"],
        rejected=rejected,
        distinct=None,
        abstained=counts["abstained"],
        without_text=counts["without_text"],
        seconds=time.monotonic() - started,
        scoring_seconds=finished - began,
    )


def _open(session: "SparkSession", given: Place, *, text_column: str) -> _Source:
    kind = _kind_of(given)
    reader = session.read.option("__globPaths__", "false")
    if kind == "parquet":
        rows = reader.option("mergeSchema", "true").parquet(given.address)
    else:
        rows = reader.option("columnNameOfCorruptRecord", _RECORD).json(given.address)
    header, replaced = without_results([name for name in rows.columns if name != _RECORD])
    if replaced:
        logger.info("its last %d columns are results of an earlier run: replaced", len(ADDED))
    texts = text_columns(text_column, header)
    places = column_places(header, texts, name=given.address, remedy=TEXT_REMEDY)
    logger.info("%s: texts in %s", given.address, ", ".join(map(repr, texts)))
    kept = [column(name) for name in (*header, *({_RECORD} & set(rows.columns)))]
    return _Source(kind, rows.select(*kept), _Columns(texts, places, added_names(header)))


def _kind_of(given: Place) -> str:
    if not given.is_folder:
        raise DataError(f"{given} is no folder; name one, or a file on this machine")
    names = given.names(_LOOKED_AT)
    kinds = {_ENDINGS.get(_ending(name), name) for name in names}
    if len(kinds) == 1 and kinds <= set(_NAMES):
        return kinds.pop()
    found = ", ".join(sorted(kinds)[:5]) or "no file"
    raise DataError(
        f"{given} holds {found}; a folder of Parquet files (.parquet) or one of JSONL files "
        "(.jsonl, .json, also .gz) is labeled, and a single file of any kind"
    )


def _ending(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


def _claim(target: Place, given: Place) -> None:
    """Mark the output as begun; what a killed run left there goes."""
    inside = f"{target.address}/".startswith(f"{given.address}/")
    if inside or f"{given.address}/".startswith(f"{target.address}/"):
        raise SettingsError(f"{target} and the input {given} lie in one another; name others")
    if not target.is_empty() and not target.has(_UNFINISHED):
        raise SettingsError(f"{target} is there; remove it, or name another")
    target.remove()
    target.write(_UNFINISHED, "")


def _write(
    opened: _Source,
    label: Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]],
    target: Place,
) -> dict[str, int]:
    """Rows by what became of them."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StructType

    taken, made = Observation(), Observation()
    rows, no_json = opened.rows, F.lit(False)
    if _RECORD in rows.columns:
        no_json = F.col(_RECORD).isNotNull()
    rows = rows.observe(taken, F.count("*").alias("taken"), F.count_if(no_json).alias("rejected"))
    readable = rows.where(~no_json).drop(_RECORD)
    names = dict(zip(ADDED, opened.columns.added, strict=True))
    fields = from_arrow_schema(pa.schema([(names[name], kind) for name, kind in ADDED.items()]))
    schema = StructType([*readable.schema.fields, *fields])
    labeled = readable.mapInArrow(label, schema).observe(
        made,
        F.count("*").alias("out"),
        F.count_if(column(names["abstained"])).alias("abstained"),
        F.count_if(column(names["model_id"]).isNull()).alias("without_text"),
    )
    labeled.write.mode("append").parquet(target.address)
    counts = {**taken.get, **made.get}
    if counts["taken"] != counts["out"] + counts["rejected"]:
        raise TriageError(
            f"{counts['taken']:,} rows became {counts['out']:,}; the result has no {MANIFEST}: run "
            "again, and report it if it stays"
        )
    return counts


def _write_rejected(session: "SparkSession", opened: _Source, given: Place, target: Place) -> None:
    """The lines again, as text, for Spark does not read what it can't parse alone."""
    from pyspark.sql import functions as F

    options = {"columnNameOfCorruptRecord": _RECORD}
    lines = session.read.option("__globPaths__", "false").text(given.address)
    parsed = F.from_json("value", opened.rows.schema, options)[_RECORD]
    lines.select(
        F.input_file_name().alias("file"), F.lit(_NO_JSON).alias("reason"), parsed.alias("record")
    ).where("record is not null").write.json(f"{target.address}/{REJECTED}")


def _label(
    batches: Iterable[pa.RecordBatch],
    *,
    source: "_Columns",
    rules: TextRules,
    models: str,
    model_id: str,
) -> Iterator[pa.RecordBatch]:
    """Runs in the workers; a text is scored once a batch."""
    predictor = predictor_of(models, model_id)
    for batch in batches:
        texts = join_texts([batch.column(place).cast(pa.string()) for place in source.places])
        natural = [rules.natural(unmarked(text or "")) for text in texts.to_pylist()]
        encoded = pa.array(natural, pa.string()).dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        predictions = predictor.predict_natural(distinct)
        none = pa.array([not text for text in distinct]).to_numpy(zero_copy_only=False)
        values = [
            [p.label for p in predictions],
            [p.confidence for p in predictions],
            [p.label is None for p in predictions],
            [p.truncated for p in predictions],
            [model_id] * len(distinct),
        ]
        added = [
            pa.array(value, kind, mask=none).take(encoded.indices)
            for value, kind in zip(values, ADDED.values(), strict=True)
        ]
        yield pa.record_batch([*batch.columns, *added], [*batch.schema.names, *source.added])
