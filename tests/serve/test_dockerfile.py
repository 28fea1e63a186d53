"""The Dockerfile's steps stay in line with the checkout; one test does them, without Docker."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.request
from fnmatch import fnmatch
from pathlib import Path

import pytest
from conftest import ROOT

from tagger.cli.serve import command as serve


def steps() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage: their names and what follows."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    stages: list[list[tuple[str, str]]] = []
    for name, _, rest in (line.partition(" ") for line in lines):
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, rest))
    return stages


BUILD, RUN = steps()
FINAL = dict(RUN)


def copied() -> list[tuple[list[str], str]]:
    """Return what is copied from the checkout, and where to."""
    found = (rest.split() for name, rest in BUILD if name == "COPY")
    return [(sources, target) for *sources, target in found]


def test_what_is_copied_is_there_and_sent_to_the_builder() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    sent = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    assert "*" in rules
    for source in (source for sources, _ in copied() for source in sources):
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source.split("/")[0], rule) for rule in sent), source


def test_what_the_wheel_needs_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [*wheel["packages"], *wheel["force-include"], project["project"]["readme"]]
    needed += project["project"]["license-files"]
    sources = [source for sources, _ in copied() for source in sources]
    assert not [path for path in needed if path not in sources]
    (install,) = (rest for name, rest in BUILD if name == "RUN" and "pip install" in rest)
    extras = re.search(r"\[([\w,-]+)\]", install)
    assert extras
    assert set(extras[1].split(",")) <= set(project["project"]["optional-dependencies"])


def test_it_runs_the_command_as_nobody_and_is_looked_after() -> None:
    user = FINAL["USER"].split(":")[0]
    assert user.isdigit()
    assert int(user) > 0
    python = "/opt/tagger/bin/"
    entry, options = json.loads(FINAL["ENTRYPOINT"]), json.loads(FINAL["CMD"])
    assert entry[:2] == [f"{python}tagger", "serve"]
    context = serve.make_context("serve", [*entry[2:], *options])
    assert str(context.params["port"]) == FINAL["EXPOSE"]
    assert f"127.0.0.1:{FINAL['EXPOSE']}/health" in FINAL["HEALTHCHECK"]
    assert FINAL["STOPSIGNAL"] == "SIGTERM"


# As root: a root file system of its own that is read-only, and a user who may read but not write.
SHUT = """
mount -o remount,bind,ro /
! touch "$1" 2>/dev/null
shift
caps=dac_read_search
exec setpriv --reuid $0 --regid $0 --clear-groups --inh-caps -all,+$caps --ambient-caps +$caps "$@"
"""


@pytest.mark.image
def test_its_steps_work(tmp_path: Path) -> None:
    """Do the steps in folders that stand for those of the image, then run its command."""
    source, target = tmp_path / "src", tmp_path / "tagger"
    for sources, where in copied():
        for name in sources:
            to = source / where if len(sources) == 1 else source / where / name
            to.parent.mkdir(parents=True, exist_ok=True)
            own = ROOT / name
            skip = shutil.ignore_patterns("__pycache__")
            shutil.copytree(own, to, ignore=skip) if own.is_dir() else shutil.copy(own, to)
    for name, rest in BUILD:
        if name == "RUN":
            moved = rest.replace("/opt/tagger", str(target))
            moved = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", moved)
            subprocess.run(["sh", "-euc", moved], cwd=source, check=True, stdout=sys.stderr)
    shutil.rmtree(source)  # what runs has nothing but the environment
    environment = dict(pair.split("=") for pair in FINAL["ENV"].split()) | {"PATH": os.defpath}
    # Without root it is at least a user who has no folder to write in.
    user = FINAL["USER"].split(":")[0]
    shut = ["unshare", "-m", "sh", "-euc", SHUT, user, str(tmp_path / "no")]
    as_nobody = shut if os.getuid() == 0 and shutil.which("setpriv") else []

    def of_image(words: str, port: str = "") -> list[str]:
        there = [w.replace("/opt/tagger", str(target)) for w in json.loads(words)]
        return [*as_nobody, *(w.replace(FINAL["EXPOSE"], port or FINAL["EXPOSE"]) for w in there)]

    command = [*of_image(FINAL["ENTRYPOINT"]), "--port", "0"]
    with subprocess.Popen(command, cwd="/", env=environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while b"answers for model" not in (line := process.stderr.readline()):
            assert line, process.wait()
        port = line.split(b" answers")[0].rpartition(b":")[2].decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/tag",
            b'{"text": "Oil rose 2 percent."}',
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["rows"][0]["claim"] == "reported_fact"
        check = of_image(FINAL["HEALTHCHECK"].partition(" CMD ")[2], port)
        subprocess.run(check, check=True, env=environment)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert subprocess.run(check, capture_output=True, env=environment).returncode != 0
