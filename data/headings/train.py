"""Learn which lines with a full stop are titles, from labels of lines of real texts.

    python data/headings/train.py SHARED            # measured across documents
    python data/headings/train.py SHARED --write    # and the weights written to the package

The labels name lines by hashes and offsets; the texts are not part of the project. Sentences
of data/corpus, which are no titles, count a little as well.
"""

import argparse
import hashlib
import json
import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from tagger.text.language import ENGLISH
from tagger.text.lines import STOPS, Lines
from tagger.text.structure import pieces
from tagger.text.titles import CLOSERS, recurrence, title_looks

WEIGHTS = ROOT / "tagger" / "resources" / "titles-en.json"
RULES = replace(ENGLISH, titles="")
C, OF_CORPUS, ASKED = 0.5, 0.5, 0.6
"""Of the regression, what a sentence of the corpus counts, and the probability of a title."""


def texts_of(shared: Path) -> dict[str, str]:
    """The texts at hand, by the beginning of their SHA-256."""
    found = {}
    for path in (*sorted((shared / "news").glob("*.jsonl")), *sorted((shared / "real").glob("*"))):
        if path.suffix == ".jsonl":
            for line in path.open(encoding="utf-8"):
                text = json.loads(line)["text"]
                found[hashlib.sha256(text.encode()).hexdigest()[:16]] = text
    return found


def looks(text: str, start: int, end: int) -> dict[str, float]:
    """What a line with a stop looks like, empty where none asks the regression."""
    if text[start:end].rstrip(CLOSERS)[-1:] not in STOPS or end - start > 150:
        return {}
    number = sum(bool(line.strip()) for line in text[:start].split("\n"))
    found = title_looks(text, start, end, number, ENGLISH)
    if found and not Lines(text, ENGLISH).what(start, end):
        found["again"] = recurrence(text, start, end)
        found["again first"] = found["again"] * (number == 0)
        return found
    return {}


def corpus() -> list[dict[str, float]]:
    """Sentences of the corpus as lines of articles: the first of each and every third."""
    found = []
    for path in sorted((ROOT / "data" / "corpus").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for _, group in groupby(rows, lambda row: row["doc"]):
            sentences = [" ".join(row["text"].split()) for row in group]
            text, at = "\n\n".join(sentences), 0
            for i, sentence in enumerate(sentences):
                if i % 3 == 0:
                    found.append(looks(text, at, at + len(sentence)))
                at += len(sentence) + 2
    return [row for row in found if row]


def fit(x, y, sentences) -> LogisticRegression:
    weights = np.r_[np.ones(len(y)), np.full(len(sentences), OF_CORPUS)]
    model = LogisticRegression(C=C, max_iter=5000)
    return model.fit(np.r_[x, sentences], np.r_[y, np.zeros(len(sentences))], weights)


def score(name: str, found: np.ndarray, true: np.ndarray) -> None:
    hit = (found & true).sum()
    p, r = hit / max(1, found.sum()), hit / max(1, true.sum())
    print(f"{name}: F1 {2 * p * r / (p + r):.3f}, precision {p:.3f}, recall {r:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    texts = texts_of(options.shared)
    labels = [json.loads(line) for line in (HERE / "labels.jsonl").open(encoding="utf-8")]
    known = [label for label in labels if label["doc_sha256"] in texts]
    print(f"{len(known)} labelled lines; {len(labels) - len(known)} not found in the texts at hand")
    rows, true, docs, by_rule, sets = [], [], [], [], []
    for label in known:
        text = texts[label["doc_sha256"]]
        start, end = label["start"], label["end"]
        rows.append(looks(text, start, end))
        true.append(label["kind"] == "heading")
        docs.append(label["doc_sha256"])
        sets.append(label["set"])
        found = next(piece for piece in pieces(text, RULES) if piece.end > start)
        by_rule.append(found.kind == "heading")
    sentences = corpus()
    table = DictVectorizer(sparse=False, sort=True).fit([*filter(None, rows), *sentences])
    x, negative = table.transform(rows), table.transform(sentences)
    y, groups, rules, named = map(np.array, (true, docs, by_rule, sets))
    where = np.flatnonzero([bool(row) for row in rows])
    learned = np.zeros(len(y), bool)
    for train, test in GroupKFold(10).split(x[where], y[where], groups[where]):
        model = fit(x[where[train]], y[where[train]], negative)
        learned[where[test]] = model.predict_proba(x[where[test]])[:, 1] > ASKED
    score("all lines, rules alone", rules, y)
    score("all lines, rules and what is learned, in ten folds by document", rules | learned, y)
    for name in dict.fromkeys(sets):
        score(f"of these the {name} set", (rules | learned)[named == name], y[named == name])
    model = fit(x[where], y[where], negative)
    wrong = (model.predict_proba(negative)[:, 1] > ASKED).sum()
    print(f"sentences of the corpus taken for titles: {wrong} of {len(sentences)}")
    if options.write:
        names = table.get_feature_names_out()
        weights = {name: round(float(w), 2) for name, w in zip(names, model.coef_[0], strict=True)}
        weights |= {"": round(float(model.intercept_[0]), 2)}
        weights |= {"score": round(float(np.log(ASKED / (1 - ASKED))), 2)}
        weights = {name: w for name, w in sorted(weights.items()) if w}
        WEIGHTS.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
