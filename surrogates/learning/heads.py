"""Heads: the meaning of a network's outputs, their loss, and the answer in physical units."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from surrogates.core.errors import ConfigError
from surrogates.core.ranges import Share
from surrogates.learning.answers import Answer, GaussianAnswer, QuantileAnswer
from surrogates.learning.piece import Piece

LARGEST_LOG_VARIANCE = 10.0  # of a normalised target: standard deviations from 0.7 % to 148 of the data's
_LOSSES = {"mse": functional.mse_loss, "mae": functional.l1_loss, "huber": functional.smooth_l1_loss}


class WayBack(Protocol):
    """From normalised answers to physical units; shapes (batch, target channel, *grid) stay."""

    def value(self, normalised: Tensor) -> Tensor:
        """Return values."""

    def deviation(self, normalised: Tensor) -> Tensor:
        """Return standard deviations."""

    def require_ordered(self, head: str) -> None:
        """Refuse a way back that does not keep the order of values in each cell."""


class Head(Piece):
    """What the outputs of a network mean.

    Attributes
    ----------
    outputs
        Outputs of the network for each target channel; they come one after the other, each for all channels.
    rolls_out
        Whether a roll-out can continue from its answers.
    levels
        Levels of the quantiles that it answers beside each target.
    denoises
        Whether the network takes noise out of targets, and is asked with noisy ones and a time beside the
        channels (`surrogates.learning.denoising`).

    A head of complex targets answers real and imaginary part as two target channels.
    """

    kind: ClassVar[str] = "heads"
    outputs: int = 1
    rolls_out: bool = False
    levels: tuple[float, ...] = ()
    denoises: bool = False

    def loss(self, outputs: Tensor, target: Tensor, past: Tensor | None = None) -> Tensor:
        """Return the loss of each cell in normalised units, in the target's shape.

        Parameters
        ----------
        outputs
            Of the network, (batch, outputs x target channel, *grid).
        target
            Normalised and finite, (batch, target channel, *grid).
        past
            Ratio of the standard deviation that a forecast starts from to that of this answer, if any.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define loss()")

    def answer(self, outputs: Tensor, back: WayBack) -> Answer:
        """Return the answer in physical units."""
        raise NotImplementedError(f"{type(self).__name__} does not define answer()")


