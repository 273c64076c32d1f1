"""What a brand writes: first answers, further answers, goodbyes and announcements, all signed."""

from a_ingestion.sample.grammar import Draw, Phrase
from a_ingestion.sample.openers import Opener, choose
from a_ingestion.sample.phrasebook import SectorBook
from a_ingestion.sample.voice import encode_entities

_CAPITALS = "ABCDEGHJKLMNPRSTW"
_AGENTS = ("Abby", "Jonas", "Becca", "Tariq", "Wen", "Colette", "Diego", "Morag", "Nate", "Sunita")
_MAX_CHARS = 280
_FOREIGN_ANSWER_SHARE = 0.75
_TOPIC_SHARE = 0.75


def first_answer(opener: Opener, book: SectorBook, draw: Draw) -> str:
    """The answer to an opening message, without the mention of whom it is for."""
    if opener.language != "en" and draw() < _FOREIGN_ANSWER_SHARE:
        body = choose(book.languages[opener.language]["reply"], draw).fill(draw, opener.facts)
        return encode_entities(body + signature(opener.brand.sign, draw))
    parts = [choose(_lines_for(opener, book, draw), draw).fill(draw, opener.facts)]
    if opener.mood == "upset" and draw() < 0.5 and "orry" not in parts[0]:
        parts.insert(0, choose(book.sorry, draw).fill(draw, opener.facts))
    if opener.label != "other" and draw() < 0.4:
        parts.insert(0, choose(book.greetings, draw).fill(draw, opener.facts))
    if sum(map(len, parts)) > _MAX_CHARS:
        del parts[:-1]
    return encode_entities(" ".join(parts) + signature(opener.brand.sign, draw))


def later_answer(opener: Opener, book: SectorBook, draw: Draw, *, is_last: bool) -> str:
    """An answer further down, or the friendly last word after a thank-you."""
    lines = book.closing if is_last else book.later[opener.label]
    body = choose(lines, draw).fill(draw, opener.facts)
    return encode_entities(body + signature(opener.brand.sign, draw))


def signature(sign: str, draw: Draw) -> str:
    """How this brand's agents sign: initials, a name, or not at all."""
    if sign == "none":
        return ""
    if sign in ("dash", "name"):
        agent = _AGENTS[int(draw() * len(_AGENTS))]
        return f" -{agent}" if sign == "dash" else f" - {agent}"
    first = _CAPITALS[int(draw() * len(_CAPITALS))]
    initials = first + _CAPITALS[int(draw() * len(_CAPITALS))]
    mark = {"caret": " ^", "newline": "\n^", "slash": " /", "star": " *"}[sign]
    return mark + initials


def _lines_for(opener: Opener, book: SectorBook, draw: Draw) -> list[Phrase]:
    """Lines for a topic that the message names, else those for its mood."""
    if opener.mood in ("upset", "asking") and draw() < _TOPIC_SHARE:
        said = opener.text.lower()
        topics = book.topics[opener.label]
        found = [lines for words, lines in topics if any(word in said for word in words)]
        if found:
            return found[int(draw() * len(found))]
    moods = book.first[opener.label]
    return moods.get(opener.mood) or next(iter(moods.values()))
