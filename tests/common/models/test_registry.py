from pathlib import Path

import pytest

from common.errors import DataError
from common.models.registry import (
    POINTER,
    model_folder,
    production_id,
    require_production_id,
    served_files,
    serving_id,
    verified_files,
    verified_manifest,
    verified_served,
)
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage_once


@pytest.fixture()
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def make_model(models: Path, what: str, *, metrics: str = "{}") -> str:
    def build(folder: Path) -> Built:
        for name in ("model.onnx", "model.int8.onnx", "tokenizer.json", "labels.yaml"):
            (folder / name).write_text(what, encoding="utf-8")
        (folder / "metrics.json").write_text(metrics, encoding="utf-8")
        (folder / "plot.png").write_text("drawn", encoding="utf-8")
        return Built(RowCounts.model_validate({"in": 0, "out": 0}), {})

    plan = plan_stage("d_training", code=(), settings=what, inputs=[])
    run_stage_once(plan, folder=models / plan.key, build=build)
    return plan.key


def point(models: Path, content: str) -> None:
    models.mkdir(exist_ok=True)
    (models / POINTER).write_text(content, encoding="utf-8")


def test_pointer_names_what_serves(models: Path) -> None:
    assert production_id(models) is None
    assert serving_id(models) is None
    point(models, '{"model_id": "0123456789ab"}')
    assert production_id(models) == "0123456789ab"
    assert serving_id(models) == "0123456789ab"
    assert require_production_id(models) == "0123456789ab"


def test_served_files_suffice_where_only_they_were_copied(models: Path) -> None:
    first = make_model(models, "one")
    (models / first / "plot.png").unlink()
    assert verified_files(models, first, ["model.int8.onnx"]) == models / first
    with pytest.raises(DataError, match="missing or not whole"):
        verified_manifest(models, first)
    with pytest.raises(DataError, match=r"has no other\.txt; train it anew"):
        verified_files(models, first, ["other.txt"])
    (models / first / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=rf"{first}/manifest\.json is damaged; restore"):
        verified_files(models, first, ["model.int8.onnx"])


@pytest.mark.parametrize(
    ("metrics", "model"),
    [
        ("{}", "model.int8.onnx"),
        ('{"served": "model.int8.onnx"}', "model.int8.onnx"),
        ('{"served": "model.onnx"}', "model.onnx"),
    ],
)
def test_metrics_say_which_file_serves_and_only_that_must_be_whole(
    models: Path, metrics: str, model: str
) -> None:
    folder = models / make_model(models, "one", metrics=metrics)
    served = (model, "tokenizer.json", "labels.yaml", "metrics.json")
    assert served_files(folder) == served
    (other,) = {"model.onnx", "model.int8.onnx"} - {model}
    (folder / other).unlink()
    assert verified_served(models, folder.name) == folder
    with pytest.raises(DataError, match="is missing"):
        verified_served(models, folder.name, also=(other,))
    (folder / model).write_text("changed", encoding="utf-8")
    with pytest.raises(DataError, match="differs from its manifest"):
        verified_served(models, folder.name)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ('{"served": "../other/model.onnx"}', "serves '../other/model.onnx', not model.int8"),
        ('{"served": 7}', "serves '7', not"),
        ("[]", "is damaged"),
        ("{", "is damaged"),
    ],
)
def test_metrics_can_name_no_other_file(models: Path, metrics: str, said: str) -> None:
    folder = make_model(models, "one", metrics=metrics)
    with pytest.raises(DataError, match=said):
        verified_served(models, folder)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "{", '{"model_id": 7}', '{"model_id": "../../etc"}']
)
def test_damaged_pointer_is_an_error_where_it_matters(models: Path, content: str) -> None:
    point(models, content)
    with pytest.raises(DataError):
        production_id(models)
    assert serving_id(models) is None


@pytest.mark.parametrize("name", ["..", "../abc", "ABCDEF012345", "0123456789ab\n", "", "a" * 500])
def test_ids_are_twelve_hex_digits(models: Path, name: str) -> None:
    with pytest.raises(DataError, match="is not twelve hex digits"):
        model_folder(models, name)


def test_no_model_names_the_remedy(models: Path) -> None:
    with pytest.raises(DataError, match="run `make train_model` first"):
        require_production_id(models)
