"""What a page says about itself instead of news: paywalls, cookies, scripts.

A notice speaks as the page or to its reader, of a subscription, of cookies or of a browser.
A sentence that reports what others say or do of those is news.
"""

import re
from collections.abc import Iterator
from functools import cache

_STORY = r"(?:article|story|stories|content|coverage|page|post|piece|journalism|site)s?\b"
_READ = (
    rf"(?:(?:this|the|our|your|all|every|premium)\ (?:\w+\ ){{0,2}}{_STORY}"
    r"|\bread(?:ing)?\ (?:on|more|further|the\ (?:full|rest|whole)|it\ (?:all|in\ full)|in\ full)\b"
    r"|\b(?:continue|keep|finish|go\ on|before)\ reading\b"
    r"|\bto\ (?:unlock|view|continue(?=[.!,]|\Z))\b"
    r"|\b(?:full|unlimited|digital|complete|instant|premium|free)\ access\b|\bthe\ rest\ of\b"
    r"|\bread\ (?:this|our)\b)"
)
_ACCOUNT = (
    r"\b(?:subscrib\w+|subscriptions?|paywall|memberships?|become\ a\ (?:\w+\ ){0,2}member"
    r"|(?:log|logged|logging|sign|signed|signing)[ -]?(?:in|up|on)\b|(?:re-?)?regist(?:er|ered"
    r"|ering|ration)\b|(?:an?|your|free)\ (?:\w+\ ){0,2}(?:account|trial|plan|pass)\b"
    r"|(?:paying|paid)\ members|members[ -]only|join\ (?:now|us|today))\b"
)
_NOTICES = (
    (
        "paywall notice",
        rf"""{_ACCOUNT} [^\n]{{0,80}} {_READ} | {_READ} [^\n]{{0,80}} {_ACCOUNT}
        | \b(?:get|enjoy|for|want)\ (?:\w+\ )?(?:full|unlimited|premium)\ (?:digital\ )?access\b
        | (?:\balready|\bnot\ yet|\Anot)\ an?\ (?:\w+\ ){{0,2}}(?:subscriber|member)\b
        | \b(?:already|not\ yet)\ (?:subscribed|registered)\?
        | \A(?:already\ have|have|don['’]t\ have|no)\ an\ (?:\w+\ )?account\b
        | \b(?:reserved|exclusive(?:ly)?|available|only)\ (?:\w+\ )?(?:for|to)\ (?:our\ )?(?:\w+\ )?
                (?:subscribers|(?:paying|paid|registered)\ (?:members|users|readers))\b
        | \A(?:this|the\ rest)\b [^.]{{0,40}} \bfor\ (?:our\ )?(?:\w+\ )?(?:subscribers|members)\b
        | \b(?:subscribers?|members?)[-\ ]only\ {_STORY} | \Asubscribers?[-\ ]only\b
        | \b(?:this|our)\ (?:\w+\ )?{_STORY}\ (?:is|are)\ (?:\w+\ ){{0,3}}(?:premium|exclusive|free
                \ with|for\ (?:\w+\ )?members|to\ (?:subscribers|members)|behind\ (?:a|our
                |the)\ paywall)
        | \b(?:this|our)\ (?:\w+\ )?{_STORY}\ (?:is\ )?(?:\w+\ )?(?:exclusively|only)\ (?:\w+\ )?
                (?:to|for)\ (?:\w+\ )?members
        | \bthis\ is\ (?:an?\ )?(?:premium|subscriber|members?)\b [^.]{{0,20}} {_STORY}
        | \b(?:free|complimentary|monthly|metered|remaining|last)\ (?:articles?|stories|story)\b
                [^.]{{0,30}} \b(?:left|remain\w*|limit|this\ (?:month|week)|for\ (?:the
                |this)\ month)
        | \b(?:your|last|no\ more|limit\ of|\d+|one|two|three|of)\ (?:\w+\ )?(?:free
                |complimentary)\ (?:articles?|stories|story)\b
        | \b(?:monthly|free|your)\ (?:\w+\ )?(?:article|story|reading)\ limit\b
        | \byour\ (?:free\ trial|(?:current\ )?subscription(?!\ to\ th))\b
        | \b(?:choose|pick|select|see)\ (?:a|your|our)\ (?:\w+\ )?(?:plans?|subscription)\b
        | \b(?:subscription|free\ account|registration|log-?in)\ (?:is\ )?(?:required|needed)\b
        | \A(?:create|get|open)\ (?:a|your)\ (?:free\ )?account\b | \Aunlock\ (?:
                \w+\ ){{0,3}}{_STORY}
        | (?:\A|[.!:]\ )subscribe\ (?:now|today|and|for|from)\b | \bdigital\ subscription\b
        | \b(?:start|try|begin)\ (?:a|your)\ (?:\w+\ )?(?:free\ )?trial\b
        | \A(?:please\ )?(?:log|sign)\ in\ (?:or\ \w+(?:\ up)?\ )?to\ continue\b
        | \Ato\ continue,?\ (?:please\ )?{_ACCOUNT} | \Abecome\ a\ (?:paid\ )?subscriber\b
        | \Aread\ (?:it|this)\b [^\n]{{0,40}} \bfor\ free\b | \Awant\ to\ read\ more\b
        | \byour\ (?:free|complimentary)\ {_STORY}""",
    ),
    (
        "script notice",
        r"""\b(?:enable|turn\ on|switch\ on|activate|allow|requires?|needs?|disabled|without
                |supports?)\ (?:
                java\ ?script|js|scripts|scripting)\b
        | \bjava\ ?script\ (?:\w+\ )?(?:(?:is|to\ be|must\ be|has\ been|be|turned|switched)
                |(?:seem|appear)s\ to\ be)\ (?:\w+\ )?(?:disabled|enabled|required|needed|turned
                |switched|off|on|not|blocked|unavailable|available)\b
        | \bwith\ java\ ?script\ (?:on|off)\b | \ballow\ scripts\b
        | \bjava\ ?script\ (?:disabled|enabled|required|turned\ off)\b
        | \b(?:your|this|outdated|unsupported|another|modern|newer)\ (?:web\ )?browser\b(?!['’]s)
        | \b(?:checking|update|upgrade|change)\ your\ (?:web\ )?browser\b
        | \b(?:disable|turn\ off|pause|switch\ off|using|have|your)\ (?:
                \w+\ ){0,3}ad[-\ ]?block(?:er|ing)
        | \b(?:verify|confirm|prove|check|checking)\ (?:that\ |if\ )?you(?:['’]re|\ are)\ (?:
                a\ )?(?:human|not\ a\ robot)""",
    ),
    (
        "cookie notice",
        r"""\b(?:use|set|store|place|load|access|accept|reject|refuse|decline|manage|allow|enable
                |disable|block|choose|need|require|delete|consent\ to|agree\ to)s?\ (?:
                \w[\w-]*,?\ ){0,3}
                cookies\b
        | \b(?:use|uses|usage|using|placement|storing|setting|storage)\ (?:of\ )?(?:
                [\w-]+\ ){0,2}cookies
        | \b(?:your|our|the|change|manage|update|accept)\ cookie\ (?:
                polic|setting|preference|consent|notice|banner|choice|declaration|list)
        | \Acookie\ (?:polic|setting|preference|consent|notice|choice|declaration)
        | \bcookies\ (?:and|or)\ (?:other\ |similar\ )(?:technolog|method|tool|data|identifier
                |tracker)
        | \b(?:optional|necessary|essential|functional|analytics|marketing|third-party|rejected
                |accepted)\ cookies\b | \Acookies\ on\b
        | \b(?:these|this\ site['’]s|our|your|which|such\ as)\ cookies\b
        | \A(?:\w[\w-]*\ ){0,3}cookies\ (?:are\ (?:\w+\ ){0,3}(?:files|data|active|needed|used)
                |help|let|allow|enable|may\ be|remember|collect)\b
        | \b(?:we|us)\b [^\n]{0,120} \bcookies\b [^\n]{0,80} \b(?:device|data|site|advert|privacy
                |visit)
        | \bwe\ (?:value|respect|care\ about|take)\ your\ privacy\b
        | \byour\ privacy\ (?:is\ important|matters|choices|settings)
        | \bwe\ and\ (?:our|\d+)\ (?:\w+\ ){0,3}partners\b [^\n]{0,120} \b(?:data|information|device
                |identifiers)
        | \b(?:manage|save|update|confirm)\ (?:my|your)\ (?:privacy\ |consent\ )?(?:preferences
                |choices)\b
        | \A(?:accept|reject|agree\ to|allow)\ all\b.?\Z""",
    ),
)
_VOICE = r"""\b(?:you|your|you['’]\w+|we|we['’]\w+|our|us|my|please|this\ (?:web)?(?:site|page|app
            |article|browser|story|content|post|video|piece|is\ a|embedded)|javascript)\b
    | \b(?:now|or|and|then|[.!?:;,])\ (?:subscribe|register|log\ in|sign\ (?:in|up)|join|unlock)\b
    | \A\W{0,3}(?:accept|reject|allow|manage|save|confirm|agree|cookies?|third-party|strictly|some
            |[\w-]+\ cookies|i\ (?:agree|consent|accept)|subscri|regist|log|sign|join|get|start
            |try|unlock|choose|pick|purchase|buy|become|support
            |create|open|upgrade|enjoy|continue|keep|read|already|not\ yet|have|no|only
            |premium|exclusive|to\ (?:continue|keep|finish|read|unlock|view|access|see)|for\ full
            |want|access\ to|the\ rest|enable|turn|switch|activate|update|verify|checking
            |\w+\ required)"""
