"""Files of every kind, right and wrong: read right, or refused by name."""

import base64
import codecs
import csv
import email.message
import gzip
import io
import json
import os
import sqlite3
import sys
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pypdf
import pytest
import zstandard
from click.testing import CliRunner, Result

from tagger.cli.main import cli
from tagger.errors import install_command
from tagger.files import read_rows

FIRST = "The talks in Geneva ended on Monday without a date for a new round."
SECOND = "Prices of grain may rise if no ship leaves the port this month."
ROWS = [{"id": 1, "text": FIRST}, {"id": 2, "text": SECOND}]
PROSE = f"{FIRST} {SECOND}"
PAGE = f"<!doctype html><html><body><article><p>{FIRST}</p><p>{SECOND}</p></article></body></html>"
XML = f'<?xml version="1.0"?><rss><item><title>{FIRST}</title></item></rss>'
ACCENTED = f"Café – “open”. {FIRST} {SECOND}"


def table(delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting)
    writer.writerows([["id", "text"], [1, FIRST], [2, SECOND]])
    return out.getvalue()


def workbook(*sheets: list[list[Any]]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for i, rows in enumerate(sheets):
        sheet = book.active if i == 0 else book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.save(out)
    return out.getvalue()


def word(with_table: bool = False) -> bytes:
    document, out = docx.Document(), io.BytesIO()
    document.add_heading("Talks", 1)
    document.add_paragraph(FIRST)
    document.add_paragraph(SECOND)
    if with_table:
        document.add_table(2, 2).cell(0, 0).text = "Odesa"
    document.save(out)
    return out.getvalue()


def pdf(lines: list[str], password: str = "") -> bytes:
    """Return a PDF of one page, written by hand so that no other library is needed."""
    text = " T* ".join(f"({line}) Tj" for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 50 700 Td {text} ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % p for p in places)
    out += b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % start
    if not password:
        return out
    writer, locked = pypdf.PdfWriter(io.BytesIO(out)), io.BytesIO()
    writer.encrypt(password, algorithm="RC4-128")
    writer.write(locked)
    return locked.getvalue()


def mail(html: bool = False, attached: bool = False, empty: bool = False) -> bytes:
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.example", "c@d.example", "Talks"
    message["Date"], message["Message-ID"] = "Mon, 18 Mar 2024 10:00:00 +0000", "<1@b.example>"
    if not empty:
        message.set_content(PAGE if html else PROSE, subtype="html" if html else "plain")
    if attached or empty:
        message.add_attachment(b"\x00\x01", "application", "octet-stream", filename="a.bin")
    return bytes(message)


def zipped(files: dict[str, bytes], password: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    data = bytearray(out.getvalue())
    if password:  # the flag alone says so
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(mark) + place] |= 1
    return bytes(data)


def without(package: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return zipped({n: archive.read(n) for n in archive.namelist() if n != name})


def tarred(files: dict[str, bytes], mode: str = "w", links: bool = True) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        if links:
            link = tarfile.TarInfo("link.txt")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), out)
    return out.getvalue()


def database() -> bytes:
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("create table t (text)")
        return base.serialize()


def _stray(encoding: str) -> bytes:
    data = f"{ACCENTED[:15]} {PROSE}".encode(encoding)
    return data[:9] + b"x" + data[9:]


