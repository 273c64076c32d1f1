"""deploy/kubernetes: what the files say agrees with the settings, the images and one another."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.config.serving import ServingSettings
from common.config.settings import COMMON_NAMES, load_settings
from common.errors import RefusedError, SettingsError
from tests.test_ci import IMAGES

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deploy" / "kubernetes"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
BY_HAND = ["chain.yaml", "kustomization.yaml", "spark.yaml"]
SECRETS = {"database-url", "api-keys"}
DOCUMENTS = [
    document
    for path in sorted(FOLDER.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
PODS = [found for found in DOCUMENTS if "template" in found.get("spec", {})]


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = (d for d in DOCUMENTS if d["kind"] == kind and d["metadata"]["name"] == name)
    return dict(found)


def title(document: dict[str, Any]) -> str:
    metadata = document["metadata"]
    return f"{document['kind']}-{metadata.get('name', metadata.get('generateName'))}"


def container(document: dict[str, Any]) -> dict[str, Any]:
    (only,) = document["spec"]["template"]["spec"]["containers"]
    return dict(only)


def environment(document: dict[str, Any]) -> dict[str, str]:
    """The variables of a pod, settings.yaml among them; those of secrets as they might be."""
    made_up = {
        "database-url": "postgresql://triage:secret@postgres/triage",
        "api-keys": f"alice:{'0' * 64}",
    }
    only = container(document)
    found: dict[str, str] = {}
    for source in only.get("envFrom", []):
        found |= named("ConfigMap", source["configMapRef"]["name"])["data"]
    for entry in only["env"]:
        reference = entry.get("valueFrom", {}).get("secretKeyRef")
        if reference:
            assert reference["name"] == "triage-secrets"
            found[entry["name"]] = made_up[reference["key"]]
        elif "value" in entry:
            found[entry["name"]] = entry["value"]
    return found


def api() -> dict[str, Any]:
    return named("Deployment", "triage-api")


def serving() -> ServingSettings:
    return load_settings(environ=environment(api()), root=ROOT).settings.serving


def test_every_file_is_applied_or_says_how() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
    files = sorted(path.name for path in FOLDER.glob("*"))
    assert sorted([*kustomization["resources"], *BY_HAND]) == files
    for name in BY_HAND:
        assert "# " in (text := (FOLDER / name).read_text(encoding="utf-8")) and "kubectl" in text


@pytest.mark.parametrize("document", PODS, ids=title)
def test_variables_are_settings_with_values_that_are_allowed(document: dict[str, Any]) -> None:
    given = environment(document)
    ours = {name for name in given if name.startswith("TRIAGE_") or name in COMMON_NAMES}
    assert {*given} - ours <= {"HF_HOME", "HOME"}
    load_settings(environ=given, root=ROOT)  # raises where one is unknown or out of range


def test_a_setting_that_is_none_would_be_found() -> None:
    with pytest.raises(SettingsError, match=r"serving\.drain_delay \(from environment\)"):
        load_settings(environ={"TRIAGE_SERVING__DRAIN_DELAY": "5"}, root=ROOT)


@pytest.mark.parametrize("document", PODS, ids=title)
def test_pods_have_no_more_rights_than_they_need(document: dict[str, Any]) -> None:
    pod, only = document["spec"]["template"]["spec"], container(document)
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {*only["resources"]["requests"]} == {*only["resources"]["limits"]} == {"cpu", "memory"}


@pytest.mark.parametrize("document", PODS, ids=title)
def test_volumes_that_are_mounted_exist(document: dict[str, Any]) -> None:
    pod = document["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert {mount["name"] for mount in container(document)["volumeMounts"]} == {*volumes}
    claims = [v["persistentVolumeClaim"]["claimName"] for n, v in volumes.items() if n == "data"]
    for claim in claims:
        assert named("PersistentVolumeClaim", claim)["spec"]["accessModes"] == ["ReadWriteMany"]


@pytest.mark.parametrize("document", PODS, ids=title)
def test_selectors_find_their_pods(document: dict[str, Any]) -> None:
    labels = document["spec"]["template"]["metadata"]["labels"]
    if document["kind"] == "Deployment":
        assert document["spec"]["selector"]["matchLabels"] == labels


def test_the_api_is_what_the_image_is() -> None:
    only, pod = container(api()), api()["spec"]["template"]["spec"]
    assert only["image"] == "message-triage-server"
    (port,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    assert only["ports"] == [{"name": "http", "containerPort": int(port)}]
    assert f"TRIAGE_SERVING__PORT={port}" in DOCKERFILE
    (user,) = re.findall(r"useradd .*--uid (\d+)", DOCKERFILE)
    assert pod["securityContext"]["runAsUser"] == int(user)
    annotations = api()["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == port


def test_images_are_named_in_one_place_or_alike() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
    whole = {i["name"]: f"{i['newName']}:{i['newTag']}" for i in kustomization["images"]}
    for document in PODS:
        image = container(document)["image"]
        assert image in whole if "/" not in image else image in whole.values()
    assert set(whole) == IMAGES


def test_the_api_is_asked_whether_it_lives_and_whether_it_is_ready() -> None:
    only = container(api())
    for probe, path in (
        ("startupProbe", "/health"),
        ("livenessProbe", "/health"),
        ("readinessProbe", "/ready"),
    ):
        assert only[probe]["httpGet"] == {"path": path, "port": "http"}


def test_the_api_drains_before_it_is_killed() -> None:
    patience = api()["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert serving().drain_delay_s > 0
    assert serving().stop_s < patience
    ready = container(api())["readinessProbe"]
    assert ready["periodSeconds"] * ready["failureThreshold"] <= serving().drain_delay_s


def test_the_api_scores_as_many_texts_at_once_as_it_has_processors() -> None:
    assert str(serving().workers) == container(api())["resources"]["limits"]["cpu"]


def test_service_autoscaler_and_budget_are_of_the_api() -> None:
    labels = {"app": "triage-api"}
    assert api()["spec"]["template"]["metadata"]["labels"] == labels
    assert "replicas" not in api()["spec"]
    service = named("Service", "triage-api")["spec"]
    assert service["selector"] == labels
    assert service["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    scaler = named("HorizontalPodAutoscaler", "triage-api")["spec"]
    assert scaler["scaleTargetRef"]["name"] == "triage-api"
    assert scaler["minReplicas"] >= 2  # one may go while another serves
    budget = named("PodDisruptionBudget", "triage-api")["spec"]
    assert (budget["selector"]["matchLabels"], budget["maxUnavailable"]) == (labels, 1)


def test_a_chain_that_another_try_does_not_mend_is_not_tried_again() -> None:
    (job,) = (found for found in DOCUMENTS if found["kind"] == "Job")
    (rule,) = job["spec"]["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["containerName"] == container(job)["name"]
    assert rule["onExitCodes"]["values"] == [SettingsError.exit_code, RefusedError.exit_code]


def test_no_secret_is_written_down() -> None:
    assert not [found for found in DOCUMENTS if found["kind"] == "Secret"]
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml"))
    assert set(re.findall(r"secretKeyRef: {name: triage-secrets, key: ([\w-]+)}", text)) == SECRETS
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert all(f"--from-literal={key}=" in page for key in SECRETS)
