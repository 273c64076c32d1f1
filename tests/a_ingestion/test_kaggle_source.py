import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from a_ingestion.kaggle import fetch_member
from common.config.ingestion import KaggleSettings
from common.errors import DataError, TriageError
from tests.a_ingestion.kaggle_server import (
    DATASET,
    TWCS,
    Cut,
    KaggleServer,
    Stall,
    Status,
    make_archive,
)

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = "owner__support-messages/archive.zip"


def content(source: Any) -> bytes:
    with source.open_stream() as stream:
        read: bytes = stream.read()
        return read


def test_fetches_once(kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path) -> None:
    source = fetch_member(quick, folder=tmp_path)
    assert (source.path, source.member) == (tmp_path / ARCHIVE, "twcs/twcs.csv")
    assert content(source) == TWCS
    kaggle.requests.clear()
    assert fetch_member(quick, folder=tmp_path) == source
    assert kaggle.requests == []
    names = sorted(path.name for path in source.path.parent.iterdir())
    assert names == [".lock", "archive.zip", "archive.zip.json"]


def test_stale_file_of_the_same_name_is_not_taken_for_it(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ARCHIVE).parent.mkdir()
    (tmp_path / ARCHIVE).write_bytes(make_archive(b"tweet_id,text\n1,old\n"))
    assert content(fetch_member(quick, folder=tmp_path)) == TWCS
    assert "is not what its manifest says; it is downloaded anew" in caplog.text


def test_kept_archive_that_was_changed_is_fetched_anew(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path
) -> None:
    archive = fetch_member(quick, folder=tmp_path).path
    archive.write_bytes(archive.read_bytes().replace(b"number 7\n", b"number 8\n"))
    assert content(fetch_member(quick, folder=tmp_path)) == TWCS


@pytest.mark.parametrize(
    "damaged",
    [
        make_archive().replace(b"message number 70\n", b"message number 71\n"),
        make_archive().replace(b"only a sample", b"only b sample"),
        make_archive()[:-10],
        b"<html>sign in first</html>",
    ],
)
def test_damaged_archive_is_removed(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path, damaged: Any
) -> None:
    kaggle.archive = damaged
    with pytest.raises(DataError, match=r"damaged \(.*\) and was removed; run again"):
        fetch_member(quick, folder=tmp_path)
    assert [path.name for path in (tmp_path / ARCHIVE).parent.iterdir()] == [".lock"]
    kaggle.archive = make_archive()
    assert content(fetch_member(quick, folder=tmp_path)) == TWCS


@pytest.mark.parametrize("name", ["twcs.csv", "a/b/twcs.csv", "../../twcs.csv", "/etc/twcs.csv"])
def test_only_the_wanted_file_is_read_and_none_is_written(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path, name: str
) -> None:
    kaggle.archive = make_archive(name=name)
    source = fetch_member(quick, folder=tmp_path / "cache")
    assert content(source) == TWCS
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {".lock", "archive.zip", "archive.zip.json"}


@pytest.mark.parametrize("names", [["other.csv"], ["a/twcs.csv", "b/twcs.csv"], ["twcs.csv/x"]])
def test_archive_without_exactly_one_such_file(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path, names: list[str]
) -> None:
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    kaggle.archive = path.read_bytes()
    with pytest.raises(DataError, match=f"files named 'twcs.csv', not one; it has '{names[0]}'"):
        fetch_member(quick, folder=tmp_path)
    assert (tmp_path / ARCHIVE).exists(), "the archive itself is sound: keep it"


def test_failed_download_is_taken_up_by_the_next_run(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path
) -> None:
    kaggle.storage.extend([Cut(131_072), *[Status(503)] * 3])
    with pytest.raises(DataError, match="131,072 bytes are kept, run again later to go on"):
        fetch_member(quick, folder=tmp_path)
    assert content(fetch_member(quick, folder=tmp_path)) == TWCS
    assert kaggle.seen("GET")[-1].headers["Range"] == "bytes=131072-"


def test_finished_part_needs_no_request(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("a_ingestion.kaggle.source.keep", crash)
        fetch_member(quick, folder=tmp_path)
    kaggle.requests.clear()
    assert content(fetch_member(quick, folder=tmp_path)) == TWCS
    assert kaggle.requests == []


def test_two_at_once_are_refused(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path
) -> None:
    (tmp_path / ARCHIVE).parent.mkdir()
    with (
        FileLock((tmp_path / ARCHIVE).parent / ".lock"),
        pytest.raises(TriageError, match=f"another process is downloading {DATASET}"),
    ):
        fetch_member(quick, folder=tmp_path)
    assert kaggle.requests == []


def test_says_where_the_credentials_come_from(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        fetch_member(quick, folder=tmp_path)
    assert "with credentials from KAGGLE_USERNAME and KAGGLE_KEY" in caplog.text


def test_killed_download_is_resumed(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path
) -> None:
    kaggle.storage.append(Stall(200_000))
    script = textwrap.dedent(f"""
        from pathlib import Path
        from kagglesdk import kaggle_env
        from a_ingestion.kaggle import fetch_member
        from common.config.ingestion import KaggleSettings

        kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = {kaggle.endpoint!r}
        fetch_member(KaggleSettings(dataset={DATASET!r}), folder=Path({str(tmp_path)!r}))
    """)
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=os.environ)
    part = (tmp_path / ARCHIVE).with_name("archive.zip.part")
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size >= 3 * 65_536):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert content(fetch_member(quick, folder=tmp_path)) == TWCS
    assert kaggle.seen("GET")[1].headers["Range"] == "bytes=196608-"
