"""Plots of a report as SVG that follows the page's colours; never computes."""

import io
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tagger.markup import MARKERS, name_of
from tagger.targets import utf8_of

# Stand-ins that become the page's own colours, so that light and dark need one drawing.
_INK, _FAINT, _LINE, _PAPER = "#010203", "#040506", "#070809", "#0a0b0c"
_CYCLE = ("#0a0001", "#0a0002", "#0a0003", "#0a0004", "#0a0005", "#0a0006", "#0a0007", "#0a0008")
_COLORS = {
    _INK: "var(--ink)",
    _FAINT: "var(--faint)",
    _LINE: "var(--line)",
    _PAPER: "var(--paper)",
} | {color: f"var(--c{i})" for i, color in enumerate(_CYCLE, 1)}
_LEAST_IN_BIN = 5
_PAPER_FROM = 0.65  # the colour of the page on this share of the colour, or more, can be read
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f]")  # which no XML may hold
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tagger",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.parse_math": False,  # a dollar in a label is a dollar
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _FAINT,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "axes.unicode_minus": False,
}


@dataclass(frozen=True)
class Plot:
    """A drawing with its title and a line that says how to read it."""

    title: str
    caption: str
    svg: str


def task_plots(task: Mapping[str, Any], first: int = 0) -> list[Plot]:
    """Draw all plots of one task of a report, whose labels have the colours from `first` on."""
    curves = task["curves"]
    plots = [_confusion(task, first)]
    if curves:
        plots += [
            _precision_recall(curves["precision_recall"], first),
            _reliability(curves["reliability"], first, task["multilabel"]),
            _risk_coverage(curves["risk_coverage"], first, task["multilabel"]),
            _histograms(curves["histograms"], first),
        ]
    return plots + [_slices(name, parts, first) for name, parts in task["slices"].items()]


def verdict_plot(task: Mapping[str, Any], first: int = 0) -> Plot:
    """Draw the model against baselines and, where there are several, readers."""
    rows = [("model", task["figures"]["macro_f1"])]
    rows += [(name, figures["macro_f1"]) for name, figures in task["baselines"].items()]
    readers = task["readers"] or {"pairs": (), "kappa_with_model": {}}
    pairs = [(" and ".join(p["readers"]), p["kappa"]) for p in readers["pairs"]]
    model = [(f"model and {name}", k) for name, k in readers["kappa_with_model"].items()]
    kappas = [(name, {"value": k, "low": None}) for name, k in model + pairs if k is not None]

    def draw(figure: Figure) -> None:
        parts = [(rows, "macro F1", 1), (kappas, "Cohen's kappa", len(model))][: 1 + bool(kappas)]
        sizes = [len(part[0]) for part in parts]
        grid = figure.subplots(len(parts), 1, squeeze=False, height_ratios=sizes)[:, 0]
        for axes, (own, title, n_model) in zip(grid, parts, strict=True):
            for y, (_, f) in enumerate(own):
                color = _color(first) if y < n_model else _FAINT
                axes.barh(y, f["value"] or 0, color=color, alpha=0.75, height=0.6)
                if f["low"] is not None:
                    axes.plot([f["low"], f["high"]], [y, y], color=_INK, linewidth=1.2)
                said = "undefined" if f["value"] is None else f"{f['value']:.3f}"
                axes.text(1.02, y, said, va="center", fontsize=8)
            axes.set_yticks(range(len(own)), [_short(name) for name, _ in own])
            axes.invert_yaxis()
            axes.set(xlim=(0, 1), xlabel=title)
            axes.grid(axis="x")

    agree = "; agreement beyond chance of readers with each other and with the model"
    caption = f"Macro F1{_intervals(f for _, f in rows)}{agree if kappas else ''}."
    height = 0.9 + 0.28 * (len(rows) + len(kappas)) + (0.5 if kappas else 0)
    return Plot(task["task"], caption, _render(draw, height))


def learning_curve(points: Sequence[Mapping[str, Any]]) -> Plot:
    """Draw macro F1 against the number of training sentences."""

    def draw(axes: Axes) -> None:
        for i, name in enumerate(k for k in points[0] if k != "n"):
            x, y = ([p[key] for p in points] for key in ("n", name))
            axes.plot(x, y, color=_color(i), marker=MARKERS[i % len(MARKERS)], label=_short(name))
        axes.set(xlabel="training sentences", ylabel="macro F1")
        axes.grid(axis="y")
        axes.legend()

    return Plot(
        "Macro F1 by number of sentences",
        "By cross-validation with a part of the training documents. A curve that "
        "still rises at its end says that more data would help.",
        _svg(draw),
    )


