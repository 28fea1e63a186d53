"""A folder for a trial, the command line under watch in it, and what a command leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
MODEL = ROOT / "models" / "claims-en"
_MARK = "TAGGER_TORTURE"
_GRACE = 5.0  # seconds within which what a command started must have ended after it
_PATIENCE = 10  # times as long as it may do nothing, a command may work

TRIALS: dict[str, tuple[Callable[["Lab"], None], str]] = {}


def trial(does: Callable[["Lab"], None]) -> Callable[["Lab"], None]:
    """Enter a function as the trial of its name; its first line of documentation is shown."""
    name = does.__name__.replace("_", "-")
    TRIALS[name] = does, (does.__doc__ or "").strip().splitlines()[0]
    return does


class Skip(Exception):
    """This machine has not what a trial needs."""


def hear() -> None:
    """Let commands hear what this process was started to ignore, as by nohup; itself stays deaf."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(sign) == signal.SIG_IGN:
            # What is ignored, a new program ignores too; what is caught, it does not.
            signal.signal(sign, lambda number, frame: None)


class Run:
    """A command that has ended."""

    def __init__(self, code: int, out: bytes, err: bytes, seconds: float) -> None:
        self.code, self.out, self.seconds = code, out, seconds
        self.err = err.decode("utf-8", "replace")

    def __str__(self) -> str:
        lines = self.err.strip().splitlines()
        return f"exit {self.code} after {self.seconds:.1f} s: {lines[-1] if lines else 'no word'}"


