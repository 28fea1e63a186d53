import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tagger.cli.main import cli
from tagger.cli.stats import _print_shares
from tagger.errors import ConfigError, DataError
from tagger.evaluation.bootstrap import residuals, student_width
from tagger.evaluation.dates import month_of
from tagger.evaluation.drift import changed, drift
from tagger.evaluation.quantify import Known, shifted
from tagger.evaluation.share_plots import plot_shares
from tagger.evaluation.shares import BY_CROSS_VALIDATION, adjust, label_shares, shares, wilson
from tagger.evaluation.tally import Tally, tally
from tagger.files.tagged import manifest_path
from tagger.markup import PALETTE
from tagger.model.model import fingerprints
from tagger.predictor import Tagger
from tagger.schema import CLAIM, CLAIMS, THEME, Schema

from .conftest import STARTS, THEMES, sentences

CLAIM_ONLY = Schema((CLAIM,))


def write(path: Path, claims: list[tuple[str, str, str]]) -> str:
    """Write sentences of (doc, date, claim)."""
    rows = [
        {"doc": doc, "n": i, "text": f"t{i}", "date": date, "claim": claim, "theme": ["military"]}
        for i, (doc, date, claim) in enumerate(claims)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_shares_are_counts_over_sentences(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        [("a", "2024-01-02", "speculation")] * 3 + [("b", "2024-02-02", "reported_fact")],
    )
    counted = tally(path, CLAIMS)
    found = {(s.group, s.label): s for s in shares(counted, "month")}
    assert found["2024-01", "speculation"].raw == 1
    assert found["2024-02", "speculation"].raw == 0
    (total,) = (s for s in shares(counted, "all") if s.label == "speculation")
    assert (total.raw, total.n_sentences, total.n_documents) == (0.75, 4, 2)
    assert (total.low, total.high) == (0, 1)
    assert {s.group for s in shares(counted, "document")} == {"a", "b"}
    assert shares(counted, "outlet") == []


def test_wilson_interval_is_the_textbook_one() -> None:
    low, high = wilson(0, 10)
    assert low == 0 and high == pytest.approx(0.2775, abs=1e-4)
    assert all(wilson(0, n)[0] == 0 and wilson(n, n)[1] == 1 for n in range(1, 500))
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_intervals_hold_the_share_of_a_population_also_by_few_documents(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    held, n_rounds = 0, 60
    for _ in range(n_rounds):  # two documents of ten sentences, which lean one way or the other
        leaning = rng.random(2)
        rows = [
            (f"d{i}", "", "speculation" if rng.random() < p else "reported_fact")
            for i, p in enumerate(leaning)
            for _ in range(10)
        ]
        tagged = tally(write(tmp_path / "a.jsonl", rows), CLAIM_ONLY)
        (found,) = (s for s in shares(tagged, "all") if s.label == "speculation")
        assert 0 <= found.low <= found.raw <= found.high <= 1
        held += found.low <= 0.5 <= found.high
    assert held >= 0.9 * n_rounds  # by drawing documents alone it would be six in ten


def test_widths_by_student_are_the_textbook_ones() -> None:
    # Of documents of as many sentences shares are means.
    n, k = np.full((5, 1), 10), np.array([[1], [2], [3], [4], [5]])
    expected = 2 * 2.776 * (k / 10).std(ddof=1) / np.sqrt(5)
    assert student_width(residuals(np.hstack([n, k])), 5) == pytest.approx([expected], rel=1e-3)
    # Of 2, 4 and 6 sentences 1, 1 and 4 of 12, so that 1/2: off by 0, -1 and 1 of 12.
    uneven = np.array([[2, 1], [4, 1], [6, 4]])
    expected = 2 * 4.303 * np.sqrt(3 / 2 * 2) / 12
    assert student_width(residuals(uneven), 3) == pytest.approx([expected], rel=1e-3)
    assert student_width(residuals(uneven[:1]), 1) == [np.inf]
    # Two documents of one sample beside four of another: each spreads by its own number.
    two = np.array([[10, 4], [10, 6], *[[0, 0]] * 4])
    four = np.array([*[[0, 0]] * 2, [10, 1], [10, 2], [10, 3], [10, 2]])
    error = np.sqrt(2 / 1 * 2 / 20**2 + 4 / 3 * 2 / 40**2)
    found = student_width(residuals(four) - residuals(two), 2)
    assert found == pytest.approx([2 * 12.706 * error], rel=1e-3)


def test_two_documents_alike_are_no_more_certain_than_their_sentences(tmp_path: Path) -> None:
    def width(*counts: int) -> float:
        rows = [
            (f"d{d}", "", "speculation" if i < n else "reported_fact")
            for d, n in enumerate(counts)
            for i in range(20)
        ]
        tagged = tally(write(tmp_path / "a.jsonl", rows), CLAIM_ONLY)
        (found,) = (s for s in shares(tagged, "all") if s.label == "speculation")
        return found.high - found.low

    low, high = wilson(15, 60)
    assert width(4, 6, 5) >= high - low
    assert width(4, 6) == 1
    assert width(5, 5) >= np.diff(wilson(10, 40))[0]


def test_shares_grow_as_much_as_the_probabilities_say() -> None:
    # Of ten sentences the model takes five for the first label, and is sure; eight are.
    ten, before, gold = np.ones((1, 10)), np.array([[0.5, 0.5]]), np.array([[0.8, 0.2]])
    known = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 5)
    assert shifted(known, ten, before, gold)[0] == pytest.approx([0.8, 0.2])
    # Four of ten now: 0.8 of before; the other label 1.2 times. 0.64 : 0.24.
    now = np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 6)
    grown = [0.64 / 0.88, 0.24 / 0.88]
    assert shifted(now, ten, before, gold)[0] == pytest.approx(grown, abs=1e-3)
    # A draw counts a sentence as often as it holds it, and every draw is one of its own.
    drawn = np.array([[1.0] * 10, [0.0] * 4 + [1.0] * 6, [5.0] * 4 + [0.0] * 6, [1.0] * 10])
    known_gold = np.vstack([np.repeat(gold, 3, axis=0), [[np.nan] * 2]])
    found = shifted(now, drawn, np.repeat(before, 4, axis=0), known_gold)
    assert found[0] == pytest.approx(grown, abs=1e-3)
    assert found[1] == pytest.approx([0, 1], abs=1e-2)
    assert found[2] == pytest.approx([1, 0], abs=1e-2)
    assert np.isnan(found[3]).all()
    # A label that nothing is known of has not grown.
    sure = np.array([[1.0, 0.0]] * 10)
    assert shifted(sure, ten, sure[:1], gold)[0] == pytest.approx([0.8, 0.2])


