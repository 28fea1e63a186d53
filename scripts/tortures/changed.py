"""What changes between a run and its resumption, and runs that meet."""

import os
import signal
import subprocess
import time

from tortures.killed import reference
from tortures.lab import Lab, mounted, trial

_ARGS = ("predict", "in.jsonl", "--sentences", "--part-bytes", "60000")


def _broken_off(lab: Lab, *args: str, output: str = "o.jsonl") -> None:
    """Run until some parts stand, and kill the run."""
    process = lab.start(*(args or _ARGS), "-o", output)
    folder = lab.folder / f"{output}.parts"
    while process.poll() is None and len(list(folder.glob("part-*.json"))) < 3:
        time.sleep(0.005)
    process.kill()
    lab.wait(process)


@trial
def input_changed_between(lab: Lab) -> None:
    """Input grown, shrunk, touched, replaced by one of the same size between run and --resume"""
    whole, _ = reference(lab)
    path = lab.folder / "in.jsonl"
    data = path.read_bytes()
    other = data.replace(b"Monday", b"Fryday", 1)
    changes = {
        "grown": data + b'{"text": "It may fail."}\n',
        "shrunk": data[: data.rindex(b"\n", 0, -1) + 1],
        "of the same size": other,
        "emptied": b"",
    }
    for what, changed in changes.items():
        path.write_bytes(data)
        _broken_off(lab)
        path.write_bytes(changed)
        os.utime(path, (1, 1))
        run = lab.run(*_ARGS, "-o", "o.jsonl", "--resume")
        lab.expect(what, run, 1, "the input changed (in.jsonl)")
        path.write_bytes(data)
        run = lab.run(*_ARGS, "-o", "o.jsonl", "--resume")
        if lab.expect(f"{what}, and back again", run):
            lab.count((lab.folder / "o.jsonl").read_bytes() == whole, f"{what}: other bytes")
        (lab.folder / "o.jsonl").unlink()
        (lab.folder / "o.jsonl.manifest.json").unlink()
    _broken_off(lab)
    os.utime(path)
    if lab.expect("touched", lab.run(*_ARGS, "-o", "o.jsonl", "--resume")):
        lab.count((lab.folder / "o.jsonl").read_bytes() == whole, "touched: other bytes")


