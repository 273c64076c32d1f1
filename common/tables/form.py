"""In which form a table is written: what was found in the file, or set."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["csv", "jsonl", "parquet", "xlsx"]
_NAMES = {"csv": "CSV", "jsonl": "JSONL", "parquet": "Parquet", "xlsx": "xlsx"}


@dataclass(frozen=True)
class Form:
    """How a file holds its table.

    encoding: a Python codec, of the texts. bom: whether the file starts with a byte order mark.
    delimiter: of a CSV's fields; None where it has one column, and in other kinds.
    """

    kind: Kind
    encoding: str = "utf-8"
    bom: bool = False
    delimiter: str | None = None

    @property
    def described(self) -> str:
        """For a log, as 'CSV in cp1252, fields by ";"'."""
        if self.kind != "csv":
            return _NAMES[self.kind]
        fields = {None: "one column", "\t": "fields by tab"}
        by = fields.get(self.delimiter, f'fields by "{self.delimiter}"')
        return f"CSV in {self.encoding.upper().replace('CP', 'cp')}, {by}"
