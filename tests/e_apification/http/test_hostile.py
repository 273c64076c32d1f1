"""What an attacker sends: each gets a clear 4xx of the one shape, quickly, and nothing is logged.

The limits are those of the fixture ``client``: 10 kB bodies, 20 kB files, 30 rows, 200 characters.
"""

import gzip
import io
import json
import logging
import struct
import time
import zipfile
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from e_apification.api.app import create_app
from e_apification.http.errors import ErrorBody
from tests.clock import scaled

JSON, CSV, ZIP = "application/json", "text/csv", "application/zip"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SECRET = "secret4711"
GOOD = b"text,label\nrefund,billing\n"


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return made.getvalue()


def patched(
    body: bytes, *, central: Mapping[int, bytes] = {}, end: Mapping[int, bytes] = {}
) -> bytes:
    """An archive whose directory says something else: offset in the record -> bytes."""
    changed = bytearray(body)
    for mark, edits in ((b"PK\x01\x02", central), (b"PK\x05\x06", end)):
        at = changed.rfind(mark)
        for offset, value in edits.items():
            changed[at + offset : at + offset + len(value)] = value
    return bytes(changed)


GOOD_ZIP = archive(("gold.csv", GOOD))
Refused = tuple[bytes, int, str]
LZMA = archive(("gold.csv", GOOD), method=zipfile.ZIP_LZMA)
BOMB = archive(("gold.csv", b"text,label\n" + b"a" * 9_000_000))
BOMB_OF_ROWS = archive(("gold.csv", b"text,label\n" + b"a,billing\n" * 500_000))
# What is sent as such a type: body, status, code.
JSON_BODIES: dict[str, Refused] = {
    "deep lists": (b"[" * 9_000, 400, "invalid_json"),
    "deep objects": (b'{"text":' * 1_000 + b"1" + b"}" * 1_000, 400, "invalid_json"),
    "half a surrogate": (b'{"text": "\\ud800"}', 400, "invalid_json"),
    "no UTF-8": (b'{"text": "\xff\xfe"}', 400, "invalid_json"),
    "raw NUL": (b'{"text": "a\x00"}', 400, "invalid_json"),
    "only NULs": (b"\x00" * 500, 400, "invalid_json"),
    "a huge number": (b'{"text": ' + b"9" * 8_000 + b"}", 400, "invalid_json"),
    "NaN": (b'{"text": NaN}', 422, "invalid_request"),
    "gzip as JSON": (gzip.compress(b'{"text": "a"}'), 400, "invalid_json"),
    "a CSV as JSON": (GOOD, 400, "invalid_json"),
    "long text": (json.dumps({"text": "a " * 150}).encode(), 422, "invalid_request"),
}
CSV_FILES: dict[str, Refused] = {
    "nothing": (b"", 400, "invalid_csv"),
    "no such columns": (b"message,category\na,b\n", 400, "invalid_csv"),
    "two columns of a name": (b"text,text,label\na,b,billing\n", 400, "invalid_csv"),
    "only a header": (b"text,label\n", 422, "invalid_request"),
    "two encodings": (
        "text,label\nGrüße,billing\n".encode() + "Grüße,billing\n".encode("latin-1"),
        400,
        "invalid_csv",
    ),
    "half a surrogate in UTF-16": (
        GOOD.decode().encode("utf-16") + b"\x00\xd8a\x00,\x00o\x00\n\x00",
        400,
        "invalid_csv",
    ),
    "a NUL": (b"text,label\nref\x00und,billing\n", 422, "invalid_row"),
    "a NUL in the header": (b"te\x00xt,label\na,billing\n", 400, "invalid_csv"),
    "an open quote": (b'text,label\n"refund,billing\n', 400, "invalid_csv"),
    "text after a quote": (b'text,label\n"re"fund,billing\n', 400, "invalid_csv"),
    "too few fields": (b"text,label\nrefund\n", 422, "invalid_row"),
    "too many fields": (b"text,label\nrefund,billing,x\n", 422, "invalid_row"),
    "an unknown label": (f"text,label\na,{SECRET}\n".encode(), 422, "invalid_row"),
    "a long line": (b"text,label\n" + b"a" * 19_000 + b",billing\n", 422, "invalid_row"),
    "a larger file": (b"text,label\n" + b"a" * 20_000, 413, "payload_too_large"),
    "many rows": (b"text,label\n" + b"a,billing\n" * 31, 413, "too_many_rows"),
    "gzip as CSV": (gzip.compress(GOOD), 400, "invalid_csv"),
    "a ZIP as CSV": (GOOD_ZIP, 400, "invalid_csv"),
}
ZIP_FILES: dict[str, Refused] = {
    "a CSV as ZIP": (GOOD, 400, "invalid_zip"),
    "half a ZIP": (GOOD_ZIP[: len(GOOD_ZIP) // 2], 400, "invalid_zip"),
    "an empty ZIP": (archive(), 400, "invalid_zip"),
    "two files": (archive(("a.csv", GOOD), ("b.csv", GOOD)), 400, "invalid_zip"),
    "200 files": (
        archive(*((f"{n}.csv", b"") for n in range(180))),
        400,
        "invalid_zip",
    ),
    "a folder": (archive(("a.csv/", b"")), 400, "invalid_zip"),
    "not a CSV": (archive(("gold.exe", GOOD)), 400, "invalid_zip"),
    "a ZIP in a ZIP": (archive(("gold.zip", GOOD_ZIP)), 400, "invalid_zip"),
    "a ZIP named CSV": (archive(("gold.csv", GOOD_ZIP)), 400, "invalid_csv"),
    "a bomb": (BOMB, 413, "payload_too_large"),
    "a bomb of rows": (BOMB_OF_ROWS, 413, "payload_too_large"),
    "a bomb that says it is small": (
        patched(BOMB, central={24: b"\x05\0\0\0"}),
        400,
        "invalid_zip",
    ),
    "a wrong checksum": (patched(GOOD_ZIP, central={16: b"\0\0\0\0"}), 400, "invalid_zip"),
    "encrypted": (patched(GOOD_ZIP, central={8: b"\x01\0"}), 400, "invalid_zip"),
    "another compression": (LZMA, 400, "invalid_zip"),
    "an unknown compression": (patched(GOOD_ZIP, central={10: b"\x63\0"}), 400, "invalid_zip"),
    "a directory of 4 GB": (patched(GOOD_ZIP, end={12: b"\xf0\xff\xff\xff"}), 400, "invalid_zip"),
    "a directory elsewhere": (patched(GOOD_ZIP, end={16: b"\x00\xff\x00\x00"}), 400, "invalid_zip"),
    "ZIP64": (
        GOOD_ZIP[:-22] + b"PK\x06\x07" + struct.pack("<LQL", 0, 0, 1) + GOOD_ZIP[-22:],
        400,
        "invalid_zip",
    ),
    **{
        f"a path: {name!r}": (archive((name, GOOD)), 400, "invalid_zip")
        for name in ("../gold.csv", "/etc/gold.csv", "C:/gold.csv", "a/../gold.csv", "..\\gold.csv")
    },
    "a NUL in the path": (
        archive(("gold.csv#.csv", GOOD)).replace(b"#", b"\0"),
        400,
        "invalid_zip",
    ),
}
PACKED = {
    "a bomb": (gzip.compress(b"text,label\n" + b"a" * 9_000_000), 413, "payload_too_large"),
    "a bomb of rows": (gzip.compress(GOOD * 500_000), 413, "payload_too_large"),
    "half": (gzip.compress(GOOD)[:-12], 400, "invalid_csv"),
    "nothing": (gzip.compress(b""), 400, "invalid_csv"),
    "gzip in gzip": (gzip.compress(gzip.compress(GOOD)), 400, "invalid_csv"),
}
SHEETS = {
    "a bomb": (archive(("xl/workbook.xml", b"a" * 9_000_000)), 413, "payload_too_large"),
    "no workbook": (archive(("xl/workbook.xml", b"<a>")), 400, "invalid_csv"),
    "a CSV": (GOOD.replace(b"billing", b"nothing"), 422, "invalid_row"),
    "an old one": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), 400, "invalid_csv"),
    "a ZIP of another kind": (GOOD_ZIP, 400, "invalid_csv"),
    "Parquet": (b"PAR1" + bytes(100), 400, "invalid_csv"),
}
OBJECTS = {
    "a list": (b'[{"text": "a", "label": "billing"}]', 400, "invalid_csv"),
    "no object": (b'{"text": "a", "label": "billing"}\n[]\n', 422, "invalid_row"),
    "deep": (b'{"text": "a", "label": "billing"}\n' + b"[" * 15_000, 422, "invalid_row"),
    "many rows": (b'{"text":"a","label":"billing"}\n' * 31, 413, "too_many_rows"),
    "a key twice": (b'{"text":"a","text":"b","label":"billing"}', 400, "invalid_csv"),
}
CORPUS = {
    f"{path} {media_type} {name}": (path, media_type, *refused)
    for path, media_type, bodies in (
        ("/predict", JSON, JSON_BODIES),
        ("/explain", JSON, JSON_BODIES),
        ("/evaluate", CSV, CSV_FILES),
        ("/evaluate", ZIP, ZIP_FILES),
        ("/evaluate", "application/gzip", PACKED),
        ("/evaluate", XLSX, SHEETS),
        ("/evaluate", "application/jsonl", OBJECTS),
    )
    for name, refused in bodies.items()
}