@trial
def input_changed_within(lab: Lab) -> None:
    """Input grown, cut, replaced while a run reads it"""
    data = lab.rows("in.jsonl", 60_000).read_bytes()
    path = lab.folder / "in.jsonl"

    def grow() -> None:
        with open(path, "ab") as stream:
            stream.write(b'{"text": "It may fail."}\n' * 9)

    def cut() -> None:
        os.truncate(path, len(data) // 2)

    def edit() -> None:
        with open(path, "r+b") as stream:
            stream.seek(-200, os.SEEK_END)
            stream.write(b" " * 100)

    for what, change in {"grown": grow, "cut": cut, "edited": edit}.items():
        path.write_bytes(data)
        process = lab.start(*_ARGS, "-o", "o.jsonl")
        while not (lab.folder / "o.jsonl.parts" / "part-000002.json").exists():
            time.sleep(0.005)
        change()
        run = lab.wait(process)
        lab.expect(what, run, 1, "changed")
        lab.count(not (lab.folder / "o.jsonl").exists(), f"{what}: an output of two inputs")
        subprocess.run(["rm", "-rf", "o.jsonl.parts"], cwd=lab.folder, check=True)


@trial
def two_runs_at_once(lab: Lab) -> None:
    """Two runs and two resumptions of one output at once: one goes on, one is refused"""
    whole, _ = reference(lab)
    for i in range(8):
        if i % 2:
            _broken_off(lab)
        both = [lab.start(*_ARGS, "-o", "o.jsonl", "--resume") for _ in range(3)]
        runs = [lab.wait(process) for process in both]
        done = [run for run in runs if run.code == 0]
        for run in runs:
            lab.expect(f"round {i}", run, (0, 1), "" if run.code == 0 else "another run is writing")
        lab.count(bool(done), f"round {i}: all were refused")
        lab.count((lab.folder / "o.jsonl").read_bytes() == whole, f"round {i}: other bytes")
        (lab.folder / "o.jsonl").unlink()
        (lab.folder / "o.jsonl.manifest.json").unlink()


@trial
def other_file_system(lab: Lab) -> None:
    """Output and temporary files on other file systems, by a link too, and one that fills"""
    whole, _ = reference(lab)
    with mounted(lab.folder / "disk", "64m") as disk:
        (lab.folder / "link.jsonl").symlink_to(disk / "real.jsonl")
        (lab.folder / "far").symlink_to(disk)
        for output in ("disk/o.jsonl", "far/p.jsonl", "link.jsonl"):
            run = lab.run(*_ARGS, "-o", output, "--jobs", "2")
            if lab.expect(output, run):
                same = (lab.folder / output).read_bytes() == whole
                lab.count(same, f"{output}: other bytes")
        lab.count((disk / "real.jsonl").is_file(), "a link was replaced")
    with mounted(lab.folder / "disk", "6m") as disk:
        for jobs in ("1", "2"):
            run = lab.run(*_ARGS, "-o", "disk/o.jsonl", "--jobs", jobs, "--resume")
            lab.expect(f"full disk, --jobs {jobs}", run, 1, "No space left on device")
            half = [p.name for p in disk.rglob("*.part")]
            lab.count(not half, f"full disk: half files left {half}")
        subprocess.run(["mount", "-o", "remount,size=90m", disk], check=True)
        if lab.expect("more room", lab.run(*_ARGS, "-o", "disk/o.jsonl", "--resume")):
            lab.count((disk / "o.jsonl").read_bytes() == whole, "more room: other bytes")


@trial
def model_exchanged(lab: Lab) -> None:
    """The model folder replaced, emptied or cut while a job runs with --jobs 2"""
    lab.labelled("tones.jsonl", 1_500)
    lab.rows("in.jsonl", 30_000)
    for seed in ("1", "2"):
        args = (
            "train",
            "tones.jsonl",
            "-o",
            f"m{seed}",
            "--seed",
            seed,
            "--set",
            f"tasks.tone.C={seed}",
        )
        lab.expect("training", lab.run(*args))
    args = ("predict", "in.jsonl", "--sentences", "--part-bytes", "60000", "--model", "m")
    (lab.folder / "m").symlink_to("m1")
    run = lab.run(*args, "-o", "whole.jsonl")
    lab.expect("undisturbed", run)
    whole = (lab.folder / "whole.jsonl").read_bytes()

    def exchange() -> None:
        (lab.folder / "new").symlink_to("m2")
        os.replace(lab.folder / "new", lab.folder / "m")

    def damage() -> None:
        for path in (lab.folder / "m1").iterdir():
            os.truncate(path, 10)

    for what, change in {"exchanged": exchange, "cut": damage}.items():
        (lab.folder / "m").unlink()
        (lab.folder / "m").symlink_to("m1")
        process = lab.start(*args, "-o", f"{what}.jsonl", "--jobs", "2")
        folder = lab.folder / f"{what}.jsonl.parts"
        while process.poll() is None and not (folder / "part-000001.json").exists():
            time.sleep(0.005)
        change()
        time.sleep(0.1)
        for pid in lab.workers()[:1]:  # the one in its place has to read the model again
            os.kill(pid, signal.SIGKILL)
        if lab.expect(what, lab.wait(process)):
            same = (lab.folder / f"{what}.jsonl").read_bytes() == whole
            lab.count(same, f"{what}: other bytes")
    lab.expect("a model that is cut", lab.run(*args, "-o", "n.jsonl"), 1, "JSON")


@trial
def damaged_parts(lab: Lab) -> None:
    """A folder of parts that is damaged: parts cut, emptied, of another job, links"""
    whole, _ = reference(lab)
    folder = lab.folder / "o.jsonl.parts"
    for what in ("cut", "emptied", "gone", "of other bytes", "job.json cut"):
        _broken_off(lab)
        part = folder / "part-000001.jsonl"
        if what == "cut":
            os.truncate(part, part.stat().st_size - 1)
        elif what == "emptied":
            os.truncate(part, 0)
        elif what == "gone":
            part.unlink()
        elif what == "of other bytes":
            part.write_bytes(part.read_bytes().replace(b"0", b"1"))
        else:
            os.truncate(folder / "job.json", 20)
            run = lab.run(*_ARGS, "-o", "o.jsonl", "--resume")
            lab.expect(what, run, 1, "is damaged")
            continue
        if lab.expect(what, lab.run(*_ARGS, "-o", "o.jsonl", "--resume")):
            lab.count((lab.folder / "o.jsonl").read_bytes() == whole, f"{what}: other bytes")
        for path in lab.folder.glob("o.jsonl*"):
            path.unlink() if path.is_file() else None
