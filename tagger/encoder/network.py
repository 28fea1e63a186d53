"""The network of the second reader: an encoder, the mean of its tokens, one linear layer."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel

from tagger.encoder.settings import EncoderSettings
from tagger.errors import ConfigError


class Network(nn.Module):
    """Token numbers -> one score an output."""

    def __init__(self, encoder: Any, n_outputs: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(encoder.config.hidden_size, n_outputs)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return scores of shape (n_sentences, n_outputs)."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weights).sum(1) / weights.sum(1)
        return self.output(self.dropout(mean))


def base_folder(base: str) -> str:
    """Return the folder of an encoder: as named, inside an installed package, or a hub's name."""
    from importlib.util import find_spec

    if Path(base).is_dir():
        return base
    name = base.replace("-", "_")
    spec = find_spec(name) if name.isidentifier() else None
    for place in (spec and spec.submodule_search_locations) or ():
        found = sorted(Path(place).rglob("config.json"), key=lambda path: len(path.parts))
        found = [path for path in found if (path.parent / "tokenizer.json").exists()]
        if found:
            return str(found[0].parent)
    return base


def load_base(settings: EncoderSettings, n_outputs: int, seed: int) -> tuple[Network, Tokenizer]:
    """Load an encoder with a new output layer, and its tokenizer.

    Raises
    ------
    ConfigError : there is no such encoder, or it has fewer layers than are to be frozen.
    """
    folder = base_folder(settings.base)
    torch.manual_seed(seed)  # before what the folder lacks is drawn
    try:
        encoder = AutoModel.from_pretrained(folder, dtype=torch.float32)
        tokenizer = read_tokenizer(folder, settings.max_tokens)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"base is {settings.base!r}, which cannot be loaded: {str(error).splitlines()[0]}; "
            "expected a folder, an installed package or a hub's name of an encoder"
        ) from None
    network = Network(encoder, n_outputs, settings.dropout)
    freeze(network, settings.frozen)
    return network, tokenizer


def read_tokenizer(folder: str, max_tokens: int) -> Tokenizer:
    """Return the tokenizer of an encoder, cutting off what is too long and filling nothing up."""
    path = Path(folder, "tokenizer.json")
    tokenizer = (
        Tokenizer.from_file(str(path)) if path.exists() else Tokenizer.from_pretrained(folder)
    )
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def freeze(network: Network, n_layers: int) -> None:
    """Keep the weights of the embeddings and the first layers as they are, for 0 of nothing."""
    layers = network.encoder.encoder.layer
    if n_layers > len(layers):
        raise ConfigError(f"frozen is {n_layers}, but the encoder has {len(layers)} layers")
    for part in (network.encoder.embeddings, *layers[:n_layers]) if n_layers else ():
        for parameter in part.parameters():
            parameter.requires_grad = False
    for parameter in (getattr(network.encoder, "pooler", None) or nn.Module()).parameters():
        parameter.requires_grad = False
