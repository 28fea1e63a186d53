"""Commands help those who use them: help, names that are nearly right, what a model is."""

import csv
import io
import re
import runpy
import tomllib
from dataclasses import replace
from types import SimpleNamespace

import click
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ROOT, shared

import tagger
from tagger import Tagger, TaggerError
from tagger.bulk.settings import PART_BYTES, SLOW_PART_BYTES, Progress
from tagger.cli.console import Console, Table
from tagger.cli.info import ABOUT
from tagger.cli.main import COMMANDS, cli
from tagger.cli.progress import ProgressLine
from tagger.cli.view import _print_marked
from tagger.document import Sentence, Tags
from tagger.errors import DataError
from tagger.schema import CLAIMS


def invoke(*arguments):
    return CliRunner().invoke(cli, [str(x) for x in arguments])


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_is_that_of_its_option(name):
    done = invoke("help", name)
    assert done.exit_code == 0
    assert done.stdout == invoke(name, "--help").stdout
    assert f"cli {name}" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_text(name):
    command = cli.get_command(click.Context(cli), name)
    for option in (p for p in command.params if isinstance(p, click.Option)):
        said = re.sub(r"\[.*\]", "", option.help or "").strip()
        assert len(said) > 8 and said.endswith("."), option.opts


def test_help_alone_lists_the_commands():
    assert invoke("help").stdout == invoke("--help").stdout


@pytest.mark.parametrize("arguments", [("predcit", "a.txt"), ("help", "predcit")])
def test_a_mistyped_command_is_told_the_nearest(arguments):
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert "no such command 'predcit': did you mean 'predict'?" in done.stderr
    assert "expected one of predict, check, train" in invoke("xyz").stderr


def test_info_says_how_good_of_what_data_and_licence(tmp_path, small_model):
    said = " ".join(invoke("info").stdout.split())
    for words in ("on real news", "licence", "Apache-2.0", "macro F1", "by cross-validation"):
        assert words in said
    assert "…" not in said  # no path and no hash is cut
    small_model.save(tmp_path / "m")
    done = invoke("info", tmp_path / "m")
    assert done.exit_code == 0 and "macro F1" not in done.stdout
    (tmp_path / "m" / "report.json").write_text("{}")
    assert "macro F1 unknown" in " ".join(invoke("info", tmp_path / "m").stdout.split())


@pytest.mark.parametrize(
    ("first", "said"), [(1 / 3, ["", "", ""]), (0.6, ["0.600", *["0.333"] * 2])]
)
def test_info_gives_the_thresholds_that_decide(tmp_path, small_model, first, said):
    claim, theme = small_model.classifiers
    claim = replace(claim, thresholds=np.array([first, 1 / 3, 1 / 3]))
    replace(small_model, classifiers=(claim, theme)).save(tmp_path / "m")
    rows = [x.split("│") for x in invoke("info", tmp_path / "m").stdout.splitlines() if "│" in x]
    told = {row[2].strip(): row[3].strip() for row in rows}
    assert [told[label] for label in claim.task.labels] == said
    assert all(re.fullmatch(r"0\.\d{3}", told[label]) for label in theme.task.labels)


def test_a_model_of_sentences_without_documents_does_not_count_them_as_such(tmp_path):
    rows = (f"{t} day {i} of the week,{t}" for i in range(30) for t in ("good", "bad"))
    (tmp_path / "tones.csv").write_text("\n".join(["text,tone", *rows]))
    done = invoke("train", tmp_path / "tones.csv", "--output", tmp_path / "m")
    assert done.exit_code == 0, done.stderr
    said = " ".join(invoke("info", tmp_path / "m").stdout.split())
    card = " ".join((tmp_path / "m" / "README.md").read_text(encoding="utf-8").split())
    assert "trained on 60 sentences of documents not named" in said
    assert "on 60 sentences of documents not named (sha256" in card


MAKE = runpy.run_path(str(ROOT / "data" / "make_about.py"))
ABOUT_SHIPPED = tomllib.loads((ROOT / "models" / "claims-en" / ABOUT).read_text(encoding="utf-8"))


