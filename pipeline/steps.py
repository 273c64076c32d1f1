"""The steps of each command: their names, what they do, and the processes that do it."""

from pathlib import Path
from typing import NamedTuple

from common.config.schema import Settings

TRAINING = "training"


class Step(NamedTuple):
    """commands: arguments of ``python -m``, run one after the other."""

    name: str
    does: str
    commands: tuple[tuple[str, ...], ...]


def chain_steps(settings: Settings, *, force: bool = False, tuned: bool = False) -> list[Step]:
    """From raw rows to a judged model, and every message labeled by it."""
    options = [*(["--force"] if force else []), *(["--tuned"] if tuned else [])]
    return [
        Step("ingestion", f"lands {source_name(settings)} in data/raw", (("a_ingestion",),)),
        Step(
            "transformation",
            "cleans, threads and checks the messages, in data/curated",
            (("b_transformation",),),
        ),
        Step(
            "classification",
            "labels texts for training with the teacher, in data/labeled",
            (("c_classification",),),
        ),
        Step(TRAINING, "trains and judges the student", (("d_training", *options),)),
        score_curated_step(settings, relabel=True),
    ]


def whole_steps(settings: Settings, *, force: bool = False, tuned: bool = False) -> list[Step]:
    """The chain with evaluation, where there is gold, report and server."""
    *data, training, scoring = chain_steps(settings, force=force, tuned=tuned)
    gold = gold_of(settings)
    judging = evaluate_steps(settings, gold) if gold else []
    # How CSV is to be read says nothing about GOLD.
    found = tuple(f"--set=ingestion.{name}=" for name in ("encoding", "delimiter", "sheet"))
    commands = (
        *training.commands,
        *((*command, *found) for step in judging for command in step.commands),
    )
    does = "trains, judges and evaluates the student" if gold else training.does
    return [
        *data,
        Step(TRAINING, does, commands),
        scoring._replace(commands=(*scoring.commands, ("d_training.report",))),
        Step("serving", "starts the API", (("e_apification.launch", "start"),)),
    ]


def evaluate_steps(settings: Settings, gold: Path) -> list[Step]:
    """Teacher, wording and student on the same labeled rows."""
    reports = settings.paths.reports
    teacher, wording = reports / "teacher_on_gold.parquet", reports / "wording_on_gold.parquet"
    scores = (f"--gold={gold}", f"--teacher={teacher}", f"--wording={wording}")
    return [
        Step(
            "teacher",
            f"labels {gold}",
            (("c_classification.gold.label_table", f"--csv={gold}", f"--out={teacher}"),),
        ),
        Step(
            "wording",
            f"compares {gold} with the labels' wording",
            (("c_classification.gold.wording", f"--csv={gold}", f"--out={wording}"),),
        ),
        Step("evaluation", "scores teacher and student", (("d_training.evaluation", *scores),)),
    ]


def score_step(source: Path | str, out: Path | str) -> Step:
    """A file, or a folder or address, labeled by the student."""
    files = (f"--csv={source}", f"--out={out}")
    command = ("e_apification", "score", *files)
    return Step("file scoring", f"labels {source} into {out}", (command,))


def score_curated_step(settings: Settings, *, relabel: bool) -> Step:
    """The curated messages labeled by the student; relabel: also those of another model."""
    paths = settings.paths
    options = ("--relabel",) if relabel else ()
    does = f"labels {paths.curated} into {paths.scored}"
    return Step("scoring", does, (("e_apification", "score", *options),))


def gold_of(settings: Settings) -> Path | None:
    """Labeled rows: the named ones, else those that come with generated data."""
    if settings.gate.gold is None and settings.ingestion.source == "sample":
        return settings.paths.raw / "gold.csv"
    return settings.gate.gold


def source_name(settings: Settings) -> str:
    """What the rows come from, in words."""
    ingestion = settings.ingestion
    names = {
        "sample": f"{ingestion.sample_rows:,} generated rows",
        "csv": str(ingestion.csv),
        "kaggle": ingestion.kaggle.dataset,
        "huggingface": ingestion.huggingface.dataset,
    }
    return names[ingestion.source]
