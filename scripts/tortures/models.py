"""Models from a stranger: no code runs, and no memory or time out of proportion."""

import hashlib
import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tortures.lab import Lab, trial

_HOSTILE = "a\x1b[2J\x1b]0;x\x07\n<img src=x onerror=alert(1)>\u202eb"


def _reseal(manifest: dict[str, Any]) -> None:
    """Give a changed manifest a true checksum, as a stranger would."""
    from tagger.model.model import checksum

    manifest["checksum"] = checksum(manifest)


def _model(lab: Lab) -> Path:
    lab.labelled("tones.jsonl", 600)
    lab.expect("training", lab.run("train", "tones.jsonl", "-o", "good"))
    return lab.folder / "good"


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))


def _tried(lab: Lab, what: str, name: str, codes: tuple[int, ...] = (1,)) -> None:
    """Count whether a model is refused (or harmless) in each command, in a short time."""
    (lab.folder / "text.txt").write_text("The talks may fail. Oil rose.\n")
    for args in (
        ("predict", "text.txt", "--model", name),
        ("info", name),
        ("evaluate", "--model", name, "tones.jsonl"),
        ("predict", "text.txt", "--model", name, "--format", "html", "-o", f"pages-{name}"),
    ):
        run = lab.run(*args, timeout=30, preexec_fn=_limited)
        if not lab.expect(f"{what}: {args[0]}", run, codes):
            continue
        shown = run.out.decode(errors="replace") + run.err
        raw = [c for c in "\x1b\x07\u202e" if c in shown and args[0] != "predict"]
        raw += [c for c in "\x1b\x07\u202e" if c in run.err]
        lab.count(not raw, f"{what}: {args[0]} shows {raw!r}")
    for page in (lab.folder / f"pages-{name}").glob("*.html"):
        lab.count("<img src=x" not in page.read_text(), f"{what}: markup in a page")


@trial
def manifests_of_a_stranger(lab: Lab) -> None:
    """Manifests nested 100,000 deep, endless, with NaN, infinity and wrong kinds of value"""
    good = _model(lab)
    text = (good / "manifest.json").read_text()
    manifest = json.loads(text)
    odd: dict[str, str | Callable[[dict[str, Any]], None]] = {
        "nested lists": "[" * 100_000 + "]" * 100_000,
        "nested tables": '{"a":' * 100_000 + "1" + "}" * 100_000,
        "nested in about": text.replace(
            '"about": {', '"about": {"x": ' + "[" * 100_000 + "]" * 100_000 + ",", 1
        ),
        "number of a million digits": text.replace('"format": ', '"format": ' + "1" * 1_000_000, 1),
        "20 MB": text + " " * (20 << 20),
        "not UTF-8": "\udcff" + text,
        "empty": "",
    }
    for name in ("thresholds", "doubt"):
        for value in (float("nan"), float("inf"), -1.0, 0.0 if name == "thresholds" else "x"):

            def change(m: dict[str, Any], name: str = name, value: Any = value) -> None:
                own = m["decisions"]["tone"]
                own[name] = [value] * len(own[name]) if name == "thresholds" else value

            odd[f"{name} {value}"] = change
    for i, (what, how) in enumerate(odd.items()):
        folder = lab.folder / f"bad{i}"
        shutil.copytree(good, folder)
        if callable(how):
            changed = json.loads(json.dumps(manifest))
            how(changed)
            _reseal(changed)
            how = json.dumps(changed)
        (folder / "manifest.json").write_bytes(how.encode("utf-8", "surrogateescape"))
        codes = (0, 1) if what.startswith("doubt -1") else (1,)
        _tried(lab, what, folder.name, codes)


@trial
def weights_of_a_stranger(lab: Lab) -> None:
    """Weights that are NaN, infinite, empty, huge by their header, a pickle; true checksums"""
    import numpy as np
    from safetensors.numpy import load_file, save

    good = _model(lab)
    arrays = load_file(good / "weights.safetensors")

    def filled(name: str, value: float) -> bytes:
        return save({**arrays, name: np.full_like(arrays[name], value)})

    huge = json.dumps({"df": {"dtype": "F64", "shape": [1 << 40], "data_offsets": [0, 1 << 43]}})
    odd = {
        "coef NaN": filled("coef.tone", np.nan),
        "coef infinite": filled("coef.tone", np.inf),
        "intercept NaN": filled("intercept.tone", np.nan),
        "df negative": filled("df", -1) if arrays["df"].dtype.kind != "u" else filled("df", 0),
        "no array": save({}),
        "a terabyte by its header": len(huge).to_bytes(8, "little") + huge.encode(),
        "a pickle": b"cos\nsystem\n(S'touch ran'\ntR.",
        "empty": b"",
    }
    for i, (what, data) in enumerate(odd.items()):
        folder = lab.folder / f"bad{i}"
        shutil.copytree(good, folder)
        (folder / "weights.safetensors").write_bytes(data)
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"]["weights.safetensors"] = hashlib.sha256(data).hexdigest()
        _reseal(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        _tried(lab, what, folder.name, (0, 1) if what.startswith("df") else (1,))
    lab.count(not (lab.folder / "ran").exists(), "code ran")


@trial
def names_of_a_stranger(lab: Lab) -> None:
    """Labels with line breaks, escapes and HTML; lexicons and files with .. in their names"""
    rows = []
    for i in range(200):
        text = f"It was a {'good' if i % 2 else 'bad'} day number {i}."
        rows.append({"text": text, "tone": _HOSTILE if i % 2 else "=cmd()", "doc": f"d{i}"})
    (lab.folder / "odd.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (lab.folder / "tones.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    run = lab.run("train", "odd.jsonl", "-o", "odd")
    lab.expect("training", run, (0, 1))
    if run.code == 0:
        _tried(lab, "hostile labels", "odd", (0,))
    good = _model(lab)
    manifest = json.loads((good / "manifest.json").read_text())
    for i, name in enumerate(("../x", "/etc/passwd", "..", "a/../../x", "x\0y", "CON", "a" * 5000)):
        folder = lab.folder / f"bad{i}"
        shutil.copytree(good, folder)
        changed = json.loads(json.dumps(manifest))
        changed["files"][name] = hashlib.sha256(b"").hexdigest()
        _reseal(changed)
        (folder / "manifest.json").write_text(json.dumps(changed))
        _tried(lab, f"a file {name[:20]!r}", folder.name)
        shutil.rmtree(folder)
        shutil.copytree(good, folder)
        changed = json.loads(json.dumps(manifest))
        changed["features"]["lexicons"] = [name]
        _reseal(changed)
        (folder / "manifest.json").write_text(json.dumps(changed))
        _tried(lab, f"a lexicon {name[:20]!r}", folder.name)
    link = lab.folder / "linked"
    shutil.copytree(good, link)
    (link / "weights.safetensors").unlink()
    (link / "weights.safetensors").symlink_to(good / "weights.safetensors")
    _tried(lab, "a link for a file", "linked")