# What others said or did, or the writer of a column; a notice quotes nobody.
_NEWS = r"""
    \A\W{0,2}["“‘«„] | \b(?:he|she|i(?!\ (?:agree|consent|accept)\b)|his|her|him|hers|me|said
                |(?<!policy\ )says|say|told|tells|asked|added|wrote
            |writes|argued|argues|claims|claimed|announced|announces|according|reported|reportedly
            |ruled|fined|sued|court|judge|lawsuit|regulators?|watchdog|lawmakers|minister|ministry
            |police|president|senator|spokes\w+|researchers|study|survey|analysts?|critics|yesterday
            |last\ (?:year|month|week)|vote|voters?|percent|per\ cent|recipe|bake|oven
            |chocolate|eat|dough|developers?|programmers?)\b"""
_BY_STEM: dict[str, tuple[str, ...]] = {
    " a member": ("ome a member", "y a member"),
    " access": ("ree access", "remium access", "ted access", "ull access"),
    " account": ("n account", "r account", "ree account"),
    " browser": ("d browser", "odern browser", "r browser", "s browser"),
    " choices": ("our choices", "y choices"),
    " human": ("a human", "are human"),
    " partners": (" partners process", " partners store", " partners use", "ur partners"),
    " preferences": ("r preferences", "y preferences"),
    "cript": ("avaScript", "avascript", "e scripts", "r scripts", "w scripts"),
    "egist": (
        *("egister for", "egister now", "egister to", "egister with", "egistered?"),
        "egistration is",
    ),
    "embers": (
        *("aid members", "embers only", "embers-only", "ing members", "o members"),
        "r members",
    ),
    "lock": ("locker", "nlock t"),
    "read": ("eep reading", "read on"),
    "ree ": ("ree stor", "ree trial"),
    "remium ": ("remium content", "remium user"),
    "rticle": ("ree article", "remium article", "rticle limit", "rticles left", "this article"),
    "t all": ("ccept all", "eject all"),
}
for _word in (
    *("ead more", "ign in", "ign up", "igning in", "og in", "ogged in", "omplimentary", "ookie"),
    *("r privacy", "this content", "to continue", "ubscri"),
):
    _BY_STEM[_word] = (_word,)
