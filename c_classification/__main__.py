"""Label data/curated into data/labeled, with reports/labels.html to judge the labels by.

python -m c_classification --profile sample
"""

import sys

from c_classification import run
from c_classification.audit.write import write_audit
from common.config.cli import run_command, stage_parser
from common.config.schema import Settings


def main() -> int:
    """Run the stage from the command line; returns the exit code."""
    parser = stage_parser(
        "c_classification",
        "Give every curated message a soft label: data/curated -> data/labeled.",
        sections=("classification", "spark"),
    )
    return run_command(parser.parse_args(), label_and_audit)


def label_and_audit(settings: Settings) -> None:
    """Bring data/labeled up to date, then the page that shows it."""
    run(settings)
    write_audit(settings)


if __name__ == "__main__":
    sys.exit(main())