class Point(Head):
    """One value for each target.

    Parameters
    ----------
    loss
        Squared error, absolute error, or the Huber function (squared below one standard deviation); of
        complex targets that of each part.
    """

    rolls_out = True
    takes_complex = True
    takes_directions = True

    def __init__(self, loss: Literal["mse", "mae", "huber"] = "mse") -> None:
        self._distance = _LOSSES[loss]

    def loss(self, outputs: Tensor, target: Tensor, past: Tensor | None = None) -> Tensor:
        """Return the distance."""
        return self._distance(outputs, target, reduction="none")

    def mean_loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the mean of `loss` where all cells count, in one kernel."""
        return self._distance(outputs, target)

    def answer(self, outputs: Tensor, back: WayBack) -> Answer:
        """Return the value."""
        return Answer(back.value(outputs))


class Gaussian(Head):
    """Mean and log variance of a Gaussian; the loss is the negative log-likelihood.

    Each cell's term is multiplied by variance ** beta, through which no gradient flows: with 0 it is the
    likelihood itself, in which cells that are fitted badly get a large variance and then hardly count; with 1
    the mean is fitted as by the squared error. The log variance is bounded smoothly, so that no gradient
    vanishes and no exponential overflows; without normalisation its size says nothing, and it stays as it is.

    A complex target has a circular Gaussian: both parts of a number share one variance, the geometric mean
    of the two that the network answers.

    Parameters
    ----------
    normalised
        Whether channels and targets are normalised.
    beta
        Exponent of the weight, from 0 to 1.
    real_parts
        Target channels that are the real part of a complex number; the imaginary part is the next one.

    References
    ----------
    D. A. Nix, A. S. Weigend, "Estimating the mean and variance of the target probability distribution",
    ICNN 1994; M. Seitzer, A. Tavakoli, D. Antic, G. Martius, "On the pitfalls of heteroscedastic uncertainty
    estimation with probabilistic neural networks", ICLR 2022, arXiv:2203.09168, equation (5).
    """

    outputs = 2
    rolls_out = True
    takes_complex = True

    def __init__(self, normalised: bool, beta: Share = 0.5, real_parts: Sequence[int] = ()) -> None:
        self._normalised, self._beta = normalised, beta
        self._real_parts = list(real_parts)

    def mean_and_log_variance(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance in normalised units, each (batch, target channel, *grid)."""
        mean, raw = outputs.chunk(2, dim=1)
        if self._real_parts:
            raw = self._shared(raw)
        if not self._normalised:
            return mean, raw
        return mean, LARGEST_LOG_VARIANCE * torch.tanh(raw / LARGEST_LOG_VARIANCE)

    def _shared(self, raw: Tensor) -> Tensor:
        """Give both parts of a complex number the mean of their two log variances."""
        partner = list(range(raw.shape[1]))
        for real in self._real_parts:
            partner[real], partner[real + 1] = real + 1, real
        return (raw + raw[:, partner]) / 2

    def loss(self, outputs: Tensor, target: Tensor, past: Tensor | None = None) -> Tensor:
        """Return the negative log-likelihood."""
        mean, log_variance = self.mean_and_log_variance(outputs)
        if past is not None:
            log_variance = log_variance + torch.log1p(past.square())
        loss = 0.5 * (log_variance + (target - mean).square() * torch.exp(-log_variance))
        if self._beta:
            # The likelihood's value with the weighted gradient: only the value compares checkpoints.
            weighted = loss * torch.exp(self._beta * log_variance).detach()
            loss = weighted + (loss - weighted).detach()
        return loss

    def answer(self, outputs: Tensor, back: WayBack) -> GaussianAnswer:
        """Return the Gaussian."""
        mean, log_variance = self.mean_and_log_variance(outputs)
        return GaussianAnswer(back.value(mean), back.deviation(torch.exp(0.5 * log_variance)))


class Quantiles(Head):
    """Quantiles by the pinball loss; answers are sorted, since a network's quantiles may cross.

    Parameters
    ----------
    levels
        Ascending, between 0 and 1, with 0.5 among them.

    References
    ----------
    R. Koenker, G. Bassett, "Regression quantiles", Econometrica 46, 1978; V. Chernozhukov, I. Fernandez-Val,
    A. Galichon, "Quantile and probability curves without crossing", Econometrica 78, 2010.
    """

    def __init__(
        self, levels: Annotated[tuple[float, ...], Field(max_length=999)] = (0.05, 0.25, 0.5, 0.75, 0.95)
    ) -> None:
        ascending = all(low < high for low, high in pairwise(levels))
        if not (ascending and 0.5 in levels and 0 < levels[0] < 0.5 < levels[-1] < 1):
            raise ConfigError(
                f"head 'quantiles': levels is {list(levels)}; expected ascending numbers between 0 and 1 "
                "with 0.5 among them and some on either side, such as [0.05, 0.5, 0.95]"
            )
        self.levels, self.outputs = tuple(levels), len(levels)

    def loss(self, outputs: Tensor, target: Tensor, past: Tensor | None = None) -> Tensor:
        """Return the mean over the levels of the pinball loss."""
        total = torch.zeros_like(target)
        for level, quantile in zip(self.levels, outputs.chunk(self.outputs, dim=1), strict=True):
            error = target - quantile
            total = total + torch.maximum(level * error, (level - 1) * error)
        return total / self.outputs

    def answer(self, outputs: Tensor, back: WayBack) -> QuantileAnswer:
        """Return the quantiles in order."""
        back.require_ordered("quantiles")
        values = torch.stack([back.value(each) for each in outputs.chunk(self.outputs, dim=1)])
        return QuantileAnswer(self.levels, values.sort(dim=0).values)
