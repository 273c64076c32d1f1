"""Teacher, student and baselines against people's labels: scored, written, drawn.

gold.csv has the columns text and label; the teacher's answers to it are made by
c_classification.gold.label_table, the labels' wording alone by c_classification.gold.wording.
Writes reports/evaluation.json and its plots.
"""

import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.config.schema import Settings
from common.errors import DataError
from common.labels import LabelSchema, load_labels
from common.metrics import macro_f1_score
from common.models.evaluation import (
    EVALUATION,
    Evaluation,
    GoldFile,
    Unseen,
    find_evaluation,
)
from common.models.metrics import read_served
from common.models.registry import (
    LABELS,
    MODEL,
    MODEL_INT8,
    require_production_id,
    served_model,
    verified_served,
)
from common.stage.files import write_atomically
from common.stage.plan import plan_stage
from common.tables.input import TableInput
from common.tracking.records import RunRecord, spool
from d_training.data.training_rows import ROWS, used_in_training
from d_training.evaluation.baselines import keyword_labels, majority_labels
from d_training.evaluation.figures import compare_int8, judge_answers, judge_labels
from d_training.evaluation.gold import Answers, Gold, Wording, read_answers, read_gold, read_wording
from d_training.evaluation.hand_labels import compare_with_hand_labels
from d_training.evaluation.plots import draw_gold, expected_pictures
from d_training.evaluation.served import served_answers

CODE = ("d_training.evaluation.evaluate",)  # what decides the output, with all that these import
logger = logging.getLogger("d_training.evaluation")


def evaluate(
    settings: Settings, *, gold: Path, teacher: Path, report: Path, wording: Path | None = None
) -> Evaluation:
    """Write ``report``/evaluation.json and return it; unchanged inputs are not scored again.

    Without ``wording`` it lacks the baselines by wording, and how many hand labels it is worth.

    Raises:
        DataError: if there is no production model, or a file is not what it should be.
    """
    models = settings.paths.models
    model_id = require_production_id(models)
    folder = verified_served(models, model_id, also=(MODEL, MODEL_INT8, ROWS))
    inputs = [gold, teacher, *([wording] if wording else [])]
    for path in inputs:
        if not path.is_file():
            raise DataError(f"{path} does not exist; `make evaluate GOLD=file.csv` needs it")
    read_from = TableInput.of(gold, settings.ingestion)
    plan = plan_stage(
        "evaluation",
        code=CODE,
        settings={"model": model_id, "seed": settings.seed, "gold": read_from.named},
        inputs=inputs,
    )
    done = find_evaluation(report)
    if done is not None and done.key == plan.key and _drawn(report, done):
        logger.info("evaluation: model, gold and what it is held against unchanged, nothing to do")
        return done
    started = time.monotonic()
    schema = load_labels(settings.labels)
    if load_labels(folder / LABELS).names != schema.names:
        raise DataError(
            f"model {model_id} was trained on other labels than {settings.labels} names; "
            "run `make train_model`, or name its labels file by LABELS="
        )
    labeled = read_gold(read_from, schema, rules=read_served(folder).text_rules)
    scored = _score(
        labeled,
        read_answers(teacher, labeled, schema),
        read_wording(wording, labeled, schema) if wording else None,
        folder=folder,
        schema=schema,
        seed=settings.seed,
    )
    evaluation = Evaluation(
        key=plan.key,
        created_at=datetime.now(UTC).replace(microsecond=0),
        model_id=model_id,
        labels=schema.names,
        gold=GoldFile(
            file=str(gold),
            texts=len(labeled.texts),
            left_out=dict(labeled.left_out),
            generated=gold.resolve().parent == settings.paths.raw.resolve(),
        ),
        **scored,
    )
    draw_gold(report, evaluation)
    spool(settings, _record(settings, evaluation, report, seconds=time.monotonic() - started))
    write_atomically(report / EVALUATION, evaluation.model_dump_json(indent=2) + "\n")
    logger.info("evaluation: %s", report / EVALUATION)
    return evaluation


def _drawn(report: Path, evaluation: Evaluation) -> bool:
    return all((report / name).is_file() for name in expected_pictures(evaluation))


def _record(
    settings: Settings, evaluation: Evaluation, report: Path, *, seconds: float
) -> RunRecord:
    content = evaluation.model_dump(mode="json")
    scores = {who: content[who] for who in ("teacher", "student", "baselines", "unseen")}
    return RunRecord(
        stage="evaluation",
        pipeline=settings.pipeline,
        profile=settings.profile,
        seconds=seconds,
        tags={"key": evaluation.key, "model": evaluation.model_id},
        figures={"texts": evaluation.gold.texts, **scores},
        document=EVALUATION,
        content=content,
        files=tuple((report / name).resolve() for name in expected_pictures(evaluation)),
    )


def _score(
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
    unseen = ~used_in_training(folder, gold.texts)
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
        "unseen": Unseen(
            texts=int(unseen.sum()),
            teacher_macro_f1=_macro_f1(truth, teacher, unseen),
            student_macro_f1=_macro_f1(truth, student, unseen),
        ),
        "hand_labels": compare_with_hand_labels(
            wording.vectors, truth, score=judged.macro_f1, labels=len(names), seed=seed
        )
        if wording
        else None,
    }


def _macro_f1(truth: NDArray[np.int64], answers: Answers, where: NDArray[np.bool_]) -> float | None:
    if not where.any():
        return None
    predicted = answers.probs.argmax(axis=1)
    labels = answers.probs.shape[1]
    return macro_f1_score(truth[where], predicted[where], labels=labels)
