from pathlib import Path
from typing import Any

import pytest

from common.models.evaluation import Evaluation, Int8Comparison
from d_training.evaluation.plots import draw_gold, expected_pictures


def system(shift: float = 0.0) -> dict[str, Any]:
    return {
        "accuracy": 0.7,
        "macro_f1": 0.7 + shift,
        "macro_f1_interval_95": (0.6, 0.8),
        "per_label": {},
        "accuracy_at_70": 0.8,
        "coverage": 0.8,
        "accuracy_at_coverage": 0.75 + shift,
        "expected_calibration_error": 0.05,
        "coverage_curve": [
            {"coverage": share, "threshold": 0.5, "accuracy": 1 - share / 3 + shift}
            for share in (1.0, 0.7, 0.1)
        ],
        "reliability": [
            {"low": 0.4, "high": 0.5, "texts": 30, "confidence": 0.45, "accuracy": 0.5 + shift},
            {"low": 0.9, "high": 1.0, "texts": 90, "confidence": 0.95, "accuracy": 0.9},
        ],
    }


def evaluation(**changes: Any) -> Evaluation:
    points = [
        {"labels": n, "repeats": 10, "macro_f1": f1, "standard_deviation": 0.05}
        for n, f1 in ((10, 0.4), (25, 0.5), (96, 0.6))
    ]
    content = {
        "key": "fed",
        "created_at": "2026-01-02T03:04:05Z",
        "model_id": "0123456789ab",
        "labels": ["bill", "rest"],
        "gold": {"file": "folder/g.csv", "texts": 120, "left_out": {}, "generated": False},
        "teacher": system(),
        "student": system(0.02),
        "baselines": {},
        "served": "model.int8.onnx",
        "int8": dict.fromkeys(Int8Comparison.model_fields, 0.5),
        "unseen": {"texts": 0, "teacher_macro_f1": None, "student_macro_f1": None},
        "hand_labels": {"method": "", "worth": None, "points": points},
    }
    return Evaluation.model_validate(content | changes)


def pixels(path: Path) -> Any:
    from matplotlib import image

    return image.imread(path)[..., :3]


def test_pictures_are_pngs_with_something_on_them(tmp_path: Path) -> None:
    draw_gold(tmp_path, evaluation())
    names = ["reliability_gold.png", "coverage_gold.png", "hand_labels.png"]
    assert expected_pictures(evaluation()) == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    for name in names:
        seen = pixels(tmp_path / name)
        assert seen.shape[0] > 300 and seen.shape[1] > 300
        assert 0.02 < (seen.min(axis=2) < 0.9).mean() < 0.9


@pytest.mark.parametrize(
    ("generated", "said"), [(False, "g.csv, 120 texts"), (True, "g.csv, 120 generated texts")]
)
def test_every_title_names_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generated: bool, said: str
) -> None:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    titles: list[list[str]] = []

    def keep_titles(figure: Any, path: Path, **_: Any) -> None:
        words = [text.get_text() for text in figure.findobj(Text)]
        titles.extend(text.splitlines() for text in words if "g.csv" in text)

    monkeypatch.setattr(Figure, "savefig", keep_titles)
    real = evaluation()
    gold = real.gold.model_copy(update={"generated": generated})
    draw_gold(tmp_path, real.model_copy(update={"gold": gold}))
    assert titles == [
        ["Reliability", said],
        ["Coverage and accuracy", said],
        ["The student is worth more than 96 hand labels", said],
    ]


def test_picture_of_an_earlier_evaluation_is_removed(tmp_path: Path) -> None:
    draw_gold(tmp_path, evaluation())
    bare = evaluation(hand_labels=None)
    draw_gold(tmp_path, bare)
    assert expected_pictures(bare) == ["reliability_gold.png", "coverage_gold.png"]
    assert not (tmp_path / "hand_labels.png").exists()
