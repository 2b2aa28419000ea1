"""Convolution blocks."""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Norm = Literal["batch", "group"]


def norm_layer(norm: Norm, channels: int) -> nn.Module:
    """Return batch normalisation, or group normalisation with up to eight groups."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    groups = next(groups for groups in (8, 4, 2, 1) if channels % groups == 0)
    return nn.GroupNorm(groups, channels)


def stage(
    conv: nn.Conv2d | nn.ConvTranspose2d, activation: nn.Module, norm: nn.Module | None = None
) -> list[nn.Module]:
    """Return a convolution, a normalisation of its channels (by default over the batch) and an activation."""
    return [conv, nn.BatchNorm2d(conv.out_channels) if norm is None else norm, activation]


class DoubleConv(nn.Sequential):
    """Twice 3 x 3 convolution, normalisation, ReLU (Ronneberger et al. 2015, with normalisation).

    Parameters
    ----------
    in_channels, out_channels
        Channels before and after.
    norm
        Kind of normalisation; it makes a bias of the convolution superfluous.
    """

    def __init__(self, in_channels: int, out_channels: int, norm: Norm = "batch") -> None:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            conv = nn.Conv2d(channels, out_channels, 3, padding=1, bias=False)
            layers += stage(conv, nn.ReLU(inplace=True), norm_layer(norm, out_channels))
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
    """Double the resolution, join the skip connection, convolve.

    Parameters
    ----------
    in_channels
        Channels from below; the skip connection has half of them.
    norm
        Kind of normalisation.
    """

    def __init__(self, in_channels: int, norm: Norm = "batch") -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, 2, stride=2)
        self.conv = DoubleConv(in_channels, in_channels // 2, norm)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """Return (batch, in_channels / 2, height and width of the skip connection)."""
        raised = self.up(below)
        missing = [skip.shape[-1] - raised.shape[-1], skip.shape[-2] - raised.shape[-2]]
        if any(missing):
            raised = functional.pad(raised, [0, missing[0], 0, missing[1]])
        return self.conv(torch.cat([skip, raised], dim=1))
