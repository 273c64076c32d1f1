import pytest

from common.errors import DataError
from common.tables.columns.places import column_places


def test_places_follow_the_names_asked_for() -> None:
    assert column_places(["id", "label", "text"], ["text", "label"], name="x.csv") == [2, 1]


@pytest.mark.parametrize(
    ("columns", "remedy", "message"),
    [
        (["id", "a"], "", "x.csv has no column 'text' and no column 'label'; it has 'id', 'a'"),
        (["text"], "Name it.", "x.csv has no column 'label'; it has 'text'. Name it."),
        (["text", "label", "text"], "Name it.", "x.csv has two columns named 'text'; rename one"),
    ],
)
def test_a_column_that_is_missing_or_stands_twice_is_named(
    columns: list[str], remedy: str, message: str
) -> None:
    with pytest.raises(DataError) as error:
        column_places(columns, ["text", "label"], name="x.csv", remedy=remedy)
    assert str(error.value) == message


def test_other_columns_may_stand_twice() -> None:
    assert column_places(["note", "text", "note"], ["text"], name="x.csv") == [1]
