"""How fast tagger is, each figure a ratio to a named rival in the same run on one core.

    pip install -e ".[bench,parquet]"
    python benchmarks/speed.py [--text FILE.jsonl ...] [--only ROW ...] [--training N] [--archive N]
    python benchmarks/speed.py --more [--text FILE.jsonl ...] [--memory] [--equal]
    python benchmarks/speed.py --growth

FILE holds articles in the column "text"; without it the sentences of data/corpus
are used, cut and joined anew until there are 50,000. The table is in seconds of
processor, ours and the rival's in turn, so that a busy machine does not matter; only what
two threads or processes gain is in seconds of the clock. `--more` prints older figures.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(name, None)

import numpy as np

from tagger import Tagger
from tagger.corpus.corpus import Corpus, Example, read_corpus
from tagger.features.featurizer import Featurizer
from tagger.features.scorer import Scorer
from tagger.model.export import to_pipelines
from tagger.model.model import Model
from tagger.model.store import load_model
from tagger.predictor import shipped_model
from tagger.schema import CLAIMS
from tagger.sequences import batches
from tagger.text.segment import sentence_spans

ROOT = Path(__file__).parent.parent
HAS_FASTTEXT = find_spec("fasttext") is not None
N_SENTENCES = 50_000
N_RUNS = 5


def corpus_sentences() -> list[str]:
    return read_corpus(sorted((ROOT / "data" / "corpus").glob("*.jsonl")), CLAIMS).texts


def real_sentences(paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            text = json.loads(line)["text"]
            found += [text[start:end] for start, end in sentence_spans(text)]
    return found


def more(sentences: list[str], n: int) -> list[str]:
    """Add sentences made of the halves of two others until there are `n`."""
    rng = np.random.default_rng(0)
    result = list(sentences)
    while len(result) < n:
        one, two = (sentences[i].split() for i in rng.integers(len(sentences), size=2))
        result.append(" ".join(one[: len(one) // 2] + two[len(two) // 2 :]))
    return result[:n]


def seconds(
    work: Callable[[], object], n_runs: int = N_RUNS, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    times = []
    for _ in range(n_runs):
        start = clock()
        work()
        times.append(clock() - start)
    return times


def show(what: str, ours: list[float], theirs: list[float], must: str, note: str = "") -> None:
    """Print a row: how many times faster we are, medians, spread of the ratio."""
    ratio = statistics.median(theirs) / statistics.median(ours)
    low, high = min(theirs) / max(ours), max(theirs) / min(ours)
    print(f"| {what} | {ratio:.2f} x | {low:.2f} to {high:.2f} | {must} | {note} |", flush=True)


def tag(tagger: Tagger, sentences: list[str]) -> None:
    tagger.predict(sentences)


def in_turn(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    n_runs: int = N_RUNS,
    clock: Callable[[], float] = time.process_time,
) -> tuple[float, float, float]:
    """Return how many times faster we are (median, lowest, highest), each run beside the other."""
    ratios = []
    for _ in range(n_runs):
        times = []
        for work in (ours, theirs):
            start = clock()
            work()
            times.append(clock() - start)
        ratios.append(times[1] / times[0])
    return statistics.median(ratios), min(ratios), max(ratios)


def row(what: str, ratio: tuple[float, float, float], must: str, aim: str, note: str = "") -> None:
    middle, low, high = ratio
    spread = f"{low:.2f} to {high:.2f}" if low != high else "one run"
    print(f"| {what} | {middle:.2f} | {spread} | {must} | {aim} | {note} |", flush=True)


class ExportedPipeline:
    """The exported pipelines of a model, whose features are computed once for all tasks."""

    def __init__(self, model: Model) -> None:
        self.pipelines = to_pipelines(model)
        self.scaled = next(iter(self.pipelines.values())).named_steps["features"]
        # The pipelines' columns are sorted by label, the model's are the schema's.
        self.columns = {
            task.name: np.argsort(np.argsort(task.labels)) for task in model.schema.tasks
        }

    def predict_proba(self, texts: list[str]) -> dict[str, np.ndarray]:
        x = self.scaled.transform(texts)
        return {
            task: pipeline[-1].predict_proba(x)[:, self.columns[task]]
            for task, pipeline in self.pipelines.items()
        }


def against_pipeline(sentences: list[str]) -> None:
    model = load_model(shipped_model())
    tagger = Tagger(model)
    sample = sentences[:: max(1, len(sentences) // 5000)][:5000]
    pipeline = ExportedPipeline(model)
    theirs = [t / len(sample) for t in seconds(lambda: pipeline.predict_proba(sample), 3)]
    cold = []
    for _ in range(3):
        fresh = Tagger(load_model(shipped_model()))
        fresh.model.scorer.decision_function(["Warm."])
        cold += [t / len(sentences) for t in seconds(lambda t=fresh: tag(t, sentences), 1)]
    tag(tagger, sentences)
    warm = [t / len(sentences) for t in seconds(lambda: tag(tagger, sentences))]
    ours, other = 1 / statistics.median(warm), 1 / statistics.median(theirs)
    rate = f"{ours:,.0f} sentences/s against {other:,.0f}"
    show("exported scikit-learn Pipeline, warm", warm, theirs, "11", rate)
    rate = f"{1 / statistics.median(cold):,.0f} sentences/s; every word met for the first time"
    show("exported scikit-learn Pipeline, cold cache", cold, theirs, "8", rate)
    hits, misses, _ = fresh.model.scorer.cache_info()
    rate = f"{misses:,} of {hits + misses:,} chunks met for the first time"
    print(f"| known chunks among those met, cold | {hits / (hits + misses):.1%} | | | {rate} |")
    expected = pipeline.predict_proba(sample)
    got = tagger.predict_proba(sample)
    worst = max(abs(got[task] - expected[task]).max() for task in got)
    print(f"| largest difference in probability | {worst:.1e} | | 1e-9 | {len(sample)} sentences |")


def fasttext_model(texts: list[str], labels: list[str], **options: Any) -> Any:
    """Train fastText with our n-grams on one thread."""
    import fasttext

    settings = load_model(shipped_model()).featurizer.settings
    low, high = settings.char_ngrams
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, label in zip(texts, labels, strict=True):
            file.write(f"{label} {' '.join(text.lower().split())}\n")
        file.flush()
        return fasttext.train_supervised(
            file.name,
            **{"wordNgrams": settings.word_ngrams[1], "minn": low, "maxn": high} | options,
            thread=1,
            seed=0,
            verbose=0,
        )


def claims() -> tuple[list[str], list[str]]:
    corpus = read_corpus(sorted((ROOT / "data" / "corpus").glob("*.jsonl")), CLAIMS)
    return corpus.texts, [str(example.labels["claim"]) for example in corpus.examples]


def warm_rows(sentences: list[str]) -> None:
    """Text in, tags and probabilities of all tasks out; the rivals answer the claim alone."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts, labels = claims()
    tagger = Tagger.load()
    tag(tagger, sentences)
    if HAS_FASTTEXT:
        lines = [" ".join(s.lower().split()) for s in sentences]
        names = [f"__label__{label}" for label in labels]
        for what, options, must, aim in (
            ("fastText, the same word and character n-grams", {}, "3", "4"),
            ("fastText, words only, 1-2-grams", {"minn": 0, "maxn": 0}, "1.0", "1.5"),
            ("fastText, single words", {"minn": 0, "maxn": 0, "wordNgrams": 1}, "1.0", "1.5"),
        ):
            model = fasttext_model(texts, names, epoch=1, **options)
            ratio = in_turn(lambda: tag(tagger, sentences), lambda m=model: m.predict(lines))
            row(what, ratio, must, aim)
    else:
        print("| fastText | not installed | | | | |")
    words = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=1000))
    words.fit(texts, labels)
    ratio = in_turn(lambda: tag(tagger, sentences), lambda: words.predict_proba(sentences), 3)
    row("scikit-learn, words only, 1-2-grams, LogisticRegression", ratio, "3.5", "5")