@pytest.mark.parametrize("name", CORPUS)
def test_it_is_refused_clearly_and_quickly(
    client: TestClient, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    path, media_type, body, status, code = CORPUS[name]
    started = time.monotonic()
    with caplog.at_level(logging.DEBUG):
        response = client.post(path, content=body, headers={"Content-Type": media_type})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code), response.text
    ErrorBody.model_validate_json(response.content, strict=True)
    assert time.monotonic() - started < scaled(5)
    assert SECRET not in response.text
    assert not [record for record in caplog.records if record.name.startswith("e_apification")]


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        *product(
            ["/predict", "/explain", "/evaluate", "/read"],
            ["", "text/plain", "multipart/form-data; boundary=x"],
        ),
        *product(["/predict", "/explain"], ["application/octet-stream"]),
    ],
)
def test_another_type_is_not_guessed(client: TestClient, path: str, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    response = client.post(path, content=b'{"text": "a"}', headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity", "x"])
@pytest.mark.parametrize(("path", "media_type"), [("/predict", JSON), ("/evaluate", CSV)])
def test_a_compressed_body_is_not_opened(
    client: TestClient, path: str, media_type: str, encoding: str
) -> None:
    headers = {"Content-Type": media_type, "Content-Encoding": encoding}
    response = client.post(path, content=gzip.compress(b"a" * 1_000_000), headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (415, "unsupported_encoding")


def test_the_row_at_fault_is_named(client: TestClient) -> None:
    body = b"text,label\nrefund,billing\n\nparcel,nonsense\n"
    response = client.post("/evaluate", content=body, headers={"Content-Type": CSV})
    (detail,) = response.json()["error"]["details"]
    assert detail["field"] == "row 2"
    assert "label is none of the model's" in detail["problem"]


def test_neither_texts_nor_keys_are_logged_whatever_happens(
    gated: Any, caplog: pytest.LogCaptureFixture
) -> None:
    key = "triage_" + SECRET
    headers = {"X-API-Key": key, "Authorization": f"Bearer {key}"}
    app = create_app(
        Settings(run_dir=Path("nowhere"), serving=ServingSettings(workers=1)), load=lambda _: gated
    )

    def fail(texts: list[str]) -> None:
        raise ValueError(f"cannot read {texts}")

    with caplog.at_level(logging.DEBUG), TestClient(app) as client:
        assert client.post("/predict", json={"text": SECRET}, headers=headers).status_code == 200
        gated.predict = fail
        answers = [
            client.post("/predict", json={"text": SECRET}, headers=headers),
            client.post("/batch_predict", json={"texts": [SECRET] * 20}, headers=headers),
            client.post("/explain", json={"text": SECRET}, headers=headers),
            client.post(
                "/evaluate",
                content=f"text,label\n{SECRET},billing\n".encode(),
                headers={**headers, "Content-Type": CSV},
            ),
        ]
        client.post("/predict", content=f'{{"{SECRET}": "{SECRET}"'.encode(), headers=headers)
    assert [answer.status_code for answer in answers] == [500] * 4
    assert all(SECRET not in answer.text for answer in answers)
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "asyncio"))]
    assert "ValueError" in "".join(record.getMessage() for record in ours)
    assert not [record for record in ours if SECRET in record.getMessage()]
