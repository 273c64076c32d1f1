"""A download that is under way: the bytes so far, and which remote file they are the start of."""

import os
import re
from pathlib import Path

import requests
from pydantic import BaseModel, ValidationError

from common.log import progress
from common.stage.files import write_atomically

# What a broken connection costs at most: urllib3 drops a chunk that it cannot fill.
_CHUNK_BYTES = 1 << 16


class BrokenTransferError(Exception):
    """What came is not what was announced; worth another try."""


class _Identity(BaseModel):
    """Which remote file: its size, and a strong ETag or, where there is none, its date."""

    bytes: int | None = None
    etag: str | None = None


class Part:
    """``path``.part and what is known about it; survives the process."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._record = target.with_name(f"{target.name}.part.json")
        self._identity = self._read_identity()

    @property
    def etag(self) -> str | None:
        """The validator that the server gave for the file."""
        return self._identity.etag

    @property
    def received(self) -> int:
        """How many bytes are here."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def is_complete(self) -> bool:
        """Whether as many bytes are here as the server announced."""
        return self.received > 0 and self.received == self._identity.bytes

    @property
    def resume_headers(self) -> dict[str, str]:
        """What asks for the rest only; empty if nothing is here whose origin is certain."""
        if not self.received or self._identity.etag is None:
            return {}
        return {"Range": f"bytes={self.received}-", "If-Range": self._identity.etag}

    def discard(self) -> None:
        """Forget everything."""
        self.path.unlink(missing_ok=True)
        self._record.unlink(missing_ok=True)
        self._identity = _Identity()

    def receive(self, response: requests.Response, *, what: str) -> None:
        """Write the body, at its place.

        Raises:
            BrokenTransferError: if the answer is not the asked part, or ends too early or too late.
            requests.RequestException: if the connection breaks.
        """
        if response.status_code == requests.codes.partial_content:
            self._require_continuation(response)
        else:
            self._start_anew(response)
        size = self._identity.bytes
        rest = None if size is None else size - self.received
        with self.path.open("ab") as file:
            body = response.iter_content(_CHUNK_BYTES)
            for chunk in progress(body, total=rest, what=what, unit="B", size=len):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if size is not None and self.received != size:
            if self.received > size:
                self.discard()
            raise BrokenTransferError("not the announced size")

    def _start_anew(self, response: requests.Response) -> None:
        self.discard()
        length = response.headers.get("Content-Length", "")
        self._identity = _Identity(
            bytes=int(length) if length.isdigit() else None, etag=_validator(response)
        )
        write_atomically(self._record, self._identity.model_dump_json() + "\n")

    def _require_continuation(self, response: requests.Response) -> None:
        """A server may answer with another part, or with a part of a newer file."""
        span = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
        )
        fits = (
            span is not None
            and int(span[1]) == self.received
            and (span[2] == "*" or int(span[2]) == self._identity.bytes)
            and _validator(response) in (None, self._identity.etag)
        )
        if not fits:
            self.discard()
            raise BrokenTransferError("another part than the one asked for")

    def _read_identity(self) -> _Identity:
        try:
            return _Identity.model_validate_json(self._record.read_text(encoding="utf-8"))
        except (FileNotFoundError, UnicodeDecodeError, ValidationError):
            return _Identity()


def _validator(response: requests.Response) -> str | None:
    """What If-Range takes: a strong ETag, else the date of the last change."""
    etag = response.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
