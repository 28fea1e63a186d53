"""What larger encoders say of real sentences that nobody has read: taught.jsonl.

It has a line a document of the training part: its file and the hash of its name, as in
labels.jsonl, and of each sentence its number, start, end, the first digits of its SHA-256, and
six probabilities in thousandths: of the claims, then of the themes. data/teach.py makes it.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from join import documents, sentences_at
from parts import TRAINING, part_of, sha256
from sample import LABELS, candidates, take

from tagger import Tagger
from tagger.features.arrays import Floats
from tagger.model.model import fingerprints

TAUGHT = LABELS.with_name("taught.jsonl")
DIGITS = 8


def unread(shared: Path) -> list[dict]:
    """Return the sentences that have no label, of documents that stand in the training part alone.

    No two have the same words, and none has those of a labelled one that is still cut alike. They
    are in random order.
    """
    tagger = Tagger.load()
    found = [c for path in sorted(shared.glob("*.jsonl")) for c in candidates(path, tagger)]
    labelled = {json.loads(line)["sha256"] for line in LABELS.open(encoding="utf-8")}
    spared = {c["doc"] for c in found if part_of(c["file"], c["doc"]) != TRAINING}
    seen = set(fingerprints([c["text"] for c in found if c["sha256"] in labelled]).tolist())
    pool = [c for c in found if c["doc"] not in spared and c["sha256"] not in labelled]
    kept = take(pool, len(pool), "taught", seen)
    random.Random(0).shuffle(kept)
    return kept


def write(sentences: Sequence[dict], probabilities: Floats) -> None:
    """Write down where sentences stand, and what was said of them, shape (n_sentences, 6)."""
    by_document: dict[tuple[str, str], list[list]] = {}
    thousandths = np.rint(probabilities * 1000).astype(int).tolist()
    for n, (c, p) in enumerate(zip(sentences, thousandths, strict=True)):
        own = by_document.setdefault((c["file"], sha256(c["doc"])[:16]), [])
        own.append([n, c["start"], c["end"], c["sha256"][:DIGITS], *p])
    with TAUGHT.open("w", encoding="utf-8") as out:
        for (file, doc), rows in by_document.items():
            row = {"file": file, "doc_sha256": doc, "sentences": rows}
            out.write(json.dumps(row, separators=(",", ":")) + "\n")


def read(shared: Path) -> tuple[list[str], Floats]:
    """Return the sentences in their order, and their probabilities, shape (n_sentences, 6).

    Raises
    ------
    SystemExit : some are not in the text at hand.
    """
    found, lost = [], 0
    at_hand = documents(shared)
    with TAUGHT.open(encoding="utf-8") as lines:
        rows = list(map(json.loads, lines))
    for row in rows:
        own = at_hand.get((row["file"], row["doc_sha256"]), [])
        for n, start, end, digits, *p in row["sentences"]:
            fits = sentences_at(own, start, end, digits)
            lost += not fits
            found += [(n, sentence, p) for _, sentence in fits[:1]]
    if lost:
        raise SystemExit(f"{TAUGHT.name}: {lost} of {lost + len(found)} not in the text at hand")
    _, texts, said = zip(*sorted(found), strict=True)
    return list(texts), np.array(said) / 1000
