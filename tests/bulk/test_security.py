"""Nothing that comes from outside may run, write elsewhere, or take the machine down."""

import hashlib
import io
import json
import os
import resource
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagger.errors import DataError, ModelError
from tagger.files.delimited import read_csv
from tagger.files.html import read as read_html
from tagger.files.pages import pages, to_drafts
from tagger.files.rows import Unreadable
from tagger.files.text import without_markup
from tagger.model.model import checksum
from tagger.predictor import Tagger
from tagger.text.segment import sentence_spans

FILES = ("manifest.json", "weights.safetensors")
N_FUZZ = int(os.environ.get("TAGGER_FUZZ", "2000"))

mutations = st.lists(
    st.tuples(
        st.sampled_from(("flip", "cut", "insert", "drop", "swap")),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 255),
        st.integers(1, 40),
    ),
    min_size=1,
    max_size=4,
)


def mutate(data: bytes, changes: list[tuple[str, float, int, int]]) -> bytes:
    for kind, where, byte, length in changes:
        at = int(where * max(len(data), 1))
        if kind == "flip" and data:
            data = data[:at] + bytes([data[at] ^ (byte or 1)]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:at]
        elif kind == "insert":
            data = data[:at] + bytes([byte]) * length + data[at:]
        elif kind == "drop":
            data = data[:at] + data[at + length :]
        elif kind == "swap":
            data = data[:at] + data[at : at + 2][::-1] + data[at + 2 :]
    return data


def repair(folder: Path) -> None:
    """Give a bundle the checksums of what it holds, as an attacker would."""
    manifest = json.loads((folder / FILES[0]).read_bytes())
    weights = (folder / FILES[1]).read_bytes()
    manifest["files"] = {FILES[1]: hashlib.sha256(weights).hexdigest()}
    manifest["checksum"] = checksum(manifest)
    (folder / FILES[0]).write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def workshop(tiny_folder: Path) -> Path:
    root = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(dir=root)) / "model"
    shutil.copytree(tiny_folder, folder)
    yield folder  # type: ignore[misc]
    shutil.rmtree(folder.parent)


