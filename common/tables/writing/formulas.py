"""Which cells of a CSV a spreadsheet program would run, and how they are kept from it.

Excel runs a cell that starts with =, one whose + or - goes on as an expression, and one that
starts with @ and the call of a function. LibreOffice runs = alone. Full-width signs count as signs.
Blanks, quotes and marks of width zero before the sign are passed over, since some ways into a
spreadsheet drop them. Numbers, phone numbers, handles and lists start with the same signs:

    run        =1+1   -1+cmd   +A1   -SUM(B1)   +cmd|' /C calc'!A0   @SUM(1;2)
    not run    -12.50   1e5   +44 20 7946 0000   -   - I was charged twice   @115712 my parcel

A cell that would be run gets an apostrophe before it. A cell that starts with one is not run, so
none gets two. The patterns are written in what Python and JavaScript (flag u) share.
"""

import re

# What goes between the square brackets of a class; of a sign's "-" the last place.
_BLANK = "\\x00-\\x20\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
_SIGN = "+\uff0b\uff0d-"
_OPERATOR = f"*/^&<>=\uff1d{_SIGN}"
_MARK = "\"'(),:;!?|\uff08"

_NAME = f"[^{_MARK}0-9{_BLANK}{_OPERATOR}][^{_MARK}{_BLANK}{_OPERATOR}]*"
_OPERAND = f"[^{_BLANK}{_OPERATOR}]+"
_SUM = f"{_OPERAND}(?:[{_BLANK}]*[{_OPERATOR}][{_BLANK}{_OPERATOR}]*{_OPERAND})+"
_CELL = r"\(*\$?[A-Za-z]{1,3}\$?[0-9]{1,7}(?::\$?[A-Za-z]{1,3}\$?[0-9]{1,7})?[)%]*"
_CALL = "[A-Za-z_.\u0080-\U0010ffff][0-9]{0,4}[(\uff08]"
_OTHER_SHEET = "[^ \\n]![A-Za-z_$#]"
_OTHER_PROGRAM = "\\| *'|\\|[^|]*![A-Za-z_$#']"  # cmd|'/C calc'!A0

FORMULA = (
    f'^[{_BLANK}"]*(?:'
    "[=\uff1d]"
    f"|[@\uff20{_SIGN}][{_BLANK}{_SIGN}]*{_NAME} *[(\uff08]"
    f"|[@\uff20{_SIGN}][\\s\\S]*?(?:{_OTHER_PROGRAM})"
    f"|[{_SIGN}][\\s\\S]*?(?:{_CALL}|{_OTHER_SHEET})"
    f"|[{_SIGN}][{_BLANK}{_SIGN}]*(?:{_SUM}|{_CELL})[{_BLANK}]*$"
    ")"
)
# What FORMULA takes for a sum: a number with an exponent, a phone number.
NUMBER = (
    f"^[{_BLANK}]*(?:"
    "[+-]?[0-9.,]+[eE][+-]?[0-9]+"
    r"|\+(?:[ ()./-]*[0-9]){7,15}[ )]*"
    f")[{_BLANK}]*$"
)
_FORMULA, _NUMBER = re.compile(FORMULA), re.compile(NUMBER)


def harmless(value: str) -> str:
    """The value, with an apostrophe before it where a spreadsheet would run it."""
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.match(value) else value


def unmarked(value: str) -> str:
    """The value without the apostrophe that `harmless` gives, where it has one."""
    bare = value.removeprefix("'")
    return bare if harmless(bare) == value else value
