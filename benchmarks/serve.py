"""Measure `tagger serve` over the loopback address, and print a Markdown table.

Throughput is a share of what the library does in the same minute, on the same sentences, in
seconds of processor: what a worker does that has a core to itself. The share on the clock stands
beside it, where server and client share what the library had alone.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from pathlib import Path

from tagger import Tagger

ROOT = Path(__file__).parent.parent
BATCH, ARTICLE = 256, 25


def corpus_sentences() -> list[str]:
    lines = (
        line
        for path in sorted((ROOT / "data" / "corpus").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    return [json.loads(line)["text"] for line in lines]


def cut(sentences: list[str], size: int) -> list[list[str]]:
    return [sentences[i : i + size] for i in range(0, len(sentences) - size, size)]


@contextmanager
def server(*options: str):
    """Run a server; yield its process and port."""
    command = [sys.executable, "-m", "tagger", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    try:
        yield process, int(line.split(" answers ")[0].rpartition(":")[2])
    finally:
        process.terminate()
        if process.wait(60) != 0:
            sys.exit(f"the server ended with {process.returncode}, expected 0")


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def request(path: str, body: dict) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


class Connection:
    """One connection, kept open."""

    def __init__(self, port: int) -> None:
        self.port, self.streams = port, None

    async def ask(self, message: bytes) -> bytes:
        """Send a request and return the body of its answer, which must be 200."""
        if self.streams is None or self.streams[0].at_eof():  # closed where it was long idle
            self.streams = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        reader, writer = self.streams
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode() + body.decode())
        return body


async def warm(port: int, messages: list[bytes]) -> None:
    """Let a server meet every text once, so that it knows the words."""
    connection = Connection(port)
    for message in messages:
        await connection.ask(message)


async def rate(port: int, messages: list[bytes], seconds: float, n_connections: int) -> float:
    """Return how many requests a second are answered to clients that never wait."""
    end, done, todo = time.perf_counter() + seconds, 0, iter(messages * 1000)

    async def client() -> None:
        nonlocal done
        connection = Connection(port)
        while time.perf_counter() < end:
            await connection.ask(next(todo))
            done += 1

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(n_connections)))
    return done / (time.perf_counter() - start)


def throughput(sentences: list[str], rounds: int, seconds: float, columns: bool) -> None:
    batches = cut(sentences, BATCH)
    messages = [
        request("/v1/predict", {"sentences": batch, "columns": columns}) for batch in batches
    ]
    tagger = Tagger.load()
    for batch in batches:
        tagger.tag_table(batch, sentences=True)
    ratios, clock, rates = [], [], []
    with server() as (process, port):
        asyncio.run(warm(port, messages))
        for _ in range(rounds):
            done, start, busy = 0, time.perf_counter(), time.process_time()
            while time.perf_counter() - start < seconds:
                tagger.tag_table(batches[done % len(batches)], sentences=True)
                done += 1
            library = done / (time.process_time() - busy)
            clock.append(-done / (time.perf_counter() - start))
            busy = processor_seconds(process.pid)
            own = asyncio.run(rate(port, messages, seconds, 2))
            clock[-1] = own / -clock[-1]
            # How many were answered in the seconds that the rate is of.
            own *= seconds / (processor_seconds(process.pid) - busy)
            ratios.append(own / library)
            rates.append((own * BATCH, library * BATCH))
    ours, theirs = (statistics.median(column) for column in zip(*rates, strict=True))
    note = (
        f"{ours:,.0f} sentences a second of processor against {theirs:,.0f}, medians of {rounds} "
        f"rounds; on the clock {statistics.median(clock):.0%}"
    )
    form = "columns" if columns else "rows"
    print(
        f"| one worker, batches of {BATCH} sentences, {form}, against `Tagger.tag_table` "
        f"| {statistics.median(ratios):.0%} | {min(ratios):.0%} to {max(ratios):.0%} | 60 % "
        f"| {note} |",
        flush=True,
    )


async def latencies(port: int, messages: list[bytes], a_second: float, n: int) -> list[float]:
    """Send at random moments, whether or not answers came; count from the moment that was due."""
    times: list[float] = []
    free: list[Connection] = []
    rng = random.Random(0)

    async def one(due: float, message: bytes) -> None:
        connection = free.pop() if free else Connection(port)
        await connection.ask(message)
        times.append(time.perf_counter() - due)
        free.append(connection)

    due, tasks = time.perf_counter(), []
    for i in range(n):
        due += rng.expovariate(a_second)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.ensure_future(one(due, messages[i % len(messages)])))
    await asyncio.gather(*tasks)
    return times


def articles(sentences: list[str], rounds: int) -> None:
    messages = [request("/v1/tag", {"text": " ".join(own)}) for own in cut(sentences, ARTICLE)]
    with server() as (_, port):
        asyncio.run(warm(port, messages))
        full = statistics.median(asyncio.run(rate(port, messages, 3, 2)) for _ in range(5))
        ratios, medians, tails = [], [], []
        for _ in range(rounds):
            times = sorted(asyncio.run(latencies(port, messages, full / 2, 2000)))
            medians.append(statistics.median(times))
            tails.append(times[int(0.99 * len(times))])
            ratios.append(tails[-1] / medians[-1])
    note = (
        f"median {1000 * statistics.median(medians):.1f} ms, p99 "
        f"{1000 * statistics.median(tails):.1f} ms; full load {full:,.0f} articles/s"
    )
    print(
        f"| articles of {ARTICLE} sentences at half load, at random moments: p99 over median "
        f"| {statistics.median(ratios):.1f} | {min(ratios):.1f} to {max(ratios):.1f} | 5 "
        f"| {note} |",
        flush=True,
    )


def megabytes(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


async def soak(port: int, sentences: list[str], seconds: float, look: Callable[[], None]) -> int:
    """Keep a server at full load with three kinds of requests, and check each answer."""
    kinds: list[tuple[bytes, int]] = []
    for batch, own in zip(cut(sentences, BATCH), cut(sentences, ARTICLE), strict=False):
        kinds.append((request("/v1/predict", {"sentences": batch}), BATCH))
        kinds.append((request("/v1/tag", {"text": "\n\n".join(own)}), ARTICLE))
        kinds.append((request("/v1/explain", {"sentence": own[0]}), 0))
    end, sent, answered, place = time.perf_counter() + seconds, 0, 0, 0

    async def client() -> None:
        nonlocal sent, answered, place
        connection = Connection(port)
        while time.perf_counter() < end:
            message, n = kinds[place % len(kinds)]
            place += 1
            sent += 1
            body = json.loads(await connection.ask(message))
            if n and len(body["rows"]) < n:
                raise RuntimeError(f"{len(body['rows'])} rows for {n} sentences")
            answered += 1

    async def looking() -> None:
        while time.perf_counter() < end:
            look()
            await asyncio.sleep(seconds / 18)

    clients: list[Awaitable[None]] = [client() for _ in range(4)]
    await asyncio.gather(*clients, looking())
    if sent != answered:
        raise RuntimeError(f"{sent} requests, {answered} answers")
    return answered


def endurance(sentences: list[str], seconds: float) -> None:
    memory: list[float] = []
    with server() as (process, port):
        look = lambda: memory.append(megabytes(process.pid))  # noqa: E731
        answered = asyncio.run(soak(port, sentences, seconds, look))
    third = len(memory) // 3
    early, late = statistics.median(memory[third : 2 * third]), statistics.median(memory[-third:])
    note = f"{answered:,} requests, each answered; {early:.0f} MB, then {late:.0f} MB"
    print(
        f"| {seconds:.0f} s at full load: memory of the last third over that of the second "
        f"| {late / early:.3f} | | 1.02 | {note} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a round")
    parser.add_argument("--soak", type=float, default=180.0, help="seconds; 0 for none")
    options = parser.parse_args()
    sentences = corpus_sentences()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}\n")
    print("| | result | spread | must | |\n| --- | --- | --- | --- | --- |", flush=True)
    for columns in (False, True):
        throughput(sentences, options.rounds, options.seconds, columns)
    articles(sentences, options.rounds)
    if options.soak:
        endurance(sentences, options.soak)


if __name__ == "__main__":
    main()
