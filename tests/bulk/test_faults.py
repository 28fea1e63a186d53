"""Faults injected for real: processes killed, disks filled, pipes closed."""

import gc
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tagger.bulk.job import run
from tagger.bulk.parts import Part, Work, read_parts
from tagger.bulk.settings import JobSettings
from tagger.bulk.workers import Workers
from tagger.errors import ConfigError
from tagger.files.batches import input_of
from tagger.predictor import Tagger

from .conftest import Command, sentences
from .test_job import read_lines, settings, write_rows

# loky leaves the pipes of a worker that was killed to the garbage collector.
LEFT_PIPES = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def swept() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], capture_output=True
    )
    if done.returncode:
        pytest.skip("cannot mount a file system here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
def test_killed_twenty_times_it_gives_the_same_bytes(predict: Command, tmp_path: Path) -> None:
    write_rows(tmp_path / "in.jsonl", 30_000)
    args = ("in.jsonl", "--sentences", "--part-bytes", "30000")
    start = time.monotonic()
    assert predict(*args, "-o", "whole.jsonl").returncode == 0
    seconds = time.monotonic() - start
    whole = (tmp_path / "whole.jsonl").read_bytes()
    rng = random.Random(5)
    kills = 0
    while kills < 20:
        for _ in range(50):
            process = predict.start(*args, "-o", "o.jsonl", "--resume")
            try:
                process.communicate(timeout=rng.uniform(0.2, max(seconds * 0.6, 0.5)))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
            if process.returncode == 0:
                break
        else:  # a busy machine needs longer than it is given
            assert predict(*args, "-o", "o.jsonl", "--resume").returncode == 0
        assert (tmp_path / "o.jsonl").read_bytes() == whole
        assert not (tmp_path / "o.jsonl.parts").exists()
        (tmp_path / "o.jsonl").unlink()


def test_full_disk_keeps_what_is_done(predict: Command, tmp_path: Path, small_disk: Path) -> None:
    write_rows(tmp_path / "in.jsonl", 2_000)
    args = ("in.jsonl", "--sentences", "--part-bytes", "10000", "-o", str(small_disk / "o.jsonl"))
    done = predict(*args)
    assert done.returncode == 1 and b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert not (small_disk / "o.jsonl").exists()
    assert not list(small_disk.rglob("*.part"))
    kept = len(list((small_disk / "o.jsonl.parts").glob("part-*.json")))
    assert kept > 2
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    done = predict(*args, "--resume")
    assert done.returncode == 0 and f"{kept} of ".encode() in done.stderr
    assert predict(*args[:-1], "whole.jsonl").returncode == 0
    assert (small_disk / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_disk_that_is_full_in_the_midst_of_a_part_is_said_in_one_line(
    predict: Command, tmp_path: Path
) -> None:
    draw = random.Random(0).random
    rows = (f"The army fired {[draw() for _ in range(9)]}." for _ in range(5_000))
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in rows))
    args = ("in.jsonl", "--sentences", "--part-bytes", "150000", "-o")
    limited = ["bash", "-c", 'ulimit -f 200; exec "$@"', "", *predict.args(*args, "o.parquet")]
    done = subprocess.run(limited, cwd=tmp_path, capture_output=True)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if b"File too large" in line]
    for noise in (b"Traceback", b"Exception ignored", b"RuntimeError"):
        assert noise not in done.stderr
    assert not (tmp_path / "o.parquet").exists()
    kept = len(list(tmp_path.glob("o.parquet.parts/part-*.json")))
    done = predict(*args, "o.parquet", "--resume")
    assert kept and f"{kept} of ".encode() in done.stderr
    assert predict(*args, "whole.parquet").returncode == 0
    assert (tmp_path / "o.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_read_only_output_is_refused(predict: Command, tmp_path: Path, small_disk: Path) -> None:
    write_rows(tmp_path / "in.jsonl", 3)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    done = predict("in.jsonl", "-o", str(small_disk / "o.jsonl"))
    assert done.returncode == 1 and b"cannot be written" in done.stderr
    assert b"read-only" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_reader_that_closes_the_pipe_ends_it_quietly(
    predict: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    write_rows(tmp_path / "in.jsonl", 50_000)
    process = predict.start("in.jsonl", "--sentences")
    assert process.stdout and process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_full_standard_output_is_an_error(predict: Command, tmp_path: Path) -> None:
    write_rows(tmp_path / "in.jsonl", 5_000)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            predict.args("in.jsonl", "--sentences"),
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 1 and b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_machine_without_shared_memory_is_told_to_use_one_process(
    tiny: Tagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> object:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("multiprocessing.Semaphore", none)
    write_rows(tmp_path / "in.jsonl", 3)
    with pytest.raises(ConfigError, match=r"/dev/shm: Read-only file system\): use --jobs 1"):
        run(tiny, settings(tiny, tmp_path / "in.jsonl", "o.jsonl", jobs=2))
    assert not (tmp_path / "o.jsonl.parts").exists()
    assert run(tiny, settings(tiny, tmp_path / "in.jsonl", "o.jsonl")).tagged == 3


class KillerWork(Work):
    """Ends its process where a text says so."""

    def do(self, tagger: Tagger, part: Part) -> object:  # type: ignore[override]
        for batch in part.batches:
            for text in batch.texts:
                if text.startswith("once:") and not Path(text[5:]).exists():
                    Path(text[5:]).touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                if text == "always":
                    os.kill(os.getpid(), signal.SIGKILL)
        return super().do(tagger, part)


def killed(tiny: Tagger, tmp_path: Path, text: str) -> list[object]:
    rows = sentences(12)
    rows[5] = text
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    origin = input_of([str(path)], sentences=True)
    work = KillerWork("jsonl", True, False, {})
    with Workers(tiny, work, 2, tmp_path) as workers:
        return list(workers.do(read_parts(origin, 100)))


@LEFT_PIPES
@pytest.mark.usefixtures("swept")
def test_worker_that_dies_once_costs_nothing(tiny: Tagger, tmp_path: Path) -> None:
    done = killed(tiny, tmp_path, f"once:{tmp_path / 'mark'}")
    assert [d.number for d in done] == list(range(len(done)))  # type: ignore[attr-defined]
    assert sum(d.sentences for d in done) == 12  # type: ignore[attr-defined]
    assert not any(d.rejects for d in done)  # type: ignore[attr-defined]


@LEFT_PIPES
@pytest.mark.usefixtures("swept")
def test_part_that_kills_its_worker_twice_is_rejected(tiny: Tagger, tmp_path: Path) -> None:
    done = killed(tiny, tmp_path, "always")
    rejects = [r for d in done for r in d.rejects]  # type: ignore[attr-defined]
    assert sum(d.rows for d in done) == 12  # type: ignore[attr-defined]
    assert sum(d.sentences for d in done) + len(rejects) == 12  # type: ignore[attr-defined]
    assert 1 <= len(rejects) <= 3
    assert any(json.loads(r.raw)["text"] == "always" for r in rejects)
    assert all("died, twice" in r.reason for r in rejects)


class DyingWork(Work):
    """Gives a long answer, and once ends its process a moment after, while it is on its way."""

    mark: Path
    delay: float

    def do(self, tagger: Tagger, part: Part) -> object:  # type: ignore[override]
        done = super().do(tagger, part)
        if not self.mark.exists():
            self.mark.touch()
            threading.Timer(self.delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return replace(done, data=b" " * (64 << 20))


@pytest.mark.slow
@LEFT_PIPES
@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize("delay", [0.02, 0.04, 0.06, 0.08])
def test_worker_that_dies_as_it_answers_blocks_nobody(
    tiny: Tagger, tmp_path: Path, delay: float
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in sentences(12)))
    origin = input_of([str(path)], sentences=True)
    work = DyingWork("jsonl", True, False, {})
    object.__setattr__(work, "mark", tmp_path / "mark")
    object.__setattr__(work, "delay", delay)
    done: list[object] = []

    def job() -> None:
        with Workers(tiny, work, 2, tmp_path) as workers:
            done.extend(workers.do(read_parts(origin, 300)))

    thread = threading.Thread(target=job, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert sum(d.sentences for d in done) == 12  # type: ignore[attr-defined]


@LEFT_PIPES
@pytest.mark.usefixtures("swept")
def test_worker_killed_from_outside_is_noticed(tmp_path: Path, tiny: Tagger) -> None:
    path = tmp_path / "in.jsonl"
    write_rows(path, 20_000)
    run(tiny, settings(tiny, path, "whole.jsonl", part_bytes=20_000))
    killed_pids: list[int] = []

    def kill_one() -> None:
        me = os.getpid()
        for _ in range(2000):
            found = Path(f"/proc/{me}/task/{me}/children")
            for pid in map(int, found.read_text().split()):
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                if (
                    b"popen_loky" in command
                    and (tmp_path / "o.jsonl.parts/part-000002.json").exists()
                ):
                    os.kill(pid, signal.SIGKILL)
                    killed_pids.append(pid)
                    return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    result = run(tiny, settings(tiny, path, "o.jsonl", part_bytes=20_000, jobs=2))
    killer.join()
    assert killed_pids
    assert (result.rows, result.rejected) == (20_000, 0)
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_many_damaged_rows_are_all_accounted_for(predict: Command, tmp_path: Path) -> None:
    rng = random.Random(1)
    n = int(os.environ.get("TAGGER_TEST_ROWS", "50000"))
    damage = [b'{"text": ', b"\xff\xfe", b'{"text": null}', b"[1]", b'{"text": ""}']
    n_bad = 0
    with open(tmp_path / "in.jsonl", "wb") as stream:
        for i in range(n):
            bad = rng.random() < 0.01
            n_bad += bad
            text = f"The army said on day {i % 997} that the talks may fail."
            line = rng.choice(damage) if bad else json.dumps({"id": i, "text": text}).encode()
            stream.write(line + b"\n")
    done = predict("in.jsonl", "--sentences", "-o", "o.jsonl")
    assert done.returncode == 1
    assert f"{n:,} rows in = {n - n_bad:,} tagged + {n_bad:,} rejected".encode() in done.stderr
    ids = [row["id"] for row in read_lines(tmp_path / "o.jsonl")]
    assert len(ids) == n - n_bad and ids == sorted(ids)  # type: ignore[type-var]
    assert len(read_lines(tmp_path / "o.jsonl.rejects.jsonl")) == n_bad


def test_locale_and_hash_seed_do_not_matter(predict: Command, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "Café talks may fail — “soon”.", "k": "é"}\n' * 3)
    outputs = set()
    for i, (locale, seed) in enumerate((("C", "0"), ("C.UTF-8", "1"), ("POSIX", "random"))):
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("LC_")},
            "LANG": locale,
            "LC_ALL": locale,
            "PYTHONHASHSEED": seed,
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONUTF8": "0",
        }
        done = predict("in.jsonl", "-o", f"o{i}.jsonl", env=environment)
        assert done.returncode == 0, done.stderr
        outputs.add((tmp_path / f"o{i}.jsonl").read_bytes())
    assert len(outputs) == 1


def test_clock_that_goes_backwards_does_not_matter(
    tmp_path: Path, tiny: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.jsonl"
    write_rows(path, 50)
    run(tiny, settings(tiny, path, "a.jsonl", part_bytes=500))
    clock = iter(range(1_000_000_000, 0, -1))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    run(tiny, settings(tiny, path, "b.jsonl", part_bytes=500))
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_text_that_breaks_the_tagger_is_rejected_alone(
    tmp_path: Path, tiny: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag_table = Tagger.tag_table

    def fragile(self: Tagger, texts: list[str], *args: object, **options: object) -> object:
        if "breaks" in texts:
            raise RuntimeError("no way")
        return tag_table(self, texts, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Tagger, "tag_table", fragile)
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "a"}\n{"text": "breaks"}\n{"text": "b"}\n')
    result = run(tiny, settings(tiny, path, "o.jsonl"))
    assert (result.tagged, result.rejected) == (2, 1)
    (reject,) = read_lines(tmp_path / "o.jsonl.rejects.jsonl")
    assert reject["reason"] == "cannot be tagged: RuntimeError: no way"


def test_settings_are_the_job(tmp_path: Path) -> None:
    origin = input_of(["a"], sentences=True)
    one = JobSettings(origin, tmp_path / "o.jsonl", "jsonl", jobs=1).to_dict()
    assert one == JobSettings(origin, tmp_path / "o.jsonl", "jsonl", jobs=8).to_dict()
