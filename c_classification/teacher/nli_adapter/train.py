"""Train the embedded NLI adapter.

    python -m c_classification.teacher.nli_adapter.train --data folder

LoRA (Hu et al., 2021) by peft over the MiniLM wheel, two classes: entailment, not_entailment.
Writes adapter_config.json, adapter_model.safetensors (half precision) and scores.json into --out.
See pairs.py for what it is trained and tested on; half an hour on two cores with bfloat16.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c_classification.teacher.nli_adapter.merged import CLASSES, WEIGHTS
from c_classification.teacher.nli_adapter.pairs import (
    TEMPLATES,
    Pair,
    Sources,
    Utterance,
    read_sources,
    training_pairs,
)
from common.errors import TriageError
from common.fitting.batches import length_batches
from common.fitting.steps import take_steps
from common.log import configure_logging
from common.onnx.weights import MINILM_WHEEL, checkpoint_folder

if TYPE_CHECKING:
    import torch

RANK, RATE, WARMUP, SMOOTHING = 32, 8e-4, 0.06, 0.05
BATCH, MAX_LENGTH, SEED = 64, 128, 17
_TESTED = 1500  # pairs of a test set
logger = logging.getLogger("c_classification.teacher.nli_adapter")


def main() -> int:
    """Train from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m c_classification.teacher.nli_adapter.train", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets (pairs.py)")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help=f"default {WEIGHTS}")
    parser.add_argument("--epochs", type=float, default=2.0, help="passes over the pairs (2)")
    args = parser.parse_args()
    configure_logging()
    try:
        scores = train_adapter(read_sources(args.data), args.out, epochs=args.epochs)
    except TriageError as error:
        logger.error("%s", error)
        return 1
    sys.stdout.write(json.dumps(scores, indent=2) + "\n")
    return 0


def train_adapter(sources: Sources, out: Path, *, epochs: float) -> dict[str, Any]:
    """Train, save and test; returns what scores.json holds."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(SEED)
    base = checkpoint_folder(MINILM_WHEEL, revision=None)
    tokenizer = AutoTokenizer.from_pretrained(base)
    pairs = training_pairs(sources, embed=_Embedder(base, tokenizer), seed=SEED)
    model = get_peft_model(
        AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(CLASSES)),
        LoraConfig(
            task_type="SEQ_CLS",
            r=RANK,
            lora_alpha=2 * RANK,
            lora_dropout=0.05,
            target_modules=["query", "key", "value", "dense"],
            exclude_modules=r".*pooler\.dense",
            modules_to_save=["classifier", "pooler"],
        ),
    )
    steps = int(epochs * len(pairs) / BATCH)
    logger.info("training on %s pairs, %s steps", f"{len(pairs):,}", f"{steps:,}")

    def loss(batch: NDArray[np.int64]) -> torch.Tensor:
        chosen = [pairs[i] for i in batch]
        truth = torch.tensor([pair.entailed for pair in chosen])
        logits = _logits(model, tokenizer, chosen)
        return torch.nn.functional.cross_entropy(logits, truth, label_smoothing=SMOOTHING)

    model.train()
    take_steps(
        length_batches([len(p.premise) + len(p.hypothesis) for p in pairs], BATCH, seed=SEED),
        loss,
        model.parameters(),
        steps=steps,
        learning_rate=RATE,
        warmup_share=WARMUP,
        what="NLI adapter",
        clip_norm=1.0,
    )
    model.peft_config[
        "default"
    ].base_model_name_or_path = MINILM_WHEEL  # not a path of this machine
    model.half().save_pretrained(str(out))
    (out / "README.md").unlink(missing_ok=True)  # peft's empty form; the project keeps its own card
    scores = {
        "pairs": len(pairs),
        "epochs": epochs,
        **_test(model.float().eval(), tokenizer, sources),
    }
    (out / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    return scores


def _logits(model: Any, tokenizer: Any, pairs: Sequence[Pair]) -> "torch.Tensor":
    """(B, 2) float32, computed in bfloat16."""
    import torch

    fed = tokenizer(
        [pair.premise for pair in pairs],
        [pair.hypothesis for pair in pairs],
        padding=True,
        truncation="only_first",
        max_length=MAX_LENGTH,
        return_tensors="pt",
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits: torch.Tensor = model(**fed).logits
    return logits.float()


def _test(model: Any, tokenizer: Any, sources: Sources) -> dict[str, float]:
    """Accuracies on what training never saw."""
    return {
        "snli_unseen_accuracy": _accuracy(model, tokenizer, sources.snli_unseen),
        "sick_accuracy": _accuracy(model, tokenizer, sources.sick),
        "banking77_unseen_intents_top1": _top1(model, tokenizer, sources.banking_unseen),
        "clinc150_unseen_intents_top1": _top1(model, tokenizer, sources.clinc_unseen),
    }


def _accuracy(model: Any, tokenizer: Any, pairs: Sequence[Pair]) -> float:
    """Share of right answers to "entailed or not"."""
    tested = list(pairs)[:_TESTED]
    scores = _entailment(model, tokenizer, tested)
    return float(np.mean((scores > 0) == [pair.entailed == 1 for pair in tested]))


def _top1(model: Any, tokenizer: Any, utterances: Sequence[Utterance]) -> float:
    """Share of utterances whose own intent scores highest of all the unseen ones of its set."""
    intents = sorted({u.intent for u in utterances})
    tested = list(utterances)[:: max(1, len(utterances) * len(intents) // (4 * _TESTED))]
    pairs = [Pair(u.text, TEMPLATES[0].format(name), 0) for u in tested for name in intents]
    best = _entailment(model, tokenizer, pairs).reshape(len(tested), -1).argmax(axis=1)
    return float(np.mean([intents[k] == u.intent for k, u in zip(best, tested, strict=True)]))


def _entailment(model: Any, tokenizer: Any, pairs: Sequence[Pair]) -> NDArray[np.float32]:
    """(N,) the logit of entailment less that of its opposite."""
    import torch

    scores = np.zeros(len(pairs), np.float32)
    order = sorted(range(len(pairs)), key=lambda i: len(pairs[i].premise))
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            logits = _logits(model, tokenizer, [pairs[i] for i in chosen])
            scores[chosen] = (logits[:, 1] - logits[:, 0]).numpy()
    return scores


class _Embedder:
    """Mean-pooled unit vectors of the untouched encoder, to find intents that lie near."""

    def __init__(self, base: Path, tokenizer: Any) -> None:
        from transformers import AutoModel

        self._model = AutoModel.from_pretrained(base).eval()
        self._tokenizer = tokenizer

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import torch

        rows = []
        with torch.inference_mode():
            for start in range(0, len(texts), BATCH):
                fed = self._tokenizer(
                    list(texts[start : start + BATCH]), padding=True, return_tensors="pt"
                )
                mask = fed["attention_mask"].unsqueeze(-1)
                hidden = self._model(**fed).last_hidden_state
                rows.append((hidden * mask).sum(1) / mask.sum(1))
        return np.asarray(torch.nn.functional.normalize(torch.cat(rows), dim=-1).numpy())


if __name__ == "__main__":
    sys.exit(main())
