"""What a page says about itself instead of news: paywalls, cookies, scripts."""

import re

_NOTICES = (
    (
        "paywall notice",
        r"subscribe (?:now |today )?to (?:continue|keep) reading|to continue reading|already a "
        r"subscriber|(?:log|sign) in to (?:read|continue)|for subscribers only|unlock this article|"
        r"free articles? (?:left|remaining|this month)|subscription (?:is )?required",
    ),
    (
        "cookie notice",
        r"\b(?:we|site|website|page|partners) uses? (?:[\w,]+ ){0,4}cookies|use of cookies|"
        r"\b(?:accept|reject|manage) (?:all |our )?cookies|cookie (?:policy|settings|preferences)",
    ),
    (
        "script notice",
        r"(?:enable|turn on|requires?|disabled) javascript|javascript (?:is|to be) "
        r"(?:disabled|enabled|required|not)",
    ),
)
NOTICE_WORDS = ("ookie", "avaScript", "avascript", "ubscri", "ntinue read", "n to continue")
"""Stretches one of which nearly every notice has: found far faster than a pattern."""
_NOTICE = re.compile("|".join(f"({pattern})" for _, pattern in _NOTICES), re.IGNORECASE)


def notice_of(text: str) -> str:
    """Return which notice a text is: of a paywall, of cookies, of scripts; else empty."""
    match = _NOTICE.search(text)
    return _NOTICES[(match.lastindex or 1) - 1][0] if match else ""
