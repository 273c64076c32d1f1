"""Logging and progress: a bar on a terminal, plain lines elsewhere; settings.log says how much.

Message texts and secrets never go into a log record.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TypeVar

from tqdm import tqdm

T = TypeVar("T")
Log = Literal["quiet", "normal", "verbose"]
_LINE_EVERY_S = 10.0
_PACKAGES = (
    "common", "a_ingestion", "b_transformation", "c_classification", "d_training", "e_apification",
    "pipeline",
)  # fmt: skip
# What every JSON line that is written in this context also says, a request's id for example.
CONTEXT: ContextVar[Mapping[str, object]] = ContextVar("log_context", default=MappingProxyType({}))
logger = logging.getLogger(__name__)


def configure_logging(log: Log = "normal", *, as_json: bool = False) -> None:
    """Send records to standard error; called from a ``__main__``.

    Args:
        log: quiet: errors alone; normal: what a person who waits wants to know; verbose: also
            this project's details, with the names of the loggers, and what Spark warns of.
        as_json: one object a line, for log collectors, instead of text.
    """
    logging.basicConfig(level="ERROR" if log == "quiet" else "INFO", force=True)
    logging.getLogger().handlers[0].setFormatter(
        JsonLines() if as_json else TextLines(names=log == "verbose")
    )
    for name in (*_PACKAGES, "__main__"):
        logging.getLogger(name).setLevel("DEBUG" if log == "verbose" else "NOTSET")
    noisy = "py4j urllib3 filelock httpx onnxscript onnx_ir matplotlib alembic"
    for name in noisy.split():
        logging.getLogger(name).setLevel(logging.WARNING)


def is_quiet() -> bool:
    """Whether errors alone are logged: then no progress bar is drawn either."""
    return not logger.isEnabledFor(logging.WARNING)


def is_verbose() -> bool:
    """Whether details are logged: then Spark and the like may write too."""
    return logger.isEnabledFor(logging.DEBUG)


class TextLines(logging.Formatter):
    """Time and message; what is worse than INFO says so. names: the logger's before the message."""

    def __init__(self, *, names: bool) -> None:
        super().__init__(
            f"%(asctime)s {'%(name)s: ' if names else ''}%(worse)s%(message)s", datefmt="%H:%M:%S"
        )

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        worse = record.levelno > logging.INFO
        record.worse = f"{record.levelname.lower()}: " if worse else ""
        return super().format(record)


class JsonLines(logging.Formatter):
    """at, level, logger, message, the context, and what a call gave as extra={"fields": {…}}."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; of an exception its type and where it came from, not its text."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **CONTEXT.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["frames"] = "".join(traceback.format_tb(record.exc_info[2]))
        return json.dumps(line, default=str)


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
    if sys.stderr.isatty() and not is_quiet():
        scaled = unit == "B"
        with tqdm(total=total, desc=what, unit=unit, unit_scale=scaled, leave=False) as bar:
            for item in items:
                yield item
                bar.update(size(item))
        return
    started = logged = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += size(item)
        now = time.monotonic()
        if now - logged >= _LINE_EVERY_S:
            logged = now
            of = f" of {total:,}" if total else ""
            logger.info("%s: %s%s %s, %.0f s", what, f"{done:,}", of, unit, now - started)
