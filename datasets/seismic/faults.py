"""Straight normal faults: what lies above a dipping plane has slid down along it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datasets.seismic.layers import Points


@dataclass(frozen=True)
class Fault:
    """A plane through a point at mid-depth; lengths in cells.

    Attributes
    ----------
    depth, lateral
        The point.
    dip
        Angle to the horizontal, radians; below a right angle it dips towards larger `lateral`, above one
        towards smaller.
    slip
        How far the block above has slid down along the plane, relative to that below: half of it is the
        sinking of the one, half the rise of the other.
    """

    depth: float
    lateral: float
    dip: float
    slip: float

    @classmethod
    def draw(cls, rng: np.random.Generator, depths: int, laterals: int) -> "Fault":
        """Draw a dip of 40 to 80 degrees to either side and a slip of 6 to 28 % of the depth."""
        dip = np.deg2rad(rng.uniform(40.0, 80.0))
        return cls(
            depth=0.5 * depths,
            lateral=rng.uniform(0.15, 0.85) * laterals,
            dip=float(dip if rng.random() < 0.5 else np.pi - dip),
            slip=rng.uniform(0.06, 0.28) * depths,
        )

    def before(self, points: Points) -> Points:
        """Return where the rock of each point lay before it slid."""
        z, x = points
        above = (x - self.lateral) * np.sin(self.dip) > (z - self.depth) * np.cos(self.dip)
        if self.dip > np.pi / 2:
            above = ~above
        moved = np.where(above, 0.5, -0.5) * self.slip
        return z - moved * np.sin(self.dip), x - moved * np.cos(self.dip)


def before_all(points: Points, faults: Iterable[Fault]) -> Points:
    """Return where the rock of each point lay before any of the faults, the last of which is the oldest."""
    for fault in faults:
        points = fault.before(points)
    return points
