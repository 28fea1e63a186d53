"""Hostile and unlucky input, file by file: every row comes out or is rejected with a reason."""

import csv
import ctypes
import gzip
import io
import json
import os
import re
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tortures.lab import Lab, Run, Skip, sentence, trial

_GIB = 1 << 30


def _counts(run: Run) -> tuple[int, int, int] | None:
    """Return the rows in, tagged and rejected that a job reports."""
    found = re.search(
        r"([\d,]+) (?:row|document)s? in = ([\d,]+) tagged \+ ([\d,]+) rejected", run.err
    )
    return tuple(int(n.replace(",", "")) for n in found.groups()) if found else None  # type: ignore[return-value]


def _memory(limit: float) -> dict[str, Callable[[], None]]:
    """Return how to start a command that may have no more than so many GiB of memory."""
    n = int(limit * _GIB)
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (n, n))}


def _job(
    lab: Lab,
    what: str,
    *args: str | Path,
    rows: tuple[int, int] | None = None,
    codes: tuple[int, ...] = (0,),
    says: str = "",
    gib: float = 4,
) -> Run:
    """Tag into a file; count whether rows in = tagged + rejected, and as many as are meant."""
    for path in lab.folder.glob("o.jsonl*"):
        if path.is_dir():
            subprocess.run(["rm", "-rf", path], check=True)
        else:
            path.unlink()
    run = lab.run("predict", *args, "-o", "o.jsonl", timeout=1800, **_memory(gib))
    if lab.expect(what, run, codes, says) and rows is not None:
        counts = _counts(run)
        meant = (sum(rows), *rows)
        lab.count(
            counts == meant, f"{what}: rows in, tagged, rejected are {counts}, expected {meant}"
        )
    return run


@trial
def odd_folders(lab: Lab) -> None:
    """A folder with link loops, dead links, sockets, pipes, devices, hidden files, odd names"""
    folder = lab.folder / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "loop").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "dead.txt").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.txt")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(folder / "socket.txt"))
    names = [
        b"-rf.txt",
        b"a\nb.txt",
        b"caf\xe9.txt",
        b"\x1b[2J.txt",
        b"sub/ .txt",
        b"*.txt",
        b"[x].txt",
    ]
    names += [b"x" * 240 + b".txt", "\u202etxt.exe.txt".encode()]
    for name in names:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("The talks may fail.\n")
    run = _job(lab, "a folder", "in", rows=(len(names), 0))
    lab.count(not re.search("[\x1b\u202e]", run.err), f"controls on the terminal: {run.err!r}")
    for ending in ("csv", "parquet", "xlsx"):
        out = lab.run("predict", "in", "-o", f"o.{ending}")
        lab.expect(f"odd names into {ending}", out)
    pages = lab.run("predict", "in", "--format", "html", "-o", "pages")
    lab.expect("odd names into pages", pages)
    made = len(list((lab.folder / "pages").glob("*.html")))
    lab.count(made >= len(names), f"{made} pages of {len(names)} documents")


