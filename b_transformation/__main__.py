"""Curate data/raw into data/curated.      python -m b_transformation --profile sample"""

import sys

from b_transformation import run
from common.config.cli import run_command, stage_parser


def main() -> int:
    """Run the stage from the command line; returns the exit code."""
    parser = stage_parser(
        "b_transformation",
        "Clean, thread and check the landed messages with Spark: data/raw -> data/curated.",
        sections=("transformation", "spark"),
    )
    return run_command(parser.parse_args(), run)


if __name__ == "__main__":
    sys.exit(main())
