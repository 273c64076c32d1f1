"""POST /read: the rows that every command reads, as lines of JSON."""

import gzip
import io
import json
import logging
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.tables.input import TableInput
from common.tables.table import open_table
from e_apification.api.app import create_app
from tests.common.tables.test_cases import CASES

ANY = {"Content-Type": "application/octet-stream"}
CSV = {"Content-Type": "text/csv"}
TABLES = [path for path in sorted(CASES.iterdir()) if path.suffix in (".csv", ".jsonl", ".xlsx")]


def lines(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.content.decode().splitlines()]


def read(client: TestClient, body: bytes, headers: dict[str, str] = ANY) -> dict[str, Any]:
    """All lines of an answer together."""
    first, *rest, last = lines(client.post("/read", content=body, headers=headers))
    return {
        **first,
        "rows": [row for line in rest for row in line["rows"]],
        "rejected": [record for line in rest for record in line["rejected"]],
        **last,
    }


def zipped(content: bytes, name: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize("packed", ["plain", "gzip", "zip"])
@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_rows_are_those_of_every_command(client: TestClient, path: Path, packed: str) -> None:
    data = path.read_bytes()
    body = {"plain": data, "gzip": gzip.compress(data, mtime=0), "zip": zipped(data, path.name)}[
        packed
    ]
    found = read(client, body)
    with open_table(TableInput(path), max_field_mb=1) as table:
        rows: list[list[Any]] = []
        rejected: list[dict[str, Any]] = []
        for batch in table.batches:
            columns = [column.to_pylist() for column in batch.rows.columns]
            rows += [list(row) for row in zip(*columns, strict=True)]
            rejected += [record._asdict() for record in batch.rejected]
        assert (found["columns"], found["rows"]) == (list(table.columns), rows)
        assert found["rejected"] == rejected
        end = found["end"]
        assert (end["rows"], end["rejected"]) == (len(rows), len(rejected))
        assert end["form"]["described"] == table.form.described


def test_how_a_file_is_read_is_said_and_what_is_no_row_is_listed(client: TestClient) -> None:
    body = '\ufeffid;text\r\n1;Zoë\r\n2\r\n3;"a\n4;b\r\n'.encode()
    assert read(client, body, CSV) == {
        "columns": ["id", "text"],
        "rows": [["1", "Zoë"], ["4", "b"]],
        "rejected": [
            {"number": 2, "reason": "wrong number of columns", "record": "2"},
            {"number": 3, "reason": "broken quote", "record": '3;"a'},
        ],
        "end": {
            "rows": 2,
            "rejected": 2,
            "form": {
                "kind": "csv", "encoding": "utf-8", "bom": True, "delimiter": ";",
                "described": 'CSV in UTF-8, fields by ";"',
            },
        },
    }  # fmt: skip


def test_an_encoding_that_is_stated_is_used(client: TestClient) -> None:
    body = "id,text\n1,Žluťoučký kůň\n".encode("cp1250")
    stated = read(client, body, {"Content-Type": "text/csv; charset=windows-1250"})
    assert stated["rows"] == [["1", "Žluťoučký kůň"]]
    assert stated["end"]["form"]["encoding"] == "cp1250"
    # Clients add this one unasked.
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    utf8 = read(client, "id,text\n1,café\n".encode("cp1252"), headers)
    assert utf8["rows"] == [["1", "café"]]


def test_many_rows_come_in_several_lines_of_a_bounded_length(client: TestClient) -> None:
    body = b"text\n" + b"a\n" * 1_100
    first, *rest, last = lines(client.post("/read", content=body, headers=CSV))
    assert [len(line["rows"]) for line in rest] == [500, 500, 100]
    assert (first["columns"], last["end"]["rows"]) == (["text"], 1_100)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_table"),
        (b"PAR1" + bytes(9), 400, "invalid_table"),
        (b'id,"text\n1,a\n', 400, "invalid_table"),
        (b"PK\x03\x04", 400, "invalid_zip"),
        (zipped(b"", "a.exe"), 400, "invalid_zip"),
        (b"text\n" + b"a" * 60_000, 413, "payload_too_large"),
        (zipped(b"text\n" + b"a" * 60_000, "a.csv"), 413, "payload_too_large"),
        (gzip.compress(b"text\n" + b"a" * 60_000, mtime=0), 413, "payload_too_large"),
        (gzip.compress(b'{"text": "a"}\n' * 5_000, mtime=0), 413, "payload_too_large"),
    ],
)
def test_what_cannot_be_read_is_refused(
    client: TestClient, body: bytes, status: int, code: str
) -> None:
    response = client.post("/read", content=body, headers=ANY)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_what_is_found_too_late_for_that_ends_the_answer(client: TestClient) -> None:
    too_many = lines(client.post("/read", content=b"text\n" + b"a\n" * 1_201, headers=CSV))
    assert too_many[-1]["error"] == {
        "code": "too_many_rows",
        "message": "the file has more than 1,200 rows; label it with make score",
    }


def test_nothing_of_a_file_is_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        read(client, (CASES / "score_cp1252.csv").read_bytes())
    assert not [r for r in caplog.records if not r.name.startswith(("httpx", "asyncio"))]


def test_no_more_files_than_allowed_are_held_at_once(gated: Any) -> None:
    serving = ServingSettings(workers=1, max_evaluations=1)
    app = create_app(Settings(run_dir=Path("nowhere"), serving=serving), load=lambda _: gated)
    file: dict[str, Any] = {"content": b"text,label\nrefund,billing\n", "headers": CSV}
    with TestClient(app) as client, ThreadPoolExecutor(1) as pool:
        for _ in range(2):
            assert client.post("/read", **file).status_code == 200
        gated.gate.clear()
        first = pool.submit(client.post, "/evaluate", **file)
        while not gated.calls:
            time.sleep(0.01)
        refused = client.post("/read", **file)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        gated.gate.set()
        assert first.result().status_code == 200
        assert client.post("/read", **file).status_code == 200
