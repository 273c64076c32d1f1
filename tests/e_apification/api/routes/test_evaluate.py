"""POST /evaluate on files whose figures can be counted by hand."""

import asyncio
import csv
import gzip
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from e_apification.api.app import create_app

CSV = {"Content-Type": "text/csv"}
ZIP = {"Content-Type": "application/zip"}
ANY = {"Content-Type": "application/octet-stream"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# The model: refund -> billing, parcel -> delivery, hello -> other; nothing known -> abstains, and
# the best of three equal scores is the first label.
ROWS = (
    "label,id,text\r\n"
    "billing,1,refund\r\n"
    "billing,2,parcel\r\n"
    'delivery,3,"parcel, ""please""\nnow"\r\n'
    "other,4,hello\r\n"
    "other,5,nothing known\r\n"
    "\r\n"
    "other,6,\r\n"
    ",7,hello\r\n"
)
ANSWER = {
    "model_id": "0123456789ab",
    "rows": {"taken": 7, "scored": 5, "left_out": {"no text": 1, "no label": 1}},
    "accuracy": 0.6,
    "macro_f1": 0.611111,
    "coverage": 0.8,
    "covered_accuracy": 0.75,
    "truncated": 0,
    "labels": [
        {"label": "billing", "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2},
        {"label": "delivery", "precision": 0.5, "recall": 1.0, "f1": 0.666667, "support": 1},
        {"label": "other", "precision": 1.0, "recall": 0.5, "f1": 0.666667, "support": 2},
    ],
    "confusion": {
        "labels": ["billing", "delivery", "other"],
        "counts": [[1, 1, 0], [0, 1, 0], [1, 0, 1]],
    },
}


def records() -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(ROWS, newline="")) if row]


def written(delimiter: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(records())
    return out.getvalue()


def jsonl() -> bytes:
    header, *rows = records()
    lines = (json.dumps(dict(zip(header, row, strict=True))) for row in rows)
    return "\n".join(lines).encode()


def workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in records():
        book.worksheets[0].append(row)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def zipped(
    content: bytes,
    name: str = "gold.csv",
    method: int = zipfile.ZIP_DEFLATED,
    added: str | None = None,
) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.writestr(name, content)
        if added:
            archive.writestr(added, b"\0")
    return made.getvalue()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (ROWS.encode(), CSV),
        (b"\xef\xbb\xbf" + ROWS.encode(), {"Content-Type": "text/csv; charset=utf-8"}),
        (zipped(ROWS.encode()), ZIP),
        (zipped(ROWS.encode(), "a folder/GOLD.CSV", zipfile.ZIP_STORED), ZIP),
        (written(";").encode(), CSV),
        (written("\t").encode("utf-16"), {"Content-Type": "text/tab-separated-values"}),
        (gzip.compress(ROWS.encode(), mtime=0), {"Content-Type": "application/gzip"}),
        (zipped(written("\t").encode(), "gold.tsv", added="__MACOSX/._gold.tsv"), ZIP),
        (zipped(ROWS.encode()), ANY),
        (jsonl(), {"Content-Type": "application/x-ndjson"}),
        (jsonl(), ANY),
        (workbook(), {"Content-Type": XLSX}),
        (workbook(), ANY),
    ],
    ids=[
        "csv",
        "csv with BOM",
        "zip",
        "zip, stored, in a folder",
        "semicolons",
        "UTF-16",
        "gzip",
        "zip of tsv with what a Mac adds",
        "recognised zip",
        "jsonl",
        "recognised jsonl",
        "xlsx",
        "recognised xlsx",
    ],  # fmt: skip
)
def test_figures_are_those_counted_by_hand(
    client: TestClient, body: bytes, headers: dict[str, str]
) -> None:
    response = client.post("/evaluate", content=body, headers=headers)
    assert response.status_code == 200, response.text
    answer = response.json()
    low, high = answer.pop("macro_f1_interval")
    assert 0 <= low < 0.62 < high <= 1
    # Three right and one wrong at 0.691, and a wrong one at 0.333: gaps 0.0586 and 0.3333.
    assert answer.pop("calibration_error") == pytest.approx(0.8 * 0.058562 + 0.2 * 0.333333, 1e-3)
    assert answer == ANSWER


def test_a_row_whose_end_was_not_read_is_counted(client: TestClient) -> None:
    body = b"text,label\nrefund" + b" word" * 20 + b",billing\n"
    answer = client.post("/evaluate", content=body, headers=CSV).json()
    assert (answer["accuracy"], answer["truncated"]) == (1, 1)


def test_many_slices_are_all_counted(gated: Any) -> None:
    serving = ServingSettings(workers=2)
    app = create_app(Settings(run_dir=Path("nowhere"), serving=serving), load=lambda _: gated)
    rows = "".join(f"text {n},{'billing' if n % 3 else 'other'}\n" for n in range(300))
    with TestClient(app) as client:
        answer = client.post("/evaluate", content="text,label\n" + rows, headers=CSV).json()
    assert answer["confusion"]["counts"] == [[200, 0, 0], [0, 0, 0], [100, 0, 0]]
    assert sorted(text for call in gated.calls for text in call) == sorted(
        f"text {n}" for n in range(300)
    )


def test_no_more_files_than_allowed_are_held_at_once(gated: Any) -> None:
    app = create_app(
        Settings(run_dir=Path("nowhere"), serving=ServingSettings(workers=1, max_evaluations=1)),
        load=lambda _: gated,
    )
    file: dict[str, Any] = {"content": b"text,label\nrefund,billing\n", "headers": CSV}
    with TestClient(app) as client, ThreadPoolExecutor(1) as pool:
        gated.gate.clear()
        first = pool.submit(client.post, "/evaluate", **file)
        while not gated.calls:
            asyncio.run(asyncio.sleep(0.01))
        refused = client.post("/evaluate", **file)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["error"]["code"] == "overloaded"
        gated.gate.set()
        assert first.result().status_code == 200


def test_a_file_that_takes_too_long_is_given_up(gated: Any) -> None:
    app = create_app(
        Settings(
            run_dir=Path("nowhere"), serving=ServingSettings(workers=1, evaluate_timeout_s=0.2)
        ),
        load=lambda _: gated,
    )
    with TestClient(app) as client:
        gated.gate.clear()
        response = client.post("/evaluate", content=b"text,label\na,billing\n", headers=CSV)
        assert (response.status_code, response.json()["error"]["code"]) == (413, "too_much_work")
        assert "0.2 seconds" in response.json()["error"]["message"]
        gated.gate.set()
