"""Let an earlier model serve again.      python -m d_training.rollback [--to 0123456789ab]

Without --to it is the one that served before the present one, by models/deployments.jsonl.
"""

import sys

from common.cli import run_command, stage_parser
from common.deployment import asked_by, roll_back
from common.schema import Settings
from d_training.sync import synced


def main() -> int:
    """Roll back from the command line; returns the exit code."""
    parser = stage_parser("d_training.rollback", "Let an earlier model serve again.", sections=())
    parser.add_argument("--to", metavar="ID", help="a model that has served (default: previous)")
    args = parser.parse_args()

    def command(settings: Settings) -> None:
        with synced(settings):
            served = roll_back(settings.paths.models, by=asked_by("rollback"), to=args.to)
            sys.stdout.write(
                f"Model {served} is in production; a running API loads it, `make run_api` starts "
                "one.\n"
            )
            sys.stdout.flush()

    return run_command(args, command)


if __name__ == "__main__":
    sys.exit(main())
