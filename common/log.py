"""Logging and progress: a bar on a terminal, plain lines elsewhere.

Message texts and secrets never go into a log record.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
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
    noisy = "py4j urllib3 filelock httpx onnxscript onnx_ir matplotlib alembic"
    for name in noisy.split():
        logging.getLogger(name).setLevel(logging.WARNING)


def progress(
    items: Iterable[T],
    *,
    total: int | None,
    what: str,
    unit: str = "it",
    size: Callable[[T], int] = lambda _: 1,
) -> Iterator[T]:
    """Yield ``items`` and show how far they have come.

    Args:
        items: what to pass on.
        total: how many units there will be, None if unknown.
        what: the work, as shown.
        unit: what is counted: items, or what ``size`` says that an item holds.
        size: how many units an item is.
    """
    if sys.stderr.isatty():
        scaled = unit == "B"
        with tqdm(total=total, desc=what, unit=unit, unit_scale=scaled, leave=False) as bar:
            for item in items:
                yield item
                bar.update(size(item))
        return
    started = said = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += size(item)
        now = time.monotonic()
        if now - said >= _LINE_EVERY_S:
            said = now
            of = f" of {total:,}" if total else ""
            logger.info("%s: %s%s %s, %.0f s", what, f"{done:,}", of, unit, now - started)
