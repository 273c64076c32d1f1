"""The phrase files beside this module, compiled for each sector of business.

In: phrases/*.yaml. Out: a Phrasebook that knows the brands and what is said to and by them.
Each sector has its own copy because a slot such as <item> means something else in each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import yaml

from a_ingestion.sample.grammar import Draw, GrammarError, Phrase, Slot, compile_phrase

T = TypeVar("T")
Lines: TypeAlias = list[Phrase]
Moods: TypeAlias = dict[str, Lines]

FOLDER = Path(__file__).parent / "phrases"
INTENT_FILES = (
    "billing_issue",
    "shipping_problem",
    "product_defect",
    "customer_service",
    "other",
)
CHATTER = "other"
# Always known to a conversation: currency sign, how the brand is called here, its plain name.
GIVEN_FACTS = ("cur", "brand", "name")
# Lines written for one sector count several times, since those for any sector are far more.
_OWN_LINES_COUNT = 2


@dataclass(frozen=True)
class Brand:
    """An invented company as it appears in the data."""

    handle: str
    name: str
    alias: int  # the number that stands for it where a mention was made anonymous
    sector: str
    currency: str
    sign: str


class Wheel(Generic[T]):
    """Picks by whole-number weights, or evenly out of a plain list."""

    __slots__ = ("slots",)

    def __init__(self, weights: Mapping[T, int] | Iterable[T]) -> None:
        pairs = weights.items() if isinstance(weights, Mapping) else ((v, 1) for v in weights)
        self.slots = [value for value, weight in pairs for _ in range(weight)]

    def pick(self, draw: Draw) -> T:
        """One value."""
        return self.slots[int(draw() * len(self.slots))]


@dataclass(frozen=True)
class SectorBook:
    """All that is said to and by the brands of one sector."""

    openers: dict[str, Moods]  # intent -> mood -> lines
    leads: Moods
    after: Moods
    service_too: Lines
    personal: Lines
    hashtags: Lines
    fun_tags: Lines
    languages: dict[str, dict[str, Lines]]  # language -> intent, or "reply" -> lines
    greetings: Lines
    sorry: Lines
    topics: dict[str, list[tuple[list[str], Lines]]]  # intent -> (words of a topic, its lines)
    first: dict[str, Moods]  # the first answer off these topics: intent -> mood -> lines
    later: dict[str, Lines]  # further answers: intent -> lines
    closing: Lines
    announcements: Lines
    followups: dict[str, Lines]  # intent -> lines
    thanks: Lines
    bystander: Lines
    addition: Lines


@dataclass(frozen=True)
class Phrasebook:
    """Brands, the weights by which they come up, and a SectorBook for each sector."""

    brands: tuple[Brand, ...]
    sectors: dict[str, SectorBook]
    sector_wheels: dict[str, Wheel[str]]  # intent -> sector
    brand_wheels: dict[str, Wheel[Brand]]  # sector -> brand
    mood_wheels: dict[str, Wheel[str]]  # intent -> mood


def load_phrasebook(folder: Path = FOLDER) -> Phrasebook:
    """Read and compile every phrase file.

    Raises:
        GrammarError: if a template is not well formed or names an unknown slot.
    """
    files = {path.stem: _read(path) for path in sorted(folder.glob("*.yaml"))}
    intents = {files[stem]["label"]: files[stem] for stem in INTENT_FILES}
    table = files["brands"]
    shares = [(Brand(**{k: v for k, v in b.items() if k != "share"}), b) for b in table["brands"]]
    return Phrasebook(
        brands=tuple(brand for brand, _ in shares),
        sectors={
            name: _compile_sector([name, *sector["groups"], "any"], files, intents)
            for name, sector in table["sectors"].items()
        },
        sector_wheels={
            label: Wheel({n: s["shares"].get(label, 0) for n, s in table["sectors"].items()})
            for label in intents
        },
        brand_wheels={
            name: Wheel({brand: b["share"] for brand, b in shares if brand.sector == name})
            for name in table["sectors"]
        },
        mood_wheels={label: Wheel(intent["moods"]) for label, intent in intents.items()},
    )


def _compile_sector(
    keys: Sequence[str], files: Mapping[str, Any], intents: Mapping[str, Any]
) -> SectorBook:
    """Compile what applies to one sector: `keys` are its name, its groups and `any`."""
    slots = _slots(keys, files["slots"])
    frames, replies, follow = files["frames"], files["replies"], files["followups"]

    def lines(text: str) -> Lines:
        return [compile_phrase(line, slots) for line in text.strip().split("\n")]

    def grouped(groups: Mapping[str, str]) -> Lines:
        found = [(lines(groups[key]), key) for key in keys if key in groups]
        return [p for ls, key in found for p in ls * (1 if key == "any" else _OWN_LINES_COUNT)]

    def moods(table: Mapping[str, Mapping[str, str]]) -> Moods:
        return {mood: grouped(groups) for mood, groups in table.items()}

    def with_shared(table: Mapping[str, str], count: int) -> dict[str, Lines]:
        # Chatter goes on as chatter: what support threads share does not fit it.
        shared = {label: [] if label == CHATTER else lines(table["any"]) for label in intents}
        return {label: shared[label] + lines(table[label]) * count for label in intents}

    return SectorBook(
        openers={
            label: moods({mood: intent[mood] for mood in intent["moods"]})
            for label, intent in intents.items()
        },
        leads=moods(frames["leads"]),
        after=moods(frames["after"]),
        service_too=lines(frames["service_too"]),
        personal=lines(frames["personal"]),
        hashtags=lines(frames["hashtags"]),
        fun_tags=lines(frames["fun_tags"]),
        languages={
            language: {key: lines(text) for key, text in table.items()}
            for language, table in files["languages"].items()
        },
        greetings=lines(replies["greetings"]),
        sorry=lines(replies["sorry"]),
        topics={
            label: [(topic["when"], lines(topic["lines"])) for topic in topics.values()]
            for label, topics in replies["topics"].items()
        },
        first={label: moods(table) for label, table in replies["first"].items()},
        later=with_shared(replies["later"], 1),
        closing=lines(replies["closing"]),
        announcements=grouped(replies["announcements"]),
        followups=with_shared(follow, _OWN_LINES_COUNT),
        thanks=lines(follow["thanks"]),
        bystander=lines(follow["bystander"]),
        addition=lines(follow["addition"]),
    )


def _slots(keys: Sequence[str], table: Mapping[str, Any]) -> dict[str, Slot]:
    """The slots of one sector: of several lists of phrases the nearest one holds."""
    slots = {name: Slot(name, is_fact=True) for name in GIVEN_FACTS}
    texts: dict[str, str] = {}
    for kind in ("facts", "words"):
        for name, groups in table[kind].items():
            slots[name] = Slot(name, is_fact=kind == "facts")
            texts[name] = next(groups[key] for key in keys if key in groups)
    for name, text in texts.items():
        lines = text.strip().split("\n")
        slots[name].options = tuple(compile_phrase(line, slots) for line in lines)
    return slots


def _read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise GrammarError(f"{path.name} holds no table of phrases")
    return content
