"""A local CSV as a stream of bytes: a plain file, a gzip file, or one member of a zip archive.

Compression is told by the first bytes, not by the name, and nothing is unpacked to disk.
"""

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from common.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"


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
        if self.member is not None:
            with zipfile.ZipFile(self.path) as archive:
                return archive.getinfo(self.member).file_size
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
        if self.member is not None:
            archive = stack.enter_context(zipfile.ZipFile(self.path))
            return stack.enter_context(archive.open(self.member))
        if _starts_with(self.path, _GZIP_MAGIC):
            return cast(IO[bytes], stack.enter_context(gzip.open(self.path)))
        if _starts_with(self.path, _ZIP_MAGIC):
            raise DataError(f"{self.path} is a zip archive; unpack it and name the CSV inside")
        return stack.enter_context(self.path.open("rb"))


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic
