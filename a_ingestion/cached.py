"""Downloads that are kept: a file, and beside it a small manifest that says what it should be."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from common.stage.files import sha256_of, write_atomically


class CachedFile(BaseModel):
    """What is known of a kept file: where it came from, its size, digest and HTTP ETag."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: dict[str, str]
    bytes: int
    sha256: str
    etag: str | None = None


def is_cached(path: Path, *, origin: dict[str, str]) -> bool:
    """Whether ``path`` is, byte for byte, what was once kept from this origin."""
    try:
        kept = CachedFile.model_validate_json(_manifest(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, ValidationError):
        return False
    return (
        kept.origin == origin
        and path.is_file()
        and path.stat().st_size == kept.bytes
        and sha256_of(path) == kept.sha256
    )


def keep(draft: Path, path: Path, *, origin: dict[str, str], etag: str | None = None) -> None:
    """Make a finished draft the kept file; killed in between, the draft is still there."""
    kept = CachedFile(origin=origin, bytes=draft.stat().st_size, sha256=sha256_of(draft), etag=etag)
    write_atomically(_manifest(path), kept.model_dump_json(indent=2) + "\n")
    draft.replace(path)


def _manifest(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
