"""Model = schema + features + classifiers, and the folder that it is saved in.

A model folder holds ``manifest.json`` (what the model is, as readable JSON),
``weights.safetensors`` (arrays), the lexicons it was trained with and
``README.md`` (the model card). Loading is three steps: read, check, build; no
step runs code from the folder.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tagger.errors import ConfigError, ModelError, OutputError
from tagger.features.arrays import Ragged
from tagger.features.featurizer import FeatureSettings, Featurizer, Scorer, Stream, TokenRuns
from tagger.model.classifier import Classifier
from tagger.schema import Schema
from tagger.text.lexicon import Lexicon

FORMAT = 1
"""Number of the folder's format. A change that an older tagger would misread
raises it by one; `read_model` refuses every number but this."""

MANIFEST, WEIGHTS, CARD = "manifest.json", "weights.safetensors", "README.md"
_MAX_MANIFEST_BYTES = 16 << 20
_MAX_WEIGHTS_BYTES = 4 << 30
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Model:
    """Everything that tagging needs.

    Parameters
    ----------
    schema : the tasks it answers.
    featurizer : fitted.
    classifiers : one for each task, in the schema's order.
    about : what else the manifest records: configuration, hash of the training
        data, versions, seed, scores. Plain JSON values.
    trained_on : `fingerprints` of the training sentences, sorted; empty where unknown.
    """

    schema: Schema
    featurizer: Featurizer
    classifiers: tuple[Classifier, ...]
    about: dict[str, Any] = field(default_factory=dict)
    trained_on: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))

    @cached_property
    def scorer(self) -> Scorer:
        """Scores sentences for all tasks at once; outputs in the order of the classifiers."""
        return Scorer(
            self.featurizer,
            np.concatenate([c.coef for c in self.classifiers]).T,
            np.concatenate([c.intercept for c in self.classifiers]),
        )

    def probabilities(self, texts: list[str]) -> dict[str, npt.NDArray[np.float64]]:
        """Return by task the probability of each label, shape (n_sentences, n_labels)."""
        return self.split(self.scorer.decision_function(texts))

    def split(self, scores: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
        """Turn the scorer's outputs into probabilities by task."""
        probabilities = {}
        start = 0
        for classifier in self.classifiers:
            end = start + len(classifier.task.labels)
            probabilities[classifier.task.name] = classifier.probabilities(scores[:, start:end])
            start = end
        return probabilities

    @cached_property
    def id(self) -> str:
        """A short hash of everything that decides the tags."""
        return self._files[MANIFEST][1][:12]

    @cached_property
    def _files(self) -> dict[str, tuple[bytes, str]]:
        """Content and SHA-256 of each file of the saved model but the card."""
        featurizer = self.featurizer
        arrays: dict[str, npt.NDArray[Any]] = {
            "char_terms": _pack(featurizer.char_terms_),
            "kept": _pack(sorted(featurizer.kept_)),
            "vector_words": _pack(featurizer.vector_words),
            "df": featurizer.df_.astype(np.int32),
            "trained_on": self.trained_on,
            **_pack_stream("words", featurizer.words_),
            **_pack_stream("masked", featurizer.masked_),
        }
        for c in self.classifiers:
            arrays[f"coef.{c.task.name}"] = np.ascontiguousarray(c.coef.T, np.float32)
            arrays[f"intercept.{c.task.name}"] = c.intercept.astype(np.float64)
        contents = {WEIGHTS: save(arrays)}
        for name, lexicon in zip(featurizer.settings.lexicons, featurizer.lexicons, strict=True):
            contents[f"{name}.txt"] = lexicon.text.encode()
        manifest = {
            "format": FORMAT,
            "schema": self.schema.to_dict(),
            "features": featurizer.settings.to_dict(),
            "n_documents": featurizer.n_documents_,
            "n_terms": {
                name: featurizer.blocks_[name].stop - featurizer.blocks_[name].start
                for name in ("word", "masked")
            },
            "scales": featurizer.scales_,
            "decisions": {
                c.task.name: {"thresholds": c.thresholds.tolist(), "doubt": c.doubt}
                for c in self.classifiers
            },
            "about": self.about,
            "files": {name: _sha256(data) for name, data in sorted(contents.items())},
        }
        manifest["checksum"] = _checksum(manifest)
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        contents[MANIFEST] = text.encode()
        return {name: (data, _sha256(data)) for name, data in contents.items()}

    def save(self, folder: str | Path, card: str = "") -> None:
        """Write the model folder; files of an older model in it are replaced.

        Raises
        ------
        OutputError : the folder cannot be written.
        """
        folder = Path(folder)
        files = {name: data for name, (data, _) in self._files.items()}
        if card:
            files[CARD] = card.encode()
        # The manifest goes last: until it stands, the folder does not load.
        names = [name for name in files if name != MANIFEST] + [MANIFEST]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / MANIFEST).unlink(missing_ok=True)
            for name in names:
                partial = folder / f"{name}.part"
                partial.write_bytes(files[name])
                os.replace(partial, folder / name)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"{folder}: the model cannot be written: {reason}") from None


