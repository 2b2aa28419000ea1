"""Normalisers: channels to numbers of order one, with constants that are fitted."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from datasets.store.statistics import Moments, merge
from surrogates.core.errors import ConfigError

NONE: Mapping[str, Sequence[int]] = MappingProxyType({})
TINY = 1e-6  # a standard deviation below this fraction of the mean is rounding of a constant
DEPENDENT = 1e-10  # ratio of variances: whitening would turn float32's rounding into a percent


class Normaliser(nn.Module):
    """Each channel to zero mean and unit variance; the constants are buffers and travel with the weights.

    The two parts of a complex number are only scaled, by one factor, so that its phase is kept: each part
    then has a mean square of 1, both parts taken together.

    Parameters
    ----------
    channels
        Number of channels, dimension 1 of the tensors.
    real_parts
        Channels that are the real part of a complex number; the imaginary part is the next channel.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, channels: int, real_parts: Sequence[int] = ()) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))
        self._real_parts = list(real_parts)
        self._seen: Moments | None = None

    def observe(self, values: Tensor, weight: Tensor | None = None) -> None:
        """Accumulate a training batch; arguments as those of `moments_of`."""
        moments = moments_of(values, weight)
        self._seen = moments if self._seen is None else merge([self._seen, moments])

    def finish(self) -> None:
        """Take the constants from all that was observed."""
        assert self._seen is not None
        self.fit(self._seen)
        self._seen = None

    def fit(self, moments: Moments) -> None:
        """Take the constants from statistics of shape (channels,); a constant channel keeps the scale 1."""
        mean, deviation = moments.mean, moments.std
        constant = ~(deviation > TINY * np.abs(mean))
        if self._real_parts:
            mean, deviation, constant = mean.copy(), deviation.copy(), constant.copy()
            size = _sizes(moments, self._real_parts)
            for channels in (self._real_parts, [1 + each for each in self._real_parts]):
                mean[channels], deviation[channels], constant[channels] = 0.0, size, ~(size > 0)
        self.mean.copy_(torch.as_tensor(np.nan_to_num(mean)))
        self.scale.copy_(torch.as_tensor(np.where(constant, 1.0, deviation)))

    def forward(self, values: Tensor) -> Tensor:
        """Normalise ``(batch, channel, ...)``."""
        shape = (-1, *(1,) * (values.ndim - 2))
        return (values - self.mean.view(shape)) / self.scale.view(shape)

    def inverse(self, values: Tensor) -> Tensor:
        """Return normalised values to their units."""
        shape = (-1, *(1,) * (values.ndim - 2))
        return values * self.scale.view(shape) + self.mean.view(shape)

    def stretch(self, values: Tensor) -> Tensor:
        """Return differences of normalised values, e.g. standard deviations, to their units."""
        return values * self.scale.view((-1, *(1,) * (values.ndim - 2)))


class MinMax(Normaliser):
    """Each channel from the extremes of the training split to [-1, 1], the range of a final tanh."""

    def __init__(self, channels: int, real_parts: Sequence[int] = ()) -> None:
        super().__init__(channels)
        _require_real("min_max", real_parts)

    def fit(self, moments: Moments) -> None:
        """Take the constants from statistics of shape (channels,); a constant channel keeps the scale 1."""
        middle, half = (moments.maximum + moments.minimum) / 2, (moments.maximum - moments.minimum) / 2
        varies = np.isfinite(half) & (half > TINY * np.abs(middle))
        self.mean.copy_(torch.as_tensor(np.where(np.isfinite(middle), middle, 0.0)))
        self.scale.copy_(torch.as_tensor(np.where(varies, half, 1.0)))


class MaxNorm(Normaliser):
    """Divide by the length of the longest vector of the training split; the channels are its components.

    One factor for all channels keeps the phase of complex numbers too.

    References
    ----------
    O. Nacar et al., "VECTOR: Velocity-enhanced GRU neural network for real-time 3D UAV trajectory
    prediction", Drones 9(1):8, 2025.
    """

    def __init__(self, channels: int, real_parts: Sequence[int] = ()) -> None:
        super().__init__(channels)
        self._longest = 0.0

    def observe(self, values: Tensor, weight: Tensor | None = None) -> None:
        """Accumulate a training batch of shape (batch, channel, ...); NaN does not count."""
        kept = values if weight is None else values.where(weight > 0, 0.0)
        self._longest = max(self._longest, float(kept.detach().nan_to_num(0.0).norm(dim=1).max()))

    def finish(self) -> None:
        """Take the longest vector; if all are zero the scale stays 1."""
        self.scale.fill_(self._longest or 1.0)


