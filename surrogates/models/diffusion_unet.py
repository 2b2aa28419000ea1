"""Residual U-Net that takes noise out of fields of one to three dimensions."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.core.ranges import Factors, Few, Halvings, Width
from surrogates.nn.conv import AVERAGE_POOLS, CONVOLUTIONS, norm_layer
from surrogates.nn.fields import factors_of, require_large

TIMES = 1000.0
"""Steps of the published models between clean and noise, in which their networks are told the time."""


class DiffusionUNet(nn.Module):
    """Residual U-Net with the time in every block and attention at the lowest level [1]_.

    RadioDiff-3D [2]_ is one on volumes; its widths are not published. `encode` and `decode` are apart, so
    that what one has found can be used for several times. For volumes it has 13.7 million parameters, with
    `width` 16 3.4 million, with FiLM 1 % more.

    Parameters
    ----------
    in_channels
        Channels of the condition.
    out_channels, noisy_channels
        Channels of the answer and of the noisy field.
    in_shape
        Cells along each dimension, of which only their number counts.
    width
        Channels of the first level; every level below has twice as many.
    depth
        Number of times the resolution is halved.
    blocks
        Residual blocks of a level, on the way down and on the way up.
    heads
        Of the attention; they divide the channels of the lowest level.
    conditioning
        `concatenate` the condition with the noisy field, or let it scale and shift the channels of every
        block in each cell: `film` [3]_.
    pool
        Factor by which each level shortens each dimension, such as (1, 2, 2) for volumes of few layers; None
        halves them all.

    References
    ----------
    .. [1] J. Ho, A. Jain, P. Abbeel, "Denoising diffusion probabilistic models", NeurIPS 2020,
       arXiv:2006.11239, appendix B.
    .. [2] X. Wang et al., "RadioDiff-3D: a 3D x 3D radio map dataset and generative diffusion based benchmark
       for 6G environment-aware communication", IEEE TNSE 2025, arXiv:2507.12166.
    .. [3] E. Perez, F. Strub, H. de Vries, V. Dumoulin, A. Courville, "FiLM: visual reasoning with a general
       conditioning layer", AAAI 2018, arXiv:1709.07871; in each cell as in T. Park et al., CVPR 2019,
       arXiv:1903.07291.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        noisy_channels: int,
        in_shape: tuple[int, ...],
        width: Width = 32,
        depth: Halvings = 3,
        blocks: Few = 1,
        heads: Few = 4,
        conditioning: Literal["concatenate", "film"] = "concatenate",
        pool: Factors | None = None,
    ) -> None:
        super().__init__()
        dimensions = len(in_shape)
        factors = factors_of("the diffusion U-Net", pool, dimensions)
        conv = CONVOLUTIONS[dimensions - 1]
        widths, embedded = [width * 2**level for level in range(depth + 1)], 4 * width
        if widths[-1] % heads:
            raise ValueError(
                f"heads is {heads}, which does not divide the {widths[-1]} channels of the lowest level; "
                "take another number, such as 1"
            )
        film = width if conditioning == "film" else 0

        def level(before: int, after: int) -> nn.ModuleList:
            inner = [before, *[after] * blocks]
            return nn.ModuleList(Block(dimensions, a, b, embedded, film) for a, b in pairwise(inner))

        self.time = nn.Sequential(nn.Linear(width, embedded), nn.SiLU(), nn.Linear(embedded, embedded))
        self.stem = conv(noisy_channels + (0 if film else in_channels), width, 3, padding=1)
        self.condition = (
            nn.Sequential(
                conv(in_channels, film, 3, padding=1), nn.SiLU(), conv(film, film, 3, padding=1), nn.SiLU()
            )
            if film
            else None
        )
        self.down = nn.ModuleList(level(a, b) for a, b in pairwise([width, *widths]))
        self.middle = nn.ModuleList(Block(dimensions, widths[-1], widths[-1], embedded, film) for _ in "12")
        self.attention = Attention(dimensions, widths[-1], heads)
        self.up = nn.ModuleList(level(a + b, b) for a, b in pairwise(reversed(widths)))
        self.head = nn.Sequential(
            norm_layer("group", width), nn.SiLU(), conv(width, out_channels, 3, padding=1)
        )
        self._pool = AVERAGE_POOLS[dimensions - 1](factors)
        self._smallest = tuple(factor**depth for factor in factors)
        self._width = width

    def forward(self, noisy: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """Return the prediction for noisy fields.

        Parameters
        ----------
        noisy
            Shape (batch, noisy_channels, *grid).
        time
            From 0 to 1, shape (batch,).
        condition
            Shape (batch, in_channels, *grid).

        Returns
        -------
        Tensor
            Shape (batch, out_channels, *grid).
        """
        return self.decode(self.encode(noisy, time, condition), time, condition)

    def encode(self, noisy: Tensor, time: Tensor, condition: Tensor) -> list[Tensor]:
        """Return the fields of each level, the lowest last: all that `decode` needs of a noisy field."""
        require_large("the diffusion U-Net", noisy, self._smallest)
        embedding, conditions = self._embedded(time), self._conditions(condition)
        field = self.stem(noisy if self.condition is not None else torch.cat([noisy, condition], 1))
        levels: list[Tensor] = []
        for number, blocks in enumerate(self.down):
            field = self._pool(field) if number else field
            for block in blocks:  # type: ignore[attr-defined]
                field = block(field, embedding, conditions[number])
            levels.append(field)
        return levels

    def decode(self, levels: Sequence[Tensor], time: Tensor, condition: Tensor) -> Tensor:
        """Return the prediction from the fields of each level; the time need not be that of `encode`."""
        embedding, conditions = self._embedded(time), self._conditions(condition)
        *skips, field = levels
        first, second = self.middle
        field = second(self.attention(first(field, embedding, conditions[-1])), embedding, conditions[-1])
        for blocks, skip, beside in zip(self.up, reversed(skips), reversed(conditions[:-1]), strict=True):
            raised = functional.interpolate(field, skip.shape[2:])
            field = torch.cat([skip, raised], 1)
            for block in blocks:  # type: ignore[attr-defined]
                field = block(field, embedding, beside)
        return self.head(field)

    def _embedded(self, time: Tensor) -> Tensor:
        return self.time(time_waves(time, self._width))

    def _conditions(self, condition: Tensor) -> list[Tensor | None]:
        """Return the condition at each level; nothing where it was concatenated."""
        if self.condition is None:
            return [None] * len(self.down)
        found = [self.condition(condition)]
        for _ in range(len(self.down) - 1):
            found.append(self._pool(found[-1]))
        return found


class Block(nn.Module):
    """Two convolutions beside a shortcut; time and condition scale and shift the channels between them.

    The second convolution begins at zero, so that the block begins as its shortcut.

    Parameters
    ----------
    dimensions
        Of the fields.
    in_channels, out_channels
        Channels before and after.
    embedded
        Length of the embedding of the time.
    film
        Channels of the condition; 0 without one.
    """

    def __init__(
        self, dimensions: int, in_channels: int, out_channels: int, embedded: int, film: int
    ) -> None:
        super().__init__()
        conv = CONVOLUTIONS[dimensions - 1]
        self.first = nn.Sequential(
            norm_layer("group", in_channels), nn.SiLU(), conv(in_channels, out_channels, 3, padding=1)
        )
        self.norm = norm_layer("group", out_channels)
        self.second = nn.Sequential(nn.SiLU(), conv(out_channels, out_channels, 3, padding=1))
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(embedded, 2 * out_channels))
        self.film = conv(film, 2 * out_channels, 1) if film else None
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else conv(in_channels, out_channels, 1)
        for weight in self.second[1].parameters():
            nn.init.zeros_(weight)

    def forward(self, field: Tensor, embedding: Tensor, condition: Tensor | None) -> Tensor:
        """Map (batch, in_channels, *grid) to (batch, out_channels, *grid)."""
        change = self.time(embedding).view(len(field), -1, *(1,) * (field.ndim - 2))
        if self.film is not None:
            change = change + self.film(condition)
        scale, shift = change.chunk(2, 1)
        return self.shortcut(field) + self.second(self.norm(self.first(field)) * (1 + scale) + shift)


