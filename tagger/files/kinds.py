"""What a file is, judged by its first bytes and its name."""

import csv
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tagger.files import encoding
from tagger.files.rows import Unreadable


@dataclass(frozen=True)
class Kind:
    """What a file is: its name in English, the format that reads it, else what to do instead.

    `format` is empty where nothing reads it, or where only the name of the file tells.
    """

    name: str
    format: str = ""
    advice: str = ""

    @property
    def one(self) -> str:
        """The name with its article."""
        vowel = self.name[0] in "aeiouEIOU" or self.name[:3] in _VOWEL
        return f"{'an' if vowel else 'a'} {self.name}"


_VOWEL = ("MP3", "MP4", "RTF", "XML", "SQL", "HTM", "XZ ", "ELF")
_UNPACK = "unpack it first"
_CONVERT = "save it as plain text, .docx or PDF with text"
_EXPORT = "export its rows as CSV, JSON Lines or Parquet"
_NO_TEXT = "there is no text to read in it"
TEXT, EMPTY = Kind("text file"), Kind("empty file")
BINARY = Kind("binary file", advice="expected text: export it as plain text or CSV")
HTML, JSON = Kind("HTML page", "html"), Kind("JSON file", "json")
JSONL, CSV, EMAIL = Kind("JSON Lines file", "jsonl"), Kind("CSV file", "csv"), Kind("e-mail", "eml")
WEBANNO = Kind("WebAnno TSV file", "webanno")
XML = Kind("XML file", advice="export its texts as plain text or CSV")
MBOX = Kind("mailbox of e-mails", advice="save each e-mail as an .eml file")
ZIP, TAR, GZIP = Kind("ZIP archive", "zip"), Kind("TAR archive", "tar"), Kind("gzip file", ".gz")
ZSTD = Kind("zstd file", ".zst")
OLE = Kind(
    "Word, Excel or Outlook file of before 2007, or encrypted one",
    advice="open it and save it as .docx, .xlsx or .eml, without a password",
)
_IMAGE_ADVICE = "there is no text to read in it; recognise that of a picture first (OCR)"
_SIGNATURES = (
    (b"%PDF-", Kind("PDF", "pdf")),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),  # an empty one
    (b"\x1f\x8b\x08", GZIP),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (b"PAR1", Kind("Parquet file", "parquet")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"{\\rtf", Kind("RTF file", advice=_CONVERT)),
    (b"%!PS", Kind("PostScript file", advice=_CONVERT)),
    (b"BZh", Kind("bzip2 file", advice=_UNPACK)),
    (b"\xfd7zXZ\0", Kind("XZ file", advice=_UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Kind("7z archive", advice=_UNPACK)),
    (b"Rar!\x1a\x07", Kind("RAR archive", advice=_UNPACK)),
    (b"SQLite format 3\0", Kind("SQLite database", advice=_EXPORT)),
    (b"ARROW1", Kind("Arrow file", advice=_EXPORT)),
    (b"ORC\x08", Kind("ORC file", advice=_EXPORT)),
    (b"Obj\x01", Kind("Avro file", advice=_EXPORT)),
    (b"\x89HDF\r\n\x1a\n", Kind("HDF5 file", advice=_EXPORT)),
    (b"\x93NUMPY", Kind("NumPy array", advice=_EXPORT)),
    (b"\x89PNG\r\n\x1a\n", Kind("PNG image", advice=_IMAGE_ADVICE)),
    (b"\xff\xd8\xff", Kind("JPEG image", advice=_IMAGE_ADVICE)),
    (b"GIF8", Kind("GIF image", advice=_IMAGE_ADVICE)),
    (b"II*\0", Kind("TIFF image", advice=_IMAGE_ADVICE)),
    (b"MM\0*", Kind("TIFF image", advice=_IMAGE_ADVICE)),
    (b"\x7fELF", Kind("executable", advice=_NO_TEXT)),
    (b"\xcf\xfa\xed\xfe", Kind("executable", advice=_NO_TEXT)),
    (b"\xca\xfe\xba\xbe", Kind("executable", advice=_NO_TEXT)),
    (b"OggS", Kind("sound recording", advice=_NO_TEXT)),
    (b"ID3", Kind("sound recording", advice=_NO_TEXT)),
    (b"fLaC", Kind("sound recording", advice=_NO_TEXT)),
    (b"\x1aE\xdf\xa3", Kind("video", advice=_NO_TEXT)),
)
# These begin as a text may: a zero byte soon after tells them apart.
_WITH_ZEROS = (
    (0, b"MZ", Kind("executable", advice=_NO_TEXT)),
    (0, b"BM", Kind("BMP image", advice=_IMAGE_ADVICE)),
    (0, b"RIFF", Kind("sound, picture or video", advice=_NO_TEXT)),
    (4, b"ftyp", Kind("video or picture", advice=_NO_TEXT)),
    (257, b"ustar", TAR),
)
_TAG = r"(?:p|div|article|section|main|header|h[1-6]|table|ul|ol|span)\b[^<>]{0,500}>"
_HTML = re.compile(
    rf"(?:<!--.{{0,2000}}?-->\s*)?<(?:!doctype html|html\b|head>|body\b|{_TAG})", re.I | re.S
)
_XML = re.compile(r"<\?xml\b|<!DOCTYPE\s|<(?:rss|feed|svg|nitf|TEI|newsItem)\b[^<>]{0,2000}>")
_JSON = re.compile(
    r'\{\s*(?:\}\s*\Z|"(?:[^"\\\n]|\\.)*"\s*:)|\[\s*(?:\]\s*\Z|\{\s*["}]|\[\s*["\d\[{-]|"(?:[^"\\\n]|\\.)*"\s*[,\]])'
)
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,40}):[ \t].*(?:\r?\n[ \t].*)*\r?\n")
_MAIL_ONLY = {"message-id", "mime-version", "received", "return-path", "delivered-to"}
_XHTML = re.compile(r"<!doctype html|<html\b", re.I)
_PRINTABLE = ("PDF", "RTF file", "PostScript file")
_TEXT_NAMES = ("text", "sentence", "body", "content", "article", "headline", "title", "story")
_CONTROL = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1b")
DELIMITERS = ",;\t|"
SEPARATOR = re.compile(r'"?sep=(.)"?[;,]*\r?\n?', re.IGNORECASE)
"""The line in which Excel names the delimiter of what follows."""


