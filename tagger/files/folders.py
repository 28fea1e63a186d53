"""Paths -> the files that are meant: folders and patterns, less what tagger wrote itself."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from glob import glob, has_magic
from pathlib import Path

from tagger.errors import DataError, n_of
from tagger.files import kinds, remote, tagged
from tagger.files.exchange import brat
from tagger.files.formats import FORMATS, known_format

_MOST_NAMED = 3
_WEIGHTS = "weights.safetensors"
_WRITTEN = kinds.Kind("file that tagger wrote")
_CLOSED = kinds.Kind("file that cannot be read")
_CLOSED_FOLDER = kinds.Kind("folder that cannot be read")
_LINK = kinds.Kind("linked folder")
_BROKEN = kinds.Kind("broken link")
_SPECIAL = kinds.Kind("pipe or other special file")


def expand(
    paths: list[str], say: Callable[[str], None] = lambda note: None, outputs: bool = False
) -> list[str]:
    """Replace folders by the files in them whose format is known, and patterns by what they match.

    Both are sorted by name. What tagger wrote is passed over, and files of other endings;
    `say` is told how many, of what kinds and names, which folders have nothing else, and what
    came again, which is read once. With `outputs`, tagged files are what is wanted, and only
    their records are passed over.

    Raises
    ------
    DataError : there is no file to read, or no such file.
    """
    files: dict[str, str] = {}
    again: list[str] = []
    for name in _expanded(paths, say, outputs):
        there = name if name == "-" or remote.is_address(name) else os.path.realpath(name)
        if there in files:
            again.append(name)
        files.setdefault(there, name)
    if again:
        say(f"{_first(again)}: {n_of(len(again), 'file')} named again, read once")
    return list(files.values())


def _expanded(paths: list[str], say: Callable[[str], None], outputs: bool) -> list[str]:
    files: list[str] = []
    for name in paths:
        path = Path(name)
        if not name:
            raise DataError("found an empty path, expected the name of a file or folder")
        if name == "-":
            files.append(name)
        elif remote.is_address(name):
            remote.check(name)
            files.append(name)
        elif (path / _WEIGHTS).is_file():
            raise DataError(f"{name}: is a model, expected texts: name it with --model")
        elif path.is_dir():
            if not (inside := _inside(path, say, outputs)):
                known = ", ".join(suffix for f in FORMATS for suffix in f.suffixes)
                empty = f"{name}: no file to read in this folder ({known})"
                if name == paths[-1] and not files:
                    raise DataError(empty)
                say(empty)
            files += inside
        elif path.exists():
            files.append(name)
        elif has_magic(name):
            if not (matches := sorted(glob(name, recursive=True))):
                raise DataError(f"{name}: no file matches this pattern")
            files += _expanded(matches, say, outputs)
        else:
            raise DataError(f"{name}: no such file or folder")
    return files


def _first(names: list[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")


def _inside(folder: Path, say: Callable[[str], None], outputs: bool) -> list[str]:
    files: list[str] = []
    passed: defaultdict[kinds.Kind, list[str]] = defaultdict(list)
    for path in _entries(folder, passed):
        if not path.is_file():
            passed[_BROKEN if path.is_symlink() else _SPECIAL].append(path.name)
        elif path.suffix == brat.SUFFIX and path.with_suffix(".txt").is_file():
            continue  # read with its text
        elif _is_record(path) if outputs else is_output(path, folder):
            passed[_WRITTEN].append(path.name)
        elif known_format(path) is None:
            try:
                with open(path, "rb") as stream:
                    passed[kinds.kind_of(stream.read(4096))].append(path.name)
            except OSError:
                passed[_CLOSED].append(path.name)
        else:
            files.append(str(path))
    if passed:
        listed = []
        for kind, names in passed.items():
            advice = f": {kind.advice}" if kind.advice else ""
            listed.append(f"{n_of(len(names), kind.name)} ({_first(names)}{advice})")
        n = sum(map(len, passed.values()))
        say(f"{folder}: passed over {n_of(n, 'file')}: {', '.join(listed)}")
    return files


def _entries(folder: Path, passed: Mapping[kinds.Kind, list[str]]) -> list[Path]:
    """Return what is in a folder and those in it, by name, but hidden things and links to folders.

    What could not be looked into joins those that are passed over.
    """
    found: list[Path] = []

    def closed(error: OSError) -> None:
        passed[_CLOSED_FOLDER].append(Path(error.filename).name)

    for place, folders, names in os.walk(folder, onerror=closed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            if Path(place, name).is_symlink():
                passed[_LINK].append(name)
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(found)


def is_output(path: Path, folder: Path) -> bool:
    """Return whether a file in a folder is what tagger wrote: an output, its record, a part.

    An output has its record beside it; the folder that Dask wrote, and pages, have theirs
    beside or in the folder.
    """
    inside = path.relative_to(folder).parts[:-1]
    return (
        _is_record(path)
        or tagged.has_manifest(path)
        or any(part.endswith(".parts") for part in inside)
        or any(_is_output_folder(folder.joinpath(*inside[: i + 1])) for i in range(len(inside)))
    )


def _is_record(path: Path) -> bool:
    """Return whether a file is what stands beside an output: its record, its rejects, a part."""
    name = path.name.removeprefix("_")
    return name.endswith((".rejects.jsonl", ".manifest.json", ".part")) or (
        name in ("manifest.json", "rejects.jsonl") and _is_output_folder(path.parent)
    )


def _is_output_folder(folder: Path) -> bool:
    return tagged.has_manifest(folder) or (
        tagged.manifest_within(folder).is_file() and any(folder.glob("part-*.parquet"))
    )
