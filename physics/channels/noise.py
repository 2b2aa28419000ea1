"""Noise of the benchmark CSI-RRG on what is known of a channel, each sample's by its own generator.

Channels are complex tensors of shape (sample, antenna, time, subcarrier).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from physics.channels.checks import within
from physics.channels.response import mean_power

COMPONENT = 2**-0.5
"""Standard deviation of the real and of the imaginary part of a channel of mean power 1."""
PHASE = {10: 0.32, 15: 0.18, 20: 0.10, 25: 0.056}
"""Standard deviation of the phase, rad, that CSI-RRG takes for an SNR in dB."""
BURST = {10: 0.29, 15: 0.16, 20: 0.09, 25: 0.054}
"""Degree of bursts that CSI-RRG takes for an SNR in dB."""
LONGEST = 10
"""Most snapshots of a burst."""


def white_noise(channel: Tensor, snr: Sequence[float], rngs: Sequence[np.random.Generator]) -> Tensor:
    """Add complex white Gaussian noise.

    Parameters
    ----------
    channel
        Of any mean power.
    snr
        Mean power of each sample over that of its noise, dB.
    rngs
        One for each sample.
    """
    for each in snr:
        within("snr", each, -100.0, 200.0, "dB")
    ratios = torch.tensor([10 ** (-each / 10) for each in snr], dtype=torch.float32, device=channel.device)
    return gaussian_noise(channel, mean_power(channel) * ratios, rngs)


def gaussian_noise(channel: Tensor, power: Tensor, rngs: Sequence[np.random.Generator]) -> Tensor:
    """Add complex white Gaussian noise of the given mean power.

    Parameters
    ----------
    channel
        Of any mean power.
    power : (sample,) tensor
        Mean power of the noise, half of it in each of the real and imaginary parts.
    rngs
        One for each sample.
    """
    return channel + (COMPONENT * power.sqrt())[:, None, None, None] * _normal(channel, rngs)


def phase_noise(channel: Tensor, deviation: float, rngs: Sequence[np.random.Generator]) -> Tensor:
    """Turn every element by an independent Gaussian angle.

    Parameters
    ----------
    channel
        Of any mean power.
    deviation
        Standard deviation of the angles, rad.
    rngs
        One for each sample.
    """
    within("deviation", deviation, 0.0, 100.0, "rad")
    drawn = np.stack([rng.standard_normal(channel.shape[1:], dtype=np.float32) for rng in rngs])
    angles = deviation * torch.from_numpy(drawn).to(channel.device)
    return channel * torch.polar(torch.ones_like(angles), angles)


def packet_drop(channel: Tensor, probability: float, rngs: Sequence[np.random.Generator]) -> Tensor:
    """Set whole snapshots to 0, each with the same probability.

    Parameters
    ----------
    channel
        Of any mean power.
    probability
        That a snapshot is lost.
    rngs
        One for each sample.
    """
    within("probability", probability, 0.0, 1.0, "")
    lost = np.stack([rng.random(channel.shape[2]) < probability for rng in rngs])
    return channel.masked_fill(torch.from_numpy(lost).to(channel.device)[:, None, :, None], 0.0)


def burst_noise(
    channel: Tensor, degree: float, rngs: Sequence[np.random.Generator], component: float = COMPONENT
) -> Tensor:
    """Add a burst of Gaussian noise over up to ten snapshots, in some of the samples.

    Of a sample, the first of ``snapshots`` trials that succeeds, each with probability 2 ``degree``, brings a
    burst. It begins at a random snapshot, and its amplitude 2 ``degree`` swells and fades as exp(-u^2 / 2),
    u from -1 to 1.

    Parameters
    ----------
    channel
        Noise is added by its absolute size: see `component`.
    degree
        0 to 0.5: amplitude and frequency of bursts.
    rngs
        One for each sample.
    component
        Standard deviation of real and imaginary part of the channels. CSI-RRG normalises both to 1, a mean
        power of 2, and so means its degrees; here channels have a mean power of 1.
    """
    within("degree", degree, 0.0, 0.5, "")
    snapshots = channel.shape[2]
    envelopes = [_burst(snapshots, degree, rng) for rng in rngs]
    amplitude = torch.from_numpy(component * np.stack(envelopes).astype(np.float32)).to(channel.device)
    return channel + amplitude[:, None, :, None] * _normal(channel, rngs)


def _burst(snapshots: int, degree: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the amplitude of a burst at each snapshot; 0 if there is none."""
    amplitude = np.zeros(snapshots)
    occurs = degree > 0 and rng.geometric(2 * degree) <= snapshots
    start = int(rng.integers(snapshots))
    if occurs:
        length = min(LONGEST, snapshots - start)
        amplitude[start : start + length] = 2 * degree * np.exp(-0.5 * np.linspace(-1, 1, length) ** 2)
    return amplitude


def _normal(channel: Tensor, rngs: Sequence[np.random.Generator]) -> Tensor:
    """Draw complex numbers whose real and imaginary parts have a standard deviation of 1."""
    drawn = [rng.standard_normal((*channel.shape[1:], 2), dtype=np.float32) for rng in rngs]
    return torch.view_as_complex(torch.from_numpy(np.stack(drawn))).to(channel.device)
