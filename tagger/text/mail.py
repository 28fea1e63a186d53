"""What an e-mail says that is not its message: greetings, signatures, what it answers.

Each part is a range of characters and a word for what it is.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import groupby

Part = tuple[int, int, str]
# The longer patterns wait until used, which spares it to all who read no mail.
_compiled = cache(re.compile)
_LINE = re.compile(r"[^\n]+")
_QUOTED = re.compile(r"[ \t]{0,3}>")
_MOST_INTRO_LINES = 3  # on which mail programs break who wrote when
_INTRO = re.compile(
    r"(?=.{0,200}(?:\d:\d\d|\b\d{4}\b|@))(?:On|Am|Le|El|Il|Op|Em|Den)\b.{5,200}?"
    r"\b(?:wrote|schrieb[^:]{0,80}|a écrit|escribió|ha scritto|schreef|escreveu|skrev)\s?:"
)
_ORIGINAL = (
    r"(?i)[-_ ]*(?:Original (?:Message|Appointment)|Ursprüngliche Nachricht|Forwarded message"
    r"|Begin forwarded message:)[-_ ]*"
)
_HEADER = re.compile(
    r"\*?(?:From|Sent|To|Cc|Bcc|Date|Subject|Reply-To|Von|Gesendet|An|Betreff|De)\s?:.*"
)
_FIRST_HEADER = re.compile(r"\*?(?:From|Von|De)\s?:\*?\s")
_HEADS = (_ORIGINAL, _HEADER, _INTRO)
_GREETING = (
    r"(?i)(?:(?:dear|hi|hello|hey|greetings|good (?:morning|afternoon|evening|day)"
    r"|to whom it may concern|sehr geehrte\w?|liebe[rs]?|hallo|bonjour|ch[eè]re?s?"
    r"|estimad[oa]s?|hola)\b[^.!?\n]{0,60}[,:;!]?"
    r"|[^\W\d_][\w.'’-]*(?: (?:and|&|[^\W\d_][\w.'’-]*)){0,3},)"
)
_CLOSING = (
    r"(?i)(?:(?:with |my )?(?:(?:best|kind(?:est)?|warm(?:est)?|many|sincere|good) )*"
    r"(?:regards|wishes)"
    r"|(?:many |kind )?thanks(?: (?:again|so much|in advance))?|thank you(?: very much)?|thx|best"
    r"|all the best|cheers|take care|(?:yours )?(?:sincerely|truly|faithfully|respectfully)"
    r"|(?:respectfully|sincerely|very truly) yours|yours|cordially|love"
    r"|(?:mit )?(?:freundlichen|besten|viele|liebe|herzliche) gr(?:ü|ue)(?:ß|ss)en?"
    r"|(?:bien )?cordialement|saludos(?: cordiales)?|atentamente)[ \t]*[,.!]?"
)
_CONTACT = (
    r"(?i)(?:(?:tel|phone|telephone|mobile|cell|fax|office|direct|[tmpfo])\b[.:]?\s*)?\+?[\d\s()./-]{7,30}"
    r"(?:\s?(?:ext|x)\.?\s?\d+)?"
    r"|Sent (?:from|via) (?:my|the|Mail|Yahoo)\b.{0,60}|Get Outlook for .{0,30}"
    r"|(?:e-?mail|web|www|tel|phone|mobile|fax|skype|twitter)\s?:.{0,80}"
)
_NOTICE = (
    r"(?i)(?:(?:this|the information (?:contained )?in this|any views in this"
    r"|if you (?:have received|are not the intended))\b.{0,60}"
    r"\b(?:e-?mail|message|communication|recipient)\b.{0,200}"
    r"\b(?:confidential|intended|privileged|in error|recipient)"
    r"|(?:caution|warning|external)\b.{0,20}\be-?mail\b.{0,40}\b(?:outside|external)"
    r"|please consider the environment before printing)"
)
_FOOTER = (  # as mailing lists add it
    r"(?i)_{20,}\s{1,9}(?:.{0,200}\n)?.{0,200}\b(?:mailing list|unsubscribe)\b"
    r"|you(?:['’]re| are| have)? receiv(?:ed|ing) this (?:e-?mail|mail|message|newsletter)\b"
    r".{0,60} because you(?:['’]re| are)? subscri"
)
_POSTSCRIPT = re.compile(r"P\.? ?S\.?\b")
_MOST_SIGNED, _LONGEST_SIGNED = 12, 80


def quotations(text: str) -> list[Part]:
    """Return the stretches of any text that are quoted as mail programs do, with a > on lines.

    One such line alone may say that something is greater, unless who wrote it stands before.
    """
    if not text.startswith(">") and "\n>" not in text:
        return []
    lines = _lines(text)
    return _ranges(lines, _quoted(text, lines))


def parts(text: str) -> list[Part]:
    """Return the parts of the text of an e-mail that are not its message, in order.

    What it answers is a quotation; of a mail that says nothing itself, as when one is passed
    on, that is the message.
    """
    lines = _lines(text)
    shown = [text[start:end].strip() for start, end in lines]
    what = _quoted(text, lines)
    first = 0
    while first < len(lines):
        end = _answered(shown, what, first)
        if end > first and not what[first] and _compiled(_GREETING).fullmatch(shown[first]):
            what[first] = "greeting"
        _sign(text, lines, what, range(first, end))
        for i in range(first, end):
            if not what[i] and _compiled(_CONTACT).fullmatch(shown[i]):
                what[i] = "signature"
            elif not what[i] and _compiled(_NOTICE).match(shown[i]):
                what[i] = "notice"
        if any(not what[i] and any(map(str.isalpha, shown[i])) for i in range(first, end)):
            what[end:] = ["quotation"] * (len(lines) - end)
            break
        first = end
        while first < len(lines) and any(re.fullmatch(form, shown[first]) for form in _HEADS):
            what[first] = "mail header"
            first += 1
        first = max(first, end + 1)
    return _ranges(lines, what)


def _lines(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _LINE.finditer(text) if match[0].strip()]


def _ranges(lines: Sequence[tuple[int, int]], what: Sequence[str]) -> list[Part]:
    """Return what lines are, those in a row that are the same as one."""
    groups = ((name, [*own]) for name, own in groupby(range(len(lines)), key=what.__getitem__))
    return [(lines[own[0]][0], lines[own[-1]][1], name) for name, own in groups if name]


def _quoted(text: str, lines: Sequence[tuple[int, int]]) -> list[str]:
    """Return of each line that it is a quotation, or nothing."""
    marked = [_QUOTED.match(text, *line) is not None for line in lines]
    what = [""] * len(lines)
    at = 0
    for is_quoted, group in groupby(marked):
        n = len(list(group))
        if is_quoted:
            starts = (at - k for k in range(1, _MOST_INTRO_LINES + 1) if k <= at)
            intro = next((k for k in starts if _is_intro(text[lines[k][0] : lines[at - 1][1]])), at)
            if n > 1 or intro < at:
                what[intro : at + n] = ["quotation"] * (at + n - intro)
        at += n
    return what


def _is_intro(stretch: str) -> bool:
    return _INTRO.fullmatch(" ".join(stretch[:1000].split())) is not None


def _answered(shown: Sequence[str], what: Sequence[str], first: int) -> int:
    """Return the line at which a mail begins that is answered or passed on, without marks."""
    for i in range(first, len(shown)):
        if what[i]:
            continue
        heads = map(_HEADER.match, shown[i + 1 : i + 5])
        if (
            _compiled(_ORIGINAL).fullmatch(shown[i])
            or (_FIRST_HEADER.match(shown[i]) and sum(map(bool, heads)) > 1)
            or any(_is_intro(" ".join(shown[i : i + 1 + n])) for n in range(_MOST_INTRO_LINES))
        ):
            return i
    return len(shown)


def _sign(text: str, lines: Sequence[tuple[int, int]], what: list[str], own: range) -> None:
    """Mark signatures: two dashes or a list's footer on, or a closing phrase with short lines."""
    at = own.start
    while at < own.stop:
        line = text[slice(*lines[at])]
        near = own.start < at and own.stop - at <= _MOST_SIGNED
        footer = near and _compiled(_FOOTER).match(text, lines[at][0])
        sure = line.rstrip("\r") == "-- "
        closes = at > own.start and _compiled(_CLOSING).fullmatch(line.strip())
        first, at = at, at + 1
        if what[first] or not (sure or footer or line.strip() == "--" or closes):
            continue
        while at < own.stop and not what[at]:
            line = text[slice(*lines[at])].strip()
            says = line[-1] in ".!?" and len(line.split()) > 4
            long = len(line) > _LONGEST_SIGNED or at - first > _MOST_SIGNED
            part = sure or (footer and ("@" in line or "//" in line))
            if _POSTSCRIPT.match(line) or (not part and (says or long)):
                break
            at += 1
        what[first:at] = ["signature"] * (at - first)
