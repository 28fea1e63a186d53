"""A trained network -> the files that the second reader works with."""

import logging
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from tagger.encoder.network import Network


class _Alone(nn.Module):
    """The network for one sentence, which needs no mask."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor) -> Tensor:
        """Return scores of shape (1, n_outputs)."""
        hidden = self.network.encoder(input_ids=ids).last_hidden_state
        return self.network.output(hidden.mean(1))


def to_onnx(network: Network, quantized: bool = True) -> bytes:
    """Return a network as ONNX, its weights in 8 bits, for one sentence at a time.

    Parameters
    ----------
    network : the trained network.
    quantized : whether to round weights to 8 bits, or leave them as they are.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    network.eval()
    network.encoder.set_attn_implementation("eager")
    ids = torch.ones((1, 9), dtype=torch.int64)
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        # The older exporter is on its way out, and needs nothing beside torch.
        warnings.simplefilter("ignore")
        plain, small = Path(scratch, "plain.onnx"), Path(scratch, "small.onnx")
        torch.onnx.export(
            _Alone(network).eval(),
            (ids,),
            str(plain),
            dynamo=False,
            input_names=["ids"],
            output_names=["scores"],
            dynamic_axes={"ids": {1: "tokens"}},
            opset_version=17,
        )
        if not quantized:
            return plain.read_bytes()
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)  # it recommends what changes nothing for these networks
        try:
            quantize_dynamic(plain, small, per_channel=True, weight_type=QuantType.QInt8)
        finally:
            logging.disable(before)
        return small.read_bytes()
