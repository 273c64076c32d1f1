"""Write reports/index.html, one page about the run.     python -m d_training.report"""

import sys

from common.config.cli import run_command, stage_parser
from d_training.report.page import REPORT, write_report


def main() -> int:
    """Write the page from the command line; returns the exit code."""
    parser = stage_parser(
        "d_training.report", f"Write reports/{REPORT}: one page about the run.", sections=()
    )
    return run_command(parser.parse_args(), write_report)


if __name__ == "__main__":
    sys.exit(main())
