"""Write reports/labels.html.     python -m c_classification.audit"""

import sys

from c_classification.audit.write import REPORT, write_audit
from common.config.cli import run_command, stage_parser


def main() -> int:
    """Write the page from the command line; returns the exit code."""
    parser = stage_parser(
        "c_classification.audit",
        f"Write reports/{REPORT}: shares, scores and example texts of each label.",
        sections=("classification",),
    )
    return run_command(parser.parse_args(), write_audit)


if __name__ == "__main__":
    sys.exit(main())
