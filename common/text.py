"""The cleaning rules, once: the server applies them to a text, Spark's workers to columns of texts.

Natural text is what models read, ``clean_text`` is for search and finding duplicates. Both may be
made again of their own output and then change nothing.

A raw text goes this way: line breaks that an export wrote as a backslash and n; HTML to text;
in sources of mails what its writer did not write; ``NATURAL_GROUPS``.
"""

import hashlib
import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from html.entities import html5
from typing import NamedTuple

from common.mails import markup, quotes

Replacement = str | Callable[[re.Match[str]], str]


class Rule(NamedTuple):
    """Replace each match of ``pattern``."""

    name: str
    pattern: re.Pattern[str]
    replacement: Replacement


class RuleGroup(NamedTuple):
    """Rules for texts in which ``guard`` is found; in any other text none of them matches.

    The guard is cheap and most texts fail it. It is written in the dialect that Python's ``re`` and
    RE2 share, so that it can also be tried on a whole column at once.
    """

    guard: str
    rules: tuple[Rule, ...]


def _decode_entity(match: re.Match[str]) -> str:
    if match[0].startswith("&#"):
        return html.unescape(match[0])
    return html5.get(match[0][1:], match[0])


def _compose(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", match[0])


# A bare run of digits after one of these words is a reference and not a phone number.
_REFERENCE = re.compile(
    r"(?:order|ref|reference|case|ticket|booking|confirmation|tracking|invoice|parcel|claim)"
    r"[^0-9A-Za-z]{0,3}(?:(?:no|nr|num|number|id|code|is|was)[^0-9A-Za-z]{1,3}){0,2}$",
    re.IGNORECASE,
)


def _mask_phone(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 32) : match.start()]
    is_reference = match[0].isdigit() and _REFERENCE.search(before)
    return match[0] if is_reference else "[phone]"


_CARD = r"""
    (?<![0-9A-Za-z@#_+])
    (?: (?:2[2-7]|[3-6][0-9])[0-9]{2} ([ -]?) [0-9]{4} \1 [0-9]{4} \1 [0-9]{4}   # 4-4-4-4
      | 3[47][0-9]{2} ([ -]?) [0-9]{6} \2 [0-9]{5} )                             # 4-6-5
    (?![0-9])
"""
_PHONE = r"""
    (?<![0-9A-Za-z@#_$£€=/.-])
    (?: \(? \+ [0-9] (?:[ ().-]{0,2}[0-9]){8,14}                                 # +44 20 7946 0000
      | (?:1[ .-]?)? (?:\([2-9][0-9]{2}\)[ .-]?|[2-9][0-9]{2}[ .-])              # 1-800-555-0100
        [2-9][0-9]{2} [ .-] [0-9]{4}
      | 0[0-9]{2} [ -] [0-9]{4} [ -]? [0-9]{4}                                   # 020 7946 0000
      | 0[0-9]{3} [ -] [0-9]{3} [ -]? [0-9]{3,4}                                 # 0300 123 1234
      | 0[0-9]{4} [ -] [0-9]{3} [ -]? [0-9]{3}                                   # 01632 960 000
      | 0[1-9] (?:[ .-][0-9]{2}){4}                                              # 01 99 00 12 34
      | 0[1-9][0-9]{8,9} | 1?[2-9][0-9]{2}[2-9][0-9]{6} | [6-9][0-9]{9} )        # run together
    (?! [0-9A-Za-z] | [.-][0-9] )
"""
_EMAIL = r"""
    [0-9A-Za-z] (?:[0-9A-Za-z._%+-]{0,62}[0-9A-Za-z_+-])? @
    (?: (?:[0-9A-Za-z-]{1,63}\.){1,5} [A-Za-z]{2,24}
      | (?:gmail|hotmail|icloud|outlook|yahoo)(?![0-9A-Za-z]) )
"""
_EMAIL_FLAGS = re.VERBOSE | re.IGNORECASE | re.ASCII
# Marks of direction and of width zero. The two joiners stay: emoji and several scripts need them.
_INVISIBLE = "[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+"
# Controls, every other space, halves of surrogate pairs.
_BLANK = r"[\x00-\x1f\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]+"

