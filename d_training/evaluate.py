"""Teacher, student and baselines against people's labels.

    python -m d_training.evaluate --gold gold.csv --teacher reports/teacher_on_gold.parquet \\
        --wording reports/wording_on_gold.parquet

gold.csv has the columns text and label; the teacher's answers to it are made by
c_classification.label_csv, what the labels' wording alone says by c_classification.wording.
Writes reports/evaluation.json and its pictures, and prints its table.
"""

import json
import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.artifacts import plan_stage, write_atomically
from common.cli import run_command, stage_parser
from common.errors import DataError
from common.labels import LabelSchema, load_labels
from common.metrics import confusion_matrix, macro_f1
from common.registry import (
    LABELS,
    MODEL,
    MODEL_INT8,
    require_production_id,
    served_model,
    verified_served,
)
from common.schema import Settings
from common.tracking import RunRecord, spool
from d_training.baselines import keyword_labels, majority_labels
from d_training.gold import Answers, Gold, Wording, read_answers, read_gold, read_wording
from d_training.gold_plots import draw_gold, expected_pictures
from d_training.hand_labels import compare_with_hand_labels
from d_training.judge import compare_int8, judge_answers, judge_labels
from d_training.seen import ROWS, seen_in_training
from d_training.served import served_answers
from d_training.sync import synced
from d_training.table import table

REPORT = "evaluation.json"
logger = logging.getLogger("d_training.evaluate")


def main() -> int:
    """Evaluate from the command line; returns the exit code."""
    parser = stage_parser(
        "d_training.evaluate", "Score teacher and student on labeled rows.", sections=()
    )
    parser.add_argument("--gold", type=Path, required=True, help="CSV with columns text,label")
    parser.add_argument("--teacher", type=Path, required=True, help="teacher's answers, Parquet")
    parser.add_argument("--wording", type=Path, help="answers of names and descriptions, Parquet")
    parser.add_argument("--report", type=Path, help="folder of evaluation.json (RUN_DIR/reports)")
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


def evaluate(
    settings: Settings, *, gold: Path, teacher: Path, report: Path, wording: Path | None = None
) -> dict[str, Any]:
    """Write ``report``/evaluation.json and return it; unchanged inputs are not scored again.

    Without ``wording`` it lacks the baselines by wording, and how many hand labels it is worth.

    Raises:
        DataError: if there is no production model, or a file is not what it should be.
    """
    models = settings.paths.models
    experiment = require_production_id(models)
    folder = verified_served(models, experiment, also=(MODEL, MODEL_INT8, ROWS))
    inputs = [gold, teacher, *([wording] if wording else [])]
    for path in inputs:
        if not path.is_file():
            raise DataError(f"{path} does not exist; `make evaluate GOLD=file.csv` needs it")
    plan = plan_stage(
        "evaluation",
        packages=["d_training"],
        settings={"model": experiment, "seed": settings.seed},
        inputs=inputs,
    )
    target = report / REPORT
    done = _read_report(target)
    if done.get("key") == plan.key and all(
        (report / name).is_file() for name in expected_pictures(done)
    ):
        logger.info("evaluation: model, gold and what it is held against unchanged, nothing to do")
        return done
    started = time.monotonic()
    schema = load_labels(settings.labels)
    if load_labels(folder / LABELS).names != schema.names:
        raise DataError(
            f"model {experiment} was trained on other labels than {settings.labels} names; "
            "run `make train_model`, or name its labels file by LABELS="
        )
    labelled = read_gold(gold, schema)
    evaluation = {
        "key": plan.key,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": experiment,
        "labels": schema.names,
        "gold": {
            "file": str(gold),
            "texts": len(labelled.texts),
            "left_out": labelled.left_out,
            "generated": gold.resolve().parent == settings.paths.raw.resolve(),
        },
        **_scores(
            labelled,
            read_answers(teacher, labelled, schema),
            read_wording(wording, labelled, schema) if wording else None,
            folder=folder,
            schema=schema,
            seed=settings.seed,
        ),
    }
    draw_gold(report, evaluation)
    spool(settings, _record(settings, evaluation, report, seconds=time.monotonic() - started))
    write_atomically(target, json.dumps(evaluation, indent=2) + "\n")
    logger.info("evaluation: %s", target)
    return evaluation


def _record(
    settings: Settings, evaluation: dict[str, Any], report: Path, *, seconds: float
) -> RunRecord:
    scores = {who: evaluation[who] for who in ("teacher", "student", "baselines", "unseen")}
    return RunRecord(
        stage="evaluation",
        pipeline=settings.pipeline,
        profile=settings.profile,
        seconds=seconds,
        tags={"key": evaluation["key"], "model": evaluation["model"]},
        figures={"texts": evaluation["gold"]["texts"], **scores},
        document=REPORT,
        content=evaluation,
        files=tuple((report / name).resolve() for name in expected_pictures(evaluation)),
    )


def _scores(
    gold: Gold,
    teacher: Answers,
    wording: Wording | None,
    *,
    folder: Path,
    schema: LabelSchema,
    seed: int,
) -> dict[str, Any]:
    names, truth = schema.names, gold.truth
    answers = {name: served_answers(folder, gold.texts, model=name) for name in (MODEL, MODEL_INT8)}
    served = served_model(folder)
    student = answers[served]
    unseen = ~seen_in_training(folder, gold.texts)
    baselines = {
        "majority": majority_labels(truth, labels=len(names)),
        "keywords": keyword_labels(gold.texts, schema),
    }
    if wording:
        baselines |= {"bare names": wording.names, "descriptions": wording.descriptions}
    judged = judge_answers(truth, student, names, seed=seed)
    return {
        "teacher": judge_answers(truth, teacher, names, seed=seed),
        "student": judged,
        "baselines": {
            name: judge_labels(truth, predicted, names, seed=seed)
            for name, predicted in baselines.items()
        },
        "served": served,
        "int8": compare_int8(truth, float32=answers[MODEL], int8=answers[MODEL_INT8]),
        "unseen": {
            "texts": int(unseen.sum()),
            "teacher_macro_f1": _macro_f1(truth, teacher, unseen),
            "student_macro_f1": _macro_f1(truth, student, unseen),
        },
        "hand_labels": compare_with_hand_labels(
            wording.vectors, truth, score=judged["macro_f1"], labels=len(names), seed=seed
        )
        if wording
        else None,
    }


def _macro_f1(truth: NDArray[np.int64], answers: Answers, where: NDArray[np.bool_]) -> float | None:
    if not where.any():
        return None
    predicted = answers.probs.argmax(axis=1)
    labels = answers.probs.shape[1]
    return float(macro_f1(confusion_matrix(truth[where], predicted[where], labels=labels)))


def _read_report(path: Path) -> dict[str, Any]:
    """The last report; empty where there is none, or none that can be read."""
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return report


if __name__ == "__main__":
    sys.exit(main())