def test_what_info_says_is_of_the_shipped_model_and_stands_in_the_documentation():
    """Where this fails after a training: python data/make_about.py SHARED/gold/dev.jsonl."""
    assert MAKE["told"]().items() <= ABOUT_SHIPPED.items()
    figures = re.findall(r"0\.\d{3}", ABOUT_SHIPPED["on real news"])
    assert len(figures) == 6
    for page in ("README.md", "docs/accuracy.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert all(figure in text for figure in figures)


def test_what_info_says_of_real_news_is_measured_again():
    said, tasks = MAKE["measured"](shared("gold", "dev.jsonl"))
    assert said == ABOUT_SHIPPED["on real news"]
    page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    for label in (label for task in tasks for label in task["labels"]):
        values = (f"{label[name]['value']:.3f}" for name in ("precision", "recall", "f1"))
        assert f"| {label['label']} | {' | '.join(values)} |" in page


@pytest.mark.parametrize("name", ["info", "export"])
def test_the_model_is_named_by_place_or_by_option(name, tmp_path, small_model):
    small_model.save(tmp_path / "m")
    more = ("-o", tmp_path / "x.joblib", "--force") if name == "export" else ()
    by_place = invoke(name, tmp_path / "m", *more)
    by_option = invoke(name, "--model", tmp_path / "m", *more)
    assert by_place.exit_code == by_option.exit_code == 0
    assert by_place.stdout == by_option.stdout
    both = invoke(name, tmp_path / "m", "--model", tmp_path / "m", *more)
    assert both.exit_code == 2 and "named twice" in both.stderr


def test_a_task_that_the_model_lacks_is_said_in_a_sentence():
    tags = Tags({"tone": "glad"}, {"tone": {"glad": 1.0}}, False)
    sentence = Sentence("A joyful song.", 0, 14, tags)
    for name in ("claim", "themes"):
        with pytest.raises(TaggerError, match=r"the model has no task .*, it answers tone"):
            getattr(sentence, name)


def test_the_names_beside_marks_stand_in_one_column_reread_or_not(capsys):
    reread = SimpleNamespace(schema=CLAIMS, model=SimpleNamespace(second=object()))
    text = "It may " + "fail " * 30
    for methods in (["exact"], ["exact", "occlusion"]):
        part = {"label": "speculation", "adds": 1.0, "start": 3, "end": len(text)}
        _print_marked(Console(), text, "", [part | {"method": m} for m in methods], reread)
    lines = capsys.readouterr().out.splitlines()
    places = [line.index("speculation") for line in lines if "speculation" in line]
    assert len(places) > 4 and len(set(places)) == 1


def test_paragraphs_are_apart_as_in_the_text(tmp_path):
    (tmp_path / "a.txt").write_text("Oil rose. It fell.\n\nThe talks may fail.\n", encoding="utf-8")
    lines = invoke("predict", tmp_path / "a.txt", "--format", "table").stdout.splitlines()
    at = [
        i
        for i, line in enumerate(lines)
        if line in ("Oil rose.", "It fell.", "The talks may fail.")
    ]
    assert lines[at[2] - 1] == ""
    assert "" not in lines[at[0] : at[1]]


def test_evidence_is_marked_under_the_words(tmp_path):
    # Two characters of two cells each: marks beyond stand under what they belong to.
    text = "Of 石油 the sanctions could cripple exports.\n"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    done = invoke("predict", tmp_path / "a.txt", "--format", "table", "--explain")
    lines = done.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("Of "))
    marks = {line.split()[-1]: line for line in lines[at + 1 : at + 4] if set(line) & set("▔▀")}
    assert set(marks) >= {"speculation", "economic"}
    could = lines[at].index("could") + 2
    assert marks["speculation"][could - 1 : could + 6] == "▔▀▀▀▀▀▔"
    assert "marked: words that speak for an answer" in done.stdout


def test_signs_alone_are_counted_as_no_sentence(tmp_path):
    (tmp_path / "a.txt").write_text("!!!\nOil rose.\n")
    command = ("predict", tmp_path / "a.txt", "--sentences")
    said = invoke(*command, "--format", "table").stdout
    assert "1 sentence, " in said and "1 other piece (headings" in said
    said = invoke(*command, "-o", tmp_path / "a.jsonl").stderr
    assert "2 rows in = 2 tagged + 0 rejected; 1 sentence, 1 other piece" in said


