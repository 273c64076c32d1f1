"""A small phrase grammar: template text in, a Phrase that writes itself differently each time out.

(hi|hello|)      one of the alternatives, which may nest and may be empty
<item>           what the slot `item` holds; a slot marked as a fact keeps its first value for
                 the whole conversation, so that an answer speaks of the same thing
<3..9>           a whole number, both ends included
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

Draw: TypeAlias = Callable[[], float]  # a uniform number in [0, 1)
Facts: TypeAlias = dict[str, str]

_TOKEN = re.compile(r"<(\d+)\.\.(\d+)>|<([a-z][a-z_0-9]*)>|([(|)])")


class GrammarError(ValueError):
    """A template is not well formed, or names a slot that nobody fills."""


class Phrase:
    """A compiled template: plain strings and nodes that are filled in turn."""

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence["str | Node"]) -> None:
        self.parts = tuple(parts)

    def fill(self, draw: Draw, facts: Facts) -> str:
        """Write the phrase once, drawing its choices and keeping facts already known."""
        return "".join(
            [part if part.__class__ is str else part.fill(draw, facts) for part in self.parts]  # type: ignore[union-attr]
        )


class Alternatives:
    """One alternative out of several, all equally likely."""

    __slots__ = ("options",)

    def __init__(self, options: Sequence[Phrase]) -> None:
        # Most alternatives are plain words: kept as such they cost no call.
        self.options = tuple(_plain(option) or option for option in options)

    def fill(self, draw: Draw, facts: Facts) -> str:
        """Write one alternative."""
        option = self.options[int(draw() * len(self.options))]
        return option if isinstance(option, str) else option.fill(draw, facts)


class Number:
    """A whole number between two ends."""

    __slots__ = ("low", "span")

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.span = high - low + 1

    def fill(self, draw: Draw, facts: Facts) -> str:
        """Write one number."""
        return str(self.low + int(draw() * self.span))


class Slot:
    """A named place: an already known fact, else one of the slot's own phrases."""

    __slots__ = ("is_fact", "name", "options")

    def __init__(self, name: str, *, is_fact: bool) -> None:
        self.name = name
        self.is_fact = is_fact
        self.options: tuple[Phrase, ...] = ()

    def fill(self, draw: Draw, facts: Facts) -> str:
        """Write the known fact, or draw one and remember it where the slot is a fact."""
        if not self.is_fact:
            return self.options[int(draw() * len(self.options))].fill(draw, facts)
        value = facts.get(self.name)
        if value is None:
            value = self.options[int(draw() * len(self.options))].fill(draw, facts)
            facts[self.name] = value
        return value


Node: TypeAlias = Alternatives | Number | Slot


def _plain(phrase: Phrase) -> str | None:
    """The words of a phrase that has nothing to draw; None if it has."""
    if all(isinstance(part, str) for part in phrase.parts):
        return "".join(str(part) for part in phrase.parts)
    return None


def compile_phrase(template: str, slots: Mapping[str, Slot]) -> Phrase:
    """Compile one template.

    Raises:
        GrammarError: if brackets do not pair up or a slot is unknown; it names the template.
    """
    tokens = _TOKEN.split(template)
    alternatives, end = _alternatives(tokens, 0, slots, template)
    if end < len(tokens) or len(alternatives) > 1:
        raise GrammarError(f"brackets do not pair up in {template!r}; write each choice as (a|b)")
    return alternatives[0]


def _alternatives(
    tokens: list[str], at: int, slots: Mapping[str, Slot], template: str
) -> tuple[list[Phrase], int]:
    """Read alternatives up to the bracket that closes them; `split` yields 4 groups a token."""
    done: list[Phrase] = []
    parts: list[str | Node] = []
    while at < len(tokens):
        if "<" in tokens[at].replace("<3", ""):
            raise GrammarError(f"a slot is not closed or not lower case in {template!r}")
        if tokens[at]:
            parts.append(tokens[at])
        if at + 1 >= len(tokens):
            at += 1
            break
        low, high, name, mark = tokens[at + 1 : at + 5]
        at += 5
        if low:
            parts.append(Number(int(low), int(high)))
        elif name:
            if name not in slots:
                raise GrammarError(f"no slot is called {name!r} in {template!r}; add it to slots")
            parts.append(slots[name])
        elif mark == "(":
            inner, at = _alternatives(tokens, at, slots, template)
            if at >= len(tokens):
                raise GrammarError(f"a bracket stays open in {template!r}")
            parts.append(Alternatives(inner))
        elif mark == "|":
            done.append(Phrase(parts))
            parts = []
        else:
            return [*done, Phrase(parts)], at
    return [*done, Phrase(parts)], at
