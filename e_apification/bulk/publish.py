"""What a run leaves beside its input: the result, its manifest, and the rejected records.

All three appear at the end or not at all. The manifest comes last, so that where it lies, the
result is whole.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from common.locks import exclusive
from common.stage.files import sha256_of, sync_folder
from common.stage.manifest import FileRecord, RowCounts


class Summary(NamedTuple):
    """What a run did: rows taken = out + rejected; seconds with and without Spark's start.

    rejected: by reason. distinct: texts, None where nobody counted them. abstained, without_text:
    rows.
    """

    taken: int
    out: int
    rejected: Counter[str]
    distinct: int | None
    abstained: int
    without_text: int
    seconds: float
    scoring_seconds: float


class _Scored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    created_at: datetime
    model_id: str
    form: str
    text_columns: tuple[str, ...]
    rows: RowCounts
    abstained: int
    without_text: int


class ScoreManifest(_Scored):
    """What a run took and made. rows.dropped: rejected records by reason."""

    input: FileRecord
    output: FileRecord


class FolderManifest(_Scored):
    """The same of a folder, which is named by its address."""

    input: str


def record_of(path: Path, *, name: str) -> FileRecord:
    """A file's record under the name that it has, or will have."""
    return FileRecord(path=name, bytes=path.stat().st_size, sha256=sha256_of(path))


def rejects_of(out: Path) -> Path:
    """Where the rejected records of a result stand."""
    return out.with_name(f"{out.name}.rejected.csv")


def manifest_path(out: Path) -> Path:
    """Where the manifest of a result stands."""
    return out.with_name(f"{out.name}.manifest.json")


@contextmanager
def work_folder(out: Path) -> Iterator[Path]:
    """An empty folder beside the output, gone at the end; what a killed run left goes first."""
    work = out.parent / f".{out.name}.scoring"
    busy = f"another process is writing {out}; wait for it, or end it"
    with exclusive(out.parent / f".{out.name}.lock", busy=busy):
        try:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def publish(finished: Path, out: Path, *, rejects: Path | None, manifest: ScoreManifest) -> None:
    """Move rejected records, result and manifest into place, each whole."""
    listed, described = rejects_of(out), manifest_path(out)
    draft = finished.with_name("manifest.json")
    draft.write_text(manifest.model_dump_json(indent=2, by_alias=True) + "\n", encoding="utf-8")
    for path in (finished, draft, *([rejects] if rejects else [])):
        with path.open("rb") as file:
            os.fsync(file.fileno())
    described.unlink(missing_ok=True)
    if rejects:
        rejects.replace(listed)
    else:
        listed.unlink(missing_ok=True)
    finished.replace(out)
    draft.replace(described)
    sync_folder(out.parent)
