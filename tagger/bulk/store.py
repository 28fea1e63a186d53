"""The folder of parts beside an output: what is done, and who may write it."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tagger.bulk.parts import Done
from tagger.bulk.settings import JobSettings
from tagger.errors import ConfigError, DataError, OutputError
from tagger.files import tagged
from tagger.files.rows import Reject
from tagger.files.writers import writer_of

JOB, LOCK = "job.json", "lock"


def fingerprint(files: Sequence[str]) -> list[dict[str, Any]]:
    """Return name, size and SHA-256 of each file that can be read twice."""
    found = []
    for path in files:
        if path == "-":
            found.append({"file": "-", "bytes": 0, "sha256": ""})
            continue
        try:
            with open(path, "rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                found.append({"file": path, "bytes": stream.tell(), "sha256": digest})
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    return found


def check_output(settings: JobSettings) -> None:
    """Refuse an output that is also an input, or that cannot be what it should be.

    Raises
    ------
    OutputError : the output is an input, or a folder where a file is meant or the reverse.
    """
    output = settings.output
    targets = [output, tagged.rejects_path(output)]
    for path in settings.origin.files:
        if path == "-":
            continue
        for target in targets:
            if target.exists() and os.path.samefile(path, target):
                raise OutputError(f"{target}: is also an input, expected another file to write to")
    if writer_of(settings.format).folder and output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is a file, expected a folder for the pages")
    if not writer_of(settings.format).folder and output.is_dir():
        raise OutputError(f"{output}: is a folder, expected a file to write to")


class Store:
    """The folder of parts."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder = folder
        self.suffix = suffix

    def part(self, number: int) -> Path:
        """Return the file of a part."""
        return self.folder / f"part-{number:06d}.{self.suffix}"

    def rejects(self, number: int) -> Path:
        """Return the file of the rows of a part that could not be tagged."""
        return self.folder / f"part-{number:06d}.rejects.jsonl"

    def manifest(self, number: int) -> Path:
        """Return the file that says that a part is whole."""
        return self.folder / f"part-{number:06d}.json"

    def load(self, number: int, key: str) -> dict[str, Any] | None:
        """Return the manifest of a part that is whole and belongs to this job."""
        try:
            found = json.loads(self.manifest(number).read_bytes())
            if found["job"] != key or "nulls" not in found:
                return None
            for path, sha in (
                (self.part(number), found["sha256"]),
                (self.rejects(number), found["rejects_sha256"]),
            ):
                with open(path, "rb") as stream:
                    if hashlib.file_digest(stream, "sha256").hexdigest() != sha:
                        return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return dict(found)

    def save(self, done: Done, key: str) -> dict[str, Any]:
        """Write a part, its rejects, and last its manifest, which makes it count."""
        rejects = b"".join(map(reject_line, done.rejects))
        manifest = {
            "job": key,
            "range": [done.first, done.last],
            "rows": done.rows,
            "rejected": sum(r.n_rows for r in done.rejects),
            "sentences": done.sentences,
            "nulls": done.n_nulls,
            "sha256": hashlib.sha256(done.data).hexdigest(),
            "rejects_sha256": hashlib.sha256(rejects).hexdigest(),
        }
        for path, data in (
            (self.part(done.number), done.data),
            (self.rejects(done.number), rejects),
            (self.manifest(done.number), to_json(manifest)),
        ):
            with tagged.atomic_write(path) as stream:
                stream.write(data)
        return manifest


def to_json(value: Any) -> bytes:
    """Return plain values as an indented JSON file."""
    return (json.dumps(value, indent=2) + "\n").encode("ascii")


def reject_line(reject: Reject) -> bytes:
    """Return a reject as one line of the rejects file."""
    line: dict[str, Any] = {"file": reject.source, "line": reject.line, "reason": reject.reason}
    if reject.n_rows != 1:
        line["rows"] = reject.n_rows
    return (json.dumps({**line, "raw": reject.raw}) + "\n").encode("ascii")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the only right to write a folder; it ends with the process, however that ends."""
    import fcntl

    with open(folder / LOCK, "a+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.path.samestat(os.fstat(stream.fileno()), os.stat(folder / LOCK))
        except OSError:
            same = False
        if not same:
            raise OutputError(
                f"{folder}: another run is writing this output; wait for it, or name another output"
            )
        yield


def begin(folder: Path, header: dict[str, Any], files: Sequence[str], resume: bool) -> None:
    """Write down what the job is, or check that it is still the one that was begun."""
    path = folder / JOB
    if not path.exists() or not any(folder.glob("part-*.json")):
        with tagged.atomic_write(path) as stream:
            stream.write(to_json(header))
        return
    if not resume:
        raise OutputError(
            f"{folder}: holds an unfinished run: go on with --resume, or delete the folder"
        )
    if "-" in files:
        raise ConfigError("standard input cannot be read again: name a file to use --resume")
    try:
        before = json.loads(path.read_bytes())
        changed = _changes(before, header)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: is damaged ({error}): delete the folder to begin anew"
        ) from None
    if changed:
        raise ConfigError(
            f"{folder}: cannot go on, {'; '.join(changed)}: delete the folder to begin anew"
        )


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say what differs between the run that was begun and this one."""
    changed = []
    old, new = ({e["file"]: e["sha256"] for e in job["inputs"]} for job in (before, now))
    if list(old) != list(new):
        differ = sorted(set(old) ^ set(new)) or list(new)
        changed.append(f"the list of inputs changed ({', '.join(differ)})")
    else:
        files = [name for name in new if old[name] != new[name]]
        if files:
            changed.append(f"the input changed ({', '.join(files)})")
    if before["model"] != now["model"]:
        changed.append(f"the model changed (from {before['model']} to {now['model']})")
    for name, value in now["options"].items():
        if before["options"][name] != value:
            changed.append(
                f"the option {name} changed (from {before['options'][name]!r} to {value!r})"
            )
    if before["tagger"] != now["tagger"]:
        changed.append(f"tagger changed (from {before['tagger']} to {now['tagger']})")
    return changed
