"""What a page says about itself instead of news: paywalls, cookies, scripts."""

import re

_THE_STORY = (
    r"(?:this\ |the\ |our\ |your\ )?(?:full\ |rest\ of\ (?:this\ |the\ )|whole\ |entire\ )?"
    r"(?:article|story|stories|content|coverage|report)s?"
)
_NOTICES = (
    (
        "paywall notice",
        rf"""(?:\A|[.!?:]\s|\b(?:please|now|or)\ )
                (?:subscribe|register|(?:log|sign)\ ?(?:in|up))\b [^.!?]{{0,60}}
                \b(?:continue|keep|finish|read|reading|unlock|access|unlimited)\b
        | \b(?:to|and)\ (?:continue|keep|finish)\ reading\b
        | \bto\ (?:read|unlock|access|view)\ {_THE_STORY} [^.!?]{{0,40}}
                \b(?:subscri|log\ in|sign\ in|sign\ up|regist|account|trial|member)
        | \balready\ an?\ (?:\w+\ )?(?:subscriber|member) | \balready\ (?:subscribed|registered)\?
        | \b(?:for|to|by)\ (?:our\ )?(?:paid\ |paying\ )?(?:subscribers|members)\ only\b
        | \bsubscribers?[-\ ]only\b
        | \b(?:only|exclusively?)\ (?:available\ )?(?:for|to)\ (?:our\ )?(?:paid\ |paying\ )?
                subscribers\b
        | \bunlock\ {_THE_STORY}\b
        | \bfree\ (?:articles?|stories|story)\ (?:left|remaining|this\ (?:month|week))
        | \b(?:limit\ of|remaining|\d+|your\ last|no\ more)\ (?:free|complimentary)\ (?:
                articles?|stories|story)\b
        | \b(?:subscription|free\ account|registration)\ (?:is\ )?(?:required|needed)\b
        | \b(?:create|get|open)\ (?:a|your)\ free\ account\b
        | \bstart\ your\ (?:\w+\ )?(?:free\ )?trial\b | \bbecome\ a\ (?:paid\ )?subscriber\b""",
    ),
    (
        "cookie notice",
        r"""\b(?:we|site|website|page|app|partners|publisher|services?)
                (?:\ and\ (?:our|its|their)\ [\w\ ]{1,30})?(?:\ may|\ also)?
                \ (?:use|store|set|place)s?(?:\ and\ access)?\ (?:[\w,-]+\ ){0,5}cookies
        | \b(?:use|uses|usage|placement|storing)\ (?:of\ )?cookies
        | \b(?:accept|reject|manage|allow|decline|enable)\ (?:
                (?:all|our|optional|necessary|non-essential)\ )?cookies
        | \bcookie\ (?:policy|settings|preferences|consent|notice|banner|choices)
        | \bcookies\ (?:and|or)\ similar\ (?:technologies|methods)
        | \b(?:these|this\ site's|our)\ cookies\b""",
    ),
    (
        "script notice",
        r"""\b(?:enable|turn\ on|activate|requires?|needs?|disabled|without|supports?)\ javascript\b
        | \bjavascript\ (?:\w+\ )?(?:(?:is|to\ be|must\ be|has\ been)|(?:seem|appear)s\ to\ be)\ (?:
                \w+\ )?(?:disabled|enabled|required|needed|turned|off|not)\b
        | \byour\ browser\ (?:does\ not|doesn['’]t|is\ not|isn['’]t)\ support""",
    ),
)
NOTICE_WORDS = (
    *("ookie", "avaScript", "avascript", "your browser", "ubscri", "to continue", "eep reading"),
    *("og in", "ign in", "ign up", "nlock", "ree article", "ree stor", "ree account", "ree trial"),
)
"""Stretches one of which nearly every notice has: found far faster than a pattern."""
_NOTICE = re.compile("|".join(f"({pattern})" for _, pattern in _NOTICES), re.I | re.X)


def notice_of(text: str) -> str:
    """Return which notice a text is: of a paywall, of cookies, of scripts; else empty."""
    match = _NOTICE.search(text)
    return _NOTICES[(match.lastindex or 1) - 1][0] if match else ""
