"""Labelled tables as people have them: other names, columns of 0 and 1, joined labels, bad rows."""

import json

import pytest
from click.testing import CliRunner

import tagger
from tagger.cli.main import cli
from tagger.corpus.columns import Columns, labels_of, truth
from tagger.corpus.corpus import read_corpus
from tagger.corpus.guess import guess_schema, schema_toml
from tagger.corpus.schemas import find_schema
from tagger.errors import ConfigError, DataError
from tagger.schema import CLAIMS, Schema, Task

MOOD = Schema((Task("mood", ("glad", "sad")),))
SMALL = {"features.masked_ngrams": [], "features.vectors": "", "features.char_ngrams": [2, 3]}


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def moods(n=40):
    """Return easy sentences in documents of two, by turns glad and sad."""
    words = {"glad": "merry", "sad": "bitter"}
    return [
        {"doc": f"d{i // 2}", "text": f"So {words[m]} was song {i}.", "mood": m}
        for i in range(n)
        for m in [("glad", "sad")[i % 2]]
    ]


def csv_of(header, rows):
    return "".join(",".join(map(str, row)) + "\n" for row in [header, *rows])


def of_labels(header, cells, text="Text"):
    """Return a table with a sentence before each row of cells, all twelve times."""
    return csv_of(
        [text, *header], [[f"Line {i} of it.", *cells[i % len(cells)]] for i in range(24)]
    )


# What is guessed

HOT = [(1, 0, 0), (1, 1, 0), (0, 0, 1), (0, 0, 0)]
ONE = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
GUESSES = {
    "ours in columns": (
        of_labels(["military", "diplomatic", "economic"], HOT),
        ("theme", ("military", "diplomatic", "economic"), True),
        ["military"],
        ["military", "diplomatic"],
    ),
    "ours beside another": (
        of_labels(
            ["breaking", "military", "diplomatic", "economic"],
            [(i % 2, *h) for i, h in enumerate(HOT)],
        ),
        ("theme", ("military", "diplomatic", "economic"), True),
        ["military"],
        ["military", "diplomatic"],
    ),
    "toxic comments": (
        of_labels(["toxic", "severe_toxic", "threat"], HOT, "comment_text"),
        ("labels", ("toxic", "severe_toxic", "threat"), True),
        ["toxic"],
        ["toxic", "severe_toxic"],
    ),
    "get_dummies": (
        of_labels(["tone_praise", "tone_blame", "tone_none"], ONE),
        ("tone", ("praise", "blame", "none"), False),
        "praise",
        "blame",
    ),
    "truth values": (
        of_labels(["is_a", "is_b"], [("True", "False"), ("True", "True"), ("False", "False")]),
        ("labels", ("a", "b"), True),
        ["a"],
        ["a", "b"],
    ),
    "floats": (
        of_labels(["up", "down"], [("1.0", "0.0"), ("0.0", "1.0")]),
        ("labels", ("up", "down"), False),
        "up",
        "down",
    ),
    "marks": (
        of_labels(
            ["military", "diplomatic", "economic"],
            [("x", "", ""), ("X", "x", ""), ("", "", "x"), ("", "", "")],
        ),
        ("theme", ("military", "diplomatic", "economic"), True),
        ["military"],
        ["military", "diplomatic"],
    ),
    "one mark or none": (
        of_labels(["tone_praise", "tone_blame"], [("x", ""), ("", ""), ("", "x")]),
        ("tone", ("praise", "blame"), True),
        ["praise"],
        [],
    ),
    "one mark in each row": (
        of_labels(["tone_praise", "tone_blame"], [("x", ""), ("", "x"), ("", "x")]),
        ("tone", ("praise", "blame"), False),
        "praise",
        "blame",
    ),
    "one column of 0 and 1": (
        of_labels(["opinion"], [(1,), (0,)]),
        ("opinion", ("0", "1"), False),
        "1",
        "0",
    ),
    "semicolons": (
        of_labels(["topics"], [("sea; hill",), ("sea",), ("hill;wood",), ("",)]),
        ("topics", ("hill", "sea", "wood"), True),
        ["sea", "hill"],
        ["sea"],
    ),
    "commas": (
        of_labels(["topics"], [('"sea, hill"',), ("sea",), ("hill",)]),
        ("topics", ("hill", "sea"), True),
        ["sea", "hill"],
        ["sea"],
    ),
    "bars": (
        of_labels(["topics"], [("sea|hill",), ("sea",)]),
        ("topics", ("hill", "sea"), True),
        ["sea", "hill"],
        ["sea"],
    ),
    "lists as pandas writes them": (
        of_labels(["topics"], [("\"['sea', 'hill']\"",), ("['sea']",), ("[]",)]),
        ("topics", ("hill", "sea"), True),
        ["sea", "hill"],
        ["sea"],
    ),
    "labels with commas": (
        of_labels(["desk"], [('"Health, safety"',), ("Finance",), ('"Arts, books"',)]),
        ("desk", ("Arts, books", "Finance", "Health, safety"), False),
        "Health, safety",
        "Finance",
    ),
    "a label with a comma beside its half": (
        of_labels(["desk"], [('"Health, safety"',), ("Health",)]),
        ("desk", ("Health", "Health, safety"), False),
        "Health, safety",
        "Health",
    ),
}


