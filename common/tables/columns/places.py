"""The columns of a table by their names."""

from collections.abc import Sequence

from common.errors import DataError

TEXT_REMEDY = "Name the one that holds the messages: TEXT_COLUMN= (ingestion.text_column)"


def column_places(
    columns: Sequence[str], wanted: Sequence[str], *, name: str, remedy: str = ""
) -> list[int]:
    """Where each wanted column stands.

    Args:
        columns: all that there are.
        wanted: names.
        name: what errors call the table.
        remedy: what to do where one is missing.

    Raises:
        DataError: if one is missing, naming what there is, or stands twice.
    """
    missing = " and no column ".join(repr(column) for column in wanted if column not in columns)
    if missing:
        raise DataError(
            f"{name} has no column {missing}; it has {quoted(columns)}{remedy and '. '}{remedy}"
        )
    for column in wanted:
        if columns.count(column) > 1:
            raise DataError(f"{name} has two columns named {column!r}; rename one")
    return [columns.index(column) for column in wanted]


def text_columns(setting: str, columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that ingestion.text_column names: one of that whole name, else several.

    Several are separated by commas, as subject,description; spaces around a name count only where
    a column has them too. Whether each exists is for `column_places` to check.
    """
    if setting in columns:
        return (setting,)
    parts = setting.split(",")
    return tuple(dict.fromkeys(part if part in columns else part.strip() for part in parts))


def quoted(names: Sequence[str]) -> str:
    """Names as an error message shows them."""
    return ", ".join(repr(name) for name in names)
