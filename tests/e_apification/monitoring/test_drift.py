"""No alarm by noise, an alarm where what is asked has changed; by answers drawn at random."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.models.reference import make_reference
from e_apification.api.app import create_app
from e_apification.model.predictor import Prediction
from e_apification.monitoring.drift import Drift, DriftWindow
from tests.e_apification.conftest import Gated
from tests.e_apification.servers import server

NAMES = Gated.labels.names  # billing, delivery, other
USUAL = (0.5, 0.3, 0.2)
# Held-out texts that were all labeled billing, three tokens long and so sure.
BILLING = {
    "labels": [40, 0, 0, 0],
    "confidence": {"edges": [0.6], "counts": [0, 40]},
    "tokens": {"edges": [4], "counts": [40, 0]},
}
MakeModels = Callable[..., Path]


def answers(
    draw: np.random.Generator, count: int, *, shares: Any = USUAL, sure: float = 6, words: float = 3
) -> list[Prediction]:
    best = draw.choice(3, size=count, p=shares)
    confidence = 0.34 + 0.66 * draw.beta(sure, 2, size=count)
    tokens = np.minimum(draw.lognormal(words, 0.5, size=count).astype(int) + 2, 64)
    return [
        Prediction(NAMES[b] if c > 0.5 else None, float(c), (), False, int(t))
        for b, c, t in zip(best, confidence, tokens, strict=True)
    ]


class Trained(Gated):
    """A model whose snapshot is 800 answers of the usual kind."""

    def __init__(self, draw: np.random.Generator) -> None:
        super().__init__()
        usual = answers(draw, 800)
        reference = make_reference(
            best=[NAMES.index(p.label or NAMES[0]) for p in usual],
            confidence=[p.confidence for p in usual],
            tokens=[p.tokens for p in usual],
            sure=[p.label is not None for p in usual],
            labels=3,
        )
        self.facts = Gated.facts.model_copy(update={"reference": reference})


def measured(seed: int, **changed: Any) -> dict[str, Drift]:
    draw = np.random.default_rng(seed)
    model = Trained(draw)
    window = DriftWindow(size=2_000, min_texts=500, limit=0.2)
    window.begin(model)
    window.add(model, answers(draw, 600, **changed))
    return {found.of: found for found in window.measure()}


def test_the_same_kind_of_texts_never_alarms() -> None:
    for seed in range(100):
        found = measured(seed)
        assert [drift.drifted for drift in found.values()] == [False] * 3


@pytest.mark.parametrize(
    ("changed", "of"),
    [
        ({"shares": (0.2, 0.3, 0.5)}, "labels"),
        ({"sure": 2}, "confidence"),
        ({"words": 3.5}, "tokens"),
    ],
)
def test_texts_of_another_kind_alarm_and_what_stayed_does_not(
    changed: dict[str, Any], of: str
) -> None:
    for seed in range(10):
        found = measured(seed, **changed)
        assert found[of].drifted
        assert found[of].psi > 0.2
        if of == "tokens":
            assert not found["labels"].drifted and not found["confidence"].drifted


def test_a_change_too_small_to_matter_is_none_however_many_texts_show_it() -> None:
    draw = np.random.default_rng(5)
    model = Trained(draw)
    window = DriftWindow(size=20_000, min_texts=500, limit=0.2)
    window.begin(model)
    window.add(model, answers(draw, 20_000, shares=(0.42, 0.34, 0.24)))
    labels = window.measure()[0]
    assert labels.psi > 0.01
    assert labels.drifted is False


def test_below_the_minimum_nothing_is_said_and_old_answers_are_forgotten() -> None:
    draw = np.random.default_rng(1)
    model = Trained(draw)
    window = DriftWindow(size=600, min_texts=500, limit=0.2)
    window.begin(model)
    window.add(model, answers(draw, 499, shares=(0, 0, 1)))
    assert [found.drifted for found in window.measure()] == [None] * 3
    window.add(model, answers(draw, 1, shares=(0, 0, 1)))
    assert window.measure()[0].drifted is True
    window.add(model, answers(draw, 600))
    assert (window.texts, window.measure()[0].drifted) == (600, False)

    other = Trained(draw)
    other.model_id = "ba9876543210"
    window.begin(other)
    assert window.texts == 0
    window.add(model, answers(draw, 500))  # the last requests of the model before
    assert window.texts == 0


@pytest.fixture
def client(make_models: MakeModels) -> Iterator[TestClient]:
    models = make_models(reference=BILLING)
    serving = ServingSettings(workers=1, drift_min_texts=10, drift_window=20)
    with TestClient(create_app(Settings(run_dir=models.parent, serving=serving))) as started:
        yield started


def test_it_is_told_over_http(client: TestClient) -> None:
    client.post("/batch_predict", json={"texts": ["refund"] * 9})
    before = client.get("/drift").json()
    assert (before["texts"], before["min_texts"], before["limit"]) == (9, 10, 0.2)
    assert [d["drifted"] for d in before["distances"]] == [None] * 3
    assert 'triage_drifted{of="labels"} 0.0' in client.get("/metrics").text

    client.post("/predict", json={"text": "refund"})
    told = client.get("/drift").json()["distances"]
    assert [(d["of"], d["drifted"]) for d in told] == [
        ("labels", False), ("confidence", False), ("tokens", False),
    ]  # fmt: skip
    client.post("/batch_predict", json={"texts": ["parcel a b"] * 20})
    told = client.get("/drift").json()["distances"]
    assert [(d["of"], d["drifted"]) for d in told] == [
        ("labels", True), ("confidence", False), ("tokens", True),
    ]  # fmt: skip
    shown = client.get("/metrics").text
    assert 'triage_drifted{of="labels"} 1.0' in shown
    assert 'triage_drifted{of="confidence"} 0.0' in shown


def test_a_model_without_a_snapshot_says_so(client: TestClient, settings: Settings) -> None:
    with TestClient(create_app(settings)) as older:
        older.post("/predict", json={"text": "refund"})
        assert older.get("/drift").json()["distances"] == []


@pytest.mark.slow
def test_the_process_that_is_asked_tells_of_the_others(make_models: MakeModels) -> None:
    """Prometheus keeps its connection, so it asks one process of several."""
    models = make_models(reference=BILLING)
    settings = ("serving.processes=2", "serving.workers=1", "serving.drift_min_texts=10")
    parcels = json.dumps({"texts": ["parcel a b"] * 20})
    with server(models.parent, *settings) as (_, port), ExitStack() as stack:

        def connect() -> HTTPConnection:
            return stack.enter_context(closing(HTTPConnection("127.0.0.1", port)))

        busy, asked = connect(), connect()
        deadline = time.monotonic() + 60
        fetch(busy, "POST", "/batch_predict", parcels)
        while json.loads(fetch(asked, "GET", "/drift"))["texts"]:  # the same process: another try
            assert time.monotonic() < deadline
            asked = connect()
        while 'triage_drifted{of="labels"} 1.0' not in fetch(asked, "GET", "/metrics"):
            assert time.monotonic() < deadline
            fetch(busy, "POST", "/batch_predict", parcels)
        assert json.loads(fetch(asked, "GET", "/drift"))["texts"] == 0


def fetch(connection: HTTPConnection, method: str, path: str, body: str | None = None) -> str:
    connection.request(method, path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200
    return response.read().decode()
