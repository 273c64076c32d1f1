"""What Prometheus is told: requests, answers, the model, what waits. Counts only, no texts.

Where several server processes share a port each counts in a file that all can read (the variable
PROMETHEUS_MULTIPROC_DIR, which processes.py sets), and whichever is asked tells the sum.
"""

import os
import time
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from common.models.journal import Deployment
from e_apification.model.predictor import Prediction, Predictor
from e_apification.monitoring.drift import KINDS, DriftWindow

if TYPE_CHECKING:
    from common.store.jobs import Queue

SHARED = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)
_TOKENS = (8, 16, 32, 64, 128, 256, 512)
# Prometheus keeps its connection and so asks one process: the others measure as they answer.
_MEASURE_S = 5
_METHODS = frozenset({"GET", "POST"})


class Telemetry:
    """The figures of one server process."""

    def __init__(self, drift: DriftWindow) -> None:
        self.drift = drift
        self._measured_at = 0.0
        registry = self._registry = CollectorRegistry()
        by_model = ["model_id"]
        self._requests = Counter(
            "triage_requests", "Requests answered.", ["method", "route", "status"],
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "triage_request_seconds", "Seconds from request to answer.", ["route"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._errors = Counter(
            "triage_errors", "Answers other than 2xx, overloaded and too_many_requests among them.",
            ["code"], registry=registry,
        )  # fmt: skip
        self._labels = Counter(
            "triage_predictions", "Texts labeled.", [*by_model, "label"], registry=registry
        )
        self._abstentions = Counter(
            "triage_abstentions", "Texts without a label.", by_model, registry=registry
        )
        self._truncations = Counter(
            "triage_truncations", "Texts longer than the model reads.", by_model, registry=registry
        )
        self._confidence = Histogram(
            "triage_confidence", "Score of the best label.", by_model,
            buckets=_SHARES, registry=registry,
        )  # fmt: skip
        self._tokens = Histogram(
            "triage_text_tokens", "Tokens read of a text.", by_model,
            buckets=_TOKENS, registry=registry,
        )  # fmt: skip
        self._pending = Gauge(
            "triage_pending_texts", "Texts waiting or being scored.",
            multiprocess_mode="livesum", registry=registry,
        )  # fmt: skip
        self._models = Gauge(
            "triage_model_info", "Server processes that answer by this model.", by_model,
            multiprocess_mode="livesum", registry=registry,
        )  # fmt: skip
        self._failed = Counter(
            "triage_model_failures", "Models that were to serve and could not.", registry=registry
        )
        # Of several processes the one that drifts most speaks.
        self._drift = Gauge(
            "triage_drift_psi", "Population stability index against the training snapshot.",
            ["of"], multiprocess_mode="livemax", registry=registry,
        )  # fmt: skip
        self._drifted = Gauge(
            "triage_drifted", "1 where the distance is large, and more than chance.",
            ["of"], multiprocess_mode="livemax", registry=registry,
        )  # fmt: skip

    def request(
        self, *, method: str, route: str, status: int, seconds: float, code: str | None
    ) -> None:
        """Count one request; the labels are few whatever is asked for."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if code is not None:
            self._errors.labels(code).inc()

    def predicted(self, model: Predictor, predictions: Sequence[Prediction]) -> None:
        """Count what people asked for and got."""
        model_id = model.model_id
        confidence, tokens = self._confidence.labels(model_id), self._tokens.labels(model_id)
        for label, count in Tally(prediction.label for prediction in predictions).items():
            if label is None:
                self._abstentions.labels(model_id).inc(count)
            else:
                self._labels.labels(model_id, label).inc(count)
        if cut := sum(prediction.truncated for prediction in predictions):
            self._truncations.labels(model_id).inc(cut)
        for prediction in predictions:
            confidence.observe(prediction.confidence)
            tokens.observe(prediction.tokens)
        self.drift.add(model, predictions)
        if time.monotonic() - self._measured_at > _MEASURE_S:
            self._measure_drift()

    def pending(self, texts: int) -> None:
        """More texts wait, or fewer."""
        self._pending.inc(texts)

    def serves(self, model: Predictor, *, before: str | None = None) -> None:
        """A model answers from now on; before: the id of the one that did."""
        if before is not None:
            self._models.labels(before).set(0)
        self._models.labels(model.model_id).set(1)
        self.drift.begin(model)
        self._measure_drift()

    def model_failed(self) -> None:
        """A model was to serve and could not."""
        self._failed.inc()

    def exposition(self, *, queue: "Queue | None", deployment: Deployment | None) -> bytes:
        """All figures in Prometheus' text format.

        Args:
            queue: the jobs and workers; None where they are not known.
            deployment: what put the present model in place; None where nothing says so.
        """
        self._measure_drift()
        shown = CollectorRegistry()
        shown.register(self._shown())
        shown.register(_Stored(queue, deployment))
        return generate_latest(shown)

    def _measure_drift(self) -> None:
        self._measured_at = time.monotonic()
        measured = {drift.of: drift for drift in self.drift.measure()}
        for kind in KINDS:
            found = measured.get(kind)
            known = found is not None and found.drifted is not None
            self._drift.labels(kind).set(found.psi if found and known else 0)
            self._drifted.labels(kind).set(bool(found and found.drifted))

    def _shown(self) -> Collector:
        folder = os.environ.get(SHARED)
        return self._registry if folder is None else MultiProcessCollector(None, folder)


class _Stored(Collector):
    """What store and journal hold: the same whichever process or replica is asked."""

    def __init__(self, queue: "Queue | None", deployment: Deployment | None) -> None:
        self._queue = queue
        self._deployment = deployment

    def collect(self) -> Iterable[Metric]:
        """The families of what is known."""
        if self._queue is not None:
            jobs = GaugeMetricFamily("triage_jobs", "Jobs of /retrain.", labels=["state"])
            entered = GaugeMetricFamily(
                "triage_job_timestamp_seconds",
                "When the newest job of a state entered it, since 1970.", labels=["state"],
            )  # fmt: skip
            for state, count in self._queue.jobs.items():
                jobs.add_metric([state], count)
            for state, instant in self._queue.entered.items():
                entered.add_metric([state], instant)
            workers = "Workers that take jobs of /retrain."
            yield from (jobs, entered)
            yield GaugeMetricFamily("triage_workers", workers, value=self._queue.workers)
        if self._deployment is not None:
            deployed = GaugeMetricFamily(
                "triage_deployment_timestamp_seconds",
                "When the production model was put in place, since 1970.",
                labels=["model_id", "action"],
            )
            moved = self._deployment
            deployed.add_metric([moved.to, moved.action], moved.at.timestamp())
            yield deployed