def test_shares_grow_as_by_one_step_at_a_time() -> None:
    rng = np.random.default_rng(0)
    p, gold = rng.dirichlet([0.3, 0.3, 0.3], 200), rng.dirichlet([2, 2, 2], 5)
    before, drawn = rng.dirichlet([5, 5, 5], 5), rng.integers(4, size=(5, 200)).astype(float)
    found = shifted(p, drawn, before, gold)
    for row, times, was, given in zip(found, drawn, before, gold, strict=True):
        rows, share = np.repeat(p, times.astype(int), axis=0), was
        for step in range(1000):
            of = share / was * rows
            last, share = share, (of / of.sum(axis=1, keepdims=True)).mean(axis=0)
            if step > 10 and np.abs(share - last).mean() < 1e-4:
                break
        expected = share / was * given
        assert row == pytest.approx(expected / expected.sum(), abs=1e-9)


def test_between_single_documents_no_drift_is_clear(tmp_path: Path) -> None:
    def file(name: str, docs: range, n: int) -> Tally:
        rows = [
            (f"{d}", "", "speculation" if i < n else "reported_fact")
            for d in docs
            for i in range(9)
        ]
        return tally(write(tmp_path / name, rows), CLAIM_ONLY)

    def found(before: Tally, after: Tally) -> tuple[float, float, bool]:
        (of,) = (d for d in drift(before, after) if d.label == "speculation")
        return of.low, of.high, of.clear

    one, other, many = file("a", range(1), 1), file("b", range(1, 2), 8), file("c", range(2, 40), 8)
    assert found(one, other) == (-1, 1, False)
    assert found(one, file("d", range(1), 8)) == (-1, 1, False)
    assert found(one, many) == (-1, 1, False)
    low, high, clear = found(file("e", range(38), 1), many)
    assert clear and 0 < low < high <= 1
    # Three documents that are alike on either side are few.
    few = file("f", range(3), 4), file("g", range(3, 6), 5)
    assert not found(*few)[2] and found(*few)[0] < found(*few)[1]
    assert not found(few[0], file("h", range(3), 5))[2]
    assert found(few[0], file("i", range(3), 4)) == (0, 0, False)


def test_adjusting_undoes_known_errors() -> None:
    matrix = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.0, 0.2, 0.8]])
    true = np.array([0.5, 0.3, 0.2])
    assert adjust(CLAIM, (true @ matrix)[None], matrix[None])[0] == pytest.approx(true)
    # Of 100 sentences 40 are military; 30 of these and 6 of the other 60 are found.
    pairs = np.array([[[0.9, 0.1], [0.25, 0.75]]] * 3)
    assert adjust(THEME, np.full((1, 3), 0.36), pairs[None])[0] == pytest.approx(np.full(3, 0.4))


def test_model_that_guesses_is_not_corrected() -> None:
    guess = np.full((1, 3, 3), 1 / 3)
    assert np.isnan(adjust(CLAIM, np.full((1, 3), 1 / 3), guess)).all()


def test_correction_covers_the_truth(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    matrix = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]])
    true = rng.choice(3, 4000, p=[0.2, 0.3, 0.5])
    said = [rng.choice(3, p=matrix[t]) for t in true]
    path = write(
        tmp_path / "a.jsonl", [(f"d{i % 400}", "", CLAIM.labels[k]) for i, k in enumerate(said)]
    )
    counts = (matrix * 1000).round().tolist()
    found = {s.label: s for s in shares(tally(path, CLAIM_ONLY), "all", {"claim": counts})}
    for label, share in zip(CLAIM.labels, (0.2, 0.3, 0.5), strict=True):
        s = found[label]
        assert s.adjusted_low is not None and s.adjusted_high is not None
        assert s.adjusted_low < share < s.adjusted_high
    assert not found["speculation"].low < 0.5 < found["speculation"].high


def test_drift_is_told_from_chance(tmp_path: Path) -> None:
    def file(name: str, n: int) -> str:
        rows = [(f"d{i}", "", "speculation" if i < n else "reported_fact") for i in range(100)]
        return write(tmp_path / name, rows)

    a, b, c = file("a.jsonl", 20), file("b.jsonl", 22), file("c.jsonl", 60)
    of = {d.label: d for d in drift(tally(a, CLAIM_ONLY), tally(b, CLAIM_ONLY))}
    assert not of["speculation"].clear
    of = {d.label: d for d in drift(tally(a, CLAIM_ONLY), tally(c, CLAIM_ONLY))}
    assert of["speculation"].clear
    assert (of["speculation"].before, of["speculation"].after) == (0.2, 0.6)
    moved = changed(a, c, CLAIM_ONLY)["claim"]
    assert moved["reported_fact", "speculation"] == 40 and sum(moved.values()) == 100


