"""Label the texts of one table with the stage's teacher, in one process and without Spark.

    python -m c_classification.gold.label_table --csv gold.csv --out teacher.parquet

Parquet out, one row a record in the order of the table: row (int64, from 0), text (as the teacher
read it), label (null where it abstained), confidence, scores (one a label, in schema order).
"""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from c_classification.gold.keyed import key_of, write_keyed
from c_classification.labeling.earlier import earlier_labels, earlier_scores, teacher_key
from c_classification.teacher.member import Scores
from c_classification.teacher.teacher import decide, score_texts, teacher_files
from common.config.classification import ClassificationSettings
from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.config.section import plain_path
from common.errors import DataError
from common.labels import LabelSchema, load_labels
from common.models.metrics import production_rules
from common.onnx.device import Device, choose_device
from common.stage.plan import plan_stage
from common.tables.input import TableInput
from common.tables.read import read_columns

logger = logging.getLogger("c_classification.gold.label_table")


def main() -> int:
    """Label a table from the command line; returns the exit code."""
    parser = stage_parser(
        "c_classification.gold.label_table",
        "Label the texts of one table with the teacher and write Parquet.",
        sections=("classification",),
    )
    parser.add_argument("--csv", type=plain_path, required=True, help="the table")
    parser.add_argument("--out", type=plain_path, required=True, help="Parquet file to write")
    parser.add_argument("--text-column", default="text", help="column to label (default text)")
    args = parser.parse_args()
    return run_command(
        args, lambda settings: label_table(settings, args.csv, args.out, column=args.text_column)
    )


def label_table(settings: Settings, source: Path, target: Path, *, column: str = "text") -> None:
    """Label column ``column`` of ``source`` into ``target``; nothing to do where that was done.

    Raises:
        DataError: if the table can't be read or lacks the column.
    """
    schema = load_labels(settings.labels)
    device = choose_device(settings.device).device
    classification = settings.classification.on(device)
    if not source.is_file():
        raise DataError(f"{source} does not exist; name a table with the column {column!r}")
    rules = production_rules(settings.paths.models)
    read_from = TableInput.of(source, settings.ingestion)
    plan = plan_stage(
        "label-table",
        code=["c_classification.gold.label_table"],
        settings=[
            classification.model_dump(mode="json"),
            device,
            schema.sha256,
            column,
            rules.cut_mail,
            read_from.named,
        ],
        inputs=[source, *teacher_files(classification, cache=settings.paths.cache)],
    )
    if key_of(target) == plan.key:
        logger.info("%s: texts, teacher and labels unchanged, nothing to do", target)
        return
    texts = [rules.natural(row.values[0]) for row in read_columns(read_from, [column])]
    scores = _score(settings, classification, schema, texts, device=device)
    chosen = decide(scores, names=schema.names, threshold=classification.threshold)
    table = pa.table(
        {
            "row": pa.array(range(len(texts)), pa.int64()),
            "text": pa.array(texts, pa.string()),
            "label": pa.array(chosen.labels, pa.string()),
            "confidence": pa.array(chosen.confidence, pa.float32()),
            "scores": pa.array(list(scores), pa.list_(pa.float32())),
        }
    )
    write_keyed(table, target, key=plan.key)
    abstained = chosen.labels.count(None)
    logger.info("%s: %s texts, %s abstained", target, f"{len(texts):,}", f"{abstained:,}")


def _score(
    settings: Settings,
    classification: ClassificationSettings,
    schema: LabelSchema,
    texts: Sequence[str],
    *,
    device: Device,
) -> Scores:
    """(N, K); texts that this teacher has labeled in data/labeled keep those scores."""
    cache = settings.paths.cache
    key = teacher_key(classification, schema, device=device, cache=cache)
    labeled = earlier_labels(settings.paths.labeled, key)
    known = earlier_scores(labeled, texts) if labeled else {}
    new = [text for text in dict.fromkeys(texts) if text not in known]
    scored = score_texts(classification, schema, new, cache=cache, device=device) if new else ()
    known |= dict(zip(new, scored, strict=True))
    return np.array([known[text] for text in texts], np.float32).reshape(-1, len(schema.names))


if __name__ == "__main__":
    sys.exit(main())
