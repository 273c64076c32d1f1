"""Raw rows typed by hand, and what the stage makes of them with texts cut at 200 characters."""

from datetime import UTC, datetime

T, TIME = "Tue Oct 31 22:10:47 +0000 2017", datetime(2017, 10, 31, 22, 10, 47, tzinfo=UTC)
NAMES = ("tweet_id", "author_id", "inbound", "created_at", "text", "in_response_to_tweet_id")
RAW = [
    ("1", "115", "True", T,
     "@TeaShop my kettle isn't here yet &amp; it was due Monday https://x.example/k", ""),
    ("2", "TeaShop", "False", T, "@115 Sorry! Write to help@teashop.example 😀", "1"),
    ("3", "115", "True", "Wed Nov 01 00:30:00 +0530 2017", "@TeaShop it is 12345", "2"),
    ("4", "TeaShop", "False", T, "@115 Found it, it leaves today.", "3"),
    ("5", "200", "True", "2017-11-02T08:00:00Z",
     "¿Dónde está mi pedido? Llevo dos semanas esperando la tetera", ""),
    ("6", "201", "True", T, "@unknownshop hello", ""),
    ("7", "202", "True", T, "I asked @TeaShop and @bikebarn, who can help me please?", ""),
    ("8", "BikeBarn", "False", T, "@202 We can, tell us more.", "7"),
    ("9", "203", "True", T, "nobody knows where the 09:15 is", "7777"),
    ("10", "204", "True", T, "same here, it is still not working", "9"),
    ("11", "205", "True", T, 'two\nlines, "quoted" and the end', ""),
    ("12", "206", "True", T, "😀😀", ""),
    ("13", "207", "True", T, "@TeaShop @115", ""),
    ("14", "208", "True", T, "", ""),
    ("15", "209", "True", T, "   ", ""),
    ("16", "210", "True", "yesterday", "where is my order", ""),
    ("17", "211", "True", "", "", ""),
    ("1.8E+18", "212", "True", T, "this id cannot be read", ""),
    ("19", "213", "maybe", T, "nor can this flag", ""),
    ("1", "214", "True", T, "the same id again", ""),
    ("21", "215", "True", T, "https://x.example/only", ""),
    ("22", "TeaShop", "False", T, "@207 How can we help?", "13"),
    ("23", "TeaShop", "False", T, "We open at nine", ""),
    ("24", "TeaShop", "False", T, "https://x.example/smile", "12"),
    ("25", "216", "True", T, "my card 4111 1111 1111 1111 was charged, call 020 7946 0000", ""),
    ("26.0", "217", "1", T, "Où est ma commande ? Je l'attends depuis trois semaines", "25.0"),
    ("27", "218", "true", T, "Где мой заказ, я жду его уже две недели", ""),
    ("28", "219", "True", T, "cafe\u0301 was closed and I want my money back", ""),
    ("29", "  ", "True", T, "thanks!", "4"),
    ("30", "220", "True", T, "is this thing on", "30"),
    ("31", "221", "True", T, "the queue is " + "very " * 60, ""),
]  # fmt: skip
FIELDS = ("tweet_id", "author_id", "created_at", "brand", "conversation_id", "is_opener", "text",
          "clean_text", "lang", "id", "inbound", "in_response_to_tweet_id")  # fmt: skip
_MESSAGES = [
    (1, "115", TIME, "TeaShop", 1, True, "@brand my kettle isn't here yet & it was due Monday",
     "@brand my kettle isn t here yet it was due monday", "en"),
    (3, "115", datetime(2017, 10, 31, 19, 0, tzinfo=UTC), "TeaShop", 1, False,
     "@brand it is 12345", "@brand it is 12345", "en"),
    (5, "200", datetime(2017, 11, 2, 8, 0, tzinfo=UTC), None, 5, True,
     "¿Dónde está mi pedido? Llevo dos semanas esperando la tetera",
     "dónde está mi pedido llevo dos semanas esperando la tetera", "es"),
    (6, "201", TIME, None, 6, True, "@brand hello", "@brand hello", "en"),
    (7, "202", TIME, "BikeBarn", 7, True, "I asked @brand and @brand, who can help me please?",
     "i asked @brand and @brand who can help me please", "en"),
    (9, "203", TIME, None, 7777, False, "nobody knows where the 09:15 is",
     "nobody knows where the 09 15 is", "en"),
    (10, "204", TIME, None, 7777, False, "same here, it is still not working",
     "same here it is still not working", "en"),
    (11, "205", TIME, None, 11, True, 'two lines, "quoted" and the end',
     "two lines quoted and the end", "en"),
    (12, "206", TIME, "TeaShop", 12, True, "😀😀", "", None),
    (25, "216", TIME, None, 25, True, "my card [card] was charged, call [phone]",
     "my card card was charged call phone", "en"),
    (26, "217", TIME, None, 25, False, "Où est ma commande ? Je l'attends depuis trois semaines",
     "où est ma commande je l attends depuis trois semaines", "fr"),
    (27, "218", TIME, None, 27, True, "Где мой заказ, я жду его уже две недели",
     "где мой заказ я жду его уже две недели", "ru"),
    (28, "219", TIME, None, 28, True, "caf\u00e9 was closed and I want my money back",
     "caf\u00e9 was closed and i want my money back", "en"),
    (29, None, TIME, "TeaShop", 1, False, "thanks!", "thanks", "en"),
    (30, "220", TIME, None, 30, True, "is this thing on", "is this thing on", "en"),
    (31, "221", TIME, None, 31, True, "the queue is " + "very " * 37 + "ve",
     "the queue is " + "very " * 37 + "ve", "en"),
]  # fmt: skip
# Columns of the source, as it writes them: the first row of each id.
CARRIED = {int(float(row[0])): (row[0], row[2], row[5]) for row in reversed(RAW)}
MESSAGES = [(*row, *CARRIED[row[0]]) for row in _MESSAGES]
REPLIES = [
    (1, "TeaShop", "@brand my kettle isn't here yet & it was due Monday",
     "@user Sorry! Write to [email] 😀"),
    (3, "TeaShop", "@brand it is 12345", "@user Found it, it leaves today."),
    (7, "BikeBarn", "I asked @brand and @brand, who can help me please?",
     "@user We can, tell us more."),
]  # fmt: skip
DROPPED = {
    "no readable tweet_id": 1,
    "no readable inbound flag": 1,
    "repeated tweet_id": 1,
    "outbound": 6,
    "no readable created_at": 2,
    "empty text": 2,
    "empty after cleaning": 2,
}
