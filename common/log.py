"""Logging and progress: a bar on a terminal, plain lines elsewhere.

Message texts and secrets never go into a log record.
"""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
_LINE_EVERY_S = 10.0
logger = logging.getLogger(__name__)


def configure_logging(level: str = "INFO") -> None:
    """Send records to standard error; called once, from a ``__main__``."""
    logging.basicConfig(
        level=level, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S", force=True
    )
    for noisy in ("py4j", "urllib3", "filelock", "httpx", "onnxscript", "onnx_ir", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def progress(items: Iterable[T], *, total: int | None, what: str, unit: str = "it") -> Iterator[T]:
    """Yield ``items`` and show how far they have come (``total`` counts items, None if unknown)."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=what, unit=unit, leave=False)
        return
    started = said = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - said >= _LINE_EVERY_S:
            said = now
            of = f" of {total:,}" if total else ""
            logger.info("%s: %s%s %s, %.0f s", what, f"{done:,}", of, unit, now - started)
