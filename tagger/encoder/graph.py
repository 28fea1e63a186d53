"""What a network's file may hold: sums that end, and nothing of another file.

ONNX is a protocol buffer; its fields are walked here as far as they could hold loops, functions
or the names of files, before the library that would obey them sees it.
"""

from tagger.errors import ModelError

# By kind of message and number of field: the kind inside, or "!" and what it is.
_FIELDS = {
    "model": {7: "graph", 25: "!a function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {
        **{5: "tensor", 10: "tensor", 22: "sparse", 23: "sparse"},
        **{6: "!a loop or a condition", 11: "!a loop or a condition"},
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "!the name of another file"},
}


def check_graph(data: bytes, name: str) -> None:
    """Refuse a network that could run for ever or read other files.

    Raises
    ------
    ModelError : it holds what no second reader needs, or is damaged.
    """
    try:
        _walk(memoryview(data), "model", name)
    except IndexError:
        raise ModelError(f"{name}: cannot be loaded: it ends too early") from None


def _walk(data: memoryview, kind: str, name: str) -> None:
    inside, at = _FIELDS[kind], 0
    while at < len(data):
        key, at = _number(data, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            _, at = _number(data, at)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        elif wire == 2:
            size, at = _number(data, at)
            found = inside.get(field, "")
            if found.startswith("!"):
                raise ModelError(f"{name}: holds {found[1:]}, expected a plain network")
            if found:
                _walk(data[at : at + size], found, name)
            at += size
        else:
            raise ModelError(f"{name}: cannot be loaded: it is no network")


def _number(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at
        if shift > 63:
            raise IndexError(at)
