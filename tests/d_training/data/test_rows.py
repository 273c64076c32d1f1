from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.config.training import TrainingSettings
from common.errors import DataError
from common.labels import Label, LabelSchema
from d_training.data.rows import Rows, part_rows, read_rows

SCHEMA = LabelSchema(
    catch_all="rest",
    labels=tuple(Label(name=n, description="d", hypotheses=("h",)) for n in ("bill", "rest")),
)
SETTINGS = TrainingSettings(validation_share=0.2, test_share=0.2)


def write(folder: Path, **columns: Any) -> None:
    pq.write_table(pa.table(columns), folder / "part.parquet")


def rows_of(
    texts: Any,
    scores: Any = None,
    abstained: Any = None,
    conversations: Any = None,
    human: Any = None,
) -> Rows:
    n = len(texts)
    ids = np.arange(n)
    return Rows(
        tweet_ids=ids,
        conversations=ids if conversations is None else np.array(conversations),
        texts=np.array(texts, object),
        scores=np.array(scores if scores is not None else [[0.8, 0.2]] * n, np.float32),
        abstained=np.array(abstained if abstained is not None else [False] * n),
        human=np.array(human if human is not None else [False] * n),
    )


def test_rows_are_read_by_tweet_id_and_unusable_ones_counted(tmp_path: Path) -> None:
    write(
        tmp_path,
        tweet_id=pa.array([3, 1, 2, 4], pa.int64()),
        conversation_id=pa.array([30, None, 20, 40], pa.int64()),
        text=["c", "a", None, "d"],
        label=pa.array(["rest", None, "bill", "bill"], pa.string()),
        scores=pa.array([[1, 3], [0.5, 0.5], [1, 0], None], pa.list_(pa.float32())),
    )
    rows, unusable = read_rows(tmp_path, SCHEMA)
    assert unusable == 2
    assert rows.tweet_ids.tolist() == [1, 3]
    assert rows.conversations.tolist() == [1, 30]
    assert rows.texts.tolist() == ["a", "c"]
    assert rows.abstained.tolist() == [True, False]
    np.testing.assert_allclose(rows.scores, [[0.5, 0.5], [0.25, 0.75]])


def test_without_conversations_each_row_is_its_own(tmp_path: Path) -> None:
    write(tmp_path, tweet_id=[7, 5], text=["b", "a"], label=["bill"] * 2, scores=[[1.0, 0.0]] * 2)
    assert read_rows(tmp_path, SCHEMA)[0].conversations.tolist() == [5, 7]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"tweet_id": [1], "text": ["a"], "label": ["bill"]}, "lacks column scores"),
        (
            {"tweet_id": [1], "text": ["a"], "label": ["bill"], "scores": [[0.2, 0.3, 0.5]]},
            "holds 3 scores a row and the label schema 2 labels; run `make classify`",
        ),
        *(
            (
                {"tweet_id": [1], "text": ["a"], "label": ["bill"], "scores": [scores]},
                "holds scores that are no probabilities",
            )
            for scores in ([float("nan"), 1.0], [float("inf"), 1.0], [-0.5, 1.5], [0.0, 0.0])
        ),
    ],
)
def test_folder_of_another_shape_is_refused(tmp_path: Path, columns: Any, said: Any) -> None:
    write(tmp_path, **columns)
    with pytest.raises(DataError, match=said):
        read_rows(tmp_path, SCHEMA)


def test_copies_count_once_and_never_straddle() -> None:
    texts = [
        f"{word} number {n}{end}"
        for n in range(100)
        for word in ("Bill", "bill")
        for end in ("", "!")
    ]
    parts = part_rows(rows_of(texts), SETTINGS, seed=1)
    assert parts.left_out["copy of another text"] == 300
    assert [len(p) for p in (parts.train, parts.validation, parts.test)] == [60, 20, 20]
    kept = [t for p in (parts.train, parts.validation, parts.test) for t in p.texts]
    assert len({t.lower().rstrip("!") for t in kept}) == 100


def test_texts_of_signs_alone_are_told_apart() -> None:
    parts = part_rows(rows_of([chr(0x1F600 + n) for n in range(20)]), SETTINGS, seed=1)
    assert parts.left_out["copy of another text"] == 0


def test_conversations_are_not_cut() -> None:
    texts = [f"text {n}" for n in range(200)]
    parts = part_rows(rows_of(texts, conversations=[n // 4 for n in range(200)]), SETTINGS, seed=1)
    train, validation, test = (
        set(p.conversations.tolist()) for p in (parts.train, parts.validation, parts.test)
    )
    assert not train & validation and not train & test and not validation & test
    assert len(train | validation | test) == 50


def test_abstained_rows_are_used_like_the_others() -> None:
    texts = [f"text {n}" for n in range(100)]
    parts = part_rows(rows_of(texts, abstained=[n % 2 == 0 for n in range(100)]), SETTINGS, seed=1)
    assert parts.abstained_share == 0.5
    assert [len(p) for p in (parts.train, parts.validation, parts.test)] == [60, 20, 20]
    assert all(p.abstained.any() for p in (parts.train, parts.validation, parts.test))
    assert sum(parts.left_out.values()) == 0


def test_limits_are_kept_and_counted() -> None:
    texts = [f"text {n}" for n in range(1_000)]
    scores = [[0.8, 0.2] if n < 900 else [0.2, 0.8] for n in range(1_000)]
    limited = SETTINGS.model_copy(update={"max_rows": 100, "evaluation_rows": 50})
    parts = part_rows(rows_of(texts, scores), limited, seed=1)
    assert np.bincount(parts.train.labels).tolist() == [50, 50]
    assert (len(parts.validation), len(parts.test)) == (50, 50)
    assert parts.left_out["beyond max_rows"] == 500
    assert parts.left_out["beyond evaluation_rows"] == 300
    assert sum(parts.left_out.values()) + 200 == 1_000


def test_too_few_texts_are_refused_with_the_remedy() -> None:
    with pytest.raises(DataError, match="2 distinct texts leave none .* for validation; label"):
        part_rows(rows_of(["a", "b"]), SETTINGS, seed=1)


def test_conversations_with_a_persons_label_train_whole() -> None:
    texts = [f"text {n}" for n in range(200)]
    human = [n % 8 == 0 for n in range(200)]
    rows = rows_of(texts, conversations=[n // 4 for n in range(200)], human=human)
    parts = part_rows(rows, SETTINGS, seed=1)
    assert parts.train.human.sum() == 25
    assert not parts.validation.human.any() and not parts.test.human.any()
    corrected = {n // 4 for n in range(0, 200, 8)}
    assert not corrected & set(parts.validation.conversations.tolist())
    assert not corrected & set(parts.test.conversations.tolist())


def test_the_limit_counts_no_persons_label() -> None:
    texts = [f"text {n}" for n in range(1_000)]
    human = [n < 70 for n in range(1_000)]
    parts = part_rows(
        rows_of(texts, human=human), SETTINGS.model_copy(update={"max_rows": 100}), seed=1
    )
    assert parts.train.human.sum() == 70
    assert len(parts.train) == 170


def test_the_teachers_share_of_abstentions_is_that_of_its_own_rows() -> None:
    texts = [f"text {n}" for n in range(100)]
    human = [n < 50 for n in range(100)]
    abstained = [50 <= n < 75 for n in range(100)]
    parts = part_rows(rows_of(texts, human=human, abstained=abstained), SETTINGS, seed=1)
    assert parts.abstained_share == 0.5
