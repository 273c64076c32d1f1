"""Laws of the serving path: what it may import, and that importing starts nothing."""

import subprocess
import sys
from pathlib import Path

from common.config.settings import ROOT

HEAVY = (
    "torch",
    "transformers",
    "pyspark",
    "pandas",
    "onnx",
    "pyarrow",
    "huggingface_hub",
    "mlflow",
    "sqlalchemy",  # imported by the first request that needs the store
    "alembic",
    "psycopg",
)


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_serving_process_imports_nothing_heavy(models_dir: Path) -> None:
    code = f"""
import sys
import e_apification.__main__
from pathlib import Path
from fastapi import FastAPI
from common.config.schema import Settings
from e_apification.api.app import create_app, load_production
settings = Settings(run_dir=Path({str(models_dir.parent)!r}))
predictor = load_production(settings)
assert predictor.predict(["refund"])[0].label == "billing"
assert isinstance(create_app(settings), FastAPI)
print(sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    assert python(code).strip() == "[]"


def test_the_runtime_does_not_report_home(tmp_path: Path) -> None:
    code = "import e_apification.model.predictor, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert python(code, HOME=str(tmp_path)).strip() == "1"
    assert list(tmp_path.iterdir()) == []
