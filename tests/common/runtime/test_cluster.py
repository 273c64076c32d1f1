"""What machines beside this one get, and are asked; a cluster is in tests/cluster."""

import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from common.config.settings import load_settings
from common.errors import SettingsError, TriageError
from common.runtime.cluster import is_local, require_shared, ship_code

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize(
    ("master", "local"),
    [
        ("local", True),
        ("local[2]", True),
        ("local[*]", True),
        ("local-cluster[2,1,1024]", False),
        ("spark://host:7077", False),
        ("yarn", False),
    ],
)
def test_workers_of_this_machine(master: str, local: bool) -> None:
    assert is_local(master) is local


def test_the_code_is_one_zip(tmp_path: Path) -> None:
    added: list[str] = []
    session: Any = SimpleNamespace(sparkContext=SimpleNamespace(addPyFile=added.append))
    ship_code(session, tmp_path)
    (archive,) = added
    names = zipfile.ZipFile(archive).namelist()
    for name in ("common/text.py", "b_transformation/rows.py", "e_apification/bulk/spark.py"):
        assert name in names
    assert not [name for name in names if name.startswith(("tests", "d_training"))]


def test_a_folder_that_workers_see(spark: "SparkSession", tmp_path: Path) -> None:
    require_shared(spark, tmp_path)
    require_shared(spark, None)
    assert list(tmp_path.iterdir()) == []


def test_workers_that_see_nothing(
    spark: "SparkSession", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "resolve", lambda path: Path("/another") / path.name)
    with pytest.raises(TriageError, match="can't see /another/.*a disk that all machines mount"):
        require_shared(spark, tmp_path)


def test_run_dir_is_no_address() -> None:
    with pytest.raises(SettingsError, match="run_dir = 'hdfs://host/runs'.*must be a folder"):
        load_settings(overrides=["run_dir=hdfs://host/runs"], environ={})
    assert load_settings(overrides=["run_dir=12:30"], environ={}).settings.run_dir.name == "12:30"
