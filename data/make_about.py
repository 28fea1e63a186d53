"""Make models/claims-en/about.toml: what `tagger info` says of the shipped model beside its report.

    python data/make_about.py SHARED/gold/dev.jsonl

Run it when the shipped model has been trained again: tests fail until then.
"""

import json
import re
import sys
import tomllib
from pathlib import Path

from tagger import Tagger, evaluate
from tagger.cli.info import ABOUT
from tagger.evaluation.report.markdown import figure

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "models" / "claims-en"


def told() -> dict[str, str]:
    """Return what is known without the real sentences."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    data = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    (licence,) = re.findall(r"\*\*Licence\.\*\* ([\w. ]+):", data)
    return {
        "measured with": f"model {Tagger.load(MODEL).model.id}",
        "data": "invented news sentences, written for this project (data/corpus); no real text",
        "licence": f"{project['license']}; the data {licence}",
    }


def measured(gold: Path) -> tuple[str, list[dict]]:
    """Return what is said of real news, and the tasks of the report that says it."""
    report = evaluate(MODEL, [str(gold)], baselines=False).report
    tasks = report["tasks"]
    scores = ", ".join(f"{t['task']} {figure(t['figures']['macro_f1'])}" for t in tasks)
    n = report["about"]["data"]["n_sentences"]
    return f"macro F1 {scores}, on {n} sentences that settings were chosen with", tasks


def main() -> None:
    """Measure and write the file."""
    lines = [f"# Shown by `tagger info`; written by data/{Path(__file__).name}."]
    for name, value in {"on real news": measured(Path(sys.argv[1]))[0], **told()}.items():
        lines.append(f"{json.dumps(name)} = {json.dumps(value, ensure_ascii=False)}")
    (MODEL / ABOUT).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