@pytest.mark.parametrize("name", GUESSES)
def test_labels_are_guessed_said_saved_and_read(tmp_path, name):
    content, task, *answers = GUESSES[name]
    path = tmp_path / "a.csv"
    path.write_text(content)
    schema, columns, guess = find_schema(None, [path])
    (found,) = schema.tasks
    assert (found.name, set(found.labels), found.multilabel) == (task[0], set(task[1]), task[2])
    assert f"text in {columns.text}" in guess
    corpus = read_corpus([path], schema, columns)
    given = [e.labels[task[0]] for e in corpus.examples[:2]]
    assert [set(g) if task[2] else g for g in given] == [set(a) if task[2] else a for a in answers]
    # As it is saved, it reads the same.
    (tmp_path / "s.toml").write_text(schema_toml(schema, columns))
    assert find_schema(tmp_path / "s.toml", []) == (schema, columns, "")
    assert Columns.from_dict(json.loads(json.dumps(columns.to_dict()))) == columns


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("toxic comments", "(columns toxic, severe_toxic, threat, with any number of 1 in a row)"),
        ("get_dummies", "(columns tone_praise, tone_blame, tone_none, with one 1 in each row)"),
        ("semicolons", "topics is any of hill, sea, wood, joined by ';'"),
        ("labels with commas", "'Arts, books' is taken as one label: if it is several, --column"),
    ],
)
def test_which_reading_was_taken_is_said(tmp_path, name, said):
    (tmp_path / "a.csv").write_text(GUESSES[name][0])
    assert said in find_schema(None, [tmp_path / "a.csv"])[2]


