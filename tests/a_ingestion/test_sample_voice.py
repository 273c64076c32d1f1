"""How customers type: joining, capitals, apostrophes, slang, entities."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from a_ingestion.sample.voice import Voice, draw_voice, encode_entities, speak

PLAIN = Voice("as written", "'", False, False, False, 0.0)


def always(number: float) -> Callable[..., Any]:
    return lambda: number


@pytest.mark.parametrize(
    ("voice", "sentences", "expected"),
    [
        (PLAIN, ["it's late", "why?"], "It's late. Why?"),
        (PLAIN._replace(case="lower"), ["It's Late"], "it's late"),
        (PLAIN._replace(case="upper"), ["it's late"], "IT'S LATE"),
        (PLAIN._replace(apostrophe="’"), ["it's late"], "It’s late"),
        (PLAIN._replace(apostrophe=""), ["it's late"], "Its late"),
        (PLAIN._replace(has_slang=True), ["are you there"], "r u there"),
        (PLAIN._replace(lengthens=True), ["please help"], "pleaseee help"),
        (PLAIN, ["left a  gap , here "], "Left a gap, here"),
    ],
)
def test_each_habit(voice: Any, sentences: list[str], expected: str) -> None:
    # 0.0 picks the first ending (none), the first joint (a full stop), and every chance habit.
    assert speak(sentences, voice, mood="upset", draw=always(0.0)) == expected


def test_capitals_open_each_sentence_only() -> None:
    assert speak(["so", "no luck"], PLAIN, mood="upset", draw=always(0.0)) == "So. No luck"


def test_a_slip_changes_one_word_by_one_letter() -> None:
    voice = PLAIN._replace(slips=True)
    # 0.0: the first long word, its second and third letters change places.
    assert speak(["where is everything"], voice, mood="upset", draw=always(0.0)) == (
        "Where is eevrything"
    )


def test_a_slip_leaves_handles_and_links_alone() -> None:
    voice = PLAIN._replace(slips=True, case="lower")
    text = "@somebody_here see https://t.co/abcdefghij #brokenthing"
    for seed in range(30):
        assert text in speak([text], voice, mood="upset", draw=Random(seed).random)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing to do", "nothing to do"),
        ("me & you", "me &amp; you"),
        ("I <3 it > all", "I &lt;3 it &gt; all"),
        ("", ""),
    ],
)
def test_entities(text: str, expected: str) -> None:
    assert encode_entities(text) == expected


def test_voices_differ() -> None:
    draw = Random(3).random
    assert len({draw_voice(draw) for _ in range(200)}) > 8
