from typing import Any

import pytest

from common.errors import DataError
from common.tables.columns.roles import Roles, find_roles

KAGGLE = (
    "tweet_id", "author_id", "inbound", "created_at", "text", "response_tweet_id",
    "in_response_to_tweet_id",
)  # fmt: skip


def roles(*columns: str, text_column: str = "text", **optional: str) -> Roles:
    return find_roles(columns, name="in.csv", text_column=text_column, optional=optional)


def test_usual_columns_have_their_roles_without_being_named() -> None:
    found = roles(*KAGGLE)
    assert (found.keys, found.ids, found.date, found.brand) == (
        "tweet_id", "tweet_id", "created_at", None,
    )  # fmt: skip
    assert (found.inbound, found.author, found.parents) == (
        "inbound", "author_id", "in_response_to_tweet_id",
    )  # fmt: skip
    assert found.texts == ("text",)
    assert list(found.carried) == ["inbound", "response_tweet_id", "in_response_to_tweet_id"]


def test_a_source_of_nothing_but_texts() -> None:
    found = roles("body", text_column="body")
    assert found == Roles(("body",), None, None, None, None, None, None, None, {})


def test_named_columns_are_carried_too() -> None:
    found = roles(
        "Ticket", "Opened", "Shop", "subject", "body", text_column="subject,body",
        id_column="Ticket", date_column="Opened", brand_column="Shop",
    )  # fmt: skip
    assert (found.texts, found.keys, found.ids) == (("subject", "body"), "Ticket", "Ticket")
    assert (found.date, found.brand) == ("Opened", "Shop")
    assert found.carried == {"Ticket": "Ticket", "Opened": "Opened", "Shop": "Shop"}


def test_names_of_ours_get_a_prefix_whatever_their_case() -> None:
    found = roles("body", "text", "Label", "source_label", "Source_Text", "brand", "created_at",
                  text_column="body", date_column="none")  # fmt: skip
    assert found.carried == {
        "source_source_text": "text",
        "source_source_Label": "Label",
        "source_label": "source_label",
        "Source_Text": "Source_Text",
        "source_brand": "brand",
        "source_created_at": "created_at",
    }


@pytest.mark.parametrize("name", ["id", "ID", "Id"])
def test_a_column_of_ids_comes_back_without_being_the_key(name: str) -> None:
    found = roles(name, "text")
    assert (found.keys, found.ids, found.carried) == (None, name, {})


def test_a_column_that_is_not_the_id_is_carried() -> None:
    found = roles("tweet_id", "ID", "text", "in_response_to_tweet_id", id_column="none")
    assert (found.keys, found.ids, found.parents) == (None, "ID", None)
    assert found.carried == {
        "source_tweet_id": "tweet_id", "in_response_to_tweet_id": "in_response_to_tweet_id",
    }  # fmt: skip
    assert roles("tweet_id", "ID", "text").carried == {"source_ID": "ID"}


def test_none_is_a_column_where_there_is_one() -> None:
    assert roles("text", "none", date_column="none").date == "none"
    assert roles("text", "created_at", date_column="none").date is None


@pytest.mark.parametrize(
    ("optional", "message"),
    [
        ({"id_column": "ticket"},
         "in.csv has no column 'ticket'; it has 'text', 'Ticket'. Name another: ID_COLUMN=, or "
         "none: ID_COLUMN=none (ingestion.id_column)"),
        ({"date_column": "created_at"},
         "in.csv has no column 'created_at'; it has 'text', 'Ticket'. Name another: DATE_COLUMN=, "
         "or none: DATE_COLUMN=none (ingestion.date_column)"),
    ],
)  # fmt: skip
def test_a_named_column_that_is_missing(optional: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        roles("text", "Ticket", **optional)
    assert str(caught.value) == message


def test_a_missing_text_column_names_those_there_are() -> None:
    with pytest.raises(DataError) as caught:
        roles("id", "body", text_column="subject,body")
    assert str(caught.value) == (
        "in.csv has no column 'subject'; it has 'id', 'body'. "
        "Name the one that holds the messages: TEXT_COLUMN= (ingestion.text_column)"
    )
