"""HTML to lines of text, by lexbor's HTML 5 parser (selectolax).

Styles, scripts, comments, pictures and what is not displayed go; blocks and <br> break lines. The
text of links stays. "a < b", "<3" and "<anything that HTML does not know>" are text.
"""

import re
from collections import Counter

import selectolax
from selectolax.lexbor import LexborHTMLParser, LexborNode

_BLOCK = (
    "address|article|aside|blockquote|body|br|caption|center|dd|details|div|dl|dt|fieldset|figure|"
    "footer|form|h[1-6]|head|header|hr|html|li|main|nav|ol|p|pre|section|table|tbody|tfoot|thead|"
    "tr|ul"
)
_KNOWN = (
    f"{_BLOCK}|a|abbr|acronym|audio|b|base|basefont|bdi|bdo|big|blink|button|canvas|cite|code|col|"
    "colgroup|data|datalist|del|dfn|dir|em|embed|figcaption|font|i|iframe|img|input|ins|kbd|label|"
    "legend|link|map|mark|meta|meter|nobr|noscript|object|option|output|picture|progress|q|rp|rt|"
    "ruby|s|samp|script|select|small|source|span|strike|strong|style|sub|summary|sup|svg|td|"
    "template|textarea|th|time|title|tt|u|var|video|wbr|xml"
)
# Tags that nobody types by chance: open ones of these names, or a closing one of any name.
_TELLING = (
    "blockquote|body|br|center|div|dl|font|h[1-6]|head|hr|html|img|li|meta|ol|p|pre|script|span|"
    "style|table|tbody|td|th|tr|ul"
)
_S = r"[ \t\r\n\f]"
# Tried by RE2 on columns too.
HTML = (
    rf"<(?:(?i:{_TELLING})(?:{_S}*/?>|{_S}+[A-Za-z][A-Za-z0-9:-]*{_S}*=)|/(?i:{_KNOWN}){_S}*>"
    rf"|(?i:a){_S}+(?i:href|name|target){_S}*=|!(?i:doctype{_S}+html))"
)
_HTML = re.compile(HTML, re.ASCII)
_HTML_TAG = re.compile(rf"<(?=/?(?:{_KNOWN})(?![\w-])|!doctype)", re.IGNORECASE | re.ASCII)
# What a parser would read as a tag and a reader would not: everything but whole tags that HTML
# knows, tags of Word (<o:p>), comments and declarations.
_NO_TAG = re.compile(
    rf"<(?!/?(?:{_KNOWN}|[ovwmux]\d?:\w+|st1:\w+)(?:[\s/][^<>]*)?>"
    rf"|(?:{_KNOWN}|[ovwmux]\d?:\w+|st1:\w+)\s[^<>=]*=|!--|!\[[^<>]*>|!doctype[^<>]*>|\?xml[^<>]*>)",
    re.IGNORECASE | re.ASCII,
)
_HOLLOW = re.compile(  # what hides its content from a reader of the tree
    r"</?(?:template|noscript|iframe|svg|select|textarea)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
_CSS_TAIL = re.compile(r"\A(?:[^{}<]*\{[^{}<]*(?:\}|\Z))+\s*\}*")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_INDENT = re.compile(r"border(?:-left)?\s*:\s*(?:none|0)", re.IGNORECASE)
# Classes and ids of what mail programs and help desks quote or sign.
_QUOTE = re.compile(
    r"(?:^|_)(?:gmail_signature|moz-signature|applemailsignature|ms-outlook-mobile-signature|"
    r"signature|protonmail_signature_block|yahoo_quoted|freshdesk_quote|"
    r"mail-editor-reference-message-container)$",
    re.IGNORECASE,
)
_DROPPED = frozenset(
    ("style", "script", "title", "xml", "img", "picture", "video", "audio", "object", "-comment")
)
_IS_BLOCK = re.compile(_BLOCK)
_BREAKS = re.compile(rf"<(?:{_BLOCK})(?![\w-])", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:]*)")
_ANY_TAG = re.compile(r"<!--.*?-->|<[/!?A-Za-z][^<>]*>", re.DOTALL)
_CLOSED_BY_NEXT = ("p", "li", "td", "tr", "th", "br", "img", "hr", "meta", "input", "link", "col")
# A parser's time grows with the square of how many tags are open, or attributes in one tag.
_DEEP, _MANY, _LONG = 1_000, 50_000, 4_000
RULES = (
    selectolax.__version__, HTML, _NO_TAG.pattern, _HOLLOW.pattern, _CSS_TAIL.pattern,
    _HIDDEN.pattern, _INDENT.pattern, _QUOTE.pattern, sorted(_DROPPED), 1,
)  # fmt: skip


def is_html(text: str) -> bool:
    """Whether there is a tag in it that nobody types by chance."""
    return _HTML.search(text) is not None


