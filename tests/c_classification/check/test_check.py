import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from c_classification.check.__main__ import main
from c_classification.check.check import check_labels
from c_classification.check.table import format_report
from c_classification.check.texts import (
    Judged,
    Share,
    judge_scores,
    sample_texts,
    share_findings,
    single_hypotheses,
    unentailed_hypotheses,
)
from c_classification.check.wording import (
    Finding,
    Misplaced,
    Sentence,
    leave_one_out_scores,
    misplaced_findings,
    misplaced_sentences,
    overlapping_descriptions,
    repeated_sentences,
    sentences_of,
    thin_labels,
)
from common.config.classification import NliSettings
from common.config.schema import Settings
from common.labels import Label, LabelSchema

TEN = tuple(f"example {n}" for n in range(10))


def schema_of(**examples: tuple[str, ...]) -> LabelSchema:
    labels = [
        Label(name=name, description=f"all about {name}", hypotheses=(f"is {name}",), examples=said)
        for name, said in examples.items()
    ]
    return LabelSchema(catch_all=labels[-1].name, labels=tuple(labels))


@pytest.fixture()
def never_entails(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """An NLI checkpoint with logits 2 and 0 for contradiction and entailment, whatever it reads."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path / "nli"
    shutil.copytree(tiny_checkpoint, folder)
    names = ["contradiction", "entailment", "neutral"]
    config = BertConfig.from_pretrained(
        tiny_checkpoint, num_labels=3,
        id2label=dict(enumerate(names)), label2id={n: k for k, n in enumerate(names)},
    )  # fmt: skip
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([2.0, 0.0, 0.0]))
    model.save_pretrained(folder)
    return folder


def test_every_sentence_is_looked_at_in_schema_order() -> None:
    assert sentences_of(schema_of(a=("x", "y"), b=())) == [
        Sentence(0, "description", "all about a"), Sentence(0, "hypothesis", "is a"),
        Sentence(0, "example", "x"), Sentence(0, "example", "y"),
        Sentence(1, "description", "all about b"), Sentence(1, "hypothesis", "is b"),
    ]  # fmt: skip


def test_labels_with_little_wording_are_found() -> None:
    bare = Label(name="Lost card", description="card, lost", hypotheses=("h",), examples=TEN)
    schema = schema_of(none=(), one=("x",), nine=TEN[:9], ten=TEN)
    schema = schema.model_copy(update={"labels": (*schema.labels, bare)})
    assert [(f.label, f.found) for f in thin_labels(schema)] == [
        ("none", "no example"),
        ("one", "1 example"),
        ("nine", "9 examples"),
        ("Lost card", "the description says no more than the name"),
    ]


def test_the_same_sentence_is_found_whatever_its_case_and_handles() -> None:
    schema = schema_of(
        a=("@brand Where is it?", "thanks", "hello"), b=("where is it", "Thanks!"), c=("hm", "HM")
    )
    assert [(f.label, f.found) for f in repeated_sentences(schema, sentences_of(schema))] == [
        ("c", "'hm' stands 2 times"),
        ("a", "'where is it' stands under b too, and 1 more"),
    ]


def test_overlapping_descriptions_are_found_nearest_first() -> None:
    schema = schema_of(a=TEN, b=TEN, c=TEN)
    vectors = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8]], np.float32)  # cosines .8, .6, .96
    assert [(f.label, f.found) for f in overlapping_descriptions(schema, vectors)] == [
        ("b", "its description is close to that of c (cosine 0.96)"),
        ("a", "its description is close to that of b (cosine 0.80)"),
    ]


def test_leaving_one_out_in_closed_form_equals_fitting_without_it() -> None:
    draw = np.random.default_rng(5)
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    vectors = draw.normal(size=(9, 4)).astype(np.float32)
    scores = leave_one_out_scores(vectors, labels)
    for i in range(9):
        rest = np.arange(9) != i
        # 9 rows, 3 labels: a row weighs 3 / (rows of its label).
        weights = np.array([3 / 3, 3 / 2, 3 / 4])[labels]
        fitted = Ridge(alpha=1.0).fit(vectors[rest], np.eye(3)[labels[rest]], weights[rest])
        np.testing.assert_allclose(scores[i], fitted.predict(vectors[i : i + 1])[0], atol=1e-6)


def test_a_sentence_among_those_of_another_label_is_found() -> None:
    schema = schema_of(a=("a1", "a2", "a3"), b=("b1", "b2", "stray"))
    sentences = sentences_of(schema)
    towards = {"a": [1, 0], "b": [0, 1]}
    vectors = np.array(
        [towards["a" if s.text == "stray" else schema.names[s.label]] for s in sentences],
        np.float32,
    )
    misplaced = misplaced_sentences(sentences, vectors)
    assert [(m.sentence.text, m.other) for m in misplaced] == [("stray", 0)]
    assert misplaced_findings(schema, sentences, misplaced) == [
        Finding(
            "b",
            "1 of 5 sentences read like another label, most often like a",
            "name the cause in each, or move it (listed below)",
        )
    ]


def test_a_sentence_under_both_labels_is_not_called_misplaced() -> None:
    sentences = sentences_of(schema_of(a=("a1", "a2", "stray"), b=("b1", "b2", "stray")))
    vectors = np.array(
        [[1, 0] if s.label == 0 or s.text == "stray" else [0, 1] for s in sentences], np.float32
    )
    assert misplaced_sentences(sentences, vectors) == []


def test_scores_are_counted_by_label_and_by_pair_of_near_labels() -> None:
    schema = schema_of(a=TEN, b=TEN, c=TEN)
    scores = np.array(
        [
            [0.8, 0.1, 0.1],
            [0.45, 0.5, 0.05],  # near a and b
            [0.5, 0.45, 0.05],  # near a and b
            [0.2, 0.2, 0.1],  # abstained, near a and b
            [0.05, 0.45, 0.5],  # near b and c
        ],
        np.float32,
    )
    judged = judge_scores(schema, ["t0", "t1", "t2", "t3", "t4"], scores, threshold=0.3)
    assert judged.texts == 5
    assert [share.texts for share in judged.shares] == [2, 1, 1]
    assert [share.confidence for share in judged.shares] == pytest.approx([0.65, 0.5, 0.5])
    assert (judged.abstained, judged.near) == (1, 4)
    assert judged.pairs == [("a", "b", 3, ["t1", "t2", "t3"]), ("b", "c", 1, ["t4"])]


@pytest.mark.parametrize(
    ("got", "abstained", "found"),
    [
        ([70, 29, 1], 0, [("c", "hardly any text gets it")]),
        ([60, 40, 0], 0, [("c", "no text gets it")]),
        ([85, 9, 6], 0, [("a", "it takes nearly all texts")]),
        ([20, 20, 60], 0, [("c", "the catch-all takes most texts")]),
        ([30, 30, 15], 25, [("", "the teacher often can't tell and abstains")]),
        ([40, 30, 30], 0, []),
        ([10, 5, 5], 0, [("", "20 texts are too few to judge what each label gets")]),
    ],
)
def test_shares_out_of_proportion_are_found(
    got: list[int], abstained: int, found: list[Any]
) -> None:
    schema = schema_of(a=TEN, b=TEN, c=TEN)
    shares = [Share(n, 0.5) for n in got]
    judged = Judged(sum(got) + abstained, shares, abstained, 0, [])
    assert [(f.label, f.found) for f in share_findings(schema, judged)] == found


def test_pairs_that_share_many_texts_are_found() -> None:
    schema = schema_of(a=TEN, b=TEN)
    judged = judge_scores(
        schema,
        [f"t{n}" for n in range(50)],
        np.array([[0.52, 0.48]] + [[0.9, 0.1], [0.1, 0.9]] * 24 + [[0.9, 0.1]], np.float32),
        threshold=0.3,
    )
    assert [(f.label, f.found) for f in share_findings(schema, judged)] == [
        ("a", "2.0% of the texts lie between it and b")
    ]


def test_hypotheses_that_no_text_entails_are_found() -> None:
    label = Label(name="a", description="d", hypotheses=("h1", "h2"))
    schema = LabelSchema(catch_all="b", labels=(label, label.model_copy(update={"name": "b"})))
    apart = single_hypotheses(schema)
    assert [k.hypotheses for k in apart.labels] == [("h1",), ("h2",), ("h1",), ("h2",)]
    entailment = np.array([[0.9, 0.1, 0.2, 0.3], [0.2, 0.45, 0.5, 0.1]], np.float32)
    assert [(f.label, f.found) for f in unentailed_hypotheses(schema, entailment)] == [
        ("a", "no text entails 'h2' (highest 0.45)"),
        ("b", "no text entails 'h2' (highest 0.30)"),
    ]


def test_the_sample_is_distinct_seeded_and_bounded(
    write_curated: Callable[[Sequence[str | None]], None], tmp_path: Path
) -> None:
    write_curated([None, *[f"text {n % 50}" for n in range(200)]])
    folder = tmp_path / "data" / "curated" / "messages"
    first = sample_texts(folder, size=20, seed=1)
    assert len(set(first)) == 20
    assert sample_texts(folder, size=20, seed=1) == first
    assert sample_texts(folder, size=20, seed=2) != first
    assert len(sample_texts(folder, size=1000, seed=1)) == 50


def test_the_table_is_aligned_and_shows_what_to_change() -> None:
    schema = schema_of(a=("x",), b=TEN)
    sentence = Sentence(0, "example", "x")
    judged = judge_scores(
        schema, ["one", "two"], np.array([[0.9, 0.1], [0.52, 0.48]], np.float32), threshold=0.3
    )
    findings = [Finding("a", "1 example", "write more"), Finding("a", "vague", "be clear")]
    report = format_report(
        schema, [sentence], findings, [Misplaced(sentence, 1, 0.25)], judged, [0, 0]
    ).splitlines()
    assert report == [
        "label        sentences  texts (share)  confidence  finding    what to change",
        "a                    1     2 (100.0%)        0.71  1 example  write more",
        "                                                   vague      be clear",
        "b                    0       0 (0.0%)           -",
        "(abstained)                  0 (0.0%)",
        "",
        "Sentences that read like another label, the clearest first:",
        "  a (example), like b (+0.25): x",
        "",
        "Texts near two labels: 1 (50.0%); most often",
        "  a / b: 1 (50.0%)",
        "    two",
        "",
        "2 findings.",
    ]


def test_synthetic_messages_are_counted_by_label(settings: Settings) -> None:
    with settings.labels.open("a", encoding="utf-8") as labels:
        labels.write("synthetic: more.csv\n")
    (settings.labels.parent / "more.csv").write_text("label,text\nrest,lol\nbill,why\nrest,ok\n")
    shown = format_report(*check_labels(settings))
    assert "\n3 synthetic messages in more.csv: parcel 0, bill 1, rest 2\n" in shown


def test_without_data_only_the_wording_is_checked(settings: Settings) -> None:
    report = check_labels(settings)
    assert report.judged is None
    assert [f.label for f in report.findings if "4 examples" in f.found] == [
        "parcel", "bill", "rest",
    ]  # fmt: skip
    shown = format_report(*report)
    assert "Only the wording was checked: data/curated is not there." in shown
    assert "texts get" not in shown.split("Only the wording")[0]


def test_with_data_the_teachers_labels_are_counted(
    settings: Settings, write_curated: Callable[[Sequence[str | None]], None]
) -> None:
    write_curated([f"my parcel not arrived {word}" for word in ("order", "late", "i", "you", "a")])
    judged = check_labels(settings).judged
    assert judged is not None
    assert judged.texts == 5
    assert sum(share.texts for share in judged.shares) + judged.abstained == 5
    fewer = check_labels(settings, texts=3).judged
    assert fewer is not None
    assert fewer.texts == 3


def test_an_nli_teacher_is_asked_what_each_hypothesis_is_worth(
    settings: Settings, write_curated: Callable[[Sequence[str | None]], None], never_entails: Path
) -> None:
    write_curated(["my parcel not arrived", "charged twice"])
    nli = NliSettings(checkpoint=str(never_entails))
    chosen = settings.classification.model_copy(update={"teacher": "nli", "nli": nli})
    report = check_labels(settings.model_copy(update={"classification": chosen}))
    assert [(f.label, f.found) for f in report.findings if "entails" in f.found] == [
        ("parcel", "no text entails 'the parcel is late .' (highest 0.12)"),
        ("bill", "no text entails 'the bill was charged twice .' (highest 0.12)"),
        ("rest", "no text entails 'thanks to you .' (highest 0.12)"),
    ]


def test_findings_exit_with_0_and_an_invalid_file_with_2(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(labels: Any) -> int:
        encoder = settings.classification.embedding.checkpoint
        chosen = [f"labels={labels}", f"run_dir={tmp_path}"]
        chosen.append(f"classification.embedding.checkpoint={encoder}")
        arguments = [part for item in chosen for part in ("--set", item)]
        monkeypatch.setattr(sys, "argv", ["labels_check", *arguments])
        return main()

    assert run(settings.labels) == 0
    assert "make up messages as people would write" in capsys.readouterr().out
    (tmp_path / "bad.yaml").write_text("labels: []\n")
    assert run(tmp_path / "bad.yaml") == 2
    assert capsys.readouterr().out == ""
