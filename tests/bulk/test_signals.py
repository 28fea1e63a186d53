"""What is asked to end ends, says which signal it was, and leaves nothing running or about."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, until

from .conftest import Command
from .test_job import write_rows

ARGS = ("in.jsonl", "--sentences", "--part-bytes", "20000", "--jobs", "2")
SIGNS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
TOLD = {2: b"interrupted", 15: b"stopped by SIGTERM", 1: b"stopped by SIGHUP"}


def own(folder: Path) -> list[int]:
    """Return the living processes whose temporary files go to a folder."""
    mark, found = f"TMPDIR={folder}\0".encode(), []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes() + b"\0":
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Let the commands hear what the tests may have been started to ignore, as by nohup."""
    before = {sign: signal.signal(sign, signal.SIG_DFL) for sign in (signal.SIGHUP, signal.SIGTERM)}
    yield
    for sign, handler in before.items():
        signal.signal(sign, handler)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def start(command: list[str], tmp_path: Path, scratch: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(scratch), "JOBLIB_TEMP_FOLDER": str(scratch)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def ended_by(sign: int, code: str) -> tuple[int, bytes, bytes]:
    """Run Python that sends itself a signal: how it exits, its output and its errors."""
    done = subprocess.run([sys.executable, "-c", code, str(int(sign))], capture_output=True)
    return done.returncode, done.stdout, done.stderr


def nothing_left(scratch: Path) -> bool:
    return until(lambda: not own(scratch) and not list(scratch.iterdir()), 10)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_signal_that_a_library_makes_another_error_of_is_told_as_what_it_was(sign: int) -> None:
    # As extension modules do that are being imported, and our own advice to install them.
    code = (
        "import os, sys\n"
        "from tagger.cli import main\n"
        "from tagger.errors import DataError\n"
        "def broken(**options):\n"
        "    try:\n"
        "        try: os.kill(os.getpid(), int(sys.argv[1])); import time; time.sleep(9)\n"
        "        except BaseException as stop: raise ImportError('it failed') from stop\n"
        "    except ImportError: raise DataError('install it') from None\n"
        "main.cli.main = broken\n"
        "main.main()"
    )
    assert ended_by(sign, code) == (128 + sign, b"", b"tagger: " + TOLD[sign] + b"\n")


@pytest.mark.parametrize("sign", SIGNS)
def test_a_signal_that_comes_while_something_is_cleared_away_is_heard(sign: int) -> None:
    # Python drops what is raised there.
    code = (
        "import os, sys, time\n"
        "from tagger.cli import main\n"
        "class Last:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), int(sys.argv[1])); time.sleep(9)\n"
        "def work(**options):\n"
        "    Last()\n"
        "    time.sleep(9); print('worked on')\n"
        "main.cli.main = work\n"
        "main.main()"
    )
    assert ended_by(sign, code) == (128 + sign, b"", b"tagger: " + TOLD[sign] + b"\n")


@pytest.mark.slow
@pytest.mark.parametrize("sign", SIGNS)
def test_a_job_that_all_its_processes_are_told_to_end_can_be_resumed(
    predict: Command, tmp_path: Path, scratch: Path, sign: int
) -> None:
    write_rows(tmp_path / "in.jsonl", 20_000)
    process = start(predict.args(*ARGS, "-o", "o.jsonl"), tmp_path, scratch)
    assert until((tmp_path / "o.jsonl.parts" / "part-000001.json").exists)
    os.killpg(process.pid, sign)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + sign
    assert b"Traceback" not in errors
    told = {2: b"interrupted: the same command with --resume goes on"}
    assert {**TOLD, **told}[sign] in errors
    assert (b"o.jsonl, unfinished: " in errors) == (sign != signal.SIGINT)
    assert nothing_left(scratch)
    assert not list(tmp_path.glob("o.jsonl.parts/*.part"))
    assert predict(*ARGS, "-o", "whole.jsonl").returncode == 0
    assert predict(*ARGS, "-o", "o.jsonl", "--resume").returncode == 0
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_workers_end_with_a_parent_that_is_killed_and_leave_nothing(
    predict: Command, tmp_path: Path, scratch: Path
) -> None:
    write_rows(tmp_path / "in.jsonl", 20_000)
    process = start(predict.args(*ARGS, "-o", "o.jsonl"), tmp_path, scratch)
    assert until((tmp_path / "o.jsonl.parts" / "part-000001.json").exists)
    assert len(own(scratch)) > 2
    process.kill()
    process.communicate(timeout=30)  # would wait for workers that hold the pipe
    assert nothing_left(scratch)
    assert list(tmp_path.glob("o.jsonl.parts/work-*"))
    assert predict(*ARGS, "-o", "o.jsonl", "--resume").returncode == 0
    assert not (tmp_path / "o.jsonl.parts").exists()


@pytest.mark.parametrize("sign", SIGNS)
def test_training_that_is_told_to_end_leaves_nothing(
    tmp_path: Path, scratch: Path, sign: int
) -> None:
    rows = (f"{i // 4},A {w} day {i} of {i * i},{t}" for i, (w, t) in enumerate(WORDS * 900))
    (tmp_path / "tones.csv").write_text("doc,text,tone\n" + "\n".join(rows) + "\n")
    args = ["train", "tones.csv", "-o", "model", "--search", "--jobs", "2"]
    process = start([sys.executable, "-m", "tagger", *args], tmp_path, scratch)
    assert until(lambda: len(own(scratch)) > 2)
    time.sleep(0.3)
    os.killpg(process.pid, sign)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + sign
    assert b"Traceback" not in errors
    assert nothing_left(scratch)
    assert not (tmp_path / "model").exists()


WORDS = [("joyful", "glad"), ("happy", "glad"), ("bitter", "sad"), ("grim", "sad")]


def test_a_terminal_that_is_closed_ends_a_job_as_a_hangup(
    predict: Command, tmp_path: Path, scratch: Path
) -> None:
    write_rows(tmp_path / "in.jsonl", 20_000)
    command = predict.args(*ARGS, "-o", "o.jsonl")
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve(command[0], command, {**os.environ, "TMPDIR": str(scratch)})
    assert until((tmp_path / "o.jsonl.parts" / "part-000001.json").exists)
    os.close(master)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert nothing_left(scratch)
    assert list(tmp_path.glob("o.jsonl.parts/part-*.json"))


def test_a_hangup_that_the_caller_ignores_ends_nothing(
    predict: Command, tmp_path: Path, scratch: Path
) -> None:
    write_rows(tmp_path / "in.jsonl", 5_000)
    command = ["nohup", *predict.args(*ARGS, "-o", "o.jsonl")]
    process = start(command, tmp_path, scratch)
    assert until((tmp_path / "o.jsonl.parts" / "job.json").exists)
    os.killpg(process.pid, signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert (tmp_path / "o.jsonl").exists()


def test_trials_by_nohup_in_the_background_try_signals_all_the_same() -> None:
    trial = (
        "import signal, sys; sys.path.insert(0, 'scripts')\n"
        "from tortures.lab import hear\n"
        "import subprocess\n"
        "for sign in (1, 2, 15): signal.signal(sign, signal.SIG_IGN)\n"
        "hear()\n"
        "for sign in (1, 2, 15): signal.raise_signal(sign)\n"
        "show = 'import signal; print(*map(signal.getsignal, (1, 2, 15)), sep=chr(10))'\n"
        "subprocess.run([sys.executable, '-c', show], check=True)"
    )
    done = subprocess.run([sys.executable, "-c", trial], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    hangup, interrupt, end = done.stdout.splitlines()
    assert "default_int_handler" in interrupt
    assert hangup == end == str(signal.SIG_DFL)