def html_to_text(markup: str, *, mark_quotes: bool = False) -> str:
    """The lines that a reader would see; a hostile document only has its tags cut out.

    A tag among what is to be read (``&lt;p&gt;``) gets a space: it is none when read once more.

    Args:
        markup: HTML, whole or in part; nothing that can be seen of a broken one is lost.
        mark_quotes: begin lines of quotes and signatures with ``>``, as mails without HTML do.
    """
    markup = _HOLLOW.sub(" ", _mend(markup))
    if _is_hostile(markup):
        return _ANY_TAG.sub(" ", markup)
    root = LexborHTMLParser(_NO_TAG.sub("&lt;", markup)).root
    if root is None:
        return ""
    # Where nothing else breaks lines, those of the source do.
    lines = _Lines(keep_breaks=_BREAKS.search(markup) is None, mark_quotes=mark_quotes)
    lines.read(root)
    return split_tags("\n".join(lines.lines))


def split_tags(text: str) -> str:
    """Put a space into each tag of HTML, so that it is text to whoever reads it again."""
    return _HTML_TAG.sub("< ", text)


class _Lines:
    """Lines of the text below a node. ``quotes`` and ``pre`` count the open elements of a kind."""

    def __init__(self, *, keep_breaks: bool, mark_quotes: bool) -> None:
        self.lines: list[str] = []
        self._line, self._depth = "", 0
        self._quotes, self._pre = 0, int(keep_breaks)
        self._mark = mark_quotes

    def read(self, root: LexborNode) -> None:
        """Enter and leave each node in order; no recursion, as trees may be deep."""
        waiting: list[LexborNode | tuple[str, bool]] = [root]
        while waiting:
            node = waiting.pop()
            if isinstance(node, tuple):
                self._leave(*node)
                continue
            if (after := node.next) is not None and node.mem_id != root.mem_id:
                waiting.append(after)
            tag = node.tag or ""
            if tag == "-text":
                self._add(node.text_content or "")
            elif tag not in _DROPPED and not _is_hidden(node):
                quoted = self._mark and _is_quote(node)
                self._enter(tag, quoted)
                waiting.append((tag, quoted))
                if (child := node.child) is not None:
                    waiting.append(child)
        self._break()

    def _enter(self, tag: str, quoted: bool) -> None:
        if _IS_BLOCK.fullmatch(tag) and (tag == "br" or self._line.strip()):
            self._break()
        elif tag in ("td", "th"):
            self._line += " "
        self._quotes += quoted
        self._pre += tag == "pre"

    def _leave(self, tag: str, quoted: bool) -> None:
        self._pre -= tag == "pre"
        if tag != "br" and _IS_BLOCK.fullmatch(tag) and self._line.strip():
            self._break()
        if tag == "p":
            self.lines.append("")
        self._quotes -= quoted

    def _add(self, text: str) -> None:
        if not self._pre:
            text = _SPACES.sub(" ", text)
        first, *others = text.split("\n")
        self._extend(first)
        for line in others:
            self._break()
            self._extend(line)

    def _extend(self, text: str) -> None:
        self._line += text
        if text.strip():
            self._depth = max(self._depth, self._quotes)

    def _break(self) -> None:
        self.lines.append("> " * self._depth + self._line.strip())
        self._line, self._depth = "", 0


def _mend(markup: str) -> str:
    """End comments, styles and scripts that nothing ends, lest they hide all that follows.

    The parser finds an end for all that opens before the last end, so only the tail is looked at.
    """
    markup = _mend_tail(markup, opened="<!--", closed="-->")
    for name in ("style", "script", "title"):
        markup = _mend_tail(markup, opened=rf"<{name}(?:\s[^<>]*)?>", closed=f"</{name}")
    return markup


def _mend_tail(markup: str, *, opened: str, closed: str) -> str:
    *_, last = (0, *(m.end() for m in re.finditer(closed, markup, re.IGNORECASE)))
    before, *opening = re.split(opened, markup[last:], flags=re.IGNORECASE)
    if not opening:
        return markup
    return " ".join([markup[:last] + before, *(_CSS_TAIL.sub(" ", text, 1) for text in opening)])


def _is_hostile(markup: str) -> bool:
    if markup.count("<") < _DEEP and len(markup) < _LONG:
        return False
    tags = _TAG.findall(markup)
    opened: Counter[str] = Counter()
    for slash, name in tags:
        opened[name.lower()] += -1 if slash else 1
    for name in _CLOSED_BY_NEXT:
        del opened[name]
    if len(tags) > _MANY or sum(n for n in opened.values() if n > 0) > _DEEP:
        return True
    return any(
        len(re.findall(r"[\s\"'/=]", p)) > _LONG for p in markup.split("<") if len(p) > _LONG
    )


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


def _is_quote(node: LexborNode) -> bool:
    attributes = node.attributes
    if node.tag == "blockquote":
        return not _INDENT.search(attributes.get("style") or "")
    marks = f"{attributes.get('class') or ''} {attributes.get('id') or ''}".split()
    return any(_QUOTE.search(mark) for mark in marks)