def _confusion(task: Mapping[str, Any], first: int) -> Plot:
    names = [_short(x["label"]) for x in task["labels"]]
    matrix = task["confusion"]
    if task["multilabel"]:
        return _confusion_bars(names, matrix, first)

    ticks = range(len(names))
    # Side by side such names would overlap.
    numbered = max(map(len, names)) > 14 or len(names) > 4
    columns = [str(i + 1) for i in ticks] if numbered else names
    rows = [f"{name}  {i}" for i, name in enumerate(names, 1)] if numbered else names

    def draw(axes: Axes) -> None:
        size = min(8, 60 / len(names))
        for y, row in enumerate(matrix):
            for x, n in enumerate(row):
                share = n / (sum(row) or 1)
                if n:
                    axes.bar(x, 1, 1, y - 0.5, color=_color(first), alpha=share, linewidth=0)
                if len(row) <= 12:
                    ink = _PAPER if share > _PAPER_FROM else _INK
                    said = f"{n}\n{share:.0%}"
                    axes.text(x, y, said, ha="center", va="center", fontsize=size, color=ink)
        axes.set_xticks(ticks, columns, fontsize=min(9, 100 / len(names)))
        axes.set_yticks(ticks, rows)
        edges = (-0.5, len(names) - 0.5)
        axes.set(xlim=edges, ylim=edges[::-1], xlabel="answer", ylabel="gold")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)

    order = ", by the numbers of the rows" if numbered else ""
    caption = f"Gold labels in rows, answers in columns{order}; per cent of the row."
    return Plot("Confusion matrix", caption, _svg(draw, height=max(2.9, 0.4 * len(names))))


def _confusion_bars(names: Sequence[str], matrix: Sequence[Any], first: int) -> Plot:
    def draw_bars(axes: Axes) -> None:
        places = range(len(names))
        left = [0] * len(names)
        for i, (title, row, column) in enumerate(
            (("found", 1, 1), ("missed", 1, 0), ("wrongly given", 0, 1))
        ):
            counts = [cells[row][column] for cells in matrix]
            axes.barh(places, counts, left=left, color=_color(first + i), label=title, height=0.6)
            left = [a + b for a, b in zip(left, counts, strict=True)]
        # Beside the bars: in them small parts have no room, and no one colour suits all.
        for y, ((_, wrong), (missed, found)) in enumerate(matrix):
            at = left[y] + max(left) / 50
            axes.text(at, y, f"{found}, {missed}, {wrong}", va="center", fontsize=8)
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set(xlim=(0, 1.4 * max(*left, 1)), xlabel="sentences")
        axes.figure.legend(loc="outside lower center", ncols=3)

    caption = "For each label: sentences where it was found, missed, and given wrongly, in numbers."
    return Plot("Confusion", caption, _svg(draw_bars, height=1.5 + 0.42 * len(names)))


def _precision_recall(curves: Mapping[str, Any], first: int) -> Plot:
    columns = 2 if max(map(len, curves)) <= 20 else 1

    def draw(axes: Axes) -> None:
        for i, (label, curve) in enumerate(curves.items()):
            axes.plot(
                [0, *curve["recall"]],
                [*curve["precision"][:1], *curve["precision"]],
                drawstyle="steps-pre",  # a line would promise more (Davis & Goadrich 2006)
                color=_color(first + i),
                linestyle=("-", "--", "-.", ":")[(i + i // len(_CYCLE)) % 4],
                label=_short(label),
            )
        axes.set(xlim=(0, 1.01), ylim=(0, 1.03), xlabel="recall", ylabel="precision")
        axes.grid()
        axes.figure.legend(loc="outside lower center", ncols=columns)

    height = 2.6 + 0.16 * -(-len(curves) // columns)
    return Plot("Precision and recall", "At every threshold, label by label.", _svg(draw, height))


def _reliability(curve: Mapping[str, Any], first: int, multilabel: bool) -> Plot:
    enough = [i for i, n in enumerate(curve["n"]) if n >= _LEAST_IN_BIN]

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_FAINT, linewidth=1)
        heights = [0.25 * n / max(curve["n"]) for n in curve["n"]]
        axes.bar(curve["confidence"], heights, width=0.03, color=_FAINT, alpha=0.6)
        points = [[curve[name][i] for i in enough] for name in ("confidence", "accuracy")]
        axes.plot(*points, color=_color(first), marker="o", markersize=4)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.03))
        axes.set(xlabel="probability said", ylabel="share that is so")
        axes.grid()

    given = "labels given a probability of" if multilabel else "answers given with"
    return Plot(
        "Reliability",
        f"Points on the diagonal: of the {given} 80 %, 80 % are right. Bars at the foot: how many; "
        "no point where they are fewer than five.",
        _svg(draw),
    )


