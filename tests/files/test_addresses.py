"""Input that has an address: a server on this machine, and stores by fsspec."""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tagger.corpus.rows import rows_of
from tagger.errors import DataError, OutputError, install_command
from tagger.files import remote
from tagger.files.batches import input_of, read_batches
from tagger.files.folders import expand
from tagger.files.rows import Batch, Reject
from tagger.targets import check_free

SENTENCE = "Café prices rose, the ministry said in Kraków on Monday."
PAGE = f"<html><body><article><h1>Prices</h1><p>{SENTENCE}</p></article></body></html>"
LINES = '{"text": "Oil rose.", "doc": "a"}\n{"text": "It may fall.", "doc": "b"}\n'


def answer(kind, data, status=200, **headers):
    headers = {"Content-Type": kind, "Content-Length": str(len(data))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return status, {k: v for k, v in headers.items() if v is not None}, data


LATIN = PAGE.replace("ó", "o").encode("latin-1")
ANSWERS = {
    "/news/oil": answer("text/html; charset=utf-8", PAGE.encode()),
    "/latin2": answer("text/html; charset=iso-8859-2", PAGE.replace("é", "ó").encode("latin2")),
    "/latin1": answer("text/plain; charset=ISO-8859-1", LATIN[LATIN.index(b"<p>") + 3 : -30]),
    "/lies": answer("text/plain; charset=iso-8859-1", SENTENCE.encode()),
    "/zip": answer("text/plain", gzip.compress(SENTENCE.encode()), Content_Encoding="gzip"),
    "/odd": answer("text/plain", b"x", Content_Encoding="br"),
    "/rows.jsonl": answer("application/octet-stream", LINES.encode()),
    "/rows.jsonl.gz": answer("application/gzip", gzip.compress(LINES.encode())),
    "/rows?as=csv": answer("text/csv", b"text\nOil rose.\n"),
    "/a b\u017e.txt": answer("text/plain", b"Oil rose."),
    "/image": answer("image/png", b"\x89PNG\r\n\x1a\n\0"),
    "/short": answer("text/plain", b"Oil rose.", Content_Length="900"),
    "/gone": answer("text/html", b"no", 410),
    "/moved": answer("text/html", b"", 302, Location="/news/oil"),
    "/loop": answer("text/html", b"", 302, Location="/loop"),
    "/file": answer("text/html", b"", 302, Location="file:///etc/hostname"),
    "/ftp": answer("text/html", b"", 302, Location="ftp://127.0.0.1/x"),
    "/trickle": answer("text/plain", b"", Content_Length="30"),
    "/large": answer("text/plain", b"word " * 1000, Content_Length=None),
}


class Handler(BaseHTTPRequestHandler):
    seen: list[str] = []

    def do_GET(self):
        from urllib.parse import unquote

        path = unquote(self.path)
        Handler.seen.append(path)
        if path == "/slow":
            time.sleep(1)
        if path == "/dripping":  # headers without an end
            with suppress(OSError):
                for _ in range(30):
                    time.sleep(0.1)
                    self.wfile.write(b"x")
            return
        status, headers, data = ANSWERS.get(path, answer("text/html", b"", 404))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # the reader may have seen enough
            self.wfile.write(data)
            for _ in range(30 if path == "/trickle" else 0):
                time.sleep(0.1)
                self.wfile.write(b"x")

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    monkeypatch.setattr(remote, "_FETCHED", {})
    monkeypatch.setattr(remote, "_GIVEN_UP", {})


def refused(address):
    """Return why an address gives nothing but a reject."""
    (item,) = read_batches(input_of(expand([address])))
    assert isinstance(item, Reject) and item.source == address
    return item.reason


def batch_of(*addresses):
    """Read addresses as `tagger predict` does: texts and names of documents."""
    items = list(read_batches(input_of(expand(list(addresses)))))
    assert not any(isinstance(item, Reject) for item in items), items
    return [(t, d) for item in items for t, d in zip(item.texts, item.docs, strict=True)]


def test_a_page_is_read_by_its_type_and_named_by_its_address(site):
    pytest.importorskip("trafilatura")
    for place in ("/news/oil", "/moved"):
        ((text, doc),) = batch_of(site + place)
        assert text == f"Prices\n\n{SENTENCE}" and doc == site + place


def test_the_charset_of_the_server_counts_but_less_than_the_bytes(site):
    pytest.importorskip("trafilatura")
    assert "Cafó prices rose, the ministry said in Kraków" in batch_of(site + "/latin2")[0][0]
    assert batch_of(site + "/latin1")[0][0].startswith("Café prices rose")
    assert batch_of(site + "/lies")[0][0] == SENTENCE


def test_compressed_answers_and_tables(site):
    rows = [("Oil rose.", "a"), ("It may fall.", "b")]
    assert batch_of(site + "/zip") == [(SENTENCE, site + "/zip")]
    assert batch_of(site + "/rows.jsonl") == rows
    assert batch_of(site + "/rows.jsonl.gz") == rows
    assert batch_of(site + "/rows?as=csv")[0][0] == "Oil rose."
    assert batch_of(site + "/a b\u017e.txt")[0][0] == "Oil rose."
    labelled = rows_of(site + "/rows.jsonl")
    assert [row.record["text"] for row in labelled] == ["Oil rose.", "It may fall."]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("/none", "the server answered 404 Not Found, expected 200"),
        ("/gone", "the server answered 410 Gone"),
        ("/loop", "infinite loop"),
        ("/file", "edirection to url 'file:///etc/hostname' is not allowed"),
        ("/ftp", "unknown url type: ftp"),
        ("/odd", "content encoding 'br', expected none or gzip"),
        ("/short", "broke off, 891 of 900 bytes are missing"),
    ],
)
def test_what_cannot_be_fetched_is_said(site, place, reason):
    assert reason in refused(site + place)
    assert site not in refused(site + place)


