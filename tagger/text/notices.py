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
_WORDS = ("cookie", "javascript", "subscri", "reading", "article", " in to ")
_NOTICE = re.compile("|".join(f"({pattern})" for _, pattern in _NOTICES), re.IGNORECASE)


def notice_of(text: str) -> str:
    """Return which notice a text is: of a paywall, of cookies, of scripts; else empty."""
    low = text.lower()
    for word in _WORDS:  # found far faster than a pattern, and few texts have one
        if word in low:
            match = _NOTICE.search(text)
            return _NOTICES[(match.lastindex or 1) - 1][0] if match else ""
    return ""
