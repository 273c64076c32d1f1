from pathlib import Path

import pytest
import torch

from common.errors import SettingsError
from common.onnx import device
from common.onnx.device import choose_device


def test_auto_takes_a_gpu_where_torch_finds_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(device, "DRIVERS", (tmp_path,))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == ("cpu", "torch finds no GPU")
    with pytest.raises(SettingsError, match=r"device = cuda, but torch .* finds no GPU"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A GPU")
    assert choose_device("auto") == choose_device("cuda") == ("cuda", "torch finds A GPU")
    assert choose_device("cpu") == ("cpu", "device = cpu")
    monkeypatch.setattr(device, "DRIVERS", (tmp_path / "none",))
    assert choose_device("auto") == ("cpu", "no driver of a GPU is loaded")
