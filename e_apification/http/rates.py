"""Token buckets: how many requests a second each caller may make, in bounded memory."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

MAX_CALLERS = 10_000


class TokenBuckets:
    """One bucket a caller; the one that was silent longest goes when there are too many.

    A bucket that goes starts full again, so that at worst its caller gets one burst more.
    """

    def __init__(
        self,
        *,
        rate: float,
        burst: int,
        max_callers: int = MAX_CALLERS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """No caller known yet.

        Args:
            rate: requests a second that fill up again.
            burst: requests that a silent caller has in store.
            max_callers: buckets kept.
            clock: seconds, rising.
        """
        self._rate = rate
        self._burst = burst
        self._max_callers = max_callers
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, as of when

    def take(self, caller: str) -> float:
        """Spend one token; 0 where there was one, else the seconds until there will be."""
        now = self._clock()
        tokens, since = self._buckets.get(caller, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        granted = tokens >= 1
        self._buckets[caller] = (tokens - granted, now)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > self._max_callers:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - tokens) / self._rate

    def __len__(self) -> int:
        return len(self._buckets)