def test_corrected_interval_is_never_narrower_than_the_raw_one(tmp_path: Path) -> None:
    # The model gives half of all sentences a label that it gives wrongly as often: the
    # corrected share is 0, in every draw.
    path = write(
        tmp_path / "a.jsonl",
        [(f"d{i}", "", "speculation" if i % 5 else "reported_fact") for i in range(20)],
    )
    counts = [[200, 100, 700], [100, 200, 700], [50, 50, 900]]
    pairs = [[[100, 900], [50, 950]]] * 3
    wide = {"claim": counts, "theme": pairs}
    for s in shares(tally(path, CLAIMS), "all", wide):
        if s.adjusted is None or s.adjusted_low is None or s.adjusted_high is None:
            continue
        assert s.adjusted_high - s.adjusted_low >= s.high - s.low - 1e-9, s
        assert 0 <= s.adjusted_low <= s.adjusted <= s.adjusted_high <= 1, s
    sure = np.array([[[60, 40], [5, 95]]] * 3) * 1000
    none = [{"doc": f"d{i}", "claim": "speculation", "text": "t"} for i in range(40)]
    for i, row in enumerate(none):
        row["theme"] = "military" if i % 8 == 0 else ""
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in none))
    found = shares(tally(str(tmp_path / "b.jsonl"), CLAIMS), "all", {"theme": sure.tolist()})
    (military,) = (s for s in found if s.label == "military")
    assert military.adjusted == 0 and military.adjusted_low == 0
    assert military.adjusted_high == pytest.approx(military.high - military.low)


def test_a_run_compared_with_itself_did_not_drift_at_all(tmp_path: Path) -> None:
    rows = [(f"d{i}", "", "speculation" if i % 3 else "reported_fact") for i in range(30)]
    a = write(tmp_path / "a.jsonl", rows)
    assert all((d.low, d.high) == (0, 0) for d in drift(tally(a, CLAIMS), tally(a, CLAIMS)))
    # Three changed sentences of thirty are a small change, however much documents differ.
    b = write(tmp_path / "b.jsonl", [(d, t, "reported_fact") for d, t, _ in rows[:5]] + rows[5:])
    (found,) = (d for d in drift(tally(a, CLAIMS), tally(b, CLAIMS)) if d.label == "speculation")
    assert found.high < 0.02 and found.low > -0.3


@pytest.mark.parametrize(
    ("date", "day_first", "month"),
    [
        ("2024-03-18", None, "2024-03"), ("2024-03", None, "2024-03"), ("2024", None, ""),
        ("2024-03-18T10:00:00Z", None, "2024-03"), ("18/03/2024", None, "2024-03"),
        ("03/18/2024", None, "2024-03"), ("Jan. 9, 2024", None, "2024-01"),
        ("9 January 2024", None, "2024-01"), ("05/01/2024", True, "2024-01"),
        ("05/01/2024", False, "2024-05"), ("05/05/2024", None, "2024-05"),
        ("2024-02-30", None, ""), ("2024-02-29", None, "2024-02"), ("2024-13", None, ""),
        ("March", None, ""), ("Monday", None, ""), ("soon", None, ""), (None, None, ""),
        ("0001-03-01", None, "0001-03"),
        # Digits alone say a month only with all four of a year: 240207 is no day of 2007.
        *((text, None, "") for text in ("240207", "200112", "202402", "1707264000")),
        *((text, None, "") for text in ("240207120000", "240207 10:00", "240207T1200")),
        ("202402071200", None, "2024-02"),
        # Behind a year comes the month, whatever is asked for.
        *((text, first, "2024-02") for first in (None, True, False)
          for text in ("2024/02/07", "2024/02/07 10:00", "2024.02.07", "20240207", "2024-2-7")),
        ("Fri 05/01/2024", True, "2024-01"), ("05 01 2024", False, "2024-05"),
        ("18 03 2024", None, "2024-03"), ("Jan 9 2024 10:05:11", None, "2024-01"),
        ("9 Jan 24 10:05", None, "2024-01"), ("10:30 18.03.2024", None, "2024-03"),
    ],
)  # fmt: skip
def test_months_are_read_from_dates_of_any_form(
    date: str | None, day_first: bool | None, month: str
) -> None:
    assert month_of(date, day_first) == month


@pytest.mark.parametrize(
    "date",
    [
        *("05/01/2024", "Fri 05/01/2024", "Friday, 05.01.2024", "05 01 2024", "05/01 2024"),
        *("on 05/01/2024", "5. 1. 2024", "05-01-24 10:00", "10:00 05/01/2024"),
    ],
)
def test_a_date_of_two_months_is_refused_wherever_it_stands(date: str) -> None:
    with pytest.raises(DataError, match=r"of month 0?5 or of month 0?1: say which"):
        month_of(date)


