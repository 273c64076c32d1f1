"""What a study found: reports/tuning/study.json, two pictures, and a table for the terminal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.config.schema import Settings
from common.config.tuning import TuningSettings
from common.runtime.text_table import aligned
from common.stage.files import read_json, write_atomically
from d_training.tuning.plots import draw_history, draw_importance
from d_training.tuning.records import utc
from d_training.tuning.study import best_of, finished_trials, format_value

if TYPE_CHECKING:
    from optuna import Study

SUMMARY = "study.json"
WHOLE, STOPPED = "whole", "stopped early"
_FEWEST = 3  # whole trials, before importance means anything


def summarise(study: "Study", tuning: TuningSettings) -> dict[str, Any]:
    """Study, its trials, the best of them, and how much each setting mattered.

    ``finished`` is the study's name and the number of its finished trials.
    """
    from optuna.importance import get_param_importances

    trials = [
        {
            "trial": trial.number,
            "state": WHOLE if trial.state.name == "COMPLETE" else STOPPED,
            "validation_loss": trial.value,
            "macro_f1": trial.user_attrs.get("macro_f1"),
            "looks": len(trial.intermediate_values),
            "seconds": round(
                (utc(trial.datetime_complete) - utc(trial.datetime_start)).total_seconds(), 1
            ),
            "values": trial.params,
        }
        for trial in finished_trials(study)
    ]
    best = best_of(study)
    enough = sum(trial["state"] == WHOLE for trial in trials) >= _FEWEST
    return {
        "finished": [study.study_name, len(trials)],
        "searched": list(tuning.searched),
        "best": best.model_dump() if best else None,
        "importance": get_param_importances(study) if enough else {},
        "trials": trials,
    }


def write_summary(settings: Settings, summary: Mapping[str, Any]) -> list[Path]:
    """Draw the pictures, write study.json last, and return the pictures."""
    folder = settings.paths.tuning
    history, importance = folder / "history.png", folder / "importance.png"
    draw_history(history, summary["trials"])
    importance.unlink(missing_ok=True)
    if summary["importance"]:
        draw_importance(importance, summary["importance"])
    write_atomically(folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
    return [path for path in (history, importance) if path.is_file()]


def read_summary(settings: Settings) -> dict[str, Any]:
    """The last summary; empty where there is none, or a damaged one."""
    found = read_json(settings.paths.tuning / SUMMARY)
    return found if {"finished", "searched", "best", "importance", "trials"} <= set(found) else {}


def study_table(summary: Mapping[str, Any]) -> str:
    """The trials as text, the best one marked."""
    searched, best = summary["searched"], summary["best"]
    rows = [
        [
            f"{trial['trial']}{' best' if best and trial['trial'] == best['trial'] else ''}",
            _number(trial["validation_loss"], ".4f"),
            _number(trial["macro_f1"], ".3f"),
            str(trial["looks"]),
            f"{trial['seconds']:.0f}",
            *(format_value(trial["values"][name]) for name in searched),
            trial["state"],
        ]
        for trial in summary["trials"]
    ]
    header = ["trial", "validation loss", "macro-F1", "looks", "seconds", *searched, ""]
    name, finished = summary["finished"]
    lines = ["", f"Study {name}: {finished} finished trials, on validation rows, by the teacher"]
    lines += aligned(header, rows)
    if best:
        lines.append(f"`make train_model TUNED=1` trains as trial {best['trial']} did")
    else:
        lines.append("no trial ran to its end; narrow the ranges of section tuning")
    return "\n".join(lines) + "\n"


def _number(value: float | None, shape: str) -> str:
    return "" if value is None else format(value, shape)
