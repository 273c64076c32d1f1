"""Fit a sentence encoder to what the labels file says: minutes of training, no real text.

A frozen encoder puts "my card was charged twice" near "my card was declined" for the card; some
forty small steps on the made-up sentences turn what is near into what has the same cause. Where
there are synthetic messages, a longer rehearsal on these comes first: the general before the fine.
"""

import logging
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.fitting.steps import take_steps
from common.onnx.device import Device, torch_device
from common.onnx.precision import has_bf16
from common.onnx.weights import checkpoint_files
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage_once

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_RATE = 5e-5
_BATCH = 25
_WARMUP_SHARE = 0.1
_SMOOTHING = 0.1  # the sentences are clear cases; real messages are not
_MAX_LENGTH = 128
logger = logging.getLogger(__name__)


class Lesson(NamedTuple):
    """A sentence, and the position of its label in the schema."""

    text: str
    label: int


class Course(NamedTuple):
    """What an encoder is taught, and for how long.

    lessons: the schema's own sentences, ``steps`` in each of ``runs``; synthetic: the messages
    that join them in the ``rehearsal_steps`` before, which all runs share.
    """

    lessons: Sequence[Lesson]
    steps: int
    runs: int
    synthetic: Sequence[Lesson] = ()
    rehearsal_steps: int = 0


def tune_once(
    checkpoint: Path, course: Course, *, seed: int, cache: Path, device: Device = "cpu"
) -> Path:
    """The folder of the tuned checkpoint; made if it is not there, on whichever device that was."""

    def build(folder: Path) -> Built:
        logger.info(
            "fitting the encoder to the schema's %s sentences and %s synthetic messages",
            f"{len(course.lessons):,}",
            f"{len(course.synthetic):,}",
        )
        _tune(checkpoint, course, folder, seed=seed, device=device)
        return Built(RowCounts.model_validate({"in": 0, "out": 0}), {})

    plan = plan_stage(
        "tune-encoder",
        code=["c_classification.teacher.tuning"],
        settings={**course._asdict(), "seed": seed},
        inputs=checkpoint_files(checkpoint),
    )
    folder = cache / "tuned" / plan.key
    run_stage_once(plan, folder=folder, build=build)
    return folder


def _tune(checkpoint: Path, course: Course, folder: Path, *, seed: int, device: Device) -> None:
    """Rehearse, train some runs from there, and save the encoder with the mean of their weights.

    The mean of runs that differ in chance alone scores like their ensemble, at the price of one
    (model soups, Wortsman et al. 2022).
    """
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModel.from_pretrained(checkpoint, use_safetensors=True).to(torch_device(device))
    # Frozen word embeddings keep words that no lesson holds beside those that some lesson does.
    model.get_input_embeddings().requires_grad_(False)
    if course.synthetic and course.rehearsal_steps:
        _train(
            model,
            tokenizer,
            [*course.lessons, *course.synthetic],
            head_from=course.lessons,
            steps=course.rehearsal_steps,
            seed=seed,
            what="rehearsing",
            bf16=has_bf16(model.device),
        )
    start = _learnt(model)
    runs = []
    for run in range(course.runs):
        model.load_state_dict(start, strict=False)
        _train(
            model,
            tokenizer,
            course.lessons,
            head_from=course.lessons,
            steps=course.steps,
            seed=seed + run,
            what="tuning",
        )
        runs.append(_learnt(model))
    mean = {name: torch.stack([run[name] for run in runs]).mean(0) for name in start}
    model.load_state_dict(mean, strict=False)  # the rest is the same in all
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _learnt(model: "PreTrainedModel") -> dict[str, "torch.Tensor"]:
    """A copy of the weights that training moves."""
    return {n: w.detach().clone() for n, w in model.named_parameters() if w.requires_grad}


def _train(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    lessons: Sequence[Lesson],
    *,
    head_from: Sequence[Lesson],
    steps: int,
    seed: int,
    what: str,
    bf16: bool = False,
) -> None:
    """Train ``model`` in place with a linear head on top, which is then thrown away."""
    import torch

    torch.manual_seed(seed)
    head = _fitted_head(model, tokenizer, head_from)

    def loss(batch: Sequence[Lesson]) -> torch.Tensor:
        with torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
            vectors = _embed(model, tokenizer, [lesson.text for lesson in batch])  # (B, D)
        truth = torch.tensor([lesson.label for lesson in batch], device=model.device)
        logits = head(vectors.float())  # (B, K)
        return torch.nn.functional.cross_entropy(logits, truth, label_smoothing=_SMOOTHING)

    model.train()
    take_steps(
        balanced_batches(lessons, size=_BATCH, seed=seed),
        loss,
        [*model.parameters(), *head.parameters()],
        steps=steps,
        learning_rate=_RATE,
        warmup_share=_WARMUP_SHARE,
        what=what,
    )


def balanced_batches(lessons: Sequence[Lesson], *, size: int, seed: int) -> Iterator[list[Lesson]]:
    """Endless batches of about ``size`` lessons, as many of each label, in shuffled rounds."""
    draw = random.Random(seed)  # noqa: S311 a seeded draw, no secret
    labels = sorted({lesson.label for lesson in lessons})
    queues = [
        _endless([lesson for lesson in lessons if lesson.label == label], draw) for label in labels
    ]
    share = max(1, size // len(labels))
    while True:
        yield [next(queue) for queue in queues for _ in range(share)]


def _endless(lessons: list[Lesson], draw: random.Random) -> Iterator[Lesson]:
    while True:
        draw.shuffle(lessons)
        yield from lessons


def _fitted_head(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", lessons: Sequence[Lesson]
) -> "torch.nn.Linear":
    """A linear head that already fits the frozen encoder: training then starts gently."""
    import torch
    from sklearn.linear_model import LogisticRegression

    model.eval()
    with torch.no_grad():
        texts = [lesson.text for lesson in lessons]
        starts = range(0, len(texts), _BATCH)
        rows = [_embed(model, tokenizer, texts[start : start + _BATCH]) for start in starts]
    vectors = torch.cat(rows).cpu().numpy()  # (N, D)
    fitted = LogisticRegression(C=3.0, class_weight="balanced", max_iter=1000)
    fitted.fit(vectors, [lesson.label for lesson in lessons])
    weight, bias = fitted.coef_, fitted.intercept_  # (K, D), (K,); one row where K is two
    if len(bias) == 1:
        weight, bias = np.vstack([-weight, weight]), np.concatenate([-bias, bias])
    head = torch.nn.Linear(weight.shape[1], len(bias))
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))
    return head.to(model.device)


def _embed(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]
) -> "torch.Tensor":
    """(B, D), mean-pooled and of unit length, as the exported encoder gives them."""
    import torch

    fed = tokenizer(
        list(texts), padding=True, truncation=True, max_length=_MAX_LENGTH, return_tensors="pt"
    ).to(model.device)
    mask = fed["attention_mask"].unsqueeze(-1).float()  # (B, L, 1)
    hidden = model(**fed).last_hidden_state  # (B, L, D)
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
