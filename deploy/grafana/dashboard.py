"""Write dashboards/message_triage.json: python -m deploy.grafana.dashboard

It is a list of questions, each with its queries. The JSON is of the classic schema, of Grafana 12.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PATH = Path(__file__).parent / "dashboards" / "message_triage.json"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
COLUMNS = 24
WORK = 'route!~"/health|/ready|/metrics"'  # what people ask; probes are left out
Query = tuple[str, str]  # expression, name of its series
Steps = tuple[tuple[float | None, str], ...]  # from which value on, a color
SOME: Steps = ((None, "red"), (1, "green"))
NONE: Steps = ((None, "green"), (1, "red"))
Panel = dict[str, Any]


def build() -> str:
    """The dashboard as JSON."""
    made = {
        "uid": "message-triage",
        "title": "message-triage",
        "description": "docs/monitoring.md explains the panels, and what to do about an alert.",
        "schemaVersion": 41,
        "editable": True,
        "graphTooltip": 1,  # one crosshair over all panels
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "annotations": {"list": [_deployments()]},
        "panels": [panel | {"id": number} for number, panel in enumerate(_laid_out(), start=1)],
    }
    return json.dumps(made, indent=2) + "\n"


def _deployments() -> dict[str, Any]:
    """A mark where a model was put in place: the value of the metric is the moment."""
    return {
        "name": "Deployments",
        "enable": True,
        "iconColor": "blue",
        "datasource": SOURCE,
        "expr": "1000 * max by (model_id, action) (triage_deployment_timestamp_seconds)",
        "useValueForTime": True,
        "titleFormat": "{{action}} {{model_id}}",
    }


def _now() -> list[Panel]:
    return [
        _stat(
            "Is it up?",
            "API replicas that answer.",
            ('sum(up{job="api"}) or vector(0)', "replicas"),
            steps=SOME,
        ),
        _stat(
            "Does an alert fire?",
            "docs/monitoring.md says what to do about each.",
            (
                'count by (alertname) (ALERTS{alertstate="firing"})'
                ' or label_replace(vector(0), "alertname", "none", "", "")',
                "{{alertname}}",
            ),
            steps=NONE,
        ),
        _stat(
            "Which model answers?",
            "Its id, and how many server processes answer by it. Two ids: replicas differ.",
            ("sum by (model_id) (triage_model_info) > 0", "{{model_id}}"),
        ),
        _stat(
            "Since when?",
            "When the production model was put in place: by promote, force or rollback.",
            ("1000 * max by (action) (triage_deployment_timestamp_seconds)", "{{action}}"),
            unit="dateTimeFromNow",
        ),
        _stat(
            "How did the last training end?",
            "It succeeded, was refused by the gate (the model before serves on), or failed.",
            (
                "1000 * topk(1, max by (state) ("
                'triage_job_timestamp_seconds{state=~"succeeded|refused|failed"}))',
                "{{state}}",
            ),
            unit="dateTimeFromNow",
        ),
        _stat(
            "Is there a worker?",
            "Workers that take jobs of /retrain.",
            ("max(triage_workers)", "workers"),
            steps=SOME,
        ),
    ]


def _service() -> list[Panel]:
    requests = "triage_requests_total{" + WORK + "}"
    failed = "triage_requests_total{" + WORK + ',status=~"5.."}'
    predict = 'triage_request_seconds_bucket{route="/predict"}'
    return [
        _graph(
            "How many requests?",
            "Requests a second by route, without probes.",
            (_sum(requests, by="route"), "{{route}}"),
            unit="reqps",
        ),
        _graph(
            "How fast is /predict?",
            "Time from request to answer in the server, interpolated between the histogram's "
            "bounds. TriageSlow: p99 above the line.",
            *[_quantile(share, predict) for share in (0.5, 0.95, 0.99)],
            unit="s",
            limit=0.25,
        ),
        _graph(
            "How much waits?",
            "Texts waiting or being scored. It refuses batches at serving.max_pending_texts.",
            ("sum by (instance) (triage_pending_texts)", "{{instance}}"),
        ),
        _graph(
            "What share of requests fails?",
            "By the server's fault (5xx). TriageErrors and TriageOverloaded: above the line.",
            (f"({_sum(failed)} or vector(0)) / {_sum(requests)}", "5xx"),
            unit="percentunit",
            limit=0.01,
        ),
        _graph(
            "Which errors?",
            "Answers other than 2xx a second, by the code in the answer.",
            (
                _sum("triage_errors_total", by="code")
                + ' or label_replace(vector(0), "code", "none", "", "")',
                "{{code}}",
            ),
            unit="reqps",
        ),
        _graph(
            "How many texts?",
            "Texts labeled a second, a batch's each, by the model that answered.",
            (_sum("triage_confidence_count", by="model_id"), "{{model_id}}"),
            unit="cps",
        ),
    ]


def _answers() -> list[Panel]:
    texts = _sum("triage_confidence_count")
    return [
        _graph(
            "What are the messages about?",
            "Share of each label among all texts; the rest got no label.",
            (_sum("triage_predictions_total", by="label") + f" / scalar({texts})", "{{label}}"),
            unit="percentunit",
            stacked=True,
        ),
        _graph(
            "How sure is it?",
            "Confidence of the best label: half of the texts have less than p50, a tenth less "
            "than p10. TriageUnsure: p50 below 0.5 for an hour.",
            *[_quantile(share, "triage_confidence_bucket") for share in (0.5, 0.1)],
            unit="percentunit",
        ),
        _graph(
            "How many texts get no label, or are cut?",
            "Share of texts whose confidence is below the model's threshold, and of those longer "
            "than it reads. TriageAbstains: above the line for an hour.",
            (f"({_sum('triage_abstentions_total')} or vector(0)) / {texts}", "no label"),
            (f"({_sum('triage_truncations_total')} or vector(0)) / {texts}", "cut"),
            unit="percentunit",
            limit=0.5,
        ),
        _graph(
            "Do texts still look like those of training?",
            "Population stability index of labels, confidence and length (/drift); 0 until "
            "serving.drift_min_texts. TriageDrift: above the line for half an hour.",
            ("max by (of) (triage_drift_psi)", "{{of}}"),
            limit=0.2,
        ),
    ]


def _training() -> list[Panel]:
    return [
        _graph(
            "Since when does a job wait or run?",
            "Age of the open job of /retrain. TriageJobWaits: queued for 15 minutes.",
            (
                'time() - max by (state) (triage_job_timestamp_seconds{state=~"queued|running"})'
                ' or label_replace(vector(0), "state", "no job", "", "")',
                "{{state}}",
            ),
            unit="s",
        ),
        _graph(
            "How many jobs, and how did they end?",
            "Jobs of /retrain by state, as the store holds them.",
            ("max by (state) (triage_jobs)", "{{state}}"),
        ),
    ]


def _sum(selector: str, *, by: str = "") -> str:
    """What all replicas count a second."""
    return f"sum{f' by ({by}) ' if by else ''}(rate({selector}[$__rate_interval]))"


def _quantile(share: float, buckets: str) -> Query:
    """Of all replicas together; named p50, p95."""
    return f"histogram_quantile({share}, {_sum(buckets, by='le')})", f"p{100 * share:g}"


def _stat(
    title: str, about: str, query: Query, *, unit: str = "none", steps: Steps = ((None, "text"),)
) -> Panel:
    """The present value, beside its name."""
    panel = _panel("stat", title, about, [query])
    panel["targets"][0] |= {"instant": True, "range": False}
    panel["fieldConfig"]["defaults"] = {"unit": unit, "thresholds": _thresholds(steps)}
    panel["options"] = {
        "reduceOptions": {"calcs": ["lastNotNull"]},
        "textMode": "value_and_name",
        "graphMode": "none",
        "colorMode": "value",
    }
    return panel


def _graph(
    title: str,
    about: str,
    *queries: Query,
    unit: str = "none",
    limit: float | None = None,
    stacked: bool = False,
) -> Panel:
    """Lines over time from zero on; limit: where an alert begins, as a red line."""
    panel = _panel("timeseries", title, about, queries)
    defaults = panel["fieldConfig"]["defaults"] = {"unit": unit, "min": 0, "custom": {}}
    if stacked:
        defaults["custom"] = {"stacking": {"mode": "normal", "group": "A"}, "fillOpacity": 60}
    if limit is not None:
        defaults["thresholds"] = _thresholds(((None, "transparent"), (limit, "red")))
        defaults["custom"] = {"thresholdsStyle": {"mode": "line"}}
    return panel


def _panel(kind: str, title: str, about: str, queries: Sequence[Query]) -> Panel:
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": SOURCE,
        "targets": [
            {"refId": ref_id, "datasource": SOURCE, "expr": expression, "legendFormat": name}
            for ref_id, (expression, name) in zip("ABC", queries, strict=False)
        ],
        "fieldConfig": {"defaults": {}, "overrides": []},
    }


def _thresholds(steps: Steps) -> dict[str, Any]:
    marks = [{"value": value, "color": color} for value, color in steps]
    return {"mode": "absolute", "steps": marks}


def _laid_out() -> Iterator[Panel]:
    """Each row under its heading, its panels from left to right."""
    y = 0
    for title, width, height, panels in (
        ("Now", 4, 4, _now()),
        ("Service", 8, 8, _service()),
        ("Answers", 6, 8, _answers()),
        ("Training", 12, 6, _training()),
    ):
        heading = {"type": "row", "title": title, "collapsed": False, "panels": []}
        yield heading | {"gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}}
        y += 1
        in_a_line = COLUMNS // width
        for place, panel in enumerate(panels):
            line, column = divmod(place, in_a_line)
            at = {"x": column * width, "y": y + line * height, "w": width, "h": height}
            yield panel | {"gridPos": at}
        y += -(-len(panels) // in_a_line) * height


if __name__ == "__main__":
    PATH.write_text(build(), encoding="utf-8")
