"""In what form a table was found."""

from dataclasses import dataclass
from typing import Literal

from common.tables.dialect import NO_DELIMITER


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
        encoding = self.encoding.upper() if self.encoding.startswith("utf") else self.encoding
        if self.delimiter == NO_DELIMITER:
            return f"CSV in {encoding}, one column"
        shown = {"\t": "tab"}.get(self.delimiter, f'"{self.delimiter}"')
        return f"CSV in {encoding}, fields by {shown}"
