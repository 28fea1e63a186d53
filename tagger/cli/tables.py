"""Tables that several commands print."""

from collections.abc import Sequence

from tagger.cli.console import Table
from tagger.evaluation.figures import Figure
from tagger.evaluation.report.markdown import number
from tagger.evaluation.scores import Difference, TaskScore


def score_table(scores: Sequence[TaskScore], title: str) -> Table:
    """Return a table of precision, recall, F1 with its interval, and support, label by label.

    The baselines stand below with their macro F1.
    """
    table = Table(title=title)
    table.add_column("", min_width=12)  # long names take lines, not room
    for name in ("precision", "recall", "F1", "95 %", "support"):
        table.add_column(name, justify="right", no_wrap=True)
    for s in scores:
        macro = s.figures["macro_f1"]
        row = (f"{s.task}, macro", "", "", number(macro.value), _interval(macro), str(s.n))
        table.add_row(*row, style="bold")
        for x in s.labels:
            numbers = (number(value.value) for value in (x.precision, x.recall, x.f1))
            table.add_row(x.label, *numbers, _interval(x.f1), str(x.support))
        for name, figures in s.baselines.items():
            f1 = figures["macro_f1"]
            row = (f"baseline {name}", "", "", number(f1.value), _interval(f1), str(s.n))
            table.add_row(*row, style="dim")
        table.add_section()
    return table


def versus_line(task: str, one: str, other: str, d: Difference) -> str:
    """Return a sentence on whether one beats the other, by their difference in macro F1."""
    difference = d.difference or 0.0
    between = f" [{d.low:+.3f}, {d.high:+.3f}]" if d.low is not None else ""
    verb = "does not beat" if difference <= 0 else "does not surely beat"
    if d.is_sure:
        verb = "beats" if difference > 0 else "is worse than"
    return f"{task}: {one} {verb} {other}: macro F1 {difference:+.3f}{between}"


def _interval(figure: Figure) -> str:
    return "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
