"""Tables that several commands print."""

from collections.abc import Sequence

from rich.table import Table

from tagger.evaluation import TaskScore
from tagger.report import figure


def score_table(scores: Sequence[TaskScore], title: str) -> Table:
    """Return a table of precision, recall, F1 and support, label by label."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("task")
    table.add_column("label", no_wrap=True)
    for name in ("precision", "recall", "F1", "support"):
        table.add_column(name, justify="right", no_wrap=True)
    for s in scores:
        for x in s.labels:
            numbers = (f"{value.value:.3f}" for value in (x.precision, x.recall, x.f1))
            table.add_row(s.task, x.label, *numbers, str(x.support))
        macro, _, interval = figure(s.figures["macro_f1"]).partition(" ")
        row = (s.task, "macro", "", interval, macro, str(s.n))
        table.add_row(*row, style="bold", end_section=True)
    return table