BOTH = {"a.txt": FIRST.encode(), "b/c.jsonl": json.dumps({"text": SECOND}).encode() + b"\n"}
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
ZEROS = b"\0" * 100
# Name, bytes, and what is said of it beside the two sentences that are read.
RIGHT: list[tuple[str, bytes, str]] = [
    ("a.txt", PROSE.encode(), ""),
    ("a", PROSE.encode(), ""),
    ("bom.txt", b"\xef\xbb\xbf" + PROSE.encode(), ""),
    ("wide.txt", PROSE.encode("utf-16"), ""),
    ("wide-le.txt", PROSE.encode("utf-16-le"), ""),
    ("latin.txt", ACCENTED.encode("cp1252"), "read as Windows-1252"),
    ("stray.txt", ACCENTED.encode() + b" \xff", "1 byte that is no UTF-8"),
    ("stray16.txt", _stray("utf-16"), "1 byte that is no UTF-16"),
    ("stray16-be.txt", b"\xfe\xff" + _stray("utf-16-be"), "1 byte that is no UTF-16"),
    ("stray16-no-mark.txt", _stray("utf-16-le"), "1 byte that is no UTF-16"),
    ("stray16-be-no-mark.txt", _stray("utf-16-be"), "1 byte that is no UTF-16"),
    ("a.md", f"# Talks\n\n{PROSE}".encode(), ""),
    ("tags.md", f"<div align=center>\n\n</div>\n\n{PROSE}".encode(), ""),
    ("a.html", PAGE.encode(), ""),
    ("stray.html",
     PAGE.encode().replace(b"<p>", "<p>Åsa saw cafés in Ål, één café.</p><p>".encode(), 1)
     .replace(b" saw", b"\xff saw"),
     "1 byte that is no UTF-8"),
    ("page.txt", PAGE.encode(), "read as what it is, an HTML page"),
    ("a.jsonl", LINES, ""),
    ("lines.json", LINES, ""),
    ("lines.txt", LINES, "a JSON Lines file"),
    ("bom.jsonl", b"\xef\xbb\xbf" + LINES, ""),
    ("wide.jsonl", LINES.decode().encode("utf-16"), ""),
    ("latin.jsonl", json.dumps({"text": f"Café. {PROSE}"}, ensure_ascii=False).encode("cp1252"),
     "read as Windows-1252"),
    ("a.json", json.dumps(ROWS).encode(), ""),
    ("nested.json", json.dumps({"meta": {"n": 2}, "data": ROWS}).encode(), "rows are read from"),
    ("strings.json", json.dumps([FIRST, SECOND]).encode(), ""),
    ("long.txt", json.dumps({"text": FIRST, "note": "x" * 70_000}).encode() + b"\n" + json.dumps(
        {"text": SECOND}).encode(), "a JSON Lines file"),
    ("split.json", json.dumps({"columns": ["text"], "data": [[FIRST], [SECOND]]}).encode(), ""),
    ("one.json", json.dumps({"title": "Talks", "text": PROSE}).encode(), ""),
    ("array.txt", json.dumps(ROWS, indent=1).encode(), "a JSON file"),
    ("a.csv", table(",").encode(), ""),
    ("semicolon.csv", table(";").encode(), ""),
    ("tab.csv", table("\t").encode(), ""),
    ("sep.csv", b"sep=;\r\n" + table(";").encode(), ""),
    ("sep-quoted.csv", b'\xef\xbb\xbf"sep=|"\n' + table("|").encode(), ""),
    ("sep-tab.csv", ("sep=\t\n" + table("\t")).encode("utf-16"), ""),
    ("sep", b"sep=;\n" + table(";").encode(), "read as CSV"),
    ("bar.csv", table("|").encode(), ""),
    ("quoted.csv", table(",", csv.QUOTE_ALL).encode(), ""),
    ("bom.csv", b"\xef\xbb\xbf" + table(";").encode(), ""),
    ("wide.csv", table("\t").encode("utf-16"), ""),
    ("latin.csv", f"id,text\n1,\"Café. {FIRST}\"\n2,{SECOND}\n".encode("cp1252"), "Windows-1252"),
    ("crlf.csv", table(",").replace("\n", "\r\n").replace("\r\r", "\r").encode(), ""),
    ("a.tsv", table("\t").encode(), ""),
    ("table", table(",").encode(), "read as CSV"),
    ("a.parquet", parquet(), ""),
    ("parquet.bin", parquet(), ""),
    ("a.xlsx", workbook([["id", "text"], [1, FIRST], [2, SECOND]]), ""),
    ("sheets.xlsx", workbook([["n"], [1]], [["text"], [FIRST], [SECOND]]), "is read, not"),
    ("book.zip", workbook([["id", "text"], [1, FIRST], [2, SECOND]]), "an Excel workbook"),
    ("a.docx", word(), ""),
    ("tables.docx", word(with_table=True), "1 tables left out"),
    ("a.pdf", pdf([FIRST, SECOND]), ""),
    ("wrapped.pdf", pdf([FIRST[:12], FIRST[13:], SECOND]), ""),
    ("a.eml", mail(), ""),
    ("page.eml", mail(html=True), ""),
    ("attached.eml", mail(attached=True), "1 attachments left out (a.bin)"),
    ("mail.txt", mail(), "read as what it is, an e-mail"),
    ("a.zip", zipped(BOTH), ""),
    ("columns.zip", zipped({"a.parquet": parquet()}), ""),
    ("more.zip", zipped({**BOTH, "x.png": b"\x89PNG\r\n\x1a\n" + ZEROS}), "passed over"),
    ("a.txt.gz", gzip.compress(PROSE.encode()), ""),
    ("gzip.txt", gzip.compress(PROSE.encode()), ""),
    ("a.jsonl.zst", zstandard.ZstdCompressor().compress(LINES), ""),
]  # fmt: skip
# Name, bytes, and what the refusal says.
WRONG: list[tuple[str, bytes, str]] = [
    ("scan.pdf", pdf([""]), "a PDF without text"),
    ("locked.pdf", pdf([FIRST], password="secret"), "an encrypted PDF"),
    ("broken.pdf", b"%PDF-1.4\n" + ZEROS, "a damaged PDF"),
    ("named.pdf", PROSE.encode(), "expected pdf as its name says"),
    ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + ZEROS, "file of before 2007"),
    ("a.rtf", b"{\\rtf1\\ansi " + PROSE.encode() + b"}", "an RTF file"),
    ("rtf.txt", b"{\\rtf1\\ansi " + PROSE.encode() + b"}", "an RTF file"),
    ("a.xml", XML.encode(), "an XML file"),
    ("xml.txt", XML.encode(), "an XML file"),
    ("a.png", b"\x89PNG\r\n\x1a\n" + ZEROS, "a PNG image"),
    ("photo.txt", b"\xff\xd8\xff\xe0" + ZEROS, "a JPEG image"),
    ("program", b"\x7fELF" + ZEROS, "an executable"),
    ("base.txt", database(), "an SQLite database"),
    ("noise.txt", bytes(range(256)) * 40, "a binary file"),
    ("broken.zip", b"PK\x03\x04" + ZEROS, "a damaged ZIP archive"),
    ("locked.zip", zipped({"a.txt": FIRST.encode()}, password=True), "encrypted: unpack it first"),
    ("nested.zip", zipped({"in.zip": zipped(BOTH)}), "an archive inside an archive"),
    ("links.tar", tarred(BOTH), "a link or a device"),
    ("noise.tar", bytes(range(256)) * 40, "a damaged TAR archive"),
    ("zeros.txt", tarred({}, links=False), "a binary file"),
    ("links.tar.gz", tarred(BOTH, "w:gz"), "a link or a device"),
    ("a.7z", b"7z\xbc\xaf\x27\x1c" + ZEROS, "a 7z archive"),
    ("broken.docx", zipped({"word/document.xml": b"<no"}), "a damaged Word document"),
    ("lacking.docx", without(word(), "word/styles.xml"), "part word/styles.xml is missing: open"),
    ("bare.docx", without(word(), "word/document.xml"), "a damaged office file: open it"),
    ("lacking.xlsx", without(workbook([["text"], [FIRST]]), "xl/_rels/workbook.xml.rels"),
     "its part xl/_rels/workbook.xml.rels is missing"),
    ("no-sheet.xlsx", without(workbook([["text"], [FIRST]]), "xl/worksheets/sheet1.xml"),
     "a part of it is missing or not as it should be"),
    ("bare.pptx", zipped({"[Content_Types].xml": b"<t/>"}), "a damaged office file"),
    ("digits.json", b'[{"text": "a", "n": ' + b"9" * 5000 + b"}]", "more than 4,300 digits"),
    ("digits.jsonl", b'{"text": "a", "n": ' + b"9" * 5000 + b"}", "that is read: a number"),
    ("slides.pptx", zipped({"ppt/presentation.xml": b"<p/>"}), "a PowerPoint presentation"),
    ("a.odt", zipped({"META-INF/manifest.xml": b"<m/>"}), "an OpenDocument file"),
    ("book.epub", zipped({"META-INF/container.xml": b"<m/>"}), "an EPUB book"),
    ("no.eml", mail(empty=True), "an e-mail without text"),
    ("broken.json", b'[{"text": "a"}, {"text": ', "not JSON"),
    ("numbers.json", b"[1, 2, 3]", "expected an object or a string"),
    ("deep.json", b'[{"text":' + b"[" * 100_000, "not JSON that is read: values lie too deep"),
    ("bomb.gz", gzip.compress(b"a" * 300_000_000), "more than 50,000,000 bytes"),
    ("cut.txt.gz", gzip.compress(PROSE.encode() * 9)[:60], "cannot be read"),
    ("mailbox", b"From a Mon Mar 18\n" + mail(), "a mailbox of e-mails"),
    ("empty.zip", zipped({}), ""),
]  # fmt: skip


