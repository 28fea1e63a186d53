"""How a job is done, how far it has come and what it did."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.files import compression
from tagger.files.columns import Input

PART_BYTES = 4 << 20
SLOW_PART_BYTES = 64 << 10
"""Where a second reader rereads, or words are shown: a part takes a second or two there, too."""


@dataclass(frozen=True)
class Progress:
    """How far a job has come, in rows and in bytes; the total is 0 where it is not known."""

    rows: int = 0
    rejected: int = 0
    bytes_done: int = 0
    bytes_total: int = 0


@dataclass(frozen=True)
class JobSettings:
    """How a job is done.

    Parameters
    ----------
    origin : what is read.
    output : the file to write, or for pages the folder.
    format : one of `OUTPUT_FORMATS`.
    explain : whether to add the words that moved each decision.
    part_bytes : bytes of text in a part.
    keep_headings : whether headings are tagged like sentences.
    jobs, resume : number of processes, and whether to go on with an unfinished job, and to leave
        a finished one as it is.
    force : whether what is there and is of another job may be replaced.
    """

    origin: Input
    output: Path
    format: str
    explain: bool = False
    part_bytes: int = PART_BYTES
    jobs: int = 1
    resume: bool = False
    force: bool = False
    keep_headings: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return what decides the bytes of the output, as plain JSON values."""
        origin = self.origin
        return {
            "format": self.format,
            "compression": compression.split_suffix(self.output)[1],
            "explain": self.explain,
            "part_bytes": self.part_bytes,
            "input_format": origin.known.name if origin.known else None,
            "sentences": origin.sentences,
            "keep_headings": self.keep_headings,
            "text_column": origin.text_column,
            "id_column": origin.id_column,
            "keep": None if origin.keep is None else list(origin.keep),
            "max_document_bytes": origin.limit,
            "delimiter": origin.delimiter or None,
            "encoding": origin.encoding or None,
        }


@dataclass(frozen=True)
class Result:
    """What a job did.

    Parameters
    ----------
    rows, rejected : rows of the input, and those of them that could not be tagged.
    sentences, others : rows of the output: sentences, and headings and other pieces.
    cut : pieces too long for a second reader, which has read their beginning.
    nulls : numbers that JSON lacks (NaN, Infinity), written as null.
    finished : False where the job was told to stop before its end.
    parts, reused : number of parts, and how many of them an earlier run had done.
    knows_language : whether the first texts look like the language of the training data.
    notes : what was guessed about the input, in sentences.
    """

    rows: int
    rejected: int
    sentences: int
    others: int
    cut: int
    nulls: int = 0
    finished: bool = True
    parts: int = 0
    reused: int = 0
    knows_language: bool = True
    notes: tuple[str, ...] = ()

    @property
    def tagged(self) -> int:
        """How many rows of the input were tagged."""
        return self.rows - self.rejected
