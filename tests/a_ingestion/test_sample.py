"""The two files of the sample source: shape, counts, threads, planted faults, determinism."""

import csv
import runpy
import sys
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from a_ingestion.sample import write_sample
from a_ingestion.sample.phrasebook import load_phrasebook

ROWS = 12_000
HEADER = [
    "tweet_id",
    "author_id",
    "inbound",
    "created_at",
    "text",
    "response_tweet_id",
    "in_response_to_tweet_id",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("sample")
    write_sample(target, rows=ROWS, seed=7)
    return target


@pytest.fixture(scope="module")
def records(folder: Path) -> list[list[str]]:
    with (folder / "twcs.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def tweets(records: list[list[str]]) -> dict[str, dict[str, str]]:
    """The good rows by id."""
    good = [row for row in records[1:] if _fault(row) is None]
    return {row[0]: dict(zip(HEADER, row, strict=True)) for row in good}


@pytest.fixture(scope="module")
def gold(folder: Path) -> list[dict[str, str]]:
    with (folder / "gold.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _fault(row: list[str]) -> str | None:
    if len(row) != 7:
        return f"{len(row)} columns"
    if any("\udc80" <= letter <= "\udcff" for letter in row[4]):
        return "bad byte"
    if "\x00" in row[4]:
        return "nul"
    return None if row[0].isdigit() else "bad id"


def test_header_and_exact_number_of_records(records: list[list[str]]) -> None:
    assert records[0] == HEADER
    assert len(records) - 1 == ROWS


def test_planted_faults_are_of_five_kinds_and_few(records: list[list[str]]) -> None:
    faults = Counter(filter(None, map(_fault, records[1:])))
    # Row 137 and every 400th after it, up to 12,000: 30 rows, five kinds in turn.
    assert faults == {"5 columns": 6, "8 columns": 6, "bad byte": 6, "nul": 6, "bad id": 6}


def test_the_bad_bytes_are_not_utf8(folder: Path) -> None:
    with pytest.raises(UnicodeDecodeError):
        (folder / "twcs.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("rows", [1, 2, 137, 138, 1_001])
def test_any_number_of_rows(tmp_path: Path, rows: int) -> None:
    write_sample(tmp_path, rows=rows, seed=1)
    with (tmp_path / "twcs.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == rows + 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gold.csv", "twcs.csv"]


def test_no_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rows must be at least 1, not 0"):
        write_sample(tmp_path, rows=0, seed=1)


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_sample(tmp_path / name, rows=900, seed=seed)
    a, b, c = ((tmp_path / n / "twcs.csv").read_bytes() for n in "abc")
    assert a == b
    assert a != c
    golds = [(tmp_path / n / "gold.csv").read_bytes() for n in "ab"]
    assert golds[0] == golds[1]


def test_columns_are_in_the_format_of_the_source(tweets: dict[str, dict[str, str]]) -> None:
    brands = {brand.handle for brand in load_phrasebook().brands}
    for tweet in tweets.values():
        assert tweet["inbound"] in ("True", "False")
        time = datetime.strptime(tweet["created_at"], "%a %b %d %H:%M:%S %z %Y")
        assert datetime(2017, 10, 1, tzinfo=UTC) <= time < datetime(2018, 1, 1, tzinfo=UTC)
        assert tweet["author_id"].isdigit() == (tweet["inbound"] == "True")
        assert tweet["inbound"] == "True" or tweet["author_id"] in brands
        assert tweet["text"].strip()
        assert 0 < len(tweet["text"]) <= 420


def test_share_of_inbound_messages(tweets: dict[str, dict[str, str]]) -> None:
    inbound = sum(tweet["inbound"] == "True" for tweet in tweets.values()) / len(tweets)
    assert 0.53 < inbound < 0.59


def test_gold_holds_each_of_the_first_good_openers_of_customers_once(
    tweets: dict[str, dict[str, str]], gold: list[dict[str, str]]
) -> None:
    openers = {
        number: tweet["text"]
        for number, tweet in tweets.items()
        if tweet["inbound"] == "True" and not tweet["in_response_to_tweet_id"]
    }
    assert len(openers) > 3_000
    assert list(gold[0]) == ["tweet_id", "text", "label"]
    assert [(row["tweet_id"], row["text"]) for row in gold] == list(openers.items())[:2_000]


def test_answers_name_existing_messages_but_for_a_few_deleted_ones(
    tweets: dict[str, dict[str, str]],
) -> None:
    parents = [t["in_response_to_tweet_id"] for t in tweets.values()]
    dangling = sum(bool(parent) and parent not in tweets for parent in parents)
    assert 10 < dangling < 0.01 * len(tweets)


def test_links_agree_in_both_directions(tweets: dict[str, dict[str, str]]) -> None:
    children: dict[str, set[str]] = {number: set() for number in tweets}
    for number, tweet in tweets.items():
        parent = tweet["in_response_to_tweet_id"]
        if parent in children:
            children[parent].add(number)
    for number, tweet in tweets.items():
        listed = tweet["response_tweet_id"]
        assert set(filter(None, listed.split(","))) == children[number]


def test_threads_have_the_oddities_of_the_source(tweets: dict[str, dict[str, str]]) -> None:
    def path_up(number: str) -> tuple[int, bool]:
        """Steps to the root, and whether the way runs in a ring."""
        seen: set[str] = set()
        while number in tweets and tweets[number]["in_response_to_tweet_id"]:
            if number in seen:
                return len(seen), True
            seen.add(number)
            number = tweets[number]["in_response_to_tweet_id"]
        return len(seen), False

    paths = [path_up(number) for number in tweets]
    assert sum(ring for _, ring in paths) >= 2
    assert max(depth for depth, ring in paths if not ring) >= 20
    unanswered = [
        t
        for t in tweets.values()
        if not t["response_tweet_id"] and not t["in_response_to_tweet_id"]
    ]
    branching = [t for t in tweets.values() if "," in t["response_tweet_id"]]
    to_self = [
        t
        for t in tweets.values()
        if t["in_response_to_tweet_id"] in tweets
        and tweets[t["in_response_to_tweet_id"]]["author_id"] == t["author_id"]
    ]
    by_brand = [
        t for t in tweets.values() if t["inbound"] == "False" and not t["in_response_to_tweet_id"]
    ]
    for kind in (unanswered, branching, to_self, by_brand):
        assert len(kind) > 50


def test_answers_come_after_what_they_answer(tweets: dict[str, dict[str, str]]) -> None:
    def time(tweet: dict[str, str]) -> datetime:
        return datetime.strptime(tweet["created_at"], "%a %b %d %H:%M:%S %z %Y")

    late = [
        time(tweet) - time(tweets[tweet["in_response_to_tweet_id"]])
        for tweet in tweets.values()
        if tweet["in_response_to_tweet_id"] in tweets
    ]
    # Only a ring can have an answer that is older than its question.
    assert sum(wait.total_seconds() <= 0 for wait in late) < 10


def test_brand_answers_address_the_customer(tweets: dict[str, dict[str, str]]) -> None:
    answers = [
        tweet
        for tweet in tweets.values()
        if tweet["inbound"] == "False" and tweet["in_response_to_tweet_id"] in tweets
    ]
    addressed = [
        a
        for a in answers
        if a["text"].startswith(f"@{tweets[a['in_response_to_tweet_id']]['author_id']} ")
    ]
    # The rest are the second brand message of a ring.
    assert len(answers) - len(addressed) < 10


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    load_phrasebook()
    peaks = []
    for rows in (2_000, 16_000):
        tracemalloc.start()
        write_sample(tmp_path, rows=rows, seed=3)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.15 * peaks[0]


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--rows", "50", "--seed", "2", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["sample", *options])
    runpy.run_module("a_ingestion.sample", run_name="__main__")
    assert (tmp_path / "out" / "twcs.csv").read_bytes().count(b" +0000 2017,") == 50


def test_command_line_refuses_no_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sample", "--rows", "0", "--out", str(tmp_path)])
    with pytest.raises(SystemExit):
        runpy.run_module("a_ingestion.sample", run_name="__main__")
    assert "--rows must be at least 1, not 0" in capsys.readouterr().err
