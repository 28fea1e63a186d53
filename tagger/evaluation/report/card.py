"""A model and its report -> the model card."""

from tagger.evaluation.report.markdown import note, second_lines, seen, task_lines
from tagger.evaluation.report.values import Report
from tagger.model.model import Model


def model_card(model: Model, report: Report) -> str:
    """Return the card of a model: what it answers, what it learned from, how good it is."""
    data, second = model.about["data"], report.get("second_reader")
    documents = "documents not named"
    if data["n_documents"] is not None:
        documents = f"{data['n_documents']} documents"
    lines = [
        "# Model card",
        "",
        f"A linear model over TF-IDF features, trained by `tagger train` on {data['n_sentences']} "
        f"sentences of {documents} (sha256 `{data['sha256']}`).",
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
        f"{seen(report)}. Text of another kind gives lower figures.",
        *(line for warning in report["warnings"] for line in ("", f"**Note:** {warning}.")),
        *note(report),
        *task_lines(report, depth=3, slices=False),
        *(("", "## Second reader", "", *second_lines(report)) if second else ()),
        "",
        "By parts of the data: `report.md`. Everything: `report.json`.",
    ]
    return "\n".join(lines) + "\n"
