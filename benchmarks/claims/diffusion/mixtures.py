"""Mixtures of Gaussians, of which the clean field that is expected given a noisy one has a closed form."""

from dataclasses import dataclass

import torch
from torch import Tensor

from surrogates.learning.diffusion import Denoise, Schedule, level_at


@dataclass(frozen=True)
class Mixture:
    """A mixture of round Gaussians, float64.

    Attributes
    ----------
    shares, deviations
        Of each mode, (mode,).
    means
        Of each mode, (mode, dimension).
    """

    shares: Tensor
    means: Tensor
    deviations: Tensor

    @classmethod
    def of(cls, *modes: tuple[float, tuple[float, ...], float]) -> "Mixture":
        """Return the mixture of modes, each by share, mean and standard deviation."""
        shares, means, deviations = (
            torch.tensor(each, dtype=torch.float64) for each in zip(*modes, strict=True)
        )
        return cls(shares, means, deviations)

    @property
    def mean(self) -> Tensor:
        """Mean, (dimension,)."""
        return self.shares @ self.means

    @property
    def spread(self) -> float:
        """Standard deviation, the root mean square over the dimensions."""
        apart = (self.means - self.mean).square().mean(1)
        return float((self.shares @ (self.deviations.square() + apart)).sqrt())

    def exact(self, schedule: Schedule) -> Denoise:
        """Return what a perfect network answers: the mean of x_0 given x_t, (batch, dimension)."""

        def denoise(noisy: Tensor, time: Tensor) -> Tensor:
            signal, noise = (each.unsqueeze(1) for each in level_at(schedule, time, noisy.ndim))
            variance = (signal[..., 0] * self.deviations).square() + noise[..., 0].square()
            apart = noisy.unsqueeze(1) - signal * self.means
            size = apart.square().sum(-1) / variance + self.means.shape[1] * variance.log()
            share = (self.shares.log() - size / 2).softmax(-1)
            inward = (signal[..., 0] * self.deviations.square() / variance).unsqueeze(-1) * apart
            return (share.unsqueeze(-1) * (self.means + inward)).sum(1)

        return denoise

    def draws(self, count: int, rng: torch.Generator) -> Tensor:
        """Return exact draws, (draw, dimension)."""
        mode = torch.multinomial(self.shares, count, replacement=True, generator=rng)
        noise = torch.randn((count, self.means.shape[1]), generator=rng, dtype=torch.float64)
        return self.means[mode] + self.deviations[mode, None] * noise

    def nearest(self, draws: Tensor) -> Tensor:
        """Return the share of the draws that are nearest to each mode's mean, (mode,)."""
        mode = torch.cdist(draws, self.means).argmin(1)
        return torch.bincount(mode, minlength=len(self.shares)) / len(draws)

    def errors(self, draws: Tensor, expected: Tensor) -> tuple[float, float, float]:
        """Return errors of draws: of the mean, of the standard deviation, of the worst mode's share.

        Parameters
        ----------
        draws
            Shape (draw, dimension).
        expected
            Shares of exact draws (`nearest`).

        Returns
        -------
        tuple
            The first two as shares of the mixture's standard deviation.
        """
        off = float((draws.mean(0) - self.mean).abs().max()) / self.spread
        spread = float(draws.var(0).mean().sqrt()) / self.spread
        return off, abs(spread - 1), float((self.nearest(draws) - expected).abs().max())


MIXTURES = {
    "two modes": Mixture.of((0.3, (-1.5,), 0.3), (0.7, (0.8,), 0.2)),
    "unequal weights": Mixture.of((0.1, (-1.5,), 0.3), (0.9, (0.8,), 0.3)),
    "unequal widths": Mixture.of((0.4, (-1.0,), 0.1), (0.6, (1.0,), 0.6)),
    "three modes": Mixture.of((0.2, (-1.6,), 0.25), (0.5, (0.0,), 0.15), (0.3, (1.4,), 0.35)),
    "two dimensions": Mixture.of((0.5, (-1.0, -0.6), 0.3), (0.3, (1.0, -0.4), 0.2), (0.2, (0.2, 1.5), 0.25)),
}
"""Mixtures by name; the first is that of the tests, the others played no part in the choice of a sampler."""
