import pytest

from common.artifacts import Built, Rows, plan_stage, run_stage_once
from common.errors import DataError
from common.registry import (
    POINTER,
    model_folder,
    production_id,
    require_production_id,
    serving_id,
    verified_files,
    verified_manifest,
)


@pytest.fixture()
def models(tmp_path):
    return tmp_path / "models"


def make_model(models, what: str) -> str:
    def build(folder):
        (folder / "model.int8.onnx").write_text(what, encoding="utf-8")
        (folder / "plot.png").write_text("drawn", encoding="utf-8")
        return Built(Rows.model_validate({"in": 0, "out": 0}), {})

    plan = plan_stage("d_training", packages=(), settings=what, inputs=[])
    run_stage_once(plan, folder=models / plan.key, build=build)
    return plan.key


def point(models, content: str) -> None:
    models.mkdir(exist_ok=True)
    (models / POINTER).write_text(content, encoding="utf-8")


def test_pointer_names_what_serves(models):
    assert production_id(models) is None
    assert serving_id(models) is None
    point(models, '{"experiment_id": "0123456789ab"}')
    assert production_id(models) == "0123456789ab"
    assert serving_id(models) == "0123456789ab"
    assert require_production_id(models) == "0123456789ab"


def test_served_files_suffice_where_only_they_were_copied(models):
    first = make_model(models, "one")
    (models / first / "plot.png").unlink()
    assert verified_files(models, first, ["model.int8.onnx"]) == models / first
    with pytest.raises(DataError, match="missing or not whole"):
        verified_manifest(models, first)
    with pytest.raises(DataError, match=r"has no other\.txt; train it anew"):
        verified_files(models, first, ["other.txt"])


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "{", '{"experiment_id": 7}', '{"experiment_id": "../../etc"}']
)  # noqa: E501
def test_damaged_pointer_is_an_error_where_it_matters(models, content):
    point(models, content)
    with pytest.raises(DataError):
        production_id(models)
    assert serving_id(models) is None


@pytest.mark.parametrize("name", ["..", "../abc", "ABCDEF012345", "0123456789ab\n", "", "a" * 500])
def test_ids_are_twelve_hex_digits(models, name):
    with pytest.raises(DataError, match="is not twelve hex digits"):
        model_folder(models, name)


def test_no_model_names_the_remedy(models):
    with pytest.raises(DataError, match="run `make train_model` first"):
        require_production_id(models)
