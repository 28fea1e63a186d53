"""A network's file is walked before it is run: no loops, no functions, no other files."""

import pytest
from conftest import ROOT

from tagger.encoder.graph import check_graph
from tagger.errors import ModelError


def field(number, *inside):
    """Return a message of a protocol buffer as a field of another."""
    data = b"".join(inside)
    return (
        bytes([number << 3 & 127 | 2 | (128 if number > 15 else 0)])
        + (bytes([number >> 4]) if number > 15 else b"")
        + bytes([len(data)])
        + data
    )


OTHER_FILE = field(13, field(1, b"location"), field(2, b"/etc/passwd"))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (field(7, field(1, field(5, field(6, b"")))), "holds a loop or a condition"),
        (field(7, field(1, field(5, field(11, b"")))), "holds a loop or a condition"),
        (field(7, field(5, OTHER_FILE)), "holds the name of another file"),
        (field(7, field(1, field(5, field(5, OTHER_FILE)))), "holds the name of another file"),
        (field(7, field(15, field(1, OTHER_FILE))), "holds the name of another file"),
        (field(25, b""), "holds a function"),
        (b"\x3b", "it is no network"),
        (b"\x08", "ends too early"),
        (b"\x08" + b"\xff" * 12, "ends too early"),
        (b"\xff" * 100_000, "ends too early"),
    ],
)
def test_what_no_reader_needs_is_refused(data, match):
    with pytest.raises(ModelError, match=match):
        check_graph(data, "model.onnx")


def test_the_shipped_network_is_plain():
    check_graph((ROOT / "models" / "claims-en-reader" / "model.onnx").read_bytes(), "model.onnx")
    check_graph(field(7, field(1, b"\x0a\x03ids", field(5, field(5, b"\x4a\x02ab")))), "x")
