"""InversionNet: shot gathers through one vector to a velocity image."""

from math import ceil
from typing import Literal, cast

from torch import Tensor, nn

from surrogates.core.ranges import Width
from surrogates.nn.conv import channels_last, stage
from surrogates.nn.fields import Pair, require_field

_HALVINGS = 4  # of the time axis only, and then of both axes (three) and in the decoder (four)


class InversionNet(nn.Module):
    """Convolutions down to a vector, transposed convolutions up to the image, tanh at the end [1]_.

    Layer by layer as in the OpenFWI benchmark [2]_ for gathers of 5 x 1000 x 70 and images of 70 x 70. Time
    is halved only while it is longer than the receivers: four times at 1000 samples, twice at 250. The
    targets have to lie in [-1, 1].

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, *shape)``: shots of a gather, 1 for velocity.
    in_shape, out_shape
        Cells of the gather (time, receiver) and of the image (depth, lateral).
    width
        Channels of the first stage; the vector has 16 times as many.
    vector_norm
        Batch normalisation of the vector as published, or layer normalisation. Of the vector a batch of 16
        holds 16 numbers a channel, so that a channel which few records excite is normalised otherwise in
        training than by the statistics of all data.

    References
    ----------
    .. [1] Y. Wu, Y. Lin, "InversionNet: An efficient and accurate data-driven full waveform inversion", IEEE
       Transactions on Computational Imaging 6:419-433, 2020.
    .. [2] C. Deng et al., "OpenFWI: Large-scale multi-structural benchmark datasets for full waveform
       inversion", NeurIPS 2022, arXiv:2111.02926.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        in_shape: Pair,
        out_shape: Pair,
        width: Width = 32,
        vector_norm: Literal["batch", "layer"] = "batch",
    ) -> None:
        super().__init__()
        w2, w4, w8, w16 = (width * factor for factor in (2, 4, 8, 16))
        time, receivers = in_shape
        stages: list[nn.Module] = []
        before = in_channels
        for number, after in enumerate((width, w2, w2, w4)):
            stride = 2 if time > receivers else 1
            time = ceil(time / stride)
            kernel = 7 if number == 0 else 3
            stages.append(_conv(before, after, (kernel, 1), (stride, 1)))
            if number:
                stages.append(_conv(after, after, (3, 1)))
            before = after
        for after in (w4, w8, w8):
            time, receivers = ceil(time / 2), ceil(receivers / 2)
            stages += [_conv(before, after, stride=(2, 2)), _conv(after, after)]
            before = after
        norm = nn.GroupNorm(1, w16) if vector_norm == "layer" else None
        stages += stage(nn.Conv2d(w8, w16, (time, receivers)), _activation(), norm)
        self.encoder = nn.Sequential(*stages)
        first = (ceil(out_shape[0] / 2**_HALVINGS), ceil(out_shape[1] / 2**_HALVINGS))
        stages = [*stage(nn.ConvTranspose2d(w16, w16, first), _activation()), _conv(w16, w16)]
        for before, after in ((w16, w8), (w8, w4), (w4, w2), (w2, width)):
            up = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
            stages += [*stage(up, _activation()), _conv(after, after)]
        self.decoder = nn.Sequential(*stages)
        self.head = nn.Sequential(
            nn.Conv2d(width, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.Tanh()
        )
        self._takes, self._answers = (in_channels, in_shape), out_shape
        channels_last(self)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, *in_shape)`` to ``(batch, out_channels, *out_shape)``."""
        require_field("InversionNet", channels, *self._takes)
        image = self.decoder(self.encoder(channels))
        for axis, cells in zip((2, 3), self._answers, strict=True):
            image = image.narrow(axis, (image.shape[axis] - cells) // 2, cells)
        return cast(Tensor, self.head(image))


def _conv(before: int, after: int, kernel: Pair = (3, 3), stride: Pair = (1, 1)) -> nn.Sequential:
    conv = nn.Conv2d(before, after, kernel, stride, padding=(kernel[0] // 2, kernel[1] // 2))
    return nn.Sequential(*stage(conv, _activation()))


def _activation() -> nn.Module:
    return nn.LeakyReLU(0.2)
