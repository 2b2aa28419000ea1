"""Changes of training batches under which the physics of radio maps holds."""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.domains.radio.link import AZIMUTH, CELL, HEIGHTS, POSITION
from surrogates.learning.context import Fact
from surrogates.learning.contract import Preparation


class Symmetry(Preparation):
    """Turn and mirror each map at random (8 symmetries of the square), transmitter and antenna with it.

    Parameters
    ----------
    cell
        Side of a cell, m.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"cell": CELL}

    def __init__(self, cell: float) -> None:
        self.cell = cell

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
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
