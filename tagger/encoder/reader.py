"""The second reader at work: sentences -> scores, without torch.

A folder of its own holds ``manifest.json``, ``model.onnx`` (weights in 8 bits),
``tokenizer.json`` and perhaps the folder of a model of doubt. Reading it runs no code from it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tagger.encoder.combination import Combination
from tagger.encoder.doubt import Doubt
from tagger.encoder.graph import check_graph
from tagger.encoder.settings import MAX_BYTES
from tagger.errors import ConfigError, ModelError, OutputError, did_you_mean, required
from tagger.features.arrays import Floats
from tagger.model.classifier import probabilities_of
from tagger.model.model import MANIFEST, Flags, Model, Reread, checksum, sha256
from tagger.model.store import READABLE_FORMATS, load_model, read_folder
from tagger.schema import Schema, outputs_of
from tagger.text.tokens import seen

FORMAT = 2
"""Number of the saved format. Format 1 had no model of doubt."""

_READABLE = (1, FORMAT)

ONNX, TOKENIZER = "model.onnx", "tokenizer.json"
FOLDER = "reader"
"""The folder of a second reader in that of its model; it may also stand beside: MODEL-reader."""

DOUBT = "doubt"
"""The folder in it of the model that tells what to reread, where it has one."""

REREADS = ("doubtful", "all")
_MAX_TOKENS = 512
_MAX_MEMORY = 1 << 30
# No word piece of news is longer; what is cut off so would hardly be read anyway.
_CHARACTERS_A_TOKEN = 16
_ODD_SPACE = re.compile(r"[^\S \t\r\n]")


@dataclass(frozen=True)
class SecondReader:
    """Scores sentences with an encoder.

    A sentence is read alone: its scores cannot depend on what is beside it, though
    activations are rounded to 8 bits by their largest value.

    Parameters
    ----------
    schema : the tasks it answers.
    onnx, tokenizer : the network and its tokenizer, as their files hold them.
    max_tokens : of a sentence; what is longer is cut off.
    first : id of the model that it is combined with, or empty.
    combinations : by task, how it is combined with that model.
    about : what else the manifest records, plain JSON values.
    doubt : tells which sentences are in doubt; where None, those whose answers are too close.
    rereads : "doubtful" for the sentences that are in doubt, or "all".
    """

    schema: Schema
    onnx: bytes
    tokenizer: bytes
    max_tokens: int
    first: str = ""
    combinations: Mapping[str, Combination] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    doubt: Doubt | None = None
    rereads: str = "all"

    def __post_init__(self) -> None:
        _check_rereads(self.rereads)

    def __getstate__(self) -> dict[str, Any]:
        # A copy makes session and tokenizer anew: the library's own cannot be copied.
        return {k: v for k, v in self.__dict__.items() if k not in ("_session", "_tokenizer")}

    @cached_property
    def id(self) -> str:
        """A short hash of everything that decides the scores."""
        return sha256(self.contents()[MANIFEST])[:12]

    @cached_property
    def _session(self) -> Any:
        onnxruntime = _required("onnxruntime")
        check_graph(self.onnx, ONNX)
        _bound_memory()
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(
                self.onnx,
                options,
                ["CPUExecutionProvider"],
                # Its sum and norm in one step take longer than in two: a tenth of all time.
                disabled_optimizers=["SkipLayerNormFusion"],
            )
        except Exception as error:  # the library has no common base for its own
            raise ModelError(f"{ONNX}: cannot be loaded: {str(error)[:200]}") from None

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizers = _required("tokenizers")
        try:
            found = tokenizers.Tokenizer.from_str(self.tokenizer.decode())
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{TOKENIZER}: cannot be loaded: {str(error)[:200]}") from None
        found.no_padding()
        found.enable_truncation(self.max_tokens)
        return found

    def scores(self, texts: Sequence[str]) -> Floats:
        """Return log-odds of labels up to a constant a task, shape (n_sentences, n_outputs)."""
        return self.read(texts)[0]

    def read(self, texts: Sequence[str]) -> tuple[Floats, Flags]:
        """Return the scores of sentences, and which of them are too long to be read whole.

        ModelError is raised where the network does not give one finite score an output.
        """
        n = self.schema.n_labels
        rows = [self._score(text) for text in texts]
        for row, _ in rows:
            if row.shape != (n,) or not np.isfinite(row).all():
                raise ModelError(f"{ONNX}: gives {row.shape} scores, expected {n} finite ones")
        scores = np.array([row for row, _ in rows], np.float64).reshape(-1, n)
        return scores, np.array([cut for _, cut in rows], bool)

    def _score(self, text: str) -> tuple[Any, bool]:
        # Half a character of a pair, which JSON may hold, is none to the tokenizer, and white space
        # that is a control character, such as a form feed, no end of a word.
        text = _ODD_SPACE.sub(" ", seen(text))
        begun = text[: self.max_tokens * _CHARACTERS_A_TOKEN].encode("utf-8", "replace").decode()
        encoded = self._tokenizer.encode(begun)
        ids = np.array([encoded.ids], np.int64)
        cut = bool(encoded.overflowing) or len(begun) < len(text)
        session = self._session
        try:
            return session.run(None, {"ids": ids})[0][0], cut
        except Exception as error:  # as above
            raise ModelError(f"{ONNX}: cannot read a sentence: {str(error)[:200]}") from None

    def beside(self, model: Model) -> Model:
        """Return a model whose sentences this reader rereads; ModelError if it is another's."""
        if self.first != model.id or self.schema != model.schema or not self.combinations:
            raise ModelError(
                f"the second reader goes with the model {self.first or 'none'}, found "
                f"{model.id}: train this one again with --second-reader"
            )
        # What the first reader alone gets wrong says nothing of both.
        errors = self.about.get("out_of_fold", {}).get(self.rereads)
        about = {key: value for key, value in model.about.items() if key != "out_of_fold"}
        if errors:
            about["out_of_fold"] = errors
        joined = replace(model, second=self, about=about)
        joined.__dict__["id"] = f"{model.id}+{self.id}.{self.rereads}"
        return joined

    def reread(
        self, texts: Sequence[str], first: dict[str, Floats], close: Mapping[str, Flags] | None
    ) -> Reread:
        """Read sentences once more, as `tagger.model.model.Second` says."""
        if close is None or self.rereads == "all":
            rows = np.arange(len(texts))
        elif self.doubt:
            rows = np.flatnonzero(self.doubt.of(texts, first, close))
        else:
            rows = np.flatnonzero(np.logical_or.reduce(list(close.values())))
        scores, cut = self.read([texts[i] for i in rows.tolist()])
        both, alone = {}, {}
        for task, part in outputs_of(self.schema):
            own, z = first[task.name][rows], scores[:, part]
            both[task.name] = self.combinations[task.name].probabilities(task, own, z)
            alone[task.name] = probabilities_of(task, z)
        return Reread(rows, both, alone, cut)

    def contents(self) -> dict[str, bytes]:
        """Return the files of the saved reader, the manifest last."""
        files = {ONNX: self.onnx, TOKENIZER: self.tokenizer}
        doubt = self.doubt.model.contents() if self.doubt else {}
        manifest = {
            "format": FORMAT,
            "kind": "second reader",
            "schema": self.schema.to_dict(),
            "max_tokens": self.max_tokens,
            "first": self.first,
            "combinations": {name: c.to_dict() for name, c in self.combinations.items()},
            "about": dict(self.about),
            **({"doubt": self.doubt.to_dict()} if self.doubt else {}),
            "files": {name: sha256(data) for name, data in files.items()},
        }
        manifest["checksum"] = checksum(manifest)
        inner = {f"{DOUBT}/{name}": data for name, data in doubt.items()}
        return {**files, **inner, MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()}