def test_a_named_separator_is_taken_and_a_bar_keeps_labels_whole(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(GUESSES["labels with commas"][0])
    schema, columns, _ = find_schema(None, [path], Columns.pairs(["label_separator=,"]))
    assert schema.tasks[0].multilabel
    assert schema.tasks[0].labels == ("Arts", "Finance", "Health", "books", "safety")
    assert read_corpus([path], schema, columns).examples[0].labels["desk"] == ("Health", "safety")
    path.write_text(GUESSES["commas"][0])
    schema, columns, _ = find_schema(None, [path])
    assert columns.label_separator == ","
    schema, _, guess = find_schema(None, [path], Columns.pairs(["label_separator=|"]))
    assert schema.tasks[0].labels == ("hill", "sea", "sea, hill")
    assert "taken as one label" not in guess


def test_columns_of_labels_are_named_by_a_schema_file_or_by_pairs(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(GUESSES["ours in columns"][0])
    (tmp_path / "s.toml").write_text(
        "[columns]\ntext = 'Text'\ntopic = ['military', 'economic']\n"
        "[[schema]]\nname = 'topic'\nlabels = ['economic', 'military']\nmultilabel = true\n"
    )
    schema, columns, _ = find_schema(tmp_path / "s.toml", [])
    examples = read_corpus([path], schema, columns).examples
    assert [e.labels["topic"] for e in examples[:4]] == [("military",)] * 2 + [("economic",), ()]
    assert examples[0].extra == {"diplomatic": "0"}
    pairs = ["topic=military", "topic=economic"]
    assert Columns.parse(pairs) == Columns(tasks=columns.tasks)
    assert guess_schema([path], Columns.parse(pairs))[0].tasks[0].multilabel
    with pytest.raises(ConfigError, match="topic has columns for military, diplomatic, expected"):
        read_corpus([path], schema, Columns.parse(["topic=military", "topic=diplomatic"]))
    with pytest.raises(ConfigError, match="no column 'militry': did you mean 'military'"):
        guess_schema([path], Columns.parse(["topic=militry", "topic=economic"]))


@pytest.mark.parametrize("pair", ["text=Text", "doc=Doc", "mood=Mood"])
def test_a_column_that_was_named_is_guessed_from_no_other(pair):
    rows = [{"text": "It is.", "doc": "d", "mood": "sad"}]
    name = pair.partition("=")[2]
    with pytest.raises(ConfigError, match=f"no column '{name}': did you mean '{name.lower()}'"):
        guess_schema(rows, Columns.parse([pair]))


@pytest.mark.parametrize("pair", ["text=Txet", "doc=Artcle", "mood=Mod"])
def test_a_column_that_was_named_and_is_not_there_is_refused_or_said(pair):
    rows = [{"Text": "It is.", "Article": "d", "mood": "sad"}]
    with pytest.raises(ConfigError, match="the data has no column"):
        guess_schema(rows, Columns.parse([pair]))
    if pair == "doc=Artcle":
        notes = read_corpus(rows, MOOD, Columns.parse([pair])).notes
        assert "no column 'Artcle': no sentence names its document" in notes


def test_labels_are_what_columns_do_not_share():
    assert labels_of(["main_theme_a", "main_theme_b_c"]) == {
        "a": "main_theme_a", "b_c": "main_theme_b_c"
    }  # fmt: skip
    assert labels_of(["toxic", "toxic_much"]) == {"toxic": "toxic", "toxic_much": "toxic_much"}
    assert labels_of(["x_a"]) == {"x_a": "x_a"}
    assert [truth(v) for v in (1, True, 1.0, " TRUE ", "yes", "", None, 0, "0.0")] == (
        [True] * 5 + [None] * 2 + [False] * 2
    )


@pytest.mark.parametrize(
    ("row", "multilabel", "message"),
    [
        ({"a": 2, "b": 0}, True, "a is 2, expected 1 or 0"),
        ({"a": 1, "b": None}, True, "b has no value beside others, expected 1 or 0"),
        ({"a": 1, "b": 1}, False, "a, b are all 1, expected one 1 in a row"),
        ({"a": 0, "b": 0}, False, "a, b are all 0, expected one 1 in a row"),
    ],
)
def test_a_row_that_breaks_the_rule_of_one_hot_is_bad(row, multilabel, message):
    schema = Schema((Task("t", ("a", "b"), multilabel),))
    rows = [{"text": "It is.", "a": 0, "b": 1}, {"text": "It was.", **row}]
    with pytest.raises(DataError, match=f"record:2: {message}"):
        read_corpus(rows, schema, Columns(tasks={"t": {"a": "a", "b": "b"}}))
    rows[1] |= {"a": None, "b": None}
    corpus = read_corpus(rows, schema, Columns(tasks={"t": {"a": "a", "b": "b"}}))
    assert corpus.examples[1].labels == {}


def test_a_row_without_a_mark_has_no_label_where_others_have_marks():
    schema = Schema((Task("t", ("a", "b"), multilabel=True),))
    rows = [
        {"text": "It is.", "a": "x", "b": None},
        {"text": "It was.", "a": "", "b": ""},
        {"text": "Nobody labelled this."},
    ]
    corpus = read_corpus(rows, schema, Columns(tasks={"t": {"a": "a", "b": "b"}}))
    assert [e.labels for e in corpus.examples] == [{"t": ("a",)}, {"t": ()}, {}]
    assert "no mark for t in 1 row: taken as none of its labels" in corpus.notes


def test_a_slip_in_a_column_of_0_and_1_is_named_and_is_no_task(tmp_path):
    table = of_labels(["military", "diplomatic", "economic"], HOT)
    (tmp_path / "t.csv").write_text(table.replace("Line 4 of it.,1", "Line 4 of it.,1?", 1))
    schema, columns, _ = guess_schema(str(tmp_path / "t.csv"), Columns())
    assert [task.name for task in schema.tasks] == ["theme"]
    with pytest.raises(DataError, match=r"t.csv:6: military is '1\?', expected 1 or 0"):
        read_corpus(str(tmp_path / "t.csv"), schema, columns)


# Other names, file by file


def test_two_columns_that_may_name_the_document_are_said_everywhere(tmp_path):
    lines = [f"a{n},d{n},It is {word} {n}.,{word}" for n, word in enumerate(("sad", "glad") * 3)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["article_id,document,text,mood", *lines]) + "\n")
    said = "'article_id' or 'document' may each name the document, so none does; "
    _, columns, has_doc = guess_schema(path, Columns())
    assert (columns.doc, has_doc) == ("doc", False)
    (note,) = read_corpus(path, MOOD, columns).notes
    assert f"{said}--column doc=NAME names one" in note
    assert f"{said}--id-column names one" in run("predict", path, "--format", "jsonl").stderr


def test_columns_are_found_file_by_file_and_said(tmp_path):
    (tmp_path / "a.csv").write_text("text,mood,doc\nSo it is.,glad,d\n")
    (tmp_path / "b.csv").write_text("\ufeffBody ,Mood,Doc\nSo it was.,sad,e\nSo so.,sad,e\n")
    (tmp_path / "c.jsonl").write_text('{"text": "No more.", "doc": 7.0}\n')
    corpus = read_corpus([tmp_path], MOOD)
    assert [(e.text, e.doc, e.labels) for e in corpus.examples] == [
        ("So it is.", "d", {"mood": "glad"}),
        ("So it was.", "e", {"mood": "sad"}),
        ("So so.", "e", {"mood": "sad"}),
        ("No more.", "7", {}),
    ]
    assert corpus.notes == (
        f"{tmp_path}/b.csv: text in column 'Body '; document in column 'Doc'; "
        "mood in column 'Mood'",
        f"{tmp_path}/c.jsonl: no column for mood, so no answer to it in 1 row",
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "no labelled sentence in .*a.csv"),
        ("a.csv", "text,mood\n", "no labelled sentence in .*a.csv"),
        ("a.jsonl", "", "no labelled sentence in .*a.jsonl"),
        (
            "a.csv",
            "text,mood\nIt is.,\n",
            "no row has an answer to mood. Found the columns text, m",
        ),
        ("a.csv", "text,tone\nIt is.,sad\n", "no row has an answer to mood. Found the columns tex"),
        ("a.csv", "text,mood,mood\nIt is.,sad,sad\n", "the header names mood more than once"),
        (
            "a.csv",
            "x,mood\nIt is.,sad\nIt was.,sad\n",
            "a.csv:2: there is no column 'text' .*1 more",
        ),
        ("a.csv", "body,content,mood\na,b,sad\n", "the text may stand in 'body' or 'content'"),
        ("a.jsonl", '{"text": null, "mood": "sad"}\n', "a.jsonl:1: text is null, expected a sent"),
        ("a.jsonl", '{"text": 5, "mood": "sad"}\n', "a.jsonl:1: text is 5, expected a sentence"),
    ],
)
def test_what_cannot_be_read_is_one_message_in_every_command(
    tmp_path, moody, name, content, message
):
    path = tmp_path / name
    path.write_text(content)
    (tmp_path / "s.toml").write_text("[[schema]]\nname = 'mood'\nlabels = ['glad', 'sad']\n")
    for command in (
        ["train", path, "--schema", tmp_path / "s.toml", "-o", tmp_path / "m"],
        ["evaluate", path, "--model", moody, "--no-baselines"],
        ["compare", moody, moody, path],
    ):
        result = run(*command)
        assert isinstance(result.exception, DataError), (command[0], result.output)
        with pytest.raises(DataError, match=message):
            raise result.exception
    result = run("train", path, "-o", tmp_path / "m")  # and where the schema is guessed
    assert isinstance(result.exception, (DataError, ConfigError))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no labelled sentence in .*a.csv: an empty file.*expected"),
        ("text,mood\n", "no labelled sentence in .*a.csv, expected"),
        ("text,mood,mood\nIt is.,sad,sad\n", "the header names mood more than once"),
        ("text,mood\nIt is.,\nIt was.,\n", "none of the columns text, mood looks like labels"),
        ("one,two\nIt is.,\nIt was.,\n", "none of the columns one, two looks like"),
    ],
)
def test_check_and_train_refuse_a_table_that_says_nothing(tmp_path, content, message):
    path = tmp_path / "a.csv"
    path.write_text(content)
    for command in (["check", path], ["train", path, "-o", tmp_path / "m"]):
        with pytest.raises(DataError, match=message):
            raise run(*command).exception


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.csv: no tagged sentence"),
        ("doc,n,text,claim,theme\n", "a.csv: no tagged sentence"),
        ("doc,doc,claim\na,b,c\n", "the header names doc more than once"),
        (
            "doc,n,text\na,0,It is.\n",
            "a.csv:2: found no column 'claim'.*expected what tagger predict wrote",
        ),
        ("doc,claim,theme\na,sad,\n", "a.csv:2: claim is 'sad'"),
    ],
)
def test_stats_of_a_table_that_is_not_tagged_is_one_message(tmp_path, content, message):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        raise run("stats", tmp_path / "a.csv").exception