def _without_privileges() -> None:
    """Take from root what lets it read and write all."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@trial
def unreadable_files(lab: Lab) -> None:
    """Files and folders that cannot be read or written, also for root without its privileges"""
    folder = lab.folder / "in"
    folder.mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text("The talks may fail.\n")
    (folder / "b.txt").chmod(0)
    (folder / "closed").mkdir(mode=0)
    how = {"preexec_fn": _without_privileges}
    probe = subprocess.run(["cat", folder / "b.txt"], capture_output=True, **how)
    if not probe.returncode:
        raise Skip("root's privileges cannot be dropped here")
    lab.expect("a folder", lab.run("predict", "in", "-o", "o.jsonl", **how), 1, "1 row could not")
    lab.expect("a file", lab.run("predict", "in/b.txt", **how), 1, "Permission denied")
    lab.expect("said", lab.run("predict", "in", **how), (0, 1), "1 folder that cannot be read")
    (lab.folder / "shut").mkdir(mode=0o555)
    shut = lab.run("predict", "in/a.txt", "-o", "shut/o.jsonl", **how)
    lab.expect("a folder that may not be written", shut, 1, "Permission denied")


@trial
def many_files(lab: Lab) -> None:
    """100,000 small files in folders"""
    n = 100_000
    for i in range(n):
        if i % 1000 == 0:
            folder = lab.folder / "in" / f"{i // 1000:03}"
            folder.mkdir(parents=True)
        (folder / f"{i}.txt").write_text(sentence(i))
    run = _job(lab, "a folder", "in", "--jobs", "2", rows=(n, 0), gib=6)
    lab.notes.append(f"{run.seconds:.0f} s")


@trial
def long_lines(lab: Lab) -> None:
    """One line of 200 MB, of text, JSON, CSV; a word of 40 MB"""
    good = '{"text": "The talks may fail."}\n'
    path = lab.folder / "in.jsonl"
    with open(path, "w") as stream:
        stream.write(good + '{"text": "')
        for _ in range(200):
            stream.write("The talks may fail. " * 50_000)
        stream.write('"}\n' + good)
    _job(lab, "JSON Lines", "in.jsonl", rows=(2, 1), codes=(1,), gib=3)
    text = "The talks may fail. " * 2_450_000
    (lab.folder / "most.txt").write_text(text)
    run = _job(lab, "49 MB, 2 million sentences", "most.txt", rows=(1, 0), gib=6)
    lab.notes.append(f"one document of 49 MB: {run.seconds:.0f} s")
    (lab.folder / "in.txt").write_text(text * 4)
    _job(lab, "text", "in.txt", rows=(0, 1), codes=(1,), gib=3)
    _job(lab, "lines of text", "in.txt", "--sentences", codes=(0, 1), gib=3)
    text *= 4
    (lab.folder / "in.csv").write_text(f'text,k\nIt may fail.,1\n"{text}",2\nIt fell.,3\n')
    _job(lab, "CSV", "in.csv", rows=(2, 1), codes=(1,), gib=3)
    (lab.folder / "word.txt").write_text("a" * 40_000_000)
    _job(lab, "a word of 40 MB", "word.txt", rows=(1, 0), gib=6)
    (lab.folder / "spaces.txt").write_text(" \n\t" * 15_000_000 + "x")
    _job(lab, "45 MB of white space", "spaces.txt", rows=(1, 0), gib=6)


@trial
def odd_json(lab: Lab) -> None:
    """JSON nested 100,000 deep, duplicate keys, NaN, numbers as text, surrogates, huge numbers"""
    deep = "[" * 100_000 + "]" * 100_000
    rows = [
        f'{{"text": "It may fail.", "k": {deep}}}',
        '{"text": ' + '{"a": ' * 100_000 + "1" + "}" * 100_001,
        '{"text": "One.", "text": "It may fail."}',
        '{"text": "It may fail.", "n": NaN, "m": -Infinity}',
        '{"text": 12}',
        '{"text": "It may fail.", "k": ' + "9" * 5000 + "}",
        '{"text": "It may \\ud800 fail."}',
        '{"text": "It may \\u0000 fail."}',
        '{"text": ["It may fail."]}',
        '{"": "x", "text": "It may fail."}',
        '{"text": "It may fail.", "k": 1e999}',
        "null",
        '{"text": "It may fail."} {"text": "Two."}',
        '\ufeff{"text": "It may fail."}',
    ]
    (lab.folder / "in.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    run = _job(lab, "JSON Lines", "in.jsonl", codes=(1,))
    counts = _counts(run)
    lab.count(bool(counts) and counts[0] == len(rows), f"rows in are {counts}")
    for ending in ("csv", "parquet", "xlsx", "json"):
        out = lab.run("predict", "in.jsonl", "-o", f"o.{ending}")
        lab.expect(f"into {ending}", out, 1)
        lab.count((_counts(out) or (0,))[0] == len(rows), f"into {ending}: {_counts(out)}")
    (lab.folder / "deep.json").write_text(deep)
    _job(lab, "JSON nested", "deep.json", rows=(0, 1), codes=(1,))
    (lab.folder / "deep.jsonl").write_text('{"text": "x", "tone": ' + deep + "}\n")
    for args in (("train", "deep.jsonl", "-o", "m"), ("check", "deep.jsonl")):
        lab.expect(f"{args[0]} of nested JSON", lab.run(*args), (0, 1))


@trial
def odd_csv(lab: Lab) -> None:
    """CSV with NUL, quotes open to the end of 100 MB, 10,000 columns, columns named as ours"""
    line = "It may fail on Monday.,1\n"
    (lab.folder / "nul.csv").write_bytes(b"text,k\nIt may\0 fail.,1\nIt fell.,2\n")
    run = _job(lab, "NUL", "nul.csv", codes=(0, 1))
    lab.count((_counts(run) or (0,))[0] == 2, f"NUL: {_counts(run)}")
    n = 4_000_000
    (lab.folder / "open.csv").write_text("text,k\n" + line + '"It may fail.,2\n' + line * n)
    run = _job(lab, "open quote", "open.csv", "--sentences", codes=(1,), gib=4)
    lab.count((_counts(run) or (0,))[0] == n + 2, f"open quote: {_counts(run)}, expected {n + 2}")
    lab.notes.append(f"open quote to the end of 100 MB: {run.seconds:.0f} s, {_counts(run)}")
    (lab.folder / "open.csv").unlink()
    names = ",".join(f"c{i}" for i in range(10_000))
    cells = ",".join(str(i) for i in range(10_000))
    (lab.folder / "wide.csv").write_text(f"text,{names}\n" + f"It may fail.,{cells}\n" * 300)
    _job(lab, "10,000 columns", "wide.csv", rows=(300, 0))
    for ending in ("csv", "parquet"):
        out = lab.run("predict", "wide.csv", "-o", f"wide.out.{ending}")
        lab.expect(f"10,000 columns into {ending}", out)
    own = (
        "doc,n,kind,what,start,end,text,claim,p_military,theme,review,model,evidence,input_claim,z"
    )
    values = "a,b,c,d,e,f,It may fail.,g,h,i,j,k,l,m,o"
    (lab.folder / "ours.csv").write_text(f"{own}\n{values}\n")
    for ending in ("jsonl", "csv", "parquet", "json", "xlsx"):
        out = lab.run("predict", "ours.csv", "-o", f"own.{ending}")
        lab.expect(f"columns named as ours, into {ending}", out)
    record = json.loads((lab.folder / "own.jsonl").read_text())
    header = (lab.folder / "own.jsonl").read_text()
    kept = {record.get(f"input_{name}") for name in ("claim", "p_military", "theme", "model")}
    lab.count(kept >= {"h", "i", "k"}, f"columns named as ours are lost: {record}")
    keys = re.findall(r'"([a-z_]+)":', header)
    lab.count(len(keys) == len(set(keys)), f"a key stands twice: {sorted(keys)}")


@trial
def odd_parquet(lab: Lab) -> None:
    """Parquet: nested, dictionary, large, view, null, binary; no rows; 5 million in a group"""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [sentence(i) for i in range(6)]

    def binary(kind: str) -> "pa.Array":
        return pa.array(texts, pa.string()).cast(kind)

    kinds = {
        "dictionary": pa.array(texts).dictionary_encode(),
        "large": pa.array(texts, pa.large_string()),
        "view": pa.array(texts, pa.string_view()),
        "binary": pa.array([t.encode() for t in texts], pa.binary()),
        "null": pa.nulls(6),
        "list": pa.array([[t] for t in texts]),
        "struct": pa.array([{"a": t} for t in texts]),
        "int": pa.array(range(6)),
    }
    passed = {
        "nested": pa.array([{"a": [{"b": i}]} for i in range(6)]),
        "map": pa.array([[("a", i)] for i in range(6)], pa.map_(pa.string(), pa.int64())),
        "codes": pa.array(["x", None] * 3).dictionary_encode(),
        "large": pa.array(["y"] * 6, pa.large_string()),
        "view": pa.array(["y"] * 6, pa.string_view()),
        "bytes": pa.array([b"\xff\x00"] * 6),
        "none": pa.nulls(6),
        "time": pa.array([0, None] * 3, pa.timestamp("ns", "Asia/Kathmandu")),
        "decimal": pa.array([1] * 6).cast(pa.decimal128(21, 2)),
        "nan": pa.array([float("nan"), float("inf")] * 3),
    }
    for name, column in kinds.items():
        pq.write_table(pa.table({"text": column, **passed}), lab.folder / f"{name}.parquet")
        good = name in ("dictionary", "large", "view")
        codes = (0,) if good else (1,)
        run = _job(lab, f"text is {name}", f"{name}.parquet", codes=codes)
        rows = _counts(run)
        lab.count(
            rows == ((6, 6, 0) if good else (6, 0, 6)) or (not good and not rows and run.code == 1),
            f"text is {name}: {rows}, {run}",
        )
    for ending in ("csv", "parquet", "xlsx", "json"):
        lab.expect(f"into {ending}", lab.run("predict", "view.parquet", "-o", f"o.{ending}"))
    engine = ("--engine", "dask", "-o", "o.dask.parquet")
    lab.expect("by dask", lab.run("predict", "view.parquet", *engine))
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), lab.folder / "none.parquet")
    _job(lab, "no rows", "none.parquet", rows=(0, 0))
    damaged = bytearray((lab.folder / "large.parquet").read_bytes())
    damaged[40:60] = b"\xff" * 20
    (lab.folder / "damaged.parquet").write_bytes(damaged)
    _job(lab, "a damaged page", "damaged.parquet", codes=(1,))
    n = 5_000_000
    column = pa.array([sentence(i % 5000) for i in range(n)])
    table = pa.table({"text": column, "k": pa.array(range(n))})
    pq.write_table(table, lab.folder / "big.parquet", row_group_size=n, use_dictionary=False)
    del table, column
    run = lab.run(
        "predict", "big.parquet", "--sentences", "-o", "big.out.parquet", timeout=1800, **_memory(6)
    )
    lab.expect("5 million rows in a group", run)
    lab.count(_counts(run) == (n, n, 0), f"5 million rows: {_counts(run)}")
    lab.notes.append(f"5 million rows in one group: {run.seconds:.0f} s")


def _zeros(n: int) -> Iterator[bytes]:
    for _ in range(n >> 20):
        yield b"\0" * (1 << 20)


@trial
def odd_compression(lab: Lab) -> None:
    """gzip of several members and cut, bombs of 10 GB in gzip, zstd, ZIP; a long window"""
    import zipfile

    import zstandard

    row = b'{"text": "The talks may fail."}\n'
    (lab.folder / "many.jsonl.gz").write_bytes(gzip.compress(row) * 500 + b"\0" * 100)
    _job(lab, "many members", "many.jsonl.gz", rows=(500, 0))
    whole = gzip.compress(row * 5000)
    (lab.folder / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    _job(lab, "cut", "cut.jsonl.gz", codes=(1,), says="could not be tagged")
    (lab.folder / "garbage.jsonl.gz").write_bytes(gzip.compress(row * 50) + b"garbage")
    _job(lab, "garbage at the end", "garbage.jsonl.gz", codes=(1,))
    size = 10 << 30
    for ending in ("txt", "jsonl", "csv", "json"):
        with gzip.open(lab.folder / f"bomb.{ending}.gz", "wb", 1) as stream:
            for block in _zeros(size if ending == "txt" else 1 << 30):
                stream.write(block)
        _job(lab, f"gzip bomb as {ending}", f"bomb.{ending}.gz", codes=(1,), gib=2)
    one = zstandard.ZstdCompressor(level=3)
    with open(lab.folder / "bomb.jsonl.zst", "wb") as file, one.stream_writer(file) as stream:
        for block in _zeros(size):
            stream.write(block)
    _job(lab, "zstd bomb", "bomb.jsonl.zst", codes=(1,), gib=2)
    with zipfile.ZipFile(lab.folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("a.txt", "w", force_zip64=True) as stream:
            for block in _zeros(1 << 30):
                stream.write(block)
        archive.writestr("b.txt", "The talks may fail.")
    _job(lab, "ZIP bomb", "bomb.zip", codes=(1,), gib=2)
    long = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=True)
    )
    with open(lab.folder / "long.jsonl.zst", "wb") as file, long.stream_writer(file) as stream:
        for i in range(3000):
            stream.write(json.dumps({"text": sentence(i)}).encode() + b"\n")
    _job(lab, "zstd with a window of 2 GB", "long.jsonl.zst", codes=(0, 1), gib=3)


@trial
def outputs_in_the_way(lab: Lab) -> None:
    """Devices, pipes, links, files of the user's under the output's names; outputs as input"""
    (lab.folder / "a.txt").write_text("The talks may fail. Oil rose.\n")
    for device in ("/dev/stdout", "/dev/full", "/dev/null"):
        before = os.stat(device).st_mode
        run = lab.run("predict", "a.txt", "-o", device, "--format", "jsonl", "--force")
        lab.expect(device, run, 1, "expected a file")
        lab.count(os.stat(device).st_mode == before, f"{device} is another")
    os.mkfifo(lab.folder / "pipe.jsonl")
    lab.expect("a pipe", lab.run("predict", "a.txt", "-o", "pipe.jsonl"), 1, "named pipe")
    (lab.folder / "far.jsonl").write_text("mine")
    (lab.folder / "link.jsonl").symlink_to("far.jsonl")
    lab.expect("a link", lab.run("predict", "a.txt", "-o", "link.jsonl"), 1, "--force")
    lab.expect("a link, forced", lab.run("predict", "a.txt", "-o", "link.jsonl", "--force"))
    followed = (lab.folder / "link.jsonl").is_symlink() and (
        lab.folder / "far.jsonl"
    ).stat().st_size > 9
    lab.count(followed, "the link was not followed")
    for name in ("o.jsonl", "o.jsonl.manifest.json", "o.jsonl.rejects.jsonl", "o.jsonl.part"):
        (lab.folder / name).write_text("mine")
        lab.expect(name, lab.run("predict", "a.txt", "-o", "o.jsonl"), 1, "--force")
        lab.count((lab.folder / name).read_text() == "mine", f"{name} was replaced")
        (lab.folder / name).unlink()
    (lab.folder / "pages").mkdir()
    (lab.folder / "pages" / "index.html").write_text("mine")
    pages = lab.run("predict", "a.txt", "--format", "html", "-o", "pages")
    lab.expect("a folder for pages", pages, 1, "--force")
    (lab.folder / "in").mkdir()
    (lab.folder / "a.txt").rename(lab.folder / "in" / "a.txt")
    for _ in range(3):
        run = lab.run("predict", "in", "-o", "in/o.jsonl")
        lab.expect("an output in the folder of the input", run)
        lab.count(_counts(run) == (1, 1, 0), f"it was read again: {_counts(run)}")


@trial
def text_that_acts(lab: Lab) -> None:
    """Escapes and bidirectional marks on a terminal, formulas in spreadsheets, markup in pages"""
    evil = "\x1b[2J\x1b]0;x\x07\x9b1m\u202e<script>alert(1)</script>"
    rows = [
        {"doc": f"=d{evil}", "text": f"{c}It may{evil} fail.", f"k{evil}": evil} for c in "=+-@\t\r"
    ]
    (lab.folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for args in (
        ("predict", "in.jsonl"),
        ("predict", "in.jsonl", "--explain"),
        ("check", "in.jsonl"),
    ):
        shown = subprocess.run(
            ["script", "-qec", " ".join(lab.command(*args)), "/dev/null"],
            cwd=lab.folder,
            env=lab.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
        ).stdout.decode(errors="replace")
        styles = re.sub("\x1b\\[\\??[0-9;]*[mKhlA]", "", shown)  # ours, and those of a progress bar
        raw = sorted(set(re.findall("[\x07\x1b\x9b\u202e]", styles)))
        lab.count(not raw, f"{args} shows {raw!r}")
    lab.expect("excel", lab.run("predict", "in.jsonl", "--format", "excel", "-o", "o.csv"))
    cells = csv.reader(
        io.StringIO((lab.folder / "o.csv").read_text(encoding="utf-8-sig"), newline="")
    )
    acting = [cell for row in cells for cell in row if cell[:1] in set("=+-@\t\r")]
    lab.count(not acting, f"cells that act: {acting[:2]!r}")
    lab.expect("pages", lab.run("predict", "in.jsonl", "--format", "html", "-o", "pages"))
    for page in (lab.folder / "pages").rglob("*.html"):
        lab.count(
            "<script>alert" not in page.read_text(encoding="utf-8"), f"{page.name} has a script"
        )
