import io
from pathlib import Path
from typing import Any

import pytest
import requests

from a_ingestion.kaggle.part import BrokenTransferError, Part


def answer(body: bytes, *, status: int = 200, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.raw = io.BytesIO(body)
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


def receive(part: Part, *args: Any, **headers: Any) -> None:
    part.receive(answer(*args, **headers), what="test")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "a.zip"


@pytest.fixture
def half(target: Path) -> Part:
    """Three of six bytes, seen by the next process."""
    with pytest.raises(BrokenTransferError, match="not the announced size"):
        receive(Part(target), b"abc", Content_Length="6", ETag='"v1"')
    return Part(target)


def test_nothing_yet(target: Path) -> None:
    part = Part(target)
    assert (part.received, part.is_complete, part.resume_headers) == (0, False, {})


def test_half_is_remembered(half: Part) -> None:
    assert (half.received, half.is_complete) == (3, False)
    assert half.resume_headers == {"Range": "bytes=3-", "If-Range": '"v1"'}


def test_rest_completes_it(half: Part, target: Path) -> None:
    headers = {"Content_Range": "bytes 3-5/6", "ETag": '"v1"'}
    half.receive(answer(b"def", status=206, **headers), what="test")
    assert (half.path.read_bytes(), half.is_complete) == (b"abcdef", True)
    assert Part(target).is_complete


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content_Range": "bytes 2-5/6"},
        {"Content_Range": "bytes 3-5/7"},
        {"Content_Range": "bytes 3-5/6", "ETag": '"v2"'},
    ],
)
def test_another_part_starts_over(half: Part, headers: dict[Any, Any]) -> None:
    with pytest.raises(BrokenTransferError, match="another part than the one asked for"):
        half.receive(answer(b"def", status=206, **headers), what="test")
    assert (half.received, half.resume_headers) == (0, {})


def test_whole_answer_replaces_what_was_there(half: Part) -> None:
    receive(half, b"xyz", Content_Length="3", ETag='"v2"')
    assert (half.path.read_bytes(), half.etag, half.is_complete) == (b"xyz", '"v2"', True)


def test_more_than_announced_is_dropped(target: Path) -> None:
    part = Part(target)
    with pytest.raises(BrokenTransferError):
        receive(part, b"abcdef", Content_Length="3", ETag='"v1"')
    assert part.received == 0


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"v1"', "Last_Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, '"v1"'),
        ({"ETag": 'W/"v1"', "Last_Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, "Mon, 01"),
        ({"ETag": 'W/"v1"'}, None),
    ],
)
def test_only_a_strong_validator_allows_to_resume(
    target: Path, headers: dict[str, str], validator: str | None
) -> None:
    part = Part(target)
    receive(part, b"abc", **headers)
    seen = part.resume_headers.get("If-Range")
    assert seen is None if validator is None else str(seen).startswith(validator)
    assert not part.is_complete, "no size was announced"


@pytest.mark.parametrize("record", ["", "{", '{"bytes": "many"}'])
def test_part_of_unknown_origin_is_not_resumed(half: Part, target: Path, record: str) -> None:
    target.with_name("a.zip.part.json").write_text(record)
    assert Part(target).resume_headers == {}


def test_discard(half: Part, tmp_path: Path) -> None:
    half.discard()
    assert list(tmp_path.iterdir()) == []
