"""How sentences become features."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tagger.errors import ConfigError
from tagger.settings import from_table
from tagger.text.language import ENGLISH, Language, language_of


@dataclass(frozen=True)
class FeatureSettings:
    """How sentences become features.

    Parameters
    ----------
    language : ISO 639 code of the language of the sentences; ``und`` where unknown.
    word_ngrams : lowest and highest number of tokens in a word n-gram.
    char_ngrams : lowest and highest number of characters in a character n-gram.
    word_min_df, char_min_df : in how many training sentences a term must occur.
    masked_ngrams : lowest and highest number of tokens in an n-gram of masked tokens;
        empty for none.
    masked_keep : how many of the most frequent words are not masked.
    masked_min_df : in how many training sentences such an n-gram must occur.
    lexicons : names of lexicons whose classes become features.
    vectors : name of the word vectors whose words become features, or empty.
    weights : by block of features, how much it weighs beside the others; 1 where missing.
    """

    language: str = ENGLISH.code
    word_ngrams: tuple[int, int] = (1, 2)
    char_ngrams: tuple[int, int] = (2, 5)
    word_min_df: int = 2
    char_min_df: int = 3
    masked_ngrams: tuple[int, ...] = (1, 3)
    masked_keep: int = 150
    masked_min_df: int = 3
    lexicons: tuple[str, ...] = ()
    vectors: str = ""
    weights: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        language_of(self.language)
        for name in ("word_ngrams", "char_ngrams", "masked_ngrams"):
            value = getattr(self, name)
            if not value and name == "masked_ngrams":
                continue
            if len(value) != 2 or not 1 <= value[0] <= value[1]:
                raise ConfigError(f"{name} is {value!r}, expected two numbers, 1 <= low <= high")
        for name, least in (
            ("word_min_df", 1),
            ("char_min_df", 1),
            ("masked_min_df", 1),
            ("masked_keep", 0),
        ):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)!r}, expected {least} or more")
        for name, weight in self.weights.items():
            if not 0 < weight < float("inf"):
                raise ConfigError(f"weights.{name} is {weight!r}, expected a number above 0")

    @property
    def spoken(self) -> Language:
        """The language as a value."""
        return language_of(self.language)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "FeatureSettings":
        """Build settings from what `to_dict` gave or a configuration holds.

        Raises
        ------
        ConfigError : an unknown key or a value of the wrong kind.
        """
        return from_table(cls, raw, "features")