class Attention(nn.Module):
    """Attention of every cell to all others, beside a shortcut.

    Parameters
    ----------
    dimensions
        Of the fields.
    channels
        Of the fields.
    heads
        A divisor of them.
    """

    def __init__(self, dimensions: int, channels: int, heads: int) -> None:
        super().__init__()
        conv = CONVOLUTIONS[dimensions - 1]
        self.norm = norm_layer("group", channels)
        self.project = conv(channels, 3 * channels, 1)
        self.join = conv(channels, channels, 1)
        self._heads = heads

    def forward(self, field: Tensor) -> Tensor:
        """Keep (batch, channel, *grid)."""
        cells = self.project(self.norm(field)).flatten(2).unflatten(1, (3, self._heads, -1))
        query, key, value = (each.transpose(-1, -2) for each in cells.unbind(1))
        seen = functional.scaled_dot_product_attention(query, key, value)
        return field + self.join(seen.transpose(-1, -2).reshape(field.shape))


def time_waves(time: Tensor, width: int) -> Tensor:
    """Return sines and cosines of times from 0 to 1, (batch, width), of periods from 6 to 60,000 steps."""
    half = (width + 1) // 2
    rates = torch.exp(-math.log(1e4) / half * torch.arange(half, device=time.device, dtype=time.dtype))
    angles = TIMES * time[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)[:, :width]
