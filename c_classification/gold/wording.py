"""What the wording of the labels is worth alone: no example, nothing tuned.

    python -m c_classification.gold.wording --csv gold.csv --out wording.parquet

A frozen sentence encoder names the label whose name, and the one whose description, lies nearest
to a text. Parquet out, one row a CSV record in the CSV's order: row (int64, from 0), text (as
models read it), names and descriptions (the two labels), embedding (the text's, list of float32).
"""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from c_classification.gold.keyed import key_of, write_keyed
from c_classification.teacher.embedding import base_checkpoint, frozen_encoder, without_handles
from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.config.section import plain_path
from common.errors import DataError
from common.labels import LabelSchema, load_labels
from common.log import progress
from common.models.metrics import production_rules
from common.onnx.device import choose_device
from common.onnx.text_model import TextModel
from common.onnx.weights import checkpoint_files
from common.stage.plan import plan_stage
from common.tables.input import TableInput
from common.tables.read import read_columns

NAME_TEMPLATE = "This is about {}."
_BATCH = 64
logger = logging.getLogger("c_classification.gold.wording")


def main() -> int:
    """Label a CSV by the labels' wording from the command line; returns the exit code."""
    parser = stage_parser(
        "c_classification.gold.wording",
        "Label the texts of one CSV by label names and descriptions alone, and write Parquet.",
        sections=("classification",),
    )
    parser.add_argument("--csv", type=plain_path, required=True, help="table with the column text")
    parser.add_argument("--out", type=plain_path, required=True, help="Parquet file to write")
    args = parser.parse_args()
    return run_command(args, lambda settings: label_by_wording(settings, args.csv, args.out))


def label_by_wording(settings: Settings, source: Path, target: Path) -> None:
    """Label the texts of ``source`` into ``target``; nothing to do where that was done.

    Raises:
        DataError: if the CSV can't be read or has no column text.
    """
    schema, chosen = load_labels(settings.labels), settings.classification
    if not source.is_file():
        raise DataError(f"{source} does not exist; name a table with the column 'text'")
    checkpoint = base_checkpoint(chosen, cache=settings.paths.cache)
    device = choose_device(settings.device).device
    rules = production_rules(settings.paths.models)
    read_from = TableInput.of(source, settings.ingestion)
    plan = plan_stage(
        "wording",
        code=["c_classification.gold.wording"],
        settings=[
            device,
            chosen.max_length,
            schema.sha256,
            rules.cut_mail,
            read_from.named,
        ],
        inputs=[source, *checkpoint_files(checkpoint)],
    )
    if key_of(target) == plan.key:
        logger.info("%s: texts, encoder and labels unchanged, nothing to do", target)
        return
    texts = [rules.natural(row.values[0]) for row in read_columns(read_from, ["text"])]
    encoder = frozen_encoder(chosen, cache=settings.paths.cache, device=device)
    vectors = _embed(encoder, [without_handles(text) for text in texts])  # (N, D)
    nearest = {
        column: nearest_labels(vectors, encoder.run(sentences).values)
        for column, sentences in wordings(schema).items()
    }
    table = pa.table(
        {
            "row": pa.array(range(len(texts)), pa.int64()),
            "text": pa.array(texts, pa.string()),
            **{
                c: pa.array([schema.names[k] for k in ks], pa.string()) for c, ks in nearest.items()
            },
            "embedding": pa.array(list(vectors), pa.list_(pa.float32())),
        }
    )
    write_keyed(table, target, key=plan.key)
    logger.info("%s: %s texts", target, f"{len(texts):,}")


def wordings(schema: LabelSchema) -> dict[str, list[str]]:
    """One sentence a label, in schema order, by each wording."""
    return {
        "names": [NAME_TEMPLATE.format(name) for name in schema.names],
        "descriptions": [label.description for label in schema.labels],
    }


def nearest_labels(texts: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.int64]:
    """(N,) the label of highest cosine, for (N, D) and (K, D) vectors of unit length."""
    return np.asarray((texts @ labels.T).argmax(axis=1), np.int64)  # (N, K) -> (N,)


def _embed(encoder: TextModel, texts: Sequence[str]) -> NDArray[np.float32]:
    starts = range(0, len(texts), _BATCH)
    parts = [
        encoder.run(texts[start : start + _BATCH]).values
        for start in progress(starts, total=len(starts), what="embedding", unit="batches")
    ]
    return np.concatenate(parts) if parts else np.zeros((0, encoder.width), np.float32)


if __name__ == "__main__":
    sys.exit(main())
