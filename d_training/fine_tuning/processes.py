"""The processes that train together, as torchrun started them.

    torchrun --nproc-per-node 2 -m d_training

All hold the same weights. A batch is shared out between them, the gradients are added up, so
training is the same for any number of processes but for rounding and the draws of dropout.
Process 0, the main one, alone evaluates and writes; the others leave when training ends.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.errors import SettingsError
from common.onnx.device import Device

if TYPE_CHECKING:
    import torch


class Processes(NamedTuple):
    """rank: the number of this process, of ``total`` that train together."""

    rank: int = 0
    total: int = 1

    @property
    def main(self) -> bool:
        """Whether this is the one that evaluates and writes."""
        return self.rank == 0

    def share(self, batch: NDArray[np.int64]) -> NDArray[np.int64]:
        """What this process takes of a batch; every n-th, so that all get like lengths."""
        return batch[self.rank :: self.total]

    def add_up(self, tensors: Sequence["torch.Tensor"]) -> None:
        """Replace each tensor by its sum over the processes."""
        import torch

        if self.total == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        torch.distributed.all_reduce(flat)
        sums = flat.split([tensor.numel() for tensor in tensors])
        for tensor, total in zip(tensors, sums, strict=True):
            tensor.copy_(total.view_as(tensor))

    def from_main(self, find: Callable[[], float], *, device: "torch.device") -> float:
        """What the main process finds, for all."""
        import torch

        found = find() if self.main else 0.0
        if self.total == 1:
            return found
        shared = torch.tensor([found], dtype=torch.float64, device=device)
        torch.distributed.broadcast(shared, src=0)
        return shared.item()


ALONE = Processes()


def launched() -> Processes:
    """Which of how many processes this is, by the launcher's variables; else the only one."""
    return Processes(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))


def own_device(device: Device) -> "torch.device":
    """The CPU, or the GPU of this process.

    Raises:
        SettingsError: if more processes than GPUs were started on this machine.
    """
    import torch

    if device == "cpu":
        return torch.device("cpu")
    index, gpus = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
    if index >= gpus:
        raise SettingsError(f"process {index + 1} of this machine has no GPU, there are {gpus}")
    return torch.device("cuda", index)


@contextmanager
def joined(device: "torch.device") -> Iterator[Processes]:
    """Meet the other processes, where there are any; part at the end."""
    import torch

    processes = launched()
    if processes.total == 1:
        yield processes
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield processes
    finally:
        torch.distributed.destroy_process_group()
