"""Limits of the machine and odd surroundings: a clear error, or the same bytes."""

import resource
import subprocess
from collections.abc import Callable

from tortures.killed import reference
from tortures.lab import Lab, Skip, mounted, trial

_ARGS = ("predict", "in.jsonl", "--sentences", "--part-bytes", "60000")
_TRAIN = ("train", "tones.jsonl", "-o", "model", "--jobs", "2")


def _limit(what: int, n: int) -> dict[str, Callable[[], None]]:
    return {"preexec_fn": lambda: resource.setrlimit(what, (n, n))}


def _same(lab: Lab, what: str, whole: bytes, *args: str, **how: object) -> None:
    """Count whether a run under odd conditions gives the same bytes."""
    for path in lab.folder.glob("o.jsonl*"):
        subprocess.run(["rm", "-rf", path], check=True)
    if lab.expect(what, lab.run(*(args or _ARGS), "-o", "o.jsonl", **how)):
        lab.count((lab.folder / "o.jsonl").read_bytes() == whole, f"{what}: other bytes")


@trial
def limits_of_memory(lab: Lab) -> None:
    """ulimit -v from 400 MB upwards: done, or a clear error, never a hang or half a file"""
    whole, _ = reference(lab)
    lab.labelled("tones.jsonl", 3_000)
    for megabytes in (400, 600, 800, 1000, 1500, 2500, 4000):
        how = _limit(resource.RLIMIT_AS, megabytes << 20)
        for jobs in ("1", "2"):
            args = (*_ARGS, "--jobs", jobs, "-o", f"o{megabytes}-{jobs}.jsonl", "--resume")
            run = lab.run(*args, **how)
            what = f"{megabytes} MB, --jobs {jobs}"
            if lab.expect(what, run, (0, 1)) and run.code == 0:
                same = (lab.folder / f"o{megabytes}-{jobs}.jsonl").read_bytes() == whole
                lab.count(same or "0 rejected" not in run.err, f"{what}: other bytes: {run}")
            again = lab.run(*args)
            lab.expect(f"{what}, then without a limit", again, (0, 1))
        if megabytes >= 1500:  # with less the libraries below tagger cannot even be loaded
            run = lab.run(*_TRAIN, "--force", **how)
            lab.expect(f"{megabytes} MB, train", run, (0, 1))


@trial
def limits_of_files(lab: Lab) -> None:
    """64 open files with --jobs 2 and hundreds of parts; a limit on the size of a file"""
    args = ("predict", "in.jsonl", "--sentences", "--part-bytes", "5000")
    whole, _ = reference(lab, *args)
    for ending, jobs in (("jsonl", "1"), ("jsonl", "2"), ("parquet", "2"), ("xlsx", "2")):
        own = (*args, "--jobs", jobs, "-o", f"few.{jobs}.{ending}")
        run = lab.run(*own, **_limit(resource.RLIMIT_NOFILE, 64))
        if lab.expect(f"64 files, --jobs {jobs}, {ending}", run) and ending == "jsonl":
            same = (lab.folder / f"few.{jobs}.jsonl").read_bytes() == whole
            lab.count(same, f"64 files, --jobs {jobs}: other bytes")
    folder = lab.folder / "in"
    folder.mkdir()
    for i in range(300):
        (folder / f"{i}.txt").write_text("The talks may fail.\n")
    run = lab.run("predict", "in", "-o", "many.jsonl", **_limit(resource.RLIMIT_NOFILE, 64))
    lab.expect("64 files, 300 inputs", run)
    lab.labelled("tones.jsonl", 3_000)
    lab.expect("64 files, train", lab.run(*_TRAIN, **_limit(resource.RLIMIT_NOFILE, 64)))
    for megabytes in (1, 4):
        how = _limit(resource.RLIMIT_FSIZE, megabytes << 20)
        for jobs in ("1", "2"):
            name = f"large{megabytes}-{jobs}.jsonl"
            run = lab.run(*_ARGS, "--jobs", jobs, "-o", name, **how)
            lab.expect(f"files of {megabytes} MB, --jobs {jobs}", run, (0, 1))
            lab.count(run.code == 0 or "File too large" in run.err, f"{name}: {run}")
            half = list(lab.folder.rglob("*.part"))
            lab.count(not half, f"half files left: {half}")
            run = lab.run(*_ARGS, "--jobs", jobs, "-o", name, "--resume")
            lab.expect(f"{name} resumed", run)
        lab.expect(f"files of {megabytes} MB, train", lab.run(*_TRAIN, "--force", **how), (0, 1))


