"""Train the student on data/labeled into models/.      python -m d_training --profile sample

In several processes, a GPU each where there are any: torchrun --nproc-per-node 2 -m d_training
``python -m d_training tune`` searches for better training settings, ``--tuned`` trains with them.
``python -m d_training sync`` uploads to MLflow what waits since its server was away,
``python -m d_training worker`` takes the jobs of the API's /retrain,
``python -m d_training rollback`` lets an earlier model serve again.
"""

import sys
from collections.abc import Callable
from functools import partial

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.locks import reading
from common.log import configure_logging
from d_training import run
from d_training.experiment import Experiment
from d_training.fine_tuning.processes import launched
from d_training.gate.rollback import rollback
from d_training.stage import assist_training
from d_training.tracking.sync import sync, synced
from d_training.tuning.tune import tune
from d_training.worker import check_worker, work


def main() -> int:
    """Run the stage from the command line; returns the exit code."""
    parser = stage_parser(
        "d_training",
        "Distill the soft labels into a small BERT: data/labeled -> models/<model_id>.",
        sections=("training", "tuning", "gate", "store", "tracking"),
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("train", "tune", "sync", "worker", "rollback"),
        default="train",
        help="train (the default), search for settings, upload pending records to MLflow, run the "
        "jobs of /retrain, or let an earlier model serve again",
    )
    parser.add_argument(
        "--tuned", action="store_true", help="train with the best settings that tune has found"
    )
    parser.add_argument(
        "--force", action="store_true", help="promote even if the gate refuses; journaled"
    )
    parser.add_argument("--once", action="store_true", help="worker: end after one poll for a job")
    parser.add_argument(
        "--check", action="store_true", help="worker: only see whether one lives (exit code 0)"
    )
    parser.add_argument(
        "--to", metavar="ID", help="rollback: a model that has served (default: previous)"
    )
    args = parser.parse_args()

    def train(settings: Settings) -> None:
        with synced(settings):
            run(settings, force=args.force, tuned=args.tuned)

    def move_back(settings: Settings) -> None:
        with synced(settings):
            rollback(settings, to=args.to)

    def assist(settings: Settings) -> None:
        configure_logging("quiet")  # the main process logs how it goes
        assist_training(Experiment(settings, tuned=args.tuned))

    if args.action != "train" and launched().total > 1:
        parser.error(f"{args.action} runs in one process; start it without torchrun")
    if not launched().main:
        return run_command(args, assist)
    actions: dict[str, Callable[[Settings], None]] = {
        "train": train,
        "tune": _tune,
        "sync": sync,
        "worker": check_worker if args.check else partial(work, once=args.once),
        "rollback": move_back,
    }
    return run_command(args, actions[args.action])


def _tune(settings: Settings) -> None:
    with synced(settings), reading(settings.paths.labeled):
        tune(settings)


if __name__ == "__main__":
    sys.exit(main())
