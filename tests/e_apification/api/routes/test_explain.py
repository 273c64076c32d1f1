from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from e_apification.api.app import create_app

# softmax(3 / 2, 0, 0) and its fall to a third where the one word that speaks is left out.
FALL = 0.358105


def test_the_word_that_made_the_label_is_named(client: TestClient) -> None:
    text = "  my REFUND, please "
    response = client.post("/explain", json={"text": text})
    assert response.status_code == 200
    answer = response.json()
    assert (answer["label"], answer["confidence"], answer["method"]) == (
        "billing",
        0.691438,
        "occlusion",
    )
    assert (answer["abstained"], answer["truncated"], answer["untested_words"]) == (False, False, 0)
    assert answer["words"] == [
        {"word": "my", "start": 2, "end": 4, "weight": 0},
        {"word": "REFUND,", "start": 5, "end": 12, "weight": FALL},
        {"word": "please", "start": 13, "end": 19, "weight": 0},
    ]
    assert all(text[word["start"] : word["end"]] == word["word"] for word in answer["words"])


def test_a_word_can_speak_against_the_label(client: TestClient) -> None:
    answer = client.post("/explain", json={"text": "refund refund parcel"}).json()
    weights = [word["weight"] for word in answer["words"]]
    # billing of logits (3, 1.5, 0); without a refund (1.5, 1.5, 0); without the parcel (3, 0, 0).
    assert weights == pytest.approx([0.785597 - 0.449808, 0.785597 - 0.449808, -0.123846], abs=2e-3)


def test_one_word_and_an_unsure_text_are_explained_too(client: TestClient) -> None:
    assert client.post("/explain", json={"text": "refund"}).json()["words"][0]["weight"] == FALL
    unsure = client.post("/explain", json={"text": "nothing known"}).json()
    assert (unsure["label"], unsure["abstained"]) == ("billing", True)


def test_the_words_tried_are_bounded_and_the_rest_counted(client: TestClient) -> None:
    answer = client.post("/explain", json={"text": "word " * 20}).json()
    assert (len(answer["words"]), answer["untested_words"]) == (12, 8)
    assert answer["truncated"] is True


def test_words_are_tried_in_slices_like_any_batch(gated: Any) -> None:
    app = create_app(
        Settings(run_dir=Path("nowhere"), serving=ServingSettings(workers=2)), load=lambda _: gated
    )
    with TestClient(app) as client:
        assert client.post("/explain", json={"text": "a b"}).status_code == 200
        assert client.post("/explain", json={"text": "w " * 40}).status_code == 200
    assert gated.calls[0] == ["a b", " b", "a "]
    assert max(map(len, gated.calls)) <= 8
