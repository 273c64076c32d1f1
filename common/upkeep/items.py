"""What a prune finds: a thing on the disk, its size, and why it stays or that it goes."""

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

_HIDDEN = ".pruned"


class Item(NamedTuple):
    """Files and folders that stay or go together; stays: why, None where they go."""

    name: str
    paths: tuple[Path, ...]
    bytes: int
    stays: str | None


def measured(name: str, paths: Iterable[Path], *, stays: str | None) -> Item:
    """An item with the bytes that its removal would free."""
    there = tuple(path for path in paths if path.exists() or path.is_symlink())
    return Item(name, there, sum(map(_freed, there)), stays)


def hide(item: Item) -> None:
    """Take it out of everybody's sight: each path is renamed, which is done or not, never half."""
    for path in item.paths:
        path.rename(path.with_name(f".{path.name}{_HIDDEN}"))


def hidden_in(folders: Iterable[Path]) -> list[Path]:
    """What was hidden there and is not removed yet."""
    return [path for folder in folders for path in sorted(folder.glob(f".*{_HIDDEN}"))]


def delete(path: Path) -> None:
    """Remove a file, a link or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def report_lines(items: Sequence[Item]) -> list[str]:
    """What goes, then what stays and why, the largest first."""
    lines = []
    for title, wanted in (("goes", False), ("stays", True)):
        of_these = [item for item in items if (item.stays is not None) == wanted]
        lines.append(f"{title}: {shown_bytes(sum(item.bytes for item in of_these))}")
        for item in sorted(of_these, key=lambda item: -item.bytes):
            why = f"  ({item.stays})" if item.stays else ""
            lines.append(f"  {shown_bytes(item.bytes):>9}  {item.name}{why}")
    return lines


def shown_bytes(count: float) -> str:
    """As a person reads it, in powers of 1,000."""
    for unit in ("B", "kB", "MB"):
        if count < 1_000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1_000
    return f"{count:.1f} GB"


def _freed(path: Path) -> int:
    if path.is_symlink() or path.is_file():
        return _bytes_of(path)
    return sum(_bytes_of(Path(top, name)) for top, _, names in os.walk(path) for name in names)


def _bytes_of(file: Path) -> int:
    """None of a file that has another name too: data/raw shares files with what it grew from."""
    try:
        found = file.lstat()
    except FileNotFoundError:  # a running command has removed it
        return 0
    return found.st_size if found.st_nlink == 1 else 0
