"""Folders on any file system that Spark reads: a disk, hdfs://, s3a://, and others by its plug-ins.

What is there, and small files, through Hadoop's own interface. Nothing relies on links or renames.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import DataError
from common.runtime.spark import address_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Place:
    """A folder by its path or address."""

    def __init__(self, session: "SparkSession", place: Path | str) -> None:
        """Find the file system of a place.

        Raises:
            DataError: if Spark knows no such file system, or it does not answer.
        """
        context: Any = session.sparkContext
        self._new_path = context._jvm.org.apache.hadoop.fs.Path  # noqa: SLF001 Spark has no other
        address = address_of(place)
        try:
            path = self._new_path(address)
            self._system = path.getFileSystem(context._jsc.hadoopConfiguration())  # noqa: SLF001
            self._path = self._system.makeQualified(path)
            self.is_folder = bool(self._system.exists(self._path)) and bool(
                self._system.getFileStatus(self._path).isDirectory()
            )
        except Exception as error:  # noqa: BLE001 of Java
            lines = [line for line in str(error).splitlines() if "xception" in line]
            raise DataError(
                f"{address} can't be reached ({(lines or [''])[0][:300]}); see docs/cluster.md "
                "for what other file systems need"
            ) from None
        self.address = str(self._path.toString())

    def __str__(self) -> str:
        return self.address

    def names(self, most: int) -> list[str]:
        """Files in it and below, ``most`` of them, but those that Spark passes over (_x, .x)."""
        return list(islice(self._names(), most))

    def _names(self) -> Iterator[str]:
        files = self._system.listFiles(self._path, True)
        start = len(self.address) + 1
        while files.hasNext():
            name = str(files.next().getPath().toString())[start:]
            if not any(part.startswith(("_", ".")) for part in name.split("/")):
                yield name

    def has(self, name: str) -> bool:
        """Whether there is a file or folder of that name in it."""
        return bool(self._system.exists(self._within(name)))

    def is_empty(self) -> bool:
        """Whether nothing is there."""
        return not self._system.exists(self._path) or not self._system.listStatus(self._path)

    def write(self, name: str, text: str) -> None:
        """Write a small file in it."""
        stream = self._system.create(self._within(name), True)
        stream.write(bytearray(text.encode()))
        stream.close()

    def remove(self, name: str = "") -> None:
        """Remove a file of it, or all."""
        self._system.delete(self._within(name) if name else self._path, True)

    def _within(self, name: str) -> Any:
        return self._new_path(self._path, name)
