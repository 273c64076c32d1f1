"""Remove what the stages made in RUN_DIR, once no command is at work there.

python -m common.upkeep.clean       what `make clean` calls; corrections, in RUN_DIR/store, stay
"""

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.locks import replacing
from common.stage.run import single_writer


def main() -> int:
    """Run the command line; returns the exit code."""
    summary = "Remove data, models, reports, mlruns and caches of RUN_DIR."
    return run_command(
        stage_parser("common.upkeep.clean", summary, sections=[]).parse_args(), clean
    )


def clean(settings: Settings) -> None:
    """Remove them; those who read are waited for.

    Raises:
        TriageError: if another command is writing there.
    """
    paths = settings.paths
    outputs = (paths.raw, paths.curated, paths.labeled)
    with ExitStack() as held:
        for output in outputs if paths.raw.parent.is_dir() else ():
            held.enter_context(single_writer(output))
            held.enter_context(replacing(output))
        made = (
            paths.raw.parent,
            paths.models,
            paths.reports,
            paths.tracking,
            paths.cache,
            paths.smoke,
        )
        for folder in filter(Path.exists, made):
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
