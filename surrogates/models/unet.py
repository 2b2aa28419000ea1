"""U-Net for fields of one to three dimensions."""

from torch import Tensor, nn

from surrogates.core.ranges import Factors, Halvings, Width
from surrogates.nn.conv import CONVOLUTIONS, MAX_POOLS, DoubleConv, Norm, Up
from surrogates.nn.fields import factors_of, require_large


class UNet(nn.Module):
    """Encoder and decoder with skip connections (Ronneberger, Fischer & Brox 2015).

    Fields have one to three dimensions, and any lengths; if the deepest level would vanish, they are refused.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, *grid)``.
    width
        Channels of the first level; every level below has twice as many.
    depth
        Number of times the resolution is halved.
    norm
        Batch normalisation as published, or group normalisation for small batches.
    pool
        Factor by which each level shortens each dimension, such as (1, 2, 2) for volumes of few layers; None
        halves them all.
    in_shape
        Cells along each dimension, of which only their number counts; by default that of a plane.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: Width = 32,
        depth: Halvings = 4,
        norm: Norm = "batch",
        pool: Factors | None = None,
        in_shape: tuple[int, ...] = (0, 0),
    ) -> None:
        super().__init__()
        dimensions = len(in_shape)
        factors = factors_of("the U-Net", pool, dimensions)
        widths = [width * 2**level for level in range(depth + 1)]
        self.stem = DoubleConv(in_channels, width, norm, dimensions)
        self.down = nn.ModuleList(DoubleConv(w // 2, w, norm, dimensions) for w in widths[1:])
        self.up = nn.ModuleList(Up(w, norm, factors) for w in reversed(widths[1:]))
        self.pool = MAX_POOLS[dimensions - 1](factors)
        self.head = CONVOLUTIONS[dimensions - 1](width, out_channels, 1)
        self._smallest = tuple(factor**depth for factor in factors)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, *grid)`` to ``(batch, out_channels, *grid)``."""
        require_large("the U-Net", channels, self._smallest)
        levels = [self.stem(channels)]
        for block in self.down:
            levels.append(block(self.pool(levels[-1])))
        answer = levels.pop()
        for block in self.up:
            answer = block(answer, levels.pop())
        return self.head(answer)
