"""The command check: what it finds, and that it finds no more."""

import json
import re
import sys
import tracemalloc

import numpy as np
import pytest
from click.testing import CliRunner

from tagger.cli.main import cli
from tagger.corpus.corpus import Corpus, Example
from tagger.errors import ConfigError, DataError, install_command
from tagger.schema import Schema, Task
from tagger.training.checks import read_for_checks
from tagger.training.findings import ERROR, WARNING, findings_of, likely_label_errors
from tagger.training.similarity import similar_pairs

from .conftest import MOOD, rows, write

ONE = Schema((MOOD,))
LONG = "The old harbour master counted seven grey boats before the storm came in from the west"


def corpus_of(*examples):
    return Corpus(
        ONE,
        tuple(
            Example(text, {"mood": mood} if mood else {}, doc, {}, f"f:{i}")
            for i, (text, mood, doc) in enumerate(examples, 1)
        ),
    )


def found(corpus, name, **options):
    return [finding for finding in findings_of(corpus, **options) if finding.check == name]


def test_clean_data_gives_notes_only(corpus):
    assert {f.level for f in findings_of(corpus) if f.check != "near duplicate"} == {"note"}


def test_repeated_sentences_are_found_with_their_places_and_documents():
    corpus = corpus_of(
        ("He is very glad.", "glad", "1"),
        ("Not this one.", "sad", "1"),
        ("he is VERY glad", "glad", "2"),
    )
    (duplicate,) = found(corpus, "duplicate")
    assert duplicate.where == ("f:1", "f:3")
    assert "2 times in 2 documents" in duplicate.message
    assert found(corpus, "conflict") == []


def test_one_sentence_with_two_answers_is_a_conflict():
    corpus = corpus_of(("He is very glad.", "glad", "1"), ("He is very glad.", "sad", "2"))
    (conflict,) = found(corpus, "conflict")
    assert "mood is glad and sad" in conflict.message


def test_near_duplicates_share_most_shingles():
    # 16 words make 14 shingles; another last word changes one of them: 13 of 15 in common.
    other = LONG.replace("west", "north")
    assert list(similar_pairs([LONG], [other])) == [(0, 0, pytest.approx(13 / 15))]
    corpus = corpus_of(
        (LONG, "sad", "1"), (other, "sad", "2"), ("Nothing like the rest.", "sad", "2")
    )
    (near,) = found(corpus, "near duplicate")
    assert near.where == ("f:1", "f:2")
    assert "2 sentences, 87% alike, of 2 documents" in near.message


def test_looking_for_similar_texts_takes_a_few_bytes_a_word():
    letters = np.random.default_rng(0).integers(97, 123, (2000, 30, 4), np.uint8)
    texts = [" ".join(bytes(word).decode() for word in row) for row in letters]
    list(similar_pairs(texts[:10]))
    tracemalloc.start()
    found = list(similar_pairs([*texts, texts[7] + " more"]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [(7, 2000, pytest.approx(28 / 29))]
    assert peak / (2000 * 30) < 200  # most of it the words themselves, each known once


def test_shared_sentences_and_documents_are_leakage():
    train = corpus_of((LONG, "sad", "1"), ("It was a very good day.", "glad", "1"))
    test = corpus_of(
        ("It was a very good day!", "glad", "1"), (LONG.replace("west", "east"), "sad", "9"),
        ("A wholly new line of text.", "sad", "9"),
    )  # fmt: skip
    messages = [f.message for f in found(train, "leakage", against=test)]
    assert len(messages) == 3
    assert messages[0].startswith("1 document on both sides: 1")
    assert messages[1].startswith("the same sentence on both sides: It was a very good day!")
    assert messages[2].startswith("87% alike on both sides")


@pytest.mark.parametrize(
    ("text", "name"),
    [("Yes.", "length"), ("word " * 121, "length"), ("It isnâ€™t so at all.", "encoding"),
     ("It is so\x07 at all.", "encoding")],
)  # fmt: skip
def test_odd_texts_are_found(text, name):
    (odd,) = found(corpus_of((text, "sad", "1"), ("A line like any other.", "glad", "1")), name)
    assert odd.where == ("f:1",)


def test_ordinary_letters_of_other_languages_are_not_odd():
    assert found(corpus_of(("Ã une São Paulo, “naïve” café – 5 €.", "sad", "1")), "encoding") == []


def test_labels_too_rare_or_absent_are_found():
    corpus = corpus_of(*[(f"Line {chr(97 + i)} of many.", "glad", "1") for i in range(20)])
    labels = found(corpus, "labels")
    assert [f.level for f in labels] == ["note", ERROR]
    assert "no sentence has the mood 'sad'" in labels[1].message
    rare = corpus_of(("A line of many.", "sad", "1"), ("Another line of many.", "", "1"))
    messages = [f.message for f in found(rare, "labels") if f.level == WARNING]
    assert messages[0].startswith("mood: 'sad' in only 1 sentence")
    assert "1 not annotated" in found(rare, "labels")[0].message


def test_rows_that_cannot_be_used_are_named_by_line(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"text": "a b c", "mood": "gladd"}\n{"text": "a b c", "mood": "sad"}\nnot json\n'
    )
    corpus, findings = read_for_checks([path], ONE)
    assert len(corpus) == 1
    assert [f.where[0].rpartition(":")[2] for f in findings] == ["1", "3"]
    assert "did you mean 'glad'?" in findings[0].message
    path.write_text("not json\n")
    with pytest.raises(DataError, match=r"no row of .* can be used: .*x\.jsonl:1: not a JSON"):
        read_for_checks([path], ONE)


def test_wrong_labels_are_found_by_a_model_that_did_not_see_them(tmp_path):
    pytest.importorskip("cleanlab", reason="the extra checks is not installed")
    from tagger.corpus.corpus import read_corpus

    records = rows(40)
    for row in records:
        words = str(row["text"])
        row["mood"] = "glad" if "happy" in words or "cheerful" in words else "sad"
    wrong = records[17]
    wrong["mood"] = "sad" if wrong["mood"] == "glad" else "glad"
    corpus = read_corpus([write(tmp_path / "x.jsonl", records)], ONE)
    places = [f.where[0].rpartition(":")[2] for f in likely_label_errors(corpus)]
    assert places == ["18"]


def test_a_missing_extra_is_named(corpus, monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ConfigError, match=f"cleanlab: {re.escape(install_command('checks'))}"):
        likely_label_errors(corpus)


def test_the_command_shows_counts_and_fails_where_strict(data, tmp_path):
    runner = CliRunner()
    repeated = tmp_path / "x.jsonl"
    lines = data.read_text().splitlines()
    repeated.write_text("\n".join([*lines, lines[0]]) + "\n")
    plain = runner.invoke(cli, ["check", str(repeated), "--format", "json"])
    report = json.loads(plain.stdout)
    assert plain.exit_code == 0
    assert report["counts"]["duplicate"] == 1
    assert Schema.from_dict(report["schema"]).tasks[0] == Task("mood", ("glad", "sad"))
    assert report["n_sentences"] == 121
    strict = runner.invoke(cli, ["check", str(repeated), "--strict"])
    assert isinstance(strict.exception, DataError)
    assert "duplicate: 1" in str(strict.exception)
