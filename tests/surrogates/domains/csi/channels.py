"""Channels that are sums of complex exponentials, and batches of them."""

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.learning.context import Context

HISTORY, HORIZON = 16, 4
PAST, AHEAD, DOWNLINK = "uplink_history", "uplink_future", "downlink_future"


def exponentials(
    examples: int = 3, antennas: int = 4, subcarriers: int = 12, paths: int = 5, seed: int = 0
) -> Tensor:
    """Channels (example, antenna, snapshot, sub-carrier) of mean power 1, a Doppler shift for each path."""
    rng = np.random.default_rng(seed)
    angle, delay, doppler = (rng.uniform(-0.5, 0.5, (examples, paths)) for _ in range(3))
    gain = (rng.normal(size=(examples, paths)) + 1j * rng.normal(size=(examples, paths))) / (2 * paths) ** 0.5
    steps = [
        np.exp(2j * np.pi * each[..., None] * np.arange(size))
        for each, size in ((angle, antennas), (doppler, HISTORY + HORIZON), (delay, subcarriers))
    ]
    return torch.from_numpy(np.einsum("np,npa,npt,npk->natk", gain, *steps))


def noisy(channels: Tensor, variance: float, seed: int = 0) -> Tensor:
    """Add circular Gaussian noise."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(channels.shape, generator=generator, dtype=channels.dtype)
    return channels + variance**0.5 * noise


def batch_of(channels: Tensor, *, target: str = AHEAD) -> dict[str, Tensor]:
    """Past and future of channels, complex64."""
    channels = channels.to(torch.complex64)
    return {PAST: channels[:, :, :HISTORY], target: channels[:, :, HISTORY:]}


def context(antennas: int = 4, subcarriers: int = 12, *, target: str = AHEAD) -> Context:
    """What pieces know of such batches."""
    band = "downlink" if target == DOWNLINK else "uplink"
    return Context.of(
        [_spec(PAST, "time", HISTORY, antennas, "uplink", subcarriers)],
        [_spec(target, "horizon", HORIZON, antennas, band, subcarriers)],
    )


def _spec(name: str, steps: str, count: int, antennas: int, band: str, subcarriers: int) -> VariableSpec:
    return VariableSpec(
        name=name,
        dims=("sample", "antenna", steps, f"{band}_subcarrier"),
        shape=(antennas, count, subcarriers),
        dtype="complex64",
    )
