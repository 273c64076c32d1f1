"""What GitHub runs for a commit, a week and a release: pinned, and by commands that exist."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / ".github/workflows").glob("*.yml")}
JOBS = [
    pytest.param(job, id=f"{name}-{title}")
    for name, text in TEXTS.items()
    for title, job in yaml.safe_load(text)["jobs"].items()
]
IMAGES = {"message-triage-server", "message-triage-trainer"}
CI, WITHOUT_MAKE = "./.github/workflows/ci.yml", {"release.yml"}
# All that any workflow may write, and what for.
WRITES = {
    "release.yml": {
        "image": {
            "contents": "read",
            "packages": "write",  # the image
            "id-token": "write",  # signs the provenance
            "attestations": "write",  # keeps it
        },
        "publish": {"contents": "write"},  # the release
    }
}


def test_there_are_workflows() -> None:
    assert sorted(TEXTS) == ["audit.yml", "ci.yml", "release.yml"]


@pytest.mark.parametrize("name", TEXTS)
def test_the_workflow_can_only_read_but_for_what_a_release_writes(name: Any) -> None:
    workflow = yaml.safe_load(TEXTS[name])
    assert workflow["permissions"] == {"contents": "read"}
    more = {
        job: found["permissions"]
        for job, found in workflow["jobs"].items()
        if "permissions" in found
    }
    assert more == WRITES.get(name, {})


@pytest.mark.parametrize("name", TEXTS)
def test_actions_are_pinned_by_commit_with_the_version_beside(name: Any) -> None:
    actions = set(re.findall(r"uses: (.*)", TEXTS[name])) - {CI}
    assert actions
    for action in actions:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_an_action_has_one_version_in_all_workflows() -> None:
    actions = set(re.findall(r"uses: (\S+@.*)", "".join(TEXTS.values())))
    assert len({action.partition("@")[0] for action in actions}) == len(actions)


@pytest.mark.parametrize("name", TEXTS)
def test_images_are_pinned_by_digest(name: Any) -> None:
    tagged = re.findall(r"(?:moby|docker)/[\w-]+:\S+", TEXTS[name])
    assert all(re.fullmatch(r"\S+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", image) for image in tagged)
    assert bool(tagged) == (name == "release.yml")


@pytest.mark.parametrize("job", JOBS)
def test_a_job_ends_in_time_keeps_no_token_and_runs_nothing_that_a_name_could_hold(
    job: dict[str, Any],
) -> None:
    if job.get("uses") == CI:
        return
    assert job["timeout-minutes"] <= 45
    for step in job["steps"]:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", "")  # a branch's name would be read by the shell


@pytest.mark.parametrize("name", TEXTS)
def test_make_knows_what_the_workflow_asks_for(name: Any) -> None:
    asked = set(re.findall(r"run: make (\w+)", TEXTS[name]))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert bool(asked) == (name not in WITHOUT_MAKE)
    assert asked <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_pins_are_audited_every_week_all_of_them() -> None:
    workflow = yaml.safe_load(TEXTS["audit.yml"])
    (schedule,) = workflow[True]["schedule"]  # YAML 1.1 reads the word on so
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", schedule["cron"])
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^audit:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert " --strict " in recipe  # what could not be looked up is no success
    audited = set(re.findall(r"(?:--requirement|-r) (requirements\w*\.txt)", recipe))
    assert audited == {path.name for path in ROOT.glob("requirements*.txt")}


def test_updates_are_looked_for_wherever_something_is_pinned() -> None:
    settings = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))
    watched = {(update["package-ecosystem"], update["directory"]) for update in settings["updates"]}
    pinned = {("pip", "/"), ("github-actions", "/")}
    pinned |= {("docker", "/") for _ in ROOT.glob("Dockerfile*")}
    composed = {("docker-compose", "/")}
    pinned |= composed if (ROOT / "compose.yaml").exists() else set()
    assert pinned <= watched <= pinned | composed
    assert all(update["schedule"]["interval"] == "weekly" for update in settings["updates"])


def test_a_release_waits_for_ci_and_pushes_both_images() -> None:
    jobs = yaml.safe_load(TEXTS["release.yml"])["jobs"]
    needed = [jobs[name].get("needs") for name in ("notes", "ci", "image", "publish")]
    assert (needed, jobs["ci"]["uses"]) == ([None, "notes", "ci", "image"], CI)
    assert "workflow_call:" in TEXTS["ci.yml"]
    images = jobs["image"]["strategy"]["matrix"]["include"]
    assert {image["name"] for image in images} == IMAGES
    for image in images:
        dockerfile = (ROOT / image["file"]).read_text(encoding="utf-8")
        assert not image["target"] or f" AS {image['target']}\n" in dockerfile


CHANGELOG = """# Changelog

## Unreleased

- later

## 1.10.0 - 2026-12-01

### Added

- this

## 1.1.0 - 2026-11-01

- before
"""


def release_notes(folder: Path, tag: str, *, version: str, changelog: str = CHANGELOG) -> str:
    spec = importlib.util.spec_from_file_location("notes", ROOT / ".github/release_notes.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n', encoding="utf-8")
    (folder / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    return str(module.release_notes(tag, root=folder))


def test_release_notes_are_the_section_of_the_version(tmp_path: Path) -> None:
    assert release_notes(tmp_path, "v1.10.0", version="1.10.0") == "### Added\n\n- this\n"
    assert release_notes(tmp_path, "v1.1.0", version="1.1.0") == "- before\n"


def test_no_release_of_another_version_than_the_projects(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the tag says 1\.1\.0, pyproject\.toml says 1\.10\.0"):
        release_notes(tmp_path, "v1.1.0", version="1.10.0")


@pytest.mark.parametrize("tag", ["v1.1", "v2.0.0", "v1x1.0"])
def test_no_release_without_a_section(tmp_path: Path, tag: str) -> None:
    with pytest.raises(ValueError, match="CHANGELOG.md has no section '## "):
        release_notes(tmp_path, tag, version=tag.removeprefix("v"))


def test_no_release_with_an_empty_section(tmp_path: Path) -> None:
    changelog = CHANGELOG + "\n## 1.0.0 - 2026-10-01\n"
    with pytest.raises(ValueError, match="has no section"):
        release_notes(tmp_path, "v1.0.0", version="1.0.0", changelog=changelog)


def test_the_changelog_says_how_a_release_is_titled() -> None:
    titles = re.findall(r"^## .*$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert titles[0] == "## Unreleased"
    assert all(re.fullmatch(r"## \d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", title) for title in titles[1:])


def test_a_commit_is_held_to_what_make_lint_checks() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]] == ["make lint"]
