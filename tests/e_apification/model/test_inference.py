import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from e_apification.model.admission import OverloadedError
from e_apification.model.inference import InferenceService, usable_cpus
from e_apification.model.predictor import Prediction


def make(predictor: Any, **limits: Any) -> InferenceService:
    settings = {"workers": 2, "max_concurrency": 2, "max_pending_texts": 100} | limits
    return InferenceService(predictor, **settings)


def test_a_batch_is_scored_in_slices_and_comes_back_in_order(gated: Any) -> None:
    service = make(gated)
    texts = [str(i) for i in range(30)]
    scored = asyncio.run(service.predict(texts))
    service.close()
    assert [p.label for p in scored.predictions] == texts
    assert sorted(len(call) for call in gated.calls) == [6, 8, 8, 8]


def test_a_single_text_does_not_wait_for_a_whole_batch(gated: Any) -> None:
    service = make(gated, workers=1)

    async def scenario() -> None:
        gated.gate.clear()
        batch = asyncio.create_task(service.predict([str(i) for i in range(80)]))
        await asyncio.sleep(0.05)
        single = asyncio.create_task(service.predict(["single"]))
        await asyncio.sleep(0.05)
        gated.gate.set()
        await asyncio.gather(batch, single)

    asyncio.run(scenario())
    service.close()
    assert gated.calls.index(["single"]) == 1


def test_no_more_requests_are_admitted_than_allowed(gated: Any) -> None:
    service = make(gated)
    with service.admit(), service.admit(), pytest.raises(OverloadedError), service.admit():
        pass
    with service.admit():  # a refused request does not keep a place
        pass
    service.close()


def test_texts_that_wait_are_bounded_but_a_few_fit_in_between(gated: Any) -> None:
    service = make(gated, max_pending_texts=10)

    async def scenario() -> None:
        gated.gate.clear()
        large = asyncio.create_task(service.predict(["x"] * 50))
        await asyncio.sleep(0.05)
        with pytest.raises(OverloadedError):
            await service.predict(["y"] * 9)
        few = asyncio.create_task(service.predict(["z"] * 8))
        await asyncio.sleep(0.05)
        gated.gate.set()
        assert len((await large).predictions) == 50
        assert len((await few).predictions) == 8
        assert len((await service.predict(["y"] * 9)).predictions) == 9

    asyncio.run(scenario())
    service.close()


def test_a_failure_gives_the_places_back(gated: Any) -> None:

    def fail(texts: Sequence[str]) -> list[Prediction]:
        raise RuntimeError

    gated.predict = fail
    service = make(gated, max_pending_texts=10)
    for count in (1, 20, 1):
        with pytest.raises((RuntimeError, ExceptionGroup)):
            asyncio.run(service.predict(["x"] * count))
    service.close()


def test_usable_cpus_is_at_least_one() -> None:
    assert usable_cpus() >= 1