def reader_folder(model: str | Path) -> Path:
    """Return the folder of a model's second reader: in its own or beside; else ModelError."""
    inside, beside = Path(model) / FOLDER, Path(f"{Path(model).resolve()}-reader")
    found = next((path for path in (inside, beside) if path.is_dir()), None)
    if found is None:
        raise ModelError(
            f"{inside}: no such folder: the model has no second reader; tagger train "
            "--second-reader makes one"
        )
    return found


def remove_reader(model: str | Path, first: str) -> str:
    """Remove the second reader in a model's folder where it goes with another than `first`.

    Only files that its own list names, unchanged, are removed. What was done is returned as a
    sentence, empty where there is no such folder.
    """
    folder = Path(model) / FOLDER
    if folder.is_symlink() or not folder.is_dir():
        return ""
    try:
        _, manifest, files = read_folder(folder, _READABLE, (ONNX, TOKENIZER), MAX_BYTES)
        if manifest.get("kind") != "second reader":
            return f"{folder}: is left as it is: it is no second reader"
        if manifest.get("first") == first:
            return ""
        own = [*files, MANIFEST]
        if manifest.get("doubt"):
            _, _, inner = read_folder(folder / DOUBT, READABLE_FORMATS, (), MAX_BYTES)
            own += [f"{DOUBT}/{name}" for name in (*inner, MANIFEST)]
    except ModelError as error:
        return f"{folder}: is left as it is: {error}"
    try:
        for name in own:
            (folder / name).unlink()
        for place in (folder / DOUBT, folder):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
    except OSError as error:
        raise OutputError(f"{folder}: cannot be removed: {error.strerror or error}") from None
    return f"{folder}: the second reader of the model that was replaced is removed"


