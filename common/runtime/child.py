"""A step in a process of its own, so that the memory it took goes back when it ends."""

from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

from common.errors import TriageError
from common.log import Log, configure_logging

P = ParamSpec("P")
T = TypeVar("T")


def in_child(function: Callable[P, T], log: Log, *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``function`` returns or raises; arguments and result are pickled. It logs as ``log``.

    Raises:
        TriageError: if the process ended before that, killed for its memory for instance.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(sender, log, function, args, kwargs), daemon=True)
    process.start()
    sender.close()
    try:
        result, error = receiver.recv()
    except EOFError:
        process.join()
        raise TriageError(
            f"{function.__name__} ended with exit code {process.exitcode}; -9 means that memory "
            "ran out: free some, and run the command again"
        ) from None
    finally:
        process.terminate()
        process.join()
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def _run(
    sender: Connection, log: Log, function: Callable[..., Any], args: Any, kwargs: Any
) -> None:
    configure_logging(log)
    outcome: tuple[Any, BaseException | None]
    try:
        outcome = function(*args, **kwargs), None
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 it is raised where it was asked
        outcome = None, error
    with suppress(BrokenPipeError):  # nobody waits any more
        sender.send(outcome)