# Order matters: "&" is freed first, so that "&amp;lt;" becomes "<"; spaces and hyphens are made
# plain before anything is masked, or a card number in no-break spaces would stay; addresses go
# before handles, which would eat their "@"; handles before numbers, since people's are digits here.
NATURAL_GROUPS: tuple[RuleGroup, ...] = (
    RuleGroup(
        "&",
        (
            Rule("ampersand", re.compile(r"&(?:[Aa][Mm][Pp];|#0{0,4}38;|#[Xx]0{0,4}26;)+"), "&"),
            Rule("entity", re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{2,7}|#x[0-9A-Fa-f]{2,6});"),
                 _decode_entity),
        ),
    ),
    RuleGroup(
        r"://|www\.",
        (
            Rule("url", re.compile(r"[HhFf][Tt]{1,2}[Pp][Ss]?://[!-~]*"), " "),
            Rule("bare url", re.compile(r"www\.(?<![0-9A-Za-z]www\.)[!-~]+"), " "),
        ),
    ),
    RuleGroup(
        "[^ -~]",
        (
            Rule("accent", re.compile(r".+", re.DOTALL), _compose),
            Rule("invisible", re.compile(_INVISIBLE), ""),
            Rule("hyphen", re.compile("[\u2010-\u2012]"), "-"),
            Rule("blank", re.compile(_BLANK), " "),
        ),
    ),
    RuleGroup("  ", (Rule("spaces", re.compile(" {2,}"), " "),)),
    RuleGroup(
        r"@(?:[0-9A-Za-z-]+\.|(?i:gmail|hotmail|icloud|outlook|yahoo))",
        (Rule("email", re.compile(_EMAIL, _EMAIL_FLAGS), "[email]"),),
    ),
    RuleGroup(
        "@",
        (
            Rule("user", re.compile(r"@(?<![0-9A-Za-z_]@)[0-9]+(?![0-9A-Za-z_])"), "@user"),
            Rule(
                "brand",
                re.compile(r"@(?<![0-9A-Za-z_]@)(?!user(?![0-9A-Za-z_]))[0-9A-Za-z_]+"),
                "@brand",
            ),
        ),
    ),
    RuleGroup(
        r"[0-9](?:[ ().-]{0,2}[0-9]){8}",
        (
            Rule("card", re.compile(_CARD, re.VERBOSE), "[card]"),
            Rule("phone", re.compile(_PHONE, re.VERBOSE), _mask_phone),
        ),
    ),
)  # fmt: skip
_PATH = r"(?<![^\s\"'(\[])(?:[A-Za-z]:|\\)\\\S*"
_PATH_OR_BREAK = re.compile(rf"(?P<path>{_PATH})|(?:\\r)?\\n|\\[rt]")
# At the end of a sentence or a word, before what begins a line, or more than one.
_CLEAR_BREAK = re.compile(
    r"(?:^|[\s.,!?:;)>\"'])\\n|\\n(?:\s|$|[A-Z0-9\\<>-])|\\r\\n|\\n(?s:.*)\\n"
)
# In HTML or not, plain or escaped: texts without any of it are changed by NATURAL_GROUPS alone.
_BREAK_GUARD = r"\\n"
_ESCAPED_GUARD = r"&(?:amp;|#38;)*(?:lt|#60|#x3c);[/!]?[A-Za-z]"
STRUCTURE = "|".join((_BREAK_GUARD, _ESCAPED_GUARD, markup.HTML))
_ESCAPED = re.compile(_ESCAPED_GUARD)
_STRUCTURE = re.compile(STRUCTURE, re.ASCII)
_COMPILED = [(re.compile(group.guard), group.rules) for group in NATURAL_GROUPS]
_ACCENTS = re.compile("[\u0300-\u036f]+")
_NOT_WORD = re.compile(r"[^\w@ ]+|_+")


class Natural(NamedTuple):
    """A natural text; whether the raw one was HTML, and whether something of a mail was cut."""

    text: str
    was_html: bool
    mail_cut: bool


