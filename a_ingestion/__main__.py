"""Land the source in data/raw.      python -m a_ingestion --set ingestion.source=sample"""

import sys

from a_ingestion import run
from common.config.cli import run_command, stage_parser


def main() -> int:
    """Run the stage from the command line; returns the exit code."""
    parser = stage_parser(
        "a_ingestion",
        "Land the source's rows as Parquet, unreadable rows in quarantine: source -> data/raw.",
        sections=("ingestion",),
    )
    return run_command(parser.parse_args(), run)


if __name__ == "__main__":
    sys.exit(main())
