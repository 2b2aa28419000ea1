"""Convolution blocks."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
Layers = tuple[Callable[..., nn.Module], ...]
TRANSPOSED: Layers = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
MAX_POOLS: Layers = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVERAGE_POOLS: Layers = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
"""Layers for fields of one to three dimensions."""
Norm = Literal["batch", "group"]


def channels_last(module: nn.Module) -> None:
    """Keep the kernels of images with the channels last, in place: a third faster on CPUs."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it


def norm_layer(norm: Norm, channels: int, dimensions: int = 2) -> nn.Module:
    """Return batch normalisation, or group normalisation with up to eight groups."""
    if norm == "batch":
        return NORMALISATIONS[dimensions - 1](channels)
    groups = next(groups for groups in (8, 4, 2, 1) if channels % groups == 0)
    return nn.GroupNorm(groups, channels)


def stage(
    conv: nn.Conv2d | nn.ConvTranspose2d, activation: nn.Module, norm: nn.Module | None = None
) -> list[nn.Module]:
    """Return a convolution, a normalisation of its channels (by default over the batch) and an activation."""
    return [conv, nn.BatchNorm2d(conv.out_channels) if norm is None else norm, activation]


class Tanh(nn.Module):
    """Hyperbolic tangent by the logistic function: on CPUs a third of the time of `torch.tanh`.

    The absolute error is a few roundings of one, also near zero, where that of `torch.tanh` is smaller.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the hyperbolic tangent; half-precision numbers are computed in single precision."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        return (2 * torch.sigmoid(2 * wide) - 1).to(x.dtype)


class DoubleConv(nn.Sequential):
    """Twice convolution of three cells a side, normalisation, ReLU (Ronneberger et al. 2015, normalised).

    Parameters
    ----------
    in_channels, out_channels
        Channels before and after.
    norm
        Kind of normalisation; it makes a bias of the convolution superfluous.
    dimensions
        Of the fields, 1 to 3.
    """

    def __init__(
        self, in_channels: int, out_channels: int, norm: Norm = "batch", dimensions: int = 2
    ) -> None:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            conv = CONVOLUTIONS[dimensions - 1](channels, out_channels, 3, padding=1, bias=False)
            layers += [conv, norm_layer(norm, out_channels, dimensions), nn.ReLU(inplace=True)]
        super().__init__(*layers)


class Hourglass(nn.Sequential):
    """3 x 3 convolutions at full resolution from 2 to ``2 ** (levels + 1)`` channels and back again.

    Weights begin between -1 and 1 over the root of the channels in, biases at zero.

    Parameters
    ----------
    levels
        Convolutions each way; every one doubles the channels, or halves them.
    activation
        Function behind every convolution.
    norm
        Normalise over the batch before it.
    """

    def __init__(self, levels: int, activation: type[nn.Module], norm: bool) -> None:
        widths = [2 ** (level + 1) for level in range(levels + 1)]
        layers: list[nn.Module] = []
        for before, after in pairwise([*widths, *reversed(widths[:-1])]):
            conv = nn.Conv2d(before, after, 3, padding=1)
            nn.init.uniform_(conv.weight, -(before**-0.5), before**-0.5)
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
            layers += [conv, *([nn.BatchNorm2d(after)] if norm else []), activation()]
        super().__init__(*layers)


class Up(nn.Module):
    """Raise the resolution, join the skip connection, convolve.

    Parameters
    ----------
    in_channels
        Channels from below; the skip connection has half of them.
    norm
        Kind of normalisation.
    factors
        By which the cells along each dimension are multiplied.
    """

    def __init__(self, in_channels: int, norm: Norm = "batch", factors: Sequence[int] = (2, 2)) -> None:
        super().__init__()
        size, dimensions = tuple(factors), len(factors)
        self.up = TRANSPOSED[dimensions - 1](in_channels, in_channels // 2, size, stride=size)
        self.conv = DoubleConv(in_channels, in_channels // 2, norm, dimensions)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """Return (batch, in_channels / 2, *grid of the skip connection)."""
        return self.conv(torch.cat([skip, padded_to(self.up(below), skip)], dim=1))


def padded_to(field: Tensor, like: Tensor) -> Tensor:
    """Return a field with zeros behind it, as long along each dimension of the grid as another."""
    missing = [long - short for long, short in zip(like.shape[2:], field.shape[2:], strict=True)]
    if not any(missing):
        return field
    return functional.pad(field, [each for more in reversed(missing) for each in (0, more)])
