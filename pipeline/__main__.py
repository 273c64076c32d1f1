"""Check, run and sum up a command of the chain.      python -m pipeline --profile sample

``python -m pipeline all`` also evaluates, reports and serves; ``smoke`` runs the chain on few rows;
``evaluate`` and ``score`` judge and label files with the model that serves. The exit code is that
of the process that failed.
"""

import argparse
import logging
import os
import sys
from collections.abc import Iterable

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.config.section import path_or_address, plain_path
from common.config.settings import load_settings
from common.errors import SettingsError
from pipeline import smoke
from pipeline.preflight import (
    Check,
    chain_checks,
    evaluate_checks,
    require_all,
    score_checks,
    score_curated_checks,
)
from pipeline.run import run_steps
from pipeline.steps import (
    chain_steps,
    evaluate_steps,
    score_curated_step,
    score_step,
    source_name,
    whole_steps,
)
from pipeline.summary import make_command, summarize

logger = logging.getLogger("pipeline")


def main() -> int:
    """Run a command; returns the exit code."""
    parser = stage_parser(
        "pipeline", "Check all files of a command, run its stages, sum up.", sections=()
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("data", "all", "smoke", "evaluate", "score"),
        default="data",
        help="data (the default): from raw rows to a model and labeled messages",
    )
    parser.add_argument(
        "--gold", type=plain_path, help="evaluate: labeled rows, columns text,label"
    )
    parser.add_argument(
        "--csv",
        type=path_or_address,
        help="score: the file, folder or address to label; without it, the curated messages",
    )
    parser.add_argument("--out", type=path_or_address, help="score: the result")
    parser.add_argument(
        "--relabel", action="store_true", help="score: also what another model labeled"
    )
    parser.add_argument("--force", action="store_true", help="promote even if the gate refuses")
    parser.add_argument("--tuned", action="store_true", help="train with what tune has found")
    args = parser.parse_args()
    actions = {
        "data": _data,
        "all": _all,
        "smoke": _smoke,
        "evaluate": _evaluate,
        "score": _score,
    }
    return run_command(args, lambda settings: actions[args.action](settings, args))


def _data(settings: Settings, args: argparse.Namespace) -> None:
    _check(chain_checks(settings))
    _share_parent_run(settings)
    steps = chain_steps(settings, force=args.force, tuned=args.tuned)
    seconds = run_steps(steps, options=_options(args), results=_shows_results(settings))
    _write(summarize(settings, seconds=seconds, following=_next(settings)))


def _all(settings: Settings, args: argparse.Namespace) -> None:
    _check(chain_checks(settings, serve=True))
    _share_parent_run(settings)
    steps = whole_steps(settings, force=args.force, tuned=args.tuned)
    seconds = run_steps(steps, options=_options(args), results=_shows_results(settings))
    _write(summarize(settings, seconds=seconds, following=_next(settings)))


def _smoke(settings: Settings, args: argparse.Namespace) -> None:
    _check(chain_checks(settings))
    logger.info("takes a random %d rows of %s", smoke.ROWS, source_name(settings))
    overrides = [*args.set, *smoke.prepare(settings)]
    small = load_settings(overrides=overrides, profile="sample").settings
    args.set, args.profile = overrides, "sample"
    seconds = run_steps(smoke.smoke_steps(small), options=_options(args), results=False)
    following = make_command("pipeline", settings)
    _write(summarize(small, seconds=seconds, following=following))
    _write(
        "A smoke run shows that the chain works on this file; its labels and scores say nothing.\n"
    )


def _evaluate(settings: Settings, args: argparse.Namespace) -> None:
    if args.gold is None:
        raise SettingsError("evaluate: name the labeled file, GOLD=path.csv (columns text,label)")
    _check(evaluate_checks(settings, args.gold))
    run_steps(evaluate_steps(settings, args.gold), options=_options(args), results=True)


def _score(settings: Settings, args: argparse.Namespace) -> None:
    if args.csv is None and args.out is None:
        _check(score_curated_checks(settings))
        step = score_curated_step(settings, relabel=args.relabel)
    elif args.csv is None or args.out is None:
        raise SettingsError(
            "score: name both files, CSV=in.csv OUT=out.csv; without both it labels the curated "
            "messages of RUN_DIR"
        )
    else:
        _check(score_checks(settings, source=args.csv, out=args.out))
        step = score_step(args.csv, args.out)
    run_steps([step], options=_options(args), results=True)


def _check(checks: Iterable[Check]) -> None:
    found = require_all(list(checks))
    logger.info("checked: %s", ", ".join(each for each in found if each))


def _share_parent_run(settings: Settings) -> None:
    """The stages of one run have one parent in MLflow; its name is given to all processes."""
    os.environ["TRIAGE_TRACKING__PIPELINE"] = settings.pipeline


def _options(args: argparse.Namespace) -> list[str]:
    profile = ["--profile", args.profile] if args.profile else []
    return [*profile, *(word for item in args.set for word in ("--set", item))]


def _shows_results(settings: Settings) -> bool:
    return settings.log != "quiet"


def _next(settings: Settings) -> str:
    if settings.ingestion.source == "csv":
        return make_command("score", settings, OUT="scored.csv")
    return "make pipeline CSV=mine.csv TEXT_COLUMN=message RUN_DIR=.runs/mine"


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
