"""After training: have a new model judged once, and let it serve if the gate says so.

An unchanged stage moves nothing: a model that has served before stays where a rollback left it.
"""

import logging
from typing import TYPE_CHECKING

from common.config.gate import GateSettings
from common.errors import RefusedError
from common.models.deployment import asked_by, promote, refusal, settle
from common.models.journal import last_decision, read_journal
from common.models.registry import serving_id
from common.models.verdict import find_verdict, write_verdict

if TYPE_CHECKING:
    from d_training.experiment import Experiment

logger = logging.getLogger(__name__)


def deploy(experiment: "Experiment", *, limits: GateSettings, threads: int, force: bool) -> None:
    """Judge and promote a trained model where it is new, or asked for by ``force``.

    Args:
        experiment: whose model it is.
        limits: of the gate.
        threads: of ONNX Runtime, as serving has them.
        force: promote it whatever the gate says.

    A refused one is judged again only where limits, gold or production have changed.

    Raises:
        RefusedError: if the gate refuses it, or did so before and nothing has changed.
        DataError: if a file is not what it should be.
    """
    models, model_id = experiment.paths.models, experiment.model_id
    settle(models)
    serving = serving_id(models)
    if serving == model_id:
        return
    last = last_decision(read_journal(models), model_id)
    if last is not None and last.moved and not force:
        logger.warning(
            "model %s has served before and model %s serves now, nothing to do; "
            "`make rollback TO=%s` brings it back",
            model_id,
            serving or "none",
            model_id,
        )
        return
    from d_training.gate.judge import judge, verdict_key
    from d_training.gate.table import gate_table

    before = find_verdict(models, model_id) if last is not None and not force else None
    if before is not None and before.key == verdict_key(
        limits, model_id, against=serving, seed=experiment.seed
    ):
        raise RefusedError(
            refusal(models, model_id, before.reasons),
            model_id=model_id,
            reasons=before.reasons,
        )
    verdict = judge(
        experiment.paths,
        model_id,
        against=serving,
        schema=experiment.schema,
        limits=limits,
        seed=experiment.seed,
        threads=threads,
    )
    write_verdict(models, verdict)
    logger.info("%s", gate_table(verdict))
    promote(models, model_id, by=asked_by("train_model"), force=force)
