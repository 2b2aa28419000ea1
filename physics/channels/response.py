"""From paths to the frequency response of a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Paths:
    """What a channel consists of: paths with a delay and a coefficient that changes with time.

    Attributes
    ----------
    coefficients : (sample, antenna, path, time) complex tensor
    delays : (sample, path) tensor
        s.
    """

    coefficients: Tensor
    delays: Tensor


def frequency_response(paths: Paths, frequencies: np.ndarray) -> Tensor:
    """Return the sum over paths of coefficient times exp(-j 2 pi frequency delay).

    Parameters
    ----------
    paths
        Of several samples.
    frequencies : (subcarrier,) array
        Relative to the carrier, Hz.

    Returns
    -------
    (sample, antenna, time, subcarrier) tensor of the coefficients' type

    Raises
    ------
    ValueError
        If the shapes do not belong together, or a frequency is not finite.
    """
    import torch

    coefficients, delays = paths.coefficients, paths.delays
    if coefficients.ndim != 4 or delays.shape != (coefficients.shape[0], coefficients.shape[2]):
        raise ValueError(
            f"paths: coefficients {tuple(coefficients.shape)} and delays {tuple(delays.shape)} found, "
            "(sample, antenna, path, time) and (sample, path) expected"
        )
    if frequencies.ndim != 1 or not np.isfinite(frequencies).all():
        raise ValueError(f"frequencies: {frequencies.shape} found, a finite vector in Hz expected")
    # Many turns: the phase in double precision.
    phase = -2 * np.pi * delays.double()[..., None] * torch.from_numpy(frequencies).to(delays.device)
    turned = torch.polar(torch.ones_like(phase), phase).to(coefficients.dtype)
    samples, antennas, count, times = coefficients.shape
    flat = coefficients.transpose(2, 3).reshape(samples, antennas * times, count)
    return torch.bmm(flat, turned).view(samples, antennas, times, len(frequencies))


def subcarrier_frequencies(count: int, spacing: float) -> np.ndarray:
    """Return the frequencies of subcarriers relative to the carrier, Hz: -count/2 to count/2 - 1 spacings."""
    return (np.arange(count) - count // 2) * spacing


def normalised(response: Tensor) -> Tensor:
    """Return a response whose mean power over antennas, time and subcarriers is 1 in each sample.

    Parameters
    ----------
    response : (sample, antenna, time, subcarrier) complex tensor
    """
    import torch

    parts = torch.view_as_real(response)
    return torch.view_as_complex(parts * mean_power(response).rsqrt()[:, None, None, None, None])


def mean_power(response: Tensor) -> Tensor:
    """Return the mean power of each sample over antennas, time and subcarriers, shape (sample,).

    Parameters
    ----------
    response : (sample, antenna, time, subcarrier) complex tensor
    """
    import torch

    # Of real and imaginary parts, since the norm of complex tensors is ten times slower; and band by band,
    # since one sum over all loses four digits.
    parts = torch.view_as_real(response.resolve_conj()).flatten(3)
    return 2 * torch.linalg.vector_norm(parts, dim=3).square().mean((1, 2)) / parts.shape[3]
