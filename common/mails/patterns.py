"""What programs and people write around a mail's own words, in the languages of Western Europe."""

import re

_LINE = re.IGNORECASE | re.MULTILINE


def _any(*words: str) -> str:
    return f"(?:{'|'.join(words)})"


_ORIGINAL = _any(
    "original (?:message|appointment)", "urspr(?:ü|ue)ngliche nachricht", "original-?nachricht",
    "message d.origine", "message original", "mensaje original", "messaggio originale",
    "mensagem original", "oorspronkelijk bericht", "ursprungligt meddelande",
    "wiadomość oryginalna",
)  # fmt: skip
_DASHED = rf"-{{2,}}[ \t]*{_ORIGINAL}[ \t]*-{{2,}}"
FORWARDED = _any(
    "forwarded (?:message|by .{1,60})", "weitergeleitete nachricht", "message transféré",
    "mensaje reenviado", "messaggio inoltrato", "mensagem encaminhada", "doorgestuurd bericht",
)  # fmt: skip
_FORWARDED_BY_APPLE = _any(
    "begin forwarded message", "anfang der weitergeleiteten (?:nachricht|e-mail)",
    "début du message (?:réexpédié|transféré)", "inicio del mensaje reenviado",
)  # fmt: skip
FORWARD = re.compile(
    rf"^[ \t>]*(?:-{{2,}}[ \t]*{FORWARDED}[ \t]*-{{2,}}|{_FORWARDED_BY_APPLE}[ \t]?:)[ \t]*$", _LINE
)

# The head of a mail: From: … and at least two more fields (a long list of addressees may wrap).
_FROM = _any("from", "von", "de", "da", "van", "från", "fra", "od")
_FIELD = _any(
    _FROM, "sent", "date", "to", "cc", "bcc", "subject", "reply-to", "importance", "attachments",
    "gesendet", "datum", "an", "betreff", "antwort an", "envoyé", "à", "objet", "enviado(?: el)?",
    "fecha", "para", "asunto", "inviato", "data", "a", "oggetto", "enviada(?: em)?", "assunto",
    "verzonden", "aan", "onderwerp", "skickat", "till", "ämne", "wysłano", "do", "temat",
)  # fmt: skip
_FIELD_LINE = rf"[ \t>*]*{_FIELD}[ \t]?\*?[ \t]?:.*"
HEAD = re.compile(rf"\A\s*(?:{_FIELD_LINE}(?:\n|\Z))+", re.IGNORECASE)
HEADER = re.compile(
    r"^(?:[ \t>]*_{5,}\s*\n)?"
    rf"[ \t>*]*{_FROM}[ \t]?\*?[ \t]?:.*\S.*(?:\n[ \t>]*(?:(?!\s).*)?){{0,2}}?\n{_FIELD_LINE}"
    rf"(?:\n[ \t>]*)?\n?{_FIELD_LINE}(?:\n{_FIELD_LINE})*",
    _LINE,
)
# Below these lines stands another mail.
ABOVE = re.compile(
    rf"^[ \t>]*(?:{_DASHED}|#{{2,}}-.{{5,120}}-#{{2,}}"
    r"|-*[ \t]*(?:please )?(?:type your )?reply above this line[ \t.]*-*)[ \t]*$",
    _LINE,
)

# "On 3 Jan 2024, X wrote:" over up to three lines; a date or an address is in it.
_ON = _any("on", "am", "le", "el", "il", "em", "op", "den", "dnia", "w dniu")
_WROTE = _any(
    "wrote", "writes", "schrieb", "a écrit", "escribió", "ha scritto", "escreveu", "schreef",
    "skrev", r"napisał(?:\(a\)|a)?",
)  # fmt: skip
_ADDRESS = r"<[^\n<>@]{1,80}@[^\n<>]{1,80}>"
ATTRIBUTION = re.compile(
    rf"^[ \t>]*(?:{_ON}[ ,][^\n]{{0,200}}(?:\n[^\n]{{1,120}}){{0,2}}?[\s>]"
    rf"{_WROTE}(?:[ \t][^\n:]{{0,100}})?[ \t]?:"
    rf"|[^\n]{{0,100}}{_ADDRESS},?[ \t]*{_WROTE}[^\n:]{{0,60}}:"
    rf"|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}} [0-9]{{1,2}}:[0-9]{{2}}[^\n]{{0,60}}{_ADDRESS}:)[ \t]*$",
    _LINE,
)
QUOTED = re.compile(r"^[ \t]*>.*$", re.MULTILINE)

