"""Show MLflow on the runs and models of RUN_DIR.      python -m common.tracking --port 5000"""

import os
import sys
from pathlib import Path

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.tracking.local import ARTIFACTS, DATABASE, settle_addresses


def main() -> int:
    """Run the command line; returns the exit code."""
    summary = "Show MLflow's page on the runs and models of RUN_DIR, until Ctrl-C."
    parser = stage_parser("common.tracking", summary, sections=[])
    parser.add_argument("--port", type=int, default=5000, help="default 5000")
    args = parser.parse_args()

    def show(settings: Settings) -> None:
        folder = settings.paths.tracking
        folder.mkdir(parents=True, exist_ok=True)
        settle_addresses(folder)
        os.chdir(folder)  # whatever its name: what follows are addresses
        mlflow = str(Path(sys.executable).with_name("mlflow"))
        command = [mlflow, "server", "--host", "127.0.0.1", "--port", str(args.port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{DATABASE}"]
        command += ["--artifacts-destination", ARTIFACTS]
        os.execve(mlflow, command, os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"})  # noqa: S606

    return run_command(args, show)


if __name__ == "__main__":
    sys.exit(main())
