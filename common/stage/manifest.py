"""manifest.json: what a stage took, made and dropped. Where it lies, the output is whole."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.errors import DataError
from common.stage.files import sha256_of

MANIFEST = "manifest.json"


class FileRecord(BaseModel):
    """One file: its path (relative to the manifest for outputs), size and digest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    bytes: int = Field(ge=0)
    sha256: str


class RowCounts(BaseModel):
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
    rows: RowCounts
    seconds: float
    figures: dict[str, Any]


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