def test_dates_of_two_months_are_refused_and_others_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        [
            ("a", "05/01/2024", "speculation"),
            ("b", "Feb. 3, 2024", "speculation"),
            ("c", "last week", "speculation"),
        ],
    )

    def stats(*options: str) -> Result:
        arguments = ["stats", path, "--by", "month", "--format", "json", *options]
        return CliRunner().invoke(cli, arguments, catch_exceptions=False)

    with pytest.raises(DataError, match=r"a.jsonl:1: the date '05/01/2024'.*--day-first"):
        stats()
    done = stats("--day-first")
    assert {s["group"] for s in json.loads(done.stdout)} == {"2024-01", "2024-02"}
    assert "1 of 3 sentences have a date that cannot be read, such as 'last week'" in done.stderr
    assert {s["group"] for s in json.loads(stats("--month-first").stdout)} == {
        "2024-05",
        "2024-02",
    }
    assert label_shares(path, by=["all"]).shares  # dates that nobody asks for are not read


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--outlet-column", "dcument"], "no column 'dcument' to group by"),
        (["--date-column", "dat"], "no column 'dat' to group by: did you mean 'date'"),
        (["--by", "outlet"], "no column 'outlet' to group by"),
        (["--by", "mounth"], "no column 'mounth' to group by: did you mean 'month'"),
    ],
)
def test_columns_that_are_not_there_are_refused(
    tmp_path: Path, options: list[str], message: str
) -> None:
    path = write(tmp_path / "a.jsonl", [("a", "2024-01-01", "speculation")])
    with pytest.raises(DataError, match=message):
        CliRunner().invoke(cli, ["stats", path, *options], catch_exceptions=False)


def test_a_broken_answer_is_named_by_file_and_line_where_runs_are_compared(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [("a", "", "speculation"), ("b", "", "rumour")])
    with pytest.raises(DataError, match=r"a.jsonl:2: claim is 'rumour'"):
        changed(path, path, CLAIMS)


def test_file_that_is_not_tagged_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(DataError, match="no column 'claim'"):
        tally(str(tmp_path / "a.jsonl"), CLAIMS)


