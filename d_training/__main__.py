"""Train the student on data/labeled into models/.      python -m d_training --profile sample"""

import sys

from common.cli import run_command, stage_parser
from d_training import run


def main() -> int:
    """Run the stage from the command line; returns the exit code."""
    parser = stage_parser(
        "d_training",
        "Distil the soft labels into a small BERT: data/labeled -> models/<experiment_id>.",
        sections=("training", "gate"),
    )
    parser.add_argument(
        "--force", action="store_true", help="promote whatever the gate says; journalled"
    )
    args = parser.parse_args()
    return run_command(args, lambda settings: run(settings, force=args.force))


if __name__ == "__main__":
    sys.exit(main())
