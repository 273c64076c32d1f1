"""model_card.md: what the model is, how its labels came about, what it scores, where it ends.

Markdown under the YAML front-matter that model hubs and other tools read (huggingface_hub).
"""

from pathlib import Path

from common.models.metrics import Interval, ModelMetrics
from common.models.registry import MODEL_INT8
from d_training.cards import licences
from d_training.cards.markdown import markdown_table
from d_training.data.lessons import describe_label_source
from d_training.held_out.doubts import doubts
from d_training.tuning.study import format_values

TEMPLATE = Path(__file__).parent / "model_card.jinja"


def model_card(metrics: ModelMetrics) -> str:
    """Markdown, from what metrics.json holds."""
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

    held_out = metrics.held_out
    data = ModelCardData(
        model_name=f"message-triage-{metrics.model_id}",
        language="en",
        license=licences.data_id(metrics.source),
        library_name="onnx",
        pipeline_tag="text-classification",
        tags=["message-triage", "weak-supervision", "distillation"],
        eval_results=[
            EvalResult(
                task_type="text-classification",
                dataset_type="held-out",
                dataset_name="held-out messages, labeled by the teacher",
                metric_type="f1",
                metric_name="macro-F1 against the teacher, not against people",
                metric_value=round(held_out.macro_f1, 4),
            )
        ],
    )
    runs = sorted(cell.runs for export in metrics.exports for cell in export.latency)
    card = ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        m=metrics,
        weights=licences.weights(metrics.student),
        source=licences.source(metrics.source),
        people=_people(metrics.rows.human),
        label_source=describe_label_source(metrics.synthetic_messages),
        tuned_values=format_values(metrics.tuning.values) if metrics.tuning else "",
        scores=_scores(metrics),
        doubts=_doubts(metrics),
        by_label=_by_label(metrics),
        slices=_slices(metrics),
        runs=f"{runs[0]} to {runs[-1]}",
        exports=_exports(metrics),
        checks=_checks(metrics),
        why="it passed" if metrics.served == MODEL_INT8 else "INT8 did not pass",
    )
    return str(card.content)


def _people(human: int) -> str:
    if not human:
        return "No person labeled any text."
    return f"People labeled {human:,} of the training texts, which count for more."


def _scores(metrics: ModelMetrics) -> str:
    found = metrics.held_out
    rows = [
        [
            "agreement with the teacher (95 % interval)",
            _with_interval(found.teacher_agreement, found.teacher_agreement_interval_95),
        ],
        [
            "macro-F1 against the teacher (95 % interval)",
            _with_interval(found.macro_f1, found.macro_f1_interval_95),
        ],
        [
            "calibration error against the teacher's label",
            f"{found.expected_calibration_error:.3f}",
        ],
        [
            f"coverage, the share it labels (teacher {found.teacher_coverage:.3f})",
            f"{found.coverage:.3f}",
        ],
    ]
    return markdown_table(["figure", "value"], rows)


def _doubts(metrics: ModelMetrics) -> list[str]:
    found = metrics.held_out
    answers = [sum(column) for column in zip(*found.confusion, strict=True)]
    return doubts(found.support, answers, names=metrics.labels, languages=found.languages)


def _by_label(metrics: ModelMetrics) -> str:
    found = metrics.held_out
    columns = zip(metrics.labels, found.f1, found.f1_interval_95, found.support, strict=True)
    rows = [
        [name, f"{f1:.2f} ({low:.2f}-{high:.2f})", f"{support:,}"]
        for name, f1, (low, high), support in columns
    ]
    return markdown_table(["label", "F1 against the teacher (95 %)", "texts"], rows)


def _slices(metrics: ModelMetrics) -> str:
    rows = [
        [kind, part.name, f"{part.texts:,}", _with_interval(part.agreement, part.interval_95)]
        for kind, parts in metrics.slices.items()
        for part in parts
    ]
    return markdown_table(["by", "texts that are", "texts", "agreement (95 %)"], rows)


def _exports(metrics: ModelMetrics) -> str:
    cells = [f"{cell.batch} × {cell.tokens}" for cell in metrics.exports[0].latency]
    header = ["model", "file", "MB", "agrees with the checkpoint", "macro-F1", "calibration error"]
    rows = [
        [
            export.name,
            export.file or "not kept",
            f"{export.bytes / 1e6:.1f}",
            f"{export.agreement:.4f}",
            f"{export.macro_f1:.3f}",
            f"{export.calibration_error:.3f}",
            *(f"{cell.p50_ms:.2f} / {cell.p99_ms:.2f}" for cell in export.latency),
        ]
        for export in metrics.exports
    ]
    return markdown_table([*header, *cells], rows)


def _checks(metrics: ModelMetrics) -> str:
    rows = [
        [
            check.name,
            check.shown,
            f"{check.rule} {check.limit:g}",
            "passed" if check.passed else "FAILED",
        ]
        for check in metrics.int8_checks
    ]
    return markdown_table(["check of INT8", "value", "limit", ""], rows)


def _with_interval(value: float, interval: Interval) -> str:
    return f"{value:.3f} ({interval[0]:.3f}-{interval[1]:.3f})"