@pytest.mark.parametrize("start", ["", "theme_"])
def test_a_given_schema_finds_its_labels_in_columns_of_0_and_1(tmp_path, start):
    names = [start + label for label in CLAIMS["theme"].labels]
    path = tmp_path / "a.csv"
    path.write_text(of_labels(names, HOT))
    corpus = read_corpus([path], CLAIMS)
    assert [e.labels["theme"] for e in corpus.examples[:4]] == [
        ("military",), ("military", "diplomatic"), ("economic",), ()
    ]  # fmt: skip
    assert corpus.notes == (
        f"{path}: text in column 'Text'; theme in columns {', '.join(names)}",
        f"{path}: no column for claim, so no answer to it in 24 rows",
    )
    # And where the model learned from such columns, one column of lists does too.
    by_label = {label: f"x_{label}" for label in CLAIMS["theme"].labels}
    rows = [{"text": "It is.", "theme": ["economic"]}]
    (example,) = read_corpus(rows, CLAIMS, Columns(tasks={"theme": by_label})).examples
    assert example.labels == {"theme": ("economic",)}


def test_frames_with_dummies_are_understood():
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    frame = pandas.DataFrame(moods())
    dummies = pandas.get_dummies(frame, columns=["mood"])
    assert list(dummies.columns)[2:] == ["mood_glad", "mood_sad"]
    gap = dummies.astype({"mood_glad": object, "mood_sad": object})
    gap.loc[0, ["mood_glad", "mood_sad"]] = None
    for data in (dummies, polars.DataFrame(dummies), gap):
        schema, columns, _ = find_schema(None, data)
        assert schema == MOOD
        answers = [e.labels.get("mood", "") for e in read_corpus(data, schema, columns).examples]
        assert answers[1:] == frame["mood"].tolist()[1:]
        assert answers[0] == ("" if data is gap else "glad")


