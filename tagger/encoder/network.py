"""The network of the second reader: an encoder, the mean of its tokens, one linear layer."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils import logging

from tagger.encoder.settings import MAX_BYTES, EncoderSettings
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
    logging.disable_progress_bar()
    try:
        encoder = AutoModel.from_pretrained(folder, dtype=torch.float32)
        tokenizer = read_tokenizer(folder, settings.max_tokens)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"base is {settings.base!r}, which cannot be loaded: {str(error).splitlines()[0]}; "
            "expected a folder, an installed package or a hub's name of an encoder"
        ) from None
    _check_size(encoder, settings)
    network = Network(encoder, n_outputs, settings.dropout)
    freeze(network, settings.frozen)
    return network, tokenizer


def _check_size(encoder: Any, settings: EncoderSettings) -> None:
    """Refuse before the work begins what could not be read in the end."""
    n = sum(parameter.numel() for parameter in encoder.parameters())
    if n > MAX_BYTES:  # a byte a weight
        raise ConfigError(
            f"base {settings.base!r} has {n:,} weights, expected at most {MAX_BYTES:,}: take a "
            "smaller encoder"
        )
    longest = getattr(encoder.config, "max_position_embeddings", None)
    if longest and settings.max_tokens > longest:
        raise ConfigError(
            f"max_tokens is {settings.max_tokens}, but base {settings.base!r} reads at most "
            f"{longest} tokens: set encoder.max_tokens={longest}"
        )


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
    encoder, none = network.encoder, nn.ModuleList()
    # BERT's kin name the list of their layers in many ways; it is the first that there is.
    layers = next((x for x in encoder.modules() if isinstance(x, nn.ModuleList)), none)
    if n_layers > len(layers):
        raise ConfigError(f"frozen is {n_layers}, but the encoder has {len(layers)} layers")
    parts = [getattr(encoder, "pooler", None) or none]
    if n_layers:
        own = getattr(encoder, "embeddings", None) or encoder.get_input_embeddings()
        parts += [own, *layers[:n_layers]]
    for part in parts:
        part.requires_grad_(False)
