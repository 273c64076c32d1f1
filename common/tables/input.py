"""A local file as a stream of bytes: plain, in gzip, or the one file in a zip archive.

Compression is recognised by the first bytes, not by the name, and nothing is unpacked to disk.
"""

import gzip
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Self, cast

from common.config.ingestion import IngestionSettings
from common.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_ADDED = re.compile(r"/$|^__MACOSX/|(^|/)\.[^/]*$|(^|/)Thumbs\.db$")


@dataclass(frozen=True)
class TableInput:
    """A file with a table in it; what is None is found in the file.

    member: the file inside a zip archive. encoding: a Python codec. delimiter: one character.
    sheet: name of a sheet of a workbook.
    """

    path: Path
    member: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None

    @classmethod
    def of(cls, path: Path, ingestion: IngestionSettings) -> Self:
        """The file that a command is about, read as the settings say."""
        return cls(
            path,
            encoding=ingestion.encoding,
            delimiter=ingestion.delimiter,
            sheet=ingestion.sheet,
        )

    @property
    def named(self) -> dict[str, str | None]:
        """All but the path: what decides, beside the bytes, what is read."""
        return {key: value for key, value in asdict(self).items() if key != "path"}

    def require(self, remedy: str = "name a CSV file") -> None:
        """Check that there is a file.

        Raises:
            DataError: if there is none, with the remedy.
        """
        if not self.path.is_file():
            found = "is a folder" if self.path.is_dir() else "does not exist"
            raise DataError(f"{self.path} {found}; {remedy}")

    @property
    def plain_bytes(self) -> int | None:
        """Size of the uncompressed CSV, where that is known beforehand."""
        if self._is_zip:
            with zipfile.ZipFile(self.path) as archive:
                return archive.getinfo(self._member_of(archive)).file_size
        return None if _starts_with(self.path, _GZIP_MAGIC) else self.path.stat().st_size

    @contextmanager
    def open_stream(self) -> Iterator[IO[bytes]]:
        """The uncompressed bytes.

        Raises:
            DataError: if the file cannot be opened, or its compressed data is damaged.
        """
        with ExitStack() as stack:
            try:
                yield self._open(stack)
            except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
                raise DataError(
                    f"{self.path} is damaged ({error}); fetch or compress it anew"
                ) from None

    def _open(self, stack: ExitStack) -> IO[bytes]:
        self.require()
        if not os.access(self.path, os.R_OK):
            raise DataError(f"{self.path} may not be read; give this user the right to")
        if self._is_zip:
            archive = stack.enter_context(zipfile.ZipFile(self.path))
            return stack.enter_context(archive.open(self._member_of(archive)))
        if _starts_with(self.path, _GZIP_MAGIC):
            return cast(IO[bytes], stack.enter_context(gzip.open(self.path)))
        return stack.enter_context(self.path.open("rb"))

    @property
    def _is_zip(self) -> bool:
        return self.member is not None or _starts_with(self.path, _ZIP_MAGIC)

    def _member_of(self, archive: zipfile.ZipFile) -> str:
        """The file in the archive: the one named, or the only one."""
        if self.member is not None:
            return self.member
        names = [name for name in archive.namelist() if not is_added(name)]
        if len(names) != 1:
            shown = f" ({', '.join(map(repr, names[:5]))})" if names else ""
            raise DataError(
                f"{self.path} holds {len(names)} files{shown}; unpack it and name one table"
            )
        return names[0]


def is_added(name: str) -> bool:
    """Whether an entry of an archive is a folder, or a file that an operating system adds."""
    return bool(_ADDED.search(name))


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic
