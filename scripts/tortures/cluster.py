"""Dask: a scheduler that is not there, that dies, workers that die; no hang beyond a minute."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tortures.lab import Lab, end, sentence, trial

_ENGINE = ("predict", "in.parquet", "--sentences", "--engine", "dask")


def _input(lab: Lab, n: int = 60_000) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"text": [sentence(i) for i in range(n)], "k": range(n)})
    pq.write_table(table, lab.folder / "in.parquet", row_group_size=2_000)


def _ordered(lab: Lab, output: str, n: int = 60_000) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted((lab.folder / output).glob("*.parquet"))
    return pa.concat_tables(map(pq.read_table, files))["k"].to_pylist() == list(range(n))


@contextmanager
def _cluster(lab: Lab) -> Iterator[tuple[str, dict[str, "subprocess.Popen[bytes]"]]]:
    """Start a scheduler and two workers; yield its address and them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    parts = {
        "scheduler": ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
        "one": ["worker", address, "--nthreads", "1", "--no-dashboard"],
        "two": ["worker", address, "--nthreads", "1", "--no-dashboard"],
    }
    # Not marked as the trial's: they are no process that tagger has to end.
    (lab.folder / "scratch").mkdir(exist_ok=True)
    environment = lab.environment(TAGGER_TORTURE=None, TMPDIR=str(lab.folder / "scratch"))
    started = {}
    try:
        for name, args in parts.items():
            started[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *args],
                cwd=lab.folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(2)
        yield address, started
    finally:
        for process in started.values():
            end(process, signal.SIGKILL)
            process.wait()


def _some_done(lab: Lab, process: "subprocess.Popen[bytes]", output: str) -> None:
    folder = lab.folder / output
    while process.poll() is None and len(list(folder.glob("part-*.json"))) < 3:
        time.sleep(0.01)


@trial
def scheduler_that_is_not_there(lab: Lab) -> None:
    """No scheduler at an address, no such host, something else that listens there"""
    _input(lab, 100)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        closed = socket.socket()
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        closed.close()
        for address in (
            f"tcp://127.0.0.1:{port}",
            f"tcp://127.0.0.1:{silent.getsockname()[1]}",
            "tcp://no-such-host.invalid:8786",
            "tcp://10.255.255.1:8786",
            "nonsense",
            "tcp://127.0.0.1",
            "",
        ):
            run = lab.run(*_ENGINE, "-o", "o.parquet", "--scheduler", address, timeout=90)
            lab.expect(f"{address!r}", run, (1, 2))
            lab.count(run.seconds < 60, f"{address!r}: {run.seconds:.0f} s")
            lab.count(
                len(run.err.splitlines()) <= 6 and bool(re.search("scheduler", run.err)),
                f"{address!r}: no clear error: {run.err[-700:]}",
            )


@trial
def scheduler_that_dies(lab: Lab) -> None:
    """The scheduler killed, or all workers: a clear error within a minute; --resume"""
    _input(lab)
    for what in ("scheduler", "workers"):
        with _cluster(lab) as (address, parts):
            process = lab.start(*_ENGINE, "-o", f"{what}.parquet", "--scheduler", address)
            _some_done(lab, process, f"{what}.parquet")
            began = time.monotonic()
            for name in ("scheduler",) if what == "scheduler" else ("one", "two"):
                end(parts[name], signal.SIGKILL)
            run = lab.wait(process, 120)
            seconds = time.monotonic() - began
            lab.expect(f"{what} killed", run, 1, "--resume")
            lab.count(seconds < 60, f"{what} killed: told after {seconds:.0f} s")
            lab.count(len(run.err) < 2000, f"{what} killed: {len(run.err)} bytes of errors")
        with _cluster(lab) as (address, parts):
            again = (*_ENGINE, "-o", f"{what}.parquet", "--scheduler", address, "--resume")
            lab.expect(f"{what}: resumed", lab.run(*again), 0, "from an earlier run")
            lab.count(_ordered(lab, f"{what}.parquet"), f"{what}: rows lost or out of order")


@trial
def signals_to_dask(lab: Lab) -> None:
    """Ctrl-C, SIGTERM, SIGHUP, kill -9 to a run on two local workers; --resume"""
    _input(lab)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        output = f"o{sign}.parquet"
        process = lab.start(*_ENGINE, "-o", output)
        _some_done(lab, process, output)
        (process.send_signal if sign == signal.SIGKILL else lambda s, p=process: end(p, s))(sign)
        run = lab.wait(process, 60)
        code = -sign if sign == signal.SIGKILL else 128 + sign
        if sign == signal.SIGKILL:
            lab.count(run.code == code, f"{sign.name}: {run}")
            lab.clear()
            subprocess.run(["rm", "-rf", *lab.tmp.iterdir()], check=True)
        else:
            lab.expect(sign.name, run, code)
        lab.expect(f"{sign.name}: resumed", lab.run(*_ENGINE, "-o", output, "--resume"))
        lab.count(_ordered(lab, output), f"{sign.name}: rows lost or out of order")


def _listening(lab: Lab) -> set[str]:
    """Return the addresses on which this trial's processes listen, as the kernel writes them."""
    own = set()
    for pid, _ in lab.processes():
        try:
            own |= {str(path.readlink())[8:-1] for path in Path(f"/proc/{pid}/fd").iterdir()}
        except OSError:
            continue
    found = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == "0A" and cells[9] in own:
                found.add(cells[1].split(":")[0])
    return found


@trial
def servers_on_loopback(lab: Lab) -> None:
    """The servers of two local workers listen on the loopback address only"""
    _input(lab)
    process = lab.start(*_ENGINE, "-o", "o.parquet")
    _some_done(lab, process, "o.parquet")
    found = _listening(lab)
    lab.count(found == {"0100007F"}, f"they listen on {found}")
    lab.expect("a run", lab.wait(process))
