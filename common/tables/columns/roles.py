"""Which column of a source means what, by the settings; every other column is carried along.

Settings and header in, `Roles` out, the same wherever a source is landed or read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.tables.columns.places import TEXT_REMEDY, column_places, text_columns

LEFT_OUT = "none"  # as the name of an optional column
# The columns that stages and scoring add to a message. One of the source that is called so, in
# capitals or not, is carried as source_<name>.
OURS = frozenset({
    "tweet_id", "id", "author_id", "created_at", "created_date", "brand", "conversation_id",
    "is_opener", "text", "clean_text", "lang", "label", "confidence", "scores", "teacher", "votes",
    "abstained", "truncated", "source", "model_id", "source_row",
})  # fmt: skip
# Optional roles: the settings that name their columns, and the names that are tried otherwise.
_USUAL = {
    "id_column": "tweet_id",
    "date_column": "created_at",
    "brand_column": None,
    "inbound_column": "inbound",
}
_PARENTS = "in_response_to_tweet_id"  # of no use without ids


@dataclass(frozen=True)
class Roles:
    """Columns of a source by their meaning; None: it has none, or it is left out.

    keys: gives each message its key, None: the number of its row does. ids: gives its id as
    written. carried: names in the source by the names under which they are carried.
    """

    texts: tuple[str, ...]
    keys: str | None
    ids: str | None
    date: str | None
    brand: str | None
    inbound: str | None
    author: str | None
    parents: str | None
    carried: Mapping[str, str]


def find_roles(
    columns: Sequence[str], *, name: str, text_column: str, optional: Mapping[str, str | None]
) -> Roles:
    """The roles of a source's columns.

    Args:
        columns: all that there are.
        name: what errors call the source.
        text_column: names one column, or several.
        optional: names by setting; None: the usual column where there is one; ``none``: none.

    Raises:
        DataError: if a column that is named is missing, naming what there is.
    """
    texts = text_columns(text_column, columns)
    column_places(columns, texts, name=name, remedy=TEXT_REMEDY)
    found = {
        setting: _find(setting, optional.get(setting), columns, name=name) for setting in _USUAL
    }
    keys, date, brand = (found[f"{role}_column"] for role in ("id", "date", "brand"))
    ids = keys or next((column for column in columns if column.casefold() == "id"), None)
    author = "author_id" if "author_id" in columns else None
    # What stands in a column of ours of the same name comes back there.
    back = {"author_id": author, "created_at": date, "brand": brand}
    taken = {column for ours, column in back.items() if column == ours}
    if ids is not None and ids.casefold() in ("id", "tweet_id"):
        taken.add(ids)
    carried = [column for column in columns if column not in {*texts, *taken, "source_row"}]
    return Roles(
        texts=texts,
        keys=keys,
        ids=ids,
        date=date,
        brand=brand,
        inbound=found["inbound_column"],
        author=author,
        parents=_PARENTS if keys is not None and _PARENTS in columns else None,
        carried=_free_names(carried),
    )


def _find(setting: str, wanted: str | None, columns: Sequence[str], *, name: str) -> str | None:
    usual = _USUAL[setting]
    if wanted is None:
        return usual if usual in columns else None
    if wanted == LEFT_OUT and LEFT_OUT not in columns:
        return None
    variable = setting.upper()
    column_places(
        columns,
        [wanted],
        name=name,
        remedy=f"Name another: {variable}=, or none: {variable}={LEFT_OUT} (ingestion.{setting})",
    )
    return wanted


def _free_names(columns: Sequence[str]) -> dict[str, str]:
    """Each column under its name; with the prefix, once or more, where that is taken."""
    used = OURS | {column.casefold() for column in columns if column.casefold() not in OURS}
    names: dict[str, str] = {}
    for column in columns:
        free = column
        if column.casefold() in OURS:
            free = f"source_{column}"
            while free.casefold() in used:
                free = f"source_{free}"
            used |= {free.casefold()}
        names[free] = column
    return names
