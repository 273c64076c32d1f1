"""The NLI teacher: how far a message entails each label's hypotheses, by any NLI classifier.

Cost: one pass over (message, hypothesis) for each of a schema's hypotheses. A label with several
gets the mean of them. What is too long is cut from the message, never from the hypothesis.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from c_classification.teacher.exported import (
    CONFIG,
    FLOAT32,
    TOKENIZER,
    load_model,
    prepare_model,
)
from c_classification.teacher.member import Among, Scores
from c_classification.teacher.nli_adapter.merged import EMBEDDED, embedded_files, merged_checkpoint
from common.config.classification import ClassificationSettings, NliSettings
from common.errors import DataError, SettingsError
from common.labels import LabelSchema
from common.onnx.device import Device
from common.onnx.model import softmax
from common.onnx.packed_bert import is_packed
from common.onnx.text_model import TextModel
from common.onnx.weights import checkpoint_files, checkpoint_folder

_ENTAILMENT = ("entailment",)
_CONTRADICTION = ("contradiction", "not_entailment")  # the latter in classifiers of two classes
_BATCH_TOKENS = 1024  # small enough for a core's cache
# A label flips where its lead is thinner than INT8's error: some 0.04 in a logit of a BERT as
# onnx_bert.py exports it, 0.1 in others.
_CLOSE_PACKED, _CLOSE = 0.1, 0.3
_SHARE_OF_LOGITS = 0.5  # entailment apart: a share moves by at most a quarter of either logit


def prepare_nli(
    settings: ClassificationSettings,
    schema: LabelSchema,
    *,
    cache: Path,
    device: Device = "cpu",
) -> Path:
    """The folder of the classifier, known to fit the settings and the schema.

    Raises:
        DataError: if the checkpoint is no NLI classifier.
        SettingsError: if a hypothesis leaves no room for a message.
    """
    chosen = settings.nli
    if chosen.checkpoint == EMBEDDED:
        checkpoint = merged_checkpoint(cache=cache)
    else:
        checkpoint = checkpoint_folder(chosen.checkpoint, revision=chosen.revision)
    _output_columns(checkpoint, multi_label=chosen.multi_label)
    folder = prepare_model(
        checkpoint, kind="classifier", int8=chosen.int8, cache=cache, device=device
    )
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    for label, hypotheses in zip(schema.names, fill_template(schema, chosen), strict=True):
        for hypothesis in hypotheses:
            taken = len(tokenizer.encode("", hypothesis).ids)
            if taken >= settings.max_length:
                raise SettingsError(
                    f"a hypothesis of label {label!r} takes {taken} tokens and leaves none of "
                    f"classification.max_length = {settings.max_length} for the message: "
                    f"{hypothesis!r}; shorten it, or raise max_length"
                )
    return folder


def nli_files(settings: NliSettings) -> list[Path]:
    """The files that decide what the classifier computes."""
    if settings.checkpoint == EMBEDDED:
        return embedded_files()
    return checkpoint_files(checkpoint_folder(settings.checkpoint, revision=settings.revision))


class NliTeacher:
    """Scores each message by itself, whatever stands beside it.

    In float32, and in half precision on a GPU, pairs of like length share a batch, which changes
    no more than the last digits.
    Dynamic INT8 takes its scales from the whole batch, so there only the pairs of one message
    share it; where labels come close to the best one, float32 settles between them.
    """

    def __init__(
        self,
        settings: ClassificationSettings,
        schema: LabelSchema,
        folder: Path,
        *,
        threads: int,
        device: Device = "cpu",
    ) -> None:
        load = partial(
            load_model,
            folder,
            kind="classifier",
            max_length=settings.max_length,
            threads=threads,
            device=device,
        )
        self._model = load()
        self._exact = load(name=FLOAT32) if settings.nli.int8 and device == "cpu" else None
        self._multi_label = settings.nli.multi_label
        self._close = _CLOSE_PACKED if is_packed(_config(folder)) else _CLOSE
        self._columns = _output_columns(folder, multi_label=self._multi_label)
        by_label = fill_template(schema, settings.nli)
        self._hypotheses = [text for hypotheses in by_label for text in hypotheses]
        sizes = [len(hypotheses) for hypotheses in by_label]
        self._labels = np.repeat(np.arange(len(by_label)), sizes)  # (H,) each hypothesis's label

    def score(self, texts: Sequence[str], among: Among | None = None) -> Scores:
        """(N, K): softmax of entailment over labels, or each label's entailment apart."""
        count = int(self._labels[-1]) + 1
        wanted = np.ones((len(texts), count), np.bool_) if among is None else among
        if not texts:
            return np.zeros((0, count), np.float32)
        means = self._means(self._model, texts, wanted, apart=self._exact is not None)
        if self._exact is not None:
            self._settle(self._exact, texts, means)
        if self._multi_label:
            return np.where(wanted, means, 0).astype(np.float32)
        return softmax(means)

    def _means(
        self, model: TextModel, texts: Sequence[str], wanted: Among, *, apart: bool
    ) -> Scores:
        """(N, K) the mean over each label's hypotheses, -inf where it is not wanted.

        apart: no two texts share a run.
        """
        text_of, hypothesis_of = np.nonzero(wanted[:, self._labels])  # (P,) each
        cells = zip(text_of.tolist(), hypothesis_of.tolist(), strict=True)
        pairs = [(texts[i], self._hypotheses[h]) for i, h in cells]
        groups = text_of.tolist() if apart else None
        outputs = model.run(pairs, batch_tokens=_BATCH_TOKENS, groups=groups)
        logits = outputs.values[:, self._columns]
        # (P, 2) or (P, 1) -> (P,): entailment against contradiction, or its bare logit.
        each = (softmax(logits) if self._multi_label else logits)[:, 0]
        sums, counts = np.zeros(wanted.shape, np.float32), np.zeros(wanted.shape, np.float32)
        np.add.at(sums, (text_of, self._labels[hypothesis_of]), each)
        np.add.at(counts, (text_of, self._labels[hypothesis_of]), 1)
        return np.where(wanted, sums / np.maximum(counts, 1), np.float32(-np.inf))

    def _settle(self, exact: TextModel, texts: Sequence[str], means: Scores) -> None:
        """Put float32's means in the place of the best one and all that are close to it."""
        margin = self._close * (_SHARE_OF_LOGITS if self._multi_label else 1)
        close = means > means.max(axis=1, keepdims=True) - margin  # (N, K)
        rows = np.flatnonzero(close.sum(axis=1) > 1)
        if not len(rows):
            return
        among = close[rows]
        settled = self._means(exact, [texts[i] for i in rows.tolist()], among, apart=False)
        means[rows] = np.where(among, settled, means[rows])


def fill_template(schema: LabelSchema, settings: NliSettings) -> list[list[str]]:
    """The hypotheses of each label, in schema order, each put into the template."""
    return [
        [settings.template.replace("{}", text) for text in label.hypotheses[: settings.hypotheses]]
        for label in schema.labels
    ]


def _output_columns(folder: Path, *, multi_label: bool) -> list[int]:
    """Columns of the logits: entailment, and contradiction where labels are scored apart.

    They are looked up by name; a guess would turn every score upside down without a sound.
    """
    label2id = _config(folder).get("label2id") or {}
    columns = {str(name).lower(): int(k) for name, k in label2id.items()}
    wanted = (_ENTAILMENT, _CONTRADICTION) if multi_label else (_ENTAILMENT,)
    return [_column(columns, names, folder) for names in wanted]


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return config


def _column(columns: Mapping[str, int], names: Sequence[str], folder: Path) -> int:
    for name in names:
        if name in columns:
            return columns[name]
    raise DataError(
        f"{folder / CONFIG} names no class {' or '.join(map(repr, names))} in label2id, only: "
        f"{', '.join(columns) or 'none'}; choose an NLI checkpoint, or correct its config"
    )
