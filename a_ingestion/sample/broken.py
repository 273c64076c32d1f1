"""Rows that a real dump also has and that landing must quarantine: five kinds, taken in turn."""

BROKEN_KINDS = ("too few columns", "too many columns", "bad byte", "nul", "bad id")
_FIRST = 137  # so that even a file of a few hundred rows holds one
_EVERY = 400
# Written with `surrogateescape`, this is the single byte 0xE9, which is no UTF-8.
_LATIN1_BYTE = "\udce9"


def is_broken_place(index: int) -> bool:
    """Whether the row at this place of the file (from 0) is a broken one."""
    return index % _EVERY == _FIRST


def count_broken(rows: int) -> int:
    """How many of the first `rows` rows are broken."""
    return len(range(_FIRST, rows, _EVERY))


def break_row(row: list[str], nth: int) -> list[str]:
    """Break a good row; `nth` (from 0) says in which of the five ways."""
    kind = BROKEN_KINDS[nth % len(BROKEN_KINDS)]
    tweet_id, text = row[0], row[4]
    middle = len(text) // 2
    if kind == "too few columns":
        return row[:5]
    if kind == "too many columns":
        return [*row[:4], text[:middle], text[middle:], *row[5:]]
    if kind == "bad byte":
        return [*row[:4], text[:middle] + _LATIN1_BYTE + text[middle:], *row[5:]]
    if kind == "nul":
        return [*row[:4], text[:middle] + "\x00" + text[middle:], *row[5:]]
    return [f"id{tweet_id}x", *row[1:]]
