"""What stands beside an output: the parts that are done, and the record of what it is made of."""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tagger import __version__
from tagger.bulk.parts import Done
from tagger.bulk.settings import JobSettings, Result
from tagger.errors import ConfigError, DataError, OutputError
from tagger.files import tagged
from tagger.files.batches import reject_line
from tagger.files.columns import tell_nobody
from tagger.files.formats import open_binary
from tagger.files.rows import Reject, Unreadable
from tagger.files.writers import writer_of
from tagger.predictor import Tagger
from tagger.targets import check_free, write

JOB = "job.json"
PART_COUNTS = ("rows", "rejected", "sentences", "nulls", "others", "cut")
"""What the manifest of a part counts, and `Result` for all of them."""
_RECORD_COUNTS = ("rows", "tagged", "rejected", "sentences", "others", "cut")


def fingerprint(files: Sequence[str]) -> list[dict[str, Any]]:
    """Return name, size and SHA-256 of each file that can be read twice, none of others."""
    prints = []
    for path in files:
        if path == "-":
            prints.append({"file": "-", "bytes": 0, "sha256": ""})
            continue
        try:
            opened = open_binary(path)
        except Unreadable:  # which reading it says
            prints.append({"file": path, "bytes": 0, "sha256": ""})
            continue
        with opened as stream:
            try:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
                n_bytes = stream.seek(0, os.SEEK_END) if stream.seekable() else stream.tell()
                prints.append({"file": path, "bytes": n_bytes, "sha256": digest})
            except OSError as error:
                raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    return prints


def _stamps(files: Sequence[str]) -> list[tuple[int, ...]]:
    """Return what shows that files were changed, for those that can be read twice."""
    found: list[tuple[int, ...]] = []
    for path in files:
        try:
            status = os.stat(path)
            own = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            found.append(own if stat.S_ISREG(status.st_mode) else ())
        except OSError:  # standard input, or an address
            found.append(())
    return found


def size_of(output: Path) -> int:
    """Return how many bytes a file has, or all files of a folder."""
    files = filter(Path.is_file, output.iterdir()) if output.is_dir() else [output]
    return sum(path.stat().st_size for path in files)


def check_output(settings: JobSettings) -> None:
    """Refuse an output that is also an input, or a folder where a file is meant or the reverse.

    And one that needs an extra that is not installed, before parts of it are made.
    """
    output = settings.output
    if not output.name:
        raise OutputError(f"{output}: has no name of its own, expected a new file or folder")
    for target in (output, tagged.rejects_path(output)):
        for path in {*settings.origin.files} - {"-"}:
            if target.exists() and Path(path).exists() and os.path.samefile(path, target):
                raise OutputError(f"{target}: is also an input, expected another file to write to")
    unfinished = output.with_name(f"{output.name}.part")
    targets = (output, tagged.rejects_path(output), tagged.manifest_path(output), unfinished)
    why = "and is not of this job, or was changed since"
    check_free(targets, settings.force or _is_same_job(settings), why)
    writer = writer_of(settings.format)
    writer.library()
    if writer.folder and output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is a file, expected a folder for the pages")
    if not writer.folder and output.is_dir():
        raise OutputError(f"{output}: is a folder, expected a file to write to")


def _is_same_job(settings: JobSettings) -> bool:
    """Return whether the output is made from inputs of the same names in the same way.

    The record of a finished run tells, or that of one that broke off as it ended its output. One
    of another size than it says was corrected by somebody; to resume, it may be cut off.
    """
    output = settings.output
    size = None if settings.resume or not output.exists() else size_of(output)
    asked = {**settings.to_dict(), "part_bytes": 0, "size": size}
    for path in (tagged.manifest_path(output), output.with_name(f"{output.name}.parts") / JOB):
        try:
            old = json.loads(path.read_bytes())
            files = [entry["file"] for entry in old["inputs"]]
            made = {**old["options"], "part_bytes": 0, "size": size and old.get("bytes", size)}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        if files == list(settings.origin.files) and made == asked:
            return True
    return False


