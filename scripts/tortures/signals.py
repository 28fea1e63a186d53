"""Signals and closed terminals at random moments of every command."""

import os
import pty
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tortures.killed import reference, resumed
from tortures.lab import Lab, end, trial

_SIGNS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGHUP": signal.SIGHUP}
_PREDICT = ("predict", "in.jsonl", "--sentences", "--part-bytes", "60000", "--jobs", "2")


def _commands(lab: Lab) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return the other commands by name, each with what it writes."""
    lab.labelled("tones.jsonl", 5_000)
    lab.rows("in.jsonl", 20_000)
    lab.run("predict", "in.jsonl", "--sentences", "-o", "tagged.jsonl")
    trained = lab.run("train", "tones.jsonl", "-o", "old", "--jobs", "2")
    lab.expect("training undisturbed", trained)
    return {
        "train": (("train", "tones.jsonl", "-o", "out", "--jobs", "2"), "out"),
        "search": (("train", "tones.jsonl", "-o", "out", "--search", "--jobs", "2"), "out"),
        "check": (("check", "tones.jsonl", "--label-errors", "--jobs", "2"), ""),
        "evaluate": (("evaluate", "--model", "old", "tones.jsonl", "-o", "out"), "out"),
        "compare": (("compare", "old", "old", "tones.jsonl"), ""),
        "stats": (("stats", "tagged.jsonl", "--by", "document", "--format", "json"), ""),
    }


def _send(process: "subprocess.Popen[bytes]", sign: int, to_all: bool) -> None:
    if to_all:
        end(process, sign)
    else:
        process.send_signal(sign)


@trial
def signals_to_predict(lab: Lab) -> None:
    """Ctrl-C, SIGTERM, SIGHUP to predict --jobs 2, to the parent or to all its processes"""
    whole, seconds = reference(lab)
    rng = random.Random(11)
    for name, sign in _SIGNS.items():
        stopped = 0
        for i in range(10):
            process = lab.start(*_PREDICT, "-o", "o.jsonl")
            lab.ready(process.pid)
            time.sleep(rng.uniform(0, seconds))
            _send(process, sign, to_all=i % 2 == 0)
            run = lab.wait(process, 60)
            what = f"{name} {i} to {'the parent' if i % 2 else 'all'}"
            stopped += run.code != 0
            if lab.expect(what, run, (0, 128 + sign, -sign)):
                resumed(lab, what, whole, *_PREDICT)
        lab.count(stopped > 0, f"{name} ended none of 10 runs: nothing was tried")


@trial
def signals_to_others(lab: Lab) -> None:
    """Ctrl-C, SIGTERM, SIGHUP to train, check, evaluate, compare, stats"""
    rng = random.Random(12)
    for command, (args, output) in _commands(lab).items():
        run = lab.run(*args, timeout=300)
        lab.expect(command, run)
        for name, sign in _SIGNS.items():
            stopped = 0
            for i in range(5):
                shutil.rmtree(lab.folder / "out", ignore_errors=True)
                process = lab.start(*args)
                lab.ready(process.pid)
                time.sleep(rng.uniform(0, run.seconds))
                _send(process, sign, to_all=i % 2 == 0)
                done = lab.wait(process, 60)
                stopped += done.code != 0
                what = f"{name} to {command} {i}, {'the parent' if i % 2 else 'all'}"
                if lab.expect(what, done, (0, 128 + sign, -sign)) and output and done.code:
                    parts = list(lab.folder.rglob("*.part"))
                    lab.count(not parts, f"{what}: half a file left: {parts}")
            lab.count(stopped > 0, f"{name} ended none of 5 runs of {command}: nothing was tried")


@trial
def stopped_and_continued(lab: Lab) -> None:
    """SIGSTOP, a while, SIGCONT: the same bytes"""
    whole, seconds = reference(lab)
    rng = random.Random(13)
    for i in range(10):
        process = lab.start(*_PREDICT, "-o", "o.jsonl")
        for _ in range(3):
            time.sleep(rng.uniform(0.1, seconds / 3))
            end(process, signal.SIGSTOP)
            time.sleep(0.3)
            end(process, signal.SIGCONT)
        if lab.expect(f"stop {i}", lab.wait(process)):
            lab.count((lab.folder / "o.jsonl").read_bytes() == whole, f"stop {i}: other bytes")


def _on_terminal(lab: Lab, *args: str) -> tuple[int, int]:
    """Start tagger with a terminal of its own; return its process and the terminal's other end."""
    import sys

    pid, master = pty.fork()
    if pid == 0:
        os.chdir(lab.folder)
        os.execve(sys.executable, [sys.executable, "-m", "tagger", *args], lab.environment())
    return pid, master


@trial
def closed_terminal(lab: Lab) -> None:
    """A terminal closed at random moments: nothing left, and --resume gives the same bytes"""
    whole, seconds = reference(lab)
    rng = random.Random(14)
    stopped = 0
    for i in range(12):
        pid, master = _on_terminal(lab, *_PREDICT, "-o", "o.jsonl")
        lab.ready(pid)
        time.sleep(rng.uniform(0, seconds))
        os.close(master)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        stopped += code != 0
        if lab.count(code in (0, 129), f"close {i}: exit {code}, expected 129"):
            resumed(lab, f"close {i}", whole, *_PREDICT)
    lab.count(stopped > 0, "no run of 12 was ended: nothing was tried")


@trial
def hangup_that_is_ignored(lab: Lab) -> None:
    """nohup: SIGHUP is ignored where the caller says so"""
    whole, _ = reference(lab)
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    for i in range(4):
        process = lab.start(*_PREDICT, "-o", "o.jsonl", **ignore)
        time.sleep(0.5 + 0.2 * i)
        end(process, signal.SIGHUP)
        if lab.expect(f"hangup {i}", lab.wait(process)):
            lab.count((lab.folder / "o.jsonl").read_bytes() == whole, "other bytes")
        Path(lab.folder / "o.jsonl").unlink(missing_ok=True)
