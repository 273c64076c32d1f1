"""What the teacher says of the shipped synthetic messages: minutes of work, the same for all.

    python -m c_classification.labeling.shipped_scores

The command makes synthetic_scores.parquet (text_key, scores) from the labels file and settings of
profile sample. To run after any change of conf/labels.yaml, of its synthetic messages or of the
recipe in teacher/tuning.py. Scores are used where the teacher is the one that gave them, and of
the texts that it read.
"""

import hashlib
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from c_classification.teacher.embedding import course_of
from c_classification.teacher.teacher import TeacherSpec, score_texts
from common.config.settings import ROOT, load_settings
from common.errors import TriageError
from common.labels import load_labels
from common.log import configure_logging
from common.onnx.wheels import MPNET_SHA256, MPNET_WHEELS
from common.synthetic import read_synthetic

FILE = Path(__file__).parent / "synthetic_scores.parquet"
_TEACHER = b"teacher_sha256"
logger = logging.getLogger("c_classification.labeling.shipped_scores")


def main() -> int:
    """Make the file from the command line; returns the exit code."""
    configure_logging()
    chosen = load_settings(profile="sample").settings.classification
    schema, cache = load_labels(ROOT / "conf" / "labels.yaml"), ROOT / ".cache"
    try:
        texts = [text for text, _ in read_synthetic(schema)]
        scores = score_texts(chosen, schema, texts, cache=cache)
    except TriageError as error:
        logger.error("%s", error)
        return 1
    spec = TeacherSpec(chosen, schema, folders=())
    write_scores(dict(zip(texts, scores.tolist(), strict=True)), spec, FILE)
    return 0


def write_scores(scores: Mapping[str, Sequence[float]], spec: TeacherSpec, path: Path) -> None:
    """Write the K scores by text, with a digest of the teacher that gave them."""
    table = pa.table(
        {
            "text_key": pa.array(map(_key, scores), pa.uint64()),
            "scores": pa.array(list(scores.values()), pa.list_(pa.float32())),
        }
    )
    table = table.replace_schema_metadata({_TEACHER: _teacher_sha256(spec)})
    pq.write_table(table, path, compression="zstd")


def shipped_scores(spec: TeacherSpec, texts: Sequence[str]) -> dict[str, list[float]]:
    """The K scores of each text that the shipped ones have; none if they are another teacher's."""
    metadata = pq.read_schema(FILE).metadata
    if metadata[_TEACHER].decode() != _teacher_sha256(spec):
        return {}
    table = pq.read_table(FILE)
    shipped = dict(zip(table["text_key"].to_pylist(), table["scores"].to_pylist(), strict=True))
    found = {text: shipped.get(_key(text)) for text in texts}
    return {text: scores for text, scores in found.items() if scores is not None}


def _teacher_sha256(spec: TeacherSpec) -> str:
    """Digest of what decides the scores, but for the last digits that a processor adds."""
    settings = spec.settings
    checkpoint = settings.embedding.checkpoint
    named = [
        settings.model_dump_json(include={"teacher", "embedding", "max_length"}),
        MPNET_SHA256 if checkpoint == MPNET_WHEELS else "",
        course_of(settings, spec.schema).sha256,
        spec.device,
    ]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()


def _key(text: str) -> int:
    """64 bits of the text's digest."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


if __name__ == "__main__":
    sys.exit(main())
