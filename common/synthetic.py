"""The synthetic messages that a labels file may name: made up in bulk, each under its label.

The labels file's own sentences say where the borders between labels lie; some thousand invented
messages, a language model's for instance, say how people write. Training alone reads them.
"""

from common.errors import DataError, SettingsError
from common.labels import LabelSchema
from common.tables.read import read_columns
from common.text import dedup_key, natural_text

COLUMNS = ("label", "text")


def read_synthetic(schema: LabelSchema) -> list[tuple[str, int]]:
    """Each message, as cleaning writes it, with its label's position; none where none are named.

    Raises:
        SettingsError: if the file does not exist or cannot be read as a CSV with the columns
            label and text, or holds a row without text, of no known label, or of another label
            than its equal.
    """
    found: dict[str, tuple[str, int]] = {}
    for path in schema.synthetic_files:
        try:
            rows = read_columns(path, COLUMNS)
        except DataError as error:
            raise SettingsError(str(error)) from None
        for row in rows:
            where = f"{path}, line {row.line}"
            name, written = row.values
            text, label = _checked(name.strip(), written.strip(), schema, where=where)
            same = found.setdefault(dedup_key(text), (text, label))
            if same[1] != label:
                raise SettingsError(
                    f"{where}: the text stands under {schema.names[same[1]]!r} already; "
                    "keep one of the two"
                )
    return list(found.values())


def _checked(label: str, text: str, schema: LabelSchema, *, where: str) -> tuple[str, int]:
    if label not in schema.names:
        raise SettingsError(
            f"{where}: {label!r} is not one of the labels {', '.join(schema.names)}"
        )
    if not (natural := natural_text(text)):
        raise SettingsError(f"{where}: no text; write one, or delete the row")
    return natural, schema.names.index(label)
