"""A report -> Markdown; never computes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tagger.errors import n_of
from tagger.evaluation.figures import FIGURE_NAMES
from tagger.evaluation.measure import FEW_GROUPS
from tagger.evaluation.report.values import Report
from tagger.evaluation.scores import Difference
from tagger.evaluation.slices import MIN_SLICE, MIN_SLICE_GROUPS

_MOST_SMALL = 5


def to_markdown(report: Report) -> str:
    """Return a report as Markdown."""
    lines = ["# Evaluation", ""]
    for verdict in verdicts(report):
        lines += [verdict, ""]
    for warning in report["warnings"]:
        lines += [f"> **Warning:** {warning}", ""]
    lines += [*note(report), *task_lines(report)]
    if report.get("second_reader"):
        lines += ["", "## Second reader", "", *second_lines(report)]
    if report.get("learning_curve"):
        lines += ["", "## Learning curve", "", "Macro F1 by number of training sentences.", ""]
        tasks = [name for name in report["learning_curve"][0] if name != "n"]
        lines += _table(
            ["sentences", *tasks],
            [[str(p["n"]), *(f"{p[t]:.3f}" for t in tasks)] for p in report["learning_curve"]],
        )
    if report["mistakes"]:
        lines += ["", f"## {worst(report)}", ""]
        lines += [worst_words(report), ""]
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
    lines += ["", "## Methods", "", methods(report), "", "## Made from", ""]
    lines += [f"- {name}: {value}" for name, value in about_rows(report)]
    return "\n".join(lines) + "\n"


def worst(report: Report) -> str:
    """Return what heads the most confident errors."""
    n = len(report["mistakes"])
    return f"The {n} most confident errors" if n > 1 else "The most confident error"


def worst_words(report: Report) -> str:
    """Return what the words beside the errors are."""
    told = " in the linear model; what moved the second reader is not told"
    also = told if _rereads(report) else ""
    return f"Words with what they add to the log-odds of the wrong answer{also}."


def _rereads(report: Report) -> str:
    """Return what a second reader reread, from the end of the model's id; nothing without one."""
    what = {"all": "all sentences", "doubtful": "the sentences in doubt"}
    return what.get(report["about"]["model"]["id"].rpartition(".")[2], "")


def verdicts(report: Report) -> list[str]:
    """Return for each task a sentence: how good, better than which baseline, on how much.

    The terminal says the same.
    """
    return [_verdict(task, report) for task in report["tasks"]]


def _verdict(task: Mapping[str, Any], report: Report) -> str:
    own = task["figures"]["macro_f1"]
    documents = report["about"]["data"]["n_documents"]
    of = f" of {n_of(documents, 'document')}" if report["resampled"] == "documents" else ""
    of += f" (training had {n:,} of the data)" if (n := report.get("overlap")) else ""
    lead = f"{task['task']}: macro F1 {figure(own)} on {n_of(task['n'], 'sentence')}{of}"
    named = task["baselines"].items()
    others = {name: f for name, x in named if (f := x["macro_f1"])["value"] is not None}
    if not others or own["value"] is None:
        return f"{lead}; not held against a baseline."
    best = max(others, key=lambda name: float(others[name]["value"]))
    other = others[best]
    d, by = report.get("versus", {}).get(task["task"]), ""
    if d:
        is_sure = Difference(**d).is_sure
        between = f" [{d['low']:+.3f}, {d['high']:+.3f}]" if d["low"] is not None else ""
        word = "by" if d["difference"] > 0 else "difference"
        by = f", {word} {d['difference']:+.3f}{between}"
    else:  # a report of before: its intervals must not overlap
        low, high = own["low"], own["high"]
        is_sure = low is not None and (low > other["high"] or high < other["low"])
    if own["value"] <= other["value"]:
        how = "worse than" if is_sure else "no better than"
    elif not is_sure:
        how = "better, though not surely, than"
    else:
        how = "better than" if documents < FEW_GROUPS else "clearly better than"
    kappas = [p["kappa"] for p in (task["readers"] or {"pairs": []})["pairs"]]
    agree = f"; the readers agree at kappa {number(kappas[0])}" if len(kappas) == 1 else ""
    return f"{lead}, {how} the best baseline, {best} ({figure(other)}){by}{agree}."


def methods(report: Report) -> str:
    """Return a paragraph for the methods of a paper: what was done, in sentences."""
    about, n_tasks = report["about"], len(report["tasks"])
    data, bootstrap = about["data"], about["bootstrap"]
    of = f" from {n_of(data['n_documents'], 'document')}" * (report["resampled"] == "documents")
    names = " and ".join(task["task"] for task in report["tasks"])
    reread = f", {second} reread by a fine-tuned encoder" if (second := _rereads(report)) else ""
    parts = [
        f"Sentences were classified for {names} with claim-tagger {about['versions']['tagger']} "
        f"(model {about['model']['id']}), linear classifiers over TF-IDF features with calibrated "
        f"probabilities{reread}. It was judged on "
        f"{n_of(data['n_sentences'], 'labelled sentence')}{of} ({about['how']}; SHA-256 of the "
        f"data {data['sha256'][:12]}).",
    ]
    if report["overlap"]:
        parts.append(f"Of these, {report['overlap']} were in the model's training data.")
    for task in report["tasks"]:
        pairs = (task["readers"] or {"pairs": []})["pairs"]
        if pairs:
            kappas = ", ".join(f"{number(p['kappa'])} (n = {p['n']})" for p in pairs)
            parts.append(f"Readers agreed on {task['task']} with Cohen's kappa {kappas}.")
    kind = "The score is" if n_tasks == 1 else "Scores are"
    drawn = (
        f", with 95 % percentile intervals from {bootstrap['rounds']:,} bootstrap samples of "
        f"{report['resampled']} (seed {bootstrap['seed']})"
    )
    parts.append(f"{kind} macro-averaged F1{drawn if bootstrap['rounds'] else ''}.")
    if about.get("baselines"):
        baselines = ", ".join(report["tasks"][0]["baselines"])
        parts.append(f"Baselines ({baselines}) were {about['baselines']}.")
    return " ".join([*parts, *verdicts(report)])


