"""Let an earlier model serve again.      python -m d_training rollback [--to 0123456789ab]

Without --to it is the one that served before the present one, by models/deployments.jsonl.
"""

import sys

from common.config.schema import Settings
from common.models.deployment import asked_by, roll_back


def rollback(settings: Settings, *, to: str | None) -> None:
    """Move production back, and say which model serves.

    Raises:
        TriageError: if there is no such model, or its files are not whole.
    """
    served = roll_back(settings.paths.models, by=asked_by("rollback"), to=to)
    sys.stdout.write(
        f"Model {served} is in production; a running API loads it, `make run_api` starts one.\n"
    )
    sys.stdout.flush()
