import base64
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from a_ingestion.kaggle.credentials import find_credentials
from a_ingestion.kaggle.part import Part
from a_ingestion.kaggle.transfer import download
from common.config.ingestion import KaggleSettings
from common.errors import DataError
from tests.a_ingestion.kaggle_server import (
    DATASET,
    SIGNATURE,
    Announce,
    Cut,
    KaggleServer,
    NoRange,
    Stall,
    Status,
    make_archive,
)
from tests.clock import scaled

CHUNK = 65_536


@pytest.fixture
def part(tmp_path: Path) -> Part:
    return Part(tmp_path / "archive.zip")


def fetch(settings: KaggleSettings, part: Part) -> bytes:
    download(settings, part, credentials=find_credentials())
    return part.path.read_bytes()


def refusal(settings: KaggleSettings, part: Part) -> str:
    with pytest.raises(DataError) as error:
        fetch(settings, part)
    return str(error.value)


@pytest.mark.parametrize(
    ("code", "start", "remedy"),
    [
        (401, "Kaggle does not accept the credentials from KAGGLE_USERNAME", "KAGGLE_API_TOKEN"),
        (403, f"Kaggle forbids the download of {DATASET} (403)", "accept its terms"),
        (404, f"Kaggle has no data set {DATASET} (404)", "check ingestion.kaggle.dataset"),
        (400, "Kaggle answers HTTP 400", f"https://www.kaggle.com/datasets/{DATASET}"),
    ],
)
def test_no_is_said_at_once_with_its_remedy(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part, code: int, start: str, remedy: str
) -> None:
    kaggle.api.append(Status(code))
    message = refusal(quick, part)
    assert message.startswith(start)
    assert remedy in message
    assert len(kaggle.requests) == 1


