import pytest

from e_apification.http.rates import TokenBuckets


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_is_granted_and_then_the_rate(clock: Clock) -> None:
    buckets = TokenBuckets(rate=2, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.25
    assert buckets.take("a") == 0.25
    clock.now += 0.25
    assert [buckets.take("a"), buckets.take("a")] == [0, 0.5]


def test_a_refused_call_costs_nothing(clock: Clock) -> None:
    buckets = TokenBuckets(rate=1, burst=1, clock=clock)
    assert [buckets.take("a") for _ in range(5)] == [0, 1, 1, 1, 1]
    clock.now += 1
    assert buckets.take("a") == 0


def test_silence_saves_up_no_more_than_a_burst(clock: Clock) -> None:
    buckets = TokenBuckets(rate=10, burst=2, clock=clock)
    buckets.take("a")
    clock.now += 3600
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0.1]


def test_callers_do_not_share(clock: Clock) -> None:
    buckets = TokenBuckets(rate=1, burst=1, clock=clock)
    assert [buckets.take("a"), buckets.take("b"), buckets.take("a")] == [0, 0, 1]


def test_the_number_of_callers_is_bounded_and_the_longest_silent_goes(clock: Clock) -> None:
    buckets = TokenBuckets(rate=1, burst=1, max_callers=3, clock=clock)
    for caller in ("a", "b", "a", "c", "d"):
        buckets.take(caller)
    assert len(buckets) == 3
    assert [buckets.take("a"), buckets.take("c"), buckets.take("d")] == [1, 1, 1]
    for n in range(10_000):
        buckets.take(str(n))
    assert len(buckets) == 3
