"""Stage outputs: built aside, described by a manifest, published whole by one rename.

``run_stage`` is how every stage runs: it does nothing where inputs, settings and code are those
of the last run, and else builds into a folder beside the output that is renamed last.
A killed stage therefore leaves the previous output in place.
"""

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.errors import DataError, TriageError

MANIFEST = "manifest.json"
SOURCE_SUFFIXES = (".py", ".yaml")
logger = logging.getLogger(__name__)


class FileRecord(BaseModel):
    """One file: its path (relative to the manifest for outputs), size and digest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    bytes: int = Field(ge=0)
    sha256: str


class Rows(BaseModel):
    """What became of each row; no row vanishes uncounted."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    taken: int = Field(ge=0, alias="in")
    out: int = Field(ge=0)
    dropped: dict[str, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.taken != self.out + sum(self.dropped.values()):
            raise ValueError(
                f"rows do not add up: {self.taken} in, {self.out} out, dropped {self.dropped}"
            )
        return self


class Manifest(BaseModel):
    """What a stage took, made and dropped; its presence means that the output is whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: str
    created_at: datetime
    key: str
    code_sha256: str
    settings_sha256: str
    inputs: tuple[FileRecord, ...]
    outputs: tuple[FileRecord, ...]
    rows: Rows
    seconds: float
    figures: dict[str, Any]


class Built(NamedTuple):
    """What a stage's build function returns: row counts and the stage's own figures."""

    rows: Rows
    figures: dict[str, Any]


class Plan(NamedTuple):
    """What decides whether a stage must run; ``key`` is the digest of it all.

    settings: what ``settings_sha256`` is the digest of.
    """

    stage: str
    code_sha256: str
    settings_sha256: str
    inputs: tuple[FileRecord, ...]
    settings: Any = None

    @property
    def key(self) -> str:
        """Twelve hex digits that name this combination of inputs, settings and code."""
        inputs = [record.model_dump() for record in self.inputs]
        return _digest([self.stage, self.code_sha256, self.settings_sha256, inputs])[:12]


OnBuilt = Callable[[Plan, Manifest], None]


def plan_stage(
    stage: str, *, packages: Sequence[str], settings: Any, inputs: Sequence[Path]
) -> Plan:
    """Digest code, settings and inputs.

    Args:
        stage: the package's name.
        packages: packages whose source, YAML data included, decides the output; ``common`` is
            always counted.
        settings: a JSON-able value or pydantic model: what of the settings the stage reads.
        inputs: files, or folders that an earlier stage has published.
    """
    root = Path(__file__).resolve().parent.parent
    sources = sorted(
        path
        for name in {*packages, "common"}
        for path in (root / name).rglob("*")
        if path.suffix in SOURCE_SUFFIXES
    )
    code = _digest([[str(p.relative_to(root)), sha256_of(p)] for p in sources])
    records = tuple(record for path in inputs for record in input_records(path))
    return Plan(stage, code, _digest(settings), records, settings)


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
    output.parent.mkdir(parents=True, exist_ok=True)
    with _single_writer(output):
        done = find_manifest(output)
        if done is not None and done.key == plan.key:
            logger.info("%s: inputs, settings and code unchanged, nothing to do", plan.stage)
            return done
        staging, manifest = _build(plan, output, build, resumable=resumable)
        if on_built:
            on_built(plan, manifest)
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

    Raises:
        TriageError: if another process is building the same folder.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _single_writer(folder):
        done = find_manifest(folder)
        if done is not None:
            logger.info("%s: inputs, settings and code unchanged, nothing to do", plan.stage)
            return done
        staging, manifest = _build(plan, folder, build, resumable=False)
        if on_built:
            on_built(plan, manifest)
        if folder.exists():
            shutil.rmtree(folder)
        staging.rename(folder)
        sync_folder(folder.parent)
        return manifest


@contextmanager
def _single_writer(output: Path) -> Iterator[None]:
    lock = FileLock(output.parent / f".{output.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise TriageError(
            f"another process is writing {output}; wait for it, or end it and run again"
        ) from None
    try:
        yield
    finally:
        lock.release()


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
    logger.info(
        "%s: %s rows in, %s out, dropped %s, %.1f s",
        plan.stage,
        f"{built.rows.taken:,}",
        f"{built.rows.out:,}",
        built.rows.dropped or "none",
        manifest.seconds,
    )
    return staging, manifest


def _publish(staging: Path, output: Path, *, version: str) -> None:
    """Point ``output`` at the finished folder; a link can be replaced atomically, a folder not."""
    target = output.parent / f"{output.name}.{version}"
    if target.exists():
        shutil.rmtree(target)
    staging.rename(target)
    link = output.parent / f".{output.name}.link"
    link.unlink(missing_ok=True)
    link.symlink_to(target.name)
    link.replace(output)
    sync_folder(output.parent)
    for other in output.parent.glob(f"{output.name}.*"):
        if other != target and other.is_dir():
            shutil.rmtree(other)


def find_manifest(folder: Path) -> Manifest | None:
    """The manifest of a published folder, or None where there is no whole output.

    Raises:
        DataError: if a manifest is there but cannot be read.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValidationError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is damaged ({error}); remove {folder} and run again") from None
    whole = all(
        (folder / r.path).is_file() and (folder / r.path).stat().st_size == r.bytes
        for r in manifest.outputs
    )
    return manifest if whole else None


def require_manifest(folder: Path, *, made_by: str) -> Manifest:
    """The manifest of an earlier stage's output.

    Raises:
        DataError: naming the make target that produces the folder.
    """
    manifest = find_manifest(folder)
    if manifest is None:
        raise DataError(f"{folder} is missing or not whole; run `make {made_by}` first")
    return manifest


def verify_files(folder: Path, records: Iterable[FileRecord]) -> None:
    """Check size and digest of each file.

    Raises:
        DataError: naming the first file that is missing or differs.
    """
    for record in records:
        path = folder / record.path
        if not path.is_file():
            raise DataError(f"{path} is missing; the folder {folder} is not whole")
        if path.stat().st_size != record.bytes or sha256_of(path) != record.sha256:
            raise DataError(f"{path} differs from its manifest; restore {folder} or build it anew")


def input_records(path: Path) -> list[FileRecord]:
    """What a stage reads: one file, or the outputs named by a published folder's manifest."""
    if path.is_file():
        return [FileRecord(path=path.name, bytes=path.stat().st_size, sha256=sha256_of(path))]
    manifest = find_manifest(path)
    if manifest is None:
        raise DataError(f"{path} is missing or not whole; run the stage that makes it")
    return [r.model_copy(update={"path": f"{path.name}/{r.path}"}) for r in manifest.outputs]


def folder_records(folder: Path) -> list[FileRecord]:
    """Every file below a folder but manifests and hidden files (Spark's checksums), sorted."""
    return [
        FileRecord(
            path=p.relative_to(folder).as_posix(), bytes=p.stat().st_size, sha256=sha256_of(p)
        )
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != MANIFEST and not p.name.startswith(".")
    ]


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Write a small text file so that a reader sees the old or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    spoken = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(spoken.encode()).hexdigest()
