"""Fit a sentence encoder to what the labels file says: a minute of training, no real text.

A frozen encoder puts "my card was charged twice" near "my card was declined" for the card; some
forty small steps on the made-up sentences turn what is near into what has the same cause. The loss
is the supervised contrastive one (Khosla et al. 2020). What is learnt is a LoRA adapter (Hu et al.
2021): a few MB.
"""

import hashlib
import json
import logging
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from c_classification.teacher.label_adapter.shipped import ADAPTER, shipped_adapter
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

_RATE = 4e-5
BATCH = 16
_WARMUP_SHARE = 0.1
_TEMPERATURE = 0.1
_RANK, _SPARE = 32, 8  # spare: directions that make the kept ones exact
_MAX_LENGTH = 128
T = TypeVar("T")
_NO_ROWS = Built(RowCounts.model_validate({"in": 0, "out": 0}), {})
logger = logging.getLogger(__name__)


class Lesson(NamedTuple):
    """A sentence, and the position of its label in the schema."""

    text: str
    label: int


class Course(NamedTuple):
    """What an encoder is taught, in how many steps, drawn by ``seed``."""

    lessons: Sequence[Lesson]
    steps: int
    seed: int

    @property
    def sha256(self) -> str:
        """Digest of lessons and recipe: of equal digests comes one adapter."""
        recipe = [_RATE, BATCH, _WARMUP_SHARE, _TEMPERATURE, _RANK, _MAX_LENGTH]
        return hashlib.sha256(json.dumps([*self, recipe]).encode()).hexdigest()


def tune_once(checkpoint: Path, course: Course, *, cache: Path, device: Device = "cpu") -> Path:
    """The folder of the tuned checkpoint; made if it is not there, on whichever device that was.

    Where the project ships the adapter of this course, nothing is trained.
    """
    adapter = shipped_adapter(checkpoint, course.sha256)
    if adapter is None:
        adapter = _trained_adapter(checkpoint, course, cache=cache, device=device)
    plan = plan_stage(
        "merge-tuned",
        code=["c_classification.teacher.tuning"],
        settings=None,
        inputs=[*checkpoint_files(checkpoint), adapter / ADAPTER],
    )

    def build(folder: Path) -> Built:
        _merge(checkpoint, adapter, folder)
        return _NO_ROWS

    folder = cache / "tuned" / plan.key
    run_stage_once(plan, folder=folder, build=build)
    return folder


def _trained_adapter(checkpoint: Path, course: Course, *, cache: Path, device: Device) -> Path:
    def build(folder: Path) -> Built:
        logger.info("fitting the encoder to the schema's %s sentences", f"{len(course.lessons):,}")
        train_adapter(checkpoint, course, folder, device=device)
        return _NO_ROWS

    plan = plan_stage(
        "tune-encoder",
        code=["c_classification.teacher.tuning"],
        settings=course._asdict(),
        inputs=checkpoint_files(checkpoint),
    )
    folder = cache / "adapters" / plan.key
    run_stage_once(plan, folder=folder, build=build)
    return folder


