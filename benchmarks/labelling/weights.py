"""The NLI weights that both sides of the benchmark share: MiniLM with a three-way head.

No NLI checkpoint ships with the project, so one is made here and kept in .cache: trained for a
few minutes on SNLI where its three-file form is at hand, else with the head as it was drawn.
"""

import logging
from pathlib import Path
from typing import NamedTuple

from common.artifacts import Built, Rows, plan_stage, run_stage_once
from common.log import progress
from common.weights import MINILM_WHEEL, checkpoint_folder

CLASSES = ("contradiction", "entailment", "neutral")
PAIRS, BATCH, RATE, SEED = 4_000, 32, 1e-4, 17
logger = logging.getLogger(__name__)


class Pair(NamedTuple):
    premise: str
    hypothesis: str
    truth: int


def nli_checkpoint(snli: Path | None, *, cache: Path) -> Path:
    """A checkpoint folder; ``snli`` holds snli_s1.dev, snli_s2.dev and snli_labels.dev."""

    def build(folder: Path) -> Built:
        train_nli(read_snli(snli)[:PAIRS] if snli else [], folder)
        return Built(Rows.model_validate({"in": 0, "out": 0}), {})

    plan = plan_stage("nli-checkpoint", packages=(), settings=[], inputs=[])
    # Named by what decides it, so that other edits to the project do not train it anew.
    folder = cache / f"nli-{PAIRS if snli else 0}-{BATCH}-{RATE}-{SEED}"
    run_stage_once(plan, folder=folder, build=build)
    return folder


def read_snli(folder: Path) -> list[Pair]:
    """The pairs of SNLI's dev set; those without a majority label are left out."""
    lines = [
        (folder / f"snli_{part}.dev").read_text(encoding="utf-8").splitlines()
        for part in ("s1", "s2", "labels")
    ]
    return [
        Pair(premise, hypothesis, CLASSES.index(truth))
        for premise, hypothesis, truth in zip(*lines, strict=True)
        if truth in CLASSES
    ]


def train_nli(pairs: list[Pair], folder: Path) -> None:
    """One pass over ``pairs``, in batches of like length; none leaves the drawn head."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(SEED)
    minilm = checkpoint_folder(MINILM_WHEEL, revision=None)
    tokenizer = AutoTokenizer.from_pretrained(minilm)
    model = AutoModelForSequenceClassification.from_pretrained(
        minilm,
        num_labels=len(CLASSES),
        id2label=dict(enumerate(CLASSES)),
        label2id={name: k for k, name in enumerate(CLASSES)},
    )
    model.get_input_embeddings().requires_grad_(False)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=RATE, weight_decay=0.01
    )
    by_length = sorted(pairs, key=lambda pair: len(pair.premise) + len(pair.hypothesis))
    starts = torch.randperm(-(-len(pairs) // BATCH)) * BATCH
    schedule = torch.optim.lr_scheduler.LinearLR(
        optimizer, 1.0, 0.05, total_iters=max(1, len(starts))
    )
    model.train()
    for start in progress(starts.tolist(), total=len(starts), what="NLI head", unit="batches"):
        batch = by_length[start : start + BATCH]
        fed = tokenizer(
            [pair.premise for pair in batch],
            [pair.hypothesis for pair in batch],
            padding=True,
            return_tensors="pt",
        )
        loss = model(**fed, labels=torch.tensor([pair.truth for pair in batch])).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
