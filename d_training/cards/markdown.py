"""Tables and settings in the words of cards and logs."""

from collections.abc import Mapping, Sequence
from typing import Any


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells can't break it, whatever a brand or a label is called."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def format_values(values: Mapping[str, Any]) -> str:
    """Settings in one line."""
    return ", ".join(f"{name} {format_value(value)}" for name, value in values.items())


def format_value(value: float) -> str:
    """Whole numbers as they are, others with three digits."""
    return str(value) if isinstance(value, int) else f"{value:.3g}"


def _cell(value: str) -> str:
    folded = " ".join(value.split())
    return folded.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
