"""A report -> one self-contained page; never computes."""

from importlib import import_module
from itertools import accumulate

from tagger.errors import ConfigError, install_command
from tagger.evaluation.report import markdown
from tagger.evaluation.report.values import Report
from tagger.markup import palette_rules


def require_plots() -> None:
    """Raise ConfigError where the extra `plots`, which a page needs, is not installed."""
    for name in ("matplotlib", "jinja2"):
        try:
            import_module(name)
        except ImportError:
            raise ConfigError(
                f"a page needs {name}: {install_command('plots')}, or go without the page"
            ) from None


def to_html(report: Report) -> str:
    """Return a report as one self-contained page."""
    require_plots()
    import jinja2
    from markupsafe import Markup

    from tagger.evaluation.report import plots

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tagger", "resources"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    # Each task has colours of its own.
    firsts = accumulate((len(task["labels"]) for task in report["tasks"]), initial=0)
    tasks = [
        {
            **task,
            "count": markdown.count_line(task),
            "label_table": markdown.label_table(task),
            "figure_table": markdown.figure_table(task),
            "agreement": markdown.readers_line(task),
            "unshown": markdown.small_lines(task),
            "verdict": plots.verdict_plot(task, first),
            "plots": plots.task_plots(task, first),
        }
        for task, first in zip(report["tasks"], firsts, strict=False)
    ]
    curve, second = report.get("learning_curve"), report.get("second_reader")
    tables = [markdown.second_table(task) for task in second["tasks"]] if second else []
    return environment.get_template("report.html.j2").render(
        palette=Markup(palette_rules()),
        verdicts=markdown.verdicts(report),
        methods=markdown.methods(report),
        about=markdown.about_rows(report),
        warnings=report["warnings"],
        note=" ".join(markdown.note(report)).strip(),
        tasks=tasks,
        mistakes=report["mistakes"],
        worst=markdown.worst(report),
        worst_words=markdown.worst_words(report),
        second=second and (markdown.second_line(report), tables),
        learning_curve=plots.learning_curve(curve) if curve else None,
    )