def test_what_holds_no_text_is_rejected(site):
    (reject,) = read_batches(input_of([site + "/image"]))
    assert isinstance(reject, Reject) and "PNG image" in reject.reason
    assert reject.source == site + "/image"


def test_size_and_time_are_bounded(site, monkeypatch):
    monkeypatch.setattr(remote, "MAX_BYTES", 1000)
    assert "more than 1,000 bytes" in refused(site + "/large")
    monkeypatch.setattr(remote, "WHOLE_SECONDS", 0.5)
    for place in ("/trickle", "/dripping"):
        begun = time.monotonic()
        assert "not done after 0.5 seconds" in refused(site + place)
        assert time.monotonic() - begun < 2
    monkeypatch.setattr(remote, "WHOLE_SECONDS", 60)
    monkeypatch.setattr(remote, "WAIT_SECONDS", 0.3)
    assert "timed out" in refused(site + "/slow")


def test_no_server_is_said(site):
    assert "refused" in refused("http://127.0.0.1:9/a")


def test_one_address_that_fails_does_not_end_the_run(site, tmp_path):
    lines = [site + "/none", site + "/rows.jsonl", "memory://in/none.txt"]
    items = list(read_batches(input_of(expand(lines))))
    assert sum(len(item) for item in items if isinstance(item, Batch)) == 2
    assert [item.source for item in items if isinstance(item, Reject)] == [lines[0], lines[2]]
    Handler.seen.clear()
    done = subprocess.run(
        [sys.executable, "-m", "tagger", "predict", *lines[:2], "-o", "out.jsonl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "1 row could not be tagged" in done.stderr
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 2
    (reject,) = map(json.loads, (tmp_path / "out.jsonl.rejects.jsonl").read_text().splitlines())
    assert reject["file"] == lines[0] and "answered 404" in reject["reason"]
    assert Handler.seen == ["/none", "/rows.jsonl"]  # each asked once


def test_the_command_fetches_once_and_writes_the_same_as_from_a_file(site, tmp_path):
    (tmp_path / "a.jsonl").write_text(LINES)
    Handler.seen.clear()
    for name, out in ((site + "/rows.jsonl", "b"), ("a.jsonl", "c")):
        subprocess.run(
            [sys.executable, "-m", "tagger", "predict", name, "-o", f"{out}.jsonl"],
            cwd=tmp_path,
            check=True,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "c.jsonl").read_bytes()
    assert Handler.seen == ["/rows.jsonl"]
    manifest = json.loads((tmp_path / "b.jsonl.manifest.json").read_bytes())
    assert manifest["inputs"][0]["file"] == site + "/rows.jsonl"
    assert manifest["inputs"][0]["bytes"] == len(LINES)
    assert not list(tmp_path.glob("tagger-*"))  # what was fetched is gone


def test_stores_are_read_by_fsspec(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    store.pipe("/in/rows.jsonl.gz", gzip.compress(LINES.encode()))
    store.pipe("/in/a.txt", b"Oil rose.")
    assert batch_of("memory://in/rows.jsonl.gz") == [("Oil rose.", "a"), ("It may fall.", "b")]
    assert batch_of("memory://in/a.txt") == [("Oil rose.", "memory://in/a.txt")]
    (tmp_path / "a.txt").write_text("Oil fell.")
    assert batch_of(f"file://{tmp_path}/a.txt")[0][0] == "Oil fell."


def test_parquet_of_a_store(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": ["Oil rose."], "doc": ["a"]}), sink)
    fsspec.filesystem("memory").pipe("/in/a.parquet", sink.getvalue().to_pybytes())
    assert batch_of("memory://in/a.parquet") == [("Oil rose.", "a")]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("memory://in/*.jsonl", "are not expanded"),
        ("s3://bucket/folder/", "are not expanded"),
        ("memory://in/none.txt", "cannot be read: no such file in the store"),
        ("nosuch://in/a.txt", "cannot be read: Protocol not known: nosuch"),
    ],
)
def test_what_a_store_does_not_give_is_said(name, reason):
    pytest.importorskip("fsspec")
    if "expanded" in reason:
        with pytest.raises(DataError, match=reason):
            expand([name])
    else:
        assert refused(name) == reason


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert install_command("remote") in refused("memory://in/a.txt")


def test_an_address_is_no_place_to_write():
    for name in ("s3://bucket/out.jsonl", "memory://out.jsonl"):
        for given in (name, Path(name)):
            with pytest.raises(OutputError, match=f"{name}: is an address"):
                check_free([given])
