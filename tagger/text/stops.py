"""Which stops end a sentence, where the word before them leaves it in doubt.

The splitter has one list of abbreviations and takes a word of it for one wherever it
stands. Here each class of them has its rule: what may follow when the sentence goes on.
A stop that is decided is written so that the splitter cannot mistake it; quotations,
brackets and all other stops are left to it.
"""

import re
from collections.abc import Iterator
from functools import cache

from tagger.text import context
from tagger.text.breaks import ENDS, lines_settled
from tagger.text.context import WINDOW, Stop, rewritten
from tagger.text.lexicon import resource
from tagger.text.nations import ends_behind_nation
from tagger.text.quotes import paired

GOES_ON = "_"
HIDDEN = "*"
UNDECIDED = ""

_QUOTES = '"“‘'
_OPENERS = "\"'“‘«(["
_ONE_MARK = "''"  # as TeX writes it
_HYPHENS = re.compile(r"[-–—/(\[]")
_LETTERS = re.compile(r"(?:[A-Z]\.-?)*[A-Z]")
_NO_VOWEL = re.compile(r"[B-DF-HJ-NP-TV-XZ]?[b-df-hj-np-tv-xz]{2,5}")
_COUNT = re.compile(r"[B-HJ-Z]\b|[IVXLC]{2,}\b|[AI]\b(?!\s[a-z])")
_BRAND = re.compile(r"[a-z]{1,2}[A-Z]|[#@]|https?:|www\.")
_ZONE = re.compile(r"(?:[A-Z]\w+ ){1,2}[Tt]ime\b")
_PARTY = re.compile(r"\([A-Z]{1,3}[-–]\Z")
_NAMED = re.compile(r"(?<!\d)\d{1,3}\Z|°\Z|[A-Z]{2}[-–]\Z")  # 5 C, 40° N, CPI-U
_HYPHENED = re.compile(r"\.([A-Z])\.(?=[-–]\w)")
_INITIAL = re.compile(r"\.[A-Z]\.")
_LIST_ITEM = re.compile(r"- [A-Z]")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_DATELINE = re.compile(r"(?:\([^()\n]{2,30}\)\s*-?)?(?:[—–]|--?)\s|—[A-Z]")
_AGENCY = re.compile(r"/[A-Z][\w -]{1,20}/")
_END_BEFORE = re.compile(r"[.!?:;][\"'”’)\]]*\s|\n")
_COST = 8  # of a stop that is looked at closely, in those that are told at a glance
_OF_OTHERS = ("then", "after", "none")


@cache
def stop_rules(name: str) -> "StopRules":
    """Return the rules for a language whose word lists travel with the package.

    Raises
    ------
    ConfigError : there are no such lists.
    """
    kinds = (resource(f"{kind}-{name}", ".list", "word list") for kind in ("stops", "openers"))
    return StopRules(*(path.read_text(encoding="utf-8") for path in kinds))


