from datetime import UTC, datetime
from typing import Any

from common.config.classification import ClassificationSettings
from common.models.metrics import ModelMetrics, StageRecord
from common.stage.manifest import Manifest, RowCounts
from d_training.cards.data_card import data_card
from tests.d_training.cards.test_model_card import FACTS as MODEL_FACTS


def manifest(stage: Any, taken: Any, out: Any, dropped: Any, **figures: Any) -> Manifest:
    return Manifest(
        stage=stage,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        key="feedfeedfeed",
        code_sha256="",
        settings_sha256="",
        inputs=(),
        outputs=(),
        rows=RowCounts(taken=taken, out=out, dropped=dropped),
        seconds=1,
        figures=figures,
    )


LABELED = manifest(
    "c_classification", 1000, 1000, {},
    teacher="embedding", members=["embedding"], labels={"bill": 250, "rest": 700}, abstained=50,
    mean_confidence=0.625,
)  # fmt: skip
CURATED = manifest(
    "b_transformation", 2000, 1000, {"outbound": 999, "empty after cleaning": 1},
    conversations=600, with_brand=990, brands=3,
    languages={f"l{n:02}": 20 - n for n in range(12)},
)  # fmt: skip
RAW = manifest("a_ingestion", 2010, 2000, {"not UTF-8": 10}, source="kaggle")
ROWS = RowCounts(taken=1000, out=999, dropped={"copy of another text": 1})


FACTS = MODEL_FACTS | {
    "rows": {"train": 900, "validation": 50, "test": 49, "human": 0},
    "classification": ClassificationSettings().model_dump(mode="json"),
}


def card(*manifests: Any, **changes: Any) -> str:
    data = {m.stage: StageRecord.of(m) for m in manifests}
    return data_card(ModelMetrics.model_validate({**FACTS, "data": data, **changes}), ROWS)


def test_card_tells_of_rows_labels_and_licences() -> None:
    told = card(LABELED, CURATED, RAW)
    for said in (
        "# Data of model 0123456789ab",
        "CC BY-NC-SA 4.0",
        "| a_ingestion | 2,010 | 2,000 | not UTF-8 10 | 2026-01-01 00:00 UTC, feedfeedfeed |",
        "| b_transformation | 2,000 | 1,000 | outbound 999, empty after cleaning 1 |",
        "| c_classification | 1,000 | 1,000 | none |",
        "| d_training | 1,000 | 999 | copy of another text 1 | 2026-01-02 03:04 UTC",
        "900 to train",
        "- conversations: 600",
        "- messages whose brand is known: 990",
        "l00 20, l01 19, l02 18, l03 17, l04 16, l05 15, l06 14, l07 13, l08 12, l09 11, others 19",
        "| bill | 250 | 25.0 % |",
        "| *abstained* | 50 | 5.0 % |",
        "Mean confidence: 0.625.",
        "- `embedding`: all-MiniLM-L6-v2 (Apache 2.0)",
        "| `classification.threshold` | `0.3` |",
        "| `classification.embedding.tune_steps` | `40` |",
        "| `classification.budget` | null |",
    ):
        assert said in told, said
    # Settings of a teacher that had no say.
    assert "classification.nli" not in told


def test_what_is_not_known_is_said_to_be() -> None:
    told = card(LABELED, source="elsewhere")
    assert "Source: of unknown source, and so of unknown licence." in told
    assert "| a_ingestion | not known |  | its output was made anew, or is gone |  |" in told
    assert "Not known: data/curated was made anew since, or is gone." in told


def test_settings_of_another_teacher_are_not_taken_for_the_labels_own() -> None:
    other = manifest("c_classification", 1, 1, {}, teacher="ensemble", labels={"bill": 1})
    told = card(other)
    assert "Made by the teacher `ensemble`; with which settings is not known here" in told
    assert "`classification." not in told


def test_labels_that_people_gave_are_told_of() -> None:
    assert "No person checked these labels." in card(LABELED)
    told = card(LABELED, rows={"train": 900, "validation": 50, "test": 49, "human": 7})
    assert "Of 7 texts that train people gave the label" in told
    assert "No person checked" not in told
