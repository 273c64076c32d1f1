"""Tables of the cards."""

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells can't break it, whatever a brand or a label is called."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: str) -> str:
    folded = " ".join(value.split())
    return folded.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
