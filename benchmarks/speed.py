"""How fast tagger is, each figure a ratio to a named rival in the same run on one core.

    pip install -e ".[bench]"
    python benchmarks/speed.py [--text FILE.jsonl ...] [--training N] [--memory]

FILE holds articles in the column "text"; without it the sentences of data/corpus
are used, cut and joined anew until there are 50,000. Medians of several runs, with
the spread from the fastest to the slowest.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(name, None)

import numpy as np

from tagger import Tagger
from tagger.corpus import Corpus, Example, read_corpus
from tagger.export import to_pipeline
from tagger.model import load_model
from tagger.predictor import shipped_model
from tagger.schema import CLAIMS
from tagger.segment import sentence_spans

ROOT = Path(__file__).parent.parent
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


def seconds(work: Callable[[], object], n_runs: int = N_RUNS) -> list[float]:
    times = []
    for _ in range(n_runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def show(what: str, ours: list[float], theirs: list[float], must: str, note: str = "") -> None:
    """Print a row: how many times faster we are, medians, spread of the ratio."""
    ratio = statistics.median(theirs) / statistics.median(ours)
    low, high = min(theirs) / max(ours), max(theirs) / min(ours)
    print(f"| {what} | {ratio:.2f} x | {low:.2f} to {high:.2f} | {must} | {note} |", flush=True)


def tag(tagger: Tagger, sentences: list[str]) -> None:
    tagger.predict(sentences)


def against_pipeline(sentences: list[str]) -> None:
    model = load_model(shipped_model())
    tagger = Tagger(model)
    sample = sentences[:: max(1, len(sentences) // 5000)][:5000]
    pipeline = to_pipeline(model)
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
    expected = pipeline.predict_proba(sample)
    got = tagger.predict_proba(sample)
    worst = max(abs(got[task] - expected[task]).max() for task in got)
    print(f"| largest difference in probability | {worst:.1e} | | 1e-9 | {len(sample)} sentences |")


def against_fasttext(sentences: list[str]) -> None:
    try:
        import fasttext
    except ImportError:
        print("| fastText | not installed | | 1.8 | |")
        return
    corpus = read_corpus(sorted((ROOT / "data" / "corpus").glob("*.jsonl")), CLAIMS)
    settings = load_model(shipped_model()).featurizer.settings
    low, high = settings.char_ngrams
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for example in corpus.examples:
            file.write(
                f"__label__{example.labels['claim']} {' '.join(example.text.lower().split())}\n"
            )
        file.flush()
        model = fasttext.train_supervised(
            file.name,
            wordNgrams=settings.word_ngrams[1],
            minn=low,
            maxn=high,
            epoch=1,
            thread=1,
            seed=0,
            verbose=0,
        )
    lines = [" ".join(s.lower().split()) for s in sentences]
    tagger = Tagger.load()
    tag(tagger, sentences)
    ours = seconds(lambda: tag(tagger, sentences))
    theirs = seconds(lambda: model.predict(lines))
    note = (
        f"fastText {len(lines) / statistics.median(theirs):,.0f} sentences/s, for the claim alone"
    )
    show(f"fastText, word 1-2-grams, character {low}-{high}-grams", ours, theirs, "1.8", note)


def _start(sentences: list[str]) -> None:
    global _tagger, _sentences
    _tagger, _sentences = Tagger.load(), sentences
    tag(_tagger, sentences)


def _work(part: tuple[int, int]) -> float:
    start = time.perf_counter()
    for _ in range(5):
        tag(_tagger, _sentences[part[0] : part[1]])
    return time.perf_counter() - start


def two_processes(sentences: list[str]) -> None:
    n = len(sentences)
    context = get_context("spawn")
    times = {}
    for n_processes in (1, 2):
        with ProcessPoolExecutor(
            n_processes, context, initializer=_start, initargs=(sentences,)
        ) as pool:
            parts = [(i * n // n_processes, (i + 1) * n // n_processes) for i in range(n_processes)]
            list(pool.map(_work, [(0, 1)] * n_processes))
            times[n_processes] = seconds(
                lambda pool=pool, parts=parts: list(pool.map(_work, parts))
            )
    show("two processes against one", times[2], times[1], "1.8", "same sentences, shared out")


def cold_start() -> None:
    text = next(iter(sorted((ROOT / "seeds").glob("*.txt"))))
    command = str(Path(sys.executable).parent / "tagger")

    def run(*arguments: str) -> None:
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)

    for _ in range(2):  # byte code is compiled before the clock starts
        run(command, "predict", str(text))
    ours = seconds(lambda: run(command, "predict", str(text)), 11)
    theirs = seconds(lambda: run(sys.executable, "-c", "import numpy, scipy.sparse"), 11)
    ratio = statistics.median(ours) / statistics.median(theirs)
    low, high = min(ours) / max(theirs), max(ours) / min(theirs)
    note = (
        f"{1000 * statistics.median(ours):.0f} ms against {1000 * statistics.median(theirs):.0f} ms"
    )
    print(
        f"| cold start of `tagger predict`, times `import numpy, scipy.sparse` | {ratio:.2f} "
        f"| {low:.2f} to {high:.2f} | 2.0 | {note} |"
    )


def model_load() -> None:
    times = [1000 * t for t in seconds(lambda: load_model(shipped_model()), 11)]
    first = [1000 * t for t in seconds(lambda: load_model(shipped_model()).scorer, 11)]
    print(
        f"| model load | {statistics.median(times):.0f} ms | {min(times):.0f} to {max(times):.0f} "
        f"| 50 ms | {statistics.median(first):.0f} ms until it can score |"
    )


def memory(sentences: list[str]) -> None:
    """Tag one and two million sentences from a file, each in a process of its own."""
    peaks = {}
    for millions in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sentences.txt"
            with path.open("w", encoding="utf-8") as file:
                for i in range(millions * 1_000_000):
                    file.write(" ".join(sentences[i % len(sentences)].split()) + f" {i}\n")
            arguments = ["predict", str(path), "--sentences", "--output", f"{folder}/out.jsonl"]
            code = (
                "import resource, sys; from tagger.cli.main import cli;"
                f"cli.main({arguments!r}, standalone_mode=False);"
                "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
            )
            run = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True
            )
            peaks[millions] = int(run.stdout.split()[-1]) / 1024
    print(f"| peak memory, 1 million sentences from a file | {peaks[1]:.0f} MB | | 400 MB | |")
    print(f"| the same, 2 million | {peaks[2] / peaks[1]:.2f} x | | 1.05 | {peaks[2]:.0f} MB |")


def training(sentences: list[str], n: int) -> None:
    """Train on `n` sentences with the labels that the shipped model gives them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion

    from tagger.training import TrainingSettings, fit

    tagger = Tagger.load()
    texts = more(sentences, n)
    tags = tagger.tag_sentences(texts)
    examples = (
        Example(t, x.labels, str(i)) for i, (t, x) in enumerate(zip(texts, tags, strict=True))
    )
    corpus = Corpus(CLAIMS, tuple(examples))
    settings = TrainingSettings.from_dict(tagger.model.about["settings"])
    ours = seconds(lambda: fit(corpus, settings), 1)

    union: FeatureUnion = to_pipeline(tagger.model).named_steps["features"].features
    for _, vectorizer in union.transformer_list:
        vectorizer.set_params(vocabulary=None, min_df=2)
    predicted = tagger.predict(texts)

    def rival() -> None:
        x = union.fit_transform(texts)
        LogisticRegression(C=1, max_iter=1000).fit(x, predicted["claim"])
        for column in predicted["theme"].T:
            LogisticRegression(C=2, max_iter=1000).fit(x, column)

    theirs = seconds(rival, 1)
    note = f"{ours[0]:.0f} s against {theirs[0]:.0f} s, one run each"
    show(f"training on {n:,} sentences, scikit-learn Pipeline, lbfgs", ours, theirs, "5", note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, nargs="*", default=[], help="articles, JSON Lines")
    parser.add_argument("--training", type=int, default=20_000, help="sentences to train on")
    parser.add_argument("--memory", action="store_true", help="tag 3 million sentences, too")
    options = parser.parse_args()
    sentences = more(real_sentences(options.text) + corpus_sentences(), N_SENTENCES)
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, ")
    print(f"NumPy {np.__version__}; {len(sentences):,} sentences, one thread\n")
    print("| against | ratio | spread | must | |\n| --- | --- | --- | --- | --- |", flush=True)
    against_pipeline(sentences)
    against_fasttext(sentences)
    two_processes(sentences)
    cold_start()
    model_load()
    if options.memory:
        memory(sentences)
    training(sentences, options.training)


if __name__ == "__main__":
    main()
