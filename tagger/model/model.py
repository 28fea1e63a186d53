"""Model = schema + features + classifiers, and what of it is saved.

A saved model holds ``manifest.json`` (what the model is, as readable JSON),
``weights.safetensors`` (arrays) and the lexicons it was trained with.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from tagger.errors import OutputError, n_of
from tagger.features.arrays import Floats
from tagger.features.featurizer import Featurizer
from tagger.features.scorer import Scorer
from tagger.model.classifier import Classifier, probabilities_of
from tagger.schema import Schema, outputs_of
from tagger.targets import check_free, write
from tagger.text.tokens import seen

FORMAT = 2
"""Number of the saved format. A change that an older tagger would misread raises it by
one. Format 1 named no language: it was English. `tagger.model.store` reads both."""

MANIFEST, WEIGHTS, CARD = "manifest.json", "weights.safetensors", "README.md"


Flags = npt.NDArray[np.bool_]


class Reread(NamedTuple):
    """What a second reader makes of the sentences that it has read.

    Parameters
    ----------
    rows : which of the sentences it has read.
    both, alone : by task, probabilities of both readers and of the second one, for those.
    cut : which of those were too long to be read whole.
    """

    rows: npt.NDArray[np.int64]
    both: dict[str, Floats]
    alone: dict[str, Floats]
    cut: Flags


class Second(Protocol):
    """What rereads sentences after the model itself."""

    def reread(
        self, texts: Sequence[str], first: dict[str, Floats], close: Mapping[str, Flags] | None
    ) -> Reread:
        """Read sentences once more.

        Parameters
        ----------
        texts : sentences.
        first : the model's own probabilities by task.
        close : by task, which of its answers are too close to call; None to read them all.
        """


class Reading(NamedTuple):
    """What a model, with its second reader where it has one, makes of sentences.

    Parameters
    ----------
    probabilities : by task, shape (n_sentences, n_labels).
    reread : which sentences the second reader has read too, shape (n_sentences,).
    apart : by task, which of those the two readers answer in two ways.
    cut : which of those it could not read whole.
    """

    probabilities: dict[str, Floats]
    reread: Flags
    apart: dict[str, Flags]
    cut: Flags

    @classmethod
    def joined(cls, parts: "Sequence[Reading]") -> "Reading":
        """Return the readings of parts of the sentences as one."""
        one = parts[0]
        p = {name: np.concatenate([x.probabilities[name] for x in parts]) for name in one[0]}
        apart = {name: np.concatenate([x.apart[name] for x in parts]) for name in one[0]}
        reread, cut = (np.concatenate([x[i] for x in parts]) for i in (1, 3))
        return cls(p, reread, apart, cut)


def cut_notes(n: int) -> list[str]:
    """Say how many sentences the second reader could not read whole, where there are any."""
    what = n_of(n, "sentence")
    return [f"the second reader read only the beginning of {what}, too long for it"] if n else []


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
    second : a second reader, which is no part of what is saved.
    """

    schema: Schema
    featurizer: Featurizer
    classifiers: tuple[Classifier, ...]
    about: dict[str, Any] = field(default_factory=dict)
    trained_on: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    second: Second | None = None

    def __getstate__(self) -> dict[str, Any]:
        # The scorer holds a lock and a table that a copy makes anew.
        return {name: value for name, value in self.__dict__.items() if name != "scorer"}

    @cached_property
    def id(self) -> str:
        """A short hash of everything that decides the tags: that of the saved manifest."""
        return sha256(self.contents()[MANIFEST])[:12]

    @cached_property
    def scorer(self) -> Scorer:
        """Scores sentences for all tasks at once; outputs in the order of the classifiers."""
        return Scorer(
            self.featurizer,
            np.concatenate([c.coef for c in self.classifiers]).T,
            np.concatenate([c.intercept for c in self.classifiers]),
        )

    def probabilities(self, texts: Sequence[str]) -> dict[str, Floats]:
        """Return by task the probability of each label, shape (n_sentences, n_labels)."""
        return self.read(texts).probabilities

    def read(self, texts: Sequence[str]) -> Reading:
        """Return what the model, and its second reader where it has one, make of sentences."""
        p = self.split(self.scorer.decision_function(texts))
        reread, cut = np.zeros(len(texts), bool), np.zeros(len(texts), bool)
        apart = {name: np.zeros(len(texts), bool) for name in p}
        if self.second:
            texts = list(texts)
            rows, both, alone, cut_short = self.second.reread(texts, p, self.close(p))
            reread[rows], cut[rows] = True, cut_short
            for c in self.classifiers:
                own, name = p[c.task.name].copy(), c.task.name
                differ = c.decide(own[rows]) != c.decide(alone[name])
                apart[name][rows] = differ.any(axis=1) if c.task.multilabel else differ
                own[rows] = both[name]
                p[name] = own
        return Reading(p, reread, apart, cut)

    def close(self, probabilities: Mapping[str, Floats]) -> dict[str, Flags]:
        """Return by task which answers are too close to call, shape (n_sentences,)."""
        return {
            c.task.name: c.margins(probabilities[c.task.name]) < c.doubt for c in self.classifiers
        }

    @property
    def known_errors(self) -> dict[str, Any]:
        """By task, how often which gold label got which answer in cross-validation.

        A task whose priors or temperature fit the model to other text than it learned from is
        not among them: there it errs otherwise (benchmarks/quantify.py).
        """
        settings = self.about.get("settings", {}).get("tasks", {})
        return {
            task: errors
            for task, errors in self.about.get("out_of_fold", {}).items()
            if not (own := settings.get(task, {})).get("priors") and own.get("temperature", 1) == 1
        }

    def doubtful(self, probabilities: Mapping[str, Floats]) -> Flags:
        """Return which sentences have an answer that is too close to call."""
        return np.asarray(np.logical_or.reduce(list(self.close(probabilities).values())))

    def split(self, scores: Floats) -> dict[str, Floats]:
        """Turn the scorer's outputs into probabilities by task."""
        parts = outputs_of(self.schema)
        return {task.name: probabilities_of(task, scores[:, part]) for task, part in parts}

    def contents(self) -> dict[str, bytes]:
        """Return the files of the saved model, the manifest last."""
        packed = self.featurizer.pack()
        arrays = {
            **packed.arrays,
            "df": self.featurizer.df_.astype(np.int32),
            "trained_on": self.trained_on,
        }
        for c in self.classifiers:
            arrays[f"coef.{c.task.name}"] = np.ascontiguousarray(c.coef.T, np.float32)
            arrays[f"intercept.{c.task.name}"] = c.intercept.astype(np.float64)
        contents = {WEIGHTS: save(arrays), **packed.files}
        manifest = {
            "format": FORMAT,
            "schema": self.schema.to_dict(),
            "features": self.featurizer.settings.to_dict(),
            "n_documents": self.featurizer.n_documents_,
            "n_terms": packed.n_terms,
            "scales": self.featurizer.scales_,
            "decisions": {
                c.task.name: {"thresholds": c.thresholds.tolist(), "doubt": c.doubt}
                for c in self.classifiers
            },
            "about": self.about,
            "files": {name: sha256(data) for name, data in sorted(contents.items())},
        }
        manifest["checksum"] = checksum(manifest)
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        return {**contents, MANIFEST: text.encode()}

    def save(self, folder: str | Path, card: str = "", force: bool = False) -> None:
        """Write the model folder; files that are there are replaced only with `force`.

        Raises
        ------
        OutputError : a file is there already, or cannot be written.
        """
        folder = Path(folder)
        contents = ({CARD: card.encode()} if card else {}) | self.contents()
        check_free([folder / name for name in contents], force)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # The manifest goes last: until it stands, the folder does not load.
            (folder / MANIFEST).unlink(missing_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"{folder}: the model cannot be written: {reason}") from None
        for name, data in contents.items():
            write(folder / name, data)


def checksum(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's values, whatever their layout."""
    values = {key: value for key, value in manifest.items() if key != "checksum"}
    return sha256(json.dumps(values, sort_keys=True).encode())


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def fingerprints(texts: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Return a number of 8 bytes for each text, the same for texts of the same words.

    Case, punctuation, white space and what nobody sees do not count. From the numbers alone a text
    can be recognised, but not be read.
    """
    digests = (
        blake2b(
            re.sub(r"[\W_]+", " ", seen(text).casefold()).strip().encode("utf-8", "replace"),
            digest_size=8,
        )
        for text in texts
    )
    return np.frombuffer(b"".join(d.digest() for d in digests), "<u8").astype(np.uint64)
