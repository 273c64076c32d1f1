"""Start or stop the API in the background.     python -m e_apification.launch start|stop"""

import sys
from collections.abc import Callable

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from e_apification.launch.start import start, stop


def main() -> int:
    """Run the command line; returns the exit code."""
    actions: dict[str, Callable[[Settings], None]] = {"start": start, "stop": stop}
    parser = stage_parser(
        "e_apification.launch", "Start or stop the API in the background.", sections=["serving"]
    )
    parser.add_argument("action", choices=sorted(actions))
    args = parser.parse_args()
    return run_command(args, actions[args.action])


if __name__ == "__main__":
    sys.exit(main())
