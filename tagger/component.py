"""A spaCy component that tags the sentences of a pipeline (extra spacy).

spaCy finds it by its entry point, so that ``nlp.add_pipe("claim_tagger")`` needs no import. Its
name is not ``tagger``: under that one spaCy has its own tagger of parts of speech.
"""

import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from tagger.document import Tags
from tagger.errors import DataError, importing
from tagger.model.model import Model
from tagger.model.store import load_model
from tagger.predictor import Tagger, shipped_model, with_second
from tagger.schema import Schema
from tagger.targets import write_files

with importing("spacy", "the component needs the extra spacy"):
    import srsly
    from spacy.language import Language
    from spacy.tokens import Doc, Span
    from spacy.util import minibatch

NAME = "claim_tagger"
_READER, _DOUBT = "reader", "doubt"


class ClaimTagger:
    """Sets the answers of a model on the sentences of a Doc.

    ``span._.claim`` and ``span._.themes`` hold them, or for other tasks an attribute of the
    task's name; ``span._.scores`` by task the probability of each label, ``span._.review``
    whether an answer is too close to call. A sentence of nothing but white space has none.

    Parameters
    ----------
    name : its name in the pipeline.
    model : folder of the model, the shipped one where None; loaded when it is first needed.
    second_reader : as in `Tagger.load`.
    """

    def __init__(
        self, name: str = NAME, model: str | None = None, second_reader: str | None = None
    ) -> None:
        self.name = name
        self._source = model, second_reader
        self._tagger: Tagger | None = None
        self._first: Model  # without its second reader, as it is saved

    @property
    def tagger(self) -> Tagger:
        """What tags; its attributes are known to spaCy from then on."""
        if self._tagger is None:
            self._load(self._source[0] or shipped_model(), self._source[1])
        assert self._tagger is not None
        _extend(self._tagger.schema)
        return self._tagger

    def _load(self, folder: str | Path, second_reader: str | None) -> None:
        self._first = load_model(folder)
        self._tagger = Tagger(with_second(self._first, folder, second_reader))

    def __call__(self, doc: Doc) -> Doc:
        """Tag one document."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Tag documents, the sentences of `batch_size` of them at once.

        Raises
        ------
        DataError : a document has no sentences yet.
        """
        tagger = self.tagger
        for docs in minibatch(stream, batch_size):
            spans = [span for doc in docs for span in self._sentences(doc)]
            tagged = tagger.tag_sentences([span.text.strip() for span in spans])
            for span, tags in zip(spans, tagged, strict=True):
                _set(span, tags)
            yield from docs

    def _sentences(self, doc: Doc) -> list[Span]:
        if len(doc) and not doc.has_annotation("SENT_START"):
            raise DataError(
                f"a document has no sentences: add a component that sets them before {self.name}, "
                'such as nlp.add_pipe("sentencizer") or a parser'
            )
        return [span for span in doc.sents if span.text.strip()]

    def to_bytes(self, *, exclude: Collection[str] = ()) -> bytes:
        """Return the model as bytes, with its second reader where it has one."""
        second: Any = self.tagger.model.second
        files = self._first.contents()
        if second is not None:
            files |= {f"{_READER}/{name}": data for name, data in second.contents().items()}
        rereads = second.rereads if second is not None else None
        packed: bytes = srsly.msgpack_dumps({"second_reader": rereads, "files": files})
        return packed

    def from_bytes(self, data: bytes, *, exclude: Collection[str] = ()) -> "ClaimTagger":
        """Take the model that `to_bytes` gave; like any model it is checked as it is loaded."""
        packed = srsly.msgpack_loads(data)
        with tempfile.TemporaryDirectory() as folder:
            for part in ("", _READER, f"{_READER}/{_DOUBT}"):
                files = {
                    name.rpartition("/")[2]: content
                    for name, content in packed["files"].items()
                    if name.rpartition("/")[0] == part
                }
                write_files(Path(folder, part), files)
            self._load(folder, packed["second_reader"])
        return self

    def to_disk(self, path: str | Path, *, exclude: Collection[str] = ()) -> None:
        """Write the model into a folder of the pipeline's, in one file."""
        Path(path).mkdir(parents=True, exist_ok=True)
        (Path(path) / "model.msgpack").write_bytes(self.to_bytes())

    def from_disk(self, path: str | Path, *, exclude: Collection[str] = ()) -> "ClaimTagger":
        """Take the model that `to_disk` wrote."""
        return self.from_bytes((Path(path) / "model.msgpack").read_bytes())


@Language.factory(
    NAME,
    default_config={"model": None, "second_reader": None},
    requires=["doc.sents"],
    assigns=["span._.claim", "span._.themes", "span._.scores", "span._.review"],
)
def make_component(
    nlp: Language, name: str, model: str | None, second_reader: str | None
) -> ClaimTagger:
    """Return a component for a pipeline."""
    return ClaimTagger(name, model, second_reader)


def _attribute(task: str) -> str:
    """Return what the answer to a task is called on a span: as on `tagger.document.Sentence`."""
    return "themes" if task == "theme" else task


def _extend(schema: Schema) -> None:
    for name in (*(_attribute(task.name) for task in schema.tasks), "scores", "review"):
        if not Span.has_extension(name):
            Span.set_extension(name, default=None)


def _set(span: Span, tags: Tags) -> None:
    # A label is a list in spaCy's own files, which know no tuple: the same after a round trip.
    for task, answer in tags.labels.items():
        plain = answer if answer is None or isinstance(answer, str) else list(answer)
        span._.set(_attribute(task), plain)
    span._.scores = tags.probabilities
    span._.review = bool(tags.review)