"""Stretches one of which nearly every notice has, by a stem: found far faster than a pattern."""


def words_of_notices(text: str) -> Iterator[str]:
    """Yield the stretches of notices that a text has."""
    for stem, words in _BY_STEM.items():
        if stem in text:
            yield from (word for word in words if word in text)


_NOTICE = "|".join(f"({pattern})" for _, pattern in _NOTICES)
_SENTENCE = re.compile(r"\S.*?(?:[.!?]+(?=\s)|$)", re.MULTILINE)
_LONGEST = 400  # characters of a sentence of a notice


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern when it is first needed: few texts need any, and no start waits for it."""
    return re.compile(pattern, re.IGNORECASE | re.VERBOSE)


def notice_of(text: str) -> str:
    """Return which notice a text is: of a paywall, of cookies, of scripts; else empty.

    A paragraph is one where two thirds of it are, sentence by sentence; what else it says to
    its reader or of itself counts a quarter.
    """
    if not any(words_of_notices(text)):
        return ""
    name, balance = "", 0
    for match in _SENTENCE.finditer(text):
        sentence = match[0]
        if _compiled(_NEWS).search(sentence) or not _compiled(_VOICE).search(sentence):
            balance -= 4 * len(sentence)
        elif found := _sentence_notice(sentence):
            name = name or found
            balance += 2 * len(sentence)
        else:
            balance -= len(sentence)
    return name if balance >= 0 else ""


def _sentence_notice(sentence: str) -> str:
    if len(sentence) > _LONGEST or not any(words_of_notices(sentence)):
        return ""
    match = _compiled(_NOTICE).search(sentence)
    return _NOTICES[(match.lastindex or 1) - 1][0] if match else ""
