"""Dominant paths over a height raster: straight, over the roofs, or around the corners of buildings.

Of all the ways from a transmitter to a receiver the strongest counts: free space over its unfolded length,
less a loss for every bend [1]_. Three kinds of ways are compared:

* the direct ray,
* the shortest way over everything that stands between the two (the upper hull of the profile),
* ways around one to three vertical edges.

No way is reflected, so that there is one path to each receiver and no spread.

References
----------
.. [1] R. Wahl, G. Wölfle, "Combined urban and indoor network planning using the dominant path propagation
   model", EuCAP 2006.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from physics.geometry import SPEED_OF_LIGHT
from physics.raytracing.arrivals import Arrivals
from physics.raytracing.edges import around_edges, blocks, edges_of
from physics.raytracing.roofs import BendLoss, Floats, Raster, Ways, over_roofs


def dominant_paths(
    building: NDArray[Any],
    terrain: NDArray[Any],
    transmitter: NDArray[Any],
    heights: NDArray[Any],
    cell: float,
    frequency: float,
    bend_loss: BendLoss | None = None,
) -> tuple[Arrivals, NDArray[np.int8]]:
    """Find the strongest path from a transmitter to receivers at several heights over the cells of a raster.

    Parameters
    ----------
    building, terrain : array (ny, nx)
        Height of roofs above the ground (0 without a building) and altitude of the ground, m; rows ascend
        northwards.
    transmitter : array (3,)
        East and north of the raster's south-west corner, and height above the ground of its cell, m.
    heights : array (nz,)
        Heights of the receivers above the local ground, m.
    cell : float
        Side of a cell, m.
    frequency : float
        Carrier frequency, Hz.
    bend_loss : BendLoss, optional
        What a bend costs.

    Returns
    -------
    Arrivals
        Of shape (nz, ny, nx); NaN inside buildings.
    array (nz, ny, nx) of int8
        Bends of each path, -1 inside buildings.

    Raises
    ------
    ValueError
        If the transmitter stands outside of the raster or inside a building, or a height is not above ground.
    """
    building, terrain = np.asarray(building, np.float64), np.asarray(terrain, np.float64)
    position, heights = np.asarray(transmitter, np.float64), np.asarray(heights, np.float64)
    _check(building, terrain, position, heights, cell)
    raster, bend_loss = Raster(building + terrain, cell), bend_loss or BendLoss()
    below = Raster(terrain, cell).tops(position[:2])
    source, altitude = position[:2], float(position[2] + below)
    outdoor = building < heights[:, None, None]
    plane, row, column = np.nonzero(outdoor)
    goal = np.asarray((np.stack([column, row], axis=1) + 0.5) * cell, np.float64)
    rise = terrain[row, column] + heights[plane] - altitude
    ways = over_roofs(raster, source, altitude, goal, rise, frequency, bend_loss)
    hidden = np.flatnonzero(ways.bends > 0)
    if hidden.size:
        edges = edges_of(raster, source, altitude, bend_loss)
        for block in blocks(len(hidden), len(edges.length)):
            some = hidden[block]
            known = Ways(*(each[some] for each in ways))
            around = around_edges(
                raster, edges, altitude, goal[some], rise[some], frequency, bend_loss, known
            )
            for whole, part in zip(ways, around, strict=True):
                whole[some] = part
    nothing = np.zeros(len(goal))
    arrivals = Arrivals(
        path_gain=ways.gain,
        first_delay=ways.length / SPEED_OF_LIGHT,
        delay=ways.length / SPEED_OF_LIGHT,
        azimuth=ways.azimuth,
        zenith=ways.zenith,
        delay_spread=nothing,
        azimuth_spread=nothing,
        line_of_sight=ways.bends == 0,
    )
    bends = np.full(outdoor.shape, -1, np.int8)
    bends[outdoor] = ways.bends
    return arrivals.placed(outdoor), bends


def _check(building: Floats, terrain: Floats, position: Floats, heights: Floats, cell: float) -> None:
    """Refuse what has no path."""
    if building.shape != terrain.shape or building.ndim != 2:
        raise ValueError(
            f"building and terrain have shapes {building.shape} and {terrain.shape}; expected one (ny, nx)"
        )
    if not (heights > 0.0).all():
        raise ValueError(
            f"a receiver's height is {heights.min():g} m; expected heights above the ground, greater than 0"
        )
    size = np.array(building.shape[::-1]) * cell
    if not ((position[:2] >= 0.0) & (position[:2] <= size)).all():
        raise ValueError(
            f"the transmitter stands at ({position[0]:g}, {position[1]:g}) m; expected it on the raster of "
            f"{size[0]:g} m by {size[1]:g} m"
        )
    roof = float(Raster(building, cell).tops(position[:2]))
    if position[2] <= roof:
        raise ValueError(
            f"the transmitter at ({position[0]:g}, {position[1]:g}) m is {position[2]:g} m above the ground, "
            f"inside a building of {roof:g} m; put it above the roof, or outdoors"
        )
