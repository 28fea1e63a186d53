"""Tables and styled text on a terminal, by rich; what comes from data is shown as it is."""

from collections.abc import Iterable
from typing import Any

from rich import console as rich
from rich import table
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


class Table(table.Table):
    """A table without empty columns; too narrow for words of 20 characters, a value a line."""

    def __init__(self, *heads: str, **how: Any) -> None:
        super().__init__(*heads, title_justify="left", title_style="bold", **how)

    def __rich_console__(self, console: Any, options: Any) -> Iterable[Any]:
        """Draw it; whether words broke or were lost is seen in what was drawn."""
        self.columns = [c for c in self.columns if any(map(str, c.cells)) or not self.rows]
        for column in self.columns:
            column.overflow = "fold"  # what is longer takes lines, and is of use as a whole only
        heads = [str(column.header) for column in self.columns]
        rows = [list(x) for x in zip(*(column.cells for column in self.columns), strict=True)]
        said = " ".join(str(x) for row in [heads] * self.show_header + rows for x in row)
        drawn: list[Any] = list(super().__rich_console__(console, options))
        words = {x for x in shown(said, console.encoding).split() if Text(x).cell_len <= 20}
        lines = Segment.split_and_crop_lines(drawn, options.max_width)
        if words <= {word for line in lines for part in line for word in part.text.split()}:
            return drawn
        values = table.Table.grid("", table.Column(overflow="fold"), padding=(0, 2, 0, 0))
        for row, cells in zip(self.rows, rows, strict=True):
            for head, cell in zip(heads, cells, strict=True):
                if str(cell):
                    values.add_row(head, cell, style=row.style)
            values.add_row()
        return [*[styled(str(self.title), "bold")] * bool(self.title), values]


def styled(text: str, style: str) -> Text:
    """Return text in a style, escaped before it is measured."""
    return Text(shown(text), style=style)


def tone(number: int) -> str:
    """Return the colour of a label, by its number among all of a schema."""
    return _TONES[number % len(_TONES)]
