"""Print the effective settings, and where each comes from.     python -m common.config"""

import sys

from common.config.cli import stage_parser
from common.config.settings import describe, load_settings
from common.errors import SettingsError


def main() -> int:
    """Print them, secrets masked; returns the exit code."""
    parser = stage_parser("common.config", "Print the effective settings.", sections=())
    args = parser.parse_args()
    try:
        lines = describe(load_settings(overrides=args.set, profile=args.profile))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
