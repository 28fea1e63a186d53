"""Numbers -> JSON, Markdown, HTML; never computes.

A report is made of plain JSON values (`to_dict`). Markdown and HTML are written from
those alone, so a report can be rendered again from its ``report.json``.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from tagger.corpus.corpus import Example
from tagger.errors import ConfigError, DataError
from tagger.evaluation.evaluate import Evaluation
from tagger.model.model import Model

FORMAT = 1
"""Number of the layout of report.json; `read_report` refuses every other."""

JSON, MARKDOWN, HTML, ANSWERS = "report.json", "report.md", "report.html", "answers.jsonl"
DECIMALS = 6

FIGURE_NAMES = {
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "exact_match": "exact match",
    "mcc": "Matthews correlation",
    "kappa": "Cohen's kappa",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "ece": "calibration error (ECE)",
}

Report = dict[str, Any]


def to_dict(evaluation: Evaluation, about: Mapping[str, Any], texts: bool = True) -> Report:
    """Return an evaluation and what it is about as plain JSON values, rounded.

    Parameters
    ----------
    about : hashes, versions and settings, as plain JSON values.
    texts : whether the mistakes show their sentences; without, they are left out.
    """
    raw = asdict(evaluation)
    if not texts:
        raw["mistakes"] = []
    rounded: Report = _rounded({"report": FORMAT, "about": dict(about), **raw})
    return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # no negative zero
    if isinstance(value, Mapping):
        return {str(k): _rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    return value


def to_json(report: Report) -> str:
    """Return a report as JSON, lists of numbers on one line."""
    text = json.dumps(report, indent=1, ensure_ascii=False)
    flat = re.sub(r"\[\s+([-\d.e,\s]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    return flat + "\n"


def read_report(folder: str | Path) -> Report:
    """Read the report in a folder, or a report.json.

    Raises
    ------
    DataError : there is none, or it has another layout.
    """
    path = Path(folder)
    path = path / JSON if path.is_dir() else path
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise DataError(f"{path}: not a report: {error}") from None
    if not isinstance(report, dict) or report.get("report") != FORMAT:
        found = report.get("report") if isinstance(report, dict) else None
        raise DataError(f"{path}: found report format {found!r}, expected {FORMAT}")
    return report


def answer_rows(
    examples: Sequence[Example], answers: Mapping[str, Sequence[tuple[Any, Mapping[str, float]]]]
) -> Iterator[str]:
    """Yield for each sentence a line of JSON: text, gold, answers and probabilities.

    Parameters
    ----------
    answers : by task, the answer to each sentence and the probability of each label.
    """
    for i, example in enumerate(examples):
        row = {
            "doc": example.doc,
            "text": example.text,
            "gold": example.labels,
            "answers": {task: given[i][0] for task, given in answers.items()},
            "p": {
                task: {label: round(p, DECIMALS) for label, p in given[i][1].items()}
                for task, given in answers.items()
            },
        }
        yield json.dumps(row, ensure_ascii=False) + "\n"


# Markdown


def to_markdown(report: Report) -> str:
    """Return a report as Markdown."""
    lines = ["# Evaluation", "", *_about_lines(report), ""]
    for warning in report["warnings"]:
        lines += [f"> **Warning:** {warning}", ""]
    lines += [*_note(report), *task_lines(report)]
    if report.get("learning_curve"):
        lines += ["", "## Learning curve", "", "Macro F1 by number of training sentences.", ""]
        tasks = [name for name in report["learning_curve"][0] if name != "n"]
        lines += _table(
            ["sentences", *tasks],
            [[str(p["n"]), *(f"{p[t]:.3f}" for t in tasks)] for p in report["learning_curve"]],
        )
    if report["mistakes"]:
        lines += ["", f"## The {len(report['mistakes'])} most confident errors", ""]
        lines += ["Words with what they add to the log-odds of the wrong answer.", ""]
        rows = [
            [
                f"{m['confidence']:.2f}",
                m["gold"],
                m["answer"],
                m["text"],
                ", ".join(f"{word} {adds:+.2f}" for word, adds in m["words"]),
            ]
            for m in report["mistakes"]
        ]
        lines += _table(["confidence", "gold", "answer", "sentence", "words"], rows, numbers=1)
    return "\n".join(lines) + "\n"


def about_rows(report: Report) -> list[tuple[str, str]]:
    """Return what a report is about, as names and values."""
    about = report["about"]
    data, model = about["data"], about["model"]
    named = report["resampled"] == "documents"
    documents = f"{data['n_documents']} documents" if named else "documents not named"
    rows = [
        ("judged", about["how"]),
        ("data", f"{data['n_sentences']} sentences, {documents}"),
        ("data sha256", data["sha256"]),
        ("model", model["id"]),
        ("model's training data sha256", model["data_sha256"]),
        ("configuration sha256", model["settings_sha256"]),
    ]
    if about.get("split_sha256"):
        rows.append(("split sha256", about["split_sha256"]))
    else:
        overlap = report["overlap"]
        found = "unknown" if overlap is None else f"{overlap} sentences" if overlap else "none"
        rows.append(("in the model's training data", found))
    bootstrap = about["bootstrap"]
    if bootstrap["rounds"]:
        drawn = f"{bootstrap['rounds']} rounds over {report['resampled']}, seed {bootstrap['seed']}"
        rows.append(("bootstrap", drawn))
    if about.get("baselines"):
        rows.append(("baselines", about["baselines"]))
    rows.append(("versions", ", ".join(f"{k} {v}" for k, v in about["versions"].items())))
    return rows


def _about_lines(report: Report) -> list[str]:
    return [f"- {name}: {value}" for name, value in about_rows(report)]


def _seen(report: Report) -> str:
    return "its document" if report["resampled"] == "documents" else "it (documents are not named)"


def _note(report: Report) -> list[str]:
    if not report["about"]["bootstrap"]["rounds"]:
        return []
    return ["", f"In brackets: 95 % intervals by bootstrap over {report['resampled']}."]


def task_lines(report: Report, depth: int = 2, slices: bool = True) -> list[str]:
    """Return the tables of every task as lines of Markdown, with or without its slices."""
    lines: list[str] = []
    for task in report["tasks"]:
        lines += ["", f"{'#' * depth} {task['task']}", "", f"{count_line(task)}", ""]
        lines += _table(*label_table(task))
        lines += ["", *_table(*figure_table(task))]
        if agreement := readers_line(task):
            lines += ["", agreement]
        for name, parts in task["slices"].items() if slices else ():
            lines += ["", f"By {name}:", ""]
            rows = [
                [s["value"], str(s["n"]), figure(s["macro_f1"]), figure(s["exact_match"])]
                for s in parts
            ]
            lines += _table([name, "n", "macro F1", "exact match"], rows)
    return lines


def count_line(task: Mapping[str, Any]) -> str:
    """Return how many sentences a task was judged on."""
    kind = "any number of labels" if task["multilabel"] else "one label"
    left_out = f"; {task['n_unannotated']} not annotated" if task["n_unannotated"] else ""
    return f"{task['n']} sentences, {kind} each{left_out}."


def label_table(task: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells of the table of labels."""
    heads = ["label", "precision", "recall", "F1", "kappa", "average precision", "support"]
    rows = []
    for x in task["labels"]:
        average = x["average_precision"]
        rows.append(
            [
                x["label"],
                *(figure(x[name]) for name in ("precision", "recall", "f1", "kappa")),
                "" if average is None else f"{average:.3f}",
                str(x["support"]),
            ]
        )
    return heads, rows