def kind_of(head: bytes) -> Kind:
    """Return what a file is that begins with these bytes; TEXT where only its name tells.

    ZIP stands for what is kept in one too, such as Word's files: `kind_of_members` knows.
    """
    if not head:
        return EMPTY
    bare = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    binary = any(byte in head[:512] for byte in _CONTROL)
    for start, kind in _SIGNATURES:
        if bare.startswith(start) and (binary or kind.name in _PRINTABLE):
            return kind
    for at, mark, kind in _WITH_ZEROS:
        if b"\0" in head[:512] and head[at:].startswith(mark):
            return kind
    if wide := encoding.wide(head):
        return kind_of_text(head.decode(wide, "ignore").lstrip("\ufeff"))
    n_control = len(head) - len(head.translate(None, _CONTROL))
    try:
        encoding.without_cut(head).decode("utf-8")
        most = 0.3
    except UnicodeDecodeError:
        most = 0.01
    if n_control > most * len(head):
        return BINARY
    return kind_of_text(head.decode("utf-8", "replace").removeprefix("\ufeff"))


def kind_of_text(text: str) -> Kind:
    """Return what a text is that begins so."""
    bare = text.lstrip()
    if bare.startswith("#FORMAT=WebAnno TSV 3"):
        return WEBANNO
    if _XML.match(bare) and not _XHTML.search(bare[:2000]):
        return XML
    if _HTML.match(bare) or _XML.match(bare):
        return HTML
    if _JSON.match(bare):
        first, ended, rest = bare.partition("\n")
        if not ended and bare[0] == "{" and len(text) >= encoding.HEAD_BYTES // 4:
            return JSONL  # a first row longer than what is looked at
        if not _may_be_json(bare):
            return TEXT
        return JSONL if _is_object(first) and _JSON.match(rest.lstrip()) else JSON
    if bare.startswith("From ") and _is_mail(bare.partition("\n")[2]):
        return MBOX
    if _is_mail(bare):
        return EMAIL
    return CSV if _is_csv(bare) else TEXT