def cold_row(sentences: list[str]) -> None:
    pipeline = ExportedPipeline(load_model(shipped_model()))
    sample = sentences[:: max(1, len(sentences) // 5000)][:5000]
    fresh = [Tagger(load_model(shipped_model())) for _ in range(3)]
    for tagger in fresh:
        tagger.predict(["Warm."])
    left = iter(fresh)
    share = len(sentences) / len(sample)
    ratio = in_turn(
        lambda: tag(next(left), sentences), lambda: pipeline.predict_proba(sample), len(fresh)
    )
    of_one = (ratio[0] * share, ratio[1] * share, ratio[2] * share)
    row("exported scikit-learn Pipeline, cold, every word new", of_one, "25", "40")


def threads_row(sentences: list[str]) -> None:
    tagger = Tagger.load()
    tag(tagger, sentences)
    halves = [sentences[::2], sentences[1::2]]
    with ThreadPoolExecutor(2) as pool:
        ratio = in_turn(
            lambda: list(pool.map(tagger.predict, halves)),
            lambda: [tagger.predict(half) for half in halves],
            clock=time.perf_counter,
        )
    note = f"by the clock; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    row("two threads on one Tagger against one thread", ratio, "1.5", "1.8", note)


def _start(sentences: list[str], together: Any) -> None:
    global _tagger, _sentences
    _tagger, _sentences = Tagger.load(), sentences
    tag(_tagger, sentences)
    together.wait()  # else one process does the work of the other, which is still starting


def _work(part: tuple[int, int]) -> None:
    for _ in range(5):
        tag(_tagger, _sentences[part[0] : part[1]])


def _add(n: int) -> int:
    total = 0
    for i in range(n):
        total += i
    return total


def two_processes(sentences: list[str]) -> None:
    """Tag in two processes and in one; beside it what the machine gives a loop of additions."""
    n, context = len(sentences), get_context("spawn")

    def work(k: int) -> None:
        list(pools[k].map(_work, [(i * n // k, (i + 1) * n // k) for i in range(k)]))

    def add(k: int) -> None:
        list(pools[k].map(_add, [20_000_000 // k] * k))

    with ExitStack() as stack:
        pools = {}
        for k in (1, 2):
            start = (sentences, context.Barrier(k))
            pool = ProcessPoolExecutor(k, context, initializer=_start, initargs=start)
            pools[k] = stack.enter_context(pool)
            work(k)
        ratio = in_turn(lambda: work(2), lambda: work(1), clock=time.perf_counter)
        best = in_turn(lambda: add(2), lambda: add(1), clock=time.perf_counter)
    note = f"by the clock; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; additions alone"
    note += " {:.2f}, {:.2f} to {:.2f}".format(*best)
    row("two processes against one", ratio, "1.9", "1.95", note)


def cold_start() -> None:
    text = next(iter(sorted((ROOT / "seeds").glob("*.txt"))))
    command = str(Path(sys.executable).parent / "tagger")

    def run(*arguments: str) -> None:
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)

    def children() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    for _ in range(2):  # byte code is compiled before the clock starts
        run(command, "predict", str(text))
    ratio = in_turn(
        lambda: run(sys.executable, "-c", "import numpy, scipy.sparse"),
        lambda: run(command, "predict", str(text)),
        11,
        children,
    )
    row("cold start, times `import numpy, scipy.sparse`", ratio, "1.3", "1.1", "less is better")


def archive_row(sentences: list[str], n: int) -> None:
    """Tag a Parquet file into another, and the same rows in memory, each in a process."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sentences.parquet"
        schema = pa.schema({"text": pa.string()})
        with pq.ParquetWriter(path, schema) as writer:
            for start in range(0, n, 50_000):
                rows = range(start, min(n, start + 50_000))
                texts = [f"{sentences[i % len(sentences)]} {i}" for i in rows]
                writer.write_table(pa.table({"text": texts}, schema))
        arguments = ["predict", str(path), "--sentences", "-o", f"{folder}/out.parquet"]
        whole = f"""
from tagger.cli.main import cli
cli.main({arguments!r}, standalone_mode=False)
"""
        alone = f"""
import pyarrow.parquet as pq
from tagger import Tagger
tagger = Tagger.load()
tagger.tag_table(["Warm."], sentences=True)
used = 0
for batch in pq.ParquetFile({str(path)!r}).iter_batches(10_000, columns=["text"]):
    texts = batch.column(0).to_pylist()
    start = time.process_time()
    tagger.tag_table(texts, sentences=True)
    used += time.process_time() - start
"""
        found = []
        for code in (whole, alone):
            code = f"import time{PEAK}{code}" + (
                "print(peak(), time.process_time())" if code is whole else "print(peak(), used)"
            )
            run = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True
            )
            found.append([float(x) for x in run.stdout.split()[-2:]])
    (peak, ours), (_, least) = found
    note = f"{n:,} rows, {ours:.0f} s against {least:.0f} s; peak {peak / 1024:.0f} MB (350, 250)"
    ratio = ours / least
    row("Parquet to Parquet against tagging alone", (ratio,) * 3, "1.2", "1.1", note)


def model_load() -> None:
    times = [1000 * t for t in seconds(lambda: load_model(shipped_model()), 11)]
    first = [1000 * t for t in seconds(lambda: load_model(shipped_model()).scorer, 11)]
    print(
        f"| model load | {statistics.median(times):.0f} ms | {min(times):.0f} to {max(times):.0f} "
        f"| 50 ms | {statistics.median(first):.0f} ms until it can score |"
    )


# The peak of this program alone: getrusage would count what its parent held when it forked.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
"""


def memory(sentences: list[str]) -> None:
    """Tag one and two million sentences from a file, each in a process of its own."""
    peaks = {}
    for millions in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sentences.jsonl"
            with path.open("w", encoding="utf-8") as file:
                for i in range(millions * 1_000_000):
                    text = f"{sentences[i % len(sentences)]} {i}"
                    file.write(json.dumps({"text": text}) + "\n")
            arguments = ["predict", str(path), "--sentences", "--output", f"{folder}/out.jsonl"]
            code = f"""{PEAK}
from tagger.cli.main import cli
cli.main({arguments!r}, standalone_mode=False)
print(peak())
"""
            run = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True
            )
            peaks[millions] = int(run.stdout.split()[-1]) / 1024
    print(f"| peak memory, 1 million sentences from a file | {peaks[1]:.0f} MB | | 400 MB | |")
    print(f"| the same, 2 million | {peaks[2] / peaks[1]:.2f} x | | 1.05 | {peaks[2]:.0f} MB |")


def scorer_memory(sentences: list[str]) -> None:
    """The same without the files' side: lines in batches, straight to `Tagger.predict`."""
    code = f"""{PEAK}
import itertools, sys
from tagger import Tagger
tagger = Tagger.load()
known = 0
with open(sys.argv[1], encoding="utf-8") as file:
    while batch := list(itertools.islice(file, 10_000)):
        tagger.predict(batch)
        known = max(known, tagger.model.scorer.cache_info().currsize)
hits, misses, _ = tagger.model.scorer.cache_info()
print(known, peak(), hits, misses)
"""
    found = {}
    for millions in (1, 2):
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            for i in range(millions * 1_000_000):
                file.write(" ".join(sentences[i % len(sentences)].split()) + f" {i}\n")
            file.flush()
            command = [sys.executable, "-c", code, file.name]
            run = subprocess.run(command, check=True, capture_output=True, text=True)
        found[millions] = [int(n) for n in run.stdout.split()]
    one, two = found[1][1] / 1024, found[2][1] / 1024
    hits, misses = found[1][2:]
    note = f"2 million: {two:.0f} MB, {two / one:.2f} x; at most {found[2][0]:,} chunks kept"
    print(f"| peak memory of the scorer alone, 1 million sentences | {one:.0f} MB | | | {note} |")
    rate = hits / (hits + misses)
    print(f"| known chunks among those met, the same | {rate:.1%} | | | {misses:,} read anew |")


def equality(sentences: list[str]) -> None:
    """Hold probabilities against the pipeline's, whatever the batch, order and processes."""
    model = load_model(shipped_model())
    pipeline = ExportedPipeline(model)
    parts = [
        pipeline.predict_proba(sentences[i : i + 5000]) for i in range(0, len(sentences), 5000)
    ]
    expected = {task: np.concatenate([part[task] for part in parts]) for task in parts[0]}
    order = np.random.default_rng(0).permutation(len(sentences))
    shuffled = [sentences[i] for i in order]

    def worst(got: dict[str, np.ndarray], rows: np.ndarray | slice = slice(None)) -> float:
        return max(float(abs(got[task] - expected[task][rows]).max()) for task in got)

    for what, size in (("one batch", len(sentences)), ("batches of 7", 7), ("of 1,000", 1000)):
        fresh = load_model(shipped_model())
        difference = max(
            worst(fresh.probabilities(sentences[i : i + size]), slice(i, i + size))
            for i in range(0, len(sentences), size)
        )
        print(f"| largest difference in probability, {what} | {difference:.1e} | | 1e-9 | |")
    difference = worst(Tagger(load_model(shipped_model())).predict_proba(shuffled), order)
    print(f"| the same, shuffled | {difference:.1e} | | 1e-9 | |")
    half = len(sentences) // 2
    halves = [sentences[:half], sentences[half:]]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        got = list(pool.map(_probabilities, halves))
    difference = max(worst(got[0], slice(0, half)), worst(got[1], slice(half, None)))
    print(f"| the same, two processes | {difference:.1e} | | 1e-9 | {len(sentences):,} sentences |")


def _probabilities(sentences: list[str]) -> dict[str, np.ndarray]:
    return Tagger.load().predict_proba(sentences)


def growth(sentences: list[str]) -> None:
    """How the cost grows; the slope is the exponent of a power law fitted to the times."""
    model = load_model(shipped_model())
    rng = np.random.default_rng(0)
    print("\n| what grows | sizes | warm, microseconds a sentence | slope | cold | slope |")
    print("| --- | --- | --- | --- | --- | --- |")

    def grown(what: str, cases: list[tuple[float, Featurizer, int, list[str]]]) -> None:
        sizes, warm, cold = [], [], []
        for size, featurizer, n_outputs, texts in cases:
            weights = rng.normal(size=(featurizer.n_features_, n_outputs))
            scorers = [Scorer(featurizer, weights, np.zeros(n_outputs)) for _ in range(3)]
            for scorer in scorers:
                scorer.decision_function(["Warm."])

            def work(scorer: Scorer, texts: list[str] = texts) -> None:
                for batch in batches(texts):
                    scorer.decision_function(batch)

            sizes.append(size)
            cold.append(min(seconds(lambda s=s: work(s), 1)[0] for s in scorers))
            warm.append(min(seconds(lambda s=scorers[0]: work(s))))
        of_each = [len(texts) for *_, texts in cases]
        cells = []
        for times in (warm, cold):
            per_sentence = ", ".join(
                f"{1e6 * t / n:.1f}" for t, n in zip(times, of_each, strict=True)
            )
            slope = np.polyfit(np.log(sizes), np.log(times), 1)[0]
            cells.append(f"{per_sentence} | {slope:.2f}")
        print(f"| {what} | {', '.join(f'{n:,.0f}' for n in sizes)} | {' | '.join(cells)} |")

    featurizer = model.featurizer
    grown("sentences", [(n, featurizer, 6, sentences[:n]) for n in (2_000, 10_000, 50_000)])
    joined = [
        (k, [" ".join(sentences[i : i + k]) for i in range(0, 20_000, k)][:2500])
        for k in (1, 2, 4, 8)
    ]
    words = [(sum(len(t.split()) for t in texts) / len(texts), texts) for _, texts in joined]
    grown("words in a sentence", [(n, featurizer, 6, texts) for n, texts in words])
    some = sentences[:10_000]
    fitted = []
    for n in (1_000, 4_000, 16_000):
        small = Featurizer(featurizer.settings).fit(sentences[::-1][:n])
        fitted.append((small.n_features_, small, 6, some))
    grown("features", fitted)
    grown("labels", [(n, featurizer, n, some) for n in (3, 6, 12, 24, 48)])


def training(sentences: list[str], n: int) -> None:
    """Train on `n` sentences with the labels that the shipped model gives them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion

    from tagger.training.linear import fit
    from tagger.training.settings import TrainingSettings

    tagger = Tagger.load()
    texts = more(sentences, n)
    tags = tagger.tag_sentences(texts)
    examples = (
        Example(t, x.labels, str(i)) for i, (t, x) in enumerate(zip(texts, tags, strict=True))
    )
    corpus = Corpus(CLAIMS, tuple(examples))
    settings = TrainingSettings.from_dict(tagger.model.about["settings"])
    ours = seconds(lambda: fit(corpus, settings), 1, time.process_time)

    union: FeatureUnion = ExportedPipeline(tagger.model).scaled.features
    for _, vectorizer in union.transformer_list:
        vectorizer.set_params(vocabulary=None, min_df=2)
    predicted = tagger.predict(texts)

    def rival() -> None:
        x = union.fit_transform(texts)
        C = {name: task.C for name, task in settings.tasks.items()}
        LogisticRegression(C=C["claim"], max_iter=1000).fit(x, predicted["claim"])
        for column in predicted["theme"].T:
            LogisticRegression(C=C["theme"], max_iter=1000).fit(x, column)

    if HAS_FASTTEXT:
        names = [f"__label__{claim}" for claim in predicted["claim"]]
        labels = np.array([f"__label__{name}" for name in CLAIMS["theme"].labels])
        themes = [" ".join(labels[r]) or "__label__none" for r in predicted["theme"].astype(bool)]

        def fasttext() -> None:
            fasttext_model(texts, names, epoch=5, dim=50)
            fasttext_model(texts, themes, epoch=5, dim=50, loss="ova")

        theirs = seconds(fasttext, 1, time.process_time)
        ratio = (ours[0] / theirs[0],) * 3
        note = f"{ours[0]:.0f} s against {theirs[0]:.0f} s; less is better"
        row(f"training on {n:,} sentences, times fastText, 5 epochs", ratio, "1", "0.7", note)
    theirs = seconds(rival, 1, time.process_time)
    note = f"{ours[0]:.0f} s against {theirs[0]:.0f} s"
    ratio = (theirs[0] / ours[0],) * 3
    row(f"training on {n:,} sentences, scikit-learn Pipeline", ratio, "9", "12", note)


def new_words_row(n: int) -> None:
    """Feed one Tagger ever-new words; its memory after a tenth of them and after all."""
    code = f"""{PEAK}
from tagger import Tagger
tagger = Tagger.load()
peaks = []
for start in range(0, {n}, 100_000):
    words = [f"w{{i}}x" for i in range(start, start + 100_000)]
    tagger.predict([" ".join(words[i : i + 25]) for i in range(0, len(words), 25)])
    peaks.append(peak())
print(peaks[len(peaks) // 10], peaks[-1])
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    first, last = (int(x) / 1024 for x in run.stdout.split())
    note = f"peak {first:.0f} MB after a tenth, {last:.0f} MB after {n:,}"
    row("memory of a Tagger fed ever-new words", (last / first,) * 3, "flat", "flat", note)


ROWS = ("warm", "cold", "threads", "processes", "archive", "training", "start", "words")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, nargs="*", default=[], help="articles, JSON Lines")
    parser.add_argument("--only", nargs="*", default=ROWS, choices=ROWS, help="some rows only")
    parser.add_argument("--training", type=int, default=100_000, help="sentences to train on")
    parser.add_argument("--archive", type=int, default=10_000_000, help="rows of the archive")
    parser.add_argument("--words", type=int, default=10_000_000, help="how many new words")
    parser.add_argument("--more", action="store_true", help="older figures instead")
    parser.add_argument("--memory", action="store_true", help="tag 3 million sentences, too")
    parser.add_argument("--equal", action="store_true", help="all probabilities against sklearn's")
    parser.add_argument("--growth", action="store_true", help="how cost grows, and nothing else")
    options = parser.parse_args()
    sentences = more(real_sentences(options.text) + corpus_sentences(), N_SENTENCES)
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, ")
    print(f"NumPy {np.__version__}; {len(sentences):,} sentences, one thread\n")
    if options.growth:
        growth(sentences)
    elif options.more:
        print("| against | ratio | spread | must | |\n| --- | --- | --- | --- | --- |", flush=True)
        against_pipeline(sentences)
        model_load()
        if options.memory:
            scorer_memory(sentences)
            memory(sentences)
        if options.equal:
            equality(sentences)
    else:
        print(
            "| | ratio | spread | must | aim | |\n| --- | --- | --- | --- | --- | --- |", flush=True
        )
        parts: dict[str, Callable[[], None]] = {
            "warm": lambda: warm_rows(sentences),
            "cold": lambda: cold_row(sentences),
            "threads": lambda: threads_row(sentences),
            "processes": lambda: two_processes(sentences),
            "archive": lambda: archive_row(sentences, options.archive),
            "training": lambda: training(sentences, options.training),
            "start": cold_start,
            "words": lambda: new_words_row(options.words),
        }
        for name in ROWS:
            if name in options.only:
                parts[name]()


if __name__ == "__main__":
    main()
