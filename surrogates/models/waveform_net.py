"""WaveformNet: a velocity image to shot gathers."""

from typing import cast

from torch import Tensor, nn

from surrogates.core.ranges import Width
from surrogates.nn.conv import Tanh, channels_last, stage
from surrogates.nn.fields import Pair, Resize, require_field, shape_after


class WaveformNet(nn.Module):
    """InversionNet turned round: convolutions down, transposed convolutions up to the gathers [1]_.

    The publication says kernels, strides and widths; its padding is not known. Here the convolutions are
    padded by half of their kernel and the transposed ones not at all, which leads from 70 x 70 to 890 x 92
    before the resize to 1000 x 70. For shorter gathers the late strides are smaller.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, *shape)``: 1 for velocity, shots of a gather.
    in_shape, out_shape
        Cells of the image (depth, lateral) and of the gather (time, receiver).
    width
        Channels of the first stage; the latent has 16 times as many.

    References
    ----------
    .. [1] N. Gupta, M. Sawhney, A. Daw, Y. Lin, A. Karpatne, "A Unified Framework for Forward and Inverse
       Problems in Subsurface Imaging using Latent Space Translations", ICLR 2025, arXiv:2410.11247.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        in_shape: Pair,
        out_shape: Pair,
        width: Width = 32,
    ) -> None:
        super().__init__()
        shape, before = in_shape, in_channels
        stages: list[nn.Module] = []
        for factor, kernel, stride in ((1, 5, 2), (2, 5, 2), (4, 3, 2), (8, 3, 2), (16, 3, 1)):
            after = factor * width
            conv = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2)
            stages += stage(conv, nn.GELU())
            before, shape = after, shape_after(conv, shape)
        up = (
            (8 * width, (10, 5), (4, 4)),
            (4 * width, (10, 5), (4, 2)),
            (2 * width, (10, 5), (4, 2)),
            (out_channels, (8, 4), (4, 2)),
        )
        for after, kernels, published in up:
            # The last convolution halves both axes.
            strides = [
                max(1, min(most, round(2 * whole / cells)))
                for most, whole, cells in zip(published, out_shape, shape, strict=True)
            ]
            conv_up = nn.ConvTranspose2d(before, after, kernels, (strides[0], strides[1]))
            stages += stage(conv_up, Tanh())
            before, shape = after, shape_after(conv_up, shape)
        last = nn.Conv2d(out_channels, out_channels, (10, 5), stride=2)
        self.layers = nn.Sequential(*stages, last, Resize(out_shape))
        self._takes = (in_channels, in_shape)
        channels_last(self)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, *in_shape)`` to ``(batch, out_channels, *out_shape)``."""
        require_field("WaveformNet", channels, *self._takes)
        return cast(Tensor, self.layers(channels))
