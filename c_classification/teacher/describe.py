"""A teacher in words, for the first lines of a run: which checkpoints, where, and why there."""

from c_classification.teacher.teacher import member_weights
from common.config.classification import ClassificationSettings
from common.onnx.device import Choice


def describe_teacher(settings: ClassificationSettings, place: Choice) -> str:
    """One line; ``settings`` are those of the device."""
    checkpoints = {"embedding": settings.embedding.checkpoint, "nli": settings.nli.checkpoint}
    weights = member_weights(settings)
    members = " and ".join(
        f"{kind} {checkpoints[kind]}" + (f" (weight {weight:g})" if len(weights) > 1 else "")
        for kind, weight in weights.items()
    )
    where = "a GPU, in half precision" if place.device == "cuda" else "the CPU"
    return f"teacher: {members}, on {where} ({place.reason})"
