"""PDFs as several programs lay them out: what stands on lines of its own stays so."""

import io
import time

import pytest

from tagger.files import pdf
from tagger.files.layout import Line, paragraphs, without_running
from tagger.files.rows import Note, Row

TITLE = ["Talks on the Grain Corridor Stall as All of", "the Envoys Leave"]
BODY = [
    "ODESA (Wire) - The talks on the grain corridor stalled on Mon-",
    "day after the envoys left without a date, officials said. Traders",
    "had expected a long-term extension of the agreement with all of",
    "the states that lie on the shore.",
    "Prices could rise if no ship leaves port this month. The long-",
    "term arrangement remained in force, the ministry said, and all",
    "sides wait.",
]
PARAGRAPHS = [
    "ODESA (Wire) - The talks on the grain corridor stalled on Monday after the envoys left "
    "without a date, officials said. Traders had expected a long-term extension of the agreement "
    "with all of the states that lie on the shore.",
    "Prices could rise if no ship leaves port this month. The long-term arrangement remained in "
    "force, the ministry said, and all sides wait.",
]


def document(*pages):
    """Return a PDF; each line of a page is (text, x, y, size) and "bold" where it is."""
    fonts = "/F1 3 0 R /bold 4 0 R"
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        4: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
    }
    for lines in pages:
        drawn = "".join(
            f"BT /{(*font, 'F1')[0]} {size} Tf {x} {y} Td ({text}) Tj ET\n"
            for text, x, y, size, *font in lines
        ).encode("latin-1")
        n = max(objects) + 1
        objects[n] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn)
        objects[n + 1] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {n} 0 R "
            f"/Resources << /Font << {fonts} >> >> >>"
        ).encode()
    kids = " ".join(f"{n} 0 R" for n in range(6, max(objects) + 1, 2))
    objects[2] = f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode()
    out, places = b"%PDF-1.4\n", []
    for n, content in sorted(objects.items()):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (n, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer << /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return out + head + table + tail + b"startxref\n%d\n%%%%EOF" % len(out)


def set_out(lines, x=72, y=700, size=11, leading=14, *font):
    return [(line, x, y - i * leading, size, *font) for i, line in enumerate(lines)]


def read(*pages):
    """Return the paragraphs of a document, its headings, and what was said."""
    items = list(pdf.read(io.BytesIO(document(*pages)), "a.pdf"))
    (row,) = [item for item in items if isinstance(item, Row)]
    text = row.record["text"]
    notes = {item.what: item.n for item in items if isinstance(item, Note)}
    return text.split("\n\n"), [text[a:b] for a, b in row.headings], notes


def article(below):
    """Return the lines of a page: a title, a dateline, two paragraphs with a subhead between."""
    date = [("March 18, 2024", 72, 660, 11)]
    subhead = [("What comes next", 72, 550, 11, "bold")]
    first = set_out(BODY[:4], y=630)
    return set_out(TITLE, y=720, size=18, leading=22) + date + first + subhead + below


@pytest.mark.parametrize(
    "below",
    [
        set_out(BODY[4:], y=530),
        [*set_out(BODY[4:], y=530), ("Page 1 of 1", 280, 30, 9)],
        [*set_out(BODY[4:], y=530), ("- 1 -", 280, 30, 9)],
        [*set_out(BODY[4:], y=530), ("1", 280, 30, 9)],
    ],
    ids=["plain", "page", "dashes", "number"],
)
def test_what_stands_on_a_line_of_its_own_stays_so(below):
    found, headings, notes = read(article(below))
    title = " ".join(TITLE)
    assert found == [title, "March 18, 2024", PARAGRAPHS[0], "What comes next", PARAGRAPHS[1]]
    assert headings == [title, "What comes next"]
    assert list(notes.values()) == ([1] if len(below) > 3 else [])


def test_lines_of_one_size_without_gaps_are_told_by_their_room():
    lines = ["Talks on Grain Stall", "March 18, 2024", *BODY[:4], "What comes next", *BODY[4:]]
    found, headings, _ = read(set_out(lines))
    assert found == [*lines[:2], PARAGRAPHS[0], "What comes next", PARAGRAPHS[1]]
    assert not headings  # nothing but the words tells


def test_gaps_or_indents_divide_paragraphs_of_full_lines():
    full = "The talks on the grain corridor of the sea stalled on Monday."
    by_gap = [(full, 72, 700, 11), (full, 72, 686, 11), (full, 72, 660, 11), (full, 72, 646, 11)]
    by_indent = [(full, 90, 700, 11), (full, 72, 686, 11), (full, 90, 672, 11)]
    by_indent += [(full, 72, 658, 11), (full, 72, 644, 11)]
    assert read(by_gap)[0] == [f"{full} {full}"] * 2
    assert read(by_indent)[0] == [f"{full} {full}", f"{full} {full} {full}"]


def test_columns_and_pages_do_not_cut_a_sentence():
    left, right = set_out(BODY[:2], x=50, y=120), set_out(BODY[2:4], x=320, y=700)
    assert read(left + right)[0] == PARAGRAPHS[:1]
    assert read(left, right)[0] == PARAGRAPHS[:1]


def test_columns_that_are_drawn_line_by_line_are_said():
    left, right = set_out(BODY, 72), set_out(BODY, 320)
    across = [line for pair in zip(left, right, strict=True) for line in pair]
    note, _ = pdf.read(io.BytesIO(document(across)), "a.pdf")
    assert note.what.startswith("pages are read across their columns") and note.n == 1
    assert len(list(pdf.read(io.BytesIO(document(left + right)), "a.pdf"))) == 1


@pytest.mark.parametrize("n_pages", [2, 3, 9])
@pytest.mark.parametrize("number", ["Page {} of {}", "{}/{}", "The Daily Grain | {}", "{}"])
def test_what_runs_through_pages_is_left_out_and_counted(n_pages, number):
    pages = []
    for n in range(n_pages):
        # Drawn first, as some programs do, wherever it stands.
        around = [("The Daily Grain", 72, 770, 9), (number.format(n + 1, n_pages), 280, 30, 9)]
        lines = [f"In {2000 + 7 * n} the {word} talks" for word in ["first", "second", "third"]]
        pages.append(around + set_out(lines))
    found, _, notes = read(*pages)
    assert notes == {"lines at the edges of pages left out": 2 * n_pages}
    assert "Grain" not in " ".join(found)
    assert sum(paragraph.count("talks") for paragraph in found) == 3 * n_pages


def test_text_at_an_edge_that_counts_nothing_is_kept():
    pages = [[Line(f"It had {n} ships.", 50, 700, 11), Line("Talks.", 50, 600, 11)] for n in (3, 9)]
    pages[1][1] = Line("Prices.", 50, 600, 11)
    assert without_running(pages) == (pages, 0)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["the well-", "known decision-", "making of", "them"], "well-known decision-making"),
        (["the announce-", "ment of it"], "announcement"),
        (["the Verhand-", "lungen of"], "Verhandlungen"),
        (["from 2019-", "2020 on"], "2019-2020"),
        (["of Jean-", "Pierre and"], "Jean-Pierre"),
        (["re\u00ad", "cord it"], "record"),
        (["the author\u2010", "ity of"], "authority"),
        (["words - ", "and more"], "words - and more"),
        (["co-", "operate, or cooperate"], "cooperate, or cooperate"),
        (["\ufb01nal"], "\ufb01nal"),
    ],
)
def test_a_hyphen_at_the_end_of_a_line(lines, expected):
    page = [Line(line.strip(), 50, 700 - 14 * i, 11) for i, line in enumerate(lines)]
    (found,) = [" ".join(text for text, _ in paragraphs([page], pdf._is_word))]
    assert expected in found


def test_letters_that_recognition_sized_are_no_headings():
    sizes = (9, 11, 10, 12.5, 8.5, 11.5, 9.5)
    page = [
        Line(line, 50, 700 - 14 * i, s) for i, (line, s) in enumerate(zip(BODY, sizes, strict=True))
    ]
    assert [text for text, _ in paragraphs([page], pdf._is_word)] == PARAGRAPHS


def test_ligatures_are_letters():
    runs = [pdf._Run(text, 1.0, 2.0, 3.0, False) for text in ("a \ufb01nal\n", "o\ufb03ce")]
    assert [line.text for line in pdf._lines(runs)] == ["a final", "office"]


def test_time_is_linear_in_the_length():
    def seconds(n):
        page = [Line(f"{BODY[i % 7]} {i}", 50, 700 - 14 * (i % 50), 11) for i in range(n)]
        begun = time.perf_counter()
        paragraphs(without_running([page])[0], pdf._is_word)
        return time.perf_counter() - begun

    seconds(100)
    assert seconds(16_000) < 24 * max(seconds(2000), 0.01)
