"""Encoders into square latent images, and decoders out of them, for shot gathers and for velocity images.

The published stages of the framework for generalised forward and inverse problems [1]_ are tables here, for
latents of 70, 64, 32, 16 and 8 cells a side. Other sizes follow one rule: a latent takes the table of the
smallest published latent that is not smaller (72 that of 70), and a stage strides along an axis only as far
as the axis is still longer (shorter, in a decoder) than where it should arrive. A bilinear resize ends them
all, so that every shape is met exactly.

.. [1] N. Gupta, M. Sawhney, A. Daw, Y. Lin, A. Karpatne, "A Unified Framework for Forward and Inverse
   Problems in Subsurface Imaging using Latent Space Translations", ICLR 2025, arXiv:2410.11247.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field
from torch import nn

from surrogates.nn.conv import Tanh, stage
from surrogates.nn.fields import Pair, Resize, shape_after

Kind = Literal["gather", "image"]
Direction = Literal["inverse", "forward"]
Latent = Annotated[int, Field(gt=0, le=1024)]
"""Cells a side of latent images: bounded, since no limit on the number of weights bounds them."""

PUBLISHED_WIDTHS = 5  # widths that are given; the stages that the two smallest latents add repeat the last


class Stage(NamedTuple):
    """Kernel, stride and padding along the two axes (time or depth, receiver or lateral)."""

    kernel: Pair
    stride: Pair
    padding: Pair


class Side(NamedTuple):
    """The stages of an encoder and of the decoder of the same domain."""

    encoder: tuple[Stage, ...]
    decoder: tuple[Stage, ...]


def _along_time(*stages: tuple[int, int, int]) -> tuple[Stage, ...]:
    return tuple(Stage((kernel, 1), (stride, 1), (padding, 0)) for kernel, stride, padding in stages)


def _square(*stages: tuple[int, int, int]) -> tuple[Stage, ...]:
    return tuple(Stage((kernel,) * 2, (stride,) * 2, (padding,) * 2) for kernel, stride, padding in stages)


_EVERY_CELL = _square(*[(1, 1, 0)] * 5)
_TIME_32 = ((7, 2, 3), (7, 2, 3), (5, 2, 2), (5, 2, 2))

# Where the publication strides along the receivers it does not say how wide the kernel is there: square
# kernels are used, since a kernel of one column would leave out every second receiver.
GATHERS: dict[int, Side] = {
    70: Side(
        _along_time((7, 3, 3), (7, 2, 1), (5, 2, 1), (5, 1, 0), (5, 1, 0)),
        _along_time((7, 3, 3), (7, 2, 1), (5, 2, 1), (5, 1, 0), (5, 1, 0)),
    ),
    64: Side(
        _along_time(*_TIME_32, (5, 1, 2)),
        _along_time((7, 3, 0), (7, 2, 0), (5, 2, 0), (5, 1, 0), (5, 1, 0)),
    ),
    32: Side(
        _along_time(*_TIME_32) + _square((5, 2, 2)),
        _square((7, 2, 3)) + _along_time((7, 2, 3), *[(5, 2, 2)] * 3),
    ),
    16: Side(
        _along_time(*_TIME_32) + _square(*[(5, 2, 2)] * 2),
        _square(*[(7, 2, 3)] * 2) + _along_time(*[(5, 2, 2)] * 4),
    ),
    8: Side(
        _along_time(*_TIME_32) + _square(*[(5, 2, 2)] * 3),
        _square(*[(7, 2, 3)] * 2, (5, 2, 2)) + _along_time(*[(5, 2, 2)] * 4),
    ),
}
IMAGES: dict[int, Side] = {
    70: Side(_EVERY_CELL, _EVERY_CELL),
    64: Side(
        _square(*[(1, 1, 0)] * 2, *[(3, 1, 0)] * 3),
        _square(*[(3, 1, 0)] * 3, *[(1, 1, 0)] * 2),
    ),
    32: Side(
        _square(*[(1, 1, 0)] * 2, (3, 1, 0), (3, 2, 1), (3, 1, 0)),
        _square((3, 1, 0), (3, 2, 1), (3, 1, 0), *[(1, 1, 0)] * 2),
    ),
    16: Side(
        _square(*[(1, 1, 0)] * 2, (3, 1, 0), (3, 2, 1), (3, 2, 0), (3, 1, 1)),
        _square((3, 1, 1), (3, 2, 0), (3, 2, 1), (3, 1, 0), *[(1, 1, 0)] * 2),
    ),
    8: Side(
        _square(*[(1, 1, 0)] * 2, (3, 1, 0), (3, 2, 1), (3, 2, 0), (3, 2, 1), (3, 1, 1)),
        _square((3, 1, 1), (3, 2, 1), (3, 2, 0), (3, 2, 1), (3, 1, 0), *[(1, 1, 0)] * 2),
    ),
}


def kinds(direction: Direction, in_channels: int, out_channels: int) -> tuple[Kind, Kind]:
    """Return what the input and what the output is, unless the channels tell otherwise: an image has one.

    Raises
    ------
    ValueError
        When the image of this direction has several channels, and the gathers have one.
    """
    inverse = direction == "inverse"
    shots, image = (in_channels, out_channels) if inverse else (out_channels, in_channels)
    if image > 1 == shots:
        other = "forward" if inverse else "inverse"
        raise ValueError(
            f"direction: '{direction}' found, with {in_channels} channels in and {out_channels} out; "
            f"expected '{other}', since gathers of several shots have as many channels and an image has "
            f"one; set model.direction={other}"
        )
    return ("gather", "image") if inverse else ("image", "gather")


def published(kind: Kind, latent: int) -> Side:
    """Return the stages of the smallest published latent that is not smaller; above 70 those of 70."""
    tables = GATHERS if kind == "gather" else IMAGES
    return tables[min((size for size in tables if size >= latent), default=70)]


def widths_of(channels: Sequence[int], latent: int) -> list[int]:
    """Return the width of each stage of an encoder: the given ones, the last repeated for small latents."""
    if not 1 <= len(channels) <= PUBLISHED_WIDTHS:
        raise ValueError(
            f"channels: {len(channels)} widths found, 1 to {PUBLISHED_WIDTHS} expected; give one width for "
            "each stage, such as (8, 16, 32, 64, 128)"
        )
    added = len(published("gather", latent).encoder) - PUBLISHED_WIDTHS
    return [*channels, *[channels[-1]] * added]


def _strides(stage: Stage, ratios: Sequence[float]) -> Pair:
    """Return the strides of a stage, none larger than the ratio of lengths that is left to go."""
    first, second = (max(1, min(s, round(ratio))) for s, ratio in zip(stage.stride, ratios, strict=True))
    return first, second


class Encoder(nn.Sequential):
    """Convolution, batch normalisation, LeakyReLU(0.2) in each stage, then a resize to the latent.

    Parameters
    ----------
    kind
        Gathers (batch, shot, time, receiver) or images (batch, channel, depth, lateral).
    in_channels
        Channels of the field.
    in_shape
        Cells of the field.
    latent
        Cells a side of the latent image.
    channels
        Widths of the stages; the last is that of the latent image.
    """

    def __init__(
        self, kind: Kind, in_channels: int, in_shape: Pair, latent: int, channels: Sequence[int]
    ) -> None:
        before, shape = in_channels, in_shape
        layers: list[nn.Module] = []
        for width, each in zip(widths_of(channels, latent), published(kind, latent).encoder, strict=False):
            stride = _strides(each, [n / latent for n in shape])
            conv = nn.Conv2d(before, width, each.kernel, stride, each.padding)
            layers += stage(conv, nn.LeakyReLU(0.2))
            before, shape = width, shape_after(conv, shape)
        if min(shape) < 1:
            raise ValueError(
                f"in_shape: {in_shape} found, too small for the stages of a latent of {latent}; give a "
                "smaller latent or fewer channels"
            )
        super().__init__(*layers, Resize((latent, latent)))


class Decoder(nn.Sequential):
    """Transposed convolution, batch normalisation, tanh in each stage, a convolution, a resize to the field.

    Parameters
    ----------
    kind
        Gathers (batch, shot, time, receiver) or images (batch, channel, depth, lateral).
    out_channels
        Channels of the field.
    out_shape
        Cells of the field.
    latent
        Cells a side of the latent image.
    channels
        Widths as of the encoder; they are gone through backwards.
    """

    def __init__(
        self, kind: Kind, out_channels: int, out_shape: Pair, latent: int, channels: Sequence[int]
    ) -> None:
        widths, shape = widths_of(channels, latent)[::-1], (latent, latent)
        layers: list[nn.Module] = []
        before = widths[0]
        for after, each in zip([*widths[:-1], out_channels], published(kind, latent).decoder, strict=False):
            stride = _strides(each, [whole / n for whole, n in zip(out_shape, shape, strict=True)])
            conv = nn.ConvTranspose2d(before, after, each.kernel, stride, each.padding)
            layers += stage(conv, Tanh())
            before, shape = after, shape_after(conv, shape)
        last = (7, 3) if kind == "gather" else (1, 1)
        padding = (last[0] // 2, last[1] // 2)
        super().__init__(
            *layers, nn.Conv2d(out_channels, out_channels, last, padding=padding), Resize(out_shape)
        )
