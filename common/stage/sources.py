"""The source files that decide what a module computes: the module and, in turn, what it imports.

Settings count by their values, and what runs a stage or tells of it decides no output, so that a
word changed there makes nothing anew.
"""

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NOT_DECIDING = (
    "common.config",
    "common.errors",
    "common.locks",
    "common.log",
    "common.runtime",
    "common.stage",
    "common.store",
    "common.tracking",
)
_DATA = (".css", ".html", ".jinja", ".yaml")


def source_files(modules: Sequence[str], *, root: Path = ROOT) -> list[Path]:
    """Python files of ``modules`` and of all that they import from this project, sorted.

    Imports inside functions count, those for type checkers alone do not. Templates and
    YAML files beside a room's modules, as far as it has any, are its data and belong to it.

    Args:
        modules: dotted names, such as ``d_training.build``.
        root: the folder that holds the packages.

    Raises:
        ModuleNotFoundError: if there is no such module.
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found or name.startswith(_NOT_DECIDING):
            continue
        path = _find(name, root)
        if path is None:
            raise ModuleNotFoundError(f"{name} is no module of {root}")
        found[name] = path
        imported = _imported(path.read_text(encoding="utf-8"))
        waiting += [known for known in imported if _find(known, root)]
    data = {
        file
        for path in found.values()
        if path.parent.parent != root
        for file in path.parent.rglob("*")
        if file.suffix in _DATA
    }
    return sorted({*found.values(), *data})


def _find(name: str, root: Path) -> Path | None:
    path = root.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache  # stages share most of their sources
def _imported(source: str) -> tuple[str, ...]:
    """Names that may be modules: of ``from a import b`` both a and a.b."""
    names: list[str] = []
    for node in _executed(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below ``if TYPE_CHECKING:``."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _executed(child)
