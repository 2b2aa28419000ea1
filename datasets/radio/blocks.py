"""Where the windows of map extracts lie: in blocks, whole blocks to training, validation and test.

An extract is cut in blocks at least as large as a window. A window of validation or test keeps to one block;
one of training may lie across several, but not in a block of another subset. So the subsets share no ground.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, floor

import numpy as np

from datasets.radio.footprints import SPACING
from datasets.radio.mapped import MapError
from datasets.radio.windows import ATTEMPTS, Placed, share_counter, share_of
from datasets.store.specs import TEST, TRAIN, VALIDATION
from datasets.store.streams import GROUP, stream
from physics.raytracing.extrusion import height_raster
from physics.raytracing.scenes import Window

Box = tuple[float, float, float, float]
TRIES = 64
"""Windows that are tried in a block before it counts as not built up."""


@dataclass(frozen=True)
class Ground:
    """The ground of one extract, for windows of one size.

    Attributes
    ----------
    name
        Name of the extract.
    area
        West, south, east, north edge of where windows may lie, whole metres.
    share
        Tells the share of a window that lies under buildings.
    """

    name: str
    area: Box
    share: Callable[[Window], float] = field(compare=False)

    @classmethod
    def of(cls, name: str, polygons: np.ndarray, extent: Box, size: float) -> Ground:
        """Make the ground of footprints; an extent smaller than the window is widened about its middle."""
        west, east = _widened(extent[0], extent[2], size)
        south, north = _widened(extent[1], extent[3], size)
        x, y = np.arange(west, east, SPACING), np.arange(south, north, SPACING)
        built = height_raster(polygons, np.ones(len(polygons)), x, y) > 0
        return cls(name, (west, south, east, north), share_counter(built, (west, south), size))

    def blocks(self, size: float) -> list[Box]:
        """Cut the area in blocks, row by row from the south-west."""
        west, south, east, north = self.area
        columns, rows = _cuts(west, east, size), _cuts(south, north, size)
        return [(a, b, c, d) for b, d in rows for a, c in columns]


@dataclass(frozen=True)
class Wanted:
    """What windows are wanted.

    Attributes
    ----------
    size, cell
        Side of windows and cells, m.
    share
        Least share of a window's area under buildings.
    validation, test
        Shares of the blocks.
    count
        Windows in all; None for one in each block.
    seed
        Root of the random positions.
    """

    size: float
    cell: float
    share: float
    validation: float
    test: float
    count: int | None
    seed: int


def place_windows(grounds: Sequence[Ground], wanted: Wanted) -> list[Placed]:
    """Place windows in extracts, which depend only on the arguments.

    Parameters
    ----------
    grounds
        The extracts.
    wanted
        What is wanted.

    Returns
    -------
    list of Placed
        Extract by extract: training, validation, test.

    Raises
    ------
    MapError
        If no window is built up enough, or not enough windows find room.
    """
    found = list(_built_up(grounds, wanted))
    subsets = _subsets(len(found), wanted)
    counts = _counts(subsets, wanted.count)
    placed = []
    for number, ground in enumerate(grounds):
        mine = [index for index, (of, _, _) in enumerate(found) if of == number]
        held_out = [found[index][1] for index in mine if subsets[index] != TRAIN]
        for subset in (TRAIN, VALIDATION, TEST):
            chosen = [index for index in mine if subsets[index] == subset]
            rng = stream(wanted.seed, GROUP, 2, number, subset)
            placed += _draw(
                ground,
                [found[index][1:] for index in chosen],
                held_out if subset == TRAIN else None,
                sum(counts[index] for index in chosen),
                subset,
                wanted,
                rng,
            )
    return placed


def _built_up(grounds: Sequence[Ground], wanted: Wanted) -> Iterator[tuple[int, Box, Window]]:
    """Yield extract, block and window of the blocks with a window that is built up enough."""
    densest, blocks = (-1.0, ""), 0
    for number, ground in enumerate(grounds):
        for index, block in enumerate(ground.blocks(wanted.size)):
            rng = stream(wanted.seed, GROUP, 1, number, index)
            for attempt in range(TRIES):
                window = _window(block, rng.random(2) if attempt else np.array([0.5, 0.5]), wanted)
                share = ground.share(window)
                densest = max(densest, (share, ground.name))
                if share > 0 and share >= wanted.share:
                    blocks += 1
                    yield number, block, window
                    break
    if blocks:
        return
    share, name = densest
    if share == 0:
        raise MapError(f"no window of {wanted.size:g} m holds a building in {name}; take another extract")
    raise MapError(
        f"no window of {wanted.size:g} m has {wanted.share:.1%} of its area under buildings; the densest, in "
        f"{name}, has {share:.1%}: ask for built_share={floor(share * 1000) / 1000:g} or for smaller windows"
    )


def _subsets(count: int, wanted: Wanted) -> list[int]:
    """Draw the subset of each block: of three or more, every subset that is asked for has one."""
    order = stream(wanted.seed, GROUP, 0).permutation(count)
    test = _some(count, wanted.test)
    validation = _some(count, wanted.validation)
    subsets = np.full(count, TRAIN)
    subsets[order[:test]] = TEST
    subsets[order[test : test + validation]] = VALIDATION
    return [int(subset) for subset in subsets]


def _some(count: int, share: float) -> int:
    return max(round(count * share), 1) if share > 0 and count >= 3 else 0


def _counts(subsets: Sequence[int], count: int | None) -> list[int]:
    """Divide windows among the blocks; a subset that has a block has a window, if there are enough."""
    if count is None:
        return [1] * len(subsets)
    totals = {
        subset: max(round(count * subsets.count(subset) / len(subsets)), 1)
        for subset in set(subsets) - {TRAIN}
    }
    if sum(totals.values()) >= count:
        totals = dict.fromkeys(totals, 0)
    totals[TRAIN] = count - sum(totals.values())
    return [
        share_of(totals[subset], subsets[:index].count(subset), subsets.count(subset))
        for index, subset in enumerate(subsets)
    ]


def _draw(
    ground: Ground,
    blocks: Sequence[tuple[Box, Window]],
    others: Sequence[Box] | None,
    count: int,
    subset: int,
    wanted: Wanted,
    rng: np.random.Generator,
) -> list[Placed]:
    """Place windows of one subset: first one in each of its blocks, then more at random."""
    placed = [Placed(ground.name, window, subset) for _, window in blocks[:count]]
    attempts = ATTEMPTS + 50 * count
    while len(placed) < count and attempts:
        attempts -= 1
        box = ground.area if others is not None else blocks[len(placed) % len(blocks)][0]
        window = _window(box, rng.random(2), wanted)
        share = ground.share(window)
        if share > 0 and share >= wanted.share and not any(_touches(window, other) for other in others or ()):
            placed.append(Placed(ground.name, window, subset))
    if len(placed) == count:
        return placed
    raise MapError(
        f"only {len(placed)} of {count} windows of {wanted.size:g} m found room in {ground.name} with "
        f"{wanted.share:.1%} of their area built up; ask for fewer samples, for smaller windows or for a "
        "smaller built_share"
    )


def _touches(window: Window, box: Box) -> bool:
    west, south, east, north = box
    return (
        window.west < east
        and west < window.west + window.size
        and window.south < north
        and south < window.south + window.size
    )


def _window(box: Box, fraction: np.ndarray, wanted: Wanted) -> Window:
    """Return the window at a fraction of the room that it has in a box, on whole metres."""
    west, south, east, north = box
    room = np.maximum(np.array([east - west, north - south]) - wanted.size, 0.0)
    corner = np.array([west, south]) + np.floor(fraction * room)
    return Window(float(corner[0]), float(corner[1]), wanted.size, wanted.cell)


def _widened(low: float, high: float, size: float) -> tuple[float, float]:
    """Return the whole metres inside an interval; about its middle if they are too few for a window."""
    if floor(high) - ceil(low) >= size:
        return float(ceil(low)), float(floor(high))
    start = floor((low + high - size) / 2.0)
    return float(start), float(start + ceil(size))


def _cuts(low: float, high: float, size: float) -> list[tuple[float, float]]:
    """Cut an interval of whole metres in as many intervals of whole metres as hold a window each."""
    intervals = max(int((high - low) // ceil(size)), 1)
    edges = [low + int(high - low) * number // intervals for number in range(intervals + 1)]
    return list(pairwise(edges))