def predict(path: Path, *options: str) -> tuple[list[dict[str, Any]], Result]:
    done = CliRunner().invoke(cli, ["predict", str(path), "--format", "jsonl", *options])
    return [json.loads(line) for line in done.stdout.splitlines()], done


@pytest.mark.parametrize(("name", "data", "note"), RIGHT, ids=[name for name, _, _ in RIGHT])
def test_a_file_is_read_for_what_it_is(tmp_path: Path, name: str, data: bytes, note: str) -> None:
    (tmp_path / name).write_bytes(data)
    rows, done = predict(tmp_path / name)
    assert done.exit_code == 0, done.stderr
    sentences = [row["text"] for row in rows if row["kind"] == "sentence"]
    assert sentences[-2:] == [FIRST, SECOND]
    assert note in done.stderr
    if not note:
        assert not [line for line in done.stderr.splitlines() if "column" not in line]


@pytest.mark.parametrize(("name", "data", "reason"), WRONG, ids=[name for name, _, _ in WRONG])
def test_what_cannot_be_read_is_refused_by_name(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    rows, done = predict(tmp_path / name)
    assert reason in done.stderr + str(done.exception)
    if reason:
        assert done.exit_code == 1
    assert not rows or name.startswith(("links", "cut"))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.txt", PROSE * 99, "a document of more than"),
        ("a.html", "<html><p>Subscribe now to read on.</p></html>", "notice found in this page"),
        ("a.html", f"<html><!-- {'é' * 2000} --></html>", "no main text"),
        ("no.eml", mail(empty=True).decode(), "an e-mail without text"),
    ],
)
@pytest.mark.parametrize("written", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_document_that_is_refused_shows_how_it_begins(
    tmp_path: Path, name: str, text: str, reason: str, written: str
) -> None:
    (tmp_path / name).write_bytes(text.encode("utf-8" if name == "no.eml" else written))
    predict(tmp_path / name, "-o", str(tmp_path / "o.jsonl"), "--max-document-bytes", "9000")
    (reject,) = map(json.loads, (tmp_path / "o.jsonl.rejects.jsonl").read_text().splitlines())
    assert reason in reject["reason"]
    raw = reject["raw"].encode("utf-8", "surrogateescape")
    assert raw == text.encode()[: len(raw)] and len(raw) in (997, 1000, len(text.encode()))


def test_only_the_message_of_an_e_mail_is_tagged(tmp_path: Path) -> None:
    message = email.message.EmailMessage()
    message["Message-ID"], message["From"], message["Subject"] = "<1@b>", "a@b.example", "Talks"
    body = f"Dear Anna,\n\n{FIRST}\n\nBest regards,\nMark\n\n"
    message.set_content(f"{body}On 18 Mar 2024, Anna <c@d.example> wrote:\n> {SECOND}\n")
    (tmp_path / "a.eml").write_bytes(bytes(message))
    rows, done = predict(tmp_path / "a.eml")
    assert done.exit_code == 0, done.stderr
    assert [row["what"] for row in rows] == ["greeting", "", "signature", "quotation"]
    assert [row["claim"] for row in rows if row["kind"] == "other"] == [None] * 3


@pytest.mark.parametrize(
    ("declared", "written", "word", "said"),
    [
        ("iso-8859-1", "cp1252", "“it” – café", ""),
        ("us-ascii", "cp1252", "“it” – café", "not UTF-8, read as Windows-1252\n"),
        ("utf-8", "cp1252", "“it” – café", "not UTF-8, read as Windows-1252\n"),
        ("iso-8859-1", "utf-8", "“Łódź” – café", ""),
        ("windows-1250", "cp1250", "“Łódź” – café", ""),
        ("x-unknown", "utf-8", "“Łódź” – café", ""),
        ("utf-16le", "utf-16-le", "“Łódź” – café", ""),
        ("utf-7", "utf-7", "“Łódź” – café", ""),
    ],
)
@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_an_e_mail_is_decoded_by_its_bytes_and_by_what_its_header_says(
    tmp_path: Path, subtype: str, declared: str, written: str, word: str, said: str
) -> None:
    body = f"{FIRST} The paper called {word} odd."
    names = {"Message-ID": "<1@b>", "From": "a@b.example", "Subject": "Talks"}
    names |= {"MIME-Version": "1.0", "Content-Type": f"text/{subtype}; charset={declared}"}
    head = "".join(f"{name}: {value}\n" for name, value in names.items())
    body = f"<p>{body}</p>" if subtype == "html" else body
    coded = base64.encodebytes(body.encode(written))
    head += "Content-Transfer-Encoding: base64\n\n"
    (tmp_path / "a.eml").write_bytes(head.encode() + coded)
    rows, done = predict(tmp_path / "a.eml")
    assert [row["text"] for row in rows] == [FIRST, f"The paper called {word} odd."]
    assert said in done.stderr if said else not done.stderr


FOOTER = "This e-mail and what is attached to it are confidential and may be privileged. "


def test_all_of_the_text_of_an_e_mail_is_read(tmp_path: Path) -> None:
    """Pictures may stand between its parts, and a text may only say that there is a page."""
    message = email.message.EmailMessage()
    message["Message-ID"], message["From"], message["Subject"] = "<1@b>", "a@b.example", "Talks"
    message.set_content(FIRST)
    message.add_attachment(b"\x00", "image", "png", filename="map.png", disposition="inline")
    message.attach(email.message_from_string(f"Content-Type: text/plain\n\n{SECOND}"))
    message.add_attachment("Not of it.", filename="notes.txt")
    (tmp_path / "a.eml").write_bytes(bytes(message))
    alternative = email.message.EmailMessage()
    alternative.set_content(FIRST)
    alternative.add_alternative(f"<p>{FIRST}</p>", subtype="html")
    message.set_payload([alternative, *message.get_payload()[1:]])
    (tmp_path / "d.eml").write_bytes(bytes(message))
    for name in ("a.eml", "d.eml"):
        rows, done = predict(tmp_path / name)
        assert [row["text"] for row in rows] == [FIRST, SECOND]
        assert "2 attachments left out (map.png, notes.txt)" in done.stderr
    for stub in ("", "Your program shows no HTML."):
        message.clear_content()
        message.set_content(stub)
        message.add_alternative(PAGE, subtype="html")
        (tmp_path / "b.eml").write_bytes(bytes(message))
        rows, _ = predict(tmp_path / "b.eml")
        assert [row["text"] for row in rows] == [FIRST, SECOND]
    message.clear_content()
    message.set_content(FIRST)
    message.add_alternative("<p>Hi.</p>", subtype="html")
    (tmp_path / "c.eml").write_bytes(bytes(message))
    assert [row["text"] for row in predict(tmp_path / "c.eml")[0]] == [FIRST]


@pytest.mark.parametrize("footers", [["Scanned by X.", "List footer."], [FOOTER * 6]])
def test_a_page_beside_a_text_is_read_with_it(tmp_path: Path, footers: list[str]) -> None:
    """A mail list may add a text to a page, which is then no other form of it."""
    message = email.message.EmailMessage()
    message["Message-ID"], message["From"], message["Subject"] = "<1@b>", "a@b.example", "Talks"
    message.make_mixed()
    for text, kind in ((PAGE, "html"), *((footer, "plain") for footer in footers)):
        part = email.message.EmailMessage()
        part.set_content(text, subtype=kind)
        message.attach(part)
    (tmp_path / "a.eml").write_bytes(bytes(message))
    rows, _ = predict(tmp_path / "a.eml", "--keep-headings")
    read = " ".join(row["text"] for row in rows)
    assert read.startswith(f"{FIRST} {SECOND}")
    assert all(footer.split(".")[0] in read for footer in footers)


@pytest.mark.parametrize(
    "quoted",
    [
        f"<div class='gmail_quote'><div>On 18 Mar, A wrote:</div><blockquote class='gmail_quote'>"
        f"{SECOND}</blockquote></div>",
        f"<blockquote type='cite'><p>{SECOND}</p></blockquote>",
        f"<hr><div id='divRplyFwdMsg'><b>From:</b> A<br></div><div><p>{SECOND}</p></div>",
    ],
)
def test_what_a_page_of_a_mail_quotes_is_left_out_and_counted(tmp_path: Path, quoted: str) -> None:
    message = email.message.EmailMessage()
    message["Message-ID"], message["From"], message["Subject"] = "<1@b>", "a@b.example", "Talks"
    page = f"<p>Dear Anna,</p><p>{FIRST}</p><p>Best regards,<br>Mark</p><div>{quoted}</div>"
    message.set_content(page, subtype="html")
    (tmp_path / "a.eml").write_bytes(bytes(message))
    rows, done = predict(tmp_path / "a.eml")
    assert [row["what"] for row in rows] == ["greeting", "", "signature"]
    assert "1 quoted mails left out" in done.stderr
    message.set_content(f"<div>{quoted}</div>", subtype="html")  # passed on without a word
    (tmp_path / "b.eml").write_bytes(bytes(message))
    assert SECOND in [row["text"] for row in predict(tmp_path / "b.eml")[0]]


@pytest.mark.parametrize("name", ["empty.txt", "empty.csv", "empty.jsonl", "empty.json"])
def test_an_empty_input_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    rows, done = predict(tmp_path / name)
    assert not rows
    assert "empty" in done.stderr


def test_what_a_folder_holds_besides_is_counted_and_named(tmp_path: Path) -> None:
    for name, data in (
        ("a.txt", PROSE),
        ("README", "words"),
        ("x.png", "\x89PNG\r\n\x1a\n\0"),
        ("y.rtf", "{\\rtf1 words}"),
    ):
        (tmp_path / name).write_bytes(data.encode("latin-1"))
    rows, done = predict(tmp_path)
    assert len(rows) == 2 and done.exit_code == 0
    assert "passed over 3 files: 1 text file (README), 1 PNG image (x.png: " in done.stderr
    assert "1 RTF file (y.rtf: save it as plain text, .docx or PDF with text)" in done.stderr


def test_what_is_no_file_of_a_folder_is_named_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    (folder / "shut").mkdir(parents=True)
    (folder / "a.txt").write_text(PROSE)
    (folder / "loop").symlink_to(folder)
    (folder / "gone.txt").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.txt")
    scandir = os.scandir

    def closed(path: str) -> Any:  # to root no folder is
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    rows, done = predict(folder)
    assert len(rows) == 2 and done.exit_code == 0
    for part in (
        "passed over 4 files: ",
        "1 linked folder (loop)",
        "1 folder that cannot be read (shut)",
        "1 broken link (gone.txt)",
        "1 pipe or other special file (pipe.txt)",
    ):
        assert part in done.stderr


def test_a_name_as_long_as_names_may_be_is_read(tmp_path: Path) -> None:
    name = "x" * 251 + ".txt"
    (tmp_path / name).write_text(PROSE)
    for path in (tmp_path, tmp_path / name):
        rows, done = predict(path)
        assert len(rows) == 2 and done.exit_code == 0


def test_one_file_that_cannot_be_read_does_not_keep_others(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(PROSE)
    (tmp_path / "b.pdf").write_bytes(pdf([""]))
    (tmp_path / "c.txt").write_text(PROSE)
    rows, done = predict(tmp_path)
    assert [row["doc"] for row in rows] == [
        str(tmp_path / n) for n in ("a.txt",) * 2 + ("c.txt",) * 2
    ]
    assert done.exit_code == 1 and "a PDF without text" in done.stderr


@pytest.mark.parametrize(
    ("name", "data", "lacking", "extra"),
    [
        ("b.html", PAGE.encode(), "trafilatura", "html"),
        ("b.docx", word(), "docx", "office"),
        ("b.xlsx", workbook([["text"], [FIRST]]), "openpyxl", "office"),
        ("b.pdf", pdf([FIRST]), "pypdf", "office"),
        ("b.txt.zst", zstandard.ZstdCompressor().compress(FIRST.encode()), "zstandard", "zstd"),
        ("b.parquet", parquet(), "pyarrow", "parquet"),
    ],
)  # fmt: skip
def test_a_missing_extra_rejects_the_file_that_needs_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    data: bytes,
    lacking: str,
    extra: str,
) -> None:
    (tmp_path / "in").mkdir()
    for own, content in (("a.txt", PROSE.encode()), (name, data), ("c.txt", PROSE.encode())):
        (tmp_path / "in" / own).write_bytes(content)
    (tmp_path / "all.zip").write_bytes(zipped({"a.txt": PROSE.encode(), name: data}))
    monkeypatch.setitem(sys.modules, lacking, None)
    rows, done = predict(tmp_path / "in")
    assert len(rows) == 4 and done.exit_code == 1
    assert f"{name}: " in done.stderr and install_command(extra) in done.stderr
    rows, done = predict(tmp_path / "all.zip")
    assert len(rows) == 2 and f"all.zip/{name}: " in done.stderr


def test_a_damaged_parquet_file_does_not_keep_others(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(PROSE)
    (tmp_path / "b.parquet").write_bytes(parquet()[:-9])
    rows, done = predict(tmp_path)
    assert len(rows) == 2 and done.exit_code == 1
    assert "b.parquet: not a Parquet file, or a damaged one" in done.stderr


@pytest.mark.parametrize("pack", [zipped, lambda files: tarred(files, links=False)])
def test_members_that_are_passed_over_are_counted_and_named(tmp_path: Path, pack: Any) -> None:
    apple = b"\x00\x05\x16\x07" + ZEROS
    junk = {"__MACOSX/._a.txt": apple, "b/._c.jsonl": apple, "b/.DS_Store": apple}
    others = {f"{n}.png": b"\x89PNG\r\n\x1a\n" + ZEROS for n in "xyzw"}
    (tmp_path / "a.zip").write_bytes(pack({**BOTH, **junk, "Thumbs.db": ZEROS, **others}))
    rows, done = predict(tmp_path / "a.zip")
    assert [row["text"] for row in rows] == [FIRST, SECOND] and done.exit_code == 0, done.stderr
    assert "4 files in archives that macOS or Windows" in done.stderr
    archive = tmp_path / "a.zip"
    assert f"{archive}/x.png, {archive}/y.png, {archive}/z.png and 1 more: 4 files" in done.stderr


def test_members_of_archives_have_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(BOTH))
    rows, _ = predict(tmp_path / "a.zip")
    assert [row["doc"] for row in rows] == [
        f"{tmp_path}/a.zip/a.txt", f"{tmp_path}/a.zip/b/c.jsonl:1"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("1,204 | 33 | 77 | 2.5\n" * 100, "of it are letters"),
        ("word " * 3000, "5,000 characters without the end"),
        (PROSE * 20, ""),
    ],
)
def test_what_no_person_wrote_is_warned_of(tmp_path: Path, text: str, warning: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    _, done = predict(tmp_path / "a.txt")
    assert warning in done.stderr
    assert warning or not done.stderr


def test_the_delimiter_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"id^text\n1^{FIRST}\n")
    rows, done = predict(tmp_path / "a.csv", "--delimiter", "^")
    assert [row["text"] for row in rows] == [FIRST], done.stderr
    assert predict(tmp_path / "a.csv", "--delimiter", "ab")[1].exception


