"""What a careful person looks for in labelled sentences, one function a check."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from tagger.corpus.corpus import Corpus, Example
from tagger.corpus.folds import folds
from tagger.corpus.schemas import spelling_variants
from tagger.document import answer_name, label_tuple
from tagger.errors import DataError, importing, n_of
from tagger.evaluation.readers import agreement, readers_of
from tagger.evaluation.report import markdown
from tagger.features.arrays import Floats, Ints
from tagger.features.settings import FeatureSettings
from tagger.schema import Task
from tagger.text.judge import judge_language, spoken
from tagger.text.segment import sentence_spans
from tagger.training.crossfit import cross_fit
from tagger.training.requirements import check_size, fold_problems, label_problems
from tagger.training.settings import MAX_CHARACTERS, TrainingSettings
from tagger.training.similarity import similar_pairs

LEAST_OF_A_LABEL = 20
_MIN_WORDS, _MAX_WORDS = 3, 120
_MOJIBAKE = re.compile(r"[ÃÂ][\u0080-\u00bf]|â€|\ufffd")
MAX_PLACES = 10

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True)
class Finding:
    """Something that a check found.

    Parameters
    ----------
    check : what was looked for, such as "near duplicate".
    level : "error" (training refuses it), "warning" (look at it) or "note" (a figure).
    where : files and lines, or empty for the data as a whole.
    message : what was found.
    """

    check: str
    level: str
    where: tuple[str, ...]
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON values."""
        return asdict(self) | {"where": list(self.where)}


def warning(check: str, message: str, *examples: Example) -> Finding:
    """Return a finding to look at, in the rows of some sentences."""
    return Finding(check, WARNING, tuple(example.where for example in examples), message)


def findings_of(
    corpus: Corpus,
    against: Corpus | None = None,
    label_errors: bool = False,
    seed: int = 0,
    jobs: int = 1,
) -> list[Finding]:
    """Look for what is wrong, or may be, in labelled sentences.

    Parameters
    ----------
    corpus : the sentences.
    against : sentences kept apart (a test set): none of them may stand in `corpus` too.
    label_errors : whether to look for wrong labels too, which trains a model.
    seed, jobs : of that training.

    Raises
    ------
    ConfigError : `label_errors` without the extra `checks`.
    """
    findings = [
        *balance(corpus),
        *untrainable(corpus, seed),
        *odd_texts(corpus),
        *same_texts(corpus),
        *near_duplicates(corpus),
        *readers_agreement(corpus),
    ]
    variants = spelling_variants(corpus.schema)
    findings += [warning("spelling", message) for message in variants]
    if not corpus.has_documents:
        without = sum(not example.doc for example in corpus.examples)
        message = (
            f"{without} of {len(corpus)} sentences name no document (column doc): "
            "cross-validation may put sentences of one document on both sides"
        )
        findings.append(warning("documents", message))
    if against is not None:
        findings += leakage(corpus, against)
    if label_errors:
        try:
            findings += likely_label_errors(corpus, seed, jobs)
        except DataError as error:
            message = f"no model can be trained to look for wrong labels: {error}"
            findings.append(Finding("label error", ERROR, (), message))
    return findings


def untrainable(corpus: Corpus, seed: int = 0) -> Iterator[Finding]:
    """Find why training would refuse the data."""
    for problem in label_problems(corpus):
        yield Finding("labels", ERROR, (), problem)
    fold_of = folds(corpus.groups, TrainingSettings.folds, seed)
    for problem in fold_problems(corpus, fold_of):
        yield Finding("documents", ERROR, (), problem)


