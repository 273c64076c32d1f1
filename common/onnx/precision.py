"""With how many bits the student computes: bf16 or fp16 where the hardware does, else fp32."""

from typing import TYPE_CHECKING, Literal

from common.onnx.model import cpu_flags

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16", "fp16"]


def choose_precision(wanted: Precision | Literal["auto"], device: "torch.device") -> Precision:
    """What is wanted; of "auto", the fastest that the hardware computes and that trains well.

    That is bf16. GPUs without it have fp16, whose narrow range needs a scaled loss. A CPU
    without it gets fp32: what it emulates is slower.
    """
    if wanted != "auto":
        return wanted
    if has_bf16(device):
        return "bf16"
    return "fp16" if device.type == "cuda" else "fp32"


def has_bf16(device: "torch.device") -> bool:
    """Whether bfloat16 is computed by the hardware; emulated it is slower than float32."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool({"avx512_bf16", "amx_bf16"} & set(cpu_flags()))
