"""Conversations: one opening message becomes a thread of posts by the customer and the brand.

Out: a list of posts in the order in which they were written, so that cutting it short leaves every
post's parent in place. Parents are positions in that list, NO_PARENT, or DELETED for a message
that the file does not hold.
"""

from collections.abc import Callable
from typing import NamedTuple

from a_ingestion.sample.answers import first_answer, later_answer, signature
from a_ingestion.sample.grammar import Draw, Phrase
from a_ingestion.sample.openers import Opener, choose, draw_link, draw_mention
from a_ingestion.sample.phrasebook import Brand, Phrasebook
from a_ingestion.sample.voice import draw_voice, encode_entities, speak

NO_PARENT = -1
DELETED = -2
MAX_POSTS = 48

_BROADCAST_SHARE = 0.02
_ORPHAN_SHARE = 0.012
_CYCLE_SHARE = 0.0008
_ANSWERED_SHARE = {"chat": 0.72, "fan": 0.8, "fragment": 0.6, "tag": 0.4}
_LONG_SHARE = 0.012


class Post(NamedTuple):
    """One message of a thread."""

    author: str
    is_inbound: bool
    parent: int
    wait_s: int  # seconds since the post before it
    text: str
    label: str | None = None  # the intent, for customers' opening messages only


def draw_thread(
    book: Phrasebook, draw: Draw, *, opener: Opener, next_author: Callable[[], str]
) -> list[Post]:
    """Write one conversation, at most MAX_POSTS long."""
    kind = draw()
    if kind < _CYCLE_SHARE:
        return _cycle(book, draw, opener, next_author)
    if kind < _CYCLE_SHARE + _ORPHAN_SHARE:
        return _orphan(book, draw, opener, next_author)
    if kind < _CYCLE_SHARE + _ORPHAN_SHARE + _BROADCAST_SHARE:
        return _broadcast(book, draw, opener.brand, next_author)
    return _dialogue(book, draw, opener, next_author)


def _dialogue(
    book: Phrasebook, draw: Draw, opener: Opener, next_author: Callable[[], str]
) -> list[Post]:
    """Opener, answers and follow-ups, with side branches here and there."""
    sector = book.sectors[opener.brand.sector]
    customer = next_author()
    posts = [Post(customer, True, NO_PARENT, 0, opener.text, opener.label)]
    last = 0  # the customer's post that the brand answers next
    if draw() < 0.07:
        posts.append(_follow(sector.addition, opener, customer, 0, draw, wait_s=300, mention=False))
        last = 1 if draw() < 0.5 else 0
    if draw() < 0.06:
        posts.append(_follow(sector.bystander, opener, next_author(), 0, draw, wait_s=2400))
    if draw() >= _ANSWERED_SHARE.get(opener.mood, 0.95):
        return posts
    is_long = draw() < _LONG_SHARE
    keeps_on = 0.94 if is_long else 0.52
    is_first, is_last = True, False
    while len(posts) < MAX_POSTS:
        if is_first:
            text = first_answer(opener, sector, draw)
        else:
            text = later_answer(opener, sector, draw, is_last=is_last)
        posts.append(_answer(opener.brand, posts[last].author, last, text, draw))
        answered = len(posts) - 1
        if draw() < 0.04:
            text = later_answer(opener, sector, draw, is_last=False)
            posts.append(_answer(opener.brand, posts[last].author, last, text, draw))
        if is_last or draw() >= keeps_on:
            break
        is_first = False
        is_last = draw() < (0.06 if is_long else 0.4)
        lines = sector.thanks if is_last else sector.followups[opener.label]
        posts.append(_follow(lines, opener, customer, answered, draw, wait_s=3000))
        last = len(posts) - 1
        if draw() < 0.06:
            posts.append(_follow(sector.addition, opener, customer, answered, draw, wait_s=200))
        if not is_long and draw() < (0.5 if is_last else 0.2):
            break
    return posts


def _broadcast(
    book: Phrasebook, draw: Draw, brand: Brand, next_author: Callable[[], str]
) -> list[Post]:
    """A brand's own post that several customers answer."""
    sector = book.sectors[brand.sector]
    facts = {"cur": brand.currency, "name": brand.name, "brand": brand.name}
    text = choose(sector.announcements, draw).fill(draw, facts) + signature(brand.sign, draw)
    if draw() < 0.5:
        text += " " + draw_link(draw)
    posts = [Post(brand.handle, False, NO_PARENT, 0, encode_entities(text))]
    for _ in range(int(draw() * draw() * 9)):
        mood = "fan" if draw() < 0.5 else "chat"
        lines = sector.openers["other"][mood]
        words = choose(lines, draw).fill(draw, facts)
        reply = speak([words], draw_voice(draw), mood=mood, draw=draw)
        text = encode_entities(f"@{brand.handle} {reply}")
        posts.append(Post(next_author(), True, 0, 1 + int(draw() * 4000), text))
    return posts


def _orphan(
    book: Phrasebook, draw: Draw, opener: Opener, next_author: Callable[[], str]
) -> list[Post]:
    """A customer's follow-up to a message that is not in the file, and its answer."""
    sector = book.sectors[opener.brand.sector]
    post = _follow(sector.followups[opener.label], opener, next_author(), DELETED, draw, wait_s=60)
    text = later_answer(opener, sector, draw, is_last=False)
    return [post, _answer(opener.brand, post.author, 0, text, draw)]


def _cycle(
    book: Phrasebook, draw: Draw, opener: Opener, next_author: Callable[[], str]
) -> list[Post]:
    """Posts that answer one another in a ring of one, two or three; the real source has such."""
    sector = book.sectors[opener.brand.sector]
    customer, size = next_author(), 1 + int(draw() * 3)
    ring = [_follow(sector.followups[opener.label], opener, customer, size - 1, draw, wait_s=60)]
    for at in range(1, size):
        text = later_answer(opener, sector, draw, is_last=False)
        ring.append(_answer(opener.brand, customer, at - 1, text, draw))
    return ring


def _answer(brand: Brand, to: str, parent: int, text: str, draw: Draw) -> Post:
    wait_s = 90 + int(draw() * draw() * 16_000)
    return Post(brand.handle, False, parent, wait_s, f"@{to} {text}")


def _follow(
    lines: list[Phrase],
    opener: Opener,
    author: str,
    parent: int,
    draw: Draw,
    *,
    wait_s: int,
    mention: bool = True,
) -> Post:
    """A customer's further message; `wait_s` is the longest wait before it."""
    words = choose(lines, draw).fill(draw, opener.facts)
    mood = opener.mood if opener.mood in ("upset", "asking", "pleased") else "fun"
    text = encode_entities(speak([words], opener.voice, mood=mood, draw=draw))
    if mention:
        text = f"{draw_mention(opener.brand, draw)} {text}"
    if draw() < 0.06:
        text += " " + draw_link(draw)
    return Post(author, True, parent, 20 + int(draw() * wait_s), text)
