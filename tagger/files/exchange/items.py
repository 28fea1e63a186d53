"""Tasks of a labelling tool, each with what its annotators said -> labelled rows."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tagger.errors import n_of
from tagger.files.exchange.spans import Span, sentences_of
from tagger.files.names import TEXTS, usual
from tagger.files.rows import Note, Row
from tagger.schema import CLAIMS
from tagger.text.judge import spoken
from tagger.text.language import ENGLISH, Language

LABEL = "label"
"""The question of a tool that has one question without a name."""
SKIPPED, REJECTED, NO_ANSWER = "skipped", "rejected", "not annotated"


@dataclass(frozen=True)
class Answer:
    """What one annotator said of a task: labels by question, or spans of the text."""

    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reader: str = ""
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Item:
    """A task of a labelling tool.

    Parameters
    ----------
    record : its text and its other columns.
    answers : one for each annotator who gave one.
    left_out : why there is none, where there is none.
    several : the questions that may have any number of labels, as far as the tool says so.
    key : what items of the same text share; each is one by itself where None.
    n_other : how many results are of kinds that are no labels.
    n_torn : how many answers are not whole: without an annotator, or of a text in several pieces.
    caveat : what the tool's file does not say of its answers.
    asked : the one label that was asked for, where a task is a question of yes or no; such
        answers of one annotator to one text are one.
    """

    record: dict[str, Any]
    answers: tuple[Answer, ...] = ()
    left_out: str = ""
    several: frozenset[str] = frozenset()
    key: Hashable = None
    n_other: int = 0
    asked: str = ""
    caveat: str = ""
    n_torn: int = 0


def texts(value: Any) -> tuple[str, ...]:
    """Return labels as a tool has them, one or a list, as a tuple of strings."""
    if value is None or value == "":
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(dict.fromkeys(str(v) for v in value if v is not None))
    return (str(value),)


def text_of(record: Mapping[str, Any]) -> str:
    """Return the text of a task, wherever it stands; empty where it has none."""
    for name in usual(record, TEXTS):
        if isinstance(record[name], str):
            return str(record[name])
    return ""


def labelled_rows(items: Iterable[tuple[Row, Item]], tool: str) -> Iterator[Row | Note]:
    """Yield a row for each task, or sentence of one, that has an answer; then what was counted.

    Of several annotators the majority decides; a question on which they are even is left out.
    """
    found = _yes_or_no(list(items))
    source = found[0][0].source if found else ""
    merged = _merged(found)
    counts: Counter[str] = Counter()
    counts["others"] = sum(item.n_other for _, item in merged)
    counts["torn"] = sum(item.n_torn for _, item in merged)
    cut = (text_of(item.record) for _, item in merged if any(a.spans for a in item.answers))
    language = spoken([*cut])
    sentences = [part for pair in merged for part in _parts(*pair, counts, language)]
    split = _splitter(item for _, item in sentences)
    voted = [
        (row, item, [split(item, answer) for answer in item.answers]) for row, item in sentences
    ]
    given = [labels for _, _, answers in voted for labels in answers]
    questions = dict.fromkeys(name for labels in given for name in labels)
    several = {name for labels in given for name, found in labels.items() if len(found) > 1}
    several |= {name for _, item, _ in voted for name in item.several}
    several |= {
        task.name
        for task in CLAIMS.tasks
        if task.multilabel
        and {x for labels in given for x in labels.get(task.name, ())} <= set(task.labels)
    }
    for row, item, answers in voted:
        record = {name: value for name, value in item.record.items() if name != "tasks"}
        n_ties = 0
        for name in questions:
            answer = _vote([labels.get(name) for labels in answers], name in several)
            n_ties += answer is None
            record[name] = answer
        counts["ties"] += n_ties
        if not any(record[name] not in (None, "") for name in questions):
            counts["tied"] += n_ties > 0
            counts[NO_ANSWER] += not n_ties
            continue
        if len(answers) > 1:
            record["readers"] = {
                item.answers[i].reader or str(i + 1): {
                    name: list(labels.get(name, ())) if name in several else labels[name][0]
                    for name in questions
                    if name in several or labels.get(name)
                }
                for i, labels in enumerate(answers)
            }
        counts["annotated"] += 1
        yield Row(record, row.source, row.line)
    yield Note(_said(tool, len(merged), counts, language), source)
    for caveat in dict.fromkeys(item.caveat for _, item in found if item.caveat):
        yield Note(caveat, source)


def _yes_or_no(pairs: list[tuple[Row, Item]]) -> list[tuple[Row, Item]]:
    """Take a no for an answer, where all of a file is about one and the same label."""
    asked = {item.asked for _, item in pairs}
    if len(asked) != 1 or "" in asked:
        return pairs
    taken = []
    for row, item in pairs:
        no = (Answer({LABEL: ()}),) if item.left_out == REJECTED else ()
        answered = replace(item, answers=item.answers or no, several=frozenset([LABEL]))
        taken.append((row, answered))
    return taken


def _merged(pairs: Sequence[tuple[Row, Item]]) -> list[tuple[Row, Item]]:
    """Join the items of the same key, each of which holds the answer of one annotator."""
    groups: dict[Hashable, list[tuple[Row, Item]]] = {}
    for number, (row, item) in enumerate(pairs):
        groups.setdefault((number,) if item.key is None else (item.key, ""), []).append((row, item))
    merged = []
    for group in groups.values():
        row, first = group[0]
        if len(group) > 1:
            answers = tuple(answer for _, item in group for answer in item.answers)
            first = replace(
                first,
                answers=_joined(answers) if first.asked else answers,
                left_out=next((item.left_out for _, item in group if item.left_out), ""),
                several=first.several.union(*(item.several for _, item in group)),
                n_other=sum(item.n_other for _, item in group),
                n_torn=sum(item.n_torn for _, item in group),
            )
        merged.append((row, first))
    return merged


def _joined(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """Return one answer for each annotator, with all labels to which they said yes."""
    by_reader: dict[str, list[str]] = {}
    for answer in answers:
        by_reader.setdefault(answer.reader, []).extend(answer.labels.get(LABEL, ()))
    return tuple(Answer({LABEL: texts(x)}, reader) for reader, x in by_reader.items())


def _parts(
    row: Row, item: Item, counts: Counter[str], language: Language
) -> Iterator[tuple[Row, Item]]:
    """Yield a task that has an answer, or its sentences where the answers are spans."""
    if not item.answers:
        counts[item.left_out or NO_ANSWER] += 1
        return
    if not any(answer.spans for answer in item.answers):
        yield row, item
        return
    text, doc = text_of(item.record), item.record.get("doc") or f"{row.source}:{row.line}"
    by_sentence: dict[int, list[Answer]] = {}
    places: list[tuple[int, int]] = []
    for answer in item.answers:
        places, labels, n_unused = sentences_of(text, answer.spans, language)
        counts["spans"] += n_unused
        for n, own in labels.items():
            by_sentence.setdefault(n, []).append(Answer(own, answer.reader))
    others = {k: v for k, v in item.record.items() if v is not text}
    counts["sentences"] += len(places)
    counts["bare"] += len(places) - len(by_sentence)
    for n, answers in sorted(by_sentence.items()):
        start, end = places[n]
        record = others | {"doc": doc, "n": n, "start": start, "end": end, "text": text[start:end]}
        yield row, Item(record, tuple(answers), several=item.several)


def _splitter(items: Iterable[Item]) -> Any:
    """Return what gives the labels of one nameless question back to the tasks they are of.

    A task may say in its column ``tasks`` which label is of which task; else labels that are
    all of the shipped model's tasks are theirs.
    """
    ours = {label: (task.name, label) for task in CLAIMS.tasks for label in task.labels}
    given = {x for i in items for a in i.answers for x in a.labels.get(LABEL, ())}
    known = ours if given and given <= set(ours) else {}

    def split(item: Item, answer: Answer) -> dict[str, tuple[str, ...]]:
        own = item.record.get("tasks")
        if LABEL not in answer.labels:
            return answer.labels
        if isinstance(own, dict):
            of = {
                shown: (task, shown.removeprefix(f"{task}:"))
                for task, labels in own.items()
                if isinstance(labels, list)
                for shown in map(str, labels)
            }
            names: Iterable[str] = own
        else:
            of, names = known, [task.name for task in CLAIMS.tasks] if known else ()
        if not of:
            return answer.labels
        labels: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
        labels |= {k: v for k, v in answer.labels.items() if k != LABEL}
        for shown in answer.labels[LABEL]:
            task, label = of.get(shown, (LABEL, shown))
            labels[task] = (*labels.get(task, ()), label)
        return labels

    return split


def _vote(answers: Sequence[tuple[str, ...] | None], several: bool) -> Any:
    """Return what most annotators say: a label, empty where nobody says one, or a list.

    None where they are even.
    """
    if several:
        counts = Counter(label for labels in answers for label in dict.fromkeys(labels or ()))
        if any(2 * n == len(answers) for n in counts.values()):
            return None
        return [label for label, n in counts.items() if 2 * n > len(answers)]
    # Nothing is an answer too: it may be a question of many labels that nobody gave two.
    ranked = Counter(labels[0] if labels else "" for labels in answers).most_common(2)
    return None if len(ranked) > 1 and ranked[0][1] == ranked[1][1] else ranked[0][0]


def _said(tool: str, n: int, counts: Counter[str], language: Language) -> str:
    """Say what a file was taken for, and what was left out."""
    parts = [f"{tool}: {n_of(n, 'task')}"]
    if counts["sentences"]:
        judged = "" if language is ENGLISH else f" of language {language.code}"
        parts.append(n_of(counts["sentences"], "sentence") + judged)
    parts.append(f"{counts['annotated']:,} annotated")
    parts += [f"{counts[why]:,} {why}" for why in (SKIPPED, REJECTED, NO_ANSWER) if counts[why]]
    for name, what in (
        ("bare", "sentences that no span covers, left out"),
        ("spans", "spans that cover no whole sentence, left out"),
        ("ties", "answers left out on which annotators are even"),
        ("tied", "tasks left out for that alone"),
        ("others", "results that are no labels, left out"),
        ("torn", "answers left out that lack an annotator or are of several pieces"),
    ):
        if counts[name]:
            parts.append(f"{counts[name]:,} {what}")
    return ", ".join(parts)
