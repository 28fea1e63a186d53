"""Labelled data -> all that is wrong with it, or may be, in one call."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagger.corpus.columns import Columns
from tagger.corpus.corpus import Corpus, left_out, read_examples
from tagger.corpus.rows import Data, named, nothing_in
from tagger.corpus.schemas import find_schema, spelling_variants
from tagger.errors import DataError
from tagger.files import Reject
from tagger.files.batches import save_rejects
from tagger.schema import Schema
from tagger.targets import write_files
from tagger.training.findings import ERROR, MAX_PLACES, NOTE, WARNING, Finding, findings_of, warning


@dataclass(frozen=True)
class Check:
    """What `check` found.

    Parameters
    ----------
    schema : the tasks that the data was read by.
    n_sentences : number of sentences that could be read.
    findings : errors, warnings and notes.
    guess : what was guessed about the data, or empty.
    skipped : the rows of the data that could not be read.
    """

    schema: Schema
    n_sentences: int
    findings: tuple[Finding, ...] = field(repr=False)
    guess: str = ""
    skipped: tuple[Reject, ...] = field(default=(), repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each check that found errors or warnings."""
        return dict(Counter(f.check for f in self.findings if f.level != NOTE))

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain JSON values."""
        return {
            "n_sentences": self.n_sentences,
            "schema": self.schema.to_dict(),
            "counts": self.counts,
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def save(self, folder: str | Path, force: bool = False) -> None:
        """Write ``check.json`` into a folder, and beside it the rows that could not be read.

        Files that are there are replaced only with `force`.

        Raises
        ------
        OutputError : it is there already, or cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
        write_files(folder, {"check.json": text + "\n"}, force)
        save_rejects(folder, self.skipped, force)


def check(
    data: Data,
    *,
    schema: Schema | str | Path | None = None,
    columns: Columns | Mapping[str, str] | None = None,
    against: Data = None,
    label_errors: bool = False,
    skip_bad_rows: bool = False,
    seed: int = 0,
    jobs: int = 1,
) -> Check:
    """Look labelled sentences over before training on them.

    Parameters
    ----------
    data : paths, records (a list of dicts) or a DataFrame.
    schema : the tasks, or the path of a schema file; guessed from the data where None.
    columns : names of columns by what they hold: ``text``, ``doc`` or a task.
    against : test data that must share nothing with `data`.
    label_errors : whether to look for wrong labels too, which trains a model.
    skip_bad_rows : whether rows that cannot be used are to be left out, as `tagger.train` would
        then do: they are warnings instead of errors, where they are at most half.
    seed, jobs : of that training: decides the folds; number of processes.

    Raises
    ------
    ConfigError : schema or columns do not hold together, or `label_errors` without the
        extra `checks`.
    DataError : a file cannot be read, or no row can be used.
    """
    known, named_columns, guess = find_schema(schema, data, columns)
    corpus, findings = read_for_checks(data, known, named_columns, skip_bad_rows)
    other = None
    if against is not None:
        other, theirs = read_for_checks(against, known, named_columns, skip_bad_rows)
        findings += theirs
    findings += findings_of(corpus, other, label_errors, seed, jobs)
    # The spellings that a guess ends with are findings of their own.
    guess = guess.rsplit("\ntagger: ", len(spelling_variants(known)))[0]
    return Check(known, len(corpus), tuple(findings), guess, corpus.skipped)


def read_for_checks(
    data: Data, schema: Schema, columns: Columns | None = None, skip_bad_rows: bool = False
) -> tuple[Corpus, list[Finding]]:
    """Read labelled sentences; a row that cannot be used becomes a finding.

    Raises
    ------
    DataError : a file cannot be read, or no row can be used.
    """
    corpus = read_examples(data, schema, columns or Columns())
    level = WARNING if skip_bad_rows and not corpus.mostly_bad else ERROR
    findings = [Finding("row", level, (bad.where,), bad.reason) for bad in corpus.skipped]
    if not len(corpus):
        if not findings:
            raise nothing_in(data, corpus.notes)
        first = f"{findings[0].where[0]}: {findings[0].message}"
        raise DataError(f"no row of {named(data)} can be used: {first}")
    if level == ERROR and skip_bad_rows and findings:
        message = f"{corpus.n_skipped:,} rows cannot be used: more than half is not left out"
        findings.append(Finding("row", ERROR, (), message))
    found = list(corpus.notes)
    if corpus.blanks:
        where = corpus.blanks[:MAX_PLACES]
        findings.append(Finding("spelling", WARNING, where, found.pop()))
    apart = left_out(corpus.n_apart)
    findings += [warning("kind", note) for note in apart]
    findings += [Finding("columns", NOTE, (), note) for note in found if note not in apart]
    return corpus, findings
