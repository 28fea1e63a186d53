"""A tiny encoder to start from, and a second reader that counts tokens, made in the tests."""

import re
import shutil
import string
from collections import Counter

import numpy as np
import pytest

from tagger.predictor import shipped_model
from tagger.schema import CLAIMS


@pytest.fixture(scope="session")
def base(tmp_path_factory, small_corpus):
    """A random encoder of two layers, with a tokenizer of the corpus' words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("base")
    # Not trained by the library, which breaks ties another way each time, and with them what is
    # learned on top.
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words = Counter(re.findall(r"\w+|[^\w\s]", " ".join(small_corpus.texts).lower()))
    letters = sorted({*"".join(words), *string.ascii_lowercase, *string.digits})
    pieces = [*letters, *(f"##{letter}" for letter in letters)]
    common = sorted(words, key=lambda word: (-words[word], word))
    known = list(dict.fromkeys([*special, *pieces, *common]))[:800]
    vocabulary = {piece: i for i, piece in enumerate(known)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    import torch

    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory, tagger):
    """A network that scores a sentence by its number of tokens, with a tokenizer of its words."""
    pytest.importorskip("onnxruntime", reason="needs the extra encoder")
    onnx = pytest.importorskip("onnx", reason="needs the extra encoder-train")
    from onnx import TensorProto, helper, numpy_helper
    from tokenizers import Tokenizer, models, pre_tokenizers

    from tagger.encoder.combination import Combination
    from tagger.encoder.reader import SecondReader

    weights = np.array([[0.1, -0.1, 0.0, 0.2, -0.2, 0.1]], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Shape", ["ids"], ["shape"]),
            helper.make_node("Gather", ["shape", "one"], ["n"]),
            helper.make_node("Cast", ["n"], ["x"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["x", "w"], ["scores"]),
        ],
        "length",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 6])],
        [
            numpy_helper.from_array(np.array([[1]], np.int64), "one"),
            numpy_helper.from_array(weights, "w"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "the": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    place = tmp_path_factory.mktemp("models") / "model"
    shutil.copytree(shipped_model(), place)
    half = Combination(np.full(3, 0.5), np.full(3, 0.5), np.zeros(3))
    reader = SecondReader(
        *(CLAIMS, model.SerializeToString(), tokenizer.to_str().encode(), 16, tagger.model.id),
        combinations={task.name: half for task in CLAIMS.tasks},
    )
    beside = place.with_name("model-reader")
    beside.mkdir()
    for name, data in reader.contents().items():
        (beside / name).write_bytes(data)
    return place
