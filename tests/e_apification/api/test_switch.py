"""Another model takes the place of the one that serves: by hand, by key, and by the pointer."""

import asyncio
import gc
import json
import shutil
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.models import deployment, journal
from common.models.verdict import Check, Verdict, write_verdict
from common.stage.files import sha256_of
from common.stage.manifest import MANIFEST, Manifest
from e_apification.api.app import create_app
from e_apification.model.inference import InferenceService
from e_apification.model.predictor import load_predictor
from tests.clock import scaled
from tests.e_apification.learning import ENTRY, WITH_KEY

OLD, NEW, THIRD = "0123456789ab", "ba9876543210", "aaaaaaaaaaaa"
MakeModels = Callable[..., Path]


@pytest.fixture
def models(make_models: MakeModels, tmp_path: Path) -> Path:
    """OLD serves; NEW, which is twice as cool, and so less sure of itself, was never judged."""
    shutil.copytree(make_models(), tmp_path / "models")
    for model_id, temperature in ((NEW, 4.0), (THIRD, 8.0)):
        other = make_models(model_id=model_id, temperature=temperature, abstain_threshold=0.0)
        shutil.copytree(other / model_id, tmp_path / "models" / model_id)
    return tmp_path / "models"


def server(models: Path, *, follow_s: float) -> TestClient:
    serving = ServingSettings(workers=1, api_keys=(ENTRY,), follow_s=follow_s)
    app = create_app(Settings(run_dir=models.parent, serving=serving))
    return TestClient(app, headers=WITH_KEY)


@pytest.fixture
def client(models: Path) -> Iterator[TestClient]:
    with server(models, follow_s=0.05) as started:
        yield started


def serves(client: TestClient) -> str:
    answer = client.post("/predict", json={"text": "refund"}).json()
    # Softmax of (3, 0, 0) / temperature.
    known = {OLD: 0.691438, NEW: 0.514209, THIRD: 0.421126}
    assert answer["confidence"] == pytest.approx(known[answer["model_id"]], abs=1e-5)
    return str(answer["model_id"])


def wait_for(client: TestClient, model_id: str) -> None:
    deadline = time.monotonic() + scaled(20)
    while serves(client) != model_id:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def break_file(models: Path, model_id: str) -> None:
    with (models / model_id / "model.int8.onnx").open("ab") as file:
        file.write(b"x")


def forge(models: Path, model_id: str, name: str, content: bytes) -> None:
    """Replace a file so that its digest fits: only running the model shows what is wrong."""
    path = models / model_id / name
    path.write_bytes(content)
    manifest = Manifest.model_validate_json((models / model_id / MANIFEST).read_bytes())
    records = [
        record.model_copy(update={"bytes": len(content), "sha256": sha256_of(path)})
        if record.path == name
        else record
        for record in manifest.outputs
    ]
    changed = manifest.model_copy(update={"outputs": tuple(records)})
    (models / model_id / MANIFEST).write_text(changed.model_dump_json(), encoding="utf-8")


def test_a_model_that_nobody_judged_needs_force_which_is_written_down(
    client: TestClient, models: Path
) -> None:
    refused = client.post(f"/deploy/{NEW}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_judged")
    assert serves(client) == OLD

    done = client.post(f"/deploy/{NEW}", params={"force": True})
    assert done.json() == {"model_id": NEW, "replaced": OLD}
    assert serves(client) == NEW
    entry = journal.read_journal(models)[-1]
    assert (entry.action, entry.forced, entry.before, entry.to) == ("force", True, OLD, NEW)
    assert entry.by == "key ada, POST /deploy"

    again = client.post(f"/deploy/{NEW}")
    assert again.json() == {"model_id": NEW, "replaced": NEW}
    assert len(journal.read_journal(models)) == 2


def test_what_the_gate_refused_needs_force(client: TestClient, models: Path) -> None:
    check = Check(name="macro-F1", value=0.3, rule="at least", limit=0.5)
    verdict = Verdict(
        model_id=NEW, against=OLD, judged_at=datetime(2026, 1, 2, tzinfo=UTC), key="k",
        rows="8 texts", notes=(), figures={"macro_f1": 0.3}, checks=(check,),
    )  # fmt: skip
    write_verdict(models, verdict)
    refused = client.post(f"/deploy/{NEW}")
    assert refused.status_code == 409
    error = refused.json()["error"]
    assert error["code"] == "refused_by_gate"
    said = "macro-F1 is 0.300, at least 0.5 is asked for"
    assert error["details"] == [{"field": "gate", "problem": said}]
    assert serves(client) == OLD
    assert client.post(f"/deploy/{NEW}?force=true").status_code == 200
    assert [entry.action for entry in journal.read_journal(models)[-2:]] == ["refuse", "force"]


