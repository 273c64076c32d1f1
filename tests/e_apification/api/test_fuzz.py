"""Whatever is sent, the answer is one of the documented ones and has its documented shape."""

import json
from typing import Any

from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e_apification.api.routes.predict import PredictionBody, PredictionsBody
from e_apification.http.errors import ErrorBody

QUIET = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
JSON = {"Content-Type": "application/json"}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
BODIES = VALUES | st.fixed_dictionaries(
    {}, optional={"text": VALUES, "texts": st.lists(st.text()) | VALUES, "other": VALUES}
)


@QUIET
@given(body=BODIES, path=st.sampled_from(["/predict", "/batch_predict"]))
def test_any_json_gets_a_documented_answer(client: TestClient, body: Any, path: str) -> None:
    response = client.post(path, content=json.dumps(body).encode(), headers=JSON)
    check(response, {200, 400, 413, 422})


@QUIET
@given(body=st.binary(max_size=300), media_type=st.sampled_from(["application/json", "text/csv"]))
def test_any_bytes_get_a_documented_answer(
    client: TestClient, body: bytes, media_type: str
) -> None:
    response = client.post("/predict", content=body, headers={"Content-Type": media_type})
    check(response, {200, 400, 415, 422})


@QUIET
@given(text=st.text(min_size=1, max_size=200))
def test_any_text_alone_and_in_a_batch_gets_the_same_answer(client: TestClient, text: str) -> None:
    alone = client.post("/predict", content=json.dumps({"text": text}).encode(), headers=JSON)
    many = {"texts": [text, "refund", text]}
    batch = client.post("/batch_predict", content=json.dumps(many).encode(), headers=JSON)
    assert alone.status_code == batch.status_code
    if alone.status_code == 200:
        predictions = batch.json()["predictions"]
        assert predictions[0] == predictions[2] == alone.json()


def check(response: Any, statuses: set[int]) -> None:
    assert response.status_code in statuses, response.text
    assert response.headers["x-request-id"]
    if response.status_code != 200:
        ErrorBody.model_validate_json(response.content, strict=True)
    elif "predictions" in response.json():
        PredictionsBody.model_validate_json(response.content, strict=True)
    else:
        body = PredictionBody.model_validate_json(response.content, strict=True)
        assert body.abstained == (body.label is None)
        assert abs(sum(body.scores.values()) - 1) < 1e-4
