"""A step in a process of its own, so that the memory it took goes back when it ends."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from common.log import Log, configure_logging

P = ParamSpec("P")
T = TypeVar("T")


def in_child(function: Callable[P, T], log: Log, *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``function`` returns or raises; arguments and result are pickled. It logs as ``log``."""
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=configure_logging, initargs=(log,)
    ) as pool:
        return pool.submit(function, *args, **kwargs).result()