def parties(path: Path) -> str:
    """Write documents of two parties and two months, one of them by two speakers."""
    rows = [
        {"doc": f"d{i}", "text": "t", "date": f"2024-0{1 + i % 2}-01", "party": "AB"[i % 4 // 2],
         "claim": "speculation" if i % 3 else "reported_fact", "theme": ["military"] * (i % 2)}
        for i in range(24)
    ]  # fmt: skip
    for k, row in enumerate(list(rows[:6])):
        rows.append({**row, "claim": "interpretation", "speaker": "x"})
        rows[k]["speaker"] = "y"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_sentences_are_grouped_by_any_columns_and_their_crosses(tmp_path: Path) -> None:
    path = parties(tmp_path / "a.jsonl")
    found = label_shares(path, by=["party", "party,month", "all", "speaker"]).shares
    sizes = {(s.by, s.group): (s.n_sentences, s.n_documents) for s in found}
    assert sizes["party", "A"] == (16, 12) and sizes["party", "B"] == (14, 12)
    assert sizes["party,month", "A,2024-01"] == (8, 6)
    # A document of two speakers is one document.
    assert sizes["all", "all"] == (30, 24)
    assert sizes["speaker", "x"] == (6, 6)
    (share,) = (s for s in found if s.group == "A,2024-01" and s.label == "military")
    assert share.values == {"party": "A", "month": "2024-01"} and share.raw == 0
    with pytest.raises(DataError, match=r"no column 'partei' to group by: did you mean 'party'"):
        label_shares(path, by=["partei,month"])


def test_sentences_without_a_value_are_counted(tmp_path: Path) -> None:
    path = parties(tmp_path / "a.jsonl")
    assert sum("speaker" in note for note in label_shares(path, by=["party"]).notes) == 0
    assert (
        "18 of 30 sentences have no speaker: in no group"
        in label_shares(path, by=["speaker", "party"]).notes
    )
    Path(path).write_text(Path(path).read_text().replace("2024-02-01", ""))
    notes = label_shares(path, by=["all", "month"]).notes
    assert "15 of 30 sentences have no date: in no group" in notes


def test_a_column_with_a_comma_in_its_name_is_named_in_quotes(tmp_path: Path) -> None:
    path = parties(tmp_path / "a.jsonl")
    plain = label_shares(path, by=["party,month", "party"])
    Path(path).write_text(Path(path).read_text().replace('"party"', '"party, seat"'))
    quoted = label_shares(path, by=['"party, seat",month', '"party, seat"'])
    assert [s.raw for s in quoted.shares] == [s.raw for s in plain.shares]
    assert quoted.shares[0].values == {"party, seat": "A", "month": "2024-01"}
    with pytest.raises(DataError, match="in quotes"):
        label_shares(path, by=["party, seat"])


def test_shares_of_a_table_line_up(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["stats", parties(tmp_path / "a.jsonl"), "--by", "party"])
    lines = [line for line in done.stdout.splitlines() if " to " in line]
    assert len({line.index("(") for line in lines}) == 1
    assert len({len(line.split("(")[1].split(")")[0]) for line in lines}) > 1


def test_long_names_leave_the_shares_their_room(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shared = label_shares(parties(tmp_path / "a.jsonl"), by=["all"]).shares
    tail = "as long as a line of a terminal, so that it takes two, and ends here"
    _print_shares([replace(s, label=f"{s.label} {tail}") for s in shared])
    shown = capsys.readouterr().out
    assert shown.count("%") == 2 and shown.count(" to ") == len(shared)
    assert shown.count("here") == len(shared)
    _print_shares([replace(s, task="a", label="b") for s in shared])
    assert capsys.readouterr().out.splitlines()[1].startswith("task  label  %")


def test_csv_has_a_column_for_each_that_is_grouped_by(tmp_path: Path) -> None:
    path = parties(tmp_path / "a.jsonl")
    arguments = ["stats", path, "--by", "party,month", "--by", "party", "--format", "csv"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {(row["party"], row["month"]) for row in rows} == {
        *(("A", m) for m in ("2024-01", "2024-02", "")),
        *(("B", m) for m in ("2024-01", "2024-02", "")),
    }
    assert "values" not in rows[0] and float(rows[0]["raw"]) >= 0


@pytest.mark.parametrize("name", ["label", "raw", "n_sentences", "adjusted_high"])
def test_a_column_called_as_one_of_the_shares_hides_no_figure(tmp_path: Path, name: str) -> None:
    path = parties(tmp_path / "a.jsonl")
    Path(path).write_text(Path(path).read_text().replace('"party"', f'"{name}"'))
    found = label_shares(path, by=[name])
    for row, share in zip(found.to_rows(), found.shares, strict=True):
        assert row[f"{name}_value"] == share.group and row[name] == getattr(share, name)


@pytest.mark.parametrize("way", ["month", "party", "party,month"])
def test_plots_are_drawn_by_any_of_them(tmp_path: Path, way: str) -> None:
    pytest.importorskip("matplotlib")
    path = parties(tmp_path / "a.jsonl")
    folder = tmp_path / "figures"
    arguments = ["stats", path, "--by", way, "--plots", str(folder)]
    CliRunner().invoke(cli, arguments, catch_exceptions=False)
    name = way.replace(",", "-")
    expected = {f"shares-{t}-by-{name}.{e}" for t in ("claim", "theme") for e in ("svg", "pdf")}
    assert {file.name for file in folder.iterdir()} == expected
    claim, theme = (
        (folder / f"shares-{task}-by-{name}.svg").read_text() for task in ("claim", "theme")
    )
    used = [{c for c, _ in PALETTE if c in svg} for svg in (claim, theme)]
    assert len(used[0]) == len(used[1]) == 3 and not used[0] & used[1]
    # The intervals of a group stand beside each other, and few months are written level.
    places = re.findall(r'<g id="LineCollection_[123]">\s*<path d="M (\S+) (\S+)', claim)
    along = {place[way == "party"] for place in places}
    assert len(along) == len(places) == 3 and "rotate(-45" not in claim
    assert (
        "speculation" in claim
        and (folder / f"shares-claim-by-{name}.pdf").read_bytes()[:4] == b"%PDF"
    )


def test_plots_of_many_long_labels_keep_rows_apart_and_all_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = pytest.importorskip("matplotlib.figure")
    drawn: list[Any] = []
    save = figures.Figure.savefig
    monkeypatch.setattr(
        figures.Figure, "savefig", lambda f, *a, **k: (drawn.append(f), save(f, *a, **k))
    )
    (one, *_) = label_shares(parties(tmp_path / "a.jsonl"), by=["party"]).shares
    labels = [f"{x} is a label that is as long as half a line" for x in "abcdefgh"]
    shares = [replace(one, group=g, label=x) for g in ("A", "B") for x in labels]
    plot_shares(shares, tmp_path / "out")
    (figure, *_) = drawn
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width
    first, second = zip(*(line.get_ydata() for line in figure.axes[0].lines), strict=True)
    assert max(first) < min(second)


@pytest.mark.parametrize("way", ["{}", "{},month"])
def test_plots_hold_what_no_font_and_no_xml_can(tmp_path: Path, way: str) -> None:
    pytest.importorskip("matplotlib")
    path = parties(tmp_path / "a.jsonl")
    text = Path(path).read_text().replace('"party"', '"p\\ud800"')
    Path(path).write_text(text.replace('"A"', '"A\\ud801\\u0001"').replace('"B"', '"$\\\\x$"'))
    found = label_shares(path, by=[way.format("p\ud800")]).shares
    for file in plot_shares(found, tmp_path / "figures"):
        if file.suffix == ".svg":
            drawn = " ".join(ElementTree.parse(file).getroot().itertext())
            assert "A\\ud801\\u0001" in drawn and "$\\x$" in drawn
            assert "p\\ud800" in file.name


def test_plots_that_nobody_could_read_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [(f"d{i}", "2024-01-01", "speculation") for i in range(70)]
    path = write(tmp_path / "a.jsonl", rows)
    for way, message in (("doc", "70 groups, expected 60 at most"), ("month", "1 month, expected")):
        with pytest.raises(DataError, match=message):
            plot_shares(label_shares(path, by=[way]).shares, tmp_path / "figures")


def test_shares_are_corrected_by_labelled_sentences_of_the_same_kind(
    tmp_path: Path, tiny: Tagger
) -> None:
    texts = sentences(180)
    rows = [{"text": t, "doc": f"d{i // 3}"} for i, t in enumerate(texts)]
    gold = [
        {**row, "claim": list(STARTS)[i % 3], "theme": list(THEMES[list(STARTS)[i % 3]])}
        for i, row in enumerate(rows)
    ]
    tagged = [r for row in rows for r in tiny.tag(row["text"], row["doc"]).to_rows()]
    many = [row for row in tagged for _ in range(1 + 4 * (row["claim"] == "speculation"))]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in many))
    plain = label_shares(str(tmp_path / "t.jsonl"), tiny, by=["all"])
    found = label_shares(str(tmp_path / "t.jsonl"), tiny, by=["all"], reference=gold)
    (share,) = (s for s in found.shares if s.label == "speculation")
    assert share.raw == pytest.approx(5 / 7)
    assert share.adjusted_low <= share.adjusted <= share.adjusted_high
    assert abs(share.adjusted - 5 / 7) < 0.05
    assert "corrected by 180 sentences of 60 documents" in found.notes[-1]
    claims = [s.adjusted for s in found.shares if s.task == "claim"]
    assert sum(claims) == pytest.approx(1)
    assert [s.raw for s in plain.shares] == [s.raw for s in found.shares]
    with pytest.raises(ConfigError, match="name what tagged them with --model, --second-reader"):
        label_shares(str(tmp_path / "t.jsonl"), None, by=["all"], reference=gold)
    record = {"schema": tiny.schema.to_dict(), "model": tiny.model.id}
    manifest_path(tmp_path / "t.jsonl").write_text(json.dumps(record))
    with pytest.raises(ConfigError, match="not the shipped model: name its folder with --model"):
        label_shares(str(tmp_path / "t.jsonl"), by=["all"], reference=gold)


def labelled_and_tagged(folder: Path, tiny: Tagger) -> tuple[list[dict[str, Any]], str]:
    """Return 180 labelled sentences of 60 documents, and the file of their tags."""
    rows = [
        {"text": text, "doc": f"d{i // 3}", "claim": claim, "theme": list(THEMES[claim])}
        for i, (text, claim) in enumerate(zip(sentences(180), list(STARTS) * 60, strict=True))
    ]
    tagged = [r for row in rows for r in tiny.tag(row["text"], row["doc"]).to_rows()]
    tagged[0]["outlet"] = "of one document"
    path = folder / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in tagged))
    return rows, str(path)


