"""Tagger: text in, tagged documents out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.arrow import Column, lengths_of
from tagger.document import Document, Explanation, Sentence, Tags
from tagger.errors import DataError
from tagger.explanation import evidence_of, explain
from tagger.features.arrays import Floats, Ints
from tagger.model.model import Model, Reading
from tagger.model.store import load_model
from tagger.model.tags import Decisions, decide, tags_of
from tagger.schema import OTHER, SENTENCE, Schema
from tagger.sequences import (
    batches,
    check_lengths,
    document_names,
    kinds_of,
    plain_column,
    text_list,
)
from tagger.table import TaggedTable, take
from tagger.text.language import Language
from tagger.text.structure import Range, pieces
from tagger.text.tokens import tokenize

SHIPPED_MODEL = "claims-en"
_MIN_TOKENS_TO_JUDGE_LANGUAGE = 20
_MIN_KNOWN_SHARE = 0.5


class Tagger:
    """Tags sentences with a model.

    Parameters
    ----------
    model : what to tag with; `Tagger.load` reads one from disk.

    Examples
    --------
    >>> from tagger import Tagger
    >>> tagger = Tagger.load()
    >>> document = tagger.tag("Two soldiers were killed on Monday. The talks may fail.")
    >>> [(s.text, s.claim) for s in document.sentences][1]
    ('The talks may fail.', 'speculation')
    """

    def __init__(self, model: Model) -> None:
        if not isinstance(model, Model):
            raise TypeError(
                f"model is {model!r:.100}, expected a Model: Tagger.load reads one from a folder"
            )
        self.model = model

    def __repr__(self) -> str:
        tasks = ", ".join(f"{t.name} ({', '.join(t.labels)})" for t in self.schema.tasks)
        return f"<Tagger model {self.model.id}: {tasks}>"

    @classmethod
    def load(cls, path: str | Path | None = None, second_reader: str | None = None) -> "Tagger":
        """Load the shipped model, or the one in the folder `path`.

        Parameters
        ----------
        path : folder of the model.
        second_reader : what the encoder in PATH/reader or PATH-reader rereads: "doubtful", "all".

        Raises
        ------
        ModelError : the folder is not a model, is damaged, or was made by another version.
        ConfigError : a second reader without the extra that it needs.
        """
        if path is not None and not isinstance(path, (str, Path)):
            raise TypeError(f"path is a {type(path).__name__}, expected the path of a model folder")
        folder = shipped_model() if path is None else path
        return cls(with_second(load_model(folder), folder, second_reader))

    @property
    def language(self) -> Language:
        """The language that the model reads."""
        return self.model.featurizer.settings.spoken

    @property
    def schema(self) -> Schema:
        """The tasks that the model answers."""
        return self.model.schema

    def tag(
        self, text: str, name: str = "", headings: Sequence[Range] = (), keep_headings: bool = False
    ) -> Document:
        """Cut a text into sentences, headings and what is neither, and tag each.

        Sentences are tagged with every task. A heading names a topic and claims nothing: it
        gets answers to multi-label tasks only. Bylines, captions and the like get none.

        Parameters
        ----------
        text : any text, of any length.
        name : what to call the document.
        headings : ranges of characters that its layout names headings, or what a third value says.
        keep_headings : whether headings are tagged like sentences.
        """
        if not isinstance(text, str):
            raise DataError(f"text is a {type(text).__name__}, expected a string")
        found = pieces(text, self.language, headings)
        cut = [text[piece.start : piece.end] for piece in found]
        kinds = [piece.kind for piece in found]
        tags = tags_of(self.model, self._answers(cut, kinds, keep_headings))
        tagged = zip(cut, found, tags, strict=True)
        rows = tuple(
            Sentence(own, start, end, tags, kind, what)
            for own, (start, end, kind, what), tags in tagged
        )
        return Document(text, rows, name, schema=self.schema, model=self.model.id)

    def tag_sentences(self, sentences: Sequence[str]) -> list[Tags]:
        """Tag texts each of which is one sentence already; one without a word has no answers."""
        rows: list[Tags] = []
        for batch in batches(sentences):
            rows += tags_of(self.model, self._answers(batch, kinds_of(batch), False))
        return rows

    def tag_table(
        self,
        texts: Sequence[str],
        docs: Sequence[str] | None = None,
        extra: Mapping[str, Column] | None = None,
        sentences: bool = False,
        explain: bool = False,
        n: Sequence[int] | None = None,
        headings: Sequence[Sequence[Range]] | None = None,
        keep_headings: bool = False,
    ) -> TaggedTable:
        """Tag many texts column by column, with the answers of `tag` and `tag_sentences`.

        Parameters
        ----------
        texts : documents, or with `sentences` texts each of which is one sentence.
        docs : what to call each document; numbers from 0 where None.
        extra : other columns, repeated for each sentence, of names that tagged output has not.
        sentences : whether each text is one sentence already.
        explain : whether to add the words that moved each decision, which is slow.
        n : with `sentences`, the place of each in its document; 0 where None.
        headings, keep_headings : as in `tag`, the first for each text.

        Raises
        ------
        DataError : something else than texts, or a column of another length.
        """
        texts = text_list(texts, "text")
        docs = [str(i) for i in range(len(texts))] if docs is None else document_names(docs)
        extra = {name: plain_column(column) for name, column in (extra or {}).items()}
        if taken := ", ".join(sorted({*self.columns, "evidence", "reader"} & {*extra})):
            raise DataError(f"extra has {taken}, which tagged output has too: name it otherwise")
        check_lengths(len(texts), {"docs": docs, "n": n, **extra, "headings": headings})
        if headings is not None if sentences else n is not None:
            raise DataError("n goes with sentences=True only, headings with whole texts only")
        row, places, (start, end, kind, what), cut = self._cut(texts, sentences, headings)
        places = places if n is None else np.array(n, np.int64)
        if not sentences:
            docs = take(list(docs), row)
            extra = {name: take(column, row) for name, column in extra.items()}
        answers = self._answers(cut, kind, keep_headings)
        return TaggedTable(
            schema=self.schema,
            model=self.model.id,
            row=row,
            doc=docs,
            n=places,
            start=np.array(start, np.int64),
            end=np.array(end, np.int64),
            text=cut,
            kind=kind,
            what=what,
            labels=answers.labels,
            probabilities={task: np.round(p, 6) for task, p in answers.probabilities.items()},
            review=answers.review,
            extra=extra,
            evidence=self._evidence(cut, start, answers) if explain else None,
            reread=answers.reread if self.model.second else None,
            cut=answers.cut if self.model.second else None,
        )

    def _cut(
        self, texts: Sequence[str], sentences: bool, headings: Sequence[Sequence[Range]] | None
    ) -> tuple[Ints, Ints, Sequence[Any], Sequence[str]]:
        """Return for each piece its text's number, its place, its four fields, and itself."""
        n_texts = len(texts)
        row = np.arange(n_texts)
        if sentences:  # an object for each takes longer than all else that is done here
            zeros = np.zeros(n_texts, np.int64)
            kinds, what = kinds_of(texts), [""] * n_texts
            for i in (i for i, kind in enumerate(kinds) if kind == OTHER):
                what[i] = "separator" if texts[i].strip() else "blank"
            return row, zeros, (zeros, lengths_of(texts), kinds, what), texts
        language = self.language
        named = headings or [()] * len(texts)
        found = [pieces(text, language, own) for text, own in zip(texts, named, strict=True)]
        counts = np.fromiter(map(len, found), np.int64, len(found))
        row = np.repeat(row, counts)
        n = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        cut = [t[a:b] for t, own in zip(texts, found, strict=True) for a, b, _, _ in own]
        fields = map(list, zip(*(piece for own in found for piece in own), strict=True))
        return row, n, list(fields) or [[]] * 4, cut

    def _evidence(
        self, cut: Sequence[str], start: Sequence[int], answers: Decisions
    ) -> list[list[dict[str, Any]]]:
        rows = zip(cut, start, tags_of(self.model, answers), strict=True)
        return [self.evidence(text, tags, int(first)) for text, first, tags in rows]

    def _answers(self, cut: Sequence[str], kinds: Sequence[str], keep_headings: bool) -> Decisions:
        if kinds.count(SENTENCE) == len(kinds):
            return decide(self.model, read_all(self.model, cut))
        asked = [i for i, kind in enumerate(kinds) if kind != OTHER]
        claims = np.array([keep_headings or kinds[i] == SENTENCE for i in asked], bool)
        reading = read_all(self.model, [cut[i] for i in asked])
        return decide(self.model, reading, claims).spread(len(kinds), asked)

    def predict_proba(self, sentences: Sequence[str]) -> dict[str, Floats]:
        """Return by task the probability of each label.

        Parameters
        ----------
        sentences : texts each of which is one sentence.

        Returns
        -------
        Arrays of shape (n_sentences, n_labels), columns in the order of the task's
        labels. The rows of a single-label task sum to one.

        Raises
        ------
        DataError : one string where a list of them is meant.
        """
        return read_all(self.model, sentences).probabilities

    def predict(self, sentences: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
        """Return by task the labels of each sentence.

        Parameters
        ----------
        sentences : texts each of which is one sentence.

        Returns
        -------
        For a single-label task an array of labels, shape (n_sentences,); for a
        multi-label task an indicator matrix of 0 and 1, shape (n_sentences, n_labels).

        Raises
        ------
        DataError : one string where a list of them is meant.
        """
        decided = decide(self.model, read_all(self.model, sentences)).labels
        return {
            task.name: decided[task.name].astype(np.int64)
            if task.multilabel
            else np.array(task.labels)[decided[task.name]]
            for task in self.schema.tasks
        }

    def explain(self, sentence: str) -> Explanation:
        """Split the scores of a sentence into the contributions of its words and runs of words.

        The model is linear, so the split is exact: intercept and contributions sum
        to the scores, whose softmax (or sigmoid, for a multi-label task) the
        probabilities are. For what a second reader makes of them, words are left out.

        Parameters
        ----------
        sentence : a text that is one sentence.
        """
        text_list([sentence], "sentence")
        return explain(self.model, sentence)

    @property
    def columns(self) -> list[str]:
        """The columns of tagged output, in their order."""
        return self.schema.output_columns()

    def evidence(self, text: str, tags: Tags, start: int = 0, n: int = 5) -> list[dict[str, Any]]:
        """Return for each label that a sentence got the `n` parts that speak most for it.

        Parameters
        ----------
        text, tags : the sentence and its tags.
        start : its offset in the document.

        Returns
        -------
        Parts with their offsets and what each ``adds`` to the log-odds. Those of the method
        ``exact`` are of the model itself; a sentence that was reread has others too, found by
        ``occlusion``: what both readers together lose where the word is left out.
        """
        return evidence_of(self.model, text, tags, start, n)

    def knows_language(self, text: str) -> bool:
        """Return whether a text looks like the language of the training data.

        False where fewer than half of its words stand in the model's vocabulary;
        a text of fewer than 20 words is always taken to be known.
        """
        featurizer = self.model.featurizer
        tokens = tokenize(text[:100_000], self.language)
        words = [word for word in tokens if word[0].isalpha()]
        n = len(words)
        return n < _MIN_TOKENS_TO_JUDGE_LANGUAGE or featurizer.knows(words) >= _MIN_KNOWN_SHARE * n


def read_all(model: Model, sentences: Sequence[str]) -> Reading:
    """Return what a model makes of sentences, read batch by batch."""
    parts = [model.read(batch) for batch in batches(sentences)]
    return Reading.joined(parts or [model.read([])])


def with_second(model: Model, folder: str | Path, second_reader: str | None) -> Model:
    """Return a model beside the second reader of its folder, or alone where none is asked for."""
    if second_reader is None:
        return model
    from tagger.encoder.reader import load_reader, reader_folder

    return load_reader(reader_folder(folder), second_reader).beside(model)


def model_of(model: "Model | Tagger | str | Path | None") -> Model:
    """Return the model that is meant: one at hand, that of a folder, or for None the shipped one.

    Raises
    ------
    ModelError : the folder is not a model.
    """
    if isinstance(model, Model):
        return model
    return (model if isinstance(model, Tagger) else Tagger.load(model)).model


def shipped_model() -> Path:
    """Return the folder of the model that travels with the package."""
    package = Path(__file__).parent
    inside = package / "models" / SHIPPED_MODEL
    # In a checkout the models lie beside the package; in a wheel, inside it.
    return inside if inside.is_dir() else package.parent / "models" / SHIPPED_MODEL
