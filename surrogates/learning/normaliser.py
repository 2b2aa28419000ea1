"""Channels to zero mean and unit variance, with constants that are fitted and never typed."""

import numpy as np
import torch
from torch import Tensor, nn

from datasets.store.statistics import Moments

TINY = 1e-6  # a standard deviation below this fraction of the mean is rounding of a constant


class Normaliser(nn.Module):
    """Affine map of each channel; its constants are buffers and travel with the weights.

    Parameters
    ----------
    channels
        Number of channels, dimension 1 of the tensors.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))

    def fit(self, moments: Moments) -> None:
        """Take the constants from statistics of shape (channels,); a constant channel keeps the scale 1."""
        mean, deviation = moments.mean, moments.std
        constant = ~(deviation > TINY * np.abs(mean))
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
