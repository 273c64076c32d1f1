"""How fast the models of the profiles are here: labeling, encoding, training.

    python -m benchmarks.devices [--models deberta-v3-xsmall deberta-v3-base]

On the CPU, and on a GPU where torch finds one. Weights are random, so nothing is fetched and only
speed is measured: NLI in texts a second with three hypotheses each, encoders in texts a second,
students in texts a second of training. Writes devices.json into benchmarks/results.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from a_ingestion.sample import write_sample
from benchmarks.devices.checkpoints import SIZES, write_checkpoint
from c_classification.teacher.exported import Kind, load_model, prepare_model
from common.config.training import TrainingSettings
from common.onnx.device import Device, choose_device
from common.onnx.model import cpu_flags
from common.onnx.text_model import Text, TextModel
from common.tables.input import TableInput
from common.tables.read import read_columns
from d_training.fine_tuning.examples import Examples
from d_training.fine_tuning.fit import fit
from d_training.fine_tuning.student import load_student, tokenize

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "devices.json"
HYPOTHESES = (
    "The customer has a problem with a bill, a charge or a refund.",
    "The parcel or its delivery is late, lost or wrong.",
    "The product or the app does not work as it should.",
)
LABELS = ("billing", "shipping", "defect", "service", "other")
MAX_LENGTH = 128
CPU_BATCH_TOKENS = 1024
TEXTS: dict[Device, int] = {"cpu": 64, "cuda": 8192}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.devices", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=SIZES, default=list(SIZES))
    args = parser.parse_args()
    devices: list[Device] = ["cpu"]
    if choose_device("auto").device == "cuda":
        devices.append("cuda")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), rows=3 * max(TEXTS[device] for device in devices), seed=7)
        gold = TableInput(Path(folder) / "gold.csv")
        texts = [row.values[0] for row in read_columns(gold, ["text"])]
        for name in args.models:
            checkpoint = write_checkpoint(name, Path(folder))
            for device in devices:
                speed = measure(name, checkpoint, texts[: TEXTS[device]], device=device)
                rows.append({"model": name, "device": device, "texts_per_s": round(speed, 2)})
                print(f"{name:<20}{device:<6}{speed:>12,.1f} texts/s", flush=True)
    document = {"cores": os.cpu_count(), "instructions": cpu_flags(), "rows": rows}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    return 0


def measure(name: str, checkpoint: Path, texts: Sequence[str], *, device: Device) -> float:
    """Texts a second of what a profile does with the model."""
    if name.startswith("bert"):
        return training_speed(checkpoint, texts, device=device)
    kind: Kind = "encoder" if name.startswith("all-") else "classifier"
    folder = prepare_model(
        checkpoint, kind=kind, int8=kind == "encoder", cache=checkpoint.parent, device=device
    )

    def load() -> TextModel:
        return load_model(folder, kind=kind, max_length=MAX_LENGTH, threads=1, device=device)

    def score(model: TextModel, part: Sequence[str]) -> None:
        if kind == "encoder":
            model.run(part)
        else:
            pairs: list[Text] = [(text, h) for text in part for h in HYPOTHESES]
            model.run(pairs, batch_tokens=CPU_BATCH_TOKENS)

    return scoring_speed(load, score, texts, workers=1 if device == "cuda" else os.cpu_count() or 1)


def scoring_speed(
    load: Callable[[], TextModel],
    score: Callable[[TextModel, Sequence[str]], None],
    texts: Sequence[str],
    *,
    workers: int,
) -> float:
    """Of ``workers`` models side by side, as labeling has them; the first texts only warm up."""
    models = [load() for _ in range(workers)]
    for model in models:
        score(model, texts[: len(texts) // 8])
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda w: score(models[w], texts[w::workers]), range(workers)))
    return len(texts) / (time.perf_counter() - started)


def training_speed(checkpoint: Path, texts: Sequence[str], *, device: Device) -> float:
    """Of one epoch on twice the texts, a look at the validation texts included."""
    settings = TrainingSettings(epochs=1, looks_per_epoch=1)
    student = load_student(checkpoint, LABELS, precision="auto", seed=0, device=device)
    tokens = tokenize(student.tokenizer, texts, max_length=settings.max_length)
    targets = np.eye(len(LABELS), dtype=np.float32)[np.arange(len(texts)) % len(LABELS)]
    train = Examples(tokens * 2, np.concatenate([targets, targets]))
    validation = Examples(tokens[:16], targets[:16])
    return fit(student, train, validation, settings=settings, seed=0).texts_per_second


if __name__ == "__main__":
    sys.exit(main())
