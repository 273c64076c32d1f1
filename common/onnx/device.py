"""Where labeling, tuning and training compute: on a GPU where torch finds one, else on the CPU."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from common.errors import SettingsError

if TYPE_CHECKING:
    import torch

Device = Literal["cpu", "cuda"]
# Of NVIDIA, of Windows' GPUs under WSL, of AMD. Importing torch to ask it takes seconds.
DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/kfd"))


class Choice(NamedTuple):
    """The device, and in words why it is that one."""

    device: Device
    reason: str


def choose_device(wanted: Literal["auto"] | Device) -> Choice:
    """What the setting ``device`` means on this machine.

    Raises:
        SettingsError: if a GPU is wanted and torch finds none.
    """
    if wanted == "cpu":
        return Choice("cpu", "device = cpu")
    if wanted == "auto" and not any(file.exists() for file in DRIVERS):
        return Choice("cpu", "no driver of a GPU is loaded")

    import torch

    if torch.cuda.is_available():
        return Choice("cuda", f"torch finds {torch.cuda.get_device_name(0)}")
    if wanted == "cuda":
        raise SettingsError(
            f"device = cuda, but torch {torch.__version__} finds no GPU; install a build of torch "
            "for your driver (`make env TORCH_INDEX=…`), or set device = auto"
        )
    return Choice("cpu", "torch finds no GPU")


def torch_device(device: Device) -> "torch.device":
    """The device as torch names it."""
    import torch

    return torch.device(device)
