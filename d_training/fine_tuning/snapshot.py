"""Snapshots of a training under way, so that a killed one goes on: safetensors and JSON, no pickle.

One file holds it all: tensors, and the rest as JSON in its header. Its name carries step and
sha256; it is renamed into place whole, and only then is the one before removed.
"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from common.stage.files import sha256_of, sync_folder

if TYPE_CHECKING:
    import torch

_SUFFIX = ".safetensors"
logger = logging.getLogger(__name__)


class Snapshot(NamedTuple):
    """tensors: by name; state: what JSON can hold."""

    tensors: dict[str, "torch.Tensor"]
    state: dict[str, Any]


def save_snapshot(
    folder: Path, *, step: int, tensors: Mapping[str, "torch.Tensor"], state: Mapping[str, Any]
) -> None:
    """Replace what ``folder`` holds by a snapshot taken after ``step``."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / ".part"
    save_file(dict(tensors), partial, metadata={"state": json.dumps(state)})
    handle = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    path = folder / f"{step:09d}-{sha256_of(partial)}{_SUFFIX}"
    partial.replace(path)
    sync_folder(folder)
    for older in folder.glob(f"*{_SUFFIX}"):
        if older != path:
            older.unlink()


def load_snapshot(folder: Path) -> Snapshot | None:
    """The last snapshot, on the CPU; None where there is none, or a damaged one (which is said)."""
    from safetensors import safe_open

    found = sorted(folder.glob(f"*{_SUFFIX}"))
    if not found:
        return None
    path = found[-1]
    if sha256_of(path) != path.stem.split("-")[1]:
        logger.warning("%s is damaged; training starts anew", path)
        return None
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 no dict
        return Snapshot(tensors, json.loads(file.metadata()["state"]))
