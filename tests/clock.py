"""Limits in seconds that hold on a slow or busy machine too.

A limit is written down as it holds on a quiet machine of today, and grows with the time that
a fixed piece of work takes here and now.
"""

import time

_LOOPS = 300_000
_QUIET_S = 0.010


def scaled(seconds: float) -> float:
    """``seconds``, times how much slower than that this machine is at the moment; never less."""
    started = time.perf_counter()
    total = 0
    for i in range(_LOOPS):
        total += i * i
    return seconds * max(1.0, (time.perf_counter() - started) / _QUIET_S)
