"""The two sides: transformers' Trainer with all texts padded to 512, and this project's loop.

Both fine-tune the same checkpoint on the same texts for the same number of epochs; neither the
loading of the model nor the turning of texts into tokens is timed.
"""

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.config.training import TrainingSettings
from common.metrics import macro_f1_score
from d_training.fine_tuning.examples import Examples
from d_training.fine_tuning.fit import fit
from d_training.fine_tuning.student import Student, load_student, predict, tokenize

PADDED_TO, PEER_BATCH = 512, 8


class Texts(NamedTuple):
    """labels: (N,) positions in the schema."""

    texts: list[str]
    labels: np.ndarray


class Task(NamedTuple):
    """names: of the labels; validation decides what our side keeps; held_out is scored."""

    names: tuple[str, ...]
    train: Texts
    validation: Texts
    held_out: Texts


class Outcome(NamedTuple):
    """seconds: of training, our looks at the validation texts included."""

    texts: int
    seconds: float
    macro_f1: float
    precision: str


def train_padded(checkpoint: Path, task: Task, *, epochs: int, rate: float, seed: int) -> Outcome:
    """The original design: float32, all weights, every text padded to 512, batches of eight."""
    from transformers import Trainer, TrainingArguments

    student = load_student(checkpoint, task.names, precision="fp32", seed=seed)
    encoded = student.tokenizer(
        task.train.texts, truncation=True, padding="max_length", max_length=PADDED_TO
    )
    rows = [
        {"input_ids": ids, "attention_mask": mask, "labels": int(label)}
        for ids, mask, label in zip(
            encoded.input_ids, encoded.attention_mask, task.train.labels, strict=True
        )
    ]
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=student.model,
            train_dataset=rows,
            args=TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=PEER_BATCH,
                num_train_epochs=epochs,
                learning_rate=rate,
                seed=seed,
                save_strategy="no",
                report_to="none",
            ),
        )
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    return Outcome(len(rows) * epochs, seconds, _score(student, task), "fp32")


def train_ours(checkpoint: Path, task: Task, *, settings: TrainingSettings, seed: int) -> Outcome:
    """This project: batches of like length, frozen word embeddings, bf16 where it is computed."""
    student = load_student(checkpoint, task.names, precision=settings.precision, seed=seed)
    train, validation = (
        _examples(student, texts, settings) for texts in (task.train, task.validation)
    )
    fitted = fit(student, train, validation, settings=settings, seed=seed)
    texts = fitted.curve[-1].texts
    return Outcome(texts, fitted.seconds, _score(student, task), student.precision)


def _examples(student: Student, texts: Texts, settings: TrainingSettings) -> Examples:
    tokens = tokenize(student.tokenizer, texts.texts, max_length=settings.max_length)
    return Examples(tokens, np.eye(student.model.config.num_labels, dtype=np.float32)[texts.labels])


def _score(student: Student, task: Task) -> float:
    """Macro-F1 on the held-out texts, in float32 and unpadded, which changes no label."""
    exact = student.exact()
    tokens = tokenize(exact.tokenizer, task.held_out.texts, max_length=PADDED_TO)
    found = predict(exact, tokens).argmax(axis=1)
    return macro_f1_score(task.held_out.labels, found, labels=len(task.names))
