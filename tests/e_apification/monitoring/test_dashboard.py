"""Dashboard and alerts ask for what /metrics exports, and say what to do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from deploy.grafana import dashboard
from e_apification.api.app import create_app
from tests.e_apification.learning import ENTRY

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
DASHBOARD = json.loads(dashboard.PATH.read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SOURCE = {"type": "prometheus", "uid": "prometheus"}


def loaded(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))


ALERTS = [rule for group in loaded("prometheus/alerts.yml")["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    yield from (target["expr"] for panel in PANELS for target in panel["targets"])
    yield from (annotation["expr"] for annotation in DASHBOARD["annotations"]["list"])
    yield from (alert["expr"] for alert in ALERTS)


@pytest.fixture(scope="module")
def exported(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all series that /metrics can have."""
    run_dir = tmp_path_factory.mktemp("exported")
    (run_dir / "models").symlink_to(models_dir)
    serving = ServingSettings(workers=1, api_keys=(ENTRY,))
    with TestClient(create_app(Settings(run_dir=run_dir, serving=serving))) as client:
        shown = client.get("/metrics").text
    families = re.findall(r"^# TYPE (\S+) (\w+)$", shown, re.MULTILINE)
    parts = {"histogram": ("_bucket", "_count", "_sum")}
    return {name + part for name, kind in families for part in parts.get(kind, ("",))}


def test_the_file_is_what_the_script_makes() -> None:
    assert dashboard.PATH.read_text(encoding="utf-8") == dashboard.build()


def test_every_metric_that_is_asked_for_is_exported(exported: set[str]) -> None:
    asked = {name for text in expressions() for name in re.findall(r"triage_\w+", text)}
    assert len(asked) > 10
    assert asked - exported == set()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_answers_the_question_in_its_title(panel: Any) -> None:
    assert panel["title"].endswith("?")
    assert panel["title"] in PAGE
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == SOURCE
    names = [target["legendFormat"] for target in panel["targets"]]
    assert all(names) and len(set(names)) == len(names)


def test_deployments_are_marked_at_their_own_time() -> None:
    (mark,) = [m for m in DASHBOARD["annotations"]["list"] if m["name"] == "Deployments"]
    assert mark["enable"] and mark["useValueForTime"] and mark["datasource"] == SOURCE
    assert mark["expr"].startswith("1000 * ")  # Grafana counts in milliseconds


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    (source,) = loaded("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    config = loaded("prometheus/prometheus.yml")
    assert {key: source[key] for key in SOURCE} == SOURCE
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]
    (provider,) = loaded("grafana/provisioning/dashboards/files.yml")["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"


def test_prometheus_asks_every_replica_by_the_name_of_the_service() -> None:
    api, itself = loaded("prometheus/prometheus.yml")["scrape_configs"]
    (names,) = api["dns_sd_configs"]
    assert (api["job_name"], names["names"], names["port"]) == ("api", ["api"], 8000)
    assert itself["static_configs"] == [{"targets": ["localhost:9090"]}]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_to_do(alert: Any) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    notes = alert["annotations"]
    assert set(notes) == {"summary", "remedy", "runbook"}
    assert len(notes["remedy"]) > 20
    page, _, heading = notes["runbook"].partition("#")
    assert f"\n## {heading.capitalize()}\n" in (ROOT / page).read_text(encoding="utf-8")
    assert f"| {alert['alert']} |" in PAGE


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    cases = [
        sample["labels"]
        for case in loaded("prometheus/alerts_test.yml")["tests"]
        for asked in case["promql_expr_test"]
        for sample in asked.get("exp_samples", [])
    ]
    assert {f'{{alertname="{alert["alert"]}"}}' for alert in ALERTS} == set(cases)
