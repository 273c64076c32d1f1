"""HTML to lines of text: what a reader sees, quickly, whatever was written."""

import time
from typing import Any

import pytest

from common.mails.markup import html_to_text, is_html
from common.text import TextRules, natural_text

HTML = {
    "<p>a</p><p>b</p>": "a b",
    "<P STYLE='x'>a<BR/>b": "a b",
    "I <b>love</b> it": "I love it",
    "a<br>b": "a b",
    "<div>a <a href='https://x.example'>link</a></div>": "a link",
    "<p>x <img src='u' alt='a picture'> y</p>": "x y",
    "<p>5 < 6 &amp; 7 &gt; 3, caf&eacute;&nbsp;au lait</p>": "5 < 6 & 7 > 3, café au lait",
    "<p>I <3 you, <user> of <jo@mail.example></p>": "I <3 you, <user> of <[email]>",
    "<p>Use &lt;p&gt; here</p>": "Use < p> here",
    "&lt;p&gt;escaped&lt;/p&gt;": "escaped",
    "&amp;lt;div dir=&quot;ltr&quot;&gt;twice&amp;lt;/div&gt;": "twice",
    "&lt;a href=&quot;https://x.example&quot;&gt;shop&lt;/a&gt; is late": "shop is late",
    "<table><tr><td>Order</td><td>12</td></tr><tr><td>late</td></tr></table>": "Order 12 late",
    "<ul><li>a<li>b</ul>c": "a b c",
    "<html><head><title>t</title><style>p {}</style></head><body>a</body></html>": "a",
    "<!DOCTYPE html><body>a<script>if (1 < 2) x()</script>b": "ab",
    "<p>a<o:p></o:p><o:p>&nbsp;</o:p></p><xml><w:View>Normal</w:View></xml>": "a",
    "<!--[if mso]><p>no</p><![endif]--><![if !mso]><p>a</p><![endif]>": "a",
    "<?xml:namespace prefix = o /><p>a</p>": "a",
    "<div style='display: none'>preview</div><p>a</p><p hidden>b</p>": "a",
    "<blockquote>quoted</blockquote><p>a</p>": "quoted a",
    "<pre>a\nb</pre>": "a b",
    "<select><option>a</option></select><textarea>b</textarea><p>c</p>": "a b c",
    # Broken: what can be seen of it is not lost.
    "<p>a<!-- b <p>c</p>": "a b c",
    "<p>a</p><style>p {margin: 0} q {x: y} b": "a b",
    "<p>a</p><style>p {margin: 0; col": "a",
    "<p>a</p><script>b": "a b",
    "<title>a <p>b</p>": "a b",
    "<p>a</b></i></div>b": "ab",
    "</p>a": "a",
    "<p>a <b": "a < b",
    "<p>a <a href='https://x.exam": "a",
    "<p>a <! b": "a <! b",
}
TEXT = [
    "a < b > c", "<3", "</3", "<user>", "<b>", "a <b and c", "<address>", "</sarcasm>", "1<br2",
    "x <p unclosed", "<-- here", "a <- b -> c", "if x<p then", "<jo@mail.example>", "< p >",
]  # fmt: skip
# A megabyte of each.
HOSTILE = {
    "open tags": "<div>" * 200_000,
    "tags closed by others": "<div><table></div></table>" * 40_000,
    "tags by turns": "<b><p>" * 160_000,
    "paragraphs": "<p>a</p>" * 120_000,
    "attributes": "<p " + " ".join(f"a{i}=1" for i in range(120_000)) + ">",
    "angles": "<p>" + "<" * 1_000_000,
    "broken tags": "<p>" + "<a b=" * 200_000,
    "comments": "<p>" + "<!--" * 250_000,
    "styles": "<p>" + "<style>" * 140_000,
    "braces": "<p><style>" + "{" * 1_000_000,
    "quotes": "<p>" + "> a\n" * 250_000,
    "attributions": "<p>" + "On 1 \n" * 160_000,
    "heads": "From: a\nTo: b\n" * 70_000,
    "thanks": "Thanks\nwhere is it\n" * 50_000,
    "blank lines": "\n" * 1_000_000,
    "entities": "&amp;" * 200_000 + "lt;p&gt;",
    "written breaks": "\\n" * 500_000,
    "one line": "a" + " on mon 1 " * 100_000,
}


@pytest.mark.parametrize(("raw", "natural"), HTML.items())
def test_html_is_read_as_text(raw: Any, natural: Any) -> None:
    read = TextRules().read(raw)
    assert read == (natural, True, False)
    assert natural_text(natural) == natural


@pytest.mark.parametrize("text", TEXT)
def test_what_is_no_html_stays(text: Any) -> None:
    assert not is_html(text)
    assert not TextRules().read(text).was_html


def test_lines_and_marks_of_quotes() -> None:
    markup = "<p>a</p><blockquote>b<br>c</blockquote>d<div class='gmail_signature'>e</div>"
    assert [line for line in html_to_text(markup).split("\n") if line] == ["a", "b", "c", "d", "e"]
    marked = html_to_text(markup, mark_quotes=True).split("\n")
    assert [line for line in marked if line] == ["a", "> b", "> c", "d", "> e"]


def test_a_quote_that_only_indents_bears_no_mark() -> None:
    markup = "<blockquote style='margin:0 0 0 40px;border:none'>a</blockquote>"
    assert html_to_text(markup, mark_quotes=True).strip() == "a"


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_megabyte_is_read_in_seconds_and_loses_nothing(kind: Any) -> None:
    started = time.process_time()
    natural = TextRules(cut_mail=True).natural(HOSTILE[kind] + "the end")
    assert time.process_time() - started < 10
    assert natural.endswith("the end")
