"""Lint a labels file.     python -m c_classification.check   (make labels_check LABELS=my.yaml)"""

import sys

from c_classification.check.check import TEXTS, check_labels
from c_classification.check.table import format_report
from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.locks import reading


def main() -> int:
    """Check the labels file from the command line; returns the exit code."""
    parser = stage_parser(
        "c_classification.check",
        "Check the labels file: its wording and, if there is data, which texts the labels get.",
        sections=("classification",),
    )
    parser.add_argument(
        "--texts",
        type=int,
        default=TEXTS,
        help=f"distinct texts of data/curated to score at most (default {TEXTS})",
    )
    args = parser.parse_args()

    def command(settings: Settings) -> None:
        with reading(settings.paths.curated):
            report = check_labels(settings, texts=args.texts)
        sys.stdout.write(format_report(*report))

    return run_command(args, command)


if __name__ == "__main__":
    sys.exit(main())
