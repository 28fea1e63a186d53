"""Time and memory against rows: no worse than n log n, and under 4 GB at a million rows."""

import json
import math
import subprocess
import sys
from pathlib import Path

from tortures.lab import Lab, Skip, trial
from tortures.record import save_scale

SIZES = (50_000, 200_000, 1_000_000)
_GB = 4_000


def _measured(lab: Lab, *args: str | Path, timeout: float = 3000) -> tuple[int, float, float, str]:
    """Run tagger; return exit code, seconds of processor, most memory in MB, and its errors."""
    watch = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss); sys.exit(code)"
    )
    command = [sys.executable, "-c", watch, sys.executable, "-m", "tagger", *map(str, args)]
    done = subprocess.run(
        command, cwd=lab.folder, env=lab.environment(), capture_output=True, timeout=timeout
    )
    seconds, kilobytes = map(float, done.stdout.split()[-2:])
    return done.returncode, seconds, kilobytes / 1024, done.stderr.decode(errors="replace")


def _scale(lab: Lab, what: str, text: str, commands: dict[int, tuple[str | Path, ...]]) -> None:
    """Measure a command at growing sizes; count whether time and memory grow as they may."""
    found: dict[int, tuple[float, float]] = {}
    for n, args in commands.items():
        code, seconds, megabytes, err = _measured(lab, *args)
        bounded = code == 1 and "expected at most" in err and "memory" in err
        if not lab.count(code == 0 or bounded, f"{what} of {n:,}: exit {code}: {err[-300:]}"):
            break
        told = "refused, and told why" if bounded else f"{seconds:.1f} s, {megabytes:,.0f} MB"
        lab.notes.append(f"{what}, {text}, {n:,} rows: {told}")
        print(f"    {lab.notes[-1]}", flush=True)
        if lab.table:
            save_scale(lab.table, what, text, n, None if bounded else (seconds, megabytes))
        if bounded:
            break
        found[n] = seconds, megabytes
        lab.count(megabytes < _GB, f"{what} of {n:,}: {megabytes:,.0f} MB")
    for a, b in zip(list(found), list(found)[1:], strict=False):
        grown = (b * math.log(b)) / (a * math.log(a))
        times = found[b][0] / max(found[a][0], 1.0)
        # Twice, because caches and memory are slower the fuller they are.
        lab.count(
            times < 2 * grown, f"{what}: {times:.1f} times as long for {b / a:.0f} times the rows"
        )


def _commands(lab: Lab, n: int, path: Path) -> dict[str, tuple[str | Path, ...]]:
    model, half = lab.folder / "small", lab.folder / f"half{n}.jsonl"
    return {
        "predict": ("predict", path, "--sentences", "-o", f"tagged{n}.jsonl"),
        "stats": ("stats", f"tagged{n}.jsonl", "--by", "document", "--format", "csv"),
        "check": ("check", path, "--format", "json"),
        "check --against": ("check", path, "--against", half, "--format", "json"),
        "evaluate": ("evaluate", "--model", model, path, "-o", f"report{n}"),
        "compare": ("compare", model, lab.folder / "other", path),
        "train": ("train", path, "-o", f"model{n}", "--jobs", "1"),
    }


def _all(lab: Lab, text: str, paths: dict[int, Path]) -> None:
    smallest = paths[min(paths)]
    with open(smallest) as stream:
        lines = stream.readlines()[:3000]
    for name, own in (("small", lines[:1500]), ("other", lines[1500:])):
        (lab.folder / f"{name}.jsonl").write_text("".join(own))
        lab.expect("training", lab.run("train", f"{name}.jsonl", "-o", name))
    for n, path in paths.items():
        with open(path) as stream, open(lab.folder / f"half{n}.jsonl", "w") as half:
            half.writelines(line for i, line in enumerate(stream) if i % 2)
    each = {n: _commands(lab, n, path) for n, path in paths.items()}
    known = each[min(paths)]
    if unknown := set(lab.commands) - known.keys():
        raise Skip(f"no command {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for what in lab.commands or known:
        _scale(lab, what, text, {n: each[n][what] for n in paths})


@trial
def scale_of_templates(lab: Lab) -> None:
    """predict, stats, check, evaluate, compare, train on 50,000 to 1,000,000 template sentences"""
    _all(lab, "templates", {n: lab.labelled(f"in{n}.jsonl", n) for n in SIZES})


@trial
def scale_of_real_text(lab: Lab) -> None:
    """The same on real sentences, joined anew until there are as many (--real FILE)"""
    if lab.real is None:
        raise Skip("name a file of articles with --real")
    cut = lab.folder / "cut.jsonl"
    run = lab.run("predict", lab.real, "-o", cut, "--jobs", "2", timeout=600)
    lab.expect("cutting", run, (0, 1))
    found = []
    with open(cut) as stream:
        for line in stream:
            row = json.loads(line)
            if row["kind"] == "sentence":
                found.append((row["text"], row["claim"]))
    paths = {}
    for n in SIZES:
        paths[n] = lab.folder / f"in{n}.jsonl"
        with open(paths[n], "w") as stream:
            for i in range(n):
                text, claim = found[i % len(found)]
                if turn := i // len(found):  # as many new sentences as rows
                    other = found[(i * 7 + turn) % len(found)][0]
                    text = f"{text} {turn}, {other}"[:400]
                stream.write(json.dumps({"doc": f"d{i // 20}", "text": text, "tone": claim}) + "\n")
    _all(lab, "real", paths)


@trial
def ever_new_words(lab: Lab) -> None:
    """A Tagger fed nothing but new words for ten minutes: memory stays flat"""
    program = """
import resource, sys, time
from tagger import Tagger
tagger = Tagger.load()
end, i, peaks = time.monotonic() + float(sys.argv[1]), 0, []
step = (end - time.monotonic()) / 10
next_ = time.monotonic() + step
while time.monotonic() < end:
    new = [f"w{n}x of q{n * 7919 % 10**9:x} and z{n}." for n in range(i, i + 2000)]
    tagger.tag_sentences(new)
    i += 2000
    if time.monotonic() > next_:
        with open("/proc/self/statm") as stream:
            peaks.append(int(stream.read().split()[1]) * resource.getpagesize() >> 20)
        next_ += step
print(i, *peaks)
"""
    seconds = "600"
    done = subprocess.run(
        [sys.executable, "-c", program, seconds],
        env=lab.environment(),
        capture_output=True,
        timeout=900,
    )
    if lab.count(done.returncode == 0, f"exit {done.returncode}: {done.stderr[-300:]!r}"):
        n, *megabytes = map(int, done.stdout.split())
        lab.notes.append(f"{n:,} sentences of new words; MB as time went on: {megabytes}")
        flat = max(megabytes[5:]) <= 1.1 * max(megabytes[:5]) + 20
        lab.count(flat, f"memory grows: {megabytes}")
