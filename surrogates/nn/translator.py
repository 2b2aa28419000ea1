"""Translators from one latent image to another, of the same size."""

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.nn.conv import stage

SkipFrom = Literal["unpooled", "pooled", "none"]


class GroupedConv(nn.Sequential):
    """Twice 3 x 3 convolution, normalisation over all channels, LeakyReLU(0.01)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            conv = nn.Conv2d(channels, out_channels, 3, padding=1)
            layers += stage(conv, nn.LeakyReLU(0.01), nn.GroupNorm(1, out_channels, eps=1e-3))
        super().__init__(*layers)


class LatentTranslator(nn.Module):
    """The U-Net between two latent images of Gupta et al. 2025 (arXiv:2410.11247).

    As published a skip connection is taken behind the pooling (`pooled`): at the deepest level a map is then
    magnified twofold, cut to its central part and joined with a skip that it does not lie on, and the full
    resolution comes back only in the last step. By default the skip is taken before the pooling, as in
    every other U-Net, with the same weights. On the way down the first double convolution of a level comes
    before the pooling and the others after it, as published; a pooled skip lies behind them all.

    Parameters
    ----------
    channels
        Channels of the latent images; each level has twice as many as the one above.
    depth
        Number of times the resolution is halved.
    repeat
        Double convolutions on each level; twice as many on the deepest.
    skip_from
        Where skip connections come from; `none` leaves them out.
    """

    def __init__(self, channels: int, depth: int, repeat: int, skip_from: SkipFrom) -> None:
        super().__init__()
        widths = [channels * 2**level for level in range(depth + 1)]
        joined = 1 if skip_from == "none" else 2
        self.down = nn.ModuleList(_level(w, 2 * w, repeat) for w in widths[:-1])
        self.bottom = _level(widths[-1], widths[-1], 2 * repeat)
        self.up = nn.ModuleList(_level(2 * joined * w, w, repeat) for w in reversed(widths[:-1]))
        self.tail = GroupedConv(channels, channels)
        self._skip_from = skip_from

    def forward(self, latent: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape."""
        skips, level = [], latent
        for block in self.down:
            first, *rest = cast(nn.Sequential, block)
            fine = first(level)
            level = functional.max_pool2d(fine, 2)
            for module in rest:
                level = module(level)
            skips.append(level if self._skip_from == "pooled" else fine)
        level = self.bottom(level)
        for block in self.up:
            skip = skips.pop()
            level = _raise_to(level, skip)
            level = block(level if self._skip_from == "none" else torch.cat([skip, level], dim=1))
        if self._skip_from == "pooled":
            level = _raise_to(level, latent)
        return self.tail(level)


def _level(in_channels: int, out_channels: int, repeat: int) -> nn.Sequential:
    first = GroupedConv(in_channels, out_channels)
    return nn.Sequential(first, *(GroupedConv(out_channels, out_channels) for _ in range(repeat - 1)))


def _raise_to(coarse: Tensor, fine: Tensor) -> Tensor:
    """Double the resolution, then pad, or cut, around the centre to the size of another tensor."""
    raised = functional.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=True)
    high, wide = fine.shape[-2] - raised.shape[-2], fine.shape[-1] - raised.shape[-1]
    if not (high or wide):
        return raised
    return functional.pad(raised, [wide // 2, wide - wide // 2, high // 2, high - high // 2])
