"""A model folder, loaded in three steps: read, check, build.

No step runs code from the folder.
"""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load

from tagger.errors import ConfigError, ModelError
from tagger.features.block import Packed
from tagger.features.featurizer import Featurizer
from tagger.features.settings import FeatureSettings
from tagger.model.classifier import Classifier
from tagger.model.model import FORMAT, MANIFEST, WEIGHTS, Model, checksum, sha256
from tagger.schema import Schema, Task

READABLE_FORMATS = (1, FORMAT)
_MAX_MANIFEST_BYTES = 16 << 20
_MAX_WEIGHTS_BYTES = 4 << 30
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def load_model(folder: str | Path) -> Model:
    """Load a model folder: read, check, build.

    Raises
    ------
    ModelError : the folder is not a model, is damaged, or was made by another version.
    """
    folder = Path(folder)
    raw, manifest, files = read_folder(folder, READABLE_FORMATS, (WEIGHTS,), _MAX_WEIGHTS_BYTES)
    try:
        model = _build(manifest, files)
    except (
        ConfigError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        OverflowError,
    ) as error:
        raise ModelError(f"{folder}: the model does not hold together: {error}") from None
    # What was read is what would be saved, and need not be written again to be hashed.
    model.__dict__["id"] = sha256(raw)[:12]
    return model


def read_folder(
    folder: Path, formats: Collection[int], needed: Collection[str], max_bytes: int
) -> tuple[bytes, dict[str, Any], dict[str, bytes]]:
    """Read the files of a model folder and check them against the manifest.

    Parameters
    ----------
    formats : the format numbers that can be read.
    needed : the files that it must have beside the manifest.
    max_bytes : the most that a file may hold.

    Returns
    -------
    The manifest as bytes and as a table, and the other files by name.

    Raises
    ------
    ModelError : the folder is not a model, is damaged, or has another format.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "no such folder"
        raise ModelError(f"{folder}: {what}, expected a model folder")
    place = folder / MANIFEST
    raw = _read_file(folder, MANIFEST, _MAX_MANIFEST_BYTES)
    try:
        manifest = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{place}: not JSON: {error}") from None
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise ModelError(f"{place}: found no format number, expected {max(formats)}")
    if manifest["format"] not in formats or isinstance(manifest["format"], bool):
        raise ModelError(
            f"{folder}: the model has format {manifest['format']!r}, this tagger reads "
            f"{' and '.join(map(str, formats))}: install the tagger that made it, or "
            "train it again"
        )
    if "checksum" in manifest and manifest["checksum"] != checksum(manifest):
        raise ModelError(
            f"{place}: the checksum is not that of its content: the file is damaged "
            "or was changed; copy the model again"
        )
    listed = manifest.get("files")
    if not isinstance(listed, dict) or not set(needed) <= listed.keys():
        raise ModelError(f"{place}: the list of files is missing or lacks {' or '.join(needed)}")
    files = {}
    for name, expected in listed.items():
        if not _NAME.fullmatch(name):
            raise ModelError(f"{place}: {name!r} is not a plain file name")
        files[name] = _read_file(folder, name, max_bytes)
        if sha256(files[name]) != expected:
            raise ModelError(
                f"{folder / name}: the checksum is not the manifest's: the file is damaged or "
                "was changed; copy the model again"
            )
    return raw, manifest, files


def _read_file(folder: Path, name: str, max_bytes: int) -> bytes:
    path = folder / name
    try:
        if path.is_symlink() or not path.is_file():
            kind = "a link" if path.is_symlink() else "no file"
            raise ModelError(f"{path}: found {kind}, expected a file of the model")
        if path.stat().st_size > max_bytes:
            raise ModelError(f"{path}: {path.stat().st_size} bytes, expected at most {max_bytes}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None


def _build(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Model:
    schema = Schema.from_dict(manifest["schema"])
    try:
        arrays = load(files[WEIGHTS])
    except SafetensorError as error:
        raise ValueError(f"{WEIGHTS}: {error}") from None
    n_documents = manifest["n_documents"]
    if not isinstance(n_documents, int) or isinstance(n_documents, bool) or n_documents < 1:
        raise ValueError(f"n_documents is {n_documents!r}, expected a whole number above 0")
    scales = {str(name): float(scale) for name, scale in manifest["scales"].items()}
    if not np.isfinite(list(scales.values())).all():
        raise ValueError("a scale of a block of features is not finite")
    about = manifest["about"]
    if not isinstance(about, dict):
        raise ValueError(f"about is {about!r:.100}, expected a table")
    for name in ("data", "settings", "columns", "versions", "out_of_fold"):
        if not isinstance(about.get(name, {}), dict):
            raise ValueError(f"about.{name} is {about[name]!r:.100}, expected a table")
    featurizer = Featurizer.unpack(
        FeatureSettings.from_dict(manifest["features"]),
        Packed(arrays, files, manifest["n_terms"]),
        arrays["df"].astype(np.int64),
        n_documents,
        scales,
    )
    classifiers = [
        _classifier(task, manifest["decisions"][task.name], arrays, featurizer.n_features_)
        for task in schema.tasks
    ]
    # A model made before there were fingerprints has none.
    trained_on = arrays.get("trained_on", np.empty(0, np.uint64))
    if trained_on.dtype != np.uint64 or trained_on.ndim != 1:
        raise ValueError("the fingerprints of the training sentences are not a list of integers")
    return Model(schema, featurizer, tuple(classifiers), about, trained_on)


def _classifier(
    task: Task, decision: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], n_features: int
) -> Classifier:
    coef, intercept = arrays[f"coef.{task.name}"], arrays[f"intercept.{task.name}"]
    thresholds = np.array(decision["thresholds"], np.float64)
    doubt = float(decision["doubt"])
    for name, array, shape in (
        ("coef", coef, (n_features, len(task.labels))),
        ("intercept", intercept, (len(task.labels),)),
        ("thresholds", thresholds, (len(task.labels),)),
        ("doubt", np.array(doubt), ()),
    ):
        if array.shape != shape:
            raise ValueError(f"{name} of {task.name} is {array.shape}, expected {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} of {task.name} holds a number that is not finite")
    if not (thresholds > 0).all():
        raise ValueError(f"a threshold of {task.name} is not above 0")
    return Classifier(task, coef.T, intercept, thresholds, doubt)
