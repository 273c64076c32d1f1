"""The synthetic messages that a labels file may name: made up in bulk, each under its label.

The labels file's own sentences say where the borders between labels lie; some thousand invented
messages, a language model's for instance, say how people write. Training alone reads them.
"""

import csv

from common.errors import SettingsError
from common.labels import LabelSchema
from common.text import dedup_key, natural_text

COLUMNS = ("label", "text")


def read_synthetic(schema: LabelSchema) -> list[tuple[str, int]]:
    """Each message, as cleaning writes it, with its label's position; none where none are named.

    Raises:
        SettingsError: if the file does not exist, is no UTF-8 CSV with the columns label and text,
            or holds a row without text, of no known label, or of another label than its equal.
    """
    found: dict[str, tuple[str, int]] = {}
    for path in schema.synthetic_files:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file, strict=True)
                if missing := set(COLUMNS) - set(rows.fieldnames or ()):
                    raise SettingsError(f"{path} lacks the column {', '.join(sorted(missing))}")
                for row in rows:
                    text, label = _checked(row, schema, where=f"{path}, line {rows.line_num}")
                    same = found.setdefault(dedup_key(text), (text, label))
                    if same[1] != label:
                        raise SettingsError(
                            f"{path}, line {rows.line_num}: the text stands under "
                            f"{schema.names[same[1]]!r} already; keep one of the two"
                        )
        except (csv.Error, UnicodeDecodeError) as error:
            raise SettingsError(f"{path} is not a UTF-8 CSV: {error}") from None
    return list(found.values())


def _checked(row: dict[str, str | None], schema: LabelSchema, *, where: str) -> tuple[str, int]:
    label, text = ((row[column] or "").strip() for column in COLUMNS)
    if label not in schema.names:
        raise SettingsError(
            f"{where}: {label!r} is not one of the labels {', '.join(schema.names)}"
        )
    if not (natural := natural_text(text)):
        raise SettingsError(f"{where}: no text; write one, or delete the row")
    return natural, schema.names.index(label)
