"""What English lines that are no sentences look like: the words behind `tagger.text.structure`."""

_NAME = r"[A-Z][\w.'’-]*"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?)"
)
_DATE = (
    rf"(?:(?:{_DAY},?\s+)?(?:{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?\b"
    rf"|\d{{1,2}}\s+{_MONTH}(?:,?\s+\d{{4}})?\b|{_MONTH}\s+\d{{4}}\b|\d{{4}}-\d\d-\d\d)|{_DAY})"
)
_TIME = (
    r"\d{1,2}(?:[:.]\d\d(?:\s*[ap]\.?m\b\.?)?|\s*[ap]\.?m\b\.?)"
    r"(?:\s*(?:gmt|utc|bst|cet|[ecmp][ds]?t)\b)?"
)
_STAMP = (
    r"(?:(?:first|last)\s+)?(?:published|posted|updated|modified|dated?|issued)(?:\s+(?:on|at))?"
)
_AGENCY = (
    r"(?:Reuters|AP|AFP|UPI|dpa|DPA|ANSA|EFE|PTI|IANS|TASS|Interfax|Xinhua|Kyodo(?: News)?|Yonhap"
    r"|Bloomberg(?: News)?|Associated Press|Agence France-Presse|Press Association)"
)
_LOOK = r"(?:watch|listen|see|read|view|click|check\s+out|(?:take|have)\s+a\s+look)"

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")
_AGENCIES = (
    *("reuters", "ap", "afp", "upi", "dpa", "ansa", "efe", "pti", "ians", "tass", "interfax"),
    *("xinhua", "kyodo", "yonhap", "bloomberg", "associated", "agence", "press"),
)

