"""Search for training settings: data/labeled -> RUN_DIR/models/studies.db, reports/tuning.

    python -m d_training tune --set tuning.trials=10

A study goes on where it was, also after a kill, until it has ``tuning.trials`` finished trials.
``python -m d_training --tuned`` trains with the best of them.
"""

import logging
from typing import TYPE_CHECKING

from common.config.schema import Settings
from common.labels import load_labels
from common.stage.manifest import require_manifest
from common.stage.plan import Plan
from common.tracking.records import spool
from d_training.tuning.plan import start_checkpoint, study_plan
from d_training.tuning.records import study_record, trial_record
from d_training.tuning.report import read_summary, study_table, summarise, write_summary
from d_training.tuning.study import finished_trials, opened_study

if TYPE_CHECKING:
    from optuna import Study

_RECORDED = "recorded"  # of a study: how many of its finished trials have a record
logger = logging.getLogger(__name__)


def tune(settings: Settings) -> None:
    """Bring the study of the present data to its number of trials, and report on it.

    Raises:
        DataError: if the labeled rows don't suffice.
        TriageError: if another process is tuning.
    """
    require_manifest(settings.paths.labeled, made_by="classify")
    plan = study_plan(settings)
    with opened_study(settings.paths.studies, plan.key) as study:
        _record_trials(study, settings, plan)
        done = len(finished_trials(study))
        if done < settings.tuning.trials:
            _run_trials(study, settings, plan)
        elif read_summary(settings).get("finished") == [plan.key, done]:
            logger.info("study %s: %d finished trials, nothing to do", plan.key, done)
            return
        summary = summarise(study, settings.tuning)
        files = write_summary(settings, summary)
        spool(settings, study_record(settings, plan, summary, files=files))
        logger.info("%s", study_table(summary))


def _run_trials(study: "Study", settings: Settings, plan: Plan) -> None:
    from d_training.tuning.trials import prepare_ground, run_trial

    schema, checkpoint = load_labels(settings.labels), start_checkpoint(settings.training)
    ground = prepare_ground(settings, schema=schema, checkpoint=checkpoint)
    wanted = settings.tuning.trials
    while (done := len(finished_trials(study))) < wanted:
        logger.info("study %s: trial %d of %d", plan.key, done + 1, wanted)
        run_trial(study, ground)
        _record_trials(study, settings, plan)


def _record_trials(study: "Study", settings: Settings, plan: Plan) -> None:
    """Spool records of finished trials; one that a kill left without is made up for."""
    finished = finished_trials(study)
    for trial in finished[study.user_attrs.get(_RECORDED, 0) :]:
        spool(settings, trial_record(settings, plan, trial))
    study.set_user_attr(_RECORDED, len(finished))
