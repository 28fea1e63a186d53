"""Classes of lexicons: how many words and phrases of each class stand in a sentence."""

from typing import Self

from tagger.features.block import Block, Packed
from tagger.features.settings import FeatureSettings
from tagger.features.words import WordNgrams
from tagger.text.lexicon import Lexicon, builtin_lexicon
from tagger.text.tokens import surface_tokens


class LexiconClasses(Block):
    """The classes of one lexicon; its phrases stand on the stream of words.

    Parameters
    ----------
    name : the lexicon's name.
    lexicon : its classes.
    """

    host = WordNgrams.name

    def __init__(self, name: str, lexicon: Lexicon) -> None:
        self.name = name
        self.lexicon = lexicon
        self.n_features = len(lexicon.classes)
        self.classes_of = lexicon.class_numbers

    @classmethod
    def of(cls, settings: FeatureSettings) -> list[Self]:
        """Return a block for each lexicon that settings name."""
        return [cls(name, builtin_lexicon(name, settings.spoken)) for name in settings.lexicons]

    @classmethod
    def unpack(cls, settings: FeatureSettings, packed: Packed) -> list[Self]:
        """Return the blocks of a saved model, which has its own copies of the lexicons."""
        return [
            cls(name, Lexicon(packed.files[file].decode("utf-8"), file, settings.spoken))
            for name in settings.lexicons
            for file in [f"{name}.txt"]
        ]

    def pack(self) -> Packed:
        """Return the lexicon as a readable file."""
        return Packed(files={f"{self.name}.txt": self.lexicon.text.encode()})

    def terms(self) -> list[tuple[tuple[str, ...], int]]:
        """Return the entries of several tokens with each of their classes."""
        feature = {label: i for i, label in enumerate(self.lexicon.classes)}
        phrases = self.lexicon.phrases.items()
        return [(phrase, feature[label]) for phrase, labels in phrases for label in labels]

    def names(self) -> list[str]:
        """Return the names of the classes."""
        return list(self.lexicon.classes)

    def analyze(self, text: str) -> list[str]:
        """Return the classes of the words and phrases of a text, with repeats."""
        lexicon = self.lexicon
        surfaces = [s for c in text.split() for s in surface_tokens(c, lexicon.language)]
        classes = [lexicon.classes[i] for s in surfaces for i in lexicon.class_numbers(s)]
        tokens = [surface.lower() for surface in surfaces]
        for n in range(2, max(map(len, lexicon.phrases), default=1) + 1):
            for i in range(len(tokens) - n + 1):
                classes += lexicon.phrases.get(tuple(tokens[i : i + n]), [])
        return classes