def test_a_reference_that_knows_too_little_corrects_nothing_and_says_so(
    tmp_path: Path, tiny: Tagger
) -> None:
    gold, path = labelled_and_tagged(tmp_path, tiny)

    def by(reference: list[dict[str, Any]]) -> tuple[set[str], str]:
        found = label_shares(path, tiny, by=["all", "outlet"], reference=reference)
        # A document that stands alone has no interval, and so no corrected share.
        assert all(s.adjusted is None for s in found.shares if s.by == "outlet")
        corrected = {s.label for s in found.shares if s.adjusted is not None}
        for s in found.shares:
            if s.adjusted is not None and s.adjusted_low is not None and s.adjusted_high:
                assert s.adjusted_high - s.adjusted_low >= s.high - s.low - 1e-9
        return corrected, "; ".join(found.notes)

    themes = {"military", "economic", "diplomatic"}
    assert by(gold)[0] == {*STARTS, *themes}
    # A sentence that stands in many documents tells no more than one.
    corrected, said = by([{**row, "text": gold[i % 99]["text"]} for i, row in enumerate(gold)])
    assert not corrected and "99 different labelled sentences of 60 documents" in said
    corrected, said = by(gold[:1])
    assert not corrected and "corrected by" not in said
    assert (
        "claim is not corrected: the reference has 1 different labelled sentence of 1 document"
        in said
    )
    assert "expected 100 of 20 or more" in said
    # Enough sentences, but of too few documents.
    assert not by([{**row, "doc": row["text"][-3:-2]} for row in gold])[0]
    corrected, said = by([{**row, "theme": ["military"]} for row in gold])
    assert corrected == set(STARTS)
    few = "is not corrected: fewer than 5 sentences of the reference are, or are not,"
    assert f"military, diplomatic, economic {few} military" in said
    # Of the labels of one task some may be corrected; those of a single-label task sum to one.
    corrected, said = by([row for row in gold if row["claim"] != "speculation"])
    assert corrected == {"military", "economic"}
    assert f"claim {few} speculation" in said
    assert not set(STARTS) & by([{**row, "claim": "speculation"} for row in gold[:4]] + [
        row for row in gold if row["claim"] != "speculation"
    ])[0]  # fmt: skip
    # What names no document counts, and is said.
    assert "not every sentence names its document" in by([{**r, "doc": ""} for r in gold])[1]
    with pytest.raises(DataError, match=r"what model .* itself answered"):
        label_shares(path, tiny, by=["all"], reference=path)
    with pytest.raises(DataError, match=r"numbers from 0 to 1 in p_reported_fact"):
        broken = Path(path).read_text().replace('"p_military": ', '"p_military": -', 1)
        Path(path).write_text(broken)
        label_shares(path, tiny, by=["all"], reference=gold)


def test_a_reference_serves_what_a_second_reader_has_reread_in_part() -> None:
    known = Known(CLAIMS, "a+b.doubtful", *(np.zeros((1, 6)) for _ in "pg"), ("by so many",))
    counted = Tally(CLAIMS)
    counted.models.update(["a+b.doubtful", "a"])
    assert known.notes(counted, "a+b.doubtful")
    counted.models.update(["c"])
    with pytest.raises(ConfigError, match=r"tagged by a, a.b.doubtful, c"):
        known.notes(counted, "a+b.doubtful")


def test_rows_that_name_no_document_are_said(tmp_path: Path, tiny: Tagger) -> None:
    def notes(**more: object) -> str:
        rows = "".join(json.dumps({"text": t, **more}) + "\n" for t in sentences(9))
        (tmp_path / "in.jsonl").write_text(rows)
        ends = ["--sentences", "--force", "-o", str(tmp_path / "o.jsonl")]
        assert (
            CliRunner().invoke(cli, ["predict", str(tmp_path / "in.jsonl"), *ends]).exit_code == 0
        )
        return "; ".join(label_shares(str(tmp_path / "o.jsonl"), by=["all"]).notes)

    assert "sentences name no document (column doc), each counts as one" in notes()
    assert "name no document" not in notes(doc="a")


