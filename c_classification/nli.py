"""The NLI teacher: how far a message entails each label's hypotheses, by any NLI classifier.

Cost: one pass over (message, hypothesis) for each of a schema's hypotheses. A label with several
gets the mean of them. What is too long is cut from the message, never from the hypothesis.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from c_classification.exported import CONFIG, MODEL, TOKENIZER, export_once
from c_classification.nli_adapter.merged import EMBEDDED, embedded_files, merged_checkpoint
from c_classification.teacher import Among, Scores
from common.errors import DataError, SettingsError
from common.labels import LabelSchema
from common.onnx_model import OnnxModel, softmax
from common.schema import ClassificationSettings, NliSettings
from common.weights import checkpoint_files, checkpoint_folder

_ENTAILMENT = ("entailment",)
_CONTRADICTION = ("contradiction", "not_entailment")  # the latter in classifiers of two classes
_FLOAT32_BATCH_TOKENS = 1024  # fits a core's cache; with 4,096 a quarter of the speed is lost


def prepare_nli(settings: ClassificationSettings, schema: LabelSchema, *, cache: Path) -> Path:
    """The folder of the exported classifier, known to fit the settings and the schema.

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
    folder = export_once(checkpoint, kind="classifier", int8=chosen.int8, cache=cache)
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

    In float32 pairs of like length share a batch, which changes no more than the last digits.
    Dynamic INT8 takes its scales from the whole batch, padding included, so there each pair runs
    alone: on one thread that costs little, and labels stay closer to float32's.
    """

    def __init__(
        self, settings: ClassificationSettings, schema: LabelSchema, folder: Path, *, threads: int
    ) -> None:
        self._model = OnnxModel(
            folder / MODEL, folder / TOKENIZER, max_length=settings.max_length, threads=threads
        )
        self._batch_tokens = 0 if settings.nli.int8 else _FLOAT32_BATCH_TOKENS
        self._multi_label = settings.nli.multi_label
        self._columns = _output_columns(folder, multi_label=self._multi_label)
        by_label = fill_template(schema, settings.nli)
        self._hypotheses = [text for hypotheses in by_label for text in hypotheses]
        self._labels = np.repeat(
            np.arange(len(by_label)), [len(texts) for texts in by_label]
        )  # (H,)

    def score(self, texts: Sequence[str], among: Among | None = None) -> Scores:
        """(N, K): softmax of entailment over labels, or each label's entailment apart."""
        count = self._labels[-1] + 1
        wanted = np.ones((len(texts), count), np.bool_) if among is None else among
        if not texts:
            return np.zeros((0, count), np.float32)
        text_of, hypothesis_of = np.nonzero(wanted[:, self._labels])  # (P,) each
        cells = zip(text_of.tolist(), hypothesis_of.tolist(), strict=True)
        pairs = [(texts[i], self._hypotheses[h]) for i, h in cells]
        outputs = self._model.run(pairs, batch_tokens=self._batch_tokens)
        logits = outputs.values[:, self._columns]
        # (P, 2) or (P, 1) -> (P,): entailment against contradiction, or its bare logit.
        each = (softmax(logits) if self._multi_label else logits)[:, 0]
        sums, counts = np.zeros(wanted.shape), np.zeros(wanted.shape)
        np.add.at(sums, (text_of, self._labels[hypothesis_of]), each)
        np.add.at(counts, (text_of, self._labels[hypothesis_of]), 1)
        means = np.where(wanted, sums / np.maximum(counts, 1), 0 if self._multi_label else -np.inf)
        return np.asarray(means if self._multi_label else softmax(means), np.float32)


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
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    columns = {str(name).lower(): int(k) for name, k in (config.get("label2id") or {}).items()}
    wanted = (_ENTAILMENT, _CONTRADICTION) if multi_label else (_ENTAILMENT,)
    return [_column(columns, names, folder) for names in wanted]


def _column(columns: Mapping[str, int], names: Sequence[str], folder: Path) -> int:
    for name in names:
        if name in columns:
            return columns[name]
    raise DataError(
        f"{folder / CONFIG} names no class {' or '.join(map(repr, names))} in label2id, only: "
        f"{', '.join(columns) or 'none'}; choose an NLI checkpoint, or correct its config"
    )
