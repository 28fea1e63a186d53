"""Nothing of a user's is replaced without --force; devices and pipes never."""

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import tagger
from tagger.cli.main import cli
from tagger.errors import DataError, OutputError
from tagger.files.folders import expand
from tagger.model.model import Model
from tagger.targets import atomic_write, check_free, locked


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.txt"
    path.parent.mkdir()
    path.write_text("Oil rose 2 percent. Prices may fall.")
    return path


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    path.write_text("my notes\n")
    return path


@pytest.mark.parametrize("target", ["mine.jsonl", "x.jsonl", "y.jsonl", "z.jsonl"])
def test_a_file_of_the_users_is_replaced_by_force_only(
    article: Path, tmp_path: Path, target: str
) -> None:
    notes = {"x.jsonl": "x.jsonl.rejects.jsonl", "y.jsonl": "y.jsonl.manifest.json"}
    notes["z.jsonl"] = "z.jsonl.part"
    path = tmp_path / notes.get(target, target)
    path.write_text("my notes\n")
    done = run("predict", article, "-o", tmp_path / target)
    assert isinstance(done.exception, OutputError)
    assert str(path) in str(done.exception) and "--force" in str(done.exception)
    assert path.read_text() == "my notes\n"
    assert not list(tmp_path.glob("*.parts"))
    assert run("predict", article, "-o", tmp_path / target, "--force").exit_code == 0
    assert len((tmp_path / target).read_text().splitlines()) == 2