def test_the_miss_of_raw_shares_is_that_of_the_tasks_with_answers(
    tmp_path: Path, tiny: Tagger
) -> None:
    gold, path = labelled_and_tagged(tmp_path, tiny)
    wrong = [
        {**row, "claim": "speculation" if i < 36 else row["claim"]} for i, row in enumerate(gold)
    ]
    for row in wrong:
        del row["theme"]
    found = label_shares(path, tiny, by=["all"], reference=wrong)
    # 24 of 180 sentences moved to one label, 12 from each of two: 13.3, 6.7 and 6.7 points.
    assert "raw shares of these miss by 8.9 points" in found.notes[-1]
    assert {s.task for s in found.shares if s.adjusted is not None} == {"claim"}
    assert any(
        "theme is not corrected: the reference has 0 different labelled" in x for x in found.notes
    )


def test_what_a_model_misses_in_the_reference_is_made_good(tmp_path: Path, tiny: Tagger) -> None:
    gold, path = labelled_and_tagged(tmp_path, tiny)
    # One fact in three is none, and one sentence in four economic.
    other = [
        {
            **row,
            "claim": "interpretation" if i % 9 == 0 else row["claim"],
            "theme": ["economic"] * (i % 4 == 0),
        }
        for i, row in enumerate(gold)
    ]
    found = label_shares(path, tiny, by=["all"], reference=other)
    shares = {s.label: s for s in found.shares}
    for label in ("reported_fact", "interpretation", "speculation"):
        true = np.mean([row["claim"] == label for row in other])
        assert shares[label].adjusted == pytest.approx(true, abs=1e-3)
    assert shares["economic"].adjusted == pytest.approx(0.25, abs=1e-3)


def test_why_a_share_is_not_corrected_is_said(tmp_path: Path, tiny: Tagger) -> None:
    docs = ["d0", "d1", "d2"]
    rows = [r for d in docs for r in tiny.tag("The talks may fail. Oil rose.", d).to_rows()]
    rows = [row | {"outlet": "A" if row["doc"] == "d0" else "B"} for row in rows]

    def said(by: str, errors: dict[str, Any]) -> list[str]:
        model = replace(tiny.model, about=tiny.model.about | {"out_of_fold": errors})
        lines = (json.dumps(row | {"model": model.id}) + "\n" for row in rows)
        (tmp_path / "t.jsonl").write_text("".join(lines))
        found = label_shares(str(tmp_path / "t.jsonl"), model, by=[by]).notes
        return [note for note in found if "corrected" in note]

    sure, chance = [[90, 5], [5, 90]], [[50, 50], [50, 50]]
    good = {"claim": [[90, 5, 5], [5, 90, 5], [5, 5, 90]], "theme": [sure] * 3}
    assert said("all", good) == [BY_CROSS_VALIDATION]
    alone = "groups of one document are not corrected"
    assert said("outlet", good) == [BY_CROSS_VALIDATION, alone]
    alike = "in cross-validation the model hardly told its labels from others"
    poor = {"claim": [[30] * 3] * 3, "theme": [sure, chance, sure]}
    assert said("all", poor) == [
        BY_CROSS_VALIDATION,
        "claim is not corrected (reported_fact, interpretation, speculation): " + alike,
        "theme is not corrected (diplomatic): " + alike,
    ]
    del poor["claim"]
    assert said("all", poor)[1].endswith("how often the model errs on it is not known")


def test_errors_on_other_text_than_a_model_learned_from_correct_nothing(
    tmp_path: Path, tagger: Tagger, tiny: Tagger
) -> None:
    assert tagger.model.about["out_of_fold"] and not tagger.model.known_errors
    assert tiny.model.known_errors == tiny.model.about["out_of_fold"]
    rows = [r for i in range(3) for r in tagger.tag("Oil rose.", f"d{i}").to_rows()]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = label_shares(str(tmp_path / "t.jsonl"), tagger)
    assert all(s.adjusted is None for s in found.shares)
    assert "--reference" in found.notes[0]


def test_command_corrects_with_what_the_manifest_records(tmp_path: Path, tiny_folder: Path) -> None:
    (tmp_path / "in.jsonl").write_text(
        "".join(
            json.dumps({"text": "The talks may fail.", "doc": f"d{i}"}) + "\n" for i in range(9)
        )
    )

    def tagger(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tagger", *args], cwd=tmp_path, capture_output=True, text=True
        )

    assert not tagger(
        "predict", "in.jsonl", "-o", "o.jsonl", "--model", str(tiny_folder)
    ).returncode
    done = tagger("stats", "o.jsonl", "--format", "json")
    assert done.returncode == 0
    assert done.stderr == f"tagger: {BY_CROSS_VALIDATION.removesuffix(' (reference=)')}\n"
    found = {s["label"]: s for s in json.loads(done.stdout)}
    assert found["speculation"]["raw"] == 1 and found["speculation"]["adjusted"] > 0.9
    assert "all" in tagger("stats", "o.jsonl").stdout
    assert "drifted" not in tagger("stats", "o.jsonl", "--compare", "o.jsonl").stdout


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["stats", "a.jsonl", "--compare", "b.jsonl", "--by", "month"], "--by"),
        (["stats", "a.jsonl", "--compare", "b.jsonl", "--plots", "figures"], "--plots"),
        (["evaluate", "a.jsonl", "--check", "report", "--rounds", "10"], "--rounds"),
        (["evaluate", "a.jsonl", "--check", "report", "-o", "other"], "--output"),
        (["predict", "--engine", "dask", "-o", "o.parquet", "--explain", __file__], "--explain"),
    ],
)
def test_options_that_would_do_nothing_are_refused(arguments: list[str], option: str) -> None:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 2
    assert f"{option} is not for" in done.stderr


