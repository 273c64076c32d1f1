import json

import pytest

from common.artifacts import Built, Rows, plan_stage, run_stage_once
from common.errors import DataError
from common.registry import (
    JOURNAL,
    POINTER,
    model_folder,
    production_id,
    promote,
    require_production_id,
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


def journal(models) -> list[dict]:
    return [json.loads(line) for line in (models / JOURNAL).read_text("utf-8").splitlines()]


def test_promotion_moves_the_pointer_and_is_written_down(models):
    first, second = make_model(models, "one"), make_model(models, "two")
    assert production_id(models) is None
    promote(models, first, by="ada", figures={"macro_f1": 0.5})
    assert production_id(models) == first
    promote(models, second, by="bob", figures={"macro_f1": 0.6})
    assert require_production_id(models) == second
    assert [(e["from"], e["to"], e["by"], e["figures"]) for e in journal(models)] == [
        (None, first, "ada", {"macro_f1": 0.5}),
        (first, second, "bob", {"macro_f1": 0.6}),
    ]


def test_promoting_what_serves_changes_nothing(models):
    first = make_model(models, "one")
    promote(models, first, by="ada", figures={})
    before = (models / POINTER).stat().st_mtime_ns
    promote(models, first, by="ada", figures={})
    assert len(journal(models)) == 1
    assert (models / POINTER).stat().st_mtime_ns == before


def test_damaged_or_missing_model_is_never_promoted(models):
    first, second = make_model(models, "one"), make_model(models, "two")
    promote(models, first, by="ada", figures={})
    (models / second / "plot.png").write_text("DRAWN", encoding="utf-8")
    with pytest.raises(DataError, match="differs from its manifest"):
        promote(models, second, by="ada", figures={})
    (models / second / "plot.png").unlink()
    with pytest.raises(DataError, match="missing or not whole"):
        promote(models, second, by="ada", figures={})
    with pytest.raises(DataError, match="missing or not whole"):
        promote(models, "0" * 12, by="ada", figures={})
    assert production_id(models) == first
    assert len(journal(models)) == 1


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
def test_damaged_pointer_is_an_error_and_promotion_mends_it(models, content):
    first = make_model(models, "one")
    (models / POINTER).write_text(content, encoding="utf-8")
    with pytest.raises(DataError):
        production_id(models)
    promote(models, first, by="ada", figures={})
    assert production_id(models) == first
    assert journal(models)[0]["from"] is None


@pytest.mark.parametrize("name", ["..", "../abc", "ABCDEF012345", "0123456789ab\n", "", "a" * 500])
def test_ids_are_twelve_hex_digits(models, name):
    with pytest.raises(DataError, match="is not twelve hex digits"):
        model_folder(models, name)


def test_no_model_names_the_remedy(models):
    with pytest.raises(DataError, match="run `make train_model` first"):
        require_production_id(models)
