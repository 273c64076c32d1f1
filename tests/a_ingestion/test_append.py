"""Day after day: what is new by id joins what was landed before."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from a_ingestion import run
from common.config.ingestion import IngestionSettings
from common.config.schema import Settings
from common.errors import DataError
from common.stage.manifest import Manifest, verify_files
from common.stage.plan import Plan, plan_stage

MONDAY = b"tweet_id,text,channel\n1,one,mail\n2,two,chat\nbroken\n"
TUESDAY = b"tweet_id,text,channel\n2,two again,chat\n3,three,mail\nworse,\n,no id,mail\n"


def land(run_dir: Path, name: str, content: bytes, *, append: bool = True) -> Manifest:
    path = run_dir / name
    path.write_bytes(content)
    ingestion = IngestionSettings(source="csv", csv=path, append=append)
    return run(Settings(run_dir=run_dir, ingestion=ingestion))


def rows(run_dir: Path) -> list[tuple[Any, ...]]:
    table = pq.read_table(run_dir / "data/raw/messages")
    return sorted(
        zip(*(table[c].to_pylist() for c in ("source_row", "tweet_id", "text")), strict=True)
    )


def test_new_ids_join_and_repeats_are_counted(tmp_path: Path) -> None:
    first = land(tmp_path, "monday.csv", MONDAY)
    assert first.rows.model_dump(by_alias=True)["in"] == 3
    second = land(tmp_path, "tuesday.csv", TUESDAY)
    assert rows(tmp_path) == [(1, "1", "one"), (2, "2", "two"), (5, "3", "three"), (7, "", "no id")]
    assert second.rows.model_dump(by_alias=True) == {
        "in": 7,
        "out": 4,
        "dropped": {"landed before": 1, "wrong number of columns": 2},
    }
    assert [(file["path"], file["rows"]["in"]) for file in second.figures["files"]] == [
        ("monday.csv", 3),
        ("tuesday.csv", 4),
    ]
    quarantine = pq.read_table(tmp_path / "data/raw/quarantine")
    assert sorted(quarantine["source_row"].to_pylist()) == [3, 6]
    verify_files(tmp_path / "data/raw", second.outputs)


def test_a_file_that_was_landed_is_left_alone(tmp_path: Path) -> None:
    land(tmp_path, "monday.csv", MONDAY)
    second = land(tmp_path, "tuesday.csv", TUESDAY)
    assert land(tmp_path, "monday_copy.csv", MONDAY) == second
    assert land(tmp_path, "tuesday.csv", TUESDAY) == second


def test_without_append_the_folder_is_replaced(tmp_path: Path) -> None:
    land(tmp_path, "monday.csv", MONDAY)
    land(tmp_path, "tuesday.csv", TUESDAY, append=False)
    assert [text for _, _, text in rows(tmp_path)] == ["two again", "three", "no id"]


def test_columns_in_another_order_are_the_same(tmp_path: Path) -> None:
    land(tmp_path, "monday.csv", MONDAY)
    land(tmp_path, "tuesday.csv", b"channel,tweet_id,text\nmail,9,nine\n")
    assert rows(tmp_path)[-1] == (4, "9", "nine")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"tweet_id,text\n3,three\n", "lacks 'channel'"),
        (b"tweet_id,text,channel,vip\n3,three,mail,yes\n", "adds 'vip'"),
    ],
)
def test_other_columns_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    before = land(tmp_path, "monday.csv", MONDAY)
    with pytest.raises(DataError, match=words):
        land(tmp_path, "tuesday.csv", content)
    verify_files(tmp_path / "data/raw", before.outputs)
    assert len(rows(tmp_path)) == 2


def test_ids_are_needed(tmp_path: Path) -> None:
    land(tmp_path, "monday.csv", b"text\none\n")
    with pytest.raises(DataError, match="ID_COLUMN="):
        land(tmp_path, "tuesday.csv", b"text\ntwo\n")


@pytest.mark.parametrize("landed", [[], ["monday.csv"]])
def test_what_another_run_landed_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, landed: list[str]
) -> None:
    for name in landed:
        land(tmp_path, name, MONDAY)

    def plan_and_be_overtaken(*args: Any, **options: Any) -> Plan:
        plan = plan_stage(*args, **options)
        monkeypatch.setattr("a_ingestion.stage.plan_stage", plan_stage)
        land(tmp_path, "other.csv", b"tweet_id,text,channel\n8,eight,mail\n")
        return plan

    monkeypatch.setattr("a_ingestion.stage.plan_stage", plan_and_be_overtaken)
    with pytest.raises(DataError, match="data/raw has changed since this run began"):
        land(tmp_path, "tuesday.csv", TUESDAY)
    before = rows(tmp_path)
    assert (before[-1][1:], len(before)) == (("8", "eight"), 2 * len(landed) + 1)

    land(tmp_path, "tuesday.csv", TUESDAY)
    assert {text for _, _, text in rows(tmp_path)} >= {"eight", "three", "no id"}