def test_colours_are_read_on_white_and_on_black():
    from tagger.cli.console import _TONES

    def light(tone):
        parts = [int(tone[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for tone in _TONES:
        assert min(1.05 / (light(tone) + 0.05), (light(tone) + 0.05) / 0.05) >= 4.5
    assert len(set(_TONES)) == len(_TONES) >= sum(len(t.labels) for t in Tagger.load().schema.tasks)


@pytest.mark.parametrize("rows", [[], [("a.jsonl", "字" * 20)]])
def test_a_table_without_rows_or_of_long_words_keeps_its_heads_on_top(rows):
    table = Table("where", "found")
    for row in rows:
        table.add_row(*row)
    console = Console()
    with console.capture() as drawn:
        console.print(table, width=36)
    (head,) = (line for line in drawn.get().splitlines() if "where" in line)
    assert "found" in head


def test_a_narrow_terminal_breaks_no_word_and_loses_none(tmp_path, small_model):
    small_model.save(tmp_path / "m")
    others = [replace(c, thresholds=c.thresholds**3) for c in small_model.classifiers]
    others[0].thresholds[0] = 1e-3
    replace(small_model, classifiers=tuple(others)).save(tmp_path / "other")
    rows = (ROOT / "data" / "corpus" / "wire.jsonl").read_text(encoding="utf-8").splitlines()[:30]
    data = tmp_path / "d.jsonl"
    data.write_text("\n".join([*rows, rows[0]]) + "\n", encoding="utf-8")
    tagged = tmp_path / "t.jsonl"
    invoke("predict", data, "--sentences", "--model", tmp_path / "m", "-o", tagged)
    quick = ("--rounds", 20, "--show", 1)
    for command in (
        ("info", tmp_path / "m"),
        ("check", data),
        ("compare", tmp_path / "m", tmp_path / "other", data, *quick),
        ("evaluate", data, "--model", tmp_path / "m", "--no-baselines", *quick[:2]),
        ("stats", tagged, "--model", tmp_path / "m", "--by", "all"),
        ("predict", data, "--model", tmp_path / "m", "--format", "table"),
    ):
        wide, *narrow = (
            {word for word in re.split(r"[\s│┃]+", done.stdout) if re.fullmatch(r"\w.{,19}", word)}
            for width in (300, 64, 44, 28)
            for done in [CliRunner().invoke(cli, [*map(str, command)], env={"COLUMNS": str(width)})]
        )
        assert len(wide) > 20 and [wide - found for found in narrow] == [set()] * 3, command


def test_a_word_longer_than_a_column_takes_lines(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    for heads in (("a", "b"), ("a", "long_head_of_a_column")):
        table = Table(*heads, title="Two")
        table.add_row("one", "0123456789" * 4)
        Console().print(table)
        shown = capsys.readouterr().out
        assert re.sub(r"[\s│]", "", shown).count("0123456789") == 4, shown


def test_compare_writes_what_it_found(tmp_path, small_model):
    small_model.save(tmp_path / "m")
    rows = (ROOT / "data" / "corpus" / "wire.jsonl").read_text(encoding="utf-8").splitlines()[:40]
    (tmp_path / "d.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    command = ("compare", tmp_path / "m", tmp_path / "m", tmp_path / "d.jsonl", "--rounds", 20)
    done = invoke(*command, "--output", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "out" / "comparison.json").is_file()
    table = list(csv.DictReader(io.StringIO((tmp_path / "out" / "figures.csv").read_text())))
    assert {row["task"] for row in table} == {"claim", "theme"}
    assert all(row["difference"] in ("0.0", "") for row in table)
    again = invoke(*command, "--output", tmp_path / "out")
    assert isinstance(again.exception, TaggerError) and "--force" in str(again.exception)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_shows_from_the_first_moment_with_the_time_left(monkeypatch):
    terminal, now = Terminal(), [100.0]
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    line = ProgressLine()
    assert "looking at the input" in terminal.getvalue()
    now[0] += 2
    line.show(Progress(rows=100, bytes_done=25, bytes_total=100))
    assert terminal.getvalue().endswith(" 25%  100 rows  50 a second  0:00:06 left  0 rejected")
    # What an earlier run has done does not tell how fast this one is.
    resumed = ProgressLine(resumed=True)
    now[0] += 2
    resumed.show(Progress(rows=100, bytes_done=25, bytes_total=100))
    now[0] += 2
    resumed.show(Progress(rows=120, bytes_done=30, bytes_total=100))
    assert "120 rows  10 a second  0:00:28 left" in terminal.getvalue()


def test_parts_are_small_where_work_is_slow(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text('{"text": "Oil rose."}\n')
    seen = []
    monkeypatch.setattr(
        "tagger.cli.predict._job", lambda tagger, settings, _: seen.append(settings)
    )
    shipped = Tagger.load()
    monkeypatch.setattr("tagger.cli.predict.Tagger.load", lambda *_: shipped)
    command = ("predict", tmp_path / "a.jsonl", "-o", tmp_path / "o.jsonl")
    invoke(*command)
    invoke(*command, "--second-reader", "all")
    invoke(*command, "--second-reader", "all", "--part-bytes", 5)
    invoke(*command, "--explain")
    invoke("predict", tmp_path / "a.jsonl", "--format", "html", "-o", tmp_path / "pages")
    small = SLOW_PART_BYTES
    assert [s.part_bytes for s in seen] == [PART_BYTES, small, 5, small, small]


@pytest.mark.parametrize(
    "command",
    [
        ["predict"],
        ["check"],
        ["info"],
        ["info", "--model"],
        ["stats", "t.jsonl", "--by"],
        ["train", "a.csv", "-o"],
        ["evaluate", "a.csv", "--model"],
        ["predict", "a", "--encoding"],
    ],
    ids=" ".join,
)
def test_an_empty_value_is_refused(command):
    done = invoke(*command, "")
    assert done.exit_code == 2 and "found an empty value: is a variable unset?" in done.stderr


def test_an_empty_path_or_way_to_group_is_refused(tmp_path):
    with pytest.raises(DataError, match="found an empty path"):
        tagger.check([""])
    (tmp_path / "a.txt").write_text("Oil rose.")
    assert invoke("predict", tmp_path / "a.txt", "-o", tmp_path / "t.jsonl").exit_code == 0
    for by in (",", ",,"):
        error = invoke("stats", tmp_path / "t.jsonl", "--by", "outlet", "--by", by).exception
        assert f"by is {by!r}, expected all, document, month or a column" in str(error)
