"""Tables that several commands print."""

from collections.abc import Sequence

from rich.table import Table

from tagger.evaluation.evaluate import Figure, TaskScore


def score_table(scores: Sequence[TaskScore], title: str) -> Table:
    """Return a table of precision, recall, F1 with its interval, and support, label by label."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    for name in ("precision", "recall", "F1", "95 %", "support"):
        table.add_column(name, justify="right", no_wrap=True)
    for s in scores:
        macro = s.figures["macro_f1"]
        row = (f"{s.task}, macro", "", "", f"{macro.value:.3f}", _interval(macro), str(s.n))
        table.add_row(*row, style="bold")
        for x in s.labels:
            numbers = (f"{value.value:.3f}" for value in (x.precision, x.recall, x.f1))
            table.add_row(x.label, *numbers, _interval(x.f1), str(x.support))
        table.add_section()
    return table


def _interval(figure: Figure) -> str:
    return "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
