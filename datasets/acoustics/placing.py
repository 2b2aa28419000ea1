"""Where sources stand: a grid to train on, and others between and beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.store.specs import TEST, TRAIN, VALIDATION
from datasets.store.streams import GROUP, stream
from physics.waves.rooms.room import Room

EXTRAPOLATION = 3
"""Code of sources outside the region of training, in the order of records; splits have no such label."""
NEAR = 1e-6
"""m; a training source so near to a test source is the same."""
ATTEMPTS = 1000


@dataclass(frozen=True, eq=False)
class Placed:
    """Sources of a data set.

    Attributes
    ----------
    positions : (sources, axes) array
        m.
    subsets : (sources,) int array
        0 train, 1 validation, 2 test, 3 extrapolation.
    left_out
        Training sources that would stand in a solid cell, or at a test source.
    """

    positions: np.ndarray
    subsets: np.ndarray
    left_out: int


def place(
    room: Room,
    region: Sequence[tuple[float, float]],
    grid: Sequence[int],
    test: Sequence[Sequence[float]],
    validation: int,
    extrapolation: int,
    seed: int,
) -> Placed:
    """Place all sources.

    Parameters
    ----------
    room
        The smallest room that they must stand in.
    region
        Lower and upper bound along each axis of where training sources stand, m.
    grid
        Training sources along each axis, from bound to bound.
    test
        Positions of test sources, m.
    validation, extrapolation
        Random sources inside and outside the region.
    seed
        Root of the random positions.

    Raises
    ------
    ValueError
        If the region lies outside the room, holds no air, or no air lies outside it; if a test source stands
        in a wall.
    """
    low, high = np.array(region, float).T
    end = np.array(room.origin) + room.size
    inside = (np.array(room.origin) - NEAR <= low) & (low <= high) & (high <= end + NEAR)
    if not inside.all():  # NaN is nowhere inside
        raise ValueError(
            f"source_region={[list(each) for each in region]} m: low and high bounds inside the room of "
            f"{_told(room.origin)} to {_told(end)} m expected"
        )
    for position in test:
        room.cell_of(position, "test source")
    along = [
        np.linspace(*each, count) if count > 1 else np.array([sum(each) / 2])
        for each, count in zip(region, grid, strict=True)
    ]
    nodes = np.stack(np.meshgrid(*along, indexing="ij"), -1).reshape(-1, len(grid))
    tests = np.array(test, float).reshape(-1, len(grid))
    same = (np.linalg.norm(nodes[:, None] - tests[None], axis=-1) < NEAR).any(1)
    kept = nodes[_in_air(room, nodes) & ~same]
    if not len(kept):
        raise ValueError("source_region: no training source stands in the air; move or enlarge the region")
    inside = _draw(room, (low, high), None, validation, stream(seed, GROUP, 0))
    outside = _draw(room, (np.array(room.origin), end), (low, high), extrapolation, stream(seed, GROUP, 1))
    parts = [kept, inside, tests, outside]
    codes = (TRAIN, VALIDATION, TEST, EXTRAPOLATION)
    subsets = np.concatenate([np.full(len(each), code) for each, code in zip(parts, codes, strict=True)])
    return Placed(np.concatenate(parts), subsets, len(nodes) - len(kept))


def _draw(
    room: Room,
    bounds: tuple[np.ndarray, np.ndarray],
    beyond: tuple[np.ndarray, np.ndarray] | None,
    count: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw positions in the air of a box, outside of another one."""
    low, high = bounds
    found = np.zeros((0, len(low)))
    for _ in range(ATTEMPTS):
        if len(found) >= count:
            return found[:count]
        drawn = rng.uniform(low, high, (max(count, 16), len(low)))
        good = _in_air(room, drawn)
        if beyond is not None:
            good &= ((drawn < beyond[0]) | (drawn > beyond[1])).any(1)
        found = np.concatenate([found, drawn[good]])
    where = "outside" if beyond is not None else "in"
    raise ValueError(
        f"source_region: {count} sources {where} it expected, but next to no air is there; change it, or ask "
        f"for none by {'extrapolation' if beyond is not None else 'validation'}_sources=0"
    )


def _in_air(room: Room, positions: np.ndarray) -> np.ndarray:
    ratio = (positions - room.origin) / room.spacing
    cells = np.clip(ratio.astype(int), 0, np.array(room.air.shape) - 1)
    return room.air[tuple(cells.T)]


def _told(position: Sequence[float] | np.ndarray) -> str:
    return f"({', '.join(f'{each:g}' for each in position)})"
