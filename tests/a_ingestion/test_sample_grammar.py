"""The phrase grammar: choices, numbers, slots, facts, and clear errors."""

from typing import Any

import pytest

from a_ingestion.sample.grammar import GrammarError, Slot, compile_phrase


class Draws:
    """Gives the numbers it was made with, one a call."""

    def __init__(self, *numbers: float) -> None:
        self._numbers = list(numbers)

    def __call__(self) -> float:
        return self._numbers.pop(0)


def _slot(name: str, *lines: str, is_fact: bool) -> Slot:
    slot = Slot(name, is_fact=is_fact)
    slot.options = tuple(compile_phrase(line, {}) for line in lines)
    return slot


@pytest.mark.parametrize(
    ("template", "draws", "expected"),
    [
        ("plain words", (), "plain words"),
        ("(a|b) c", (0.0,), "a c"),
        ("(a|b) c", (0.99,), "b c"),
        ("x(| y)", (0.0,), "x"),
        ("(a|b (c|d)) e", (0.9, 0.9), "b d e"),
        ("<3..9> days", (0.0,), "3 days"),
        ("<3..9> days", (0.999,), "9 days"),
        ("I <3 it", (), "I <3 it"),
        ("", (), ""),
    ],
)
def test_templates_write_what_is_drawn(template: str, draws: Any, expected: str) -> None:
    assert compile_phrase(template, {}).fill(Draws(*draws), {}) == expected


def test_a_fact_keeps_its_first_value() -> None:
    slots = {"item": _slot("item", "kettle", "tent", is_fact=True)}
    facts: dict[str, str] = {}
    phrase = compile_phrase("<item> and <item>", slots)
    assert phrase.fill(Draws(0.9), facts) == "tent and tent"
    assert phrase.fill(Draws(), facts) == "tent and tent"


def test_a_word_is_drawn_anew() -> None:
    slots = {"times": _slot("times", "once", "twice", is_fact=False)}
    phrase = compile_phrase("<times> <times>", slots)
    assert phrase.fill(Draws(0.0, 0.9), {}) == "once twice"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("(a|b", "a bracket stays open in '(a|b'"),
        ("a|b", "brackets do not pair up in 'a|b'; write each choice as (a|b)"),
        ("a) b", "brackets do not pair up in 'a) b'; write each choice as (a|b)"),
        ("my <itm>", "no slot is called 'itm' in 'my <itm>'; add it to slots"),
        ("my <Item>", "a slot is not closed or not lower case in 'my <Item>'"),
    ],
)
def test_a_broken_template_is_named(template: str, message: str) -> None:
    with pytest.raises(GrammarError) as error:
        compile_phrase(template, {})
    assert str(error.value) == message