def _may_be_json(text: str) -> bool:
    """Return whether a text that begins as JSON does goes on so, as far as can be seen."""
    try:
        json.JSONDecoder().raw_decode(text)
    except RecursionError:
        return True
    except ValueError as error:
        # What is cut, or broken at its end, is JSON all the same.
        return getattr(error, "pos", 0) > min(len(text) - 1, 200) or "Unterminated" in str(error)
    return True


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_mail(text: str) -> bool:
    """Return whether a text begins with headers that only a program writes."""
    names, at = set(), 0
    while (match := _HEADER.match(text, at)) and at < 20_000:
        names.add(match[1].lower())
        at = match.end()
    return len(names) >= 3 and bool(names & _MAIL_ONLY)


def _is_csv(text: str) -> bool:
    """Return whether a text is a table for sure: a header with a usual name, even rows."""
    if separated := SEPARATOR.match(text):
        text = text[separated.end() :]
    header = text.partition("\n")[0].lower()
    if not any(name in header for name in _TEXT_NAMES):
        return False
    _, share, rows = table_of(text)
    named = [cell.strip().lower() for cell in rows[0]] if rows else []
    return (
        share > 0.9
        and len(rows) > 2
        and len(set(named)) == len(named) > 1
        and all(re.fullmatch(r"[\w .-]{1,40}", cell) for cell in named)
        and not {*named}.isdisjoint(_TEXT_NAMES)
    )


def table_of(text: str) -> tuple[str, float, list[list[str]]]:
    """Return the delimiter of the table that begins so, how even its rows are, and the rows.

    It is the one that cuts the largest share of the rows into as many cells as the header,
    which are two at least; a comma where none does. A first line that names it does so.
    """
    if separated := SEPARATOR.match(text):
        text = text[separated.end() :]
    lines = text.splitlines(keepends=True)
    if len(lines) > 1 and len(text) >= encoding.HEAD_BYTES // 4:
        lines.pop()  # it may be cut
    best: tuple[float, int, str, list[list[str]]] = (0.0, 0, ",", [])
    for delimiter in separated[1] if separated else DELIMITERS:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        body = rows[1:]
        share = sum(len(row) == width for row in body) / len(body) if body else 1.0
        if width > 1 and (share, width) > best[:2]:
            best = (share, width, delimiter, rows)
    return best[2], best[0], best[3]


def kind_of_members(names: Iterable[str]) -> Kind:
    """Return what a ZIP archive is that holds files of these names."""
    inside = set(names)
    for name, kind in _PACKAGES:
        if name in inside:
            return kind
    return ZIP


_PACKAGES = (
    ("word/document.xml", Kind("Word document", "docx")),
    ("xl/workbook.xml", Kind("Excel workbook", "xlsx")),
    ("xl/workbook.bin", Kind("binary Excel workbook", advice="save it as .xlsx")),
    ("ppt/presentation.xml", Kind("PowerPoint presentation", advice=_CONVERT)),
    ("META-INF/container.xml", Kind("EPUB book", advice="save it as HTML or plain text")),
    ("META-INF/manifest.xml", Kind("OpenDocument file", advice="save it as .docx, .xlsx or .csv")),
    ("META-INF/MANIFEST.MF", Kind("Java archive", advice=_NO_TEXT)),
    (
        "[Content_Types].xml",
        Kind("damaged office file", advice="open it in the program that made it and save it again"),
    ),
    ("AndroidManifest.xml", Kind("Android package", advice=_NO_TEXT)),
)


def refusal(kind: Kind) -> Unreadable:
    """Return the error that says what a file is and what to do with it."""
    return Unreadable(f"{kind.one}: {kind.advice}")