def balance(corpus: Corpus) -> Iterator[Finding]:
    """Count labels; warn of those too rare to be learned."""
    for task in corpus.schema.tasks:
        labels = corpus.labels(task.name)
        if not labels:
            continue  # one of `untrainable`
        counts = dict.fromkeys(task.labels, 0)
        for answer in labels:
            for label in label_tuple(answer):
                counts[label] += 1
        shares = ", ".join(f"{x} {n} ({n / len(labels):.0%})" for x, n in counts.items())
        left_out = len(corpus) - len(labels)
        more = f"; {left_out} not annotated" if left_out else ""
        yield Finding("labels", NOTE, (), f"{task.name}: {shares}{more}")
        for label, n in counts.items():
            if 0 < n < LEAST_OF_A_LABEL:
                yield warning(
                    "labels",
                    f"{task.name}: {label!r} in only {n_of(n, 'sentence')}; with fewer than "
                    f"{LEAST_OF_A_LABEL} it will hardly be learned",
                )


def odd_texts(corpus: Corpus) -> Iterator[Finding]:
    """Find sentences of odd length, and traces of a wrong encoding."""
    for example in corpus.examples:
        n = len(example.text.split())
        if n < _MIN_WORDS or n > _MAX_WORDS:
            yield warning("length", f"{n_of(n, 'word')}: {_short(example.text)}", example)
        if mojibake := _MOJIBAKE.search(example.text):
            found = f"{mojibake[0]!r} looks like a wrong encoding: {_short(example.text)}"
            yield warning("encoding", found, example)
        control = [c for c in example.text if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn")]
        if bad := [c for c in control if c not in "\t\n\r\ufffd"]:
            yield warning("encoding", f"the character {bad[0]!a} is not text", example)


def same_texts(corpus: Corpus) -> Iterator[Finding]:
    """Find sentences of the same words: repeated, with other labels, in other documents."""
    places = defaultdict(list)
    for i, number in enumerate(corpus.fingerprints.tolist()):
        places[number].append(i)
    for same in places.values():
        if len(same) < 2:
            continue
        examples = [corpus.examples[i] for i in same]
        text = _short(examples[0].text)
        for task in corpus.schema.tasks:
            answers = sorted(
                {answer_name(e.labels[task.name]) for e in examples if task.name in e.labels}
            )
            if len(answers) > 1:
                found = f"{task.name} is {' and '.join(answers)}: {text}"
                yield warning("conflict", found, *examples)
        docs = {e.doc for e in examples if e.doc}
        across = f" in {len(docs)} documents" if len(docs) > 1 else ""
        yield warning("duplicate", f"{len(same)} times{across}: {text}", *examples)


def near_duplicates(corpus: Corpus) -> Iterator[Finding]:
    """Find groups of sentences that share most of their three-word shingles.

    A group is what `similar_pairs` joins, directly or through others of the group.
    """
    numbers = corpus.fingerprints.tolist()
    first: dict[int, int] = {}
    for i, number in enumerate(numbers):
        first.setdefault(number, i)  # the same words again are found by `same_texts`
    distinct = list(first.values())
    pairs = list(similar_pairs([corpus.examples[k].text for k in distinct]))
    graph = coo_matrix(
        (np.ones(len(pairs)), ([i for i, _, _ in pairs], [j for _, j, _ in pairs])),
        (len(distinct), len(distinct)),
    )
    _, group_of = connected_components(graph, directed=False)
    least: dict[int, float] = {}
    for i, _, similarity in pairs:
        number = int(group_of[i])
        least[number] = min(similarity, least.get(number, 1.0))
    members = defaultdict(list)
    for k, number in enumerate(group_of.tolist()):
        if number in least:
            members[number].append(distinct[k])
    for number, group in members.items():
        examples = [corpus.examples[k] for k in group]
        docs = {example.doc for example in examples}
        across = f", of {len(docs)} documents" if len(docs) > 1 else ""
        alike = f"{len(examples)} sentences, {least[number]:.0%} alike{across}"
        found = f"{alike}: {_short(examples[0].text)}"
        yield warning("near duplicate", found, *examples[:MAX_PLACES])


def leakage(corpus: Corpus, against: Corpus) -> Iterator[Finding]:
    """Find sentences and documents of one corpus that stand in another."""
    docs = {e.doc for e in corpus.examples if e.doc}
    shared = sorted({e.doc for e in against.examples} & docs)
    if shared:
        named = ", ".join(shared[:5]) + (" ..." if len(shared) > 5 else "")
        yield warning("leakage", f"{n_of(len(shared), 'document')} on both sides: {named}")
    language = spoken(against.texts)
    n_long = sum(len(sentence_spans(text, language)) > 1 for text in against.texts)
    if n_long > len(against) / 2:
        yield warning(
            "leakage",
            f"several sentences in {n_long} of {n_of(len(against), 'row')} to compare with, taken "
            "as one each: give one sentence a row",
        )
    first: dict[int, Example] = {}
    for example, number in zip(corpus.examples, corpus.fingerprints.tolist(), strict=True):
        first.setdefault(number, example)
    theirs = against.fingerprints.tolist()
    for example, number in zip(against.examples, theirs, strict=True):
        if number in first:
            found = f"the same sentence on both sides: {_short(example.text)}"
            yield warning("leakage", found, first[number], example)
    for i, j, similarity in similar_pairs(corpus.texts, against.texts):
        if theirs[j] not in first:
            own, other = corpus.examples[i], against.examples[j]
            found = f"{similarity:.0%} alike on both sides: {_short(other.text)}"
            yield warning("leakage", found, own, other)


def readers_agreement(corpus: Corpus) -> Iterator[Finding]:
    """Report how far several readers agree."""
    for task in corpus.schema.tasks:
        found = agreement(task, readers_of(corpus, task))
        if found is None:
            continue
        for pair in found["pairs"]:
            agree = f"{task.name}: {' and '.join(pair['readers'])} agree with Cohen's kappa"
            message = f"{agree} {markdown.number(pair['kappa'])} on {pair['n']} sentences"
            yield Finding("readers", NOTE, (), message)
        for label, alpha in found["alpha"].items():
            message = f"{task.name}: Krippendorff's alpha of {label} {markdown.number(alpha)}"
            yield Finding("readers", NOTE, (), message)


def likely_label_errors(corpus: Corpus, seed: int = 0, jobs: int = 1) -> list[Finding]:
    """Find labels that a model trained without them contradicts.

    Confident learning (Northcutt et al. 2021), by cleanlab, on probabilities from
    cross-validation by document; a multi-label task label by label.

    Raises
    ------
    ConfigError : the extra `checks` is not installed.
    DataError : the corpus cannot train a task.
    """
    with importing("checks", "looking for label errors needs cleanlab"):
        from cleanlab.filter import find_label_issues
    check_size(corpus, MAX_CHARACTERS)
    features = FeatureSettings(language=judge_language(corpus.texts))
    out_of_fold = cross_fit(corpus, TrainingSettings(features), seed, jobs).out_of_fold
    findings = []
    for task in corpus.schema.tasks:
        chosen, y = corpus.gold(task)
        p = out_of_fold[task.name][chosen]
        for given, probabilities, name in _questions(task, y, p):
            issues = find_label_issues(
                given,
                probabilities,
                filter_by="both",  # fewer false alarms where the model is weak
                return_indices_ranked_by="self_confidence",
                n_jobs=1,
            )
            for i in issues.tolist():
                best = int(probabilities[i].argmax())
                if best == given[i]:
                    continue
                example = corpus.examples[int(chosen[i])]
                seems = f"{name(best)} ({probabilities[i, best]:.2f}): {_short(example.text)}"
                found = f"{task.name} is {name(int(given[i]))}, looks like {seems}"
                findings.append(warning("label", found, example))
    return findings


def _questions(
    task: Task, y: npt.NDArray[Any], p: Floats
) -> Iterator[tuple[Ints, Floats, Callable[[int], str]]]:
    """Yield answers, probabilities and the names of answers, a multi-label task label by label."""
    if not task.multilabel:
        yield y, p, lambda i: task.labels[i]
        return
    for k, label in enumerate(task.labels):
        names = (f"not {label}", label)
        yield y[:, k].astype(np.int64), np.stack([1 - p[:, k], p[:, k]], axis=1), names.__getitem__


def _short(text: str, n: int = 80) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= n else flat[: n - 1] + "…"