@trial
def limits_of_temporary_files(lab: Lab) -> None:
    """TMPDIR that is full, read-only, not there"""
    whole, _ = reference(lab)
    lab.labelled("tones.jsonl", 3_000)
    jobs = (*_ARGS, "--jobs", "2")
    with mounted(lab.folder / "disk", "64k") as disk:
        (disk / "fill").write_bytes(b"\0" * 61_000)
        _same(lab, "full", whole, *jobs, env={"TMPDIR": str(disk)})
        run = lab.run(*_TRAIN, env={"TMPDIR": str(disk)})
        lab.expect("full, train", run, 1, "give --language")
        run = lab.run(*_TRAIN, "--language", "en", env={"TMPDIR": str(disk)})
        lab.expect("full, train --language", run)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        _same(lab, "read-only", whole, *jobs, env={"TMPDIR": str(disk)})
        lab.expect("read-only, train", lab.run(*_TRAIN, "--force", env={"TMPDIR": str(disk)}))
    _same(lab, "not there", whole, *jobs, env={"TMPDIR": "/nowhere"})
    lab.expect("not there, train", lab.run(*_TRAIN, "--force", env={"TMPDIR": "/nowhere"}))


@trial
def odd_environments(lab: Lab) -> None:
    """No HOME, no PATH, C locale, odd time zones, python -O, -OO, -W error, -X dev"""
    whole, _ = reference(lab, n=6_000)
    lab.labelled("tones.jsonl", 1_500)
    trained = lab.run(*_TRAIN)
    lab.expect("training", trained)
    weights = (lab.folder / "model" / "weights.safetensors").read_bytes()
    plain = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for what, env, python in (
        ("no HOME", {"HOME": None}, ()),
        ("HOME that is not there", {"HOME": "/nowhere"}, ()),
        ("no PATH, no USER", {"PATH": None, "USER": None, "LOGNAME": None}, ()),
        ("C locale", plain, ()),
        ("Latin-1", {"PYTHONIOENCODING": "latin-1"}, ()),
        ("UTC+14", {"TZ": "Pacific/Kiritimati"}, ()),
        ("no such zone", {"TZ": "No/Where:42"}, ()),
        ("-O", {}, ("-O",)),
        ("-OO", {}, ("-OO",)),
        ("-W error", {"PYTHONWARNINGS": "error"}, ("-W", "error")),
        ("-X dev", {"PYTHONWARNINGS": None}, ("-X", "dev", "-W", "error::ResourceWarning")),
        ("hash seed", {"PYTHONHASHSEED": "12345"}, ()),
        ("no bytecode", {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}, ()),
    ):
        how = {"env": env, "python": python}
        _same(lab, what, whole, *_ARGS, "--jobs", "2", **how)
        if lab.expect(f"{what}, train", lab.run(*_TRAIN, "--force", **how)):
            same = (lab.folder / "model" / "weights.safetensors").read_bytes() == weights
            lab.count(same, f"{what}, train: other bytes")
        run = lab.run("evaluate", "--model", "model", "tones.jsonl", **how)
        lab.expect(f"{what}, evaluate", run)


@trial
def no_shared_memory(lab: Lab) -> None:
    """No /dev/shm: --jobs 2 works, or says why not"""
    whole, _ = reference(lab, n=6_000)
    lab.labelled("tones.jsonl", 1_500)
    hide = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro tmpfs /dev/shm && exec "$@"', "sh"]
    if subprocess.run([*hide, "true"], capture_output=True).returncode:
        raise Skip("cannot hide /dev/shm here")
    for args in ((*_ARGS, "-o", "o.jsonl"), (*_ARGS, "--jobs", "2", "-o", "p.jsonl"), _TRAIN):
        command = [*hide, *lab.command(*args)]
        process = subprocess.Popen(
            command,
            cwd=lab.folder,
            env=lab.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        run = lab.wait(process)
        what = " ".join(args[-4:])
        if run.code == 0 and "serial mode" in run.err:  # as joblib itself says
            run.err = ""
        lab.expect(what, run, 1 if "2" in args and args[0] == "predict" else 0)
        lab.count(run.code == 0 or "--jobs 1" in run.err, f"{what}: {run}")
    lab.count((lab.folder / "o.jsonl").read_bytes() == whole, "other bytes")


@trial
def closed_streams(lab: Lab) -> None:
    """Standard input, output and error closed, full, or a pipe that nobody reads"""
    lab.rows("in.jsonl", 2_000)
    article = lab.folder / "a.txt"
    article.write_text("The talks may fail. Oil rose.\n")
    for command in ("predict a.txt", "info", "check in.jsonl", "predict a.txt -o o.jsonl --force"):
        for streams in (">&-", "2>&-", "<&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full"):
            words = " ".join(lab.command(*command.split()))
            process = subprocess.Popen(
                ["sh", "-c", f"exec {words} {streams}"],
                cwd=lab.folder,
                env=lab.environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            lab.expect(f"{command} {streams}", lab.wait(process), (0, 1, 120))
