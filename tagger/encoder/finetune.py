"""Labelled sentences -> a second reader, by fine-tuning an encoder."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from tagger.document import Labels
from tagger.encoder.export import to_onnx
from tagger.encoder.network import load_base
from tagger.encoder.reader import SecondReader
from tagger.encoder.samples import samples_of
from tagger.encoder.settings import EncoderSettings
from tagger.encoder.train import Progress, fit
from tagger.schema import Schema


def finetune(
    schema: Schema,
    texts: Sequence[str],
    labels: Sequence[Mapping[str, Labels]],
    settings: EncoderSettings,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda what, done, total: None,
) -> SecondReader:
    """Fine-tune an encoder on labelled sentences, as a reader that is not combined yet.

    Parameters
    ----------
    schema : the tasks.
    texts, labels : sentences, and of each its labels by task; a task may be missing.
    settings : which encoder, and how.
    seed, checkpoint, progress : as in `tagger.encoder.train.fit`.

    Raises
    ------
    ConfigError : there is no such encoder, or it cannot be trained so.
    """
    with one_thread():
        network, tokenizer = load_base(settings, schema.n_labels, seed)
        samples = samples_of(schema, texts, labels, tokenizer)
        fit(network, samples, schema, settings, seed, checkpoint, progress)
        onnx, rules = to_onnx(network), tokenizer.to_str().encode()
    return SecondReader(schema, onnx, rules, settings.max_tokens)


@contextmanager
def one_thread() -> Iterator[None]:
    """Work with one thread and a random state of one's own, and leave both as they were.

    More threads would give other roundings, and so another reader.
    """
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
