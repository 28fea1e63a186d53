"""Corrections become a version: it learns them, what it gains is measured, none is overwritten."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from tagger.cli.main import cli
from tagger.corpus.corpus import Corpus, Example
from tagger.errors import ConfigError, DataError
from tagger.predictor import Tagger
from tagger.review.desk import Desk
from tagger.review.run import open_desk
from tagger.review.server import Page
from tagger.review.store import ANSWER, Store
from tagger.review.teach import Teacher, agreements, corrections, train_version
from tagger.schema import CLAIMS
from tagger.training.adapt import adapt, closeness, gains

TEXTS = ("The zebra clause was quokka.", "A quokka vote was held.", "It was a quokka of a deal.")


def taught(claim: str = "speculation") -> Corpus:
    """Sentences of which a word of their own says that they are speculation."""
    rows = [(f"{text} {i}", str(i % 3)) for i in range(4) for text in TEXTS]
    return Corpus(CLAIMS, tuple(Example(text, {"claim": claim}, doc) for text, doc in rows))


def test_a_model_learns_what_it_is_told_and_little_else(tiny: Tagger) -> None:
    corpus, other = taught(), ["Two soldiers were killed on Monday.", "Oil rose 2 percent."]
    model = adapt(tiny.model, corpus, 30.0)
    assert set(Tagger(model).predict(corpus.texts)["claim"]) == {"speculation"}
    for task in ("claim", "theme"):
        before, after = (Tagger(m).predict(other)[task].tolist() for m in (tiny.model, model))
        assert before == after
    # Themes were not answered: they are as they were, and the model that was is not touched.
    theme = [m.classifiers[1].coef for m in (tiny.model, model)]
    assert theme[0] is theme[1]
    assert model.id != tiny.model.id and model.about["adapted"]["from"] == tiny.model.id


def test_a_taught_model_does_not_know_how_it_errs_and_says_what_taught_it(
    tiny: Tagger, tmp_path: Path
) -> None:
    errors = {"claim": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "theme": [[[1, 0], [0, 1]]] * 3}
    base = replace(tiny.model, about=tiny.model.about | {"out_of_fold": errors})
    assert base.known_errors.keys() == {"claim", "theme"}
    model = adapt(base, taught())  # which says nothing of themes
    assert model.known_errors.keys() == {"theme"}
    model.save(tmp_path / "m")
    said = " ".join(CliRunner().invoke(cli, ["info", str(tmp_path / "m")]).stdout.split())
    assert f"then taught by 12 corrected sentences, from model {base.id}" in said


def test_more_weight_moves_further(tiny: Tagger) -> None:
    corpus = taught()
    p = [
        adapt(tiny.model, corpus, w).probabilities(corpus.texts)["claim"][:, 2].mean()
        for w in (0.1, 1, 10)
    ]
    assert p == sorted(p) and p[0] < p[2]


def test_the_same_corrections_give_the_same_model(tiny: Tagger) -> None:
    assert adapt(tiny.model, taught()).id == adapt(tiny.model, taught()).id


def test_gains_are_of_documents_that_were_not_seen(tiny: Tagger) -> None:
    (claim,) = gains(tiny.model, taught(), 10.0, rounds=100)
    figure = claim.figures["macro_f1"]
    assert claim.n == 12 and figure.b >= figure.a and figure.p is not None
    assert figure.low is None  # each document gains as much: no draw differs
    alone = Corpus(CLAIMS, tuple(Example(t, {"claim": "speculation"}, "one") for t in TEXTS))
    with pytest.raises(DataError, match="in one document"):
        gains(tiny.model, alone)
    with pytest.raises(DataError, match="no correction to learn from"):
        adapt(tiny.model, Corpus(CLAIMS, ()))


def test_closeness_is_below_one_where_review_is_asked_for(tiny: Tagger) -> None:
    table = tiny.tag_table(["The talks may fail. Two soldiers were killed. Oil rose."])
    close = closeness(tiny.model, table.probabilities)
    assert ((close < 1) == table.review).all()
    nothing = {t.name: np.full((1, len(t.labels)), np.nan) for t in CLAIMS.tasks}
    assert np.isinf(closeness(tiny.model, nothing)).all()


def test_versions_are_kept_and_found_again(desk: Desk, model_folder: Path) -> None:
    store = desk.store
    for sentence, claim in ((2, "speculation"), (3, "reported_fact"), (7, "speculation")):
        store.decide("anna", sentence, ANSWER, "claim", claim)
    number = store.add_model("", "running")
    train_version(str(store.path), str(model_folder), number)
    row = store.one("SELECT * FROM models WHERE id = ?", number)
    assert row["status"] == "done" and row["folder"] == f"store.sqlite.models/{number}"
    assert store.adopted["id"] == 1  # shown before it is used
    teacher = Teacher(desk, str(model_folder))
    desk.use(teacher.adopt(number, "anna"))
    models = [r["model"] for r in store.all("SELECT DISTINCT model FROM documents")]
    assert models == [row["hash"]]
    again = open_desk(store.path, str(model_folder))
    assert again.tagger.model.id == row["hash"]
    again.store.close()
    with pytest.raises(DataError, match="no finished version 9"):
        store.adopt(9, "anna")


@pytest.fixture
def version(desk: Desk, model_folder: Path) -> int:
    """The number of a version that is trained, of which nothing is measured."""
    desk.store.decide("anna", 2, ANSWER, "claim", "speculation")
    number = desk.store.add_model("", "running")
    train_version(str(desk.store.path), str(model_folder), number)
    return number


def test_a_version_that_is_gone_is_not_adopted(
    client: TestClient, desk: Desk, version: int, tmp_path: Path
) -> None:
    versions = tmp_path / "store.sqlite.models"
    versions.rename(tmp_path / "away")
    answer = client.post(f"/models/{version}")
    assert answer.status_code == 400 and f"is not in {versions / str(version)}" in answer.text
    assert desk.store.adopted["id"] == 1
    (tmp_path / "away").rename(versions)
    assert client.post(f"/models/{version}").status_code == 200
    assert desk.store.adopted["id"] == version


def test_a_store_opens_without_the_version_in_use_and_says_so(
    client: TestClient, desk: Desk, version: int, model_folder: Path, tmp_path: Path
) -> None:
    desk.use(Teacher(desk, str(model_folder)).adopt(version, "anna"))
    assert "not in use on this page" not in client.get("/teach").text
    folder = tmp_path / "store.sqlite.models" / str(version)
    shutil.rmtree(folder)
    for other, why in ((None, "is not in"), (model_folder, "holds the model"), ("", "manifest")):
        if other:
            shutil.copytree(other, folder)  # another model in its place
        elif other == "":
            (folder / "manifest.json").write_text("{}")
        said: list[str] = []
        again = open_desk(desk.store.path, str(model_folder), said.append)
        assert again.tagger.model.id == again.store.one("SELECT hash FROM models")[0]
        assert len(said) == 1 and why in said[0] and "is used" in said[0]
        assert Teacher(again, str(model_folder)).shown()["adopted"] == 0
        assert again.store.verdicts()[2]["anna"].answers  # no decision is out of reach
        again.store.close()
    desk.tagger = Tagger.load(model_folder)
    assert "not in use on this page" in client.get("/teach").text


@pytest.mark.parametrize("old", [False, True])
def test_a_store_finds_its_versions_wherever_it_is_moved(
    desk: Desk, version: int, model_folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, old: bool,
) -> None:  # fmt: skip
    if old:  # stores of before name it from where the command was called
        desk.store.set_model(version, folder=f"{tmp_path.name}/store.sqlite.models/{version}")
    desk.store.adopt(version, "anna")
    taught = desk.store.adopted["hash"]
    desk.store.close()
    monkeypatch.chdir(model_folder)

    def used(path: Path) -> str:
        said: list[str] = []
        found = open_desk(path, str(model_folder), said.append)
        found.store.close()
        assert not said
        return found.tagger.model.id

    there = tmp_path / "there"
    there.mkdir()
    for name in ("store.sqlite", "store.sqlite.models"):
        (tmp_path / name).rename(there / name)
    assert used(there / "store.sqlite") == taught
    (there / "store.sqlite").rename(there / "mine.sqlite")
    assert used(there / "mine.sqlite") == taught
    (there / "store.sqlite.models").rename(there / "mine.sqlite.models")
    assert used(there / "mine.sqlite") == taught
    (tmp_path / "link.sqlite").symlink_to(there / "mine.sqlite")
    assert used(tmp_path / "link.sqlite") == taught


def test_versions_lie_beside_the_store_and_not_beside_a_link_to_it(
    desk: Desk, model_folder: Path, tmp_path: Path
) -> None:
    desk.store.decide("anna", 2, ANSWER, "claim", "speculation")
    (tmp_path / "here").mkdir()
    link = tmp_path / "here" / "link.sqlite"
    link.symlink_to(desk.store.path)
    train_version(str(link), str(model_folder), desk.store.add_model("", "running"))
    assert desk.store.finished(2)["folder"] == "store.sqlite.models/2"
    assert (tmp_path / "store.sqlite.models" / "2").is_dir()
    assert not (tmp_path / "here" / "link.sqlite.models").exists()


def test_another_base_model_is_refused(desk: Desk) -> None:
    with pytest.raises(DataError, match="name that one with --model"):
        open_desk(desk.store.path, None)


def test_a_training_that_dies_is_said(desk: Desk, tmp_path: Path) -> None:
    number = desk.store.add_model("", "running")
    assert Teacher(desk, None).shown()["versions"][0][0]["status"] == "failed"
    store = Store(desk.store.path, desk.schema)
    step = store.one("SELECT step FROM models WHERE id = ?", number)[0]
    assert step.startswith("the page was closed") and "or another one was opened" in step
    store.close()
    teacher = Teacher(desk, str(tmp_path / "gone"))
    desk.store.decide("anna", 2, ANSWER, "claim", "speculation")
    teacher.start()
    with pytest.raises(DataError, match="already"):
        teacher.start()
    end = time.monotonic() + 60
    while teacher.shown()["running"] and time.monotonic() < end:
        time.sleep(0.1)
    shown = teacher.shown()["versions"][0][0]
    assert shown["status"] == "failed" and "its process ended" in shown["step"]


def test_without_a_correction_nothing_is_trained(client: TestClient, page: Page) -> None:
    answer = client.post("/teach")
    assert answer.status_code == 400 and "answer some sentences first" in answer.text
    # The page says so beforehand, and does not offer it.
    off = '<button class="main" disabled>'
    shown = client.get("/teach").text
    assert off in shown and "no correction to learn from yet" in shown
    page.desk.store.decide("anna", 2, ANSWER, "claim", "speculation")
    shown = client.get("/teach").text
    assert off not in shown and "no correction to learn from yet" not in shown


def test_only_what_readers_agree_on_is_learned(desk: Desk) -> None:
    for reader, claim in (("anna", "speculation"), ("ben", "interpretation")):
        desk.store.decide(reader, 2, ANSWER, "claim", claim)
        desk.store.decide(reader, 3, ANSWER, "claim", "speculation")
    corpus = corrections(desk)
    assert [e.labels for e in corpus.examples] == [{"claim": "speculation"}]
    (pair,) = agreements(desk.store, desk.schema)
    assert (pair["n"], pair["readers"]) == (2, ["anna", "ben"])


def test_a_store_of_nothing_known_names_the_file(tmp_path: Path, model_folder: Path) -> None:
    (tmp_path / "x.sqlite").write_text("hello, this is text of some length that is no database")
    with pytest.raises(ConfigError, match=r"x\.sqlite: not a store"):
        open_desk(tmp_path / "x.sqlite", str(model_folder))


def test_answers_that_only_confirm_the_model_pull_little_at_it(
    tiny: Tagger, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, others = sentences[::20], sentences[1::10]
    given = zip(asked, tiny.tag_sentences(asked), strict=True)
    rows = tuple(Example(text, {"claim": str(tags.labels["claim"])}) for text, tags in given)
    before = tiny.predict(others)["claim"]

    def changed() -> int:
        model = adapt(tiny.model, Corpus(CLAIMS, rows))
        return int((Tagger(model).predict(others)["claim"] != before).sum())

    few = changed()
    monkeypatch.setattr("tagger.training.adapt._SHARPER", 0.4)  # softer than the model is
    assert few <= 0.1 * len(others) and few < changed()