class PartStore:
    """The folder of the parts of one job, whose `header` says what decides the bytes of its output.

    Parameters
    ----------
    folder, suffix : where the parts are, and how their names end.
    model, options, files : the model that tags, how, and what.
    append : writes a part into the file `body`, where parts stand one behind the other. Parts
        are then loaded and saved in their order.
    """

    def __init__(
        self,
        folder: Path,
        suffix: str,
        model: str,
        options: dict[str, Any],
        files: Sequence[str],
        append: Callable[[Path, int, bytes], tuple[int, bytes]] | None = None,
    ) -> None:
        self.folder, self.suffix, self.files = folder, suffix, files
        self._before, self._made = _stamps(files), {"model": model, "options": options}
        self.body, self.size = folder / "body", 0
        self._append, self._in_sequence = append, True

    @cached_property
    def header(self) -> dict[str, Any]:
        """What decides the bytes of the output; reads all files for their hashes."""
        return {"tagger": __version__, **self._made, "inputs": fingerprint(self.files)}

    @cached_property
    def key(self) -> str:
        """The SHA-256 of the header."""
        return hashlib.sha256(to_json(self.header)).hexdigest()

    @property
    def begun(self) -> bool:
        """Whether there is something to go on with."""
        return self.body.exists() if self._append else any(self.folder.glob("part-*.json"))

    def finished_before(self, settings: JobSettings) -> Result | None:
        """Return the counts of an earlier run that finished this very job, or None.

        How many parts it had and what it noted are not recorded.

        Raises
        ------
        ConfigError : it was of another model or input, and nothing says that it may be replaced.
        """
        output = settings.output
        try:
            record = json.loads(tagged.manifest_path(output).read_bytes())
            changed = _changes(record, self.header)
            counts = {name: record[name] for name in _RECORD_COUNTS}
            whole = all(type(n) is int and n >= 0 for n in counts.values())
            whole &= counts.pop("tagged") == counts["rows"] - counts["rejected"]
            whole &= record["bytes"] == size_of(output)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        if changed and not settings.force:
            reason = f"{output}: is finished, and {'; '.join(changed)}"
            raise ConfigError(f"{reason}: leave out --resume to tag anew")
        # An input that cannot be read twice has no hash: it may be another one.
        whole &= all(entry["sha256"] for entry in self.header["inputs"])
        whole &= not record["rejected"] or tagged.rejects_path(output).is_file()
        return Result(**counts) if whole and not changed else None

    def begin(
        self, resume: bool, force: bool = False, say: Callable[[str], None] = tell_nobody
    ) -> None:
        """Write down what the job is, or check that it is still the one that was begun.

        With `force` and without `resume`, what was begun is thrown away, which `say` is told.
        """
        folder, path = self.folder, self.folder / JOB
        if force and not resume and (parts := sorted(folder.glob("part-*"))):
            say(f"{folder}: an unfinished run is thrown away")
            for part in parts:
                part.unlink()
        if not path.exists() or not any(folder.glob("part-*.json")):
            write(path, to_json(self.header))
            return
        if not resume:
            raise OutputError(
                f"{folder}: holds an unfinished run: go on with --resume, or begin anew with "
                "--force (with --engine dask: delete the folder)"
            )
        if "-" in self.files:
            raise ConfigError("standard input cannot be read again: name a file to use --resume")
        try:
            changed = _changes(json.loads(path.read_bytes()), self.header)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = f"{path}: is damaged ({error})"
            raise ConfigError(f"{reason}: delete the folder to begin anew") from None
        if changed:
            reason = f"{folder}: cannot go on, {'; '.join(changed)}"
            raise ConfigError(f"{reason}: delete the folder to begin anew")

    def check_unchanged(self) -> None:
        """Raise DataError where files hold other bytes than when the job began."""
        inputs, now = self.header["inputs"], _stamps(self.files)
        moved = [i for i, stamp in enumerate(now) if stamp != self._before[i]]
        files = [self.files[i] for i in moved if fingerprint([self.files[i]]) != [inputs[i]]]
        if files:
            raise DataError(
                f"{', '.join(files)}: changed while it was read, so that the parts are of two "
                f"inputs: delete {self.folder} and run again when it changes no more"
            )

    def record(self, tagger: Tagger, result: Result, **more: int) -> bytes:
        """Return the record that stands beside a finished output; `more` are other counts."""
        counts = {name: getattr(result, name) for name in _RECORD_COUNTS} | more
        schema, held_out = tagger.schema.to_dict(), tagger.model.known_errors
        return to_json({**self.header, "schema": schema, **counts, "out_of_fold": held_out})

    def part(self, number: int) -> Path:
        """Return the file of a part."""
        return self.folder / f"part-{number:06d}.{self.suffix}"

    def rejects(self, number: int) -> Path:
        """Return the file of the rows of a part that could not be tagged."""
        return self.folder / f"part-{number:06d}.rejects.jsonl"

    def manifest(self, number: int) -> Path:
        """Return the file that says that a part is whole."""
        return self.folder / f"part-{number:06d}.json"

    def load(self, number: int, rows: int) -> dict[str, Any] | None:
        """Return the manifest of a part of so many rows that is whole and belongs to this job.

        Of parts that stand one behind the other in a file none counts behind one that is missing.
        """
        try:
            manifest: dict[str, Any] = json.loads(self.manifest(number).read_bytes())
            whole = (
                manifest["job"] == self.key
                and all(type(manifest[name]) is int for name in PART_COUNTS)
                and manifest["rows"] == rows
                and manifest["sha256"] == _sha256(self.part(number))
                and manifest["rejects_sha256"] == _sha256(self.rejects(number))
            )
            if self._append:
                whole = (
                    whole
                    and self._in_sequence
                    and manifest["size"] in range(self.size, self.body.stat().st_size + 1)
                    and manifest["body_sha256"] == self._body_sha256(manifest["size"])
                )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            whole = False
        self._in_sequence = whole
        if not whole:
            return None
        self.size = manifest.get("size", 0)
        return manifest

    def save(self, done: Done) -> dict[str, Any]:
        """Write a part, its rejects, and last its manifest, which makes it count."""
        counts: dict[str, Any] = {"rows": done.rows, "sentences": done.sentences}
        counts |= {"others": done.others, "nulls": done.nulls, "cut": done.cut}
        data = done.data
        if self._append:
            size, data = self._append(self.body, self.size, data)
            counts |= {"size": size, "body_sha256": self._body_sha256(size)}
            self.size = size
        write(self.part(done.number), data)
        return self.seal(done.number, done.rejects, **counts)

    def _body_sha256(self, size: int) -> str:
        """Return the SHA-256 of the body from where the last part ends to `size`."""
        with open(self.body, "rb") as stream:
            stream.seek(self.size)
            return hashlib.sha256(stream.read(size - self.size)).hexdigest()

    def seal(self, number: int, rejects: Sequence[Reject], **counts: Any) -> dict[str, Any]:
        """Write the rejects of a part that is written, and last its manifest, with its counts."""
        write(self.rejects(number), b"".join(map(reject_line, rejects)))
        manifest = {
            "job": self.key,
            **dict.fromkeys(PART_COUNTS, 0),
            **counts,
            "rejected": sum(r.n_rows for r in rejects),
            "sha256": _sha256(self.part(number)),
            "rejects_sha256": _sha256(self.rejects(number)),
        }
        write(self.manifest(number), to_json(manifest))
        return manifest


def _sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def to_json(value: Any) -> bytes:
    """Return plain values as an indented JSON file."""
    return (json.dumps(value, indent=2) + "\n").encode("ascii")


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say what differs between the run that was begun and this one."""
    changed = []
    old, new = ({e["file"]: e["sha256"] for e in job["inputs"]} for job in (before, now))
    if list(old) != list(new):
        differ = sorted(set(old) ^ set(new)) or list(new)
        changed.append(f"the list of inputs changed ({', '.join(differ)})")
    elif files := [name for name in new if old[name] != new[name]]:
        changed.append(f"the input changed ({', '.join(files)})")
    values = [("the model", before["model"], now["model"])]
    for name, value in now["options"].items():
        values.append((f"the option {name}", repr(before["options"].get(name)), repr(value)))
    values.append(("tagger", before["tagger"], now["tagger"]))
    return changed + [f"{what} changed (from {a} to {b})" for what, a, b in values if a != b]
