"""Whether a sentence ends behind initials such as U.S., which are nouns and stand before nouns."""

import re
from collections.abc import Mapping, Set

from tagger.text.context import Stop

_ACRONYM = re.compile(r"(?:[A-Z]{2,}|DoD)s?(?:['’]s)?")
_QUOTED_NAME = re.compile(r"[\"“][^\"”.,!?]{1,30}[\"”]\s[a-z]")  # the U.S. “One China” policy
_PAIR = re.compile(r"\w+ (?:and|&) [A-Z]")


def ends_behind_nation(
    stop: Stop, so_far: str, words: Mapping[str, Set[str]], openers: Set[str]
) -> bool:
    """Return whether a sentence ends, where what follows may be a name.

    Parameters
    ----------
    stop : the stop, behind such initials and before a capital.
    so_far : what stands before the initials in their sentence.
    words : lists by class.
    openers : words that have a capital only where a sentence begins.
    """
    following, beyond = stop.following, stop.after_following
    if stop.ahead[0] in '"“':
        return not _QUOTED_NAME.match(stop.ahead)
    if following.replace("’", "'").removesuffix("'s") in words["thenoffice"]:
        return False
    if following in words["thenday"] and beyond not in words["afterday"]:
        return False
    if stop.last.lower() != "the":
        # In prose these have an article where they are no adjective.
        is_adjective = stop.word in words["afterthe"]
        return not is_adjective and following.lower() in openers and beyond.islower()
    if _ACRONYM.fullmatch(following) and following not in words["thenalliance"]:
        return False
    clause = (stop.before.split()[-2:-1] or [""])[0]
    if not so_far.removesuffix("the").strip() or clause.lower() in words["afterclause"]:
        return False  # it is a subject
    return not (beyond[:1].isupper() or beyond == "of" or _PAIR.match(stop.ahead))
