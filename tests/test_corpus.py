import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, SHARED, shared

from tagger.corpus.columns import Columns
from tagger.corpus.corpus import Corpus, Example, read_corpus
from tagger.corpus.folds import folds
from tagger.corpus.guess import guess_schema
from tagger.errors import DataError
from tagger.schema import CLAIMS, Schema, Task
from tagger.text.tokens import tokenize


def write(path, *rows):
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


GOOD = {"text": "A.", "claim": "speculation", "theme": ["military"], "doc": "d", "register": "wire"}


def test_rows_become_examples(tmp_path):
    path = write(tmp_path / "a.jsonl", GOOD, "", {"text": "B.", "theme": []})
    first, second = read_corpus([path], CLAIMS).examples
    assert first == Example(
        "A.",
        {"claim": "speculation", "theme": ("military",)},
        "d",
        {"register": "wire"},
        f"{path}:1",
    )
    assert second.labels == {"theme": ()}
    assert second.where == f"{path}:3"


def test_csv_and_tsv_hold_the_same(tmp_path):
    (tmp_path / "a.csv").write_text(
        '\ufefftext,claim,theme,doc\n"A, b.",speculation,military|economic,d\n'
    )
    (tmp_path / "a.tsv").write_text(
        "text\tclaim\ttheme\tdoc\nA, b.\tspeculation\tmilitary|economic\td\n"
    )
    csv, tsv = (read_corpus([tmp_path / name], CLAIMS) for name in ("a.csv", "a.tsv"))
    assert csv.examples[0].labels == {"claim": "speculation", "theme": ("military", "economic")}
    assert csv.sha256 == tsv.sha256


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{broken", "a.jsonl:2: not a JSON object"),
        ("[1]", "a.jsonl:2: found a JSON list"),
        ({"claim": "speculation"}, "a.jsonl:2: there is no column 'text'"),
        ({"text": "  "}, "a.jsonl:2: text is blank"),
        ({"text": "A.", "claim": "speculatoin"}, "a.jsonl:2: .*did you mean 'speculation'"),
    ],
)
def test_a_wrong_row_is_named_by_file_and_line(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        read_corpus([write(tmp_path / "a.jsonl", GOOD, row)], CLAIMS)


def test_rows_without_a_label_are_counted_and_said(tmp_path):
    other = GOOD | {"claim": None}
    corpus = read_corpus([write(tmp_path / "a.jsonl", GOOD, other, other)], CLAIMS)
    assert corpus.notes == ("2 of 3 sentences without a label of claim: left out of it",)
    corpus = read_corpus([write(tmp_path / "b.jsonl", other)], CLAIMS)
    assert corpus.notes == ("no row has an answer to claim",)
    # Those of a file without such a column are said with its name, once.
    (tmp_path / "c.jsonl").write_text('{"text": "It rained.", "theme": []}\n')
    corpus = read_corpus([tmp_path / "a.jsonl", tmp_path / "c.jsonl"], CLAIMS)
    assert any("c.jsonl: no column for claim" in note for note in corpus.notes)
    assert "2 of 4 sentences without a label of claim: left out of it" in corpus.notes


def test_documents_of_one_name_in_several_files_are_said(tmp_path):
    own = [GOOD | {"doc": f"d{i // 2}"} for i in range(8)]
    one, other = write(tmp_path / "a.jsonl", *own), write(tmp_path / "b.jsonl", *own)
    said = "4 document names in several files, each taken for one document: d0, d1, d2 ..."
    corpus = read_corpus([one, other], CLAIMS)
    assert corpus.notes == (said,)
    assert read_corpus([one], CLAIMS).notes == ()
    bare = [{k: v for k, v in row.items() if k != "doc"} for row in own]
    assert read_corpus([write(one, *bare), write(other, *bare)], CLAIMS).notes == ()


def test_nan_is_no_label_whatever_holds_it(tmp_path):
    rows = [{"text": f"Line {i} of it.", "tone": ("good", "bad", np.nan)[i % 3]} for i in range(9)]
    lines = [json.dumps(row) for row in rows]
    assert "NaN" in lines[2]
    for data in ([write(tmp_path / "a.jsonl", *lines)], rows, pd.DataFrame(rows)):
        schema, columns, _ = guess_schema(data, Columns())
        assert schema.tasks[0].labels == ("bad", "good")
        corpus = read_corpus(data, schema, columns)
        assert corpus.notes == ("3 of 9 sentences without a label of tone: left out of it",)
    for missing in (np.nan, None):  # among labels it is a slip, which names no label either
        row = rows[0] | {"tone": ["good", missing]}
        schema, columns, _ = guess_schema([*rows, row], Columns())
        assert schema.tasks[0].labels == ("bad", "good")
        with pytest.raises(DataError, match=r"record:10: tone is \['good', (nan|None)\], expected"):
            read_corpus([*rows, row], schema, columns)
    # Cells may be arrays, as pandas has lists of Parquet.
    frame = pd.DataFrame({"text": ["Oil rose."], "theme": [np.array(["economic", "military"])]})
    assert read_corpus(frame, CLAIMS).labels("theme") == [("military", "economic")]


def test_an_empty_file_is_no_corpus(tmp_path):
    with pytest.raises(DataError, match="no labelled sentence"):
        read_corpus([write(tmp_path / "a.jsonl")], CLAIMS)


def test_the_hash_is_of_the_content_not_of_the_file(tmp_path):
    one = read_corpus([write(tmp_path / "a.jsonl", GOOD)], CLAIMS)
    two = read_corpus([write(tmp_path / "b.jsonl", "", GOOD | {"register": "x"})], CLAIMS)
    other = read_corpus([write(tmp_path / "c.jsonl", GOOD | {"theme": []})], CLAIMS)
    assert one.sha256 == two.sha256 != other.sha256


def test_documents_stay_in_one_fold_and_folds_are_even():
    groups = np.array([0, 0, 0, 1, 1, 2, 2, 3, 4, 5])
    fold_of = folds(groups, 3, seed=0)
    assert sorted(np.bincount(fold_of)) == [3, 3, 4]
    assert all(len(set(fold_of[groups == g])) == 1 for g in range(6))
    assert folds(np.array([0, 0, 1]), 5, seed=0).max() == 1


def test_sentences_without_documents_are_their_own():
    schema = Schema((Task("t", ("x", "y")),))
    corpus = Corpus(schema, (Example("a", {}), Example("b", {}, "d"), Example("c", {}, "d")))
    assert corpus.groups.tolist() == [0, 1, 1]


# The corpus of the shipped model


@pytest.fixture(scope="module")
def corpus():
    return read_corpus(sorted((ROOT / "data" / "corpus").glob("*.jsonl")), CLAIMS)


def test_the_corpus_is_whole(corpus):
    assert len(corpus) > 9_000
    assert corpus.has_documents
    assert all({"claim", "theme"} <= example.labels.keys() for example in corpus.examples)
    beats = {}
    for example in corpus.examples:
        beats.setdefault(example.doc, example.where.rsplit(":", 1)[0])
        assert beats[example.doc] == example.where.rsplit(":", 1)[0], "a document in two files"


def test_no_sentence_stands_twice(corpus):
    counts = Counter(" ".join(tokenize(text)) for text in corpus.texts)
    assert [text for text, n in counts.items() if n > 1] == []


def runs(text, length):
    words = [t for t in tokenize(text) if t[0].isalnum()]
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def test_no_near_copy_in_another_document(corpus):
    owner = {}
    near = []
    for example in corpus.examples:
        for run in runs(example.text, 12):
            if owner.setdefault(run, example.doc) != example.doc:
                near.append(example.where)
                break
    assert near == []


def test_no_real_sentence_in_the_corpus(corpus):
    if not SHARED.exists():
        pytest.skip("needs real text that is not part of the project: gold/dev.jsonl")
    real = set()
    for line in shared("gold", "dev.jsonl").read_text(encoding="utf-8").splitlines():
        real |= runs(json.loads(line)["text"], 8)
    assert [e.where for e in corpus.examples if runs(e.text, 8) & real] == []


def test_rows_without_a_label_are_counted_beside_rejects_and_files_without_the_column(tmp_path):
    bare = [{"text": "Oil rose." if i % 2 else None, "claim": "speculation"} for i in range(10)]
    full = [
        {"text": f"It may {i}.", "claim": "speculation", "theme": ["economic"] if i > 4 else None}
        for i in range(20)
    ]
    for name, rows in (("a", bare), ("b", full)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    paths = [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]
    notes = read_corpus(paths, CLAIMS, skip_bad_rows=True).notes
    assert any(note.startswith("5 of 25 sentences without a label of theme") for note in notes)