def test_mutated_bundle_is_refused_or_loads_equal(
    workshop: Path, tiny_folder: Path, tiny: Tagger
) -> None:
    originals = {name: (tiny_folder / name).read_bytes() for name in FILES}
    sentence = ["The talks may fail on Monday."]
    expected = tiny.predict_proba(sentence)
    seen = {"refused": 0, "equal": 0}

    @settings(
        max_examples=N_FUZZ,
        deadline=5000,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(name=st.sampled_from(FILES), changes=mutations)
    def check(name: str, changes: list[tuple[str, float, int, int]]) -> None:
        for other, data in originals.items():
            (workshop / other).write_bytes(mutate(data, changes) if other == name else data)
        try:
            loaded = Tagger.load(workshop)
        except ModelError as error:
            assert str(workshop) in str(error)
            seen["refused"] += 1
            return
        found = loaded.predict_proba(sentence)
        assert all((found[task] == expected[task]).all() for task in expected)
        seen["equal"] += 1

    check()
    assert seen["refused"] > N_FUZZ / 2


def test_mutated_weights_with_true_checksums_do_not_break_out(
    workshop: Path, tiny_folder: Path
) -> None:
    original = (tiny_folder / FILES[1]).read_bytes()
    header_end = 8 + struct.unpack("<Q", original[:8])[0]

    @settings(
        max_examples=max(200, N_FUZZ // 4),
        deadline=5000,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(changes=mutations, in_header=st.booleans())
    def check(changes: list[tuple[str, float, int, int]], in_header: bool) -> None:
        head, body = original[:header_end], original[header_end:]
        data = mutate(head, changes) + body if in_header else head + mutate(body, changes)
        shutil.copy(tiny_folder / FILES[0], workshop / FILES[0])
        (workshop / FILES[1]).write_bytes(data)
        repair(workshop)
        try:
            Tagger.load(workshop).predict_proba(["The talks may fail on Monday."])
        except ModelError:
            pass

    check()


def manifest_values() -> list[tuple[str, object]]:
    odd = (None, -1, 10**30, 1e308, float("nan"), "x", [], {}, [[]], True, "../../etc/passwd")
    keys = ("schema", "features", "n_documents", "n_terms", "scales", "decisions", "about", "files")
    return [(key, value) for key in (*keys, "format") for value in odd]


@pytest.mark.parametrize(("key", "value"), manifest_values(), ids=str)
def test_odd_manifest_with_a_true_checksum_is_refused_or_harmless(
    workshop: Path, tiny_folder: Path, key: str, value: object
) -> None:
    for name in FILES:
        shutil.copy(tiny_folder / name, workshop / name)
    manifest = json.loads((workshop / FILES[0]).read_bytes())
    manifest[key] = value
    manifest["checksum"] = checksum(manifest)
    (workshop / FILES[0]).write_text(json.dumps(manifest))
    try:
        Tagger.load(workshop).predict_proba(["The talks may fail on Monday."])
    except ModelError:
        return
    # Notes, a count, and "no setting differs from the defaults".
    assert key in ("about", "n_documents") or (key, value) == ("features", {})


def test_header_that_claims_a_terabyte_is_refused_before_it_is_fetched(
    workshop: Path, tiny_folder: Path
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for size in (1 << 40, (1 << 63) - 1, 90_000_000):
        shutil.copy(tiny_folder / FILES[0], workshop / FILES[0])
        (workshop / FILES[1]).write_bytes(struct.pack("<Q", size) + b"{}")
        repair(workshop)
        start = time.monotonic()
        with pytest.raises(ModelError):
            Tagger.load(workshop)
        assert time.monotonic() - start < 1
    tensor = {"df": {"dtype": "F64", "shape": [1 << 37], "data_offsets": [0, 1 << 40]}}
    head = json.dumps(tensor).encode()
    (workshop / FILES[1]).write_bytes(struct.pack("<Q", len(head)) + head)
    repair(workshop)
    with pytest.raises(ModelError):
        Tagger.load(workshop)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b", "..", "", "A\x00b", "x\n"])
def test_name_that_leads_out_of_the_folder_is_refused(
    workshop: Path, tiny_folder: Path, name: str
) -> None:
    for file in FILES:
        shutil.copy(tiny_folder / file, workshop / file)
    (workshop.parent / "outside").write_bytes(b"x")
    manifest = json.loads((workshop / FILES[0]).read_bytes())
    manifest["files"][name] = hashlib.sha256(b"x").hexdigest()
    manifest["checksum"] = checksum(manifest)
    (workshop / FILES[0]).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="not a plain file name"):
        Tagger.load(workshop)


@pytest.mark.parametrize("name", FILES)
def test_link_in_a_bundle_is_refused(tmp_path: Path, tiny_folder: Path, name: str) -> None:
    shutil.copytree(tiny_folder, tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    (tmp_path / "model" / name).symlink_to(tiny_folder / name)
    with pytest.raises(ModelError, match="found a link"):
        Tagger.load(tmp_path / "model")


PAYLOADS = [
    "<script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "\"><svg onload=document.title='pwned'>",
    "' onmouseover='document.title=1' x='",
    "</article></body><script>document.title='pwned'</script>",
    "</title><script>document.title='pwned'</script>",
    "</style><script>document.title='pwned'</script>",
    "<!--><script>document.title='pwned'</script>-->",
    "<iframe srcdoc=\"<script>parent.document.title='pwned'</script>\"></iframe>",
    "javascript:document.title='pwned'",
    "&lt;script&gt;document.title='pwned'&lt;/script&gt;",
    "<math><mtext><script>document.title='pwned'</script>",
    '<meta http-equiv=refresh content="0;url=data:text/html,pwned">',
    "\x00<scr\x00ipt>document.title='pwned'</script>",
    "{{constructor.constructor('document.title=1')()}}",
]


def written(tiny: Tagger, folder: Path) -> list[Path]:
    texts = [f"{p} said. The talks may fail." for p in PAYLOADS]
    table = tiny.tag_table(texts, PAYLOADS, {"title": PAYLOADS}, explain=True)
    files = []
    for name, content in pages(to_drafts(table, texts).splitlines(), tiny.schema, tiny.model.id):
        files.append(folder / name)
        assert files[-1].parent == folder
        files[-1].write_bytes(content)
    return files


def test_pages_hold_the_text_and_no_markup_of_it(tiny: Tagger, tmp_path: Path) -> None:
    from html.parser import HTMLParser

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.seen: set[str] = set()
            self.names: set[str] = set()
            self.inside = False
            self.text = ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.seen.add(tag)
            self.names |= {name for name, _ in attrs}
            self.inside |= tag == "article"

        def handle_endtag(self, tag: str) -> None:
            self.inside &= tag != "article"

        def handle_data(self, data: str) -> None:
            self.text += data * self.inside

    files = written(tiny, tmp_path)
    assert len(files) == len(PAYLOADS) + 1
    for payload, path in zip(PAYLOADS, files, strict=False):
        parser = Tags()
        parser.feed(path.read_text(encoding="utf-8"))
        assert not parser.seen & {"script", "img", "iframe", "math"}
        assert path.read_text(encoding="utf-8").count("<svg") == 1  # the bar of shares
        assert not any(name.startswith("on") for name in parser.names)
        assert parser.text == f"{payload} said. The talks may fail.".replace("\x00", "\ufffd")


def test_no_payload_runs_in_a_browser(tiny: Tagger, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    for path in written(tiny, tmp_path)[::5]:
        done = subprocess.run(
            [
                *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--disable-sync", "--disable-quic", f"--user-data-dir={tmp_path / 'profile'}"),
                *("--virtual-time-budget=500", "--dump-dom", path.as_uri()),
            ],
            capture_output=True,
            timeout=60,
        )
        page = done.stdout.decode()
        assert "<article>" in page or "<table>" in page
        assert "<title>pwned</title>" not in page and "<title>1</title>" not in page


ADVERSARIAL = [
    "[" * 10_000_000,
    "[a](" * 2_500_000,
    "*a" * 5_000_000,
    "*" * 10_000_000,
    "`" * 10_000_000,
    "```\n" * 2_500_000,
    "---\n" * 2_500_000,
    "- " * 5_000_000,
    "_a *b ~~c `d" * 830_000,
    " " * 10_000_000,
    "#" * 10_000_000,
    "\n" * 10_000_000,
    "![" * 5_000_000,
    '[x](a "' * 1_400_000,
    " #" * 5_000_000,
]


def seconds_of(call: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    call(text)
    return time.process_time() - start


def grows_linearly(call: Callable[[str], object], text: str) -> bool:
    """Say whether eight times the text takes nowhere near 64 times as long.

    Times on a busy machine differ by half, so each is the best of some.
    """
    part = min(seconds_of(call, text[: len(text) // 8]) for _ in range(3))
    return any(seconds_of(call, text) < 24 * max(part, 0.005) for _ in range(3))


@pytest.mark.parametrize("text", ADVERSARIAL, ids=lambda t: repr(t[:8]))
def test_adversarial_markdown_is_read_in_linear_time(text: str) -> None:
    assert grows_linearly(without_markup, text[:4_000_000])


@pytest.mark.parametrize(
    "text",
    [
        "." * 10_000_000,
        "a." * 5_000_000,
        pytest.param("A. " * 3_333_333, marks=pytest.mark.slow),
        '"' * 10_000_000,
        "(" * 10_000_000,
        "a" * 10_000_000,
        " " * 10_000_000,
        "?!" * 5_000_000,
        "Mr. " * 2_500_000,
        "\n" * 10_000_000,
        pytest.param("the U.S. A " * 900_000, marks=pytest.mark.slow),
        "No. 5 (a) " * 1_000_000,
        "b!) C" * 2_000_000,
        "x\nY" * 3_333_333,
    ],
    ids=lambda t: repr(t[:4]),
)
def test_adversarial_text_is_segmented_in_linear_time(text: str) -> None:
    assert grows_linearly(sentence_spans, text[:4_000_000])


HARD_FOR_READERS = {
    "word": "a" * 1_000_000,
    "quotes": '"' * 1_000_000,
    "angles": "<" * 1_000_000,
    "entities": "&amp;" * 200_000,
    "marks": "e" + "\u0301" * 500_000,
    "digits": "1" * 1_000_000,
    "dashes": "-" * 1_000_000,
    "brackets": "[" * 1_000_000,
    "quotes that stay open": 'a","b\n' * 140_000,
    "columns": "a,b,c," * 50_000,
}


@pytest.mark.parametrize("text", HARD_FOR_READERS.values(), ids=HARD_FOR_READERS)
def test_csv_is_read_in_linear_time(text: str) -> None:
    def read(text: str) -> None:
        with suppress(DataError):  # a header that names a column twice
            rows = list(read_csv(io.BytesIO(text.encode()), "x"))
            n_lines = text.count("\n")
            assert not n_lines or sum(getattr(row, "n_rows", 1) for row in rows) == n_lines

    assert grows_linearly(read, text)


def test_page_of_countless_tags_is_rejected_with_the_reason() -> None:
    pytest.importorskip("trafilatura")
    with pytest.raises(Unreadable, match="more than 100,000 tags"):
        list(read_html(io.BytesIO(b"<p>" * 100_001), "x.html"))