def about_rows(report: Report) -> list[tuple[str, str]]:
    """Return what a report is about, as names and values."""
    about = report["about"]
    data, model = about["data"], about["model"]
    named = report["resampled"] == "documents"
    documents = f"{data['n_documents']} documents" if named else "documents not named"
    if "n_skipped_rows" in data:
        documents += f"; {data['n_skipped_rows']} bad rows left out"
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
        shared = "unknown" if overlap is None else f"{overlap} sentences" if overlap else "none"
        rows.append(("in the model's training data", shared))
        if _rereads(report):
            rows.append(("in the second reader's training data", "unknown"))
    bootstrap = about["bootstrap"]
    if bootstrap["rounds"]:
        drawn = f"{bootstrap['rounds']} rounds over {report['resampled']}, seed {bootstrap['seed']}"
        rows.append(("bootstrap", drawn))
    if about.get("baselines"):
        rows.append(("baselines", about["baselines"]))
    rows.append(("versions", ", ".join(f"{k} {v}" for k, v in about["versions"].items())))
    return rows


def seen(report: Report) -> str:
    """Return what no model had seen that judged a sentence in cross-validation."""
    return "its document" if report["resampled"] == "documents" else "it (documents are not named)"


def note(report: Report) -> list[str]:
    """Return what stands in brackets, as lines of Markdown."""
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
        lines += (
            [line for said in small_lines(task) for line in ("", _cell(said))] if slices else []
        )
    return lines


def small_lines(task: Mapping[str, Any]) -> list[str]:
    """Return for each column a sentence on its values that are in no slice."""
    lines = []
    for name, sizes in task.get("small", {}).items():  # reports of before have none
        listed = [f"{value} ({n})" for value, n in sizes.items()]
        listed[_MOST_SMALL:] = [f"{more} more"] if (more := len(listed) - _MOST_SMALL) > 0 else []
        lines.append(
            f"By {name} not shown, {n_of(sum(sizes.values()), 'sentence')}: {', '.join(listed)}. A "
            f"part needs {MIN_SLICE} sentences of {MIN_SLICE_GROUPS} documents, and another "
            "beside it."
        )
    return lines


def second_lines(report: Report) -> list[str]:
    """Return how the second reader compares with the first, as lines of Markdown."""
    lines = [second_line(report)]
    for task in report["second_reader"]["tasks"]:
        lines += ["", *_table(*second_table(task))]
    return lines


def second_line(report: Report) -> str:
    """Return in a sentence what the second reader is and how it was measured."""
    second = report["second_reader"]
    cut = f"; of {n_of(second['n_cut'], 'sentence')} it read only the beginning"
    return (
        f"{second['base']}, fine-tuned in the same folds, its combination with the first reader "
        f"fitted on the other ones{cut if second['n_cut'] else ''}. The first is in doubt about "
        f"{second['share_doubtful']:.0%} of the sentences. In brackets: the difference from the "
        "first reader, 95 % interval by paired bootstrap; p by permutation."
    )


def second_table(task: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells of the table of the readers of a task."""
    ways = {
        "second": "second alone",
        "doubtful": "both, doubtful reread",
        "all": "both, all reread",
    }
    names = FIGURE_NAMES | {k: f"F1 {k[3:]}" for k in task["all"]["figures"] if k.startswith("f1.")}
    rows = []
    for name in (name for name in names if name in task["all"]["figures"]):
        own = [task[way]["figures"][name] for way in ways]
        p = own[-1]["p"]
        cells = [number(own[0]["a"]), *map(_moved, own), "" if p is None else f"{p:.3f}"]
        rows.append([names[name], *cells])
    counts = [f"{task[way]['better']} better, {task[way]['worse']} worse" for way in ways]
    rows.append(["sentences", str(task["n"]), *counts, ""])
    return [task["task"], "first", *ways.values(), "p, all"], rows


def _moved(d: Mapping[str, Any]) -> str:
    """Return a figure with the interval of how far it is from another."""
    between = "" if d["low"] is None else f" [{d['low']:+.3f}, {d['high']:+.3f}]"
    return f"{number(d['b'])}{between}"


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
        figures = (figure(x[name]) for name in ("precision", "recall", "f1", "kappa"))
        average = "" if x["average_precision"] is None else f"{x['average_precision']:.3f}"
        rows.append([x["label"], *figures, average, str(x["support"])])
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
        f"{' and '.join(p['readers'])} {number(p['kappa'])} on {p['n']}" for p in readers["pairs"]
    )
    model = ", ".join(
        f"{name} {number(kappa)}" for name, kappa in readers["kappa_with_model"].items()
    )
    alpha = ", ".join(f"{label} {number(a)}" for label, a in readers["alpha"].items())
    return (
        f"Cohen's kappa between readers: {pairs}; of the model with each reader: {model}. "
        f"Krippendorff's alpha by label: {alpha}."
    )


def number(value: float | None) -> str:
    """Return a number as readers see it."""
    return "undefined" if value is None else f"{value:.3f}"


def figure(raw: Mapping[str, Any]) -> str:
    """Return a figure with its interval."""
    if raw["value"] is None:
        return "undefined"
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
