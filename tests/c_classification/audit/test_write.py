import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import c_classification.__main__ as stage_command
from c_classification.audit.figures import count_rows, draw_examples
from c_classification.audit.rows import read_rows
from c_classification.audit.write import write_audit
from c_classification.draw import Draw, rank_of
from common.config.schema import Settings
from common.errors import DataError
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage

NAMES = ("parcel", "bill", "rest")
MEMBERS = ("embedding", "nli")
SCRIPT = "<script>alert('x')</script> & my \"parcel\""
# text, label, scores in schema order, votes of the two members
LABELED: list[tuple[str, str | None, list[float], list[str | None]]] = [
    (SCRIPT, "parcel", [0.90, 0.06, 0.04], ["parcel", "parcel"]),
    ("parcel late", "parcel", [0.75, 0.20, 0.05], ["parcel", "bill"]),
    ("late again", "parcel", [0.55, 0.40, 0.05], ["parcel", "bill"]),
    ("charged twice", "bill", [0.10, 0.85, 0.05], ["bill", "bill"]),
    ("charged twice", "bill", [0.10, 0.85, 0.05], ["bill", "bill"]),
    ("refund", "bill", [0.30, 0.65, 0.05], ["bill", None]),
    ("hm", None, [0.20, 0.25, 0.28], ["rest", "bill"]),
    ("what", None, [0.29, 0.28, 0.10], ["parcel", "parcel"]),
]
COLUMNS = "tweet_id conversation_id text lang label confidence scores teacher votes".split()


def table(rows: Any, *, columns: Any = COLUMNS) -> pa.Table:
    texts, labels, scores, votes = (list(column) for column in zip(*rows, strict=True))
    ids = pa.array(range(1, len(rows) + 1), pa.int64())
    return pa.table(
        {
            "tweet_id": ids,
            "conversation_id": ids,
            "text": pa.array(texts, pa.string()),
            "lang": pa.array(["en"] * len(rows), pa.string()),
            "label": pa.array(labels, pa.string()),
            "confidence": pa.array([max(s) for s in scores], pa.float32()),
            "scores": pa.array(scores, pa.list_(pa.float32())),
            "teacher": pa.array(["embedding"] * len(rows), pa.string()),
            "votes": pa.array(votes, pa.list_(pa.string())),
        }
    ).select(columns)


@pytest.fixture()
def publish(tmp_path: Path) -> Callable[..., None]:
    """Publishes data/labeled as two files, with the manifest's figures."""

    def write(
        rows: Any = LABELED, *, names: Any = NAMES, members: Any = MEMBERS, columns: Any = COLUMNS
    ) -> None:
        def build(folder: Path) -> Built:
            (folder / "messages").mkdir()
            half = len(rows) // 2
            for n, part in enumerate((rows[:half], rows[half:])):
                pq.write_table(
                    table(part, columns=columns), folder / "messages" / f"part-{n}.parquet"
                )
            (folder / "messages" / "_SUCCESS").touch()
            figures = {
                "teacher": "embedding",
                "distinct_texts": len({row[0] for row in rows}),
                "labels": {name: sum(row[1] == name for row in rows) for name in names},
                "members": list(members),
            }
            return Built(RowCounts.model_validate({"in": len(rows), "out": len(rows)}), figures)

        said = [json.dumps(rows), columns, names, members]
        plan = plan_stage("c_classification", code=(), settings=said, inputs=[])
        run_stage(plan, output=tmp_path / "data" / "labeled", build=build)

    return write


@pytest.fixture()
def batches(publish: Callable[..., None], tmp_path: Path) -> Callable[..., Any]:
    publish()
    folder = tmp_path / "data" / "labeled" / "messages"
    return lambda: read_rows(folder, names=NAMES, members=MEMBERS)


def visible(page: str) -> str:
    """The words of a page, one space between them."""
    body = page[page.index("<body>") :]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_counts_are_those_of_the_rows(batches: Callable[..., Any]) -> None:
    counts = count_rows(batches(), labels=3, members=2)
    assert counts.bins.sum(axis=1).tolist() == [3, 3, 0]
    assert np.flatnonzero(counts.bins[0]).tolist() == [550, 750, 900]
    np.testing.assert_allclose(counts.confidence_sum, [2.2, 2.35, 0], atol=1e-6)
    assert counts.abstained == 2
    assert counts.highest_abstained == pytest.approx(0.29)
    assert counts.abstained_pairs.tolist() == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]
    assert counts.votes[0, 1].tolist() == [
        [2, 2, 0, 0],
        [0, 2, 0, 1],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
    ]


