"""The cleaning rules, once: plain Python here for the server, Spark columns in b_transformation.

Patterns keep to the dialect in which Python's ``re`` and Java's regex agree: explicit character
classes; no word boundaries, class shorthands or flags, whose meaning differs between the two.
"""

import hashlib
import re
from typing import NamedTuple


class Rule(NamedTuple):
    """Replace ``pattern`` by ``replacement``, tried only where the text holds every ``guards``.

    The guards are plain substrings: most texts fail them, and then cost no regex.
    """

    name: str
    guards: tuple[str, ...]
    pattern: str
    replacement: str


_SPACE = (
    r"[ \t\n\x0b\f\r\u0000\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]+"
)
_NOT_IN_NUMBER = r"(?<![0-9A-Za-z@+])"

# The order matters: addresses go before handles, which would eat their "@"; "&amp;" goes last of
# the entities, so that "&amp;lt;" becomes "&lt;" and not "<".
NATURAL_RULES: tuple[Rule, ...] = (
    Rule("less-than", ("&lt;",), "&lt;", "<"),
    Rule("greater-than", ("&gt;",), "&gt;", ">"),
    Rule("quote", ("&quot;",), "&quot;", '"'),
    Rule("apostrophe", ("&#",), "&#(?:39|x27);", "'"),
    Rule("no-break space", ("&nbsp;",), "&nbsp;", " "),
    Rule("ampersand", ("&amp;",), "&amp;", "&"),
    Rule("url", ("://",), r"[A-Za-z]{2,6}://[!-~]*", " "),
    Rule("bare url", ("www.",), r"(?<![0-9A-Za-z])www\.[!-~]+", " "),
    Rule(
        "email",
        ("@", "."),
        r"[0-9A-Za-z._%+-]{1,64}@[0-9A-Za-z-]{1,63}(?:\.[0-9A-Za-z-]{1,63}){0,4}\.[A-Za-z]{2,24}",
        "[email]",
    ),
    Rule(
        "card",
        (),
        _NOT_IN_NUMBER
        + r"(?:3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}"
        + r"|[3-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,7})(?![0-9])",
        "[card]",
    ),
    Rule(
        "phone",
        (),
        r"(?<![0-9A-Za-z@])(?:\+[0-9]{1,3}[ .-]?(?:\(?[0-9]{1,4}\)?[ .-]?){2,4}[0-9]{2,4}"
        + r"|(?:1[ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}"
        + r"|0[0-9]{2,4}[ -][0-9]{3,4}[ -]?[0-9]{3,4}|[0-9]{10,11})(?![0-9])",
        "[phone]",
    ),
    Rule("brand", ("@",), r"@(?=[0-9A-Za-z_]*[A-Za-z_])[0-9A-Za-z_]+", "@brand"),
    Rule("user", ("@",), r"@[0-9]+", "@user"),
    Rule("spaces", (), _SPACE, " "),
)

# Java spells "not a letter, digit or @" with Unicode properties, Python with its Unicode \w.
CLEAN_PATTERN_JAVA = r"[^\p{L}\p{N}@]+"
_CLEAN = re.compile(r"(?:[^\w@]|_)+")
_COMPILED = [(rule, re.compile(rule.pattern)) for rule in NATURAL_RULES]


def natural_text(raw: str) -> str:
    """What models read: entities decoded, URLs out, personal data masked, handles generic.

    A handle of digits only is a person that the source made anonymous (``@user``); any other is
    taken as a brand (``@brand``).
    """
    text = raw
    for rule, pattern in _COMPILED:
        if all(guard in text for guard in rule.guards):
            text = pattern.sub(rule.replacement, text)
    return text.strip(" ")


def clean_text(natural: str) -> str:
    """For search and de-duplication: lower case; letters, digits, @ and single spaces only."""
    return _CLEAN.sub(" ", natural.lower()).strip(" ")


def rules_sha256() -> str:
    """Digest of the rules; a model folder carries it and the server refuses another one."""
    spoken = repr((NATURAL_RULES, CLEAN_PATTERN_JAVA, _CLEAN.pattern))
    return hashlib.sha256(spoken.encode()).hexdigest()
