"""Fine-tuning: samples -> a network, epoch by epoch, resumable."""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tagger.encoder.network import Network
from tagger.encoder.samples import Samples, padded, shuffled_batches
from tagger.encoder.settings import EncoderSettings
from tagger.schema import Schema, outputs_of
from tagger.targets import atomic_write

Progress = Callable[[str, int, int], None]


def fit(
    network: Network,
    samples: Samples,
    schema: Schema,
    settings: EncoderSettings,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda what, done, total: None,
) -> None:
    """Train a network in place.

    Parameters
    ----------
    network : what to start from.
    samples : what to learn.
    schema : the tasks of its outputs, in their order.
    settings : how.
    seed : decides the order of the sentences and what is dropped out.
    checkpoint : file that keeps the state after each epoch; training goes on from it where
        data, settings and seed are the same, and begins anew, said to `progress`, elsewhere.
    progress : is told the epoch and loss, and how many steps of how many are done.
    """
    optimizer = _optimizer(network, settings)
    key = _key(network, samples, settings, seed)
    first = _resume(checkpoint, key, network, optimizer, progress) if checkpoint else 0
    lengths = [len(tokens) for tokens in samples.tokens]
    a_epoch = -(-len(samples) // settings.batch)
    total = a_epoch * settings.epochs
    for epoch in range(first, settings.epochs):
        # Seeded anew each epoch: what is resumed goes on as what never stopped.
        torch.manual_seed(seed * 1000 + epoch)
        random = np.random.default_rng([seed, epoch])
        network.train()
        losses = 0.0
        for i, batch in enumerate(shuffled_batches(lengths, settings.batch, random)):
            step = epoch * a_epoch + i
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * _rate(step, total, settings.warmup)
            losses += _step(network, samples.take(batch), schema, settings, optimizer)
            what = f"epoch {epoch + 1} of {settings.epochs}, loss {losses / (i + 1):.3f}"
            progress(what, step + 1, total)
        if checkpoint:
            # What is frozen is that of the base; who has seen all takes no further step.
            learned = {n: x.detach() for n, x in network.named_parameters() if x.requires_grad}
            steps = optimizer.state_dict() if epoch + 1 < settings.epochs else None
            state = {"key": key, "epoch": epoch + 1, "network": learned, "optimizer": steps}
            with atomic_write(checkpoint) as stream:
                torch.save(state, stream)
    network.eval()


def _step(
    network: Network,
    samples: Samples,
    schema: Schema,
    settings: EncoderSettings,
    optimizer: torch.optim.Optimizer,
) -> float:
    ids, mask = map(torch.from_numpy, padded(samples.tokens))
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
        scores = network(ids, mask)
    targets = torch.from_numpy(samples.targets).float()
    known = torch.from_numpy(samples.known).float()
    loss = _loss(scores.float(), targets, known, schema, settings.smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _loss(
    scores: Tensor, targets: Tensor, known: Tensor, schema: Schema, smoothing: float
) -> Tensor:
    """Return the mean over the sentences of the cross-entropies of their annotated tasks."""
    total = scores.new_zeros(())
    for task, part in outputs_of(schema):
        z, y, has = scores[:, part], targets[:, part], known[:, part]
        if task.multilabel:
            each = functional.binary_cross_entropy_with_logits(z, y, reduction="none")
        else:
            y = y * (1 - smoothing) + smoothing / len(task.labels)
            each = -y * functional.log_softmax(z, dim=1)
        total = total + (each * has).sum() / len(z)
    return total


def _rate(step: int, total: int, warmup: float) -> float:
    rise = max(1.0, total * warmup)
    return min((step + 1) / rise, (total - step) / max(1.0, total - rise))


def _optimizer(network: Network, settings: EncoderSettings) -> torch.optim.Optimizer:
    learned = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in learned if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def _key(network: Network, samples: Samples, settings: EncoderSettings, seed: int) -> str:
    """Return a hash of all that decides what training makes."""
    made = settings, seed, samples.tokens, torch.__version__
    digest = blake2b(repr(made).encode(), digest_size=16)
    digest.update(samples.targets.tobytes())
    digest.update(samples.known.tobytes())
    for name, value in network.state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()


def _resume(
    checkpoint: Path, key: str, network: Network, optimizer: Any, progress: Progress
) -> int:
    """Take up the state of a checkpoint and return how many epochs are done."""
    if not checkpoint.exists():
        return 0
    try:
        state = torch.load(checkpoint, weights_only=True)
        whole = state.keys() == {"key", "epoch", "network", "optimizer"}
    except Exception:  # a damaged file raises whatever the unpickler or the archive raises
        whole = False
    if not whole or state["key"] != key:
        what = "is of another training" if whole else "is damaged"
        progress(f"{checkpoint} {what}: beginning anew", 0, 0)
        return 0
    network.load_state_dict(state["network"], strict=False)
    if state["optimizer"] is not None:
        optimizer.load_state_dict(state["optimizer"])
    return int(state["epoch"])
