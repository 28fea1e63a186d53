"""Tables and styled text on a terminal, by rich; what comes from data is shown as it is."""

from collections.abc import Iterable
from typing import Any

from rich import console as rich
from rich.segment import Segment
from rich.text import Text

from tagger.cli.terminal import shown

# At the one lightness that has the same contrast, 4.6, with white and with black: what a terminal's
# ground is cannot be known. The first six stay six also where a terminal has 16 colours.
_TONES = ("#0073e6", "#937100", "#b75672", "#008477", "#ac43da", "#488400", "#757575", "#b85c1e")


class Console(rich.Console):
    """A console that takes no text for markup, and passes no control character of it on."""

    def __init__(self, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)
        # What rich puts where it cuts a cell.
        self._cut = "…" if self.encoding.startswith(("utf", "cp125")) else "."

    def render_str(self, text: str, **how: Any) -> Text:
        """Escape a string before it is measured."""
        return super().render_str(shown(text, self.encoding), **how)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Escape what came as something else than a string; rich's own controls stay."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(shown(text).replace("…", self._cut), style)


def styled(text: str, style: str) -> Text:
    """Return text in a style, escaped before it is measured."""
    return Text(shown(text), style=style)


def tone(number: int) -> str:
    """Return the colour of a label, by its number among all of a schema."""
    return _TONES[number % len(_TONES)]
