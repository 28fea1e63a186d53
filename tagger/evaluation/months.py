"""Shares over time -> pictures, one a task."""

from collections.abc import Sequence
from pathlib import Path

from tagger.errors import DataError
from tagger.evaluation.shares import Share


def plot_months(shares: Sequence[Share], folder: str | Path) -> list[Path]:
    """Draw the shares over time, one picture a task; return the files."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DataError("plots need the extra plots: pip install 'claim-tagger[plots]'") from None
    monthly = [s for s in shares if s.by == "month"]
    months = sorted({s.group for s in monthly})
    if len(months) < 2:
        raise DataError(
            f"found {len(months)} month(s) in the column of dates, expected two or more"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for task in dict.fromkeys(s.task for s in monthly):
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        axes = figure.subplots()
        for label in dict.fromkeys(s.label for s in monthly if s.task == task):
            line = [s for s in monthly if (s.task, s.label) == (task, label)]
            x = [months.index(s.group) for s in line]
            (drawn,) = axes.plot(
                x, [s.raw for s in line], marker="o", label=label.replace("_", " ")
            )
            axes.fill_between(
                x, [s.low for s in line], [s.high for s in line], alpha=0.2, color=drawn.get_color()
            )
            fixed = [
                (i, s.adjusted) for i, s in zip(x, line, strict=True) if s.adjusted is not None
            ]
            if fixed:
                axes.plot(*zip(*fixed, strict=True), linestyle="--", color=drawn.get_color())
        axes.set_xticks(range(len(months)), months, rotation=45, ha="right")
        axes.set_ylim(0, None)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.set_ylabel("share of sentences")
        axes.set_title(f"{task}: raw with 95 % interval; dashed: corrected for known errors")
        axes.grid(alpha=0.3)
        figure.legend(loc="outside right upper", frameon=False)
        path = folder / f"shares-{task}.png"
        figure.savefig(path, dpi=150, metadata={"Software": None})
        written.append(path)
    return written
