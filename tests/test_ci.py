"""What GitHub runs for a commit: read-only, pinned, and by commands that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / ".github/workflows").glob("*.yml")}


@pytest.mark.parametrize("name", TEXTS)
def test_the_workflow_can_only_read(name: Any) -> None:
    workflow = yaml.safe_load(TEXTS[name])
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("name", TEXTS)
def test_actions_are_pinned_by_commit_with_the_version_beside(name: Any) -> None:
    actions = re.findall(r"uses: (.*)", TEXTS[name])
    assert actions
    for action in actions:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


@pytest.mark.parametrize("name", TEXTS)
def test_make_knows_what_the_workflow_asks_for(name: Any) -> None:
    asked = set(re.findall(r"run: make (\w+)", TEXTS[name]))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert asked
    assert asked <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_a_commit_is_held_to_what_make_lint_checks() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]] == ["make lint"]
