"""Invertible X-Net: gathers to velocity and back, through one invertible translator."""

from typing import cast

from torch import Tensor, nn

from surrogates.core.ranges import Depths, Widths
from surrogates.nn.conv import channels_last
from surrogates.nn.fields import Pair, require_field
from surrogates.nn.invertible import InvertibleUNet
from surrogates.nn.latent import Decoder, Direction, Encoder, Latent, kinds


class InvertibleXNet(nn.Module):
    """Two encoders and two decoders around an invertible U-Net, which serves both directions [1]_.

    The translator leads from the latent image of velocity to that of the gathers; its inverse leads back. As
    published, with a latent of 70, it pads inside and is not invertible; the default of 72 needs no padding,
    with the same weights.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, *shape)``: shots of a gather, 1 for velocity.
    in_shape, out_shape
        Cells of the input and of the output: (time, receiver) of a gather, (depth, lateral) of an image.
    direction
        What `forward` does: `inverse` from gathers to the image, `forward` from the image to gathers.
    latent
        Cells a side of the latent images, divisible by ``2 ** (levels - 1)``.
    channels
        Widths of the stages of the encoders; the last is that of the latent images, and even.
    architecture
        Couplings on the way down, and again on the way up, on each level of the translator.

    References
    ----------
    .. [1] N. Gupta, M. Sawhney, A. Daw, Y. Lin, A. Karpatne, "A Unified Framework for Forward and Inverse
       Problems in Subsurface Imaging using Latent Space Translations", ICLR 2025, arXiv:2410.11247.
    """

    reconstructs = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        in_shape: Pair,
        out_shape: Pair,
        direction: Direction = "inverse",
        latent: Latent = 72,
        channels: Widths = (8, 16, 32, 64, 128),
        architecture: Depths = (4, 4, 4, 4),
    ) -> None:
        super().__init__()
        source, target = kinds(direction, in_channels, out_channels)
        self.in_encoder = Encoder(source, in_channels, in_shape, latent, channels)
        self.in_decoder = Decoder(source, in_channels, in_shape, latent, channels)
        self.out_encoder = Encoder(target, out_channels, out_shape, latent, channels)
        self.out_decoder = Decoder(target, out_channels, out_shape, latent, channels)
        self.translator = InvertibleUNet(channels[-1], architecture)
        self.translator.require_divisible((latent, latent))
        self._inverse = direction == "inverse"
        self._takes, self._answers = (in_channels, in_shape), (out_channels, out_shape)
        channels_last(self)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, *in_shape)`` to ``(batch, out_channels, *out_shape)``."""
        require_field("the X-Net", channels, *self._takes)
        return cast(Tensor, self.out_decoder(self._translate(self.in_encoder(channels), self._inverse)))

    def reverse(self, channels: Tensor) -> Tensor:
        """Map ``(batch, out_channels, *out_shape)`` to ``(batch, in_channels, *in_shape)``."""
        require_field("the X-Net backwards", channels, *self._answers)
        return cast(Tensor, self.in_decoder(self._translate(self.out_encoder(channels), not self._inverse)))

    def reconstruct_input(self, channels: Tensor) -> Tensor:
        """Return the input after its encoder and its decoder."""
        return cast(Tensor, self.in_decoder(self.in_encoder(channels)))

    def reconstruct_output(self, channels: Tensor) -> Tensor:
        """Return an output after its encoder and its decoder."""
        return cast(Tensor, self.out_decoder(self.out_encoder(channels)))

    def _translate(self, latent: Tensor, to_velocity: bool) -> Tensor:
        return self.translator.inverse(latent) if to_velocity else self.translator(latent)
