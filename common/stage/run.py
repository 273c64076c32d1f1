"""Run a stage: built aside, described by a manifest, published whole by one rename.

``run_stage`` is how every stage runs: it does nothing where inputs, settings and code are those
of the last run, and else builds into a folder beside the output that is renamed last.
A killed stage therefore leaves the previous output in place.
"""

import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from common.locks import exclusive, replacing
from common.stage.files import sync_folder, write_atomically
from common.stage.manifest import MANIFEST, Manifest, RowCounts, find_manifest, folder_records
from common.stage.plan import Plan

logger = logging.getLogger(__name__)


class Built(NamedTuple):
    """What a stage's build function returns: row counts and the stage's own figures."""

    rows: RowCounts
    figures: dict[str, Any]


OnBuilt = Callable[[Plan, Manifest], None]


def run_stage(
    plan: Plan,
    *,
    output: Path,
    build: Callable[[Path], Built],
    on_built: OnBuilt | None = None,
    resumable: bool = False,
) -> Manifest:
    """Bring ``output`` up to date and return its manifest.

    Args:
        plan: from ``plan_stage``.
        output: where the result appears: a link to a folder named by the plan's key.
        build: fills the folder it is given.
        on_built: is told of what was built, before that is published.
        resumable: hand ``build`` what a killed run of this very plan left behind, not an empty
            folder.

    Raises:
        TriageError: if another process is building the same output.
    """
    with single_writer(output):
        done = find_manifest(output)
        if done is not None and done.key == plan.key:
            _log_unchanged(done)
            return done
        staging, manifest = _build(plan, output, build, resumable=resumable)
        if on_built:
            on_built(plan, manifest)
        with replacing(output):
            _publish(staging, output, version=plan.key)
        return manifest


def run_stage_once(
    plan: Plan,
    *,
    folder: Path,
    build: Callable[[Path], Built],
    on_built: OnBuilt | None = None,
) -> Manifest:
    """Like ``run_stage``, for an output that is never replaced: ``folder`` is new or already done.

    The folder's time of change says when it was asked for last.

    Raises:
        TriageError: if another process is building the same folder.
    """
    with single_writer(folder):
        done = find_manifest(folder)
        if done is not None:
            os.utime(folder)
            _log_unchanged(done)
            return done
        staging, manifest = _build(plan, folder, build, resumable=False)
        if on_built:
            on_built(plan, manifest)
        if folder.exists():
            shutil.rmtree(folder)
        staging.rename(folder)
        sync_folder(folder.parent)
        return manifest


def single_writer(output: Path) -> AbstractContextManager[None]:
    """Be the one process that writes ``output``; a TriageError where another does."""
    return exclusive(
        output.parent / f".{output.name}.lock",
        busy=f"another process is writing {output}; wait for it, or end it and run again",
    )


def _build(
    plan: Plan, output: Path, build: Callable[[Path], Built], *, resumable: bool
) -> tuple[Path, Manifest]:
    """Fill a staging folder beside ``output``, manifest included; return both."""
    staging = output.parent / f".{output.name}.staging-{plan.key}"
    for stale in output.parent.glob(f".{output.name}.staging-*"):
        if not (resumable and stale == staging):
            shutil.rmtree(stale)
    staging.mkdir(exist_ok=True)
    started = time.monotonic()
    built = build(staging)
    manifest = Manifest(
        stage=plan.stage,
        created_at=datetime.now(UTC),
        key=plan.key,
        code_sha256=plan.code_sha256,
        settings_sha256=plan.settings_sha256,
        inputs=plan.inputs,
        outputs=tuple(folder_records(staging)),
        rows=built.rows,
        seconds=round(time.monotonic() - started, 3),
        figures=built.figures,
    )
    write_atomically(staging / MANIFEST, manifest.model_dump_json(indent=2, by_alias=True) + "\n")
    logger.log(_level(manifest), "%s: %s", plan.stage, _outcome(manifest))
    return staging, manifest


def _log_unchanged(done: Manifest) -> None:
    text = "%s: inputs, settings and code unchanged, nothing to do"
    logger.log(_level(done), text, done.stage)


def _level(manifest: Manifest) -> int:
    """Stages have rows; exports, cards and the like are details."""
    return logging.INFO if manifest.rows.taken else logging.DEBUG


def _outcome(manifest: Manifest) -> str:
    rows, seconds = manifest.rows, f"{manifest.seconds:.1f} s"
    if not rows.taken:
        return seconds
    dropped = ", ".join(f"{reason} {n:,}" for reason, n in rows.dropped.items())
    return f"{rows.taken:,} rows in, {rows.out:,} out, dropped: {dropped or 'none'}; {seconds}"


def _publish(staging: Path, output: Path, *, version: str) -> None:
    """Point ``output`` at the finished folder; a link can be replaced atomically, a folder not."""
    target = output.parent / f"{output.name}.{version}"
    if target.exists():
        shutil.rmtree(target)
    staging.rename(target)
    link = output.parent / f".{output.name}.link"
    link.unlink(missing_ok=True)
    link.symlink_to(target.name)
    if output.is_dir() and not output.is_symlink():  # of a copy that followed links
        output.rename(output.with_name(f"{output.name}.copied"))
    link.replace(output)
    sync_folder(output.parent)
    for other in output.parent.glob(f"{output.name}.*"):
        if other != target and other.is_dir():
            shutil.rmtree(other)
