"""Label data/curated into data/labeled.      python -m c_classification --profile sample"""

import sys

from c_classification import run
from common.cli import run_command, stage_parser


def main() -> int:
    """Run the stage from the command line; returns the exit code."""
    parser = stage_parser(
        "c_classification",
        "Give every curated message a soft label: data/curated -> data/labeled.",
        sections=("classification", "spark"),
    )
    return run_command(parser.parse_args(), run)


if __name__ == "__main__":
    sys.exit(main())