# Bad rows


@pytest.fixture(scope="module")
def moody(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moody") / "model"
    tagger.train(moods(), schema=MOOD, settings=SMALL, jobs=1).save(folder)
    return folder


BAD = [
    ("not json", "not a JSON object"),
    ('{"text": " ", "mood": "sad"}', "text is blank"),
    ('{"text": "A line.", "mood": "gladd"}', "did you mean 'glad'"),
    ('{"text": "A line.", "mood": ["sad"]}', "expected one label"),
    ('{"text": 7, "mood": "sad"}', "text is 7"),
    ('{"mood": "sad"}', "no column 'text'"),
    ('["a"]', "found a JSON list"),
]


@pytest.fixture
def bad(tmp_path):
    """Good sentences, with a bad row of each kind after the first."""
    lines = [json.dumps(row) for row in moods()]
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join([lines[0], *(line for line, _ in BAD), *lines[1:]]) + "\n")
    return path


def test_bad_rows_are_left_out_on_demand_counted_and_kept(bad, moody, tmp_path):
    with pytest.raises(DataError, match="skip_bad_rows=True") as refused:
        tagger.train(bad, schema=MOOD)
    training = tagger.train(bad, schema=MOOD, settings=SMALL, jobs=1, skip_bad_rows=True)
    clean = tagger.train(moods(), schema=MOOD, settings=SMALL, jobs=1)
    assert training.report["about"]["data"]["n_skipped_rows"] == len(BAD)
    assert training.report["tasks"] == clean.report["tasks"]
    assert "n_skipped_rows" not in clean.report["about"]["data"]
    training.save(tmp_path / "m")
    kept = [json.loads(x) for x in (tmp_path / "m.rejects.jsonl").read_text().splitlines()]
    assert [(k["file"], k["line"]) for k in kept] == [(str(bad), i + 2) for i in range(len(BAD))]
    for row, (line, reason) in zip(kept, BAD, strict=True):
        assert reason in row["reason"] and reason in str(refused.value)
        assert row["raw"] == line
    clean.save(tmp_path / "m", force=True)
    assert not (tmp_path / "m.rejects.jsonl").exists()

    made = tagger.evaluate(moody, bad, skip_bad_rows=True, baselines=False, rounds=0)
    compared = tagger.compare(moody, moody, bad, skip_bad_rows=True, rounds=0)
    checked = tagger.check(bad, schema=MOOD, skip_bad_rows=True)
    assert made.skipped == compared.skipped == checked.skipped == training.skipped
    assert {f.level for f in checked.findings if f.check == "row"} == {"warning"}
    strict = tagger.check(bad, schema=MOOD)
    assert [f.level for f in strict.findings if f.check == "row"] == ["error"] * len(BAD)


