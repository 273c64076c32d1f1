"""After training: have a new model judged once, and let it serve if the gate says so.

An unchanged stage moves nothing: a model that has served before stays where a rollback left it.
"""

import logging

from common.config.schema import Settings
from common.errors import RefusedError
from common.models.deployment import asked_by, promote, refusal, settle
from common.models.journal import last_decision, read_journal
from common.models.registry import serving_id
from common.models.verdict import find_verdict, write_verdict

logger = logging.getLogger(__name__)


def deploy(settings: Settings, model_id: str, *, force: bool) -> None:
    """Judge and promote a trained model where it is new, or asked for by ``force``.

    A refused one is judged again only where limits, gold or production have changed.

    Raises:
        RefusedError: if the gate refuses it, or did so before and nothing has changed.
        DataError: if a file is not what it should be.
    """
    models = settings.paths.models
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
    if before is not None and before.key == verdict_key(settings, model_id, serving):
        raise RefusedError(
            refusal(models, model_id, before.reasons),
            model_id=model_id,
            reasons=before.reasons,
        )
    verdict = judge(settings, model_id, against=serving)
    write_verdict(models, verdict)
    logger.info("%s", gate_table(verdict))
    promote(models, model_id, by=asked_by("train_model"), force=force)