def test_rollback_goes_back_and_to_a_named_model(client: TestClient, models: Path) -> None:
    nothing = client.post("/rollback")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "never_served")
    client.post(f"/deploy/{NEW}?force=true")
    assert client.post("/rollback").json() == {"model_id": OLD, "replaced": NEW}
    assert serves(client) == OLD
    entry = journal.read_journal(models)[-1]
    assert (entry.action, entry.by) == ("rollback", "key ada, POST /rollback")
    assert client.post(f"/rollback?to={NEW}").json()["model_id"] == NEW
    assert serves(client) == NEW
    unserved = client.post(f"/rollback?to={THIRD}")
    assert unserved.json()["error"]["code"] == "never_served"


def test_what_cannot_serve_is_refused_and_leaves_no_trace(client: TestClient, models: Path) -> None:
    before = (models / journal.JOURNAL).read_bytes()
    break_file(models, NEW)
    forge(models, THIRD, "model.int8.onnx", b"no graph at all")
    for model_id in (NEW, THIRD):
        answer = client.post(f"/deploy/{model_id}?force=true")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_servable")
        assert str(models) not in answer.text
    assert serves(client) == OLD
    assert (models / journal.JOURNAL).read_bytes() == before
    assert json.loads((models / "production.json").read_bytes()) == {"model_id": OLD}


@pytest.mark.parametrize("name", ["ffffffffffff", "..%2f..%2fetc", "x", "0123456789AB"])
def test_unknown_models_are_not_found(client: TestClient, name: str) -> None:
    answer = client.post(f"/deploy/{name}?force=true")
    assert answer.status_code == 404
    assert client.post(f"/rollback?to={name}").status_code == 404


def test_without_a_key_nothing_moves(client: TestClient) -> None:
    for path in (f"/deploy/{NEW}?force=true", "/rollback"):
        assert client.post(path, headers={"X-API-Key": "wrong"}).status_code == 401
    assert serves(client) == OLD


def test_a_promotion_made_outside_is_followed(client: TestClient, models: Path) -> None:
    deployment.promote(models, NEW, by="tests", force=True)
    wait_for(client, NEW)
    deployment.roll_back(models, by="tests")
    wait_for(client, OLD)


def test_a_pointer_to_what_cannot_serve_is_not_followed(client: TestClient, models: Path) -> None:
    deployment.promote(models, NEW, by="tests", force=True)
    wait_for(client, NEW)
    forge(models, THIRD, "tokenizer.json", b"{}")
    deployment.promote(models, THIRD, by="tests", force=True)
    time.sleep(0.5)
    assert serves(client) == NEW
    listed = {e["model_id"]: e for e in client.get("/experiments").json()["experiments"]}
    assert {id_: (e["production"], e["serves"]) for id_, e in listed.items()} == {
        OLD: (False, False),
        NEW: (False, True),
        THIRD: (True, False),
    }
    (models / "production.json").write_text("no pointer")
    time.sleep(0.2)
    assert serves(client) == NEW
    deployment.roll_back(models, by="tests", to=OLD)
    wait_for(client, OLD)


def test_a_request_under_way_ends_on_the_model_it_began_with(models: Path) -> None:

    async def scenario(service: InferenceService) -> None:
        many = asyncio.create_task(service.predict(["refund"] * 400))
        await asyncio.sleep(0)  # it has begun
        service.swap(other)
        scored = await many
        assert scored.predictor.model_id == OLD
        assert {round(p.confidence, 4) for p in scored.predictions} == {0.6914}
        assert (await service.predict(["refund"])).predictor.model_id == NEW

    other = load_predictor(models, NEW, threads=1)
    with server(models, follow_s=3600) as client:  # nobody else changes the model
        assert isinstance(client.app, FastAPI)
        service = client.app.state.shared.service
        old = weakref.ref(service.predictor)
        asyncio.run(scenario(service))
        gc.collect()
        assert old() is None  # nobody needs it any more, and its memory is free


def test_many_who_move_at_once_leave_one_truth(client: TestClient, models: Path) -> None:
    paths = [f"/deploy/{model_id}?force=true" for model_id in (OLD, NEW, THIRD)] * 4
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(client.post, paths))
    assert {answer.status_code for answer in answers} == {200}
    pointer = json.loads((models / "production.json").read_bytes())["model_id"]
    entries = journal.read_journal(models)
    assert serves(client) == pointer == entries[-1].to
    assert [entry.before for entry in entries[1:]] == [entry.to for entry in entries[:-1]]


def test_a_server_of_the_registry_leaves_moving_to_it(models: Path) -> None:
    copied = models.parent / ".cache" / "registry"
    shutil.copytree(models, copied)
    serving = ServingSettings(workers=1, api_keys=(ENTRY,), model_source="registry")
    app = create_app(Settings(run_dir=models.parent, serving=serving))
    with TestClient(app, headers=WITH_KEY) as client:
        for path in (f"/deploy/{NEW}?force=true", "/rollback"):
            assert client.post(path).json()["error"]["code"] == "registry_decides"