@dataclass(frozen=True)
class TextRules:
    """What may differ from source to source: whether quotes and signatures of mails are cut.

    A model is served with the rules that it was trained with.
    """

    cut_mail: bool = False

    def natural(self, raw: str) -> str:
        """Make HTML text, mask personal data, make handles generic, take URLs out, fold spaces.

        A handle of digits only is a person whom the source made anonymous (``@user``); any other is
        taken as a brand (``@brand``). Masks: ``[email]``, ``[phone]``, ``[card]``.
        """
        return self.read(raw).text

    def read(self, raw: str) -> Natural:
        """``natural``, and what it took."""
        first = self._read_once(raw)
        if not _STRUCTURE.search(first.text):
            return first
        # What was escaped twice, or parted by a mark that is gone now. It is no HTML once more.
        again = self._read_once(first.text)
        text = markup.split_tags(again.text) if markup.is_html(again.text) else again.text
        if not text and self.cut_mail:  # the mail was hidden in what is no text
            return TextRules().read(raw)
        return Natural(text, first.was_html or again.was_html, first.mail_cut or again.mail_cut)

    def _read_once(self, raw: str) -> Natural:
        lines = marked = _unescape_breaks(raw)
        html_text = _find_html(lines)
        if html_text is not None:
            lines = markup.html_to_text(html_text)
            marked = markup.html_to_text(html_text, mark_quotes=True) if self.cut_mail else lines
        natural = whole = _apply_groups(lines)
        if self.cut_mail:
            own = _apply_groups(quotes.cut_lines(marked)) or whole
            natural = quotes.cut_one_line(own).strip(" ")
        return Natural(natural, html_text is not None, mail_cut=natural != whole)


def natural_text(raw: str) -> str:
    """The natural text of what is no mail: made-up messages, sentences of the labels."""
    return TextRules().natural(raw)


def clean_text(natural: str) -> str:
    """Lower case; letters, digits, @ and single spaces only. Empty for a text of emoji alone."""
    lower = _ACCENTS.sub("", natural.lower())
    return " ".join(_NOT_WORD.sub(" ", lower).split())


def dedup_key(natural: str) -> str:
    """Equal for natural texts that differ only in case, punctuation or spaces.

    What is trained, held out, corrected or made up is folded by it. A text that ``clean_text``
    leaves nothing of, of emoji alone, is its own key, lest all such texts count as one.
    """
    return clean_text(natural) or natural


def rules_sha256() -> str:
    """Digest of the rules; a model folder carries it and the server refuses another one."""
    rules = [
        (group.guard, rule.pattern.pattern, rule.pattern.flags, _describe(rule.replacement))
        for group in NATURAL_GROUPS
        for rule in group.rules
    ]
    others = (_REFERENCE.pattern, _ACCENTS.pattern, _NOT_WORD.pattern)
    breaks = (STRUCTURE, _PATH_OR_BREAK.pattern, _CLEAR_BREAK.pattern)
    rules_text = repr((rules, *others, breaks, markup.RULES, quotes.RULES))
    return hashlib.sha256(rules_text.encode()).hexdigest()


def _describe(replacement: Replacement) -> str:
    return replacement if isinstance(replacement, str) else replacement.__name__


def _apply_groups(text: str) -> str:
    for guard, rules in _COMPILED:
        if guard.search(text):
            for rule in rules:
                text = rule.pattern.sub(rule.replacement, text)
    return text.strip(" ")


def _find_html(text: str) -> str | None:
    """The text as HTML, where it is that; an export may have escaped all of it."""
    if markup.is_html(text):
        return text
    if _ESCAPED.search(text):
        for rule in NATURAL_GROUPS[0].rules:
            text = rule.pattern.sub(rule.replacement, text)
        return text if markup.is_html(text) else None
    return None


def _unescape_breaks(text: str) -> str:
    r"""Backslash-n, as exports write line breaks, as such; C:\new, \\server\new and yes\no stay."""
    if "\\n" not in text or not _CLEAR_BREAK.search(re.sub(_PATH, "", text)):
        return text
    return _PATH_OR_BREAK.sub(lambda match: match["path"] or "\n", text)