SIGNED = re.compile(r"^(?:--|—|–)[ \t]*$", re.MULTILINE)
_SENT_FROM = _any(
    "sent (?:from|via|with)(?: my)?", "von meinem", "gesendet (?:von|mit)(?: meinem| der)?",
    "envoyé (?:de|depuis|à partir de)(?: mon)?", "enviado (?:desde|do)(?: mi| meu)?",
    "inviato da(?:l mio)?", "verzonden vanaf mijn",
)  # fmt: skip
DEVICE = re.compile(
    rf"^[ \t]*(?:{_SENT_FROM} [\w +.-]{{2,50}}|get outlook for (?:ios|android)[^\n]{{0,40}})"
    r"[ \t.!]*(?:<[^\n<>]*>)?[ \t]*$",
    _LINE,
)
DISCLAIMER = re.compile(
    r"^[ \t*]*" + _any(
        r"this (?:e-?mail|message|communication)\b.{0,120}(?:confidential|intended|privileged)",
        "the information (?:contained )?in this (?:e-?mail|message)", "confidential(?:ity)? notice",
        "disclaimer:", "diese e-?mail.{0,60}(?:vertraulich|bestimmt)",
        r"ce (?:message|courriel|mail)\b.{0,100}confidentiel",
        r"este (?:correo|mensaje|e-?mail)\b.{0,100}confidencial",
        "please consider the environment before",
    ) + ".*",
    _LINE,
)  # fmt: skip
_GREETING = _any(
    r"(?:with |my |and )*(?:kind(?:est)?|best|warm(?:est)?|many)?[ \t]*(?:regards|wishes"
    "|greetings)",
    "(?:all the )?best", "sincerely(?: yours)?", "yours (?:sincerely|faithfully|truly)", "cheers",
    "respectfully", "thx",
    "(?:many |kind |best )?(?:thanks|thank you)(?: so much| very much| again| in advance"
    "| and (?:kind |best )?regards| for your (?:help|time|assistance|support))*",
    r"(?:mit )?(?:freundlichen?|besten?|vielen?|liebe[nr]?|herzlichen?|schönen?)[ \t]+"
    "(?:grü(?:ß|ss)(?:en?)?|gruß|dank(?: im voraus)?)", "mfg", "lg", "vg",
    "(?:bien )?cordialement", "bien à vous", "(?:sincères )?salutations", "merci(?: d'avance)?",
    "(?:un )?(?:cordial )?saludos?(?: cordiales)?", "atentamente",
    "(?:muchas )?gracias(?: de antemano)?", "(?:cordiali|distinti) saluti", "grazie",
    "atenciosamente", "obrigad[oa]", "met vriendelijke groet(?:en)?",
)  # fmt: skip
# A name may stand on the same line.
CLOSING = re.compile(
    rf"^[ \t]*{_GREETING}[ \t]*[,.!–-]*(?:[ \t]*(?-i:[A-ZÀ-Þ])[\w'.-]*){{0,3}}[ \t,.!]*$", _LINE
)
CONTACT = re.compile(r"@|://|www\.|^[ \t]*\w{1,8}\.?:|(?:[0-9][ ().-]{0,2}){7}")

# Where an export ran lines together, all after one of these is another mail.
_DAY = _any(
    "mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mo|di|mi|do|fr|sa",
    "so|lun|mer|jeu|ven|sam|dim|mié|jue|vie|sáb|dom",
)  # fmt: skip
ONE_LINE = re.compile(
    rf" (?:{_DASHED}|(?:_{{5,}} ?)?(?:from|von|de): .{{1,150}}? "
    r"(?:sent|date|gesendet|envoyé|enviado(?: el)?): .{1,150}? "
    r"(?:to|an|à|para|subject|betreff|objet|asunto): "
    rf"|{_ON},? (?:{_DAY}[a-zäéûí]{{0,7}}\.?|[0-9]{{1,4}})[ ,].{{0,150}}?"
    rf"(?:[0-9]:[0-9]|@|\[email\]).{{0,120}}? {_WROTE}\b.{{0,60}}?:(?: |$)).*",
    re.IGNORECASE,
)

# What mails have and messages of other kinds hardly do; tried by RE2 on columns.
MAIL = "(?im)" + "|".join((
    r"^[ \t]*>[ >]*\S", r"^--[ \t]*$", "-{2,} ?(?:original|forwarded) message ?-{2,}",
    "^(?:from|von|de): .*@", r"^(?:sent|gesendet|envoyé|enviado)[ \t]?: ", r"\bsent from my ",
    r"\b(?:wrote|a écrit|escribió)[ \xa0]?:[ \t]*$", r"^am .* schrieb .*:[ \t]*$",
    "gmail_|mso(?:normal|-)|schemas-microsoft|<div dir=.?ltr|type=.?cite|moz-(?:cite|sig)",
    "(?:^|>)(?:(?:kind|best|warm) regards|mit freundlichen grüßen|viele grüße|cordialement|saludos"
    r"|sincerely|regards),?[ \t]*(?:<|$)",
))  # fmt: skip
RULES = tuple(
    pattern.pattern
    for pattern in (FORWARD, HEAD, HEADER, ABOVE, ATTRIBUTION, QUOTED, SIGNED, DEVICE, DISCLAIMER,
                    CLOSING, CONTACT, ONE_LINE)
)  # fmt: skip
