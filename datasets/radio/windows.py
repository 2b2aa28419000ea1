"""Where the windows of a city lie: at random, with enough buildings, validation apart from training."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from datasets.radio.footprints import SPACING, built_up
from datasets.store.specs import TEST, TRAIN, VALIDATION
from datasets.store.streams import GROUP, stream
from physics.raytracing.scenes import CITIES, City, Window, city

ATTEMPTS = 2000


@dataclass(frozen=True)
class Placed:
    """A window of the dataset.

    Attributes
    ----------
    city : str
        Scene.
    window : Window
        Its cells.
    subset : int
        0 train, 1 validation, 2 test.
    """

    city: str
    window: Window
    subset: int


@functools.lru_cache(maxsize=16)
def place_city(
    name: str,
    seed: int,
    size: float,
    cell: float,
    share: float,
    counts: tuple[int, int, int],
    corners: tuple[tuple[float, float], ...] = (),
) -> tuple[Placed, ...]:
    """Place the windows of one city, which depend only on the arguments.

    Validation windows lie together in one corner; training windows never overlap them.

    Parameters
    ----------
    name : str
        City scene.
    seed : int
        Root of the random positions.
    size, cell : float
        Side of windows and cells, m.
    share : float
        Least share of a window's area under buildings.
    counts : tuple of int
        Numbers of training, validation and test windows.
    corners : tuple of (west, south)
        South-west corners to take in turn for training and test windows, m; drawn at random without any.

    Raises
    ------
    ValueError
        If a window does not fit into the city, or not enough can be placed.
    """
    check_corners(name, size, cell, corners)
    area = city(name)
    train, validation, test = counts
    rng = stream(seed, GROUP, list(CITIES).index(name))
    built = share_counter(built_up(name), (area.west, area.south), size)
    corner = rng.integers(2, size=2)

    given = itertools.cycle(corners)

    def anywhere() -> Window:
        if corners:
            return Window(*next(given), size, cell)
        return _window(area, rng.random(2), size, cell)

    def in_corner() -> Window:
        jitter = rng.random(2) * size / 4.0 / _room(area, size).clip(1.0)
        return _window(area, np.where(corner, 1.0 - jitter, jitter).clip(0.0, 1.0), size, cell)

    def draw(count: int, subset: int, propose: Callable[[], Window], apart: Sequence[Placed]) -> list[Placed]:
        placed: list[Placed] = []
        attempts = ATTEMPTS + 50 * count
        while len(placed) < count and attempts:
            attempts -= 1
            window = propose()
            if built(window) >= share and not any(window.overlaps(other.window) for other in apart):
                placed.append(Placed(name, window, subset))
        if len(placed) == count:
            return placed
        reach = " and apart from the validation windows" if apart else ""
        raise ValueError(
            f"only {len(placed)} of {count} windows of {size:g} m found room in '{name}' with {share:.0%} of "
            f"their area built up{reach}; ask for fewer or smaller windows, or for a smaller built_share"
        )

    held_out = draw(validation, VALIDATION, in_corner, ())
    seen = draw(train, TRAIN, anywhere, held_out)
    return (*held_out, *seen, *draw(test, TEST, anywhere, ()))


def check_corners(name: str, size: float, cell: float, corners: Sequence[tuple[float, float]] = ()) -> None:
    """Raise a ValueError unless windows of this size, and those at `corners`, lie inside the city."""
    area = city(name)
    for west, south in corners or ((area.west, area.south),):
        Window(west, south, size, cell).check_inside(name)


@functools.lru_cache(maxsize=16)
def group_overlapping(windows: tuple[Placed, ...]) -> np.ndarray:
    """Number windows so that those that overlap, directly or through others, share a number."""
    groups = np.arange(len(windows))
    for index, placed in enumerate(windows):
        for other in range(index):
            same_city = windows[other].city == placed.city
            if same_city and groups[other] != groups[index] and placed.window.overlaps(windows[other].window):
                groups[groups == groups[index]] = groups[other]
    return np.unique(groups, return_inverse=True)[1]


def _room(area: City, size: float) -> np.ndarray:
    """Return how far a window can move east and north inside the city, m."""
    return np.array([area.east - area.west - size, area.north - area.south - size])


def _window(area: City, fraction: np.ndarray, size: float, cell: float) -> Window:
    """Return the window at a fraction of the room, on whole metres."""
    west, south = np.floor(fraction * _room(area, size)) + np.array([area.west, area.south])
    return Window(float(west), float(south), size, cell)


def share_counter(built: np.ndarray, corner: tuple[float, float], size: float) -> Callable[[Window], float]:
    """Return what tells the share of a window's area that lies under buildings, on a coarse grid.

    Parameters
    ----------
    built : array (ny, nx) of bool
        Whether a building covers each point of a grid of `SPACING` metres.
    corner : tuple of float
        South-west corner of the grid, m.
    size : float
        Side of the windows, m.
    """
    sums = np.pad(built.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    side = max(round(size / SPACING), 1)

    def share(window: Window) -> float:
        column, row = int((window.west - corner[0]) // SPACING), int((window.south - corner[1]) // SPACING)
        left, bottom = min(column, built.shape[1] - side), min(row, built.shape[0] - side)
        right, top = left + side, bottom + side
        total = sums[top, right] - sums[bottom, right] - sums[top, left] + sums[bottom, left]
        return float(total) / side**2

    return share


def share_of(total: int, index: int, shares: int) -> int:
    """Return the size of one of several nearly equal shares of a total."""
    return total // shares + (index < total % shares)
