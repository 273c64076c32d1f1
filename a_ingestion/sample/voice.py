"""How a customer types: sentences in, one message out, with that person's habits.

Case, apostrophes, slang, typing slips, lengthened words, punctuation, emoji; then the HTML
entities which the source leaves in its texts.
"""

import re
from typing import NamedTuple

from a_ingestion.sample.grammar import Draw

_SLANG = {
    "you": "u", "your": "ur", "you're": "ur", "are": "r", "please": "plz", "because": "cuz",
    "people": "ppl", "thanks": "thx", "though": "tho", "with": "w/", "and": "&",
    "before": "b4", "going to": "gonna", "want to": "wanna", "for": "4", "to": "2",
    "right now": "rn", "something": "smth", "really": "rly", "tomorrow": "tmrw", "about": "abt",
    "nothing": "nothin", "minutes": "mins", "weeks": "wks", "message": "msg", "account": "acct",
}  # fmt: skip
_SLANG_WORDS = re.compile(
    r"(?<![\w@#'/])(" + "|".join(map(re.escape, _SLANG)) + r")(?![\w'/])", re.IGNORECASE
)
_LONG = {
    "so": "sooo", "please": "pleaseee", "why": "whyyyy", "help": "helpppp", "no": "nooo",
    "hello": "hellooo", "ever": "everrrr", "love": "loveee", "really": "reallyyy", "down": "downnn",
}  # fmt: skip
_LONG_WORDS = re.compile(r"(?<![\w@#'])(" + "|".join(_LONG) + r")(?![\w'])", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w@#./-])[a-z]{5,}(?![\w./:-])")

_EMOJI = {
    mood: tuple(faces.split())
    for mood, faces in {
        "upset": "😡 😤 🙄 😩 🤦‍♀️ 😭 💔 🙃 🤬 😒 👎 😠 👏 🤷‍♂️ >:(",
        "asking": "🙏 🤔 😊 🙂 ❓ 😬",
        "pleased": "❤️ 👏 🙌 😊 💯 👍🏼 ⭐ <3",
        "fun": "😂 😍 ❤️ 🔥 😭 🎉 🤤 👻 🎃 😎 💀 ✨ 🙌🏽 😅 🐶 <3",
    }.items()
}
_ENDS = ("", "", "", "", ".", ".", ".", ".", "!", "!", "!!", "!!!", "...", "…")
_JOINS = (". ", ". ", ". ", ". ", ". ", ". ", "! ", "! ", "... ", " - ", ", ", ", ", " ", "\n")


class Voice(NamedTuple):
    """The habits of one person."""

    case: str  # as written, lower, upper
    apostrophe: str
    has_slang: bool
    slips: bool
    lengthens: bool
    emoji_share: float


def draw_voice(draw: Draw) -> Voice:
    """Somebody new."""
    case, quote, habit = draw(), draw(), draw()
    return Voice(
        case="lower" if case < 0.24 else "upper" if case < 0.27 else "as written",
        apostrophe="’" if quote < 0.3 else "" if quote < 0.42 else "'",
        has_slang=habit < 0.12,
        slips=0.08 < habit < 0.22,
        lengthens=0.2 < habit < 0.28,
        emoji_share=0.6 if draw() < 0.2 else 0.08,
    )


def speak(sentences: list[str], voice: Voice, *, mood: str, draw: Draw) -> str:
    """Join sentences into a message as this person would type it, entities not yet encoded."""
    text = _join(sentences, draw, capitals=voice.case == "as written")
    if voice.has_slang:
        text = _SLANG_WORDS.sub(lambda m: _SLANG[m[1].lower()] if draw() < 0.5 else m[0], text)
    if voice.lengthens:
        text = _LONG_WORDS.sub(lambda m: _LONG[m[1].lower()], text, count=1)
    if voice.slips and draw() < 0.6:
        text = _slip(text, draw)
    if voice.apostrophe != "'":
        text = text.replace("'", voice.apostrophe)
    if voice.case == "lower":
        text = text.lower()
    elif voice.case == "upper":
        text = text.upper()
    if draw() < voice.emoji_share:
        faces = _EMOJI.get(mood, _EMOJI["fun"])
        face = faces[int(draw() * len(faces))]
        text = f"{text} {face * (3 if draw() < 0.15 else 1)}"
    return text


def encode_entities(text: str) -> str:
    """The source holds &, < and > as HTML entities."""
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    return text


def _join(sentences: list[str], draw: Draw, *, capitals: bool) -> str:
    parts: list[str] = []
    fresh = True  # whether the next word opens a sentence
    for at, written in enumerate(sentences):
        # Alternatives left empty leave their spaces behind.
        sentence = written.replace("  ", " ").replace(" ,", ",").replace(" ?", "?").strip()
        parts.append(sentence[0].upper() + sentence[1:] if capitals and fresh else sentence)
        is_last = at == len(sentences) - 1
        if sentence[-1] in "?!.":
            parts.append("" if is_last else " ")
            fresh = True
        else:
            ends = _ENDS if is_last else _JOINS
            parts.append(ends[int(draw() * len(ends))])
            fresh = parts[-1][:1] not in ("", " ", ",")
    return "".join(parts)


def _slip(text: str, draw: Draw) -> str:
    """Swap, lose or double one letter inside one of the longer words."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = words[int(draw() * len(words))]
    at = word.start() + 1 + int(draw() * (len(word[0]) - 3))
    kind = draw()
    if kind < 0.5:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + text[at + 1 :] if kind < 0.8 else text[:at] + text[at] + text[at:]
