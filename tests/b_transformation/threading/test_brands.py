from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from b_transformation.columns.directions import INBOUND, OUTBOUND
from b_transformation.columns.ids import NOTHING
from b_transformation.threading.brands import choose_brand, choose_brands, find_thread_brands

NAMES = {"teashop": "TeaShop", "bikebarn": "BikeBarn"}
TEA, BIKE, JO = 0, 1, 2
MENTIONS = [
    # text, brand in the thread, brand
    ("where is it", None, None),
    ("where is it", "TeaShop", "TeaShop"),
    (None, "TeaShop", "TeaShop"),
    (None, None, None),
    ("", "BikeBarn", "BikeBarn"),
    ("@TeaShop hi", None, "TeaShop"),
    ("@TEASHOP hi", None, "TeaShop"),
    ("hi @teashop", None, "TeaShop"),
    ("@bikebarn, @teashop", None, "BikeBarn"),
    ("@bikebarn, @teashop", "TeaShop", "TeaShop"),
    ("@bikebarn hi", "TeaShop", "BikeBarn"),
    ("@stranger hi", None, None),
    ("@stranger hi", "TeaShop", "TeaShop"),
    ("@stranger @bikebarn", "TeaShop", "BikeBarn"),
    ("@123 @teashop", None, "TeaShop"),
    ("jo@teashop.example", None, None),
    ("jo_@teashop", None, None),
    ("@teashops", None, None),
    ("@teashop_uk", None, None),
    ("@teashop's (@bikebarn)", None, "TeaShop"),
    (".@teashop!", None, "TeaShop"),
    ("😀@teashop😀", None, "TeaShop"),
    ("@@teashop", None, "TeaShop"),
    ("@ teashop", None, None),
    ("teashop", None, None),
    ("\n@teashop\n", None, "TeaShop"),
]


def find(*messages: tuple[int, int, int, int], order: list[int] | None = None) -> Any:
    """Each message: author, direction, place of the message replied to, conversation."""
    columns = np.array(messages, np.int64).reshape(-1, 4).T
    authors, directions, parents, conversations = columns
    return find_thread_brands(
        authors,
        directions.astype(np.int8),
        parents,
        conversations,
        np.array(order if order is not None else range(len(messages)), np.int64),
    )


@pytest.mark.parametrize(("text", "in_thread", "brand"), MENTIONS)
def test_mentioned_brand_comes_before_the_thread(
    text: str | None, in_thread: str | None, brand: str | None
) -> None:
    assert choose_brand(text, in_thread, names=NAMES) == brand


def test_columns_choose_the_same_and_a_reply_decides_first() -> None:
    rows: list[Any] = [(text, None, thread) for text, thread, _ in MENTIONS]
    rows += [("@bikebarn hi", "TeaShop", "BikeBarn"), (None, "TeaShop", None)]
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    found = choose_brands(*columns, names=NAMES).to_pylist()
    assert found == [*(brand for _, _, brand in MENTIONS), "TeaShop", "TeaShop"]


def test_without_brands_nobody_is_mentioned() -> None:
    none = pa.nulls(1, pa.string())
    found = choose_brands(pa.array(["@teashop hi"]), none, none, names={})
    assert found.to_pylist() == [None]


def test_brand_replied_to() -> None:
    found = find(
        (TEA, OUTBOUND, NOTHING, 1),
        (JO, INBOUND, 0, 1),  # to the brand
        (JO, INBOUND, 1, 1),  # to a person
        (JO, INBOUND, NOTHING, 4),
        (NOTHING, OUTBOUND, NOTHING, 5),
        (JO, INBOUND, 4, 5),  # to a brand without a name
    )
    assert found.replied_to.tolist() == [NOTHING, TEA, NOTHING, NOTHING, NOTHING, NOTHING]


def test_the_only_brand_of_a_conversation_is_in_all_of_it() -> None:
    found = find(
        (JO, INBOUND, NOTHING, 7),
        (JO, INBOUND, 0, 7),
        (BIKE, OUTBOUND, 1, 7),
        (BIKE, OUTBOUND, 2, 7),
        (JO, INBOUND, NOTHING, 8),
    )
    assert found.in_thread.tolist() == [BIKE, BIKE, BIKE, BIKE, NOTHING]


def test_of_several_brands_in_a_conversation_only_the_one_that_answered_counts() -> None:
    found = find(
        (JO, INBOUND, NOTHING, 7),
        (TEA, OUTBOUND, 0, 7),
        (JO, INBOUND, 0, 7),
        (BIKE, OUTBOUND, 2, 7),
        (JO, INBOUND, 0, 7),  # nobody answered this one
    )
    assert found.in_thread.tolist()[0] == TEA
    assert found.in_thread.tolist()[2] == BIKE
    assert found.in_thread.tolist()[4] == NOTHING


@pytest.mark.parametrize(("order", "first"), [([1, 2, 3], TEA), ([1, 3, 2], BIKE)])
def test_of_several_answers_the_first_in_the_source_counts(order: list[int], first: Any) -> None:
    found = find(
        (JO, INBOUND, NOTHING, 7), (TEA, OUTBOUND, 0, 7), (BIKE, OUTBOUND, 0, 7), order=order
    )
    assert found.in_thread.tolist()[0] == first


def test_brands_are_the_authors_of_outbound_messages() -> None:
    found = find(
        (BIKE, OUTBOUND, NOTHING, 1),
        (TEA, OUTBOUND, NOTHING, 2),
        (BIKE, OUTBOUND, NOTHING, 3),
        (JO, INBOUND, NOTHING, 4),
        (NOTHING, OUTBOUND, NOTHING, 5),
    )
    assert found.brands.tolist() == [TEA, BIKE]


def test_nobody_but_customers() -> None:
    found = find((JO, INBOUND, NOTHING, 1), (JO, INBOUND, 0, 1))
    assert found.replied_to.tolist() == [NOTHING, NOTHING]
    assert found.in_thread.tolist() == [NOTHING, NOTHING]
    assert found.brands.tolist() == []


def test_no_messages() -> None:
    assert [array.tolist() for array in find()] == [[], [], []]