def test_examples_are_distinct_and_in_the_band_of_their_confidence(
    batches: Callable[..., Any],
) -> None:
    counts = count_rows(batches(), labels=3, members=2)
    examples = draw_examples(batches(), counts, seed=3)
    texts = [
        {band: [e.text for e in found] for band, found in of_label.items()}
        for of_label in examples.bands
    ]
    assert texts == [
        {"high": [SCRIPT], "middle": ["parcel late"], "low": ["late again"]},
        {"high": ["charged twice"], "middle": [], "low": ["refund"]},
        {"high": [], "middle": [], "low": []},
    ]
    assert [(d.first, d.second, d.rows) for d in examples.disagreements[0, 1]] == [
        (0, 1, 2), (2, 1, 1),
    ]  # fmt: skip
    assert {e.text for e in examples.disagreements[0, 1][0].examples} == {
        "parcel late", "late again",
    }  # fmt: skip
    assert [(e.text, e.best[0][0], e.best[1][0]) for e in examples.abstentions] == [
        ("what", 0, 1), ("hm", 2, 1),
    ]  # fmt: skip


def test_the_draw_is_seeded_and_does_not_depend_on_the_order() -> None:
    texts = [f"text {n}" for n in range(200)]

    def drawn(order: Any, seed: int) -> Any:
        draw: Draw[str] = Draw(4)
        for text in [*order, *order]:
            draw.offer(rank_of(text, seed=seed), text)
        return draw.items()

    first = drawn(texts, 1)
    assert len(set(first)) == 4
    assert drawn(texts[::-1], 1) == first
    assert drawn(texts, 2) != first


def test_the_page_shows_counts_disagreements_and_abstentions(
    settings: Settings, publish: Callable[..., None]
) -> None:
    publish()
    page = write_audit(settings).read_text(encoding="utf-8")
    words = visible(page)
    assert "8 messages, 7 distinct texts; teacher: embedding (embedding, nli)" in words
    assert "parcel 3 37.5 % 0.73 bill 3 37.5 % 0.78 rest 0 0.0 % – abstained 2 25.0 %" in words
    assert "They agree on 4 of the 7 messages on which both have an opinion (57.1 %)" in words
    assert "embedding: parcel, nli: bill 2" in words
    assert "the threshold of 0.3; the highest of them reached 0.290" in words
    assert "what parcel 0.290 bill 0.280 0.3" in words
    assert "parcel bill 1 50.0 % rest bill 1 50.0 %" in words


def test_texts_are_escaped_and_nothing_is_fetched(
    settings: Settings, publish: Callable[..., None]
) -> None:
    publish()
    page = write_audit(settings).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; my &#34;parcel&#34;" in page
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://", page)


def test_an_unchanged_input_is_left_alone_and_a_changed_one_is_not(
    settings: Settings, publish: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    publish()
    caplog.set_level("INFO")
    path = write_audit(settings)
    before = path.stat().st_mtime_ns
    write_audit(settings)
    assert path.stat().st_mtime_ns == before
    assert "labels unchanged, nothing to do" in caplog.text
    publish(LABELED[:-1])
    write_audit(settings)
    assert "7 messages" in visible(path.read_text(encoding="utf-8"))
    assert list(path.parent.iterdir()) == [path]
    assert not any(text in caplog.text for text, *_ in LABELED)


def test_a_single_teacher_has_nobody_to_disagree_with(
    settings: Settings, publish: Callable[..., None]
) -> None:
    publish([(t, label, s, votes[:1]) for t, label, s, votes in LABELED], members=["embedding"])
    words = visible(write_audit(settings).read_text(encoding="utf-8"))
    assert "The teacher has a single member (embedding)" in words
    assert "They agree on" not in words


def test_nothing_abstained_is_said(settings: Settings, publish: Callable[..., None]) -> None:
    publish(LABELED[:6])
    words = visible(write_audit(settings).read_text(encoding="utf-8"))
    assert "No message: the best label of each reached the threshold of 0.3." in words


@pytest.mark.parametrize(
    ("published", "said"),
    [
        ({"columns": COLUMNS[:-1]}, "lacks the column votes; run `make classify` again"),
        ({"names": ["parcel", "bill"]}, "with the labels parcel, bill; the settings name"),
        ({"members": ["nli"]}, "lists that are not 1 long"),
        (
            {"rows": [*LABELED, ("x", "unheard of", [0.4, 0.3, 0.3], ["bill", None])]},
            "labels other than parcel, bill, rest",
        ),
    ],
)
def test_data_that_does_not_fit_is_refused(
    settings: Settings, publish: Callable[..., None], published: Any, said: str
) -> None:
    publish(**published)
    with pytest.raises(DataError, match=said):
        write_audit(settings)


def test_missing_data_names_the_target_to_run(settings: Settings) -> None:
    with pytest.raises(DataError, match="run `make classify` first"):
        write_audit(settings)


def test_the_stage_ends_with_the_page(
    settings: Settings, publish: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_command, "run", lambda _: publish())
    stage_command.label_and_audit(settings)
    assert (settings.paths.reports / "labels.html").is_file()
