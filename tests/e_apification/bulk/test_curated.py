"""data/scored: every curated message with its label; a label that is there is kept."""

import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.config.schema import Settings
from common.errors import DataError
from common.models import deployment
from common.stage.manifest import Manifest, RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.store import Labeled
from common.store.engine import open_store
from common.store.feedback import add_batch
from e_apification.bulk.curated import score_curated

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parents[3]
FIRST, SECOND = "0123456789ab", "ba9876543210"
MONDAY = datetime(2026, 1, 5, 23, 59, 59, tzinfo=UTC)
TUESDAY = datetime(2026, 1, 6, tzinfo=UTC)
ROWS = [
    (1, "refund", MONDAY, "mail"),
    (2, "parcel", MONDAY, "chat"),
    (3, "what is this", TUESDAY, "chat"),
    (4, "refund", None, None),
]


@pytest.fixture()
def run(make_models: Callable[..., Path], tmp_path: Path) -> Settings:
    """A run with a production model and one more."""
    shutil.copytree(make_models(), tmp_path / "models")
    other = make_models(model_id=SECOND, abstain_threshold=0.0)
    shutil.copytree(other / SECOND, tmp_path / "models" / SECOND)
    return Settings(run_dir=tmp_path)


def curate(run: Settings, rows: list[tuple[Any, ...]]) -> None:
    ids, texts, times, channels = zip(*rows, strict=True)
    table = pa.table(
        {
            "tweet_id": pa.array(ids, pa.int64()),
            "text": texts,
            "clean_text": texts,
            "created_at": pa.array(times, pa.timestamp("us", "UTC")),
            "ticket channel": pa.array(channels, pa.string()),
        }
    )

    def build(folder: Path) -> Built:
        (folder / "messages").mkdir()
        pq.write_table(table, folder / "messages" / "part-0.parquet")
        return Built(RowCounts(taken=len(rows), out=len(rows)), {})

    plan = plan_stage("b_transformation", code=(), settings=str(rows), inputs=[])
    run_stage(plan, output=run.paths.curated, build=build)


def score(run: Settings, spark: "SparkSession", *, relabel: bool = False) -> Manifest:
    return score_curated(run, relabel=relabel, open_session=lambda: nullcontext(spark))


def scored(run: Settings) -> list[tuple[Any, ...]]:
    """By DuckDB, as users read it."""
    files = str(run.paths.scored / "messages" / "*" / "*.parquet")
    table = duckdb.read_parquet(files, hive_partitioning=True)
    columns = 'tweet_id, label, model_id, created_date::varchar, "ticket channel", source'
    return table.order("tweet_id").project(columns).fetchall()


def test_every_message_is_labeled_under_its_date(run: Settings, spark: "SparkSession") -> None:
    curate(run, ROWS)
    manifest = score(run, spark)
    assert scored(run) == [
        (1, "billing", FIRST, "2026-01-05", "mail", "student"),
        (2, "delivery", FIRST, "2026-01-05", "chat", "student"),
        (3, None, FIRST, "2026-01-06", "chat", "student"),
        (4, "billing", FIRST, None, None, "student"),
    ]
    assert (manifest.rows.taken, manifest.rows.out) == (4, 4)
    assert manifest.figures["labels"] == {"billing": 2, "delivery": 1}
    assert manifest.figures["abstained"] == 1
    assert (manifest.figures["labeled_now"], manifest.figures["distinct_texts"]) == (4, 3)
    assert score(run, spark) == manifest


def test_a_later_day_labels_what_is_new(run: Settings, spark: "SparkSession") -> None:
    curate(run, ROWS[:2])
    score(run, spark)
    curate(run, ROWS)
    manifest = score(run, spark)
    assert (manifest.figures["labeled_now"], manifest.figures["distinct_texts"]) == (2, 2)
    assert [row[0] for row in scored(run)] == [1, 2, 3, 4]


def test_another_model_labels_again_on_request(run: Settings, spark: "SparkSession") -> None:
    curate(run, ROWS[:3])
    score(run, spark)
    deployment.promote(run.paths.models, SECOND, by="tests", force=True)
    curate(run, ROWS)
    kept = score(run, spark)
    assert kept.figures["models"] == {FIRST: 3, SECOND: 1}
    again = score(run, spark, relabel=True)
    assert again.figures["models"] == {SECOND: 4}
    # Only what the other model had labeled; this one never abstains.
    assert again.figures["labeled_now"] == 3
    assert again.figures["abstained"] == 0


def test_a_relabeled_run_is_up_to_date_for_both_commands(
    run: Settings, spark: "SparkSession"
) -> None:
    curate(run, ROWS)
    score(run, spark)
    deployment.promote(run.paths.models, SECOND, by="tests", force=True)
    again = score(run, spark, relabel=True)
    assert score(run, spark, relabel=True) == again
    assert score(run, spark) == again


def test_labels_of_people_stand_in_place_of_the_models(
    run: Settings, spark: "SparkSession"
) -> None:
    def label(*rows: Labeled) -> None:
        engine = open_store(run)
        add_batch(engine, rows, by="tests", key=None, body_sha256="")
        engine.dispose()

    curate(run, ROWS)
    score(run, spark)
    label(
        Labeled("refund", "delivery"),
        Labeled("REFUND!", "other"),  # the last of one text holds
        Labeled("what is this", "billing"),
        Labeled("parcel", "a label of another schema"),
    )
    manifest = score(run, spark)
    assert scored(run) == [
        (1, "other", None, "2026-01-05", "mail", "person"),
        (2, "delivery", FIRST, "2026-01-05", "chat", "student"),
        (3, "billing", None, "2026-01-06", "chat", "person"),
        (4, "other", None, None, None, "person"),
    ]
    assert manifest.figures["labels"] == {"billing": 1, "delivery": 1, "other": 2}
    assert manifest.figures["labels_of_people"] == {"billing": 1, "other": 2}
    assert manifest.figures["sources"] == {"person": 3, "student": 1}
    assert (manifest.figures["abstained"], manifest.figures["models"]) == (0, {FIRST: 1})
    assert score(run, spark) == manifest
    label(Labeled("refund", "billing"))
    assert score(run, spark).figures["labels_of_people"] == {"billing": 3}


def test_a_run_without_a_session_leaves_what_was_published(
    run: Settings, spark: "SparkSession"
) -> None:
    curate(run, ROWS[:3])
    score(run, spark)
    before = scored(run)
    curate(run, ROWS)

    def killed() -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_curated(run, relabel=False, open_session=killed)
    assert scored(run) == before
    score(run, spark)
    assert len(scored(run)) == 4


def test_the_snippets_of_the_docs_read_it(
    run: Settings, spark: "SparkSession", capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs/daily.md").read_text(encoding="utf-8")
    by_duckdb, by_spark = re.findall(r"```py\n(.*?)```", page, flags=re.DOTALL)
    curate(run, ROWS)
    score(run, spark)
    for code in (by_duckdb, by_spark):
        assert ".runs/daily/data/scored" in code
        exec(code.replace(".runs/daily", str(run.run_dir)), {})  # noqa: S102 code of the docs
        shown = capsys.readouterr().out
        assert re.search(r"2026-01-05\W+(billing|delivery)\W+1\b", shown), shown


def test_curated_messages_are_needed(run: Settings, spark: "SparkSession") -> None:
    with pytest.raises(DataError, match="make data_transformation"):
        score(run, spark)
