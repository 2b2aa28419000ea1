"""Ways around the corners of buildings: vertical edges of a height raster, and which of them see each other.

Seen from above such a way bends at each edge. Unfolded, it is one straight line in the vertical plane, which
has to pass above what stands below it and below the top of each edge it bends at: both bound its slope.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from physics.propagation import friis_path_gain
from physics.raytracing.arrivals import FULL_TURN
from physics.raytracing.roofs import BendLoss, Floats, Raster, Ways

ORDERS = 3
"""Most edges that a way bends around."""
STEP = 3.0
"""Least height of an edge, m."""
AT_ONCE = 8
"""Edges that are tried for a receiver at once, the most promising first."""
PAIRS = 4_000_000
"""Pairs of receivers and edges that are held at once."""


class Edges(NamedTuple):
    """Ways from the transmitter to vertical edges, unfolded; each array has the edges as its first axis.

    Attributes
    ----------
    position : array (n, 2)
        East and north, m.
    top : array (n,)
        Altitude of the top, m.
    length, loss, bends : array (n,)
        Length of the way in the plane, m, loss of the bends before, dB, and their number.
    lowest, highest : array (n,)
        Range of the slopes at which the way is free.
    heading : array (n, 2)
        Unit vector in which the way arrives.
    """

    position: Floats
    top: Floats
    length: Floats
    loss: Floats
    bends: Floats
    lowest: Floats
    highest: Floats
    heading: Floats

    def take(self, chosen: NDArray[Any]) -> Self:
        """Return some of the edges."""
        return type(self)(*(each[chosen] for each in self))

    def turn(self, edge: NDArray[Any], goal: Floats) -> tuple[Floats, Floats]:
        """Return the distance from edges to goals (..., 2), m, and the angle of the bend, rad."""
        way = goal - self.position[edge]
        distance = np.maximum(np.linalg.norm(way, axis=-1), 1e-6)
        cosine = (way * self.heading[edge]).sum(-1) / distance
        return distance, np.arccos(np.clip(cosine, -1.0, 1.0))


def edges_of(raster: Raster, source: Floats, altitude: float, bend_loss: BendLoss) -> Edges:
    """Return all ways to edges, of each edge the best one with no, one and two bends before."""
    position, top = _corners(raster)
    way = position - source
    length = np.maximum(np.linalg.norm(way, axis=1), 1e-6)
    nothing = np.zeros(len(length))
    found = Edges(
        position,
        top,
        length,
        loss=nothing,
        bends=nothing,
        lowest=raster.steepest(np.broadcast_to(source, position.shape), position, nothing, altitude),
        highest=(top - altitude) / length,
        heading=way / length[:, None],
    )
    orders = [found.take(found.lowest <= found.highest)]
    for _ in range(ORDERS - 1):
        before = orders[-1]
        orders.append(
            _joined(
                [
                    _next_edges(raster, before, position[some], top[some], altitude, bend_loss)
                    for some in blocks(len(position), len(before.length))
                ]
            )
        )
    return _joined(orders)


def blocks(count: int, partners: int) -> list[slice]:
    """Return slices of so many things, of which each is paired with all partners."""
    most = max(PAIRS // max(partners, 1), 1)
    return [slice(begin, begin + most) for begin in range(0, max(count, 1), most)]


def _joined(some: list[Edges]) -> Edges:
    return Edges(*(np.concatenate(each) for each in zip(*some, strict=True)))


def _next_edges(
    raster: Raster, before: Edges, position: Floats, top: Floats, altitude: float, bend_loss: BendLoss
) -> Edges:
    """Return the strongest way with one bend more to each edge that has one."""
    first, second = (each.ravel() for each in np.indices((len(before.length), len(position))))
    distance, angle = before.turn(first, position[second])
    length, loss = before.length[first] + distance, before.loss[first] + bend_loss.of(angle)
    highest = np.minimum(before.highest[first], (top[second] - altitude) / length)
    likely = np.flatnonzero((distance > raster.cell) & (before.lowest[first] <= highest))
    first, second = first[likely], second[likely]
    steepest = raster.steepest(before.position[first], position[second], before.length[first], altitude)
    lowest = np.maximum(before.lowest[first], steepest)
    free = lowest <= highest[likely]
    first, second, lowest, likely = first[free], second[free], lowest[free], likely[free]
    weakness = loss[likely] + 20.0 * np.log10(length[likely])
    order = np.lexsort((weakness, second))
    best = order[np.unique(second[order], return_index=True)[1]]
    first, second, lowest, likely = first[best], second[best], lowest[best], likely[best]
    way = position[second] - before.position[first]
    return Edges(
        position[second],
        top[second],
        length[likely],
        loss[likely],
        before.bends[first] + 1.0,
        lowest,
        highest[likely],
        way / distance[likely, None],
    )


def _corners(raster: Raster) -> tuple[Floats, Floats]:
    """Return nodes (n, 2) and tops (n,) of the convex vertical edges of a raster.

    Where one of four cells about a grid point rises over the others, its edge stands at that point. The node
    is the centre of the cell across.
    """
    surface = raster.surface
    blocks = np.stack([surface[:-1, :-1], surface[:-1, 1:], surface[1:, :-1], surface[1:, 1:]])
    ranked = np.sort(blocks, axis=0)
    row, column = np.nonzero(ranked[-1] - ranked[-2] > STEP)
    highest = blocks[:, row, column].argmax(axis=0)
    across = np.stack([column + 1 - highest % 2, row + 1 - highest // 2], axis=1)
    top = ranked[-1, row, column]
    order = np.lexsort((-top, across[:, 0], across[:, 1]))
    across, first = np.unique(across[order], axis=0, return_index=True)
    return (across + 0.5) * raster.cell, top[order][first]


def around_edges(
    raster: Raster,
    edges: Edges,
    altitude: float,
    goal: Floats,
    rise: Floats,
    frequency: float,
    bend_loss: BendLoss,
    ways: Ways,
) -> Ways:
    """Return the ways around edges where these are stronger than those over the roofs.

    Of each receiver the edges are tried from the most promising one on, until one is free.
    """
    gain, best = ways.gain.copy(), np.full(len(goal), -1)
    promise = _promise(edges, goal, rise, frequency, bend_loss)
    at_once = min(AT_ONCE, len(edges.length))
    hoping = np.flatnonzero((promise > gain[:, None]).any(axis=1))
    while hoping.size:
        tried = np.argpartition(-promise[hoping], at_once - 1, axis=1)[:, :at_once]
        value = np.take_along_axis(promise[hoping], tried, axis=1)
        row, column = np.nonzero(value > gain[hoping, None])
        number, edge, value = hoping[row], tried[row, column], value[row, column]
        steepest = raster.steepest(edges.position[edge], goal[number], edges.length[edge], altitude)
        free = steepest <= rise[number] / (edges.length[edge] + edges.turn(edge, goal[number])[0])
        number, edge, value = number[free], edge[free], value[free]
        order = np.lexsort((-value, number))
        number, strongest = np.unique(number[order], return_index=True)
        gain[number], best[number] = value[order][strongest], edge[order][strongest]
        promise[hoping[:, None], tried] = -np.inf
        hoping = hoping[(promise[hoping] > gain[hoping, None]).any(axis=1)]
    bent = best >= 0
    edge, number = best[bent], np.flatnonzero(bent)
    distance, _ = edges.turn(edge, goal[number])
    plane = edges.length[edge] + distance
    way = edges.position[edge] - goal[number]
    found = Ways(*(each.copy() for each in ways))
    found.gain[number], found.length[number] = gain[number], np.hypot(plane, rise[number])
    found.azimuth[number] = np.mod(np.arctan2(way[:, 0], way[:, 1]), FULL_TURN)
    found.zenith[number] = np.arctan2(plane, -rise[number])
    found.bends[number] = edges.bends[edge] + 1.0
    return found


def _promise(edges: Edges, goal: Floats, rise: Floats, frequency: float, bend_loss: BendLoss) -> Floats:
    """Return the gain (receiver, edge) if nothing stands behind the edge, -inf where its slope is blocked."""
    distance, angle = edges.turn(np.arange(len(edges.length)), goal[:, None, :])
    plane = edges.length + distance
    slope = rise[:, None] / plane
    gain = friis_path_gain(np.hypot(plane, rise[:, None]), frequency) - edges.loss - bend_loss.of(angle)
    return np.where((edges.lowest <= slope) & (slope <= edges.highest), gain, -np.inf)
