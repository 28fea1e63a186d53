"""A new format is one function and one row of a table: here lines "doc: text"."""

from tagger import Tagger
from tagger.bulk.job import run
from tagger.bulk.settings import JobSettings
from tagger.files import folders, formats, writers
from tagger.files.batches import input_of
from tagger.files.rows import Row


def read_colons(stream, source, limit):
    """Yield each line as a document."""
    for number, line in enumerate(stream, 1):
        doc, _, text = line.decode("utf-8").strip().partition(": ")
        yield Row({"doc": doc, "text": text}, source, number)


def to_colons(table, kinds, texts):
    """Return a line a sentence: its document and its claim type."""
    claims = table.columns()["claim"]
    pairs = zip(table.doc, claims, strict=True)
    return "".join(f"{doc}: {claim}\n" for doc, claim in pairs).encode()


def test_a_reader_and_a_writer_are_a_row_each(monkeypatch, tagger: Tagger, tmp_path):
    reader = formats.Format("colons", (".colons",), read_colons, records=True)
    writer = writers.Writer("claims", to_colons, writers._join_lines, streams=True)
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, reader))
    monkeypatch.setattr(writers, "WRITERS", (*writers.WRITERS, writer))
    (tmp_path / "in.colons").write_text("a: Oil rose. It may fall.\nb: Oil fell.\n")
    source = input_of(folders.expand([str(tmp_path)]))
    result = run(tagger, JobSettings(source, tmp_path / "out.claims", "claims"))
    assert (result.rows, result.sentences) == (2, 3)
    expected = "a: reported_fact\na: speculation\nb: reported_fact\n"
    assert (tmp_path / "out.claims").read_text() == expected
