"""What commands print: on terminals of any encoding, and of data that would drive a terminal."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.cli.terminal import say, shown
from tagger.evaluation.shares import UNKNOWN

EVIL = "e\x1b]0;x\x07é[/b]\x9b\u202e"
UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
STYLE = re.compile(r"\x1b\[\??[0-9;]*[mAKhl]")  # what rich itself writes
WORDS = ("oil", "rose", "fell", "may", "could", "war", "bank", "price", "court", "vote")
ENCODINGS = ({"PYTHONIOENCODING": "ascii:strict"}, {"PYTHONIOENCODING": "cp1252:strict"})
PLAIN_C = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def run(*arguments, cwd, env=None):
    return subprocess.run(
        [sys.executable, "-m", "tagger", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=cwd,
        env=os.environ | (env or {}),
    )


def on_terminal(*arguments, cwd):
    """Run a command whose output and errors go to a terminal, and return what it shows."""
    pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tagger", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "250", "PYTHONUTF8": "1"},
    )
    os.close(slave)
    pieces = []
    try:
        while data := os.read(master, 65536):
            pieces.append(data)
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(master)
    process.wait()
    return b"".join(pieces).decode("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Labelled data full of controls, with a model, a report and tagged sentences of it."""
    folder = tmp_path_factory.mktemp("terminal")
    rows = []
    for i in range(40):
        words = " ".join(WORDS[(i // 2 + k * (1 + i // 20)) % 10] for k in range(5))
        odd = i % 2
        rows.append(
            {
                "text": f"{f'Zeta {EVIL}' if odd else 'Beta'} {words} {i}.",
                "doc": f"d{i // 4}\x1b[2J",
                "claim\x1b": EVIL if odd else "plain",
            }
        )
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "d.jsonl").write_text(lines, encoding="utf-8")
    (folder / "a.txt").write_text(f"Oil {EVIL} rose. The war may end.\n", encoding="utf-8")
    for command in (
        ("train", "d.jsonl", "-o", "m", "--jobs", "1"),
        ("evaluate", "--model", "m", "d.jsonl", "-o", "r", "--no-plots"),
        ("predict", "--model", "m", "d.jsonl", "--sentences", "-o", "t.jsonl"),
    ):
        result = run(*command, cwd=folder, env=ENCODINGS[0])
        assert result.returncode == 0, result.stderr
        assert not UNSAFE.search(result.stderr.decode("ascii"))
    return folder


COMMANDS = (
    ("evaluate", "--model", "m", "d.jsonl", "--rounds", "0"),
    ("check", "d.jsonl"),
    ("info", "m"),
    ("compare", "r", "r"),
    ("predict", "--model", "m", "a.txt", "d.jsonl", "--format", "table", "--explain"),
    ("stats", "t.jsonl", "--model", "m"),
    ("export", "m", "-o", "e.joblib", "--force"),
    ("predict", f"nosuch{EVIL}"),
    ("predict", "--format", EVIL),
    ("info", "m", EVIL),
    (EVIL,),
    ("train", "d.jsonl", "-o", "m2", "--set", f"{EVIL}=1"),
)
WRONG_USE = COMMANDS[-5:]


@pytest.mark.parametrize(
    ("command", "env"),
    [
        *((command, ENCODINGS[0]) for command in COMMANDS),
        *((command, env) for command in COMMANDS[3:6] for env in (ENCODINGS[1], PLAIN_C)),
    ],
    ids=lambda value: ascii(" ".join(value))[:40],
)
def test_no_encoding_breaks_a_command(folder, command, env):
    result = run(*command, cwd=folder, env=env)
    assert b"Traceback" not in result.stderr, result.stderr
    assert (result.returncode != 0) == (command in WRONG_USE), result.stderr
    encoding = "cp1252" if "cp1252" in str(env) else "ascii"
    said = result.stdout.decode(encoding) + result.stderr.decode(encoding)
    assert said and not UNSAFE.search(said)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: ascii(" ".join(c))[:40])
def test_nothing_in_the_data_drives_a_terminal(folder, command):
    said = on_terminal(*command, cwd=folder)
    assert said and not UNSAFE.search(STYLE.sub("", said))
    if command[0] not in ("compare", "export"):  # which repeat no label of these data
        assert "\\u0007é" in said or "\\x07é" in said


def test_json_is_exact_in_a_pipe_and_the_same_values_on_a_terminal(folder):
    command = ("predict", "--model", "m", "a.txt", "--format", "jsonl")
    piped = run(*command, cwd=folder, env=ENCODINGS[0]).stdout
    rows = [json.loads(line) for line in piped.decode("utf-8").splitlines()]
    assert rows[0]["text"] == f"Oil {EVIL} rose."
    assert "\u202e".encode() in piped
    said = on_terminal(*command, cwd=folder)
    assert not UNSAFE.search(said)
    shown_rows = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert shown_rows == rows


@pytest.mark.parametrize(
    "command",
    [
        ("check", "d.jsonl", "--format", "json"),
        ("stats", "t.jsonl", "--model", "m", "--format", "json"),
        ("stats", "t.jsonl", "--model", "m", "--format", "csv"),
        ("compare", "r", "r", "--format", "json"),
    ],
    ids=" ".join,
)
def test_data_in_a_pipe_do_not_depend_on_the_terminal(folder, command):
    first, second = (run(*command, cwd=folder, env=env).stdout for env in (None, ENCODINGS[0]))
    assert first == second
    if "json" in command:
        json.loads(first)
    else:
        assert EVIL in first.decode("utf-8")


def test_closed_output_is_no_traceback(folder):
    (folder / "long.txt").write_text("Oil rose again. " * 20_000)
    for command in (
        *("info m", "info m <&-", "--help", "predict --help", "--version", "predict a.txt"),
        *("predict long.txt", "predict a.txt --format table", "stats t.jsonl --model m"),
    ):
        shell = f"{sys.executable} -X dev -m tagger {command} >&- 2>err"
        assert subprocess.run(shell, shell=True, cwd=folder).returncode == 1, command
        *notes, said = (folder / "err").read_text().splitlines()
        assert said == "tagger: standard output: Bad file descriptor", command
        assert all(note.startswith("tagger: corrected by") for note in notes), command
    shell = f"{sys.executable} -X dev -m tagger predict a.txt -o closed.jsonl >&- 2>err"
    assert subprocess.run(shell, shell=True, cwd=folder).returncode == 0
    assert "Bad file" not in (folder / "err").read_text()


def test_closed_input_is_said(folder):
    for what, code in (("-", 1), ("- -o o.jsonl", 1), ("", 2)):
        shell = f"{sys.executable} -X dev -m tagger predict {what} --model m <&-"
        done = subprocess.run(shell, shell=True, cwd=folder, capture_output=True, text=True)
        assert done.returncode == code and "Traceback" not in done.stderr
        assert ("<stdin>: is closed: name a file" in done.stderr) is bool(what), done.stderr
        assert ("o.jsonl.rejects.jsonl" in done.stderr) is ("o.jsonl" in what)


def test_commands_name_no_parameters_of_python(capsys):
    say(UNKNOWN)
    say("replace it with --force (force=True)")
    said = capsys.readouterr().err
    assert "(reference=)" in UNKNOWN and "=" not in said
    assert said.endswith("tagger: replace it with --force\n")


def test_what_is_shown_is_what_may_be_shown():
    assert shown("Oil\trose.\r\nÉté 🙂 שלום") == "Oil\trose.\r\nÉté 🙂 שלום"
    assert (
        shown("a\x1b]0;x\x07b\rc\x9d\u2066\x7f")
        == "a\\u001b]0;x\\u0007b\\u000dc\\u009d\\u2066\\u007f"
    )
    assert shown("\ud800é…", "ascii") == "\\ud800\\xe9\\u2026"


def test_warnings_and_bugs_repeat_no_controls_of_the_data():
    program = (
        "import warnings; from tagger.cli.terminal import prepare; prepare(); "
        "warnings.warn('a label \\x1b[2J\\u202e'); raise ValueError('a name \\x1b]0;x\\x07')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "UserWarning: a label \\u001b[2J\\u202e" in done.stderr
    assert "ValueError: a name \\u001b]0;x\\u0007" in done.stderr
    assert not re.search("[\x07\x1b\u202e]", done.stderr)