def test_401_without_credentials_says_where_to_put_them(
    kaggle: KaggleServer,
    quick: KaggleSettings,
    part: Part,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    kaggle.api.append(Status(401))
    message = refusal(quick, part)
    assert message.startswith("Kaggle wants credentials (401) and none were found")
    assert f"put kaggle.json into {home}/.kaggle (mode 600)" in message


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_busy_server_is_asked_again(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part, code: int
) -> None:
    kaggle.api.append(Status(code))
    kaggle.storage.append(Status(code))
    assert fetch(quick, part) == kaggle.archive
    assert [request.method for request in kaggle.requests] == ["POST", "POST", "GET", "POST", "GET"]


def test_address_that_was_signed_too_long_ago_is_renewed(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part
) -> None:
    kaggle.storage.append(Status(403))
    assert fetch(quick, part) == kaggle.archive
    assert len(kaggle.seen("POST")) == 2


@pytest.mark.parametrize("as_date", [False, True])
def test_waits_as_long_as_the_server_asks(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part, as_date: bool
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    kaggle.api.append(Status(429, {"Retry-After": date if as_date else "1"}))
    started = time.monotonic()
    fetch(quick, part)
    assert 0.9 < time.monotonic() - started < scaled(5)


def test_does_not_wait_for_hours(kaggle: KaggleServer, quick: KaggleSettings, part: Part) -> None:
    kaggle.api.append(Status(429, {"Retry-After": "7200"}))
    assert refusal(quick, part) == "Kaggle asks to come back in 120 minutes; run again then"


def test_tries_are_bounded_and_the_wait_doubles(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("a_ingestion.kaggle.transfer.time.sleep", waits.append)
    kaggle.api.extend([Status(503)] * 9)
    settings = quick.model_copy(update={"backoff_s": 20})
    message = refusal(settings, part)
    assert message.startswith(f"the download of {DATASET} failed (4 tries, at last: HTTP 503)")
    assert (len(kaggle.requests), waits) == (4, [20, 40, 60])


def test_cut_connection_is_resumed_where_it_broke(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part
) -> None:
    kaggle.storage.extend([Cut(2 * CHUNK), Cut(3 * CHUNK + 5)])
    assert fetch(quick, part) == kaggle.archive
    ranges = [(get.headers.get("Range"), get.headers.get("If-Range")) for get in kaggle.seen("GET")]
    assert ranges == [
        (None, None),
        ("bytes=131072-", kaggle.etag),
        ("bytes=327680-", kaggle.etag),
    ]


def test_silent_connection_is_resumed(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part
) -> None:
    kaggle.storage.append(Stall(CHUNK))
    settings = quick.model_copy(update={"timeout_s": 0.3})
    assert fetch(settings, part) == kaggle.archive
    assert kaggle.seen("GET")[1].headers["Range"] == "bytes=65536-"


def test_server_that_ignores_ranges_starts_over(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part
) -> None:
    kaggle.storage.extend([Cut(CHUNK), NoRange()])
    assert fetch(quick, part) == kaggle.archive


def test_file_that_changed_meanwhile_starts_over(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part, tmp_path: Path
) -> None:
    kaggle.storage.extend([Cut(CHUNK)] + [Status(503)] * 3)
    refusal(quick, part)
    kaggle.archive, kaggle.etag = make_archive(b"tweet_id,text\n1,new\n"), '"version-2"'
    again = Part(tmp_path / "archive.zip")
    assert again.received == CHUNK
    assert fetch(quick, again) == kaggle.archive


@pytest.mark.parametrize(
    "wrong",
    [
        {"Content-Range": "bytes 5-9/10"},
        {"Content-Range": "nonsense"},
        {"ETag": '"version-2"'},
    ],
)
def test_part_of_something_else_is_not_appended(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part, wrong: dict[str, str]
) -> None:
    kaggle.storage.extend([Cut(CHUNK), Announce(wrong)])
    assert fetch(quick, part) == kaggle.archive
    assert "Range" not in kaggle.seen("GET")[2].headers


def test_file_without_validator_is_never_resumed(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part
) -> None:
    kaggle.etag = 'W/"weak"'
    kaggle.storage.append(Cut(CHUNK))
    assert fetch(quick, part) == kaggle.archive
    assert [get.headers.get("Range") for get in kaggle.seen("GET")] == [None, None]


def test_part_that_is_too_large_starts_over(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part
) -> None:
    part.path.write_bytes(b"x" * (len(kaggle.archive) + 5))
    record = part.path.with_name("archive.zip.part.json")
    record.write_text(json.dumps({"bytes": 10**9, "etag": kaggle.etag}))
    assert fetch(quick, Part(part.path.with_suffix(""))) == kaggle.archive
    assert kaggle.seen("GET")[0].headers["Range"].startswith("bytes=")


def test_body_shorter_than_announced_never_counts_as_done(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part
) -> None:
    size = len(kaggle.archive)
    kaggle.storage.extend([Announce({"Content-Length": str(size + 9)})] * 2)
    assert fetch(quick, part) == kaggle.archive


def test_no_network(
    quick: KaggleSettings, part: Part, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kagglesdk import kaggle_env

    nobody = {kaggle_env.KaggleEnv.PROD: "http://127.0.0.1:9"}
    monkeypatch.setattr(kaggle_env, "_env_to_endpoint", nobody)
    message = refusal(quick, part)
    assert message.startswith("Kaggle cannot be reached (4 tries, at last: ConnectionError): check")
    assert "CSV=path" in message


def test_secrets_are_in_no_log_and_no_error(
    kaggle: KaggleServer, quick: KaggleSettings, part: Part, caplog: pytest.LogCaptureFixture
) -> None:
    kaggle.storage.extend([Cut(1_000), Status(503)])
    kaggle.api.append(Status(429))
    caplog.set_level(logging.DEBUG, logger="urllib3")
    with caplog.at_level(logging.DEBUG):
        fetch(quick, part)
        part.discard()
        kaggle.storage.extend([Status(503)] * 4)
        messages = [refusal(quick, part)]
        for code in (401, 403, 404):
            kaggle.api.append(Status(code))
            messages.append(refusal(quick, part))
    assert len(caplog.messages) >= 5
    said = caplog.text + "".join(messages)
    for secret in ("secret-key-8841", base64.b64encode(b"some-user:secret-key-8841").decode()):
        assert secret not in said
    assert SIGNATURE not in said
    assert logging.getLogger("urllib3").level == logging.DEBUG
