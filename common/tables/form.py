"""In what form a table was found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Form:
    """kind of file; of a CSV also its encoding, byte order mark and delimiter."""

    kind: Literal["csv", "jsonl", "parquet", "xlsx"]
    encoding: str = "utf-8"
    bom: bool = False
    delimiter: str = ","

    @property
    def described(self) -> str:
        """For the log."""
        if self.kind != "csv":
            return self.kind
        return f'CSV in {self.encoding}, fields by "{self.delimiter}"'
