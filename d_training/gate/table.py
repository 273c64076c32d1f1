"""A verdict as text for a terminal."""

from common.models.verdict import Check, Verdict
from common.runtime.text_table import aligned


def gate_table(verdict: Verdict) -> str:
    """What was compared on what, one line a check, and the answer."""
    figures = {name: value for name, value in verdict.figures.items() if value is not None}
    lines = [
        f"Gate: model {verdict.model_id} against {verdict.against or 'none'}, on {verdict.rows}",
        *verdict.notes,
    ]
    if "difference" in figures:
        lines.append(
            "macro-F1 {macro_f1:.3f}, production {production_macro_f1:.3f}; difference "
            "{difference:+.3f} (95 % interval {difference_low:+.3f} to "
            "{difference_high:+.3f})".format_map(figures)
        )
    lines += aligned(
        ["check", "value", "limit", ""],
        [
            *(_row(check, failed="FAILED") for check in verdict.checks),
            *(_row(check, failed="float32 serves") for check in verdict.int8),
        ],
    )
    lines.append("verdict: " + ("promote" if verdict.promote else "refuse"))
    return "\n".join(lines) + "\n"


def _row(check: Check, *, failed: str) -> list[str]:
    return [
        check.name,
        check.shown,
        f"{check.rule} {check.limit:g}",
        "passed" if check.passed else failed,
    ]