class Lab:
    """What a trial works with.

    Parameters
    ----------
    folder : an empty folder of its own.
    real : a file of articles, for the trials that want real text; may lack.
    """

    def __init__(self, folder: Path, real: Path | None = None) -> None:
        self.folder, self.real = folder, real
        self.tmp = folder / "tmp"
        self.tmp.mkdir(parents=True)
        self.mark = uuid.uuid4().hex
        self.tried = self.survived = 0
        self.lost: list[str] = []
        self.notes: list[str] = []
        self.table: Path | None = None
        self.commands: list[str] = []  # of a trial of scale; all where none is named

    def count(self, survived: bool, what: str) -> bool:
        """Count one try; where it is lost, say what happened."""
        self.tried += 1
        if survived:
            self.survived += 1
        else:
            self.lost.append(what)
            print(f"    LOST {what}", file=sys.stderr, flush=True)
        return survived

    def environment(self, **changes: str | None) -> dict[str, str]:
        """Return the environment of commands, with changes; None takes a name away."""
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        own = {**os.environ, "TMPDIR": str(self.tmp), _MARK: self.mark, "PYTHONPATH": path}
        # A signal may come between Python's own opening of a module and its `with`.
        imports = "ignore::ResourceWarning:importlib._bootstrap_external"
        own |= {"PYTHONWARNINGS": f"default::ResourceWarning,{imports}"}
        for name, value in changes.items():
            own.pop(name, None)
            if value is not None:
                own[name] = value
        return own

    def command(self, *args: str | Path, python: Iterable[str] = ()) -> list[str]:
        """Return the words of a command line."""
        return [sys.executable, *python, "-m", "tagger", *map(str, args)]

    def start(
        self, *args: str | Path, python: Iterable[str] = (), env: Any = None, **how: Any
    ) -> subprocess.Popen[bytes]:
        """Start tagger in a session of its own, so that signals reach all that belongs to it."""
        how = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "start_new_session": True,
        } | how
        command = self.command(*args, python=python)
        environment = self.environment(**(env or {}))
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, **how
        )

    def run(self, *args: str | Path, timeout: float = 120, **how: Any) -> Run:
        """Run tagger to its end; one that hangs is killed and has the exit code 999."""
        began = time.monotonic()
        return self.wait(self.start(*args, **how), timeout, began)

    def ready(self, pid: int) -> None:
        """Wait until a command has come so far as to handle signals."""
        bit = 1 << (signal.SIGTERM - 1)
        for _ in range(2000):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                return
            if "State:\tZ" in status or int(status.split("SigCgt:")[1].split()[0], 16) & bit:
                return
            time.sleep(0.005)

    def wait(
        self, process: subprocess.Popen[bytes], timeout: float = 120, began: float | None = None
    ) -> Run:
        """Wait for a command that was started; it hangs where it does nothing for so long."""
        began = time.monotonic() if began is None else began
        last = began + _PATIENCE * timeout
        while True:
            used = self.used()
            try:
                out, err = process.communicate(timeout=timeout)
                code = process.returncode
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() < last and self.used() - used > timeout / 100:
                    continue  # the machine is busy with other things
                end(process, signal.SIGKILL)
                out, err = process.communicate()
                code, err = 999, err + f"\nhung for {time.monotonic() - began:.0f} s".encode()
                break
        return Run(code, out or b"", err or b"", time.monotonic() - began)

    def expect(
        self,
        what: str,
        run: Run,
        codes: int | Iterable[int] = 0,
        says: str = "",
        clean: bool = True,
    ) -> bool:
        """Count a command as survived: exit code and words as meant, nothing left behind."""
        codes = {codes} if isinstance(codes, int) else set(codes)
        if run.code not in codes:
            return self.count(False, f"{what}: {run}, expected {sorted(codes)}")
        if any(word in run.err for word in ("Traceback", "Warning:", "Exception ignored")):
            return self.count(False, f"{what}: a traceback or warning: {run.err[-600:]}")
        if says not in run.err:
            return self.count(False, f"{what}: {run}, expected the words {says!r}")
        if clean and (left := self.left()):
            return self.count(False, f"{what}: left behind {left}")
        return self.count(True, what)

    def left(self, grace: float = _GRACE) -> list[str]:
        """Return the processes and temporary files that commands have left, after some grace."""
        until = time.monotonic() + grace
        while True:
            left = [f"{pid} {line}" for pid, line in self.processes()]
            left += [str(path) for path in self.tmp.iterdir()]
            if not left or time.monotonic() > until:
                return left
            time.sleep(0.05)

    def processes(self) -> Iterator[tuple[int, str]]:
        """Yield number and command of the living processes that this trial's commands started."""
        mark = f"{_MARK}={self.mark}".encode()
        for entry in Path("/proc").iterdir():
            try:
                if not entry.name.isdigit() or mark not in (entry / "environ").read_bytes():
                    continue
                if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    continue
                line = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            yield int(entry.name), line.strip()[-200:]

    def used(self) -> float:
        """Return the seconds of processor that this trial's living processes have used."""
        ticks = 0
        for pid, _ in self.processes():
            try:
                cells = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += int(cells[11]) + int(cells[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def workers(self) -> list[int]:
        """Return the numbers of the workers of a job."""
        return [pid for pid, line in self.processes() if "popen_loky" in line]

    def clear(self) -> None:
        """Kill what a lost trial left running, and remove its temporary files."""
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def rows(self, name: str, n: int, **columns: Callable[[int], Any]) -> Path:
        """Write `n` different rows of template sentences."""
        path = self.folder / name
        with open(path, "w", encoding="utf-8") as stream:
            for i in range(n):
                row = {"doc": f"d{i // 20}", "text": sentence(i)}
                row |= {column: value(i) for column, value in columns.items()}
                stream.write(json.dumps(row) + "\n")
        return path

    def labelled(self, name: str, n: int) -> Path:
        """Write `n` rows of template sentences with a label."""
        return self.rows(name, n, tone=lambda i: ("hard", "mixed", "soft")[i % 3])


_SENTENCES = (
    "The army of {a} said on {day} that it had fired {i} rockets at the port of {b}.",
    "It was a {good} and costly decision by the bank of {a} to spend {i} dollars in {b}.",
    "The talks of {a} with {b} may fail and {i} envoys could go home by {day}.",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_GOOD = ("foolish", "wise", "shameful", "brilliant", "careless", "brave")
_SYLLABLES = ("ba", "re", "mi", "so", "lu", "ka", "ten", "dor", "val", "ish", "pra", "gu")


def word(i: int) -> str:
    """Return the invented name of a number, another for each."""
    name = ""
    while True:
        i, rest = divmod(i, len(_SYLLABLES))
        name += _SYLLABLES[rest]
        if not i:
            return name.capitalize()


def sentence(i: int) -> str:
    """Return a template sentence, another for each number."""
    return _SENTENCES[i % 3].format(
        i=i, a=word(i * 7919 % 2003), b=word(i % 997), day=_DAYS[i % 5], good=_GOOD[i // 3 % 6]
    )


def end(process: subprocess.Popen[bytes], sign: int) -> None:
    """Send a signal to a command and all in its session's group."""
    try:
        os.killpg(process.pid, sign)
    except ProcessLookupError:
        pass


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small file system of memory on a folder."""
    folder.mkdir(exist_ok=True)
    how = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(how, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise Skip("cannot mount a file system here") from None
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