def test_shares_are_the_same_whatever_the_format_of_the_output(
    tmp_path: Path, tiny_folder: Path
) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("openpyxl")
    several = (
        ["A", '"B"', 7, True],
        ["2024-01-03", "3 Feb. 2024", 20240305, "soon"],
        [{"a": "b"}, [1]],
    )
    rows = [
        {"text": "The talks may fail.", "outlet": several[0][i % 4], "date": several[1][i % 4],
         "sound": i % 3 > 0, "deep": several[2][i % 2]}
        for i in range(12)
    ]  # fmt: skip
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = []
    for form in ("jsonl", "csv", "parquet", "xlsx"):
        output = str(tmp_path / f"out.{form}")
        command = "predict", str(tmp_path / "in.jsonl"), "-o", output, "--model", str(tiny_folder)
        done = CliRunner().invoke(cli, command, catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
        own = label_shares(output, by=["outlet", "month", "sound", "deep"])
        found.append([(s.by, s.group, s.n_sentences, s.raw) for s in own.shares])
        assert any("3 of 12 sentences have a date that" in note for note in own.notes)
    assert found[0] == found[1] == found[2] == found[3]
    assert {group for by, group, *_ in found[0] if by == "outlet"} == {"A", '"B"', "7", "true"}
    assert {group for by, group, *_ in found[0] if by == "sound"} == {"false", "true"}


def test_a_column_of_dates_is_found_whatever_its_case_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [("a", "2024-01-02", "speculation")])
    text = Path(path).read_text().replace('"date"', '"Date"')
    Path(path).write_text(text)
    found = label_shares(path)
    assert {s.group for s in found.shares if s.by == "month"} == {"2024-01"}
    assert f"{path}: date in column 'Date'" in found.notes
    Path(path).write_text(text.replace('"Date"', '"Date": "", "DATE"'))
    with pytest.raises(DataError, match="there is no column 'date' to group by: did you mean"):
        label_shares(path, by=["month"])


def test_months_without_sentences_have_their_place_in_a_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [(f"d{i}", f"2024-{1 + 9 * (i % 2):02d}-01", "speculation") for i in range(6)]
    found = label_shares(write(tmp_path / "a.jsonl", rows), by=["month"]).shares
    (svg,) = (
        p for p in plot_shares(found, tmp_path / "p") if p.name == "shares-claim-by-month.svg"
    )
    assert re.findall(r">(2024-\d\d)<", svg.read_text()) == [f"2024-{n:02d}" for n in range(1, 11)]


def test_a_plot_shows_corrected_shares_with_their_intervals(tmp_path: Path, tiny: Tagger) -> None:
    pytest.importorskip("matplotlib")
    gold, path = labelled_and_tagged(tmp_path, tiny)
    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    for i, row in enumerate(rows):
        row["outlet"] = "ab"[i // 3 % 2]
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))

    def dotted(**more: Any) -> int:
        found = label_shares(path, tiny, by=["outlet"], **more).shares
        found = tuple(replace(s, adjusted=None) for s in found) if not more else found
        (svg, *_) = plot_shares(found, tmp_path / "p", force=True)
        return svg.read_text().count("stroke-dasharray: 1,")

    assert dotted() == 0 and dotted(reference=gold) == 6


def test_equal_values_of_other_types_are_groups_of_their_own_in_any_order(tmp_path: Path) -> None:
    def groups(values: list[object]) -> dict[str, int]:
        rows = [
            {"doc": f"d{i // 4}", "text": "t", "claim": "speculation", "theme": [], "g": value}
            for i, value in enumerate(values)
        ]
        (tmp_path / "g.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        counted = tally(str(tmp_path / "g.jsonl"), CLAIMS, ("g",))
        return {s.group: s.n_sentences for s in shares(counted, "g")}

    values: list[object] = [1, True, 1.0, "1", 1, True, 1.0, "1"]
    assert groups(values) == groups(sorted(values, key=str)) == {"1": 4, "1.0": 2, "true": 2}


def test_sentences_without_a_document_are_said(tmp_path: Path) -> None:
    rows = [
        {"text": f"t{i}", "claim": "speculation", "theme": [], "doc": "d" if i else None}
        for i in range(9)
    ]
    (tmp_path / "n.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (note,) = tally(str(tmp_path / "n.jsonl"), CLAIMS).notes
    assert "1 sentence without a document (column doc)" in note


def test_a_reference_that_the_model_has_learned_from_is_said(tmp_path: Path, tiny: Tagger) -> None:
    gold, _ = labelled_and_tagged(tmp_path, tiny)
    seen = fingerprints([row["text"] for row in gold[:50]])
    own = Tagger(replace(tiny.model, trained_on=np.unique(seen)))
    path = str(tmp_path / "again.jsonl")
    rows = [r for row in gold for r in own.tag(row["text"], row["doc"]).to_rows()]
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = label_shares(path, own, by=["all"], reference=gold)
    assert any("of the reference were in the training data of the model" in x for x in found.notes)
    by_document = label_shares(path, own, by=["document"], reference=gold)
    assert "groups of one document are not corrected" in by_document.notes
