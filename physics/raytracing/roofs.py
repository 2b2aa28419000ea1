"""Ways over roofs: a height raster, what a bend costs, and the upper hull of profiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physics.propagation import friis_path_gain
from physics.raytracing.arrivals import FULL_TURN

Floats = NDArray[np.float64]

POINTS = 2_000_000
"""Points of rays that are held at once."""
SPACING = 0.7
"""Largest distance of the points of a ray at which heights are read, in cells."""


@dataclass(frozen=True)
class BendLoss:
    """Loss of a path where it bends, as planning tools state it for walls of concrete.

    Attributes
    ----------
    least, most : float
        Loss of the incident ray that goes nearly straight on, and that turns by a right angle or more, dB;
        linear between.
    diffracted : float
        Loss of the diffracted ray, dB.
    """

    least: float = 8.0
    most: float = 15.0
    diffracted: float = 5.0

    def of(self, angle: Floats) -> Floats:
        """Return the loss of turns by these angles, rad, in dB."""
        share = np.minimum(angle / (np.pi / 2.0), 1.0)
        return self.least + (self.most - self.least) * share + self.diffracted


@dataclass(frozen=True)
class Raster:
    """Heights of ground and roofs.

    Attributes
    ----------
    surface : array (ny, nx)
        Altitude of what stands at the cell centres, m; rows ascend northwards.
    cell : float
        Side of a cell, m.
    """

    surface: Floats
    cell: float

    def tops(self, points: Floats) -> Floats:
        """Return the altitude of the surface at points (..., 2), east and north, m."""
        rows, columns = self.surface.shape
        column = np.clip((points[..., 0] / self.cell).astype(np.int64), 0, columns - 1)
        row = np.clip((points[..., 1] / self.cell).astype(np.int64), 0, rows - 1)
        return self.surface.ravel()[row * columns + column]

    def bundles(self, length: Floats) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield how many points rays of these lengths have, 4, 8, 16, ..., and which ones have so many."""
        wanted = np.maximum(length / (SPACING * self.cell), 4.0)
        steps = (2 ** np.ceil(np.log2(wanted))).astype(np.int64)
        for count in np.unique(steps).tolist():
            rays = np.flatnonzero(steps == count)
            yield from ((count, some) for some in np.array_split(rays, -(-len(rays) * count // POINTS)))

    def steepest(self, start: Floats, stop: Floats, before: Floats, altitude: float) -> Floats:
        """Return the least slope at which unfolded ways pass above all that stands below a stretch of them.

        Parameters
        ----------
        start, stop : array (n, 2)
            Ends of the stretches, m.
        before : array (n,)
            Length of the way before, m.
        altitude : float
            Where the ways begin, m.
        """
        length = np.linalg.norm(stop - start, axis=1)
        slopes = np.empty(len(start))
        for count, rays in self.bundles(length):
            fraction = (np.arange(count) + 0.5) / count
            points = start[rays, None] + fraction[:, None] * (stop - start)[rays, None]
            along = before[rays, None] + fraction * length[rays, None]
            slopes[rays] = ((self.tops(points) - altitude) / np.maximum(along, 1e-6)).max(axis=1)
        return slopes


class Ways(NamedTuple):
    """The strongest ways so far to n receivers.

    Attributes
    ----------
    gain : array (n,)
        Path gain, dB; -inf without a way.
    length : array (n,)
        In space, m.
    azimuth, zenith : array (n,)
        Where it comes from, rad.
    bends : array (n,)
        How many bends it has.
    """

    gain: Floats
    length: Floats
    azimuth: Floats
    zenith: Floats
    bends: Floats


def over_roofs(
    raster: Raster,
    source: Floats,
    altitude: float,
    goal: Floats,
    rise: Floats,
    frequency: float,
    bend_loss: BendLoss,
) -> Ways:
    """Return the shortest ways in the vertical plane, which are straight where nothing stands between.

    `rise` is the altitude of each goal above the transmitter, m.
    """
    plane = np.linalg.norm(goal - source, axis=1)
    length, loss, bends, last = (np.zeros(len(goal)) for _ in range(4))
    for count, rays in raster.bundles(plane):
        fraction = (np.arange(count) + 0.5) / count
        points = source + fraction[:, None] * (goal[rays] - source)[:, None]
        along = np.column_stack([fraction * plane[rays, None], plane[rays]])
        tops = np.column_stack([raster.tops(points) - altitude, rise[rays]])
        for total, hull in zip((length, loss, bends, last), _upper_hull(along, tops, bend_loss), strict=True):
            total[rays] = hull
    way = source - goal
    return Ways(
        gain=friis_path_gain(length, frequency) - loss,
        length=length,
        azimuth=np.mod(np.arctan2(way[:, 0], way[:, 1]), FULL_TURN),
        zenith=np.where(plane > 0.0, np.arctan2(1.0, -last), np.where(rise < 0.0, 0.0, np.pi)),
        bends=bends,
    )


def _upper_hull(along: Floats, tops: Floats, bend_loss: BendLoss) -> tuple[Floats, Floats, Floats, Floats]:
    """Return length, loss, number of bends and last slope of the shortest ways over profiles.

    Parameters
    ----------
    along, tops : array (n, points)
        Distance from the transmitter, and altitude above it, m; the last point is the receiver.
    bend_loss : BendLoss
        What a bend costs.
    """
    count, points = along.shape
    length, loss, bends, slope = (np.zeros(count) for _ in range(4))
    here, height, index = np.zeros(count), np.zeros(count), np.full(count, -1)
    going = np.arange(count)
    while going.size:
        ahead = np.arange(points) > index[going, None]
        run = np.maximum(along[going] - here[going, None], 1e-9)
        slopes = np.where(ahead, (tops[going] - height[going, None]) / run, -np.inf)
        reach = points - 1 - slopes[:, ::-1].argmax(axis=1)  # of equal slopes the farthest
        steep = slopes[np.arange(len(going)), reach]
        bent = index[going] >= 0
        turn = np.abs(np.arctan(slope[going]) - np.arctan(steep))
        loss[going] += np.where(bent, bend_loss.of(turn), 0.0)
        bends[going] += bent
        there, top = along[going, reach], tops[going, reach]
        length[going] += np.hypot(there - here[going], top - height[going])
        here[going], height[going], index[going], slope[going] = there, top, reach, steep
        going = going[reach < points - 1]
    return length, loss, bends, slope
