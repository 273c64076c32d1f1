"""Evaluate the production model against people's labels, and print the table.

    python -m d_training.evaluation --gold gold.csv \\
        --teacher reports/teacher_on_gold.parquet --wording reports/wording_on_gold.parquet
"""

import sys

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.config.section import plain_path
from d_training.evaluation.evaluate import evaluate
from d_training.evaluation.table import table
from d_training.tracking.sync import synced


def main() -> int:
    """Evaluate from the command line; returns the exit code."""
    parser = stage_parser(
        "d_training.evaluation", "Score teacher and student on labeled rows.", sections=()
    )
    parser.add_argument(
        "--gold", type=plain_path, required=True, help="CSV with columns text,label"
    )
    parser.add_argument(
        "--teacher", type=plain_path, required=True, help="teacher's answers, Parquet"
    )
    parser.add_argument(
        "--wording", type=plain_path, help="answers of names and descriptions, Parquet"
    )
    parser.add_argument(
        "--report", type=plain_path, help="folder of evaluation.json (RUN_DIR/reports)"
    )
    args = parser.parse_args()

    def command(settings: Settings) -> None:
        folder = args.report or settings.paths.reports
        with synced(settings):
            evaluation = evaluate(
                settings, gold=args.gold, teacher=args.teacher, wording=args.wording, report=folder
            )
            sys.stdout.write(table(evaluation))
            sys.stdout.flush()

    return run_command(args, command)


if __name__ == "__main__":
    sys.exit(main())