def test_the_same_job_may_run_again_but_not_another(article: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    assert run("predict", article, "-o", out).exit_code == 0
    article.write_text("Oil fell.")
    assert run("predict", article, "-o", out).exit_code == 0  # the same file, with other words
    assert run("predict", article, "-o", out, "--part-bytes", "10").exit_code == 0
    assert json.loads(out.read_text())["text"] == "Oil fell."
    other = article.with_name("b.txt")
    other.write_text("Gold rose.")
    for arguments in ([other], [article, "--explain"], [article, other]):
        done = run("predict", *arguments, "-o", out)
        assert "is not of this job" in str(done.exception)
    assert json.loads(out.read_text())["text"] == "Oil fell."


@pytest.mark.parametrize("name", ["o.csv", "o.parquet"])
def test_an_output_that_was_corrected_is_replaced_by_force_only(
    article: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    for _ in range(2):
        assert run("predict", article, "-o", out).exit_code == 0
    whole = out.read_bytes()
    out.write_bytes(whole + b"Gold rose.\n")
    done = run("predict", article, "-o", out)
    assert f"{out} (and 1 more): is there already and is not of this job, or was changed" in str(
        done.exception
    )
    assert out.read_bytes() == whole + b"Gold rose.\n"
    assert run("predict", article, "-o", out, "--force").exit_code == 0
    assert out.read_bytes() == whole
    out.unlink()
    assert run("predict", article, "-o", out).exit_code == 0


def test_pages_that_were_corrected_are_replaced_by_force_only(
    article: Path, tmp_path: Path
) -> None:
    pages = tmp_path / "pages"
    for _ in range(2):
        assert run("predict", article, "-o", pages, "--format", "html").exit_code == 0
    page = next(pages.glob("*.html"))
    page.write_text(page.read_text(encoding="utf-8") + "<p>Gold rose.</p>", encoding="utf-8")
    assert run("predict", article, "-o", pages, "--format", "html").exit_code != 0
    assert "Gold rose." in page.read_text(encoding="utf-8")


def test_a_run_killed_before_its_record_can_go_on(article: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    assert run("predict", article, "-o", out).exit_code == 0
    whole, record = out.read_bytes(), tmp_path / "o.jsonl.manifest.json"
    (tmp_path / "o.jsonl.parts").mkdir()
    record.rename(tmp_path / "o.jsonl.parts" / "job.json")
    assert run("predict", article, "-o", out, "--resume").exit_code == 0
    assert out.read_bytes() == whole and record.exists()


def test_pages_do_not_land_among_the_users_files(article: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    assert run("predict", article, "--format", "html", "-o", site).exit_code == 0
    assert run("predict", article, "--format", "html", "-o", site).exit_code == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.html").write_text("mine")
    done = run("predict", article, "--format", "html", "-o", other)
    assert "--force" in str(done.exception)
    assert (other / "index.html").read_text() == "mine"


def test_reports_and_models_are_replaced_by_force_only(
    tmp_path: Path, small_model: Model, small_corpus: object
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "README.md").write_text("mine")
    with pytest.raises(OutputError, match=r"README.md: is there already"):
        small_model.save(home, "a card")
    assert [p.name for p in home.iterdir()] == ["README.md"]
    small_model.save(home, "a card", force=True)
    with pytest.raises(OutputError, match="and 4 more"):
        small_model.save(home, "a card")
    rows = [{"text": "Oil rose.", "claim": "reported_fact", "theme": ["economic"]}] * 3
    checked = tagger.check(rows)
    checked.save(tmp_path / "checked")
    with pytest.raises(OutputError, match=r"check.json"):
        checked.save(tmp_path / "checked")
    checked.save(tmp_path / "checked", force=True)


@pytest.mark.parametrize(
    "command",
    [
        "train ROWS -o -",
        "train ROWS --save-schema -",
        "train ROWS -o m --report -",
        "evaluate ROWS -o ./-",
        "export -o -",
    ],
)
def test_what_is_no_table_does_not_go_to_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = Path("rows.csv")
    rows.write_text("text,tone\n" + "".join(f"Day {i}.,{'ab'[i % 2]}\n" for i in range(9)))
    done = run(*command.replace("ROWS", str(rows)).split())
    assert str(done.exception) == "-: means standard output, expected a file or folder to write to"
    assert [*tmp_path.iterdir()] == [tmp_path / rows]


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _null(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


def _full(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 7))


@pytest.mark.parametrize("make", [_fifo, _null, _full])
def test_devices_and_pipes_are_never_replaced(
    article: Path, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    special = tmp_path / "special.jsonl"
    try:
        make(special)
    except PermissionError:
        pytest.skip("making a device needs root")
    before = special.stat()
    for options in ([], ["--force"]):
        done = run("predict", article, "-o", special, *options)
        assert isinstance(done.exception, OutputError)
        assert "expected a file" in str(done.exception)
    assert special.stat().st_mode == before.st_mode
    with pytest.raises(OutputError, match="expected a file"), atomic_write(special):
        pass


def test_a_link_is_followed_and_stays(article: Path, tmp_path: Path, mine: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(mine)
    assert "--force" in str(run("predict", article, "-o", link).exception)
    assert run("predict", article, "-o", link, "--force").exit_code == 0
    assert link.is_symlink()
    assert len(mine.read_text().splitlines()) == 2


def test_outputs_in_the_input_folder_are_not_read_again(article: Path) -> None:
    folder = article.parent
    assert run("predict", folder, "-o", folder / "o.jsonl").exit_code == 0
    assert run("predict", folder, "--format", "html", "-o", folder / "pages").exit_code == 0
    (folder / "p.jsonl.parts").mkdir()
    (folder / "p.jsonl.parts" / "part-000000.jsonl").write_text("{}")
    assert expand([str(folder)]) == [str(article)]
    before = (folder / "o.jsonl").read_bytes()
    assert run("predict", folder, "-o", folder / "o.jsonl").exit_code == 0
    assert (folder / "o.jsonl").read_bytes() == before
    assert expand([str(folder / "o.jsonl")])  # one that is named is meant


def test_an_empty_folder_is_free_and_a_full_one_is_not(tmp_path: Path) -> None:
    check_free([tmp_path, tmp_path / "none"])
    (tmp_path / "a").touch()
    with pytest.raises(OutputError):
        check_free([tmp_path])


def test_outputs_are_named_for_what_they_are(article: Path, tmp_path: Path) -> None:
    for name, form, hint in (
        ("x.xlsx", "excel", "end it in .csv"),
        ("x.csv", "parquet", "end it in .parquet"),
        ("x.csv.gz", "jsonl", "end it in .jsonl"),
        ("x.jsonl", "label-studio", "end it in .json"),
        ("x.html", "html", "name a folder"),
    ):
        done = run("predict", article, "--format", form, "-o", tmp_path / name)
        assert done.exit_code == 2
        assert f"but --format is {form}: {hint}" in done.stderr
        assert not (tmp_path / name).exists()
    done = run("predict", article, "-o", tmp_path / "x.html")
    assert "--format (html writes a folder of pages)" in done.stderr
    assert run("predict", article, "--format", "excel", "-o", tmp_path / "x.csv").exit_code == 0


def test_a_file_that_is_named_again_is_read_once_and_said(article: Path) -> None:
    link = article.parent / "link.txt"
    link.symlink_to(article)
    names = [article, f"{article.parent}/./{article.name}", article.parent, link, article]
    done = run("predict", *names, "--format", "jsonl")
    assert len(done.stdout.splitlines()) == len(run("predict", article).stdout.splitlines())
    assert ", ...: 5 files named again, read once" in done.stderr
    data = article.parent / "data.csv"
    data.write_text("text,mood\nOil rose.,sad\nOil fell.,gay\n")
    found = json.loads(run("check", data, data, "--format", "json").stdout)
    assert found["n_sentences"] == 2 and "data.csv: 1 file named again" in str(found["findings"])
    assert "-: 1 file named again, read once" in run("predict", "-", "-").stderr


def test_a_folder_of_outputs_is_counted_by_stats_and_said_by_predict(article: Path) -> None:
    folder = article.parent / "out"
    folder.mkdir()
    assert run("predict", article, "-o", folder / "o.jsonl").exit_code == 0
    assert json.loads(run("stats", folder, "--format", "json").stdout)[0]["n_sentences"] == 2
    done = run("predict", folder, "-o", article.parent / "x.jsonl")
    assert "passed over 2 files: 2 files that tagger wrote (o.jsonl, o.jsonl.manifest.json)" in (
        done.stderr
    )
    assert isinstance(done.exception, DataError)
    beside = run("predict", folder, article, "-o", article.parent / "x.jsonl")
    assert "out: no file to read in this folder" in beside.stderr
    assert beside.exit_code == 0
    again = run("predict", folder / "o.jsonl", "-o", article.parent / "y.jsonl")
    assert "o.jsonl: tagger wrote this file; read again because it is named" in again.stderr


def test_a_model_among_the_data_is_named(article: Path) -> None:
    with pytest.raises(DataError, match="is a model, expected texts: name it with --model"):
        expand([str(Path(tagger.__file__).parent.parent / "models" / "claims-en"), str(article)])


class Msvcrt:
    """What Windows has for fcntl, as far as it is used: one process may lock a byte once."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.locked: dict[int, int] = {}

    def locking(self, descriptor: int, mode: int, n_bytes: int) -> None:
        assert (mode, n_bytes, os.lseek(descriptor, 0, os.SEEK_CUR)) == (self.LK_NBLCK, 1, 0)
        inode = os.fstat(descriptor).st_ino
        if self.locked.get(inode, descriptor) != descriptor:
            raise PermissionError(13, "Permission denied")
        self.locked[inode] = descriptor


def test_a_folder_is_locked_where_there_is_no_fcntl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = Msvcrt()
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", system)
    with locked(tmp_path):
        assert len(system.locked) == 1
        with pytest.raises(OutputError, match="another run is writing"), locked(tmp_path):
            raise AssertionError
    system.locked.clear()  # as the system does when the file is closed
    with locked(tmp_path):
        pass


def test_what_can_be_no_output_is_refused_before_the_work(
    article: Path, tmp_path: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    monkeypatch.chdir(tmp_path)
    for output, reason in (
        ("loop.jsonl", "is a link to itself"),
        ("mine.jsonl/x.jsonl", "mine.jsonl: is a file, expected a folder"),
        ("/", "has no name of its own"),
    ):
        for form in ("jsonl", "html") if "." not in output else ("jsonl",):
            done = run("predict", article, "--format", form, "-o", output)
            assert isinstance(done.exception, OutputError) and reason in str(done.exception)
    assert (tmp_path / "loop.jsonl").is_symlink() and mine.read_text() == "my notes\n"
    for command in (
        ("train", "none.csv", "-o", "model", "--report", mine),
        ("evaluate", "none.csv", "-o", mine, "--no-plots"),
    ):
        done = run(*command)
        assert isinstance(done.exception, OutputError)
        assert "mine.jsonl: is a file, expected a folder" in str(done.exception)
    assert not (tmp_path / "model").exists()


def test_a_folder_that_may_not_be_written_is_refused_before_the_work(
    article: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, open_ = tmp_path / "closed", tmp_path / "open"
    closed.mkdir(), open_.mkdir()
    (closed / "link.jsonl").symlink_to(open_ / "x.jsonl")
    may = os.access  # root may do anything
    monkeypatch.setattr(os, "access", lambda path, how: str(path) != str(closed) and may(path, how))
    for command in (
        ("train", "none.csv", "-o", closed / "deep" / "model"),
        ("evaluate", "none.csv", "-o", closed, "--no-plots"),
        ("predict", article, "-o", closed / "x.jsonl"),
    ):
        done = run(*command)
        assert isinstance(done.exception, OutputError)
        assert "closed: cannot be written: Permission denied" in str(done.exception)
    check_free([closed / "link.jsonl", open_ / "y.jsonl", open_])
