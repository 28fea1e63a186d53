"""Word vectors: what words that no training sentence holds have in common with those that do."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagger.text.lexicon import resource


@dataclass(frozen=True)
class WordVectors:
    """One vector a word.

    Parameters
    ----------
    words : in the order of the rows.
    matrix : shape (n_words, n_dimensions).
    """

    words: tuple[str, ...]
    matrix: npt.NDArray[np.float32]


def builtin_vectors(name: str) -> WordVectors:
    """Return the vectors `name` that travel with the package.

    Raises
    ------
    ConfigError : there are no such vectors.
    """
    from safetensors.numpy import load_file

    arrays = load_file(resource(name, ".safetensors", "file of vectors"))
    words = arrays["words"].tobytes().decode("utf-8").split("\n")
    return WordVectors(tuple(words), arrays["vectors"] * arrays["scale"])
