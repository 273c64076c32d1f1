"""compose.yaml, read as it stands: what every service must have, and settings that exist."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.config.secret_files import make_secrets
from common.config.settings import ROOT, load_settings

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("api", "worker", "pipeline")
ONE_SHOT = "pipeline"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def filled(text: str) -> str:
    """With the default of each variable in its place."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_profiles_name_the_services_that_they_start() -> None:
    core = {"gateway", "api", "worker", "postgres", "pipeline"}
    assert set(SERVICES) == core | {"mlflow", "prometheus", "grafana"}
    assert {name for name, each in SERVICES.items() if "core" in each["profiles"]} == core
    assert all("full" in each["profiles"] for each in SERVICES.values())


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_and_has_few_rights_and_limits(name: str) -> None:
    service = SERVICES[name]
    image, _, tag = filled(service["image"]).rpartition(":")
    if image.startswith("message-triage-"):
        assert tag == VERSION
    else:
        assert re.match(r"v?\d+\.\d+", tag)
    assert service["user"] not in ("root", "0", 0)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    limits = service["deploy"]["resources"]["limits"]
    assert float(limits["cpus"]) <= 2
    assert re.fullmatch(r"\d+[mg]", limits["memory"])
    if name == ONE_SHOT:
        assert service["restart"] == "no"
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_who_is_waited_for_is_healthy_or_done(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        done = "service_completed_successfully" if other == ONE_SHOT else "service_healthy"
        assert how == {"condition": done}
        assert set(SERVICES[name]["profiles"]) <= set(SERVICES[other]["profiles"])


def test_only_the_gateway_and_grafana_are_published_and_to_this_machine() -> None:
    ports = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert {name: [filled(port) for port in given] for name, given in ports.items()} == {
        "gateway": ["127.0.0.1:8000:8000"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


def test_secrets_are_files_and_no_value_is_in_the_environment(tmp_path: Path) -> None:
    given = {f"deploy/secrets/{path.name}" for path in make_secrets(tmp_path)}
    files = {each["file"] for each in COMPOSE["secrets"].values()}
    assert given - files == {"deploy/secrets/api_key"}  # the operator's own
    assert files <= given
    for service in SERVICES.values():
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|KEY|TOKEN|SECRET", variable):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            assert "@" not in str(value)


@pytest.mark.parametrize("name", OURS)
def test_every_setting_exists(name: str, tmp_path: Path) -> None:
    make_secrets(tmp_path)
    variables = {
        key: filled(value).replace("/run/secrets", str(tmp_path))
        for key, value in SERVICES[name]["environment"].items()
    }
    settings = load_settings(environ=variables).settings  # an unknown one is an error
    assert settings.run_dir == Path("/data")
    assert settings.store.url is not None
    assert (settings.profile, len(settings.serving.api_keys)) == ("sample", name == "api")


def test_volumes_are_named_and_used() -> None:
    mounted = [each.split(":") for s in SERVICES.values() for each in s.get("volumes", ())]
    named = {source for source, *_ in mounted if not source.startswith("./")}
    assert named == set(COMPOSE["volumes"])
    assert all(how == ["ro"] for source, _, *how in mounted if source.startswith("./"))


def test_each_image_of_ours_is_built_once() -> None:
    built = [service["image"] for service in SERVICES.values() if "build" in service]
    ours = {each["image"] for each in SERVICES.values() if each["image"].startswith("message-")}
    assert sorted(built) == sorted(ours)


def test_both_images_are_of_one_uid_which_owns_the_volume() -> None:
    for name in ("Dockerfile", "Dockerfile.trainer"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "useradd --system --uid 10001 " in text
        assert re.search(r"install -d -o app -g app /data\b", text)
    assert {SERVICES[name]["user"] for name in (*OURS, "mlflow")} == {"10001"}
