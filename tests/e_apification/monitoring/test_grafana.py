"""The dashboard's JSON against Grafana's published schema, which TypeScript checks."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.grafana.dashboard import PATH

ROOT = Path(__file__).resolve().parents[3]
COMPILER = "typescript@5.9.3"
OPTIONS = "--noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler"
pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(shutil.which("npm") is None, reason="no npm on PATH: install Node.js"),
]


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiler, and the types of the Grafana that compose.yaml starts."""
    stack = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    (version,) = re.findall(r"grafana/grafana:([\d.]+)", stack)
    folder = tmp_path_factory.mktemp("types")
    shutil.copy(Path(__file__).with_name("dashboard.ts"), folder / "types.ts")
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
    subprocess.run(
        [*command, f"@grafana/schema@{version}", COMPILER], check=True, capture_output=True
    )
    return folder


def faults(types: Path, dashboard: str) -> list[str]:
    text = (types / "types.ts").read_text(encoding="utf-8")
    (types / "dashboard.ts").write_text(text + dashboard, encoding="utf-8")
    command = ["node_modules/.bin/tsc", *OPTIONS.split(), "dashboard.ts"]
    return subprocess.run(command, cwd=types, capture_output=True, text=True).stdout.splitlines()


def test_the_schema_knows_all_of_it(types: Path) -> None:
    assert faults(types, PATH.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"textMode": "value_and_name"', '"textMode": "both"'),
        ('"unit": "reqps"', '"units": "reqps"'),
        ('"mode": "line"', '"mode": "lines"'),
        ('"min": 0', '"min": "0"'),
        ('"graphTooltip"', '"tooltip"'),
    ],
)
def test_the_check_can_fail(types: Path, right: str, wrong: str) -> None:
    text = PATH.read_text(encoding="utf-8")
    assert right in text
    assert faults(types, text.replace(right, wrong, 1))
