"""Changes of training batches that leave the physics of radio maps true."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from surrogates.domains.radio.site import AZIMUTH, HEIGHTS, POSITION

Batch = dict[str, Tensor]


class Symmetry:
    """Turn and mirror each map at random (8 symmetries of the square), transmitter and antenna with it.

    Parameters
    ----------
    cell
        Side of a cell, m.
    """

    def __init__(self, cell: float = 4.0) -> None:
        self.cell = cell

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator]) -> Batch:
        """Apply one symmetry to every variable of an example."""
        draws = [(int(rng.integers(4)), bool(rng.integers(2))) for rng in rngs]
        maps = {name: value for name, value in batch.items() if value.ndim == 3}
        size = batch[HEIGHTS].shape[-1] * self.cell
        changed = {
            name: torch.stack([turn_map(one, *draw) for one, draw in zip(value, draws, strict=True)])
            for name, value in maps.items()
        }
        if POSITION in batch:
            pairs = zip(batch[POSITION], draws, strict=True)
            changed[POSITION] = torch.stack([turn_position(one, size, *draw) for one, draw in pairs])
        if AZIMUTH in batch:
            pairs = zip(batch[AZIMUTH], draws, strict=True)
            changed[AZIMUTH] = torch.stack([turn_azimuth(one, *draw) for one, draw in pairs])
        return {**batch, **changed}


def turn_map(field: Tensor, quarters: int, mirror: bool) -> Tensor:
    """Turn a map (y ascending northwards, x) clockwise by quarters, then mirror east and west."""
    turned = torch.rot90(field, quarters, (-2, -1))
    return turned.flip(-1) if mirror else turned


def turn_position(position: Tensor, size: float, quarters: int, mirror: bool) -> Tensor:
    """Turn a position (east, north, height) in a square of side ``size`` like `turn_map`."""
    east, north, height = position.unbind()
    for _ in range(quarters % 4):
        east, north = north, size - east
    return torch.stack([size - east if mirror else east, north, height])


def turn_azimuth(azimuth: Tensor, quarters: int, mirror: bool) -> Tensor:
    """Turn an azimuth (clockwise from north, rad) like `turn_map`; in [0, 2 pi)."""
    turned = azimuth + quarters * math.pi / 2
    return torch.remainder(-turned if mirror else turned, 2 * math.pi)


class PoolPower:
    """Average the targets' power over neighbouring outdoor cells, in training.

    Few rays leave weak cells empty or struck by one ray alone, 10 dB off at a million rays. The mean of
    the linear gain over a small square, empty cells counted as zero, stands on as many rays as it has cells.

    Parameters
    ----------
    targets
        Maps of gain, dB.
    cells
        Side of the square, odd.
    weakest
        Means below it, dB, become NaN.
    """

    def __init__(
        self, targets: tuple[str, ...] = ("path_gain",), cells: int = 3, weakest: float = -140.0
    ) -> None:
        if cells < 1 or cells % 2 == 0:
            raise ValueError(f"cells={cells} must be odd and positive, so that a square has a middle")
        self.targets, self.cells, self.weakest = tuple(targets), cells, weakest

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator]) -> Batch:
        """Replace the targets."""
        outdoor = (batch[HEIGHTS] <= 0).to(torch.float32)
        pooled = {name: self._pool(batch[name], outdoor) for name in self.targets if name in batch}
        return {**batch, **pooled}

    def _pool(self, gain: Tensor, outdoor: Tensor) -> Tensor:
        scale = 1e10  # keeps -140 dB far from the smallest float32
        power = torch.nan_to_num(torch.pow(10.0, gain / 10.0) * scale) * outdoor
        mean = self._mean(power) / self._mean(outdoor).clamp(min=1e-6)
        level = 10.0 * torch.log10(mean.clamp(min=1e-30) / scale)
        return torch.where((level >= self.weakest) & (outdoor > 0), level, torch.nan)

    def _mean(self, field: Tensor) -> Tensor:
        return functional.avg_pool2d(field.unsqueeze(1), self.cells, 1, self.cells // 2).squeeze(1)
