"""What the writer of a mail wrote: without quoted mails, signatures, closings and disclaimers.

A mail of nothing else stays whole. Of a mail that was forwarded with hardly a word, what was
forwarded stays.
"""

import re

from common.mails import patterns

_LAST_LINES = 9  # a closing and what follows it are no longer
_SIGNATURE_LINES = 20
_CONTACT_CHARS = 80
_FEW_WORDS = 5  # "FYI, see below": says nothing beside what was forwarded
_VERSION = 1  # of the functions below
RULES = (patterns.RULES, _LAST_LINES, _SIGNATURE_LINES, _CONTACT_CHARS, _FEW_WORDS, _VERSION)


def cut_lines(text: str) -> str:
    """The lines of a mail that its writer wrote; a text of one line, or of nothing else, whole."""
    if "\n" not in text:
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    own = _unsigned(_unquoted(text))
    if _says(own):
        return own
    unquoted = patterns.QUOTED.sub("", text)
    return unquoted if _says(unquoted) else re.sub(r"^[ \t]*(?:> ?)+", "", text, flags=re.MULTILINE)


def cut_one_line(text: str) -> str:
    """What stands before a quoted mail, in a text whose line breaks were lost."""
    found = patterns.ONE_LINE.search(text)
    before = text[: found.start()] if found else text
    forwards = re.search(patterns.FORWARDED, before, re.IGNORECASE)
    return before if _says(before) and not forwards else text


def _unquoted(text: str) -> str:
    """Without other mails, however they are marked."""
    forward = patterns.FORWARD.search(text)
    others = (forward, patterns.HEADER.search(text), patterns.ABOVE.search(text))
    start = min((found.start() for found in others if found), default=len(text))
    own, other = _without_quotes(text[:start]), text[start:]
    enough = _FEW_WORDS if forward and forward.start() == start else 0
    if not other or len(_unsigned(own).split()) > enough:
        return own
    # The other mail is the message, without its head.
    body = re.sub(r"^> ?", "", other, flags=re.MULTILINE)
    for head in (patterns.FORWARD, patterns.ABOVE, patterns.HEAD):
        body = head.sub("", body, count=1)
    return _unquoted(body) if len(body) < len(text) else body


def _without_quotes(text: str) -> str:
    """Without lines that begin with ``>``, and the line that says whose they are.

    Where no line begins so, all that follows such a line is quoted.
    """
    pieces, done = [], 0
    for found in patterns.ATTRIBUTION.finditer(text):
        if not re.search("[0-9@]", found[0]):
            continue
        pieces.append(text[done : found.start()])
        done = found.end()
        if not text[done:].lstrip().startswith(">") and _says("".join(pieces)):
            done = len(text)
            break
    return patterns.QUOTED.sub("", "".join(pieces) + text[done:])


def _unsigned(text: str) -> str:
    """Without signature, closing and disclaimer, where these stand at the end."""
    for mark in (patterns.DISCLAIMER, patterns.SIGNED):
        found = mark.search(text)
        if found and _says(text[: found.start()]):
            signed = text[found.end() :]
            text = text[: found.start()] if signed.count("\n") < _SIGNATURE_LINES else text
    lines = [line for line in patterns.DEVICE.sub("", text).split("\n") if line.strip()]
    for i in range(max(1, len(lines) - _LAST_LINES), len(lines)):
        if patterns.CLOSING.match(lines[i]) and all(map(_is_contact, lines[i + 1 :])):
            return "\n".join(lines[:i])
    return "\n".join(lines)


def _is_contact(line: str) -> bool:
    """Whether a line may stand below a closing: a name, a post, an address; no sentence."""
    words = line.split()
    if len(line) > _CONTACT_CHARS or line.rstrip().endswith("?"):
        return False
    if len(words) < 3 or patterns.CLOSING.match(line) or patterns.CONTACT.search(line):
        return True
    return all(word[0].isupper() or len(word) < 4 for word in words)


def _says(text: str) -> bool:
    return any(map(str.isalnum, text))