def load_model(folder: str | Path) -> Model:
    """Load a model folder: read, check, build.

    Raises
    ------
    ModelError : the folder is not a model, is damaged, or was made by another version.
    """
    folder = Path(folder)
    manifest, data = _read(folder)
    try:
        return _build(manifest, data)
    except (ConfigError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ModelError(f"{folder}: the model does not hold together: {error}") from None


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read the files of a model folder and check them against the manifest."""
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such folder, expected a model folder")
    raw = _read_file(folder, MANIFEST, _MAX_MANIFEST_BYTES)
    try:
        manifest = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{folder / MANIFEST}: not JSON: {error}") from None
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise ModelError(f"{folder / MANIFEST}: found no format number, expected {FORMAT}")
    if manifest["format"] != FORMAT or isinstance(manifest["format"], bool):
        raise ModelError(
            f"{folder}: the model has format {manifest['format']!r}, this tagger reads {FORMAT}: "
            "install the tagger that made it, or train it again"
        )
    if "checksum" in manifest and manifest["checksum"] != _checksum(manifest):
        raise ModelError(
            f"{folder / MANIFEST}: the checksum is not that of its content: the file is damaged "
            "or was changed; copy the model again"
        )
    listed = manifest.get("files")
    if not isinstance(listed, dict) or WEIGHTS not in listed:
        raise ModelError(f"{folder / MANIFEST}: the list of files is missing or lacks {WEIGHTS}")
    data = {}
    for name, expected in listed.items():
        if not _NAME.fullmatch(name):
            raise ModelError(f"{folder / MANIFEST}: {name!r} is not a plain file name")
        data[name] = _read_file(folder, name, _MAX_WEIGHTS_BYTES)
        if _sha256(data[name]) != expected:
            raise ModelError(
                f"{folder / name}: the checksum is not the manifest's: the file is damaged or "
                "was changed; copy the model again"
            )
    return manifest, data


def _read_file(folder: Path, name: str, max_bytes: int) -> bytes:
    path = folder / name
    try:
        if path.is_symlink() or not path.is_file():
            found = "a link" if path.is_symlink() else "no file"
            raise ModelError(f"{path}: found {found}, expected a file of the model")
        if path.stat().st_size > max_bytes:
            raise ModelError(f"{path}: {path.stat().st_size} bytes, expected at most {max_bytes}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None


def _build(manifest: Mapping[str, Any], data: Mapping[str, bytes]) -> Model:
    schema = Schema.from_dict(manifest["schema"])
    settings = FeatureSettings.from_dict(manifest["features"])
    lexicons = [Lexicon(data[f"{n}.txt"].decode("utf-8"), f"{n}.txt") for n in settings.lexicons]
    try:
        arrays = load(data[WEIGHTS])
    except SafetensorError as error:
        raise ValueError(f"{WEIGHTS}: {error}") from None
    featurizer = Featurizer(settings, lexicons, _unpack(arrays["vector_words"]))
    featurizer.char_terms_ = _unpack(arrays["char_terms"])
    featurizer.kept_ = frozenset(_unpack(arrays["kept"]))
    featurizer.words_ = _unpack_stream("words", arrays)
    featurizer.masked_ = _unpack_stream("masked", arrays, bounded=True)
    featurizer.df_ = arrays["df"].astype(np.int64)
    featurizer.n_documents_ = int(manifest["n_documents"])
    featurizer.scales_ = {str(k): float(v) for k, v in manifest["scales"].items()}
    n_word, n_masked = (int(manifest["n_terms"][name]) for name in ("word", "masked"))
    featurizer.set_blocks(n_word, n_masked)
    _check(featurizer)
    classifiers = []
    for task in schema.tasks:
        decision = manifest["decisions"][task.name]
        coef, intercept = arrays[f"coef.{task.name}"], arrays[f"intercept.{task.name}"]
        thresholds = np.array(decision["thresholds"], np.float64)
        for name, array, shape in (
            ("coef", coef, (featurizer.n_features_, len(task.labels))),
            ("intercept", intercept, (len(task.labels),)),
            ("thresholds", thresholds, (len(task.labels),)),
        ):
            if array.shape != shape:
                raise ValueError(f"{name} of {task.name} is {array.shape}, expected {shape}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} of {task.name} holds a number that is not finite")
        if not (thresholds > 0).all():
            raise ValueError(f"a threshold of {task.name} is not above 0")
        classifiers.append(
            Classifier(task, coef.T, intercept, thresholds, float(decision["doubt"]))
        )
    # A model made before there were fingerprints has none.
    trained_on = arrays.get("trained_on", np.empty(0, np.uint64))
    if trained_on.dtype != np.uint64 or trained_on.ndim != 1:
        raise ValueError("the fingerprints of the training sentences are not a list of integers")
    return Model(schema, featurizer, tuple(classifiers), dict(manifest["about"]), trained_on)


def _check(featurizer: Featurizer) -> None:
    """Raise ValueError where the arrays of a featurizer contradict each other."""
    if list(featurizer.scales_) != list(featurizer.blocks_):
        raise ValueError("the blocks of features are not those of the settings")
    if len(featurizer.df_) != featurizer.n_features_:
        raise ValueError(f"{len(featurizer.df_)} features, expected {featurizer.n_features_}")
    if not all(0 <= c.start <= c.stop for c in featurizer.blocks_.values()):
        raise ValueError("a block of features has less than no column")
    if (featurizer.df_ < 0).any() or (featurizer.df_ > featurizer.n_documents_).any():
        raise ValueError("a document frequency is out of range")
    for stream in (featurizer.words_, featurizer.masked_):
        columns, runs = stream.node_columns, stream.runs
        if len(columns.counts) != runs.n_nodes or (columns.counts < 0).any():
            raise ValueError(f"{len(columns.counts)} nodes have columns, expected {runs.n_nodes}")
        if columns.counts.sum() != len(columns.flat):
            raise ValueError(f"{len(columns.flat)} columns, expected {columns.counts.sum()}")
        if len(columns.flat) and not (
            columns.flat.min() >= 0 and columns.flat.max() < featurizer.n_features_
        ):
            raise ValueError("a node has a column that does not exist")
        if any(k.dtype != np.int64 or k.ndim != 1 or (np.diff(k) <= 0).any() for k in runs.levels):
            raise ValueError("the keys of the runs are not sorted integers")


def _pack_stream(name: str, stream: Stream) -> dict[str, npt.NDArray[Any]]:
    arrays = {f"{name}.runs.{length}": keys for length, keys in enumerate(stream.runs.levels, 2)}
    return arrays | {
        f"{name}.tokens": _pack(stream.tokens),
        f"{name}.node_columns": stream.node_columns.flat.astype(np.int32),
        f"{name}.node_n_columns": stream.node_columns.counts.astype(np.int32),
    }


def _unpack_stream(
    name: str, arrays: Mapping[str, npt.NDArray[Any]], bounded: bool = False
) -> Stream:
    tokens = _unpack(arrays[f"{name}.tokens"])
    n_levels = sum(key.startswith(f"{name}.runs.") for key in arrays)
    levels = [arrays[f"{name}.runs.{length}"] for length in range(2, 2 + n_levels)]
    columns = Ragged(
        arrays[f"{name}.node_columns"].astype(np.int64),
        arrays[f"{name}.node_n_columns"].astype(np.int64),
    )
    return Stream(tokens, TokenRuns(len(tokens), levels), columns, bounded)


def _pack(strings: Any) -> npt.NDArray[np.uint8]:
    """Return strings without line breaks as the bytes of one array."""
    return np.frombuffer("\n".join(strings).encode("utf-8"), np.uint8)


def _unpack(packed: npt.NDArray[np.uint8]) -> list[str]:
    text = packed.tobytes().decode("utf-8")
    return text.split("\n") if text else []


def _checksum(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's values, whatever their layout."""
    values = {key: value for key, value in manifest.items() if key != "checksum"}
    return _sha256(json.dumps(values, sort_keys=True).encode())


def fingerprints(texts: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Return a number of 8 bytes for each text, the same for texts of the same words.

    Case, punctuation and white space do not count. From the numbers alone a text
    can be recognised, but not be read.
    """
    digests = (
        blake2b(
            re.sub(r"[\W_]+", " ", text.casefold()).strip().encode("utf-8", "replace"),
            digest_size=8,
        )
        for text in texts
    )
    return np.frombuffer(b"".join(d.digest() for d in digests), "<u8").astype(np.uint64)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
