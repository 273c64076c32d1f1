"""Names that something on the way takes for more than a name: files, folders and columns."""

FILES = (
    "[q1]", "{a,b}", "a?b", "a*b", "q #1", "12:30 run", "%41 100%", "a&b=c;d+e", "$x `y` $(z)",
    "'s", '"d"', "a\\b", " both ends ", "new\nline", "-dash", "~", "file:x", "é 日本", "a.b",
    "é [q1] {a,b} #1 a?b 12:30 $x 'y' %41",
)  # fmt: skip
COLUMNS = (
    "ticket.message", "0", "Message: body", "12:30", "null", "yes", "#1", " both ends ", "a`b",
    "`q`", "a.`b`.c", "", "*", "a[0]", "x,y;z{}()=\t\n", "'s \"d\"", "TEXT", "é 日本", "_metadata",
)  # fmt: skip
