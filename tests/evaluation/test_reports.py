"""The commands evaluate and compare: reports that can be made again."""

import getpass
import json
import re
import sys
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import tagger
from tagger.cli.compare import _show
from tagger.cli.console import Console
from tagger.cli.main import cli
from tagger.cli.tables import score_table, versus_line
from tagger.corpus.corpus import Corpus, read_corpus
from tagger.errors import ConfigError, DataError, install_command
from tagger.evaluation.answers import Answers
from tagger.evaluation.compare import compare_answers
from tagger.evaluation.evaluate import check_report
from tagger.evaluation.measure import measure
from tagger.evaluation.report.html import to_html
from tagger.evaluation.report.make import first_difference
from tagger.evaluation.report.markdown import to_markdown, verdicts
from tagger.evaluation.report.values import read_report, to_json
from tagger.evaluation.scores import Difference
from tagger.predictor import Tagger
from tagger.schema import Schema

from .conftest import MOOD, SCHEMA, rows, write

pytest.importorskip("matplotlib", reason="the extra plots is not installed")
pytest.importorskip("jinja2", reason="the extra plots is not installed")


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def report(folder, unseen, tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    result = run("evaluate", "--model", folder, unseen, "--output", path, "--rounds", 200)
    assert result.exit_code == 0
    assert "mood, macro" in result.output
    return path


def test_two_runs_give_the_same_bytes(report, folder, unseen, tmp_path):
    run("evaluate", "--model", folder, unseen, "--output", tmp_path, "--rounds", 200)
    names = sorted(p.name for p in report.iterdir())
    assert names == ["answers.jsonl", "report.html", "report.json", "report.md"]
    for name in names:
        assert (report / name).read_bytes() == (tmp_path / name).read_bytes()


def test_a_report_names_neither_path_nor_user_nor_clock(report, folder, unseen):
    for path in report.iterdir():
        text = path.read_text()
        for private in (str(folder), str(unseen), str(unseen.parent)):
            assert private not in text
        assert not re.search(
            rf"/(home|Users)/|\b{re.escape(getpass.getuser())}@|\d\d:\d\d:\d\d", text
        )


def test_a_report_says_what_it_is_about(report, folder, unseen):
    about = read_report(report)["about"]
    assert about["data"]["sha256"] == read_corpus([unseen], SCHEMA).sha256
    assert about["data"]["n_documents"] == 20
    assert {"tagger", "numpy", "scipy", "scikit-learn"} <= set(about["versions"])
    assert re.fullmatch("[0-9a-f]{64}", about["model"]["settings_sha256"])


def test_report_json_comes_back_as_it_was(report):
    assert to_json(read_report(report)) == (report / "report.json").read_text()


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [(tag, v) for k, v in attrs if k in ("src", "href", "xlink:href", "action")]
        assert tag not in ("script", "link", "iframe", "img")


def test_the_page_needs_no_network_and_is_light(report):
    page = (report / "report.html").read_text()
    links = _Links()
    links.feed(page)
    assert all(value.startswith("#") for _, value in links.found)
    assert not re.search(r"url\((?!#)|@import", page)
    assert len(page.encode()) < 1_000_000
    for title in ("Confusion", "Precision and recall", "Reliability", "Risk against", "Scores"):
        assert page.count(f"<h3>{title}") == 2
    assert "By paper" in page and "By year" in page


def test_sentences_stand_on_the_page_as_text(folder, unseen, tmp_path):
    row = json.loads(unseen.read_text().splitlines()[0])
    row |= {"text": "The <b>gloomy</b> & tearful boats.", "mood": "glad"}
    data = tmp_path / "x.jsonl"
    data.write_text(unseen.read_text() + json.dumps(row) + "\n")
    run("evaluate", "--model", folder, data, "--output", tmp_path / "r", "--no-baselines")
    assert (
        "The &lt;b&gt;gloomy&lt;/b&gt; &amp; tearful boats."
        in (tmp_path / "r/report.html").read_text()
    )


def test_labels_that_are_formulas_controls_or_of_no_font_are_drawn_as_text(report):
    label = "$\\frac{x$ \x1b]0;x\x07 \u4e2d"
    own = json.loads(json.dumps(read_report(report)).replace("glad", json.dumps(label)[1:-1]))
    drawings = re.findall("<svg.*?</svg>", to_html(own), re.DOTALL)
    assert any("$\\frac{x$ \ufffd]0;x\ufffd \u4e2d" in drawing for drawing in drawings)
    assert not re.search("[\x07\x1b]", "".join(drawings))


def test_numbers_on_a_plot_keep_their_places():
    from tagger.evaluation.report import plots

    def draw(axes):
        axes.set_yticks([0.0, 0.025, 0.175])
        axes.plot([0, 1 / 3], [0, 2 / 7], label="v1.2345")
        axes.legend()

    svg = plots._svg(draw)
    assert {"0.000", "0.025", "0.175", "v1.2345"} <= set(re.findall(">([^<>]+)</text>", svg))
    assert not any(re.search(r"\d\.\d{3}", path) for path in re.findall(' d="([^"]*)"', svg))


def test_every_label_of_many_is_named_on_its_plots():
    from tagger.evaluation.report import plots

    labels = [f"a_name_that_differs_at_its_end_{i:02}" for i in range(18)]
    curves = {
        "precision_recall": {x: {"recall": [1.0], "precision": [0.5]} for x in labels},
        "reliability": {"confidence": [0.5], "accuracy": [0.5], "n": [9]},
        "risk_coverage": {"coverage": [1.0], "risk": [0.5], "area": 0.5},
        "histograms": {x: {"with": [1] * 20, "without": [1] * 20} for x in labels},
    }
    task = {
        "multilabel": False, "labels": [{"label": x} for x in labels], "slices": {},
        "confusion": [[1] * 18] * 18, "curves": curves,
    }  # fmt: skip
    confusion, lines, *_, scores = plots.task_plots(task)
    said, keys = (re.findall(">([^<>]+)</text>", plot.svg) for plot in (confusion, lines))
    said = [" ".join(x.split()) for x in said]
    assert {f"a name that d…t its end {i:02} {i + 1}" for i in range(18)} <= set(said)
    assert {str(i + 1) for i in range(18)} <= set(
        said
    ) and "numbers of the rows" in confusion.caption
    assert len({x for x in keys if x.startswith("a name")}) == 18
    drawn = re.findall(
        'style="fill: none; (?:stroke-dasharray: ([^;]*);)?[^"]*stroke: (var[^;]*);', lines.svg
    )
    assert len(set(drawn)) >= 18
    assert scores.caption.endswith("The first 16 of 18 labels.")


def test_counts_stand_beside_their_bars_in_the_ink_of_the_page():
    from tagger.evaluation.report import plots

    svg = plots._confusion_bars(["sea", "hill"], [[[90, 1], [2, 7]], [[0, 342], [9, 5]]], 0).svg
    texts = re.findall("<text ([^>]*)>([^<>]+)</text>", svg)
    assert {"7, 2, 1", "5, 9, 342"} <= {said for _, said in texts}
    assert all("var(--ink)" in style for style, _ in texts)


def test_mistakes_are_named_with_their_words(report):
    mistakes = read_report(report)["mistakes"]
    assert 0 < len(mistakes) <= 30
    assert [m["confidence"] for m in mistakes] == sorted(
        (m["confidence"] for m in mistakes), reverse=True
    )
    worst = next(m for m in mistakes if m["task"] == "mood")
    cues = {"glad": {"happy", "cheerful"}, "sad": {"gloomy", "tearful"}}[worst["answer"]]
    assert cues & {word for word, adds in worst["words"]}
    assert all(adds > 0 for _, adds in worst["words"])


def test_a_report_is_reproduced_or_the_first_difference_named(report, folder, unseen, tmp_path):
    again = run("evaluate", "--model", folder, unseen, "--check", report)
    assert again.exit_code == 0 and "reproduced" in again.output
    changed = tmp_path / "changed"
    changed.mkdir()
    for path in report.iterdir():
        (changed / path.name).write_bytes(path.read_bytes())
    forged = read_report(report)
    forged["tasks"][0]["figures"]["kappa"]["value"] += 0.01
    (changed / "report.json").write_text(to_json(forged))
    with pytest.raises(DataError, match=r"tasks\[0\]\.figures\.kappa\.value is .* now"):
        run("evaluate", "--model", folder, unseen, "--check", changed)
    (changed / "report.json").write_bytes((report / "report.json").read_bytes())
    (changed / "report.md").write_text((report / "report.md").read_text().replace("0.", "1.", 1))
    with pytest.raises(DataError, match=r"report\.md:\d+: found"):
        run("evaluate", "--model", folder, unseen, "--check", changed)


def test_a_report_of_other_data_is_not_reproduced(report, folder, data):
    with pytest.raises(DataError, match=r"found data \w+, the report was .* give DATA as then"):
        run("evaluate", "--model", folder, data, "--check", report)


def test_other_versions_may_differ_within_the_rounding():
    old = {"figures": [0.8123], "n": 3}
    assert first_difference(old, {"figures": [0.8126], "n": 3}, 5e-4) == ""
    assert "figures[0] is 0.8123" in first_difference(old, {"figures": [0.813], "n": 3}, 5e-4)
    assert "report.n is gone" in first_difference(old, {"figures": [0.8123]}, 5e-4)


def test_data_that_was_trained_on_is_warned_of(folder, data, tmp_path):
    result = run(
        "evaluate", "--model", folder, data, "--no-baselines", "-o", tmp_path, "--no-plots"
    )
    assert "120 of 120 sentences were in the training data" in result.stderr
    assert read_report(tmp_path)["overlap"] == 120
    text = (tmp_path / "report.md").read_text()
    assert "120 of 120 sentences" in text
    # Whoever quotes the verdict alone quotes that as well.
    assert "on 120 sentences of 30 documents (training had 120 of the data); not held" in text


def test_a_missing_extra_is_named_before_the_work(folder, unseen, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ConfigError, match=f"needs jinja2: {re.escape(install_command('plots'))}"):
        run("evaluate", "--model", folder, unseen, "-o", tmp_path / "r")
    assert not (tmp_path / "r").exists()
    run("evaluate", "--model", folder, unseen, "-o", tmp_path / "r", "--no-plots")
    assert (tmp_path / "r" / "report.md").is_file()


def test_parts_that_are_too_small_for_a_slice_are_said(folder, unseen):
    records = [json.loads(line) for line in unseen.read_text().splitlines()]
    names = ("Post", "Echo", "A_b", "Mail")
    for i, record in enumerate(records):
        record["paper"] = names[2 + i % 2 if i < 7 else i // 4 % 2]
    found = tagger.evaluate(folder, records, slices=["paper"], baselines=False, rounds=0)
    (mood, _) = found.evaluation.tasks
    assert [s.value for s in mood.slices["paper"]] == ["Echo", "Post"]
    assert mood.small == {"paper": {"A_b": 4, "Mail": 3}}
    said = "By paper not shown, 7 sentences: A_b (4), Mail (3). A part needs 20 sentences of 5 "
    assert f"{said}documents, and another beside it." in to_html(found.report)
    assert said.replace("_", r"\_") in to_markdown(found.report)
    # One part that is large enough has nothing to be held against.
    found = tagger.evaluate(folder, records[7:40], slices=["paper"], baselines=False, rounds=0)
    assert "By paper not shown, 33 sentences: Echo (17), Post (16). A" in to_markdown(found.report)


def test_an_unknown_slice_is_refused_with_the_nearest(folder, unseen):
    with pytest.raises(Exception, match="no column 'papper': did you mean 'paper'"):
        run("evaluate", "--model", folder, unseen, "--slice", "papper", "--no-baselines")


def tagged(folder, unseen, path):
    """Write what the model answers to unseen sentences, with their documents."""
    assert run("predict", unseen, "--model", folder, "-o", path, "--sentences").exit_code == 0
    return path


def test_the_answers_of_a_model_are_no_gold_for_it(folder, unseen, tmp_path):
    path = tagged(folder, unseen, tmp_path / "tagged.jsonl")
    with pytest.raises(DataError, match=r"tagged.jsonl:1: .* itself answered .*remove the column"):
        run("evaluate", "--model", folder, path, "--no-baselines")
    with pytest.raises(DataError, match="itself answered"):
        run("compare", folder, folder, path)


def test_what_a_reader_has_decided_is_gold(folder, unseen, tmp_path):
    path = tagged(folder, unseen, tmp_path / "tagged.jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records = [record | {"reader": "anna" if i < 50 else ""} for i, record in enumerate(records)]
    only = r"labels of 30 of 80 sentences are what model .* people only, such as those of the 50 "
    with pytest.raises(DataError, match=f"^record:51: .*{only}that name a reader"):
        tagger.evaluate(folder, records, baselines=False, rounds=0)
    found = tagger.evaluate(folder, records[:50], baselines=False, rounds=0)
    assert not any("by model" in warning or "columns of" in warning for warning in found.warnings)


def test_the_answers_of_another_model_are_warned_of_first(folder, unseen, tmp_path):
    path = tagged(folder, unseen, tmp_path / "tagged.jsonl")
    path.write_text(path.read_text().replace(Tagger.load(folder).model.id, "0123456789ab"))
    result = run("evaluate", "--model", folder, path, "--no-baselines")
    assert (
        "warning: the labels of 80 of 80 sentences were given by model 0123456789ab"
        in (result.stderr.splitlines()[0])
    )
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        del record["model"]
    found = tagger.evaluate(folder, records, baselines=False, rounds=0)
    assert "80 of 80 sentences have columns of probabilities" in found.warnings[0]


def test_the_terminal_shows_the_baselines_and_whether_the_model_beats_them(folder, unseen):
    result = run("evaluate", "--model", folder, unseen, "--rounds", 200)
    assert "baseline TF-IDF + LR" in result.stdout and "baseline majority" in result.stdout
    said = verdicts(tagger.evaluate(folder, unseen, rounds=200).report)
    assert result.stdout.splitlines()[-3:-1] == said  # as the page has it
    last = result.stdout.splitlines()[-1]
    assert (
        last
        == "the baselines learned from the sentences judged here, by cross-validation by document"
    )


def test_long_labels_leave_the_figures_their_room(folder, unseen, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    (mood, _) = tagger.evaluate(folder, unseen, rounds=20, baselines=False).evaluation.tasks
    labels = [replace(x, label=f"{x.label} and {'more ' * 12} end") for x in mood.labels]
    Console().print(score_table([replace(mood, labels=labels)], ""))
    shown = capsys.readouterr().out
    assert shown.count("end") == 2 and "…" not in shown
    for x in mood.labels:
        assert f"{x.precision.value:.3f}" in shown and f" {x.support} " in shown


def test_a_report_says_where_baselines_learned_from_a_part_of_the_data(folder, unseen, monkeypatch):
    monkeypatch.setattr("tagger.evaluation.baselines.MOST_CHARACTERS", 900)
    found = tagger.evaluate(folder, str(unseen), rounds=0)
    said = "by document, from sentences drawn at random where they have over 900 characters"
    assert said in found.report["about"]["baselines"]
    assert said in found.files(plots=False)["report.md"]


def test_a_report_counts_the_bad_rows_of_the_baselines_data(folder, unseen, tmp_path):
    rows = [json.loads(line) for line in unseen.read_text().splitlines()]
    bad = tmp_path / "bad.jsonl"
    bad.write_text("".join(json.dumps(r) + "\n" for r in [*rows, {**rows[0], "text": None}]))
    found = tagger.evaluate(
        folder, str(unseen), baseline_data=str(bad), skip_bad_rows=True, rounds=0
    )
    assert "(1 bad rows left out)" in found.report["about"]["baselines"]
    refused = run("evaluate", "--model", folder, unseen, "--no-baselines", "--baseline-data", bad)
    assert refused.exit_code == 2 and "--no-baselines" in refused.stderr


def test_a_report_with_lone_surrogates_can_be_made_again(folder, unseen, tmp_path):
    rows = [json.loads(line) for line in unseen.read_text().splitlines()]
    odd = tmp_path / "odd.jsonl"
    named = ({**r, "outlet": f"wire \udc00{i % 2}"} for i, r in enumerate(rows))
    odd.write_text("".join(json.dumps(r) + "\n" for r in named))
    out = tmp_path / "report"
    made = run("evaluate", "--model", folder, odd, "-o", out, "--rounds", 10)
    assert made.exit_code == 0, made.stderr
    for name in ("report.json", "report.md", "report.html"):
        assert "wire \\udc000" in (out / name).read_text(encoding="utf-8")
    again = run("evaluate", "--model", folder, odd, "--check", out)
    assert again.exit_code == 0, again.stderr


def test_a_lead_that_chance_may_give_is_called_unsure(corpus):
    gold = np.array([example.labels["mood"] == "sad" for example in corpus.examples]).astype(int)
    model, rival = gold.copy(), gold.copy()
    model[:20], rival[20:41] = 1 - model[:20], 1 - rival[20:41]
    poor = {"mood": {"rival": Answers(rival)}}
    of_mood = Corpus(Schema((MOOD,)), corpus.examples)
    found = measure(of_mood, {"mood": Answers(model)}, baselines=poor, rounds=200)
    assert found.versus["mood"][0] == "rival" and not found.versus["mood"][1].is_sure
    found = measure(of_mood, {"mood": Answers(gold)}, baselines=poor, rounds=200)
    assert found.versus["mood"][1].is_sure


def test_figures_of_one_class_are_undefined_in_every_format(folder, unseen, tmp_path):
    rows = [json.loads(line) for line in unseen.read_text().splitlines()]
    data = tmp_path / "x.jsonl"
    data.write_text("".join(json.dumps(r | {"mood": "sad", "topic": []}) + "\n" for r in rows))
    run("evaluate", "--model", folder, data, "-o", tmp_path / "r", "--rounds", 20)
    text = (tmp_path / "r/report.json").read_text()
    mood, topic = json.loads(text, parse_constant=pytest.fail)["tasks"]
    assert mood["figures"]["mcc"] == {"value": None, "low": None, "high": None}
    assert mood["labels"][0]["average_precision"] is None
    assert topic["baselines"]["majority"]["kappa"]["value"] is None
    assert "undefined" in (tmp_path / "r/report.md").read_text()
    assert "undefined" in (tmp_path / "r/report.html").read_text()
    done = run("compare", tmp_path / "r", tmp_path / "r", "--format", "json")
    kappa = json.loads(done.stdout, parse_constant=pytest.fail)[0]["figures"]["mcc"]
    assert (kappa["a"], kappa["difference"], kappa["p"]) == (None, None, None)
    assert "undefined" in run("compare", tmp_path / "r", tmp_path / "r").stdout


def test_json_never_touches_a_sentence():
    value = {"text": "He said [ 1,\n 2 ] and [ ... ]", "points": [1, 2.5], "none": [], "x": {}}
    text = to_json(value)
    assert json.loads(text) == value
    assert '"points": [1, 2.5]' in text
    assert (
        to_json({"a": ["b", [1]]})
        == json.dumps({"a": ["b", 7]}, indent=1).replace("7", "[1]") + "\n"
    )


def test_library_and_commands_write_the_same_bytes(report, folder, unseen, tmp_path):
    found = tagger.evaluate(folder, unseen, rounds=200)
    found.save(tmp_path / "a")
    names = sorted(p.name for p in report.iterdir())
    assert names == sorted(p.name for p in (tmp_path / "a").iterdir())
    for name in names:
        assert (report / name).read_bytes() == (tmp_path / "a" / name).read_bytes()
    assert check_report(report, folder, [unseen]) == []
    frame = pd.DataFrame(map(json.loads, unseen.read_text().splitlines()))
    of_frame = tagger.evaluate(Tagger.load(folder), frame, rounds=200)
    assert of_frame.evaluation == found.evaluation
    tagger.compare(folder, folder, unseen).save(tmp_path / "c")
    printed = run("compare", folder, folder, unseen, "--format", "json").stdout
    assert (tmp_path / "c/comparison.json").read_text() == printed
    with pytest.raises(ConfigError, match="give data to compare models"):
        tagger.compare(Tagger.load(folder), Tagger.load(folder))


def test_comparing_a_model_with_itself_finds_nothing(folder, unseen, report):
    result = run("compare", report, report, "--format", "json")
    mood, _ = json.loads(result.stdout)
    assert mood["changes"] == [] and mood["mcnemar_p"] == 1
    assert all(d["difference"] == 0 and d["p"] == 1 for d in mood["figures"].values())


def test_models_and_their_reports_compare_alike(folder, unseen, report):
    of_models = json.loads(run("compare", folder, folder, unseen, "--format", "json").stdout)
    of_reports = json.loads(run("compare", report, report, "--format", "json").stdout)
    for one, other in zip(of_models, of_reports, strict=True):
        figures = [x["figures"]["macro_f1"]["a"] for x in (one, other)]
        assert figures[0] == pytest.approx(figures[1], abs=1e-9)


def test_better_answers_are_told_from_worse(corpus, capsys, monkeypatch):
    gold = np.array([example.labels["mood"] == "sad" for example in corpus.examples]).astype(int)
    poor = gold.copy()
    poor[:30] = 1 - poor[:30]
    fair = gold.copy()
    fair[:10] = 1 - fair[:10]
    fair[50:52] = 1 - fair[50:52]
    (found,) = compare_answers(corpus, {"mood": Answers(poor)}, {"mood": Answers(fair)}, rounds=500)
    assert (found.better, found.worse, found.otherwise) == (20, 2, 0)
    # Two-sided binomial, 2 or fewer of 22: 2 * (1 + 22 + 231) / 2**22.
    assert found.mcnemar_p == pytest.approx(2 * 254 / 2**22)
    accuracy = found.figures["exact_match"]
    assert (accuracy.a, accuracy.b) == (90 / 120, 108 / 120)
    assert accuracy.p is not None and accuracy.p < 0.1
    assert [c.kind for c in found.changes].count("worse") == 2
    monkeypatch.setenv("COLUMNS", "30")
    _show(replace(found, changes=found.changes[:1]), 1)
    text = capsys.readouterr().out.split("gold ")[1].splitlines()[1:]
    assert len(text) > 1 and all(re.match(" {4}[^ ]", line) for line in text)


def test_compare_says_which_is_better_and_what_it_stands_on(folder, unseen, report, tmp_path):
    few = write(
        tmp_path / "few.jsonl", [json.loads(x) for x in unseen.read_text().splitlines()[:8]]
    )
    done = run("compare", folder, folder, few)
    assert "mood: B does not beat A: macro F1 +0.000" in done.stdout
    assert done.stdout.startswith(f"A: {folder}\nB: {folder}\n")
    assert "warning: only 2 documents" in done.stderr
    assert "does not beat" in run("compare", report, report).stdout
    line = partial(versus_line, "mood", "B", "A")
    assert " beats " in line(Difference(0.5, 0.7, 0.2, 0.1, 0.3))
    assert " does not surely beat " in line(Difference(0.5, 0.7, 0.2, -0.1, 0.3))
    assert " does not surely beat " in line(Difference(0.5, 0.7, 0.2, 0.1, 0.3, p=0.1))
    assert " is worse than A: macro F1 -0.200 [-0.3" in line(Difference(0.7, 0.5, -0.2, -0.3, -0.1))
    assert " does not beat " in line(Difference(0.7, 0.5, -0.2))


def test_compare_warns_of_sentences_that_a_model_was_trained_on(folder, data, unseen, tmp_path):
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text(unseen.read_text() + data.read_text())
    other = tagger.train(unseen, schema=SCHEMA, jobs=1)
    other.save(tmp_path / "other")
    found = tagger.compare(folder, tmp_path / "other", mixed, rounds=0).warnings
    assert found == (
        "120 of 200 sentences were in the training data of A: the figures flatter it",
        "80 of 200 sentences were in the training data of B: the figures flatter it",
    )
    for name in ("a", "b"):
        made = tagger.evaluate(folder, mixed, baselines=False, rounds=0)
        made.save(tmp_path / name, plots=False)
    of_reports = tagger.compare(tmp_path / "a", tmp_path / "b", rounds=0).warnings
    seen = "120 of 200 sentences were in the training data of the model: the figures flatter it"
    assert of_reports == (f"A: {seen}", f"B: {seen}")


def test_model_folders_without_data_are_told_to_need_some(folder, tmp_path):
    with pytest.raises(DataError, match=r"a model folder, expected a report: add DATA"):
        run("compare", folder, folder)


def test_evaluate_says_what_it_wrote(folder, unseen, tmp_path):
    quick = ("--no-baselines", "--rounds", 0, "--output", tmp_path / "r")
    done = run("evaluate", "--model", folder, unseen, *quick)
    assert f"{tmp_path / 'r' / 'report.html'}: the report; open it in a browser" in done.stderr
    done = run("evaluate", "--model", folder, unseen, *quick, "--force", "--no-plots")
    assert f"{tmp_path / 'r' / 'report.md'}: the report\n" in done.stderr


def test_what_the_library_gives_is_shown_in_a_line(folder, unseen):
    made = tagger.evaluate(folder, unseen, baselines=False, rounds=0)
    figures = ", ".join(f"{x.task} {x.macro_f1:.3f}" for x in made.evaluation.tasks)
    model = Tagger.load(folder).model.id
    assert repr(made) == f"<ModelReport of model {model}, macro F1: {figures}>"
    # Nor do others show the sentences that they are about.
    assert "in town" in str([m.text for m in made.evaluation.mistakes])
    for value in (made.evaluation, tagger.check(unseen), tagger.compare(folder, folder, unseen)):
        assert "in town" not in repr(value)


def test_one_error_is_no_plural(report):
    one = read_report(report)
    one["mistakes"] = one["mistakes"][:1]
    for page in (to_markdown(one), to_html(one)):
        assert "The most confident error" in page and "most confident errors" not in page


@pytest.mark.parametrize(("how", "reread"), [("all", "all sentences"), ("doubtful", "in doubt")])
def test_a_second_reader_is_said_wherever_it_answers(report, how, reread):
    one = read_report(report)
    said = (f"{reread} reread by a fine-tuned encoder", "in the linear model;", "second reader's")
    for render in (to_markdown, to_html):
        assert not any(words in render(one).replace("&#39;", "'") for words in said)
    one["about"]["model"]["id"] += f"+0123456789ab.{how}"
    for render in (to_markdown, to_html):
        assert all(words in render(one).replace("&#39;", "'") for words in said)


def test_the_page_begins_with_what_was_judged_how_and_how_to_read_it(report, folder):
    page = (report / "report.html").read_text()
    head = " ".join(page[: page.index("<h2>mood")].split())
    name = Tagger.load(folder).model.id
    assert f"<title>Evaluation of model {name}</title>" in head
    assert f"<p>Model {name}. Judged: one model on data given to it.</p>" in head
    assert "calibration error less is better" in head


def test_reports_of_different_data_are_not_compared(report, folder, data, tmp_path):
    run("evaluate", "--model", folder, data, "--no-baselines", "-o", tmp_path, "--no-plots")
    with pytest.raises(DataError, match="different data"):
        run("compare", report, tmp_path)


def test_a_damaged_report_is_named(report, tmp_path):
    damaged = read_report(report)
    del damaged["tasks"][0]["labels"]
    (tmp_path / "report.json").write_text(to_json(damaged))
    with pytest.raises(DataError, match=r"not a whole report, 'labels' is missing"):
        run("compare", report, tmp_path)


def test_a_report_begins_with_its_verdict_and_ends_with_what_it_is_made_from(folder, unseen):
    made = tagger.evaluate(folder, unseen, rounds=50).files(plots=False)
    lines = [line for line in made["report.md"].splitlines() if line]
    assert (
        lines[1].startswith("mood: macro F1 0.") and "on 80 sentences of 20 documents" in lines[1]
    )
    assert "the best baseline, " in lines[1]
    assert lines[-1].startswith("- versions: tagger ")
    text = made["report.md"]
    assert text.index("## mood") < text.index("## Methods") < text.index("- data sha256: ")
    (methods,) = (line for line in lines if line.startswith("Sentences were classified for mood"))
    for words in ("80 labelled sentences from 20 documents", "50 bootstrap samples of documents"):
        assert words in methods


def test_a_verdict_is_as_sure_as_its_intervals():
    def task(value, low, high):
        def figure(v, a, b):
            return {"value": v, "low": a, "high": b}

        return {
            "task": "mood", "n": 9, "readers": None,
            "figures": {"macro_f1": figure(value, low, high)},
            "baselines": {"chance": {"macro_f1": figure(0.5, 0.4, 0.6)}},
        }  # fmt: skip

    about = {"data": {"n_documents": 30}}
    cases = ((0.9, 0.8, 1.0), (0.6, 0.5, 0.7), (0.5, 0.4, 0.6), (0.3, 0.2, 0.38))
    words = ("clearly better than", "better, though not surely, than", "no better than")
    words += ("worse than",)
    for case, said in zip(cases, words, strict=True):
        report = {"tasks": [task(*case)], "about": about, "resampled": "documents"}
        assert f"documents, {said} the best baseline, chance (0.500" in verdicts(report)[0]
    # The paired difference decides, as on the terminal; of few documents nothing is clear.
    report = {"tasks": [task(*cases[1])], "about": about, "resampled": "documents"}
    paired = {"a": 0.5, "b": 0.6, "difference": 0.1, "low": 0.05, "high": 0.2}
    for n, said in ((30, "clearly better than"), (5, "better than")):
        (verdict,) = verdicts(report | {
            "versus": {"mood": paired}, "about": {"data": {"n_documents": n}}
        })  # fmt: skip
        assert f"documents, {said} the best baseline, chance (0.500" in verdict
        assert verdict.endswith(", by +0.100 [+0.050, +0.200].")
    lost = {"a": 0.5, "b": 0.4, "difference": -0.1, "low": -0.2, "high": -0.05}
    report = report | {"tasks": [task(0.4, 0.3, 0.5)], "versus": {"mood": lost}}
    assert ", worse than the best baseline, chance (0.500" in verdicts(report)[0]
    report["versus"] = {"mood": lost | {"high": 0.01}}
    assert ", no better than the best baseline, chance (0.500" in verdicts(report)[0]


def test_a_report_without_intervals_speaks_of_none(folder, tmp_path):
    many = write(tmp_path / "many.jsonl", rows(60, seed=2))
    for rounds in (20, 0):
        options = ("--slice", "paper", "--no-baselines", "--rounds", rounds, "--force")
        done = run("evaluate", "--model", folder, many, "-o", tmp_path, *options)
        page, text = ((tmp_path / f"report.{kind}").read_text() for kind in ("html", "md"))
        # Against baselines and by paper, of mood; topic is always right, whatever is drawn.
        assert page.count("with its 95 % interval") == 2 * (rounds > 0)
        assert all((" interval" in shown) == (rounds > 0) for shown in (page, text))
        assert ("95 %" in done.stdout) == (rounds > 0) and "support" in done.stdout
    compared = run("compare", tmp_path, tmp_path, "--rounds", 0).stdout
    assert "95 %" not in compared and "difference" in compared


def test_the_page_shows_the_model_against_baselines_and_readers(folder, unseen):
    from tagger.evaluation.report.plots import verdict_plot

    report = tagger.evaluate(folder, unseen, rounds=20).report
    (mood, _) = report["tasks"]
    svg = verdict_plot(mood).svg
    for name in ("model", *mood["baselines"], "macro F1"):
        assert name in svg
    assert "kappa" not in svg
    readers = {"pairs": [{"readers": ["anna", "ben"], "kappa": 0.8, "n": 80}]}
    mood["readers"] = {**readers, "kappa_with_model": {"anna": 0.7}, "alpha": {}}
    svg = verdict_plot(mood).svg
    assert "anna and ben" in svg and "model and anna" in svg and "kappa" in svg
