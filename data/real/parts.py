"""Which part of the real sentences a document belongs to, by a hash of its file and name.

A part has whole documents, whatever is labelled later. The same document may stand in two files
and so in two parts: `join.py` leaves it out of the part that measures or fits what was learned.
"""

import hashlib

TRAINING, COMBINATION, HELD_OUT = "training", "combination", "held_out"


def part_of(file: str, doc: str) -> str:
    """Return the part of a document: a tenth are held out, a fifth of the others combine readers.

    Parameters
    ----------
    file : the file of open text that it stands in, without its ending.
    doc : its name there.
    """
    name = f"{file}/{doc}"
    if int(sha256(name)[:8], 16) % 10 == 0:
        return HELD_OUT
    return COMBINATION if int(sha256(f"calibration {name}"), 16) % 5 == 0 else TRAINING


def sha256(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
