"""Latent U-Net: an encoder, a translator between latent images, a decoder."""

from typing import Literal, cast

from torch import Tensor, nn

from surrogates.core.ranges import Depth, Few, Widths
from surrogates.nn.conv import channels_last
from surrogates.nn.fields import Pair, require_field
from surrogates.nn.latent import Decoder, Direction, Encoder, Latent, kinds
from surrogates.nn.translator import LatentTranslator, SkipFrom


class LatentUNet(nn.Module):
    """Translate shot gathers to a velocity image, or the image to gathers, through latent images [1]_.

    The published sizes are `repeat=2` (large, 35 million weights) and `repeat=1` (small, 18 million). Other
    members of the framework are settings: with the identity as translator it is an encoder and a decoder, as
    InversionNet is; with a linear one it is like Auto-Linear.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, *shape)``: shots of a gather, 1 for velocity.
    in_shape, out_shape
        Cells of the input and of the output: (time, receiver) of a gather, (depth, lateral) of an image.
    direction
        `inverse` from gathers to the image, `forward` from the image to gathers.
    latent
        Cells a side of the latent images.
    channels
        Widths of the stages of the encoders; the last is that of the latent images.
    depth
        Times that the translator halves the resolution.
    repeat
        Double convolutions on each level of the translator.
    skip_from
        Where the translator's skip connections come from: `unpooled` as is usual, `pooled` as published
        (`surrogates.nn.translator.LatentTranslator`), or `none`.
    translator
        `unet`, `linear` (a matrix on the channels of each cell) or `identity`.
    autoencode
        Add the decoder of the input and the encoder of the output, for losses of reconstruction.

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
        direction: Direction = "inverse",
        latent: Latent = 70,
        channels: Widths = (8, 16, 32, 64, 128),
        depth: Few = 2,
        repeat: Depth = 2,
        skip_from: SkipFrom = "unpooled",
        translator: Literal["unet", "linear", "identity"] = "unet",
        autoencode: bool = False,
    ) -> None:
        super().__init__()
        if translator == "unet" and latent < 2**depth:
            raise ValueError(
                f"latent: {latent} found, at least {2**depth} expected for depth {depth}; take a larger one "
                "or fewer levels"
            )
        source, target = kinds(direction, in_channels, out_channels)
        self.encoder = Encoder(source, in_channels, in_shape, latent, channels)
        self.translator = _translator(translator, channels[-1], depth, repeat, skip_from)
        self.decoder = Decoder(target, out_channels, out_shape, latent, channels)
        self.reconstructs = autoencode
        if autoencode:
            self.in_decoder = Decoder(source, in_channels, in_shape, latent, channels)
            self.out_encoder = Encoder(target, out_channels, out_shape, latent, channels)
        self._takes = (in_channels, in_shape)
        channels_last(self)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, *in_shape)`` to ``(batch, out_channels, *out_shape)``."""
        require_field("the Latent U-Net", channels, *self._takes)
        return cast(Tensor, self.decoder(self.translator(self.encoder(channels))))

    def reconstruct_input(self, channels: Tensor) -> Tensor:
        """Return the input after its encoder and its decoder (`autoencode`)."""
        return cast(Tensor, self.in_decoder(self.encoder(channels)))

    def reconstruct_output(self, channels: Tensor) -> Tensor:
        """Return an output after its encoder and its decoder (`autoencode`)."""
        return cast(Tensor, self.decoder(self.out_encoder(channels)))


def _translator(name: str, channels: int, depth: int, repeat: int, skip_from: SkipFrom) -> nn.Module:
    if name == "unet":
        return LatentTranslator(channels, depth, repeat, skip_from)
    return nn.Conv2d(channels, channels, 1) if name == "linear" else nn.Identity()
