"""What stands beside the code holds together: extras that exist, workflows, citation."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections import Counter
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT

import tagger
from tagger import errors
from tagger.encoder.settings import EncoderSettings
from tagger.features.settings import FeatureSettings
from tagger.text.language import ENGLISH
from tagger.training.settings import TaskSettings, TrainingSettings

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_what_pages_tell_to_install_exists(page):
    text = page.read_text(encoding="utf-8")
    # Until the package is published its name installs nothing.
    assert "pip install claim-tagger" not in text and "claim-tagger[" not in text
    for names in re.findall(r"'\.\[([\w,-]+)\]'", text):
        assert set(names.split(",")) <= {*PROJECT["optional-dependencies"], "extra"}


def test_what_errors_tell_to_install_exists():
    named = []
    for file in (ROOT / "tagger").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        calls = r"(?:install_command\(|importing\(|required\([^,]+,)"
        named += re.findall(rf'{calls}\s*"([\w-]+)"', text)
        if file.name != "errors.py":  # the one place that decides what is named
            assert f"{PROJECT['name']}[" not in text, file
    assert len(named) > 10 and set(named) <= {*PROJECT["optional-dependencies"]}


def told(place="", **source):
    """Return what is told to install where pip keeps that it took the package from there."""
    kept = json.dumps({"url": place, **source}) if place else None
    with pytest.MonkeyPatch.context() as patch:
        package = SimpleNamespace(read_text=lambda name: kept)
        patch.setattr("importlib.metadata.distribution", lambda name: package)
        patch.setattr(errors, "__file__", "/lib/site-packages/tagger/errors.py")
        return errors.install_command.__wrapped__("plots")


def test_what_errors_tell_to_install_is_where_tagger_came_from(tmp_path, monkeypatch):
    at = tmp_path / "the checkout"
    at.mkdir()
    monkeypatch.chdir(ROOT)
    assert errors.install_command.__wrapped__("plots") == "pip install --editable '.[plots]'"
    monkeypatch.chdir(tmp_path)
    assert errors.install_command.__wrapped__("plots") == f"pip install --editable '{ROOT}[plots]'"
    assert told(at.as_uri()) == f"pip install '{at}[plots]'"
    monkeypatch.chdir(at)
    assert told(at.as_uri()) == "pip install '.[plots]'"
    assert told((tmp_path / "gone").as_uri()) == "pip install '.[plots]' in a checkout of tagger"
    assert told() == "pip install 'claim-tagger[plots]'"
    git = told("https://example.org/t.git", vcs_info={"vcs": "git", "commit_id": "0" * 40})
    assert git == f"pip install 'claim-tagger[plots] @ git+https://example.org/t.git@{'0' * 40}'"
    wheel = told("https://example.org/t.whl", archive_info={})
    assert wheel == "pip install 'claim-tagger[plots] @ https://example.org/t.whl'"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_setting_and_every_kind_of_piece_stands_in_the_documentation():
    train = (ROOT / "docs" / "howto" / "train.md").read_text(encoding="utf-8")
    for kind in (TrainingSettings, TaskSettings, FeatureSettings, EncoderSettings):
        for name in {field.name for field in fields(kind)} - {"tasks", "features"}:
            assert re.search(rf"`[\w.]*\b{name}`", train.partition("## Settings")[2]), name
    formats = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    told = {line[0] for line in ENGLISH.lines}
    told |= {word[1] for mark in ENGLISH.marks for word in mark[1:]}
    told |= {"greeting", "signature", "quotation", "mail header", "list marker", "separator"}
    for what in told | {"table", "link", "markup", "note"}:
        assert f"`{what}`" in formats, what


def test_every_page_is_in_the_site():
    named = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert page.relative_to(ROOT / "docs").as_posix() in named


def test_workflows_try_what_is_promised():
    check = (ROOT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8")
    lowest = PROJECT["requires-python"].removeprefix(">=")
    for name in (lowest, "3.12", "3.13", "3.14", "ubuntu", "macos", "windows"):
        assert name in check
    for name in (
        "{resolution: lowest-direct,",
        "{resolution: highest,",
        "scripts/ranges ${{ matrix.",
    ):
        assert name in check
    assert "scripts/check" in check and "scripts/ranges" in check and ".ci/run" in check
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert "entry: scripts/check --quick" in hooks


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {tagger.__version__}\n" in citation
    assert f"license: {PROJECT['license']}\n" in citation


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_the_check_runs_its_steps_and_stops_at_the_first_that_fails(tmp_path):
    said = tmp_path / "said"
    for name in ("ruff", "mypy", "pytest", "mkdocs"):
        tool = tmp_path / name
        tool.write_text(f'#!/bin/sh\necho {name} $1 >> {said}\n[ "$FAILS" != {name} ]\n')
        tool.chmod(0o755)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "check", tmp_path / "scripts" / "check")

    def run(*arguments, fails=""):
        said.write_text("")
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        command = ["bash", "scripts/check", *arguments]
        env = {**os.environ, "PATH": path, "FAILS": fails}
        done = subprocess.run(command, cwd=tmp_path, env=env)
        return done.returncode, said.read_text().split("\n")[:-1]

    steps = ["ruff check", "ruff format", "mypy", "pytest -n", "mkdocs build"]
    assert run() == (0, steps)
    assert run("--quick") == (0, steps[:3])
    assert run(fails="mypy") == (1, steps[:3])


def test_labels_of_real_sentences_hold_no_text_and_measure_on_documents_of_their_own():
    lines = (ROOT / "data" / "real" / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    kept = {"file", "source", "licence", "url_or_path", "start", "end", "sha256", "drawn"}
    kept |= {"doc_sha256", "claim", "theme", "readers", "held_out"}
    assert all(set(row) == kept for row in rows)
    assert len({row["sha256"] for row in rows}) == len(rows)
    held_out = {(row["file"], row["doc_sha256"]) for row in rows if row["held_out"]}
    learned = {row["doc_sha256"] for row in rows if not row["held_out"]}
    for row in rows:
        assert row["held_out"] == ((row["file"], row["doc_sha256"]) in held_out)
        assert len(row["readers"]) >= 2
        if row["drawn"] in ("chance", "unsure"):  # drawn to learn from alone
            assert not row["held_out"]
    page = (ROOT / "data" / "real" / "README.md").read_text(encoding="utf-8")
    counts = Counter(row["claim"] for row in rows)
    shares = ", ".join(f"{counts[c]:,}" for c in ("reported_fact", "interpretation", "speculation"))
    n_held_out = sum(row["held_out"] and row["doc_sha256"] not in learned for row in rows)
    assert f"| sentences read twice | {len(rows):,} |" in page
    assert f"| reported fact, interpretation, speculation | {shares} |" in page
    assert f"| held out | {n_held_out} |" in page


def test_what_teachers_said_of_real_sentences_holds_no_text_and_is_of_documents_to_learn_from():
    folder = ROOT / "data" / "real"
    lines = (folder / "taught.jsonl").read_text(encoding="utf-8").splitlines()
    labelled = (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    held_out = {r["doc_sha256"] for r in map(json.loads, labelled) if r["held_out"]}
    n = 0
    for document in map(json.loads, lines):
        assert set(document) == {"file", "doc_sha256", "sentences"}
        assert document["doc_sha256"] not in held_out
        for _, start, end, digits, *p in document["sentences"]:
            assert start < end and re.fullmatch("[0-9a-f]{8}", digits) and len(p) == 6
            assert abs(sum(p[:3]) - 1000) <= 2 and min(p) >= 0 and max(p) <= 1000
            n += 1
    assert f"| taught | {n:,} |" in (folder / "README.md").read_text(encoding="utf-8")


def test_what_teachers_said_is_read_with_its_sentences_or_counted_as_lost(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "data" / "real"))
    import taught
    from parts import sha256

    text = "Oil rose. It may fall."
    article = {"doc": "d", "text": text}
    (tmp_path / "wire.jsonl").write_text(json.dumps(article) + "\n")
    said = np.array([[0.9, 0.06, 0.04, 0, 0, 1], [0.1, 0.1, 0.8, 0.25, 0, 0.5]])
    spans = (0, 9), (10, 22)
    own = [
        {"file": "wire", "doc": "d", "start": a, "end": b, "sha256": sha256(text[a:b])}
        for a, b in spans
    ]
    monkeypatch.setattr(taught, "TAUGHT", tmp_path / "taught")
    taught.write(own, said)
    assert "Oil" not in taught.TAUGHT.read_text()
    texts, p = taught.read(tmp_path)
    assert texts == ["Oil rose.", "It may fall."] and p.tolist() == said.tolist()
    (tmp_path / "wire.jsonl").write_text(json.dumps(article | {"text": text.upper()}) + "\n")
    with pytest.raises(SystemExit, match="2 of 2 not in the text at hand"):
        taught.read(tmp_path)
