"""The precision follows the hardware, unless a setting decides it."""

from typing import Any, Literal

import pytest
import torch

from common.onnx import precision
from common.onnx.precision import Precision, choose_precision, has_bf16


@pytest.mark.parametrize(
    ("wanted", "device", "bf16", "chosen"),
    [
        ("auto", "cuda", True, "bf16"),
        ("auto", "cuda", False, "fp16"),
        ("auto", "cpu", True, "bf16"),
        ("auto", "cpu", False, "fp32"),
        ("fp32", "cuda", True, "fp32"),
        ("fp16", "cpu", True, "fp16"),
    ],
)
def test_choice(
    monkeypatch: pytest.MonkeyPatch,
    wanted: Precision | Literal["auto"],
    device: str,
    bf16: bool,
    chosen: str,
) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda _: bf16)
    assert choose_precision(wanted, torch.device(device)) == chosen


@pytest.mark.parametrize(
    ("flags", "found"),
    [(("avx2", "avx512_vnni"), False), (("avx2", "avx512_bf16"), True), (("amx_bf16",), True)],
)
def test_a_cpu_is_asked_for_its_instructions(
    monkeypatch: pytest.MonkeyPatch, flags: tuple[Any, ...], found: bool
) -> None:
    monkeypatch.setattr(precision, "cpu_flags", lambda: flags)
    assert has_bf16(torch.device("cpu")) is found


def test_a_gpu_that_emulates_bf16_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def supported(*, including_emulation: bool) -> bool:
        return including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert has_bf16(torch.device("cuda")) is False
