"""A family of sector antennas: the hypotheses among which a few measurements decide."""

import math
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from physics.propagation import sector_antenna_gain

# Chosen to hold the antennas of two standards with room around them: 3GPP TR 36.814, table A.2.1.1-2 (70 and
# 10 degrees, 25 and 20 dB), and TR 38.901, table 7.3-1 (65 and 65 degrees, 30 dB).
HORIZONTAL_WIDTHS = (50.0, 65.0, 80.0, 100.0)  # degrees
VERTICAL_WIDTHS = (7.0, 15.0, 30.0, 65.0)  # degrees
TILTS = (0.0, 6.0, 12.0)  # degrees
FRONT_TO_BACK = (25.0, 35.0, 45.0)  # dB
SIDE_LOBES = (15.0, 25.0)  # dB


class Antenna(NamedTuple):
    """Parameters of `physics.propagation.sector_antenna_gain`: rad, and dB for the last two."""

    horizontal_width: Tensor
    vertical_width: Tensor
    tilt: Tensor
    front_to_back: Tensor
    side_lobe: Tensor

    def gain(self, azimuth_offset: Tensor, depression: Tensor) -> Tensor:
        """Return the gain relative to the peak, dB."""
        return torch.as_tensor(sector_antenna_gain(azimuth_offset, depression, *self))


def family() -> Tensor:
    """Return every combination of the ranges above, (antennas, 5), as `Antenna` has them."""
    degrees = math.pi / 180.0
    scale = torch.tensor([degrees, degrees, degrees, 1.0, 1.0], dtype=torch.float64)
    table = list(product(HORIZONTAL_WIDTHS, VERTICAL_WIDTHS, TILTS, FRONT_TO_BACK, SIDE_LOBES))
    return torch.tensor(table, dtype=torch.float64) * scale


def draw(rng: np.random.Generator) -> Antenna:
    """Draw an antenna within the ranges of the family, evenly, the vertical width evenly in its logarithm."""

    def between(values: tuple[float, ...]) -> float:
        return float(rng.uniform(values[0], values[-1]))

    vertical = math.exp(between((math.log(VERTICAL_WIDTHS[0]), math.log(VERTICAL_WIDTHS[-1]))))
    angles = (between(HORIZONTAL_WIDTHS), vertical, between(TILTS))
    numbers = (*map(math.radians, angles), between(FRONT_TO_BACK), between(SIDE_LOBES))
    return Antenna(*(torch.tensor(number) for number in numbers))
