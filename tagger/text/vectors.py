"""Word vectors: what words that no training sentence holds have in common with those that do."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagger.errors import ConfigError
from tagger.text.lexicon import RESOURCES


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

    path = RESOURCES / f"{name}.safetensors"
    if not path.is_file():
        known = sorted(p.stem for p in RESOURCES.glob("*.safetensors"))
        raise ConfigError(f"there are no vectors {name!r}, expected one of {', '.join(known)}")
    arrays = load_file(path)
    words = arrays["words"].tobytes().decode("utf-8").split("\n")
    return WordVectors(tuple(words), arrays["vectors"] * arrays["scale"])
