"""One opening message with its true label: intent, brand, mood, words, mention, tail.

The core line alone carries the intent; leads, reactions and remarks about bad service may follow
it, and by the annotation rule never change its label: the concrete cause wins.
"""

from dataclasses import dataclass

from a_ingestion.sample.grammar import Draw, Facts, Phrase
from a_ingestion.sample.phrasebook import Brand, Phrasebook, SectorBook, Wheel
from a_ingestion.sample.voice import Voice, draw_voice, encode_entities, speak

INTENT_SHARES = {
    "customer service": 32,
    "other": 30,
    "product defect": 20,
    "billing issue": 11,
    "shipping problem": 7,
}
_INTENTS = Wheel(INTENT_SHARES)
_LANGUAGES = Wheel(
    {"es": 4, "fr": 2, "de": 2, "pt": 2, "ja": 2, "it": 1, "nl": 1, "tr": 1, "id": 1}
)
_FOREIGN_SHARE = 0.05
_PERSONAL_SHARE = 0.018
_LINK_SHARE = {"upset": 0.15, "asking": 0.05, "pleased": 0.08, "chat": 0.3, "fan": 0.34}
_SUPPORT_MOODS = ("upset", "asking", "pleased")
_MAX_CHARS = 270  # a reaction that would not fit is left out, as its writer would
_LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


@dataclass(slots=True)
class Opener:
    """An opening message and what its conversation needs to know."""

    text: str  # raw, as in the file
    label: str
    mood: str
    brand: Brand
    language: str
    voice: Voice
    facts: Facts


def draw_opener(book: Phrasebook, draw: Draw) -> Opener:
    """Write one opening message."""
    label = _INTENTS.pick(draw)
    brand = book.brand_wheels[book.sector_wheels[label].pick(draw)].pick(draw)
    sector = book.sectors[brand.sector]
    mention = draw_mention(brand, draw)
    facts = {"cur": brand.currency, "name": brand.name, "brand": brand.name}
    if draw() < 0.6:
        facts["brand"] = mention
    voice = draw_voice(draw)
    if draw() < _FOREIGN_SHARE:
        language, mood = _LANGUAGES.pick(draw), "asking"
        lines = sector.languages[language][label]
    else:
        language, mood = "en", book.mood_wheels[label].pick(draw)
        moods = sector.openers[label]
        # Some sectors have no line for a rare mood; the first mood has lines for all.
        lines = moods[mood] or next(iter(moods.values()))
    line = choose(lines, draw)
    sentences = [line.fill(draw, facts)]
    if language == "en":
        sentences = _surround(sentences[0], line, label, mood, sector, facts, draw)
    text = speak(sentences, voice, mood=mood if mood in _SUPPORT_MOODS else "fun", draw=draw)
    text = encode_entities(_address(text, mention, mood, draw) + _tail(sector, mood, facts, draw))
    if draw() < _LINK_SHARE.get(mood, 0.1):
        text += " " + draw_link(draw)
    facts["brand"] = brand.name
    return Opener(text, label, mood, brand, language, voice, facts)


def choose(lines: list[Phrase], draw: Draw) -> Phrase:
    """One line, all equally likely."""
    return lines[int(draw() * len(lines))]


def draw_mention(brand: Brand, draw: Draw) -> str:
    """How a customer mentions the brand: its handle in some case, or its number."""
    kind = draw()
    if kind < 0.24:
        return f"@{brand.alias}"
    if kind < 0.34:
        return f"@{brand.handle.lower()}"
    return f"@{brand.handle}" if kind < 0.98 else f"@{brand.handle.upper()}"


def draw_link(draw: Draw) -> str:
    """A shortened address that leads nowhere."""
    return "https://t.co/" + "".join([_LETTERS[int(draw() * len(_LETTERS))] for _ in range(10)])


def _surround(
    core: str, line: Phrase, label: str, mood: str, sector: SectorBook, facts: Facts, draw: Draw
) -> list[str]:
    """Put a lead before the core, which came of `line`, and reactions after it, if they fit."""
    kind = draw()
    if mood not in _SUPPORT_MOODS:
        if kind > 0.35 or mood not in ("chat", "fan"):
            return [core]
        return [core, choose(sector.after["fun"], draw).fill(draw, facts)]
    lead, after = "", []
    if 0.14 < kind < 0.47:
        lead = choose(sector.leads[mood], draw).fill(draw, facts)
    if 0.30 < kind < 0.62 and mood == "upset" and label != "customer service":
        after.append(choose(sector.service_too, draw).fill(draw, facts))
    elif 0.62 < kind < 0.74 and mood == "upset":
        # Somebody with two grievances of one kind.
        second = choose(sector.openers[label][mood], draw)
        if second is not line:
            after.append(second.fill(draw, facts))
    elif kind > 0.30:
        after.append(choose(sector.after[mood], draw).fill(draw, facts))
    if kind > 0.7:
        after.append(choose(sector.after[mood], draw).fill(draw, facts))
    # Drawn twice, the same words are said once.
    sentences = list(dict.fromkeys([lead, core, *after] if lead else [core, *after]))
    return sentences if sum(map(len, sentences)) < _MAX_CHARS else [core]


def _address(text: str, mention: str, mood: str, draw: Draw) -> str:
    """Mention the brand where the text does not do so yet."""
    if mention.lower() in text.lower():
        return text
    kind = draw()
    if mood == "tag":
        return f"@{_stranger(draw)} {mention} {text}"
    if kind < 0.04 and mood not in _SUPPORT_MOODS:
        return f"RT @{_stranger(draw)}: {text} {mention}"
    if kind < 0.62:
        return f"{mention} {text}"
    if kind < 0.70:
        return f"{('Hey', 'hey', 'Hi', 'Yo', 'Hello', 'hi')[int(draw() * 6)]} {mention} {text}"
    if kind < 0.74:
        return f".{mention} {text}"
    if kind < 0.78:
        return f"@{_stranger(draw)} {mention} {text}"
    return f"{text} {mention}" if kind < 0.94 else text


def _stranger(draw: Draw) -> int:
    """The number of somebody who writes nothing in the file."""
    return 116_000 + int(draw() * 9_000)


def _tail(sector: SectorBook, mood: str, facts: Facts, draw: Draw) -> str:
    """Hashtags, or in a small share personal data that the cleaning must mask."""
    kind = draw()
    if mood in _SUPPORT_MOODS:
        if kind < _PERSONAL_SHARE:
            return ". " + choose(sector.personal, draw).fill(draw, facts)
        tags = sector.hashtags if mood == "upset" and kind > 0.92 else []
    else:
        tags = sector.fun_tags if kind > 0.82 else []
    if not tags:
        return ""
    found = {choose(tags, draw).fill(draw, facts): None for _ in range(2 if draw() < 0.25 else 1)}
    return "".join(" " + tag.replace(" ", "").lower() for tag in found)