LINES = (
    (
        "credit",
        ("twitter", "facebook", "instagram", "linkedin", "youtube", "x", "getty"),
        r"(?:Twitter|Facebook|Instagram|LinkedIn|YouTube|X|Getty(?: Images)?)\.?\Z"
        r"|(?:Facebook|LinkedIn|Instagram|Twitter)/[A-Z][\w.'’ ]{2,40}\Z",
    ),
    (
        "agency",
        ("(", "[", "the ", *_AGENCIES),
        rf"[(\[]?(?:The )?{_AGENCY}(?:[/, ]+{_AGENCY})*[)\]]?\.?\s*\Z|ASSOCIATED PRESS\.?\Z",
    ),
    ("notice", ("correction",), r"(?i:correction appended\.?\Z)"),
    (
        "notice",
        ("this", "an", "the", "views", "opinions"),
        r"(?i:this\s+(?:article|story|interview|conversation|column|piece|post|page|transcript)\s+(?:was|has"
        r"\s+been)\s+(?:\w+ly\s+)?(?:amended|updated|corrected|edited|condensed|republished|adapted)\b"
        r"|an\s+earlier\s+version\s+of\s+this\s+(?:article|story|column|piece|post|report|headline|page)\b"
        r"|(?:the\s+)?(?:views|opinions)\s+expressed\s+(?:here|in\s+this|by\s+the\s+author|are\b))",
    ),
    (
        "byline",
        ("words by", "story by", "written by", "report by", "by", "co"),
        r"(?i:(?:words |story |written |report |co-?(?:authored|written) )?by|byline):?\s+"
        rf"(?:(?:The )?{_AGENCY}\b|{_NAME}"
        rf"(?:,?\s+(?:(?:and|&|of|in|for|at|de|la|van|von|der|al|bin)\s+)?{_NAME})+"
        rf"|[A-Z]{{3,}})(?:\s*[,|]\s*[\w .'’-]{{1,60}})?[,.]?\s*\Z",
    ),
    (
        "dateline",
        (
            *("first", "last", "published", "posted", "updated", "modified", "date", "issued"),
            *(*_MONTHS, *_DAYS, *"0123456789"),
        ),
        rf"(?i:(?:{_STAMP}:?\s+)?(?:{_DATE}|{_TIME})"
        rf"(?:[\s,|•·/–—.-]*(?:at\s+|and\s+)?(?:{_STAMP}:?|{_DATE}|{_TIME}))*\s*[.:]?\s*\Z)",
    ),
    (
        "credit",
        (
            *("(", "[", "additional", "with", "reporting", "writing", "editing", "compiled"),
            *("translated", "illustration", "photo", "image", "graphic"),
            *("contributing", "source", "credit", "editor"),
        ),
        r"(?i:[(\[]?(?:additional\s+|with\s+)?(?:reporting|writing|editing|compiled|translated|"
        r"illustrations?|photo(?:s|graphs?|graphy)?|images?|graphics?)\s+by\s)(?=[A-Z])"
        r"|(?i:contributing|sources?|credits?|editors?):\s|Source\s+[A-Z]{2,}",
    ),
    (
        "caption",
        ("(", "[", "file", "photo", "picture", "image", "caption", "map", "chart", "figure"),
        r"FILE\s*(?:PHOTO|IMAGE)?\s*[-–—:]|(?i:file\s+(?:photo|image|picture)\b)"
        r"|(?i:[(\[]?(?:photo|picture|image|pictured|caption|map|chart|figure)\s*\d*\s*[:|]\s)",
    ),
    (
        "promotion",
        (
            *("advertisement", "sponsored", "related", "previously", "recommended", "see", "also"),
            *("read", "more", "most", "trending", "continue", "story", "show", "skip", "share"),
            *("view", "leave", "newsletter", "back", "tags", "topics", "filed", "watch", "listen"),
            *("click", "check", "take", "have", "sign", "subscribe", "register", "want", "enter"),
            *("download", "follow", "like"),
        ),
        r"(?i:(?:advertisement|sponsored(?:\s+content)?|related(?:\s+(?:articles?|stories|links|"
        r"content|topics))?|previously|recommended(?:\s+for\s+you)?|see\s+also|also\s+(?:on|in|see|"
        r"read)\s+[\w .'’]{2,30}|read\s+(?:more|next|also)|more\s+(?:on\s+this(?:\s+(?:story|"
        r"topic))?|stories|from\s+[\w .'’]{2,30})|most\s+(?:read|popular|viewed)|"
        r"trending(?:\s+now)?|continue\s+reading|story\s+continues(?:\s+below)?(?:\s+advertisement)?|show\s+more|"
        r"skip\s+(?:to|past)\s+[\w .'’]{2,40}|share\s+(?:this|on)\b[\w .'’]{0,30}|view\s+comments|"
        r"leave\s+a\s+comment|newsletters?|back\s+to\s+top|tags|topics|filed\s+under)\s*[:.…»>]*\s*\Z)"
        r"|(?i:(?:read\s+(?:more|also|next)|see\s+also|related|more|also\s+read|recommended|tags|"
        r"topics|filed\s+under):\s)"
        rf"|(?i:{_LOOK}\s(?:.{{0,200}}\s)?(?:below|above|here|more)\s*[.:!»>]*\s*\Z)"
        r"|(?i:(?:sign\s+up|subscribe|register)\s+(?:to|for|now|here|today)\b.{0,150}\Z)"
        r"|(?i:want\s+to\s+receive\s+this|enter\s+your\s+e-?mail|download\s+(?:our|the)\s+(?:free\s+)?"
        r"app\b|follow\s+(?:us|me|him|her)\s+on\b|like\s+(?:us|the\s+page)\b)"
        r"|(?i:follow)\s+(?:[\w.'’-]+\s+){1,5}(?i:on\s+(?:twitter|facebook|x|instagram))\b",
    ),
    (
        "speaker",
        ("q", "a", "the", "mr", "ms", "dr", "sen"),
        r"(?:[QA][:.]?|(?:THE|MR\.?|MS\.?|MRS\.?|DR\.?|SEN\.?)\s+[A-Z][A-Z .'’-]{1,40}:)\s*\Z",
    ),
    ("notice", ("©", "(c)", "copyright"), r"(?i:(?:©|\(c\)\s*\d|copyright\s+(?:©|\(c\)|\d{4})))"),
)
"""What a line is, in lower case how it may begin, and its pattern."""