CZECH = "Příští kolo skončilo v pondělí. Šest lodí čeká u Žďáru."
CZECH_PAGE = (
    f"<html><head><meta charset=utf-8></head><body><article><p>{CZECH}</p></article></body>"
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", CZECH),
        ("a.csv", f'id;text\n1;"{CZECH}"\n'),
        ("a.jsonl", json.dumps({"text": CZECH}, ensure_ascii=False)),
        ("a.html", CZECH_PAGE),
        ("a.zip", CZECH),
        ("a.txt.gz", CZECH),
    ],
)
def test_the_encoding_can_be_said(tmp_path: Path, name: str, text: str) -> None:
    for encoding in ("cp1250", "utf-16", "mac_latin2"):
        data = text.encode(encoding)
        if name.endswith("gz"):
            data = gzip.compress(data)
        (tmp_path / name).write_bytes(zipped({"a.txt": data}) if name == "a.zip" else data)
        rows, done = predict(tmp_path / name, "--encoding", encoding)
        assert " ".join(row["text"] for row in rows) == CZECH, (encoding, done.stderr)
        assert "U+FFFD" not in done.stderr
    (tmp_path / "a.txt").write_bytes(CZECH.encode("cp1250"))
    assert "bytes that are no UTF-8" in predict(tmp_path / "a.txt", "--encoding", "UTF8")[1].stderr


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.pdf", pdf([FIRST]), "a PDF"),
        ("a.docx", word(), "docx file"),
        ("a.xlsx", workbook([["text"], [FIRST]]), "xlsx file"),
        ("a.eml", mail(), "an e-mail"),
        ("a.parquet", parquet(), "a Parquet file"),
    ],
)
def test_what_says_its_encoding_itself_refuses_another(
    tmp_path: Path, name: str, data: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(data)
    rows, done = predict(tmp_path / name, "--encoding", "cp1250")
    assert not rows and done.exit_code == 1
    assert f"{kind}, which says its encoding itself: leave out --encoding" in done.stderr


def test_an_encoding_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(FIRST)
    for name in ("cp99", "base64", "zlib", "a\0", "idna", "punycode", "unicode_escape"):
        error = predict(tmp_path / "a.txt", "--encoding", name)[1].exception
        assert f"encoding is {name!r}, expected a name that Python knows" in str(error)


RUSSIAN = "Переговоры в Женеве закончились без даты.\n"
CHINESE = "和谈在日内瓦结束。没有确定新一轮的日期。\n"


@pytest.mark.parametrize("text", [FIRST, RUSSIAN, CHINESE, CHINESE.strip(), CZECH])
@pytest.mark.parametrize("named", ["utf-16", "utf-32"])
def test_without_a_mark_the_byte_order_is_judged(tmp_path: Path, text: str, named: str) -> None:
    for order in ("le", "be"):
        data = f"text\n{text}".encode(f"{named}-{order}")
        (tmp_path / "a.csv").write_bytes(data)
        rows, done = predict(tmp_path / "a.csv", "--sentences", "--encoding", named)
        assert [row["text"] for row in rows] == [text.strip()], done.stderr
        (tmp_path / "a.csv").write_bytes(data + ("\n" + FIRST * 1000).encode(f"{named}-{order}"))
        assert len(predict(tmp_path / "a.csv", "--sentences", "--encoding", named)[0]) == 2
        (tmp_path / "a.txt").write_bytes(text.split()[0].encode(f"{named}-{order}"))
        (row,) = predict(tmp_path / "a.txt", "--sentences", "--encoding", named)[0]
        assert row["text"] == text.split()[0]


@pytest.mark.parametrize(
    ("named", "real"),
    [(a, "utf-8") for a in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be")]
    + [(a, "utf-8-sig") for a in ("latin-1", "cp1250", "koi8-r", "utf-16")]
    + [("utf-16-be", "utf-16-le"), ("utf-16-be", "utf-16"), ("utf-16-le", "utf-16-be")]
    + [("utf-16", "utf-32"), ("utf-32", "utf-16"), ("utf-16", "cp1252"), ("utf-32", "cp1252")]
    + [("utf-8", "utf-16"), ("cp1250", "utf-16"), ("cp1252", "utf-16-le"), ("utf-8", "utf-32")],
)
def test_a_file_in_another_encoding_than_the_named_is_refused(
    tmp_path: Path, named: str, real: str
) -> None:
    for name, text in (("a.csv", f"text,claim\n{ACCENTED},x\n"), ("a.txt", ACCENTED * 200)):
        (tmp_path / name).write_bytes(text.encode(real))
        rows, done = predict(tmp_path / name, "--encoding", named)
        assert not rows and done.exit_code == 1
        assert (
            f"{name}: not in {codecs.lookup(named).name.upper()}, the encoding that was named"
            in done.stderr
        )
    for command, *how in (["check"], ["evaluate"], ["train", "-o", str(tmp_path / "m")]):
        data = [str(tmp_path / "a.csv"), "--encoding", named]
        done = CliRunner().invoke(cli, [command, *how, *data])
        assert f"a.csv: not in {codecs.lookup(named).name.upper()}" in str(done.exception), command


def test_labelled_data_have_an_encoding_too(tmp_path: Path) -> None:
    lines = [f"The talks went on for {n} days;{'ano' if n % 2 else 'řek'}" for n in range(4)]
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join(["text;mood", *lines]).encode("cp1250"))
    for given, right in (("cp1250", True), (None, False)):
        options = ["--encoding", given] if given else []
        schema = ["--save-schema", str(tmp_path / f"{given}.toml")]
        done = CliRunner().invoke(cli, ["train", str(path), *options, *schema])
        assert done.exit_code == 0, done.output
        found = (tmp_path / f"{given}.toml").read_text(encoding="utf-8")
        assert ("řek" in found) is right and "mood" in found
    for command in ("check", "evaluate"):
        done = CliRunner().invoke(cli, [command, str(path), "--encoding", "cp99"])
        assert "encoding is 'cp99'" in str(done.exception), command


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
BOX = f"<w:txbxContent><w:p><w:r><w:t>{SECOND}</w:t></w:r></w:p></w:txbxContent>"
TWICE = (
    '<m:AlternateContent xmlns:m="http://schemas.openxmlformats.org/markup-compatibility/2006">'
    f"<m:Choice>{BOX}</m:Choice><m:Fallback>{BOX}</m:Fallback></m:AlternateContent>"
)


@pytest.mark.parametrize(
    ("runs", "text", "said"),
    [
        ("<w:r><w:t>Two F</w:t><w:noBreakHyphen/><w:t>16s left.</w:t></w:r>", "Two F-16s left.",
         ""),
        (f"<w:moveFrom><w:r><w:t>{SECOND}</w:t></w:r></w:moveFrom><w:r><w:t>{FIRST}</w:t></w:r>",
         FIRST, ""),
        (f"<w:r><w:rPr><w:vanish/></w:rPr><w:t>No. </w:t></w:r><w:r><w:t>{FIRST}</w:t></w:r>",
         FIRST, ""),
        (f"<w:r><w:rPr><w:strike/></w:rPr><w:t>No. </w:t></w:r><w:r><w:rPr><w:vanish w:val='0'/>"
         f"<w:strike w:val='false'/></w:rPr><w:t>{FIRST}</w:t></w:r>", FIRST, ""),
        (f"<w:r><w:t>{FIRST}</w:t><w:footnoteReference w:id='2'/></w:r>", FIRST,
         "1 footnotes left out"),
        (f"<w:r><w:t>{FIRST}</w:t></w:r><w:r>{TWICE}</w:r>", FIRST, "1 text boxes left out"),
        (f"<w:r>{TWICE}</w:r>", SECOND, ""),
    ],
    ids=["hyphen", "moved", "hidden", "struck", "footnote", "text box", "only a text box"],
)  # fmt: skip
def test_of_a_word_document_is_read_what_a_reader_sees(
    tmp_path: Path, runs: str, text: str, said: str
) -> None:
    document = docx.Document()
    document.element.body.insert(0, docx.oxml.parse_xml(f'<w:p xmlns:w="{W}">{runs}</w:p>'))
    document.save(tmp_path / "a.docx")
    rows, done = predict(tmp_path / "a.docx")
    assert [row["text"] for row in rows] == [text]
    assert said in done.stderr if said else not done.stderr


def test_a_document_that_stands_in_a_table_is_read(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Talks", 1)
    document.add_table(1, 1).cell(0, 0).text = FIRST
    document.save(tmp_path / "a.docx")
    rows, done = predict(tmp_path / "a.docx")
    assert [row["text"] for row in rows] == ["Talks", FIRST] and not done.stderr


@pytest.mark.parametrize("text", [FIRST, ""])
def test_documents_in_a_word_document_are_left_out_aloud(tmp_path: Path, text: str) -> None:
    document = docx.Document()
    document.add_paragraph(text)
    for _ in range(2):
        document.element.body.append(docx.oxml.parse_xml(f'<w:altChunk xmlns:w="{W}"/>'))
    document.save(tmp_path / "a.docx")
    rows, done = predict(tmp_path / "a.docx")
    assert [row["text"] for row in rows] == [text] * bool(text)
    assert "a.docx: 2 embedded documents left out" in done.stderr


def test_members_of_one_name_are_two_documents_and_blanks_are_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, pytest.warns(UserWarning):
        archive.writestr("a.txt", FIRST)
        archive.writestr("a.txt", SECOND)
    rows, _ = predict(tmp_path / "a.zip")
    assert len({row["doc"] for row in rows}) == 2
    (tmp_path / "blank.txt").write_text(" \n\t\n")
    rows, done = predict(tmp_path / "blank.txt")
    assert not rows and "blank.txt: no text in it" in done.stderr
    empty = email.message.EmailMessage()
    empty["Message-ID"], empty["From"], empty["Subject"] = "<1@b.example>", "a@b.example", "Talks"
    only_folders, no_word = zipped({"a/": b""}), io.BytesIO()
    docx.Document().save(no_word)
    for name, data, what in (
        ("empty.eml", bytes(empty) + b"\n\n", "no text in it"),
        ("empty.docx", no_word.getvalue(), "no text in it"),
        ("empty.md", b"---\n---\n", "no text in it"),
        ("empty.zip", zipped({}), "no file in it"),
        ("empty.tar", tarred({}, links=False), "no file in it"),
        ("empty.tgz", tarred({}, "w:gz", links=False), "no file in it"),
        ("folders.zip", only_folders, "no file in it"),
        ("empty.txt", b"", "an empty file"),
    ):
        (tmp_path / name).write_bytes(data)
        for options in ([], ["-o", str(tmp_path / f"{name}.jsonl")]):
            rows, done = predict(tmp_path / name, *options)
            assert not rows and done.stderr.count(f"{name}: ") == 1, done.stderr
            assert f"{name}: {what}" in done.stderr


def test_an_empty_cell_of_excel_is_one_of_csv(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook([["text", "theme"], [FIRST, None], [SECOND, "x"]]))
    (tmp_path / "a.csv").write_text(f"text,theme\n{FIRST},\n{SECOND},x\n")
    rows = {
        name: [row.record for row in read_rows(str(tmp_path / name))]
        for name in ("a.xlsx", "a.csv")
    }
    assert rows["a.xlsx"] == rows["a.csv"]