def load_reader(folder: str | Path, rereads: str = "all") -> SecondReader:
    """Load the folder of a second reader: read, check, build.

    Parameters
    ----------
    rereads : "doubtful" or "all".

    Raises
    ------
    ModelError : the folder is no second reader, or is damaged.
    ConfigError : the extra that reads with it is not installed, or `rereads` is another word.
    """
    _check_rereads(rereads)
    folder = Path(folder)
    _, manifest, files = read_folder(folder, _READABLE, (ONNX, TOKENIZER), MAX_BYTES)
    try:
        if manifest.get("kind") != "second reader":
            raise ValueError("it is no second reader")
        schema = Schema.from_dict(manifest["schema"])
        max_tokens = manifest["max_tokens"]
        if type(max_tokens) is not int or not 8 <= max_tokens <= _MAX_TOKENS:
            raise ValueError(f"max_tokens is {max_tokens!r}, expected 8 to {_MAX_TOKENS}")
        raw = manifest["combinations"]
        combinations = {t.name: Combination.from_dict(t, raw[t.name]) for t in schema.tasks if raw}
        about = manifest["about"]
        for by_task in (about, *about.get("out_of_fold", {}).values()):
            if not isinstance(by_task, dict):
                raise ValueError(f"about holds {by_task!r:.100}, expected a table")
        asked = manifest.get("doubt")
        doubt = asked and Doubt.from_dict(asked, load_model(folder / DOUBT), schema)
        reader = SecondReader(
            *(schema, files[ONNX], files[TOKENIZER], max_tokens, str(manifest["first"])),
            *(combinations, about, doubt or None, rereads),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError(f"{folder}: the model does not hold together: {error}") from None
    reader.scores(["A sentence."])  # fails here rather than in the middle of the work
    return reader


@cache
def _bound_memory() -> None:
    """Bound what all networks of this process may take, whatever their files ask for."""
    onnxruntime = _required("onnxruntime")
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    own = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    # As much is taken as is asked for, rather than twice as much as before.
    how = {"max_mem": _MAX_MEMORY, "arena_extend_strategy": 1}
    onnxruntime.create_and_register_allocator(own, onnxruntime.OrtArenaCfg(how))


def _check_rereads(given: str) -> None:
    if given not in REREADS:
        raise ConfigError(f"second reader is {given!r}: {did_you_mean(str(given), REREADS)}")


def _required(name: str) -> Any:
    return required(name, "encoder", f"the second reader needs {name}")
