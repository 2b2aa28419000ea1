"""U-Net for fields on a plane."""

from torch import Tensor, nn

from surrogates.core.ranges import Halvings, Width
from surrogates.nn.conv import DoubleConv, Norm, Up


class UNet(nn.Module):
    """Encoder and decoder with skip connections (Ronneberger, Fischer & Brox 2015).

    Any height and width work; below ``2 ** depth`` cells the deepest levels would vanish, which is refused.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, height, width)``.
    width
        Channels of the first level; every level below has twice as many.
    depth
        Number of times the resolution is halved.
    norm
        Batch normalisation as published, or group normalisation for small batches.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: Width = 32,
        depth: Halvings = 4,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.stem = DoubleConv(in_channels, width, norm)
        self.down = nn.ModuleList(DoubleConv(w // 2, w, norm) for w in widths[1:])
        self.up = nn.ModuleList(Up(w, norm) for w in reversed(widths[1:]))
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Conv2d(width, out_channels, 1)
        self._smallest = 2**depth

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, height, width)`` to ``(batch, out_channels, height, width)``."""
        if channels.ndim != 4 or min(channels.shape[-2:]) < self._smallest:
            raise ValueError(
                f"the U-Net needs (batch, channel, height, width), at least {self._smallest} cells a side; "
                f"found {tuple(channels.shape)}; take fewer levels (depth) or larger fields"
            )
        levels = [self.stem(channels)]
        for block in self.down:
            levels.append(block(self.pool(levels[-1])))
        answer = levels.pop()
        for block in self.up:
            answer = block(answer, levels.pop())
        return self.head(answer)
