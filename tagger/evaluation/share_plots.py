"""Shares of labels -> figures for papers, SVG and PDF, in the palette of the pages."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tagger.errors import DataError, importing, n_of
from tagger.evaluation.shares import ALL, DOCUMENT, MONTH, Share, columns_of
from tagger.markup import MARKERS, PALETTE, name_of
from tagger.targets import check_free, escape_of

ENDINGS = "svg", "pdf"
_MOST_PANELS = 12
_MOST_GROUPS = 60
_APART = 0.07  # a corrected share from its raw one
_STYLE: Any = {"svg.hashsalt": "tagger", "svg.fonttype": "none", "pdf.fonttype": 42, "font.size": 9}
_STYLE["text.parse_math"] = False  # a dollar in a name is a dollar
# Which no XML may hold and no font draws: escapes such as those of JSON stand for them.
_UNDRAWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def plot_shares(
    shares: Sequence[Share], folder: str | Path, by: Sequence[str] = (), force: bool = False
) -> list[Path]:
    """Draw shares, for each way to group and each task one picture as SVG and as PDF.

    With ``month`` they are lines over time, a panel for each group besides; else points with
    intervals, a row a group. Hollow points and dashed lines are corrected shares.

    Parameters
    ----------
    shares : what `label_shares` found.
    folder : where the files go; those that are there are replaced only with `force`.
    by : the ways to group that are drawn; all of them where empty.

    Raises
    ------
    DataError : the extra plots is not installed, or there is nothing, or too much, to draw.
    """
    with importing("plots", "plots need the extra plots", DataError):
        import matplotlib
        from matplotlib.figure import Figure
    shares = [
        replace(s, by=_drawn(s.by), group=_drawn(s.group),
                values={_drawn(k): _drawn(value) for k, value in s.values.items()})
        for s in shares
    ]  # fmt: skip
    labels = dict.fromkeys((s.task, s.label) for s in shares)
    # Numbered through all tasks, as on the pages, so that claims and themes share no colour.
    colors = {pair: PALETTE[i % len(PALETTE)][0] for i, pair in enumerate(labels)}
    ways = list(map(_drawn, by)) or [
        way for way in dict.fromkeys(s.by for s in shares) if way != ALL
    ]
    pictures = []
    for way in ways:
        own = [s for s in shares if s.by == way]
        _check(own, way)
        for task in dict.fromkeys(task for task, _ in labels):
            name = f"shares-{task}-by-{'-'.join(columns_of(way))}".replace("/", "_")
            pictures.append((Path(folder) / name, [s for s in own if s.task == task], way))
    written = [path.with_name(f"{path.name}.{end}") for path, _, _ in pictures for end in ENDINGS]
    check_free(written, force)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for path, own, way in pictures:
        with matplotlib.rc_context(_STYLE):
            figure = Figure(layout="constrained")
            draw = _over_time if MONTH in columns_of(way) else _in_rows
            draw(figure, own, colors, way)
            for end in ENDINGS:
                empty = {"Date": None} if end == "svg" else {"CreationDate": None}
                figure.savefig(path.with_name(f"{path.name}.{end}"), metadata=empty)
    return written


def _drawn(text: str) -> str:
    return _UNDRAWN.sub(escape_of, text)


def _check(shares: Sequence[Share], way: str) -> None:
    groups = dict.fromkeys(s.group for s in shares)
    months = dict.fromkeys(s.values[MONTH] for s in shares if MONTH in s.values)
    panels = {_beside(s) for s in shares}
    for wrong, found, expected in (
        (way == ALL, "one group", "one or more columns in --by"),
        (not groups, "no group", "values to group by"),
        (MONTH in columns_of(way) and len(months) < 2, n_of(len(months), "month"), "two or more"),
        (MONTH in columns_of(way) and len(panels) > _MOST_PANELS,
         n_of(len(panels), "group") + " beside months", f"{_MOST_PANELS} at most"),
        (MONTH not in columns_of(way) and len(groups) > _MOST_GROUPS,
         n_of(len(groups), "group"), f"{_MOST_GROUPS} at most"),
        (DOCUMENT in columns_of(way) and len(groups) > _MOST_GROUPS,
         n_of(len(groups), "document"), f"{_MOST_GROUPS} at most"),
    ):  # fmt: skip
        if wrong:
            raise DataError(f"plots by {way}: found {found}, expected {expected}")


def _beside(share: Share) -> str:
    """Return the group of a share, but for its month."""
    return ", ".join(value for key, value in share.values.items() if key != MONTH)


def _over_time(
    figure: Any, shares: Sequence[Share], colors: Mapping[tuple[str, str], str], way: str
) -> None:
    numbers = {s.values[MONTH]: _number(s.values[MONTH]) for s in shares}
    begin, end = min(numbers.values()), max(numbers.values())
    panels = sorted({_beside(s) for s in shares})
    labels = list(dict.fromkeys(s.label for s in shares))
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure.set_size_inches(max(7, 3.6 * columns), 0.6 + 3.0 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        for i, label in enumerate(labels):
            line = [s for s in shares if s.label == label and _beside(s) == panel]
            line.sort(key=lambda s: s.values[MONTH])
            # Beside each other, so that one sees whose interval it is.
            beside = 0.5 * ((i + 0.5) / len(labels) - 0.5)
            x = [numbers[s.values[MONTH]] + beside for s in line]
            color = colors[line[0].task, label] if line else None
            marker = MARKERS[i % len(MARKERS)]
            raw = [s.raw for s in line]
            drawn = {"color": color, "marker": marker, "markersize": 4, "clip_on": False}
            axes.plot(x, raw, **drawn, label=name_of(label))
            low, high = [s.low for s in line], [s.high for s in line]
            axes.vlines(x, low, high, color=color, linewidth=1.2)
            fixed = [
                (k + _APART, s) for k, s in zip(x, line, strict=True) if s.adjusted is not None
            ]
            if fixed:
                at, adjusted = [k for k, _ in fixed], [s.adjusted for _, s in fixed]
                axes.plot(at, adjusted, linestyle="--", color=color, linewidth=1)
                ends = [s.adjusted_low for _, s in fixed], [s.adjusted_high for _, s in fixed]
                axes.vlines(at, *ends, color=color, linewidth=1, linestyle=":")
        # Not more names than can be read beside each other.
        shown = range(begin, end + 1, -(-(end + 1 - begin) // (6 if columns > 1 else 12)))
        slanted = {"rotation": 45, "ha": "right"} if len(shown) > (4 if columns > 1 else 8) else {}
        axes.set_xticks(shown, [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in shown], **slanted)
        axes.set_title(panel, loc="left", fontsize=9)
        _finish(axes, "y")
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[max(0, len(panels) - columns) : len(panels)]:  # those with none below
        axes.tick_params(labelbottom=True)
    grid[0].set_ylim(0, None)
    _legend(figure, grid[0], shares)


def _number(month: str) -> int:
    """Return how many months a month is from the year 0, so that gaps are as long as they are."""
    year, of_year = month.split("-")
    return 12 * int(year) + int(of_year) - 1


def _in_rows(
    figure: Any, shares: Sequence[Share], colors: Mapping[tuple[str, str], str], way: str
) -> None:
    groups = list(dict.fromkeys(s.group for s in shares))
    labels = list(dict.fromkeys(s.label for s in shares))
    figure.set_size_inches(7, 1.2 + 0.16 * len(groups) * (len(labels) + 1))
    axes = figure.subplots()
    step = min(0.22, 0.8 / len(labels))  # so that no row reaches into the next
    for i, label in enumerate(labels):
        own = [s for s in shares if s.label == label]
        y = [groups.index(s.group) + step * (i - (len(labels) - 1) / 2) for s in own]
        color = colors[own[0].task, label]
        marker = MARKERS[i % len(MARKERS)]
        axes.hlines(y, [s.low for s in own], [s.high for s in own], color=color, linewidth=1.2)
        raw = [s.raw for s in own]
        axes.plot(raw, y, marker, color=color, markersize=5, label=name_of(label))
        apart = min(_APART, step / 3)
        fixed = [(s, k + apart) for k, s in zip(y, own, strict=True) if s.adjusted is not None]
        if fixed:
            adjusted, at = [s.adjusted for s, _ in fixed], [k for _, k in fixed]
            ends = [s.adjusted_low for s, _ in fixed], [s.adjusted_high for s, _ in fixed]
            axes.hlines(at, *ends, color=color, linewidth=1, linestyle=":")
            axes.plot(adjusted, at, marker, markerfacecolor="none", color=color, markersize=6)
    names = [f"{g} ({next(s.n_sentences for s in shares if s.group == g):,})" for g in groups]
    axes.set_yticks(range(len(groups)), names)
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set_ylabel(", ".join(columns_of(way)))
    _finish(axes, "x")
    axes.set_xlim(0, None)
    _legend(figure, axes, shares)


def _finish(axes: Any, along: str) -> None:
    axis = getattr(axes, f"{along}axis")
    axis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(axis=along, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Any, axes: Any, shares: Sequence[Share]) -> None:
    corrected = any(s.adjusted is not None for s in shares)
    how = "; dashed or hollow, dotted interval: corrected" if corrected else ""
    title = f"{name_of(shares[0].task)}: share of sentences, 95 % interval{how}"
    handles, names = axes.get_legend_handles_labels()
    columns = int(13 * figure.get_figwidth() / (max(map(len, names)) + 8))  # what the width holds
    look = {"ncols": min(max(columns, 1), 4), "frameon": False, "alignment": "left"}
    figure.legend(handles, names, loc="outside upper left", title=title, **look)