def _risk_coverage(curve: Mapping[str, Any], first: int, multilabel: bool = False) -> Plot:
    def draw(axes: Axes) -> None:
        axes.plot(curve["coverage"], curve["risk"], color=_color(first))
        top = max(max(curve["risk"][len(curve["risk"]) // 20 :]) * 1.25, 0.1)
        axes.set(xlim=(0, 1.01), ylim=(0, min(top, 1.02)), xlabel="share of sentences answered")
        axes.set_ylabel("share of wrong answers")
        axes.grid()

    whole = ", each with all labels of its sentence," if multilabel else ""
    caption = (
        f"How many answers{whole} are wrong when only the clearest are taken. "
        f"Area under the curve {curve['area']:.3f}."
    )
    return Plot("Risk against coverage", caption, _svg(draw))


def _histograms(histograms: Mapping[str, Any], first: int) -> Plot:
    labels = list(histograms)[: len(_CYCLE) * 2]
    part = f" The first {len(labels)} of {len(histograms)} labels." * (
        len(histograms) > len(labels)
    )

    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(labels), 1, sharex=True, squeeze=False)[:, 0]
        left = [i / 20 for i in range(20)]
        for axes, label in zip(grid, labels, strict=True):
            for i, (name, n) in enumerate(histograms[label].items()):
                total = sum(n) or 1
                shares = [value / total for value in n]
                axes.bar(
                    left, shares, width=0.05, align="edge", color=_color(first + i), alpha=0.6,
                    label=f"{name} the label",
                )  # fmt: skip
            axes.set_yticks([])
            axes.set_title(_short(label))
        grid[-1].set(xlim=(0, 1), xlabel="probability of the label")
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)

    return Plot(
        "Scores",
        "Share of the sentences with and without a label, by gold, at each probability; the "
        f"less the two overlap, the better.{part}",
        _render(draw, height=0.9 + 0.9 * len(labels)),
    )


def _slices(name: str, parts: Sequence[Mapping[str, Any]], first: int) -> Plot:
    def draw(axes: Axes) -> None:
        places = range(len(parts))
        values = [p["macro_f1"]["value"] for p in parts]
        axes.barh(places, values, color=_color(first), alpha=0.75, height=0.6)
        for y, p in zip(places, parts, strict=True):
            f = p["macro_f1"]
            if f["low"] is not None:
                axes.plot([f["low"], f["high"]], [y, y], color=_INK, linewidth=1.2)
        axes.set_yticks(places, [f"{_short(p['value'])} ({p['n']})" for p in parts])
        axes.invert_yaxis()
        axes.set(xlim=(0, 1), xlabel="macro F1")
        axes.grid(axis="x")

    return Plot(
        f"By {name}",
        f"Macro F1{_intervals(p['macro_f1'] for p in parts)}; in brackets the number of sentences.",
        _svg(draw, height=1.1 + 0.3 * len(parts)),
    )


def _intervals(figures: Iterable[Mapping[str, Any]]) -> str:
    return " with its 95 % interval" * any(f["low"] is not None for f in figures)


def _short(label: str) -> str:
    flat = utf8_of(name_of(label)).decode()
    # Both ends stay: long names often begin alike.
    return flat if len(flat) <= 26 else f"{flat[:13]}…{flat[-12:]}"


def _color(i: int) -> str:
    return _CYCLE[i % len(_CYCLE)]


def _svg(draw: Callable[[Axes], None], height: float = 2.9) -> str:
    return _render(lambda figure: draw(figure.subplots()), height)


def _render(draw: Callable[[Figure], None], height: float) -> str:
    """Draw a figure and return its SVG, the same bytes for the same drawing."""
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # The page's fonts draw the text; here it is only measured.
        warnings.filterwarnings("ignore", "Glyph")
        figure = Figure(figsize=(3.9, height), layout="constrained")
        draw(figure)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    svg = _CONTROLS.sub("\ufffd", stream.getvalue())
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Names of groups would stand on the page once for each plot; nothing refers to them.
    svg = re.sub(r'(<g) id="[^"]*"', r"\1", svg)
    svg = re.sub(' (?:width|height)="[^"]*"', "", svg, count=2)  # those of the whole
    # Coordinates are cut, what is read is not: 0.175 on an axis would be 0.17.
    svg = re.sub("<[^>]*>", lambda tag: re.sub(r"(\d\.\d{2})\d+", r"\1", tag[0]), svg)
    for stand_in, color in _COLORS.items():
        svg = svg.replace(stand_in, color)
    return re.sub(r"\n\s*", "\n", svg).strip()