class Whitening(nn.Module):
    """Channels to zero mean and unit covariance; they are the components of one vector.

    With the Cholesky factor L of the inverse covariance, z = (x - mean) L as a row vector. VECTOR multiplies
    by the transpose of L instead, which whitens only where the covariance is nearly diagonal; `take` accepts
    any matrix, so that its weights can be used.

    Parameters
    ----------
    channels
        Number of channels, dimension 1 of the tensors.

    References
    ----------
    As `MaxNorm`; A. Kessy, A. Lewin, K. Strimmer, "Optimal whitening and decorrelation", The American
    Statistician 72(4), 2018 (Cholesky whitening).
    """

    mean: Tensor
    matrix: Tensor
    inverse_matrix: Tensor

    def __init__(self, channels: int, real_parts: Sequence[int] = ()) -> None:
        super().__init__()
        _require_real("whitening", real_parts)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("matrix", torch.eye(channels))
        self.register_buffer("inverse_matrix", torch.eye(channels))
        self._count, self._sum = 0, torch.zeros(channels, dtype=torch.float64)
        self._products = torch.zeros(channels, channels, dtype=torch.float64)
        self._origin: Tensor | None = None

    def observe(self, values: Tensor, weight: Tensor | None = None) -> None:
        """Accumulate a training batch of shape (batch, channel, ...); vectors with NaN do not count."""
        rows = values.detach().movedim(1, -1).reshape(-1, values.shape[1]).cpu().double()
        kept = rows.isfinite().all(1)
        if weight is not None:
            kept &= (weight.expand(values.shape).movedim(1, -1).reshape(rows.shape) > 0).all(1).cpu()
        rows = rows[kept]
        if self._origin is None and len(rows):
            self._origin = rows.mean(0)  # sums around it lose no digits
        if self._origin is not None:
            rows = rows - self._origin
        self._count += len(rows)
        self._sum += rows.sum(0)
        self._products += rows.T @ rows

    def finish(self) -> None:
        """Take mean and matrix from all that was observed; a channel without spread is only centred.

        Raises
        ------
        ConfigError
            When one channel follows from the others.
        """
        if self._origin is None:
            return
        offset = self._sum / self._count
        covariance = self._products / self._count - torch.outer(offset, offset)
        spread = covariance.diagonal()
        constant = ~(spread.sqrt() > TINY * (self._origin + offset).abs())
        covariance[constant] = covariance[:, constant] = 0.0
        covariance += torch.diag(constant.double())
        _require_independent(covariance)
        factor = torch.linalg.cholesky(torch.linalg.inv(covariance))
        self.take(self._origin + offset, factor)

    def take(self, mean: Tensor, matrix: Tensor) -> None:
        """Use z = (x - mean) matrix, and its inverse."""
        self.mean.copy_(mean)
        self.matrix.copy_(matrix)
        self.inverse_matrix.copy_(torch.linalg.inv(matrix.double()))

    def forward(self, values: Tensor) -> Tensor:
        """Whiten ``(batch, channel, ...)``."""
        return _turned(values - self.mean.view(-1, *(1,) * (values.ndim - 2)), self.matrix)

    def inverse(self, values: Tensor) -> Tensor:
        """Return whitened values to their units."""
        turned = _turned(values, self.inverse_matrix)
        return turned + self.mean.view(-1, *(1,) * (values.ndim - 2))

    def stretch(self, values: Tensor) -> Tensor:
        """Return standard deviations of independent whitened components to those of the components."""
        return _turned(values.square(), self.inverse_matrix.square()).sqrt()


def _sizes(moments: Moments, real_parts: Sequence[int]) -> np.ndarray:
    """Return the root mean square of the two parts of each complex number, NaN if never seen."""
    squares = moments.count * np.nan_to_num(moments.variance + moments.mean**2)
    first, second = list(real_parts), [1 + each for each in real_parts]
    count = moments.count[first] + moments.count[second]
    known = np.where(count > 0, 1.0, np.nan)
    return np.asarray(np.sqrt((squares[first] + squares[second]) / np.maximum(count, 1)) * known)