_CREDITED = (
    r"\b(?:Image|Photo|Picture|Photograph|Illustration)(?:\s(?:credit|by|courtesy of))?:\s?[A-Z]"
)
_ASIDE = (
    r"\((?:left|right|centre|center|pictured)\)"
    r"|\((?:[A-Z][\w ]{1,20}\s)?(?i:photo|image|file\s+photo|video)\b[^()]{0,60}\)\.?\s*\Z"
)
_VIA = r"\bvia (?:Getty|Reuters|AP|AFP)(?: Images)?\.?\)?\s*\Z"
_HANDED = r"/(?:Getty|Reuters|REUTERS|AFP|AP)\b[\w ]*\)?\.?\s*\Z"
_SHARED = rf"\A(?:(?:{_NAME}\s){{2,4}}/\s{_AGENCY}\.?\Z|{_NAME}\s{_NAME}/{_NAME}(?:\s{_NAME})?\.\Z)"
_ENTRY = r"\A[A-Z][\w'’-]+,\s[A-Z][\w.'’ -]{1,40}\.\s[A-Z][^.]{3,100}\Z"  # of a bibliography
MARKS = (
    (
        ":",
        ("image", "caption", _CREDITED),
        ("photo", "caption", _CREDITED),
        ("like the page", "promotion", r"(?i:like the page:?\s*\Z)"),
    ),
    (
        "(",
        *((word, "caption", _ASIDE) for word in ("image", "photo", "(left", "(right", "(cent")),
        (")", "caption", rf"\((?i:{_MONTH})\s\d{{4}}\)\s*\Z"),
    ),
    (" via ", *((f"via {word}", "credit", _VIA) for word in ("getty", "reuters", "ap", "afp"))),
    (
        "/",
        *((word, "credit", _HANDED) for word in ("/getty", "/reuters", "/afp", "/ap")),
        ("/", "credit", _SHARED),
    ),
    (", ", (". ", "credit", _ENTRY)),
    ("—", (" — ", "credit", r"[\"”]\s—\s[^\"]{3,80}\s\d{4}\Z")),
    ("contributed to", ("contributed", "credit", r"to this (?:report|story|article)\.?\s*\Z")),
    ("ights reserved", ("rights", "notice", r"(?i:all rights reserved)")),
    ("permission", ("permission", "notice", r"(?i:reprinted\s+with\s+permission)")),
)
"""What a line holds; then words in lower case, and what it is where it has one and the pattern."""

BOUND = frozenset(
    {"a", "an", "the", "and", "but", "or", "nor", "for", "of", "at", "to", "by", "from", "with"}
    | {"as", "vs", "v", "via", "per", "into", "is", "are", "be", "its", "than", "that"}
)
"""Small words that no title ends with."""
MINOR = BOUND | {"in", "on", "over", "off", "out", "up", "it"}
"""Words that titles need not write with a capital."""
REPORTED = (
    rf"(?i:\b(?:said|told|was|were|had|did|went|came|took|met|sent|i|we|my|our|it's|there|{_DAY}"
    r"|yesterday|tomorrow|tonight)\b)|\b(?:He|She|They|It|His|Her|Their|This|That|But|And|So)\b"
)
"""What a sentence of an article has, and hardly a title."""

_VERB = (
    r"(?:rose|fell|grew|won|lost|made|gave|got|ran|held|led|began|left|found|thought|knew|became|saw"
    r"|stood|fought|shot|paid|kept|spoke|wrote|drew|drove|broke|chose|flew|sank|shook|spent|struck"
    r"|taught|threw|withdrew|dropped|called|died|is|are|was|were|has|have|had|do|does|did|will|would|can|could|should|may|might|must|am"
    r"|said|says|told|went|came|took|met|sent|\w{2,6}n['’]t|\w{1,4}['’](?:ve|re|ll|d|m))"
)
CUES = (
    ("verb", rf"(?i:\b{_VERB}\b)"),
    ("report", REPORTED),
    ("article", r"\b(?:the|a|an)\b"),
    ("first article", r"\A(?:The|A|An)\b"),
    ("pronoun", r"(?i:\b(?:he|she|they|it|him|them|this|these|those|you|your|there|i|we|us)\b)"),
    ("past", r"\w{2}ed\b"),
    ("reply", r"\A(?:Yes|Yeah|Sure|Right|Well|Thank(?:s|\syou)|Oh|OK|Okay|Please|Welcome)\b(?!:)"),
)
"""What sentences have, and titles less often."""