def train_adapter(checkpoint: Path, course: Course, out: Path, *, device: Device = "cpu") -> None:
    """Train, and write adapter_config.json and adapter_model.safetensors (half precision).

    All layers are trained in full; the adapter is what a product of rank ``_RANK`` holds of each
    matrix's change.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    torch.manual_seed(course.seed)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model: Any = AutoModel.from_pretrained(checkpoint, use_safetensors=True)
    model.to(torch_device(device))
    layers = [n for n, part in model.named_modules() if _is_product(n, part)]
    before = {name: model.get_submodule(name).weight.detach().clone() for name in layers}
    _train(model, tokenizer, course)
    changes = {name: model.get_submodule(name).weight.detach() - before[name] for name in layers}
    adapted = _adapter_of(model.cpu(), {name: change.cpu() for name, change in changes.items()})
    # Not a path of this machine.
    adapted.peft_config["default"].base_model_name_or_path = model.config.model_type
    adapted.half().save_pretrained(str(out), save_embedding_layers=False)
    (out / "README.md").unlink(missing_ok=True)  # peft's empty form


def _adapter_of(model: "PreTrainedModel", changes: Mapping[str, "torch.Tensor"]) -> Any:
    """``model`` with an adapter whose products are the changes, as near as their rank allows."""
    import torch
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=_RANK, lora_alpha=_RANK, target_modules=list(changes))
    with _without_peft_warnings():
        adapted: Any = get_peft_model(model, config)
    for name, change in changes.items():
        u, s, v = torch.svd_lowrank(change, q=min(_RANK + _SPARE, *change.shape))
        kept = min(_RANK, len(s))  # a small matrix has no more
        part = adapted.base_model.model.get_submodule(name)
        with torch.no_grad():
            part.lora_B["default"].weight.zero_()[:, :kept] = (u * s.sqrt())[:, :kept]
            part.lora_A["default"].weight.zero_()[:kept] = (v * s.sqrt()).T[:kept]
    return adapted


def _train(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", course: Course) -> None:
    import torch

    # Frozen word embeddings keep words that no lesson holds beside those that some lesson does.
    model.get_submodule("embeddings").requires_grad_(False)
    bf16 = has_bf16(model.device)

    def loss(batch: Sequence[Lesson]) -> torch.Tensor:
        with torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
            vectors = _embed(model, tokenizer, [lesson.text for lesson in batch])  # (B, D)
        labels = torch.tensor([lesson.label for lesson in batch], device=model.device)
        return contrastive_loss(vectors, labels)

    model.train()
    take_steps(
        paired_batches(course.lessons, size=BATCH, seed=course.seed),
        loss,
        model.parameters(),
        steps=course.steps,
        learning_rate=_RATE,
        warmup_share=_WARMUP_SHARE,
        what="tuning",
    )


def _merge(checkpoint: Path, adapter: Path, folder: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    model: Any = AutoModel.from_pretrained(checkpoint, use_safetensors=True)
    with _without_peft_warnings():
        merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    merged.save_pretrained(folder)
    AutoTokenizer.from_pretrained(checkpoint).save_pretrained(folder)


def contrastive_loss(vectors: "torch.Tensor", labels: "torch.Tensor") -> "torch.Tensor":
    """How far texts of one label lie from each other, against all others of the batch; a scalar.

    Args:
        vectors: (B, D) of unit length.
        labels: (B,) integers; a text whose label no other has counts among the others alone.
    """
    import torch

    alone = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    likeness = (vectors @ vectors.T / _TEMPERATURE).masked_fill(alone, -torch.inf)  # (B, B)
    logs = likeness.log_softmax(dim=1).masked_fill(alone, 0)
    same = (labels[:, None] == labels) & ~alone
    counts = same.sum(1)
    means = (logs * same).sum(1) / counts.clamp(min=1)  # (B,)
    return -means[counts > 0].mean()


def paired_batches(lessons: Sequence[Lesson], *, size: int, seed: int) -> Iterator[list[Lesson]]:
    """Endless batches of at most ``size`` lessons, at least two of each label in it.

    Of each label as many; where there are too many for one batch, they take turns. Each lesson
    comes once before any of its label comes again.
    """
    draw = random.Random(seed)  # noqa: S311 a seeded draw, no secret
    labels = sorted({lesson.label for lesson in lessons})
    queues = {
        label: _endless([lesson for lesson in lessons if lesson.label == label], draw)
        for label in labels
    }
    turns = _endless(labels, draw)
    a_batch = min(len(labels), size // 2)
    while True:
        taking_part = [next(turns) for _ in range(a_batch)] if a_batch < len(labels) else labels
        yield [next(queues[label]) for label in taking_part for _ in range(size // a_batch)]


def _endless(values: Sequence[T], draw: random.Random) -> Iterator[T]:
    order = list(values)
    while True:
        draw.shuffle(order)
        yield from order


def _is_product(name: str, part: "torch.nn.Module") -> bool:
    """Whether a part of the model is a matrix of one of its layers."""
    import torch

    return isinstance(part, torch.nn.Linear) and "encoder.layer." in name


@contextmanager
def _without_peft_warnings() -> Iterator[None]:
    """It asks by a name that transformers left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _embed(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]
) -> "torch.Tensor":
    """(B, D), mean-pooled and of unit length, as the exported encoder gives them."""
    import torch

    fed = tokenizer(
        list(texts), padding=True, truncation=True, max_length=_MAX_LENGTH, return_tensors="pt"
    ).to(model.device)
    mask = fed["attention_mask"].unsqueeze(-1).float()  # (B, L, 1)
    hidden = model(**fed).last_hidden_state.float()  # (B, L, D)
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