def _require_real(kind: str, real_parts: Sequence[int]) -> None:
    """Refuse complex variables and directions, which a shift or a mixture of channels would turn."""
    if real_parts:
        raise ConfigError(
            f"task.normalisation: {kind} would change the phase of complex variables and directions; take "
            "standard or max_norm, which only scale them"
        )


def _require_independent(covariance: Tensor) -> None:
    """Refuse channels of which one follows from the others, whatever their units."""
    deviations = covariance.diagonal().sqrt()
    variances = torch.linalg.eigvalsh(covariance / torch.outer(deviations, deviations)).tolist()
    if variances[0] < DEPENDENT * variances[-1]:
        raise ConfigError(
            f"task.normalisation: of the {len(covariance)} channels one follows from the others (variances "
            f"of {variances[0]:.2g} to {variances[-1]:.2g} along their axes), which cannot be whitened; "
            "leave it out, or take standard or max_norm"
        )


def _turned(values: Tensor, matrix: Tensor) -> Tensor:
    """Multiply the rows along dimension 1 by a matrix; `einsum` would cost a stream as much again."""
    if values.ndim == 3:
        return matrix.T @ values
    return (matrix.T @ values.reshape(*values.shape[:2], -1)).reshape(values.shape)


Normalisation = Literal["standard", "min_max", "max_norm", "whitening"]
NORMALISERS: dict[str, type[Normaliser] | type[Whitening]] = {
    "standard": Normaliser,
    "min_max": MinMax,
    "max_norm": MaxNorm,
    "whitening": Whitening,
}


class Several(nn.ModuleDict):
    """A normaliser for each of several tensors, by name; others pass as they are.

    Parameters
    ----------
    kind
        One of `NORMALISERS`.
    channels
        Number of channels of each tensor.
    real_parts
        Those of each tensor that has complex channels.
    channels_last
        Tensors whose channel is the last axis: (batch, cells, channel), or (cells, channel).
    """

    def __init__(
        self,
        kind: Normalisation,
        channels: Mapping[str, int],
        real_parts: Mapping[str, Sequence[int]] = NONE,
        channels_last: Sequence[str] = (),
    ) -> None:
        super().__init__(
            {name: NORMALISERS[kind](count, real_parts.get(name, ())) for name, count in channels.items()}
        )
        self._channels_last = frozenset(channels_last)

    def observe(self, values: Mapping[str, Tensor]) -> None:
        """Accumulate a training batch."""
        for name, normaliser in self.items():
            last = name in self._channels_last
            cast(Normaliser, normaliser).observe(values[name].movedim(-1, 1) if last else values[name])

    def finish(self) -> None:
        """Take the constants from all that was observed."""
        for normaliser in self.values():
            cast(Normaliser, normaliser).finish()

    def forward(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Normalise each tensor, ``(batch, channel, ...)`` or with the channel last."""
        return {name: self._normalised(name, value) for name, value in values.items()}

    def _normalised(self, name: str, value: Tensor) -> Tensor:
        if name not in self:
            return value
        if name not in self._channels_last:
            return cast(Tensor, self[name](value))
        return cast(Tensor, self[name](value.movedim(-1, 1))).movedim(1, -1)


def input_normaliser(
    kind: Normalisation,
    channels: int | Mapping[str, int],
    real_parts: Sequence[int] | Mapping[str, Sequence[int]] = (),
    channels_last: Sequence[str] = (),
    scaled: Sequence[str] = (),
) -> Normaliser | Whitening | Several:
    """Return the normaliser of one tensor, or of several by name without those that are `scaled`."""
    if isinstance(channels, int):
        return NORMALISERS[kind](channels, () if isinstance(real_parts, Mapping) else real_parts)
    unscaled = {name: count for name, count in channels.items() if name not in scaled}
    return Several(kind, unscaled, real_parts if isinstance(real_parts, Mapping) else NONE, channels_last)


def moments_of(values: Tensor, weight: Tensor | None = None) -> Moments:
    """Return the statistics of each channel.

    Parameters
    ----------
    values
        Shape (batch, channel, ...); NaN does not count.
    weight
        Broadcasts against ``values``; cells of weight zero do not count.
    """
    channels = values.shape[1]
    flat = values.detach().transpose(0, 1).reshape(channels, -1).cpu().numpy()
    mask = None
    if weight is not None:
        mask = (weight.expand(values.shape).transpose(0, 1).reshape(channels, -1) > 0).cpu().numpy()
    return Moments.of(flat, mask, axes=1)
