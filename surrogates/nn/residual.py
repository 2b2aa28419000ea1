"""Residual networks over fields of one to three dimensions."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, prod

from torch import Tensor, nn

from surrogates.nn.conv import CONVOLUTIONS, NORMALISATIONS


class ResidualBlock(nn.Module):
    """Two convolutions of three cells a side, each normalised over the batch, beside a shortcut [1]_.

    Parameters
    ----------
    dimensions
        Dimensions of the fields, 1 to 3.
    in_channels, out_channels
        Channels before and after.
    halves
        Whether the block takes every second cell; the shortcut is then a convolution of one cell.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
       arXiv:1512.03385, section 3.
    """

    def __init__(self, dimensions: int, in_channels: int, out_channels: int, halves: bool) -> None:
        super().__init__()
        conv, norm = CONVOLUTIONS[dimensions - 1], NORMALISATIONS[dimensions - 1]
        stride = 2 if halves else 1
        self.residual = nn.Sequential(
            conv(in_channels, out_channels, 3, stride, padding=1, bias=False),
            norm(out_channels),
            nn.ReLU(),
            conv(out_channels, out_channels, 3, padding=1, bias=False),
            norm(out_channels),
        )
        self.shortcut = conv(in_channels, out_channels, 1, stride) if halves else nn.Identity()

    def forward(self, field: Tensor) -> Tensor:
        """Map ``(batch, in_channels, *grid)`` to ``(batch, out_channels, *half of the grid)``."""
        return nn.functional.relu(self.residual(field) + self.shortcut(field))


class ResNet(nn.Sequential):
    """A convolution, groups of residual blocks, and a linear layer; all groups but the first halve the grid.

    Parameters
    ----------
    in_channels
        Channels of the field.
    in_shape
        Cells of the field, one to three numbers.
    outputs
        Length of the vector that it answers.
    widths
        Channels of each group.
    blocks
        Blocks of a group.
    """

    def __init__(
        self, in_channels: int, in_shape: Sequence[int], outputs: int, widths: Sequence[int], blocks: int
    ) -> None:
        dimensions = len(in_shape)
        conv, norm = CONVOLUTIONS[dimensions - 1], NORMALISATIONS[dimensions - 1]
        layers: list[nn.Module] = [
            conv(in_channels, widths[0], 3, padding=1, bias=False),
            norm(widths[0]),
            nn.ReLU(),
        ]
        cells = prod(ceil(length / 2 ** (len(widths) - 1)) for length in in_shape)
        for group, (before, after) in enumerate(pairwise((widths[0], *widths))):
            layers.append(ResidualBlock(dimensions, before, after, halves=group > 0))
            layers += [ResidualBlock(dimensions, after, after, halves=False) for _ in range(blocks - 1)]
        super().__init__(*layers, nn.Flatten(), nn.Linear(widths[-1] * cells, outputs))
        for layer in self.modules():
            if isinstance(layer, CONVOLUTIONS):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