class StopRules:
    """What a stop means after the words of a language.

    Parameters
    ----------
    lists : a line ``[class] what it is``, then its words; lines that begin with # say nothing.
    openers : words that have a capital only where a sentence begins.
    """

    def __init__(self, lists: str, openers: str) -> None:
        self._openers = frozenset(openers.split())
        self._words: dict[str, frozenset[str]] = {}
        name = ""
        for line in lists.splitlines():
            if line.startswith("["):
                name = line[1 : line.index("]")]
                self._words[name] = frozenset()
            elif name and not line.startswith("#"):
                self._words[name] |= set(line.split())
        self._splitters = self._words["none"]
        self._no_first_names = self._words["afterletter"] | self._words["aftercrown"]
        self._classes: dict[str, set[str]] = {}
        for name, words in self._words.items():
            for word in words if not name.startswith(_OF_OTHERS) else ():
                self._classes.setdefault(word, set()).add(name)
        self._titles = {word for word, names in self._classes.items() if names == {"title"}}

    def settled(self, text: str) -> str:
        """Return a text as long, in which each stop that is decided is made plain."""
        text, unclosed = paired(text)
        text = lines_settled(rewritten(text, self._changes(text)), self._words["afterwrap"])
        return rewritten(text, ((place, HIDDEN) for place in unclosed)) if unclosed else text

    def _changes(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield where to write what instead.

        Where there is more doubt than in any prose, the rest of the text is left as it is.
        """
        left = 1000 + len(text) // 2
        for match in context.STOP.finditer(text):
            left -= 1
            if left < 0:
                return
            start, end = match.start(), match.end()
            if match.end(1) - start == 1 and text[start + 1] == " ":  # nothing but a space behind
                head = text[start - 24 if start > 24 else 0 : start]
                word = head[head.rfind(" ") + 1 :]
                if self._is_plain(word, text[end]):
                    continue
                if self._is_in_name(word, head, text, end):
                    yield start, GOES_ON
                    continue
            elif _INITIAL.match(text, start) and "-" not in text[max(0, start - 8) : start]:
                continue  # within initials, which the splitter knows
            left -= _COST
            yield from self._change(text, start, end, ".", match)
        for match in context.ELLIPSIS.finditer(text):
            yield match.start(), ENDS
        for marks in context.MARKS:
            for match in marks.finditer(text):
                left -= _COST
                if left < 0:
                    return
                mark = text[match.start() : match.start(1)]
                yield from self._change(text, match.start(), match.end(), mark, match)

    def _change(
        self, text: str, start: int, end: int, mark: str, match: re.Match[str]
    ) -> Iterator[tuple[int, str]]:
        closers, gap = match.groups()
        head = text[max(0, start - 24) : start]
        word = (head.split() or [""])[-1].lstrip(_OPENERS)
        if not word.isalpha():
            word = _HYPHENS.split(word)[-1]
        if "\n" in gap and gap.count("\n") > 1:
            return
        if not gap:
            if not closers and head.strip() and context.is_inside_name(text, start, end):
                both = _HYPHENED.match(text, start)  # Japan-U.S.-ROK
                yield start, f"{GOES_ON}{both[1]}{GOES_ON}" if both else GOES_ON * len(mark)
            return
        if head[-1:] == "/" or (text[end] == "/" and _AGENCY.match(text, end)):
            yield start, GOES_ON * len(mark)
            return
        if not word or head[-1].isspace() or head[-1] == ".":
            return
        known = word in self._classes or _LETTERS.fullmatch(word)
        if not known and (note := context.end_of_note(text, end)):
            yield start, GOES_ON * len(mark)
            if text[note : note + 1].isspace():
                yield end, ","  # or the splitter goes on to look for its end
                yield note - 1, ENDS
            return
        before = text[max(0, start - len(word) - WINDOW) : start - len(word)]
        stop = Stop(word, before, mark, closers, text[end : end + 2 * WINDOW])
        verdict = self._verdict(stop, "\n" in gap)
        if verdict == ENDS and closers[-1:] in (")", "]"):
            # It moves behind the bracket, where the splitter sees it.
            yield start, closers + ENDS * len(mark)
        elif verdict == ENDS and len(closers) > 1 and closers != _ONE_MARK:
            yield start, closers[:-1] + ENDS * len(mark)  # nor within two quotations
        elif verdict == ENDS and "!" in word[-1] + mark:
            yield start - 1, GOES_ON + ENDS * len(mark)  # Yahoo!
        elif verdict:
            yield start, verdict * len(mark)

    def _is_in_name(self, word: str, head: str, text: str, end: int) -> bool:
        """Return whether a title or an initial stands in a name, the commonest doubt."""
        if not text[end].isupper():
            return False
        if word in self._titles:
            beyond = text.find(" ", end, end + 24)
            return text[end:beyond] not in self._words["thennoun"]
        if len(word) > 1 or not word.isupper():
            return False
        last = (head[:-1].split() or [""])[-1]
        if not (last.isalpha() and last[0].isupper()) or last in self._no_first_names:
            return False
        beyond = text.find(" ", end, end + 24)
        return text[end:beyond] not in self._words["thenname"]

    def _is_plain(self, word: str, following: str) -> bool:
        """Return whether a word before a capital leaves no doubt."""
        if word in self._classes or not (following.isupper() or following in _QUOTES):
            return False
        if not word.isalpha():
            return len(word) > 3 and word[-1] in "0123456789%" and word.isprintable()
        if len(word) > 6:
            return True
        if len(word) == 1 or word.lower() in self._splitters or _NO_VOWEL.fullmatch(word):
            return False
        return not (word.isupper() and word.capitalize() in self._classes)

    def _verdict(self, stop: Stop, breaks: bool) -> str:
        if not breaks and self._is_before_dash(stop):
            return GOES_ON
        if stop.mark != ".":
            return self._after_mark(stop)
        if self._is_label(stop):
            return GOES_ON
        if self._is_attributed(stop, needs_end=True):
            return GOES_ON
        classes = self._classes_of(stop)
        first = stop.ahead.lstrip(_QUOTES + "'")[:1]
        if not first.isalpha():
            return self._before_figure(stop, classes)
        if first.islower():
            return self._before_small(stop, classes)
        if stop.closers == "]" and _LETTERS.fullmatch(stop.word):
            return self._after_letters(stop)  # [George W.] Bush, filled in by an editor
        if stop.closers and "title" not in classes:
            return GOES_ON if self._is_within(stop) else ENDS
        if _LETTERS.fullmatch(stop.word) and not classes:
            return self._after_letters(stop)
        if not classes and not _NO_VOWEL.fullmatch(stop.word):
            return ENDS
        quoted = stop.ahead[0] in _OPENERS
        return self._before_capital(stop, classes or {"vowelless"}, quoted)

    def _is_within(self, stop: Stop) -> bool:
        """Return whether marks hold nothing but an abbreviation: (ret.), (D-Ill.), “J.D.”."""
        if stop.closers == ")":
            within = _PARTY.search(stop.before) and not self._is_no_name(stop.following)
            return bool(within) or stop.before.endswith("(")
        nickname = len(stop.closers) == 1 and stop.before[-1:] in _QUOTES
        return nickname and bool(_LETTERS.fullmatch(stop.word)) and not self._begins(stop.following)

    def _is_before_dash(self, stop: Stop) -> bool:
        if stop.ahead[0] not in "(—–-" or not _DATELINE.match(stop.ahead):
            return False
        if not _LIST_ITEM.match(stop.ahead):
            return True
        if stop.closers:  # - Ann Roe, but not - Ports will
            return stop.mark != "." or not "".join(stop.ahead.split()[2:3]).islower()
        place = f"{self._so_far(stop)} {stop.word}".split(maxsplit=4)  # ODESA, Ukraine. - The port
        known = self._classes_of(stop) or _LETTERS.fullmatch(stop.word)
        return stop.mark == "." and bool(known or (len(place) < 5 and place[0].isupper()))

    def _is_label(self, stop: Stop) -> bool:
        """Return whether the sentence is nothing yet but a number, a letter, a time or a P.S."""
        word = stop.word
        if word in self._words.get("thenbegins", ()):
            return not stop.closers and not self._so_far(stop)
        if stop.closers or not (word[0].isdigit() or len(word) == 1 or word[-1] in "mM"):
            return False
        return bool(context.LABEL.fullmatch(f"{self._so_far(stop)} {word}".strip()))

    def _so_far(self, stop: Stop) -> str:
        """Return what stands before the word in its sentence, as far as it is at hand."""
        start = 0
        for end in list(_END_BEFORE.finditer(stop.before))[:-5:-1]:
            word = (stop.before[: end.start()].rsplit(maxsplit=1) or [""])[-1].lstrip(_OPENERS)
            if end[0][0] != "." or not (word in self._classes or _LETTERS.fullmatch(word)):
                start = end.end()
                break
        return stop.before[start:].strip(_OPENERS + " ")

    def _classes_of(self, stop: Stop) -> set[str]:
        word = stop.word
        classes = self._classes.get(word, set())
        if not classes and word.isupper() and stop.following.isupper():
            classes = self._classes.get(word.capitalize(), set())  # ST. LOUIS
        last = stop.last
        named = last[:1].isupper() and last[-1:].isalpha()
        if {"title", "person"} <= classes:
            return {"person"} if named else {"title"}
        initials = "." in word and last.islower() and last not in self._words["afterdegree"]
        return set() if initials and "person" in classes else classes  # to J.D. Roe

    def _before_figure(self, stop: Stop, classes: set[str]) -> str:
        if stop.ahead[0] in "([":
            return GOES_ON if classes or _LETTERS.fullmatch(stop.word) else UNDECIDED
        if not stop.ahead[0].isdigit():
            return GOES_ON if stop.ahead[0] == "-" and classes & {"state"} else UNDECIDED
        if stop.word == "no" and stop.last.lower() in self._words["afterno"]:
            return ENDS
        if "country" in classes:
            return UNDECIDED if stop.last.lower() == "the" else GOES_ON
        # S.Con.Res. 33, pre-E.O. 14285
        cited = stop.before.endswith("-") and _LETTERS.fullmatch(stop.word)
        if stop.word in ("c", "p", "d", "b") or cited or context.CHAIN.fullmatch(stop.word):
            return GOES_ON
        if classes == {"unit"} and stop.word == "in" and not any(map(str.isdigit, stop.last)):
            return ENDS  # all of them are in. 40 came
        goes_on = {"number", "month", "unit", "always", "small", "place", "title", "day"}
        return GOES_ON if classes & goes_on else UNDECIDED

    def _before_small(self, stop: Stop, classes: set[str]) -> str:
        if _BRAND.match(stop.ahead):
            return ENDS if not classes & {"always", "title", "number"} else UNDECIDED
        if stop.closers:
            return UNDECIDED
        if classes == {"unit"} and len(stop.word) == 2 and stop.word in self._openers:
            return GOES_ON if any(map(str.isdigit, stop.last)) else UNDECIDED
        known = classes or _NO_VOWEL.fullmatch(stop.word) or _LETTERS.fullmatch(stop.word)
        return GOES_ON if known else UNDECIDED

    def _after_mark(self, stop: Stop) -> str:
        classes = self._classes.get(stop.word + stop.mark, set())
        if classes and stop.ahead[0].islower():
            return GOES_ON
        if "named" in classes and stop.ahead[0].isupper():
            return ENDS if self._is_no_name(stop.following) else GOES_ON
        if self._is_attributed(stop, needs_end=False):
            return GOES_ON
        two = len(stop.closers) > 1 and stop.closers != _ONE_MARK
        if (two or stop.closers[-1:] in (")", "]")) and stop.ahead.lstrip(_OPENERS)[:1].isupper():
            return ENDS
        return UNDECIDED

    def _is_attributed(self, stop: Stop, needs_end: bool) -> bool:
        """Return whether a name and a verb of saying follow a quotation."""
        if not stop.closers or stop.closers[-1] in ")]":
            return False
        found = context.ATTRIBUTION.match(stop.ahead)
        if not found or found[3] not in self._words["thensaying"] or self._is_no_name(found[1]):
            return False
        if needs_end or (not found[2] and found[1].lower() in self._openers):
            return (found[4] or "").endswith(".")
        return True

    def _is_no_name(self, word: str) -> bool:
        bare, _, suffix = word.replace("’", "'").partition("'")
        names = self._words["thenname"]
        return word in names or (bare in names and suffix in self._words["thencontracted"])

    def _begins(self, word: str) -> bool:
        """Return whether a word with a capital tells that a sentence begins."""
        return self._is_no_name(word) or word.lower() in self._openers

    def _after_letters(self, stop: Stop) -> str:
        """Decide on initials, letters that name things, and unknown words of initials."""
        following, last = stop.following, stop.last
        if re.match(r"[A-Z]\.", stop.ahead):
            return GOES_ON
        if len(stop.word) == 1:
            if stop.word in "QA" and not self._so_far(stop):
                return GOES_ON
            before = self._words["afteri" if stop.word == "I" else "afterletter"]
            if last in before or last in self._words["afterletter"] or _NAMED.search(last):
                return ENDS
            if stop.word in "IVX" and last in self._words["aftercrown"]:
                return ENDS if self._begins(following) else GOES_ON
            small = last.islower() and following.lower() in self._openers
            small = small and not stop.after_following[:1].isupper()
            return ENDS if small or self._is_no_name(following) else GOES_ON
        if stop.word.count(".") > 1:
            return self._after_nation(stop)
        return ENDS if self._is_no_name(following) else GOES_ON

    def _after_nation(self, stop: Stop) -> str:
        begins = self._is_no_name(stop.following) and stop.ahead[0] not in _QUOTES
        begins = begins and not stop.ahead.startswith("Under Secretar")
        ends = ends_behind_nation(stop, self._so_far(stop), self._words, self._openers)
        return ENDS if begins or ends else GOES_ON

    def _before_capital(self, stop: Stop, classes: set[str], quoted: bool) -> str:
        following, so_far = stop.following, self._so_far(stop)
        if "always" in classes:
            return GOES_ON
        if "title" in classes:
            return ENDS if following in self._words["thennoun"] and not quoted else GOES_ON
        begins = self._is_no_name(following)
        if not (so_far or begins or classes & {"number", "small", "unit"}):
            return GOES_ON  # no sentence is one abbreviation
        opening = so_far.split()[:4]
        opens = len(opening) in (1, 2, 3) and opening[0] in self._words["afterpreposition"]
        if classes & {"place", "joint", "vowelless"} and not (opens and "place" in classes):
            return self._before_name(stop, classes)
        if "number" in classes and stop.word not in ("No", "no", "Nos", "nos"):
            return GOES_ON if _COUNT.match(stop.ahead) else ENDS
        if opens:
            return GOES_ON if not classes & {"small", "unit", "number"} else ENDS
        if "country" in classes:
            return self._after_nation(stop)
        if quoted:
            return ENDS
        for name in ("clock", "company", "person", "street"):
            if name in classes and following in self._words["then" + name]:
                return GOES_ON
        more = {"clock": _ZONE, "company": _COUNT}  # 5 p.m. Tonga time, Co. B
        if any(name in classes and more[name].match(stop.ahead) for name in more):
            return GOES_ON
        if "day" in classes and following in self._classes:
            return GOES_ON if "month" in self._classes[following] else ENDS
        if "state" in classes and following in self._words["thenoffice"]:
            return ENDS if stop.last.endswith(",") and stop.word != "D.C" else GOES_ON
        return ENDS

    def _before_name(self, stop: Stop, classes: set[str]) -> str:
        following = stop.following
        if "vowelless" in classes:
            goes_on = stop.word[0].isupper() and not self._begins(following)
            return GOES_ON if goes_on else ENDS
        last = stop.last
        if stop.word == "St" and following.replace("’", "'") not in self._words["thensaint"]:
            is_name = last[:1].isupper() and last[-1:].isalpha() and not self._is_no_name(last)
            if _ORDINAL.fullmatch(last) or (
                is_name and last not in self._words["afterpreposition"]
            ):
                return GOES_ON if following in self._words["thenstreet"] else ENDS
        return ENDS if self._is_no_name(following) else GOES_ON
