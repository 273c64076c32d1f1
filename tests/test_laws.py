"""The laws of docs/architecture.md that can be read off the source."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("a_ingestion", "b_transformation", "c_classification", "d_training", "e_apification")
PACKAGES = (*STAGES, "common", "pipeline")
SOURCES = [p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports anywhere, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_source_to_read() -> None:
    assert {p.relative_to(ROOT).parts[0] for p in SOURCES} == set(PACKAGES)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_stages_never_import_one_another(path: Any) -> None:
    own = path.relative_to(ROOT).parts[0]
    others = {*STAGES, "pipeline", "benchmarks", "tests"} - {own}
    assert not imported(path) & others


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_pickle_and_no_remote_code(path: Any) -> None:
    assert not imported(path) & {"pickle", "cloudpickle", "joblib", "dill", "shelve"}
    calls = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not calls & {"torch.load", "torch.save"}
    assert "trust_remote_code" not in path.read_text(encoding="utf-8")


def first_party(path: Path) -> set[str]:
    """Modules of this project that a file imports when it runs, also inside functions."""
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                names = {f"{child.module}.{alias.name}" for alias in child.names}
                found.update(names & MODULES.keys() or {child.module})
            walk(child)

    walk(ast.parse(path.read_text(encoding="utf-8")))
    return found & MODULES.keys()


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room(module: str) -> str:
    """A stage's root is no room: each of its modules stands for itself."""
    return ".".join(module.split(".")[:2])


MODULES = {dotted(path): path for path in SOURCES}


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Some circle among the arrows; empty where there is none."""
    done: set[str] = set()

    def walk(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for other in sorted(arrows.get(name, ())):
            if found := walk(other, [*trail, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(arrows) if (found := walk(name, []))), [])


def test_modules_import_one_another_in_no_circle() -> None:
    assert circle({name: first_party(path) - {name} for name, path in MODULES.items()}) == []


def test_rooms_import_one_another_in_no_circle() -> None:
    arrows: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        others = {room(other) for other in first_party(path)}
        arrows.setdefault(room(name), set()).update(others - {room(name)})
    assert circle(arrows) == []


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_root_holds_at_most_eight_modules(package: Any) -> None:
    assert len(list((ROOT / package).glob("*.py"))) <= 8


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.name == "__init__.py" and p.parent.parent.parent == ROOT],
    ids=name,
)  # fmt: skip
def test_a_room_says_what_it_takes_makes_and_who_may_import_it(path: Any) -> None:
    lines = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()
    assert len(lines) >= 3


def test_import_reads_connects_and_creates_nothing(tmp_path: Path) -> None:
    """Import every module (``__main__`` too) with files, sockets and processes forbidden."""
    # Alembic runs env.py for a migration, with a connection given to it; nobody imports it.
    modules = [name for name, path in MODULES.items() if path.name != "env.py"]
    # These are about SQLAlchemy, so that others import them only where the store is used.
    store = [name for name in modules if name.startswith("common.store.")]
    outside = [name for name in modules if name not in store]
    script = f"""
import importlib, sys
sys.path.insert(0, {str(ROOT)!r})
import numpy, pydantic, yaml, pyarrow, filelock, tqdm, dotenv, onnxruntime, tokenizers
offences = []
def watch(event, args):
    if event in ("socket.connect", "subprocess.Popen", "os.mkdir", "os.remove", "os.rename"):
        offences.append((event, str(args)[:200]))
    if event == "open" and args[1] and set(str(args[1])) & set("wax+"):
        offences.append((event, str(args)[:200]))
    if event == "os.scandir" and str(args[0]).startswith({str(ROOT)!r}):
        if "site-packages" not in str(args[0]):
            offences.append((event, str(args)[:200]))
    if event == "open" and str(args[0]).endswith((".yaml", ".env", ".json", ".csv", ".parquet")):
        if {str(ROOT)!r} in str(args[0]) and "site-packages" not in str(args[0]):
            offences.append((event, str(args)[:200]))
sys.addaudithook(watch)
for name in {outside!r}:
    importlib.import_module(name)
heavy = {{"torch", "transformers", "pyspark", "datasets", "mlflow", "optuna", "sqlalchemy"}}
heavy = sorted(heavy & set(sys.modules))
for name in {store!r}:
    importlib.import_module(name)
print(offences, heavy)
sys.exit(bool(offences or heavy))
"""
    done = subprocess.run(
        [sys.executable, "-B", "-W", "ignore", "-c", script],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
