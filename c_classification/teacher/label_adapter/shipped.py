"""The adapter that the project ships: used where labels, recipe and base are those it came of."""

import logging
from pathlib import Path

from common.errors import DataError
from common.stage.files import read_json, sha256_of

ADAPTER, CONFIG, MADE = "adapter_model.safetensors", "adapter_config.json", "made.json"
WEIGHTS = Path(__file__).parent / "weights"
logger = logging.getLogger(__name__)


def shipped_adapter(checkpoint: Path, course_sha256: str) -> Path | None:
    """The folder of the adapter if it came of that course on that checkpoint, else None.

    Raises:
        DataError: if the adapter is missing or is not the one that made.json names.
    """
    made = read_json(WEIGHTS / MADE)
    if made.get("course_sha256") != course_sha256:
        return None
    if made["base_sha256"] != sha256_of(checkpoint / "model.safetensors"):
        return None
    adapter = WEIGHTS / ADAPTER
    found = sha256_of(adapter) if adapter.is_file() else "none"
    if found != made["adapter_sha256"]:
        raise DataError(
            f"{adapter} has sha256 {found}, not {made['adapter_sha256']}; restore it from git"
        )
    logger.info("the encoder's tuning to these labels is shipped: nothing to train")
    return WEIGHTS
