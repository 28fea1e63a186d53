"""The examples of the README and of the pages in docs/ are run: doctests, and shell commands."""

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): re.findall(
        r"(<!-- [a-z]+ -->\n)?```(\w+)\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL
    )
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}


def blocks(language):
    """Return the blocks of a language by page, but for those that .ci/run runs."""
    found = {
        page: [code for mark, own, code in own_blocks if own == language and not mark]
        for page, own_blocks in PAGES.items()
    }
    return {page: codes for page, codes in found.items() if codes}


@pytest.mark.parametrize("page", blocks("python"))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of spaCy's
def test_python_examples(page):
    if page == "docs/beside.md":
        pytest.importorskip("spacy", reason="needs the extra spacy")
    globs: dict[str, object] = {}
    for code in blocks("python")[page]:
        example = doctest.DocTestParser().get_doctest(code, globs, page, page, 0)
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        runner.run(example, clear_globs=False)
        globs = example.globs
        assert runner.failures == 0


def test_datasets_are_tagged_in_batches(tagger):
    datasets = pytest.importorskip("datasets", reason="needs the extra dev")
    (line,) = (
        code.strip() for code in blocks("py")["docs/beside.md"] if code.startswith("ds = ds.map")
    )
    ds = datasets.Dataset.from_dict({"text": ["Oil rose 2 percent.", "It may fall."]})
    names = {"ds": ds, "tagger": tagger}
    exec(line, names)
    assert names["ds"]["claim"][:] == ["reported_fact", "speculation"]


def test_r_examples():
    r = shutil.which("Rscript")
    lacks = '!requireNamespace("reticulate") || packageVersion("reticulate") < "1.41"'
    if (
        not r
        or subprocess.run([r, "-e", f"quit(status = {lacks})"], capture_output=True).returncode
    ):
        pytest.skip("needs R with reticulate 1.41 or later")
    (code,) = blocks("r")["docs/beside.md"]
    assert 'use_virtualenv("/path/to/.venv")' in code
    code = code.replace("/path/to/.venv", sys.prefix)
    code += "\ncat(claims, tagged$claim, class(tagged), sep = '\\n')\n"
    done = subprocess.run([r, "-"], input=code, capture_output=True, text=True)
    said = ["reported_fact", "speculation"]
    assert (done.stdout.split(), done.returncode) == ([*said, *said, "data.frame"], 0), done.stderr


def test_docstring_example():
    import tagger.predictor

    failures, tries = doctest.testmod(tagger.predictor)
    assert tries
    assert not failures


def _marks(line):
    # 1,931 sentences, reread; tests/encoder/test_shipped_reader.py holds the page to the figures.
    return [pytest.mark.slow] if "data/digests.jsonl --second-reader" in line else []


@pytest.mark.parametrize(
    ("page", "command"),
    [
        pytest.param(page, line.split("  #")[0].strip(), marks=_marks(line))
        for page, codes in blocks("sh").items()
        for code in codes
        for line in code.splitlines()
        # The shipped model is trained again by .ci/check_model.py.
        if line.strip() and "claims-en.toml" not in line
    ],
)
def test_shell_examples(page, command, tmp_path_factory):
    """Run each command in a folder that has what the page's reader has at that point."""
    folder = _desk(page, tmp_path_factory)
    bin_folder = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    # 141: the reader of a pipe had seen enough (| head).
    assert run.returncode in (0, 141), run.stderr


_made: dict[str, Path] = {}


def _desk(page, tmp_path_factory) -> Path:
    """Make, once a page, a folder with an article, rows, labelled data, a checkout's folders."""
    if page in _made:
        return _made[page]
    folder = tmp_path_factory.mktemp("desk")
    article = next((ROOT / "seeds").glob("*.txt")).read_text(encoding="utf-8")
    (folder / "article.txt").write_text(article, encoding="utf-8")
    (folder / "articles").mkdir()
    (folder / "articles" / "one.txt").write_text(article, encoding="utf-8")
    (folder / "articles" / "two.md").write_text("# Oil\n\nOil rose 2 percent.\n", encoding="utf-8")
    (folder / "rows.csv").write_text("doc,text\na,Oil rose.\nb,It may fall.\n", encoding="utf-8")
    rows = [("a", "Oil rose.", "2024-03-18"), ("b", "It may fall.", "2024-04-02")]
    dated = [{"doc": d, "text": t, "outlet": "wire", "date": date} for d, t, date in rows]
    pq.write_table(pa.Table.from_pylist(dated), folder / "rows.parquet")
    (folder / "data").symlink_to(ROOT / "data")
    (folder / "models").mkdir()
    (folder / "models" / "claims-en").symlink_to(ROOT / "models" / "claims-en")
    (folder / "seeds").symlink_to(ROOT / "seeds")
    corpus = (ROOT / "data" / "corpus" / "wire.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "test.jsonl").write_text("\n".join(corpus[:60]) + "\n", encoding="utf-8")
    (folder / "mine.jsonl").write_text("\n".join(corpus[60:]) + "\n", encoding="utf-8")
    other = (ROOT / "data" / "corpus" / "sites.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "corrections.jsonl").write_text("\n".join(other[:60]) + "\n", encoding="utf-8")
    (folder / "tones.toml").write_text(TONES, encoding="utf-8")
    for name, thing in (("tones.csv", "day"), ("more-tones.csv", "song")):
        tones = (f"{i // 4},A {w} {thing} {i},{t}" for i, (w, t) in enumerate(WORDS * 12))
        rows_of = "\n".join(["doc,text,tone", *tones]) + "\n"
        (folder / name).write_text(rows_of, encoding="utf-8")
    _made[page] = folder
    return folder


TONES = '[[schema]]\nname = "tone"\nlabels = ["glad", "sad"]\n'
WORDS = [("joyful", "glad"), ("happy", "glad"), ("bitter", "sad"), ("grim", "sad")]
