import gzip
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from a_ingestion import run
from common.config.ingestion import IngestionSettings, KaggleSettings
from common.config.schema import Settings
from common.errors import DataError, SettingsError
from common.stage.manifest import find_manifest, verify_files
from tests.a_ingestion.kaggle_server import KaggleServer

ROOT = Path(__file__).resolve().parents[2]


def settings_for(run_dir: Path, **ingestion: Any) -> Settings:
    return Settings(run_dir=run_dir, ingestion=IngestionSettings(**ingestion))


def csv_settings(run_dir: Path, content: bytes, **ingestion: Any) -> Settings:
    path = run_dir / "in.csv"
    path.write_bytes(content)
    return settings_for(run_dir, source="csv", csv=path, **ingestion)


def texts(run_dir: Path) -> list[str]:
    found: list[str] = pq.read_table(run_dir / "data/raw/messages")["text"].to_pylist()
    return found


def test_csv_is_landed_and_described(tmp_path: Path) -> None:
    manifest = run(csv_settings(tmp_path, b"id,text\n1,hi\n2\n3,ho\n"))
    assert texts(tmp_path) == ["hi", "ho"]
    assert manifest.rows.model_dump(by_alias=True) == {
        "in": 3,
        "out": 2,
        "dropped": {"wrong number of columns": 1},
    }
    figures = manifest.figures
    assert (figures["source"], figures["columns"]) == ("csv", ["id", "text"])
    assert (figures["csv_bytes"], figures["rows_per_second"] > 0) == (20, True)
    assert [record.path for record in manifest.outputs] == [
        "messages/part-00000.parquet",
        "quarantine/part-00000.parquet",
    ]
    verify_files(tmp_path / "data/raw", manifest.outputs)
    assert find_manifest(tmp_path / "data/raw") == manifest


def test_second_run_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = csv_settings(tmp_path, b"text\nhi\n")
    first = run(settings)

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("landed again")

    monkeypatch.setattr("a_ingestion.landing.land_csv", never)
    assert run(settings) == first


def test_changed_input_is_landed_anew(tmp_path: Path) -> None:
    run(csv_settings(tmp_path, b"text\nhi\n"))
    run(csv_settings(tmp_path, b"text\nho\n"))
    assert texts(tmp_path) == ["ho"]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"sample_rows": 5, "sample_seed": 1}, True),
        ({"max_field_mb": 2}, False),
        ({"text_column": "id"}, False),
    ],
)
def test_only_settings_that_matter_to_the_source_count(
    tmp_path: Path, change: Any, same: bool
) -> None:
    content = b"id,text\n1,hi\n"
    first = run(csv_settings(tmp_path, content))
    assert (run(csv_settings(tmp_path, content, **change)).key == first.key) is same


def test_gzip_lands_the_same_rows(tmp_path: Path) -> None:
    run(csv_settings(tmp_path, gzip.compress(b"text\nhi\n")))
    assert texts(tmp_path) == ["hi"]


@pytest.mark.parametrize(
    ("ingestion", "kind", "message"),
    [
        ({"source": "csv"}, SettingsError, "source csv needs a file: CSV=path"),
        ({"source": "csv", "csv": "/no/such.csv"}, DataError, "/no/such.csv does not exist"),
        ({"source": "huggingface"}, SettingsError, "ingestion.huggingface.revision = ''"),
    ],
)
def test_source_that_cannot_be_had(
    tmp_path: Path, ingestion: dict[str, str], kind: Any, message: str
) -> None:
    with pytest.raises(kind, match=message):
        run(settings_for(tmp_path, **ingestion))
    assert not (tmp_path / "data/raw").exists()


def test_failed_landing_leaves_the_previous_output(tmp_path: Path) -> None:
    run(csv_settings(tmp_path, b"text\nhi\n"))
    with pytest.raises(DataError, match="has no column 'text'"):
        run(csv_settings(tmp_path, b"body\nho\n"))
    assert texts(tmp_path) == ["hi"]


def test_sample_is_landed_with_its_gold(tmp_path: Path) -> None:
    manifest = run(settings_for(tmp_path, source="sample", sample_rows=600))
    rows = manifest.rows
    assert rows.taken == 600
    assert rows.dropped, "the generator breaks some rows on purpose"
    assert rows.out == len(texts(tmp_path))
    gold = (tmp_path / "data/raw/gold.csv").read_text(encoding="utf-8")
    assert gold.splitlines()[0] == "tweet_id,text,label"
    assert not (tmp_path / "data/raw/scratch").exists()
    other = run(settings_for(tmp_path, source="sample", sample_rows=600, sample_seed=8))
    assert other.key != manifest.key


def test_kaggle_is_landed_from_the_archive_and_fetched_once(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path, source="kaggle", kaggle=quick)
    manifest = run(settings)
    assert (manifest.rows.taken, manifest.rows.out) == (20_000, 20_000)
    assert texts(tmp_path)[9] == "message number 63"
    assert [record.path for record in manifest.inputs] == ["archive.zip"]
    kaggle.requests.clear()
    assert run(settings) == manifest
    assert kaggle.requests == []


def test_huggingface_is_landed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    loaded = datasets.Dataset.from_dict({"content": ["one", "two\nlines"], "label": [0, 1]})
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **kwargs: loaded)
    hub = {"dataset": "o/news", "revision": "a" * 40}
    run(settings_for(tmp_path, source="huggingface", huggingface=hub, text_column="content"))
    table = pq.read_table(tmp_path / "data/raw/messages")
    assert table.to_pydict() == {"content": ["one", "two\nlines"], "source_row": [1, 2]}


def test_killed_landing_leaves_the_old_output_and_the_rerun_finishes(tmp_path: Path) -> None:
    settings = csv_settings(tmp_path, b"text\nbefore\n")
    run(settings)
    lines = [f"{n},{'x' * 500}" for n in range(60_000)]
    lines[5] = "broken"
    assert settings.ingestion.csv is not None
    settings.ingestion.csv.write_text("\n".join(["id,text", *lines]), encoding="utf-8")
    script = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from pyarrow.parquet import ParquetWriter
        from a_ingestion import landing, run
        from common.config.schema import Settings

        landing.GROUP_ROWS = landing.FILE_ROWS = 1
        write, calls = ParquetWriter.write_table, []
        def die_the_fourth_time(self, table, **kwargs):
            write(self, table, **kwargs)
            calls.append(table)
            if len(calls) == 4:
                os.kill(os.getpid(), signal.SIGKILL)
        ParquetWriter.write_table = die_the_fourth_time
        run(Settings.model_validate_json({settings.model_dump_json()!r}))
    """)
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    staging = list((tmp_path / "data").glob(".raw.staging-*/messages/*.parquet"))
    assert len(staging) >= 2, "it was in the middle of landing"
    assert texts(tmp_path) == ["before"]

    manifest = run(settings)
    assert manifest.rows.dropped == {"wrong number of columns": 1}
    table = pq.read_table(tmp_path / "data/raw/messages")
    assert table["source_row"].to_pylist() == [n for n in range(1, 60_001) if n != 6]
    assert table["id"].to_pylist() == [str(n) for n in range(60_000) if n != 5]
    assert not list((tmp_path / "data").glob(".raw.staging-*"))