def figure_table(task: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells of the table of figures, the baselines beside the model."""
    names = [name for name in FIGURE_NAMES if name in task["figures"]]
    heads = ["", "model", *task["baselines"]]
    rows = []
    for name in names:
        others = (figure(b[name]) if name in b else "" for b in task["baselines"].values())
        rows.append([FIGURE_NAMES[name], figure(task["figures"][name]), *others])
    for x in task["labels"]:
        key = f"f1.{x['label']}"
        others = (figure(b[key]) for b in task["baselines"].values())
        rows.append([f"F1 {x['label']}", figure(x["f1"]), *others])
    return heads, rows


def readers_line(task: Mapping[str, Any]) -> str:
    """Return a sentence on how far several readers agree, or nothing."""
    readers = task["readers"]
    if not readers:
        return ""
    pairs = ", ".join(
        f"{' and '.join(p['readers'])} {p['kappa']:.3f} on {p['n']}" for p in readers["pairs"]
    )
    model = ", ".join(f"{name} {kappa:.3f}" for name, kappa in readers["kappa_with_model"].items())
    alpha = ", ".join(
        f"{label} {'undefined' if a is None else format(a, '.3f')}"
        for label, a in readers["alpha"].items()
    )
    return (
        f"Cohen's kappa between readers: {pairs}; of the model with each reader: {model}. "
        f"Krippendorff's alpha by label: {alpha}."
    )


def figure(raw: Mapping[str, Any]) -> str:
    """Return a figure with its interval."""
    if raw["low"] is None:
        return f"{raw['value']:.3f}"
    return f"{raw['value']:.3f} [{raw['low']:.3f}, {raw['high']:.3f}]"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> list[str]:
    """Return a Markdown table; columns of numbers are set right, by default all but the first."""
    right = range(1, len(heads)) if not numbers else range(numbers)
    marks = ["---:" if i in right else "---" for i in range(len(heads))]
    cells = [[_cell(cell) for cell in row] for row in (heads, marks, *rows)]
    return [f"| {' | '.join(row)} |" for row in cells]


def _cell(text: str) -> str:
    return re.sub(r"([\\`*_<>|])", r"\\\1", " ".join(text.split()))


# The model card


def model_card(model: Model, report: Report) -> str:
    """Return the card of a model: what it answers, what it learned from, how good it is.

    Parameters
    ----------
    report : of the cross-validation on its training data, as it stands beside the model.
    """
    data = model.about["data"]
    lines = [
        "# Model card",
        "",
        f"A linear model over TF-IDF features, trained by `tagger train` on {data['n_sentences']} "
        f"sentences of {data['n_documents']} documents (sha256 `{data['sha256']}`).",
        "",
        "## What it answers",
        "",
    ]
    for task in model.schema.tasks:
        kind = "any number of labels" if task.multilabel else "exactly one label"
        lines.append(f"**{task.name}** ({kind})")
        lines += [f"- `{x}`: {task.definitions.get(x, 'no definition given')}" for x in task.labels]
        lines.append("")
    lines += [
        "## How good it is",
        "",
        f"Cross-validation on the training data: no sentence was judged by a model that had seen "
        f"{_seen(report)}. Text of another kind gives lower figures.",
        *(line for warning in report["warnings"] for line in ("", f"**Note:** {warning}.")),
        *_note(report),
        *task_lines(report, depth=3, slices=False),
        "",
        "By parts of the data: `report.md`. Everything: `report.json`.",
    ]
    return "\n".join(lines) + "\n"


# HTML


def require_plots() -> None:
    """Raise ConfigError where the extra `plots`, which a page needs, is not installed."""
    for name in ("matplotlib", "jinja2"):
        try:
            import_module(name)
        except ImportError:
            raise ConfigError(
                f"a page needs {name}: pip install 'claim-tagger[plots]', or go without the page"
            ) from None


def to_html(report: Report) -> str:
    """Return a report as one self-contained page.

    Raises
    ------
    ConfigError : the extra `plots` is not installed.
    """
    require_plots()
    import jinja2

    from tagger.evaluation.report import plots

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tagger", "resources"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    tasks = [
        {
            **task,
            "count": count_line(task),
            "label_table": label_table(task),
            "figure_table": figure_table(task),
            "agreement": readers_line(task),
            "plots": plots.task_plots(task),
        }
        for task in report["tasks"]
    ]
    curve = report.get("learning_curve")
    return environment.get_template("report.html.j2").render(
        about=about_rows(report),
        warnings=report["warnings"],
        note=" ".join(_note(report)).strip(),
        tasks=tasks,
        mistakes=report["mistakes"],
        learning_curve=plots.learning_curve(curve) if curve else None,
    )
