"""Processes killed at any moment: the run goes on to the same bytes."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

from tortures.lab import Lab, Run, end, trial

Process = subprocess.Popen[bytes]
N = 30_000
_ARGS = ("predict", "in.jsonl", "--sentences", "--part-bytes", "60000")


def reference(lab: Lab, *args: str, n: int = N, name: str = "whole.jsonl") -> tuple[bytes, float]:
    """Write an input; return what an undisturbed run gives, and its seconds."""
    lab.rows("in.jsonl", n)
    run = lab.run(*(args or _ARGS), "-o", name)
    lab.expect("an undisturbed run", run)
    return (lab.folder / name).read_bytes(), run.seconds


def resumed(lab: Lab, what: str, whole: bytes, *args: str, output: str = "o.jsonl") -> bool:
    """Count whether a resumed run ends with the bytes of one that was never disturbed."""
    run = lab.run(*(args or _ARGS), "-o", output, "--resume")
    if run.code or "Traceback" in run.err:
        return lab.count(False, f"{what}: resumed: {run}")
    path = lab.folder / output
    same = path.read_bytes() == whole
    lost = [p.name for p in lab.folder.glob(f"{output}.*") if p.suffix in (".part", ".parts")]
    if left := lab.left():
        return lab.count(False, f"{what}: left behind {left}")
    for name in (path, path.with_name(output + ".manifest.json")):
        name.unlink(missing_ok=True)
    return lab.count(same and not lost, f"{what}: other bytes after --resume, or left {lost}")


def _at(lab: Lab, process: Process, hit: Callable[[Process], None], moment: float) -> Run:
    time.sleep(moment)
    if process.poll() is None:
        hit(process)
    return lab.wait(process)


def _killed(lab: Lab, seed: int, hit: Callable[[Process], None]) -> Iterator[str]:
    """Kill runs at random moments, yield which, and count whether they go on to the same bytes."""
    whole, seconds = reference(lab)
    rng = random.Random(seed)
    for i in range(15):
        process = lab.start(*_ARGS, "-o", "o.jsonl", "--jobs", "2")
        _at(lab, process, hit, rng.uniform(0.3, seconds * 1.1))
        yield f"kill {i}"
        resumed(lab, f"kill {i}", whole, *_ARGS, "--jobs", "2")


@trial
def killed_parent(lab: Lab) -> None:
    """Kill -9 of the parent with --jobs 2, then --resume"""
    for what in _killed(lab, 1, lambda process: process.kill()):
        if left := [line for _, line in _gone(lab)]:
            lab.count(False, f"{what}: processes left {left}")


@trial
def killed_as_it_grows(lab: Lab) -> None:
    """Kill -9 of a run whose Parquet parts go straight into the output, by one process or two"""
    for jobs in ("1", "2"):
        args = (*_ARGS, "--jobs", jobs)
        whole, seconds = reference(lab, *args, name="whole.parquet")
        rng = random.Random(int(jobs))
        for i in range(12):
            process = lab.start(*args, "-o", "o.parquet")
            _at(lab, process, lambda process: process.kill(), rng.uniform(0.3, seconds))
            resumed(lab, f"--jobs {jobs}, kill {i}", whole, *args, output="o.parquet")


def _gone(lab: Lab, grace: float = 5.0) -> list[tuple[int, str]]:
    until = time.monotonic() + grace
    while (left := list(lab.processes())) and time.monotonic() < until:
        time.sleep(0.05)
    return left


@trial
def killed_group(lab: Lab) -> None:
    """Kill -9 of the parent and all its processes at once, then --resume"""
    for _ in _killed(lab, 2, lambda process: end(process, signal.SIGKILL)):
        pass


def _kill_workers(lab: Lab, most: int) -> int:
    workers = lab.workers()[:most]
    for pid in workers:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return len(workers)


def _workers_killed(lab: Lab, most: int, seed: int) -> None:
    whole, seconds = reference(lab)
    rng = random.Random(seed)
    killed = 0
    for i in range(15):
        process = lab.start(*_ARGS, "-o", "o.jsonl", "--jobs", "2")
        time.sleep(rng.uniform(0.4, seconds))
        killed += _kill_workers(lab, most)
        run = lab.wait(process)
        if lab.expect(f"kill {i}", run):
            same = (lab.folder / "o.jsonl").read_bytes() == whole
            lab.count(same and "+ 0 rejected" in run.err, f"kill {i}: other bytes: {run}")
    lab.notes.append(f"{killed} workers killed")


@trial
def killed_worker(lab: Lab) -> None:
    """Kill -9 of one worker: its part is done again"""
    _workers_killed(lab, 1, 3)


@trial
def killed_workers(lab: Lab) -> None:
    """Kill -9 of all workers at once"""
    _workers_killed(lab, 9, 4)


@trial
def killed_twice(lab: Lab) -> None:
    """Kill -9 in a run, in its resumption and in the next one"""
    whole, seconds = reference(lab)
    rng = random.Random(5)
    for i in range(8):
        for _ in range(3):
            process = lab.start(*_ARGS, "-o", "o.jsonl", "--jobs", "2", "--resume")
            _at(lab, process, lambda p: p.kill(), rng.uniform(0.4, seconds * 0.8))
        resumed(lab, f"round {i}", whole)


_KILLER = """
import os, signal, sys
name, at, after = os.environ["TORTURE_DIE"].split(":")
at, after = int(at), after == "after"
real, n = getattr(os, name), 0
def hit(*args, **how):
    global n
    n += 1
    if n == at and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    answer = real(*args, **how)
    if n == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
setattr(os, name, hit)
"""


@trial
def killed_at_every_rename(lab: Lab) -> None:
    """Kill -9 before and after each rename, sync and removal of a run, the join's too"""
    args = ("predict", "in.jsonl", "--sentences", "--part-bytes", "20000")
    trap = lab.folder / "trap"
    trap.mkdir()
    (trap / "sitecustomize.py").write_text(_KILLER)
    path = f"{trap}{os.pathsep}{lab.environment()['PYTHONPATH']}"
    for output in ("o.jsonl", "o.parquet"):
        whole, _ = reference(lab, *args, n=700, name=f"whole-{output}")
        for name in ("replace", "fsync", "unlink", "rmdir", "ftruncate"):
            for when in ("before", "after"):
                for at in range(1, 99):
                    die = {"TORTURE_DIE": f"{name}:{at}:{when}", "PYTHONPATH": path}
                    run = lab.run(*args, "-o", output, env=die)
                    if run.code != -signal.SIGKILL:
                        for left in (output, f"{output}.manifest.json"):
                            (lab.folder / left).unlink(missing_ok=True)
                        break
                    what = f"{output} killed {when} {name} {at}"
                    resumed(lab, what, whole, *args, output=output)


@trial
def killed_in_the_join(lab: Lab) -> None:
    """Kill -9 as the parts are put together, into CSV, spreadsheets and JSON Lines"""
    for ending in ("csv", "xlsx", "jsonl"):
        args = ("predict", "in.jsonl", "--sentences", "--part-bytes", "200000")
        whole, _ = reference(lab, *args, n=20_000, name=f"whole.{ending}")
        output = f"o.{ending}"
        for i in range(5):
            process = lab.start(*args, "-o", output)
            while process.poll() is None and not (lab.folder / f"{output}.part").exists():
                time.sleep(0.002)
            time.sleep(0.03 * i)
            process.kill()
            run = lab.wait(process)
            if run.code == 0:
                lab.expect(f"{ending} {i}", run)
                (lab.folder / output).unlink()
                continue
            resumed(lab, f"{ending} {i}", whole, *args, output=output)
