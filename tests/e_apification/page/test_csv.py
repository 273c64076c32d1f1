"""static/csv.js writes what bulk scoring writes: the same cells are marked, the same are quoted."""

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.config.settings import ROOT
from common.tables.writing.formulas import FORMULA, NUMBER, harmless, unmarked
from common.tables.writing.output import write_csv
from tests.common.tables.writing.test_formulas import NEAR, NOT_RUN, RUN

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="no node here")
CELLS = [*RUN, *NOT_RUN, *(f"'{value}" for value in RUN), "''=1", 'a "b"', "a;b", "a\tb|c", "a,b"]
PROGRAM = """
import { FORMULA, NUMBER, harmless, unmarked, writeCsv } from "./csv.mjs";
import { readFileSync } from "node:fs";
const { cells, ways } = JSON.parse(readFileSync(0));
console.log(JSON.stringify({
  patterns: [FORMULA, NUMBER], harmless: cells.map(harmless), unmarked: cells.map(unmarked),
  written: ways.map((way) => writeCsv(cells.map((cell) => [cell, "x"]), way)),
}));
"""


def javascript(folder: Path, cells: list[str], ways: list[dict[str, Any]]) -> dict[str, Any]:
    shutil.copy(ROOT / "e_apification" / "static" / "csv.js", folder / "csv.mjs")
    (folder / "run.mjs").write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        ["node", "run.mjs"],
        cwd=folder,
        input=json.dumps({"cells": cells, "ways": ways}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def written(cells: list[str], delimiter: str, guard: bool) -> str:
    out = io.StringIO(newline="")
    write_csv(out, ([cell, "x"] for cell in cells), delimiter=delimiter, guard=guard)
    return out.getvalue()


def check(folder: Path, cells: list[str]) -> None:
    pairs = [(sign, guard) for sign in ",;\t|" for guard in (True, False)]
    ways: list[dict[str, str | bool]] = [{"delimiter": s, "guard": guard} for s, guard in pairs]
    assert javascript(folder, cells, ways) == {
        "patterns": [FORMULA, NUMBER],
        "harmless": [harmless(cell) for cell in cells],
        "unmarked": [unmarked(cell) for cell in cells],
        "written": [written(cells, sign, guard) for sign, guard in pairs],
    }


def test_known_cells_are_written_alike(tmp_path: Path) -> None:
    check(tmp_path, CELLS)


@settings(max_examples=20)
@given(st.lists(NEAR | st.text(st.characters(exclude_categories=["Cs"])), min_size=50))
def test_any_cells_are_written_alike(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    check(tmp_path_factory.mktemp("csv"), cells)