def test_the_commands_name_the_first_bad_rows(bad, moody, tmp_path):
    bad.write_text(bad.read_text() + '{"text": ""}\n' * 12)
    schema = tmp_path / "s.toml"
    schema.write_text("[[schema]]\nname = 'mood'\nlabels = ['glad', 'sad']\n")
    output = tmp_path / "out"
    for command in (
        ["train", bad, "--schema", schema, "-o", output, "--jobs", 1],
        [
            "evaluate",
            bad,
            "--model",
            moody,
            "--no-baselines",
            "--no-plots",
            "--output",
            output,
            "--force",
        ],
        ["compare", moody, moody, bad],
    ):
        assert "--skip-bad-rows" in str(run(*command).exception)
        result = run(*command, "--skip-bad-rows")
        assert result.exit_code == 0, result.exception
        assert sum(f"{bad}:" in line for line in result.stderr.splitlines()) == 10
        assert "tagger: 19 rows left out (the first are above)" in result.stderr
        if output in command:
            assert f"kept in {output}.rejects.jsonl" in result.stderr
            assert len((tmp_path / "out.rejects.jsonl").read_text().splitlines()) == 19
    again = ["evaluate", bad, "--model", moody, "--check", output]
    assert run(*again, "--skip-bad-rows").exit_code == 0
    assert isinstance(run(*again).exception, DataError)
    assert run("check", bad, "--schema", schema, "--skip-bad-rows").exit_code == 0
    assert run("compare", output, output, "--skip-bad-rows").exit_code == 2


@pytest.mark.parametrize(("n_bad", "refused"), [(40, False), (41, True)])
def test_more_than_half_is_refused_all_the_same(n_bad, refused):
    rows = [*moods(40), *[{"text": "", "mood": "sad"}] * n_bad]
    if not refused:
        assert len(read_corpus(rows, MOOD, skip_bad_rows=True).skipped) == n_bad
        return
    with pytest.raises(DataError, match="41 of 81 rows: more than half is not left out"):
        read_corpus(rows, MOOD, skip_bad_rows=True)
    with pytest.raises(DataError) as caught:
        read_corpus(rows, MOOD)
    assert "skip_bad_rows" not in str(caught.value)
    findings = tagger.check(rows, schema=MOOD, skip_bad_rows=True).findings
    assert [f.level for f in findings if f.check == "row"] == ["error"] * 42
    assert any("41 rows cannot be used: more than half" in f.message for f in findings)


def test_ragged_rows_of_a_table_are_bad_rows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,mood\nIt is.,sad\nx,y,z\nalone\nIt was.,glad\nSo so.,glad\n")
    corpus = read_corpus([path], MOOD, skip_bad_rows=True)
    assert [(r.line, r.raw) for r in corpus.skipped] == [(3, "x,y,z"), (4, "alone")]
    assert len(corpus) == 3


def test_one_hot_and_semicolons_train_and_are_evaluated_by_their_own_columns(tmp_path):
    words = {"military": "soldiers", "diplomatic": "envoys", "economic": "prices"}
    rows = [
        {"text": f"Some {' '.join(words[x] for x in given)} on day {i}."}
        | {x: int(x in given) for x in words}
        for i in range(60)
        for given in [[x for k, x in enumerate(words) if (i * 7 + i // 3) >> k & 1]]
    ]  # fmt: skip
    path = tmp_path / "hot.csv"
    path.write_text(csv_of(rows[0], [r.values() for r in rows]))
    training = tagger.train(path, settings=SMALL, jobs=1)
    assert training.model.schema == Schema(CLAIMS.tasks[1:])
    training.save(tmp_path / "m")
    report = tagger.evaluate(tmp_path / "m", path, baselines=False, rounds=0).report
    assert report["tasks"][0]["figures"]["macro_f1"]["value"] > 0.9
    joined = [{"text": r["text"], "theme": "; ".join(x for x in words if r[x])} for r in rows]
    same = tagger.train(joined, settings=SMALL, jobs=1)
    assert same.report["about"]["data"]["sha256"] == training.report["about"]["data"]["sha256"]
    again = tagger.evaluate(same.model, joined, baselines=False, rounds=0).report
    assert again["tasks"] == report["tasks"]
