"""Which measured cells are given and which are held out: seeded protocols, only in NumPy.

A *draw* is numbered 0, 1, 2, ...; what it gives and holds out depends only on its number, the seed and the
measured cells, never on the order of the records or the number of workers. Cells along a walked path
are alike, so `RandomCells` is an easy test; `SpatialBlocks` holds out whole squares.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from datasets.store.streams import HOLD_OUT, stream

CELLS, BLOCKS, WITHIN = 0, 1, 2  # draws of the streams of this module


class TooFewBlocksError(ValueError):
    """The measured cells of a map lie in fewer blocks than there are folds."""


class Split(NamedTuple):
    """Cells of a map, each (y, x), bool.

    Attributes
    ----------
    given
        Cells that the method receives.
    held_out
        Cells that it is scored on; shares no cell with `given`.
    """

    given: np.ndarray
    held_out: np.ndarray


class HoldOut(Protocol):
    """A protocol: draws that belong together (the folds of one division) follow each other."""

    @property
    def draws_together(self) -> int:
        """Number of draws whose held-out cells make up all measured cells, 1 if they do not."""

    def split(self, measured: np.ndarray, draw: int) -> Split:
        """Divide the measured cells (y, x), bool, of one map."""


@dataclass(frozen=True)
class RandomCells:
    """Give cells drawn at random, and hold out all others.

    Parameters
    ----------
    samples
        Cells that are given; half of the measured ones if those are fewer than 3/2 times as many.
    seed
        Root of the draws, of which each has its own stream.
    """

    samples: int = 200
    seed: int = 0

    @property
    def draws_together(self) -> int:
        """Return 1: each draw is independent."""
        return 1

    def split(self, measured: np.ndarray, draw: int) -> Split:
        """Divide the measured cells of one map."""
        cells = np.flatnonzero(measured)
        count = self.samples if 2 * cells.size >= 3 * self.samples else cells.size // 2
        given = _drawn(measured, cells, count, stream(self.seed, HOLD_OUT, CELLS, draw))
        return Split(given, measured & ~given)


@dataclass(frozen=True)
class SpatialBlocks:
    """Hold out whole square blocks, a fifth of them at a time, and give cells of the other blocks.

    Draw ``d`` is fold ``d % folds`` of division ``d // folds``. The divisions take turns with the origins of
    the block grid, which are shifted against each other by equal fractions of a block, so that no score
    depends on where the first block begins. Only blocks with measured cells are dealt to the folds. Every
    measured cell is held out in exactly one fold of a division.

    Parameters
    ----------
    side
        Side of a block, m.
    cell
        Side of a cell of the map, m.
    folds, origins
        Number of folds of a division and of origins.
    samples
        Most cells of the other blocks that are given.
    seed
        Root of the draws.
    """

    side: float
    cell: float
    folds: int = 5
    origins: int = 2
    samples: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        cells = self.side / self.cell
        if cells < 1 or cells % self.origins:
            raise ValueError(
                f"blocks of {self.side:g} m with {self.origins} origins do not fit cells of {self.cell:g} m; "
                f"take a side that is a multiple of {self.cell * self.origins:g} m"
            )
        if self.folds < 2:
            raise ValueError(f"folds={self.folds}; at least 2 are needed to hold one out")

    def require_room(self, shape: tuple[int, ...]) -> None:
        """Refuse maps (y, x) that hold fewer blocks than folds wherever the first block begins.

        Raises
        ------
        TooFewBlocksError
            When nothing could ever be held out.
        """
        most = max(np.unique(self.block_of_cells(shape, origin)).size for origin in range(self.origins))
        if most < self.folds:
            size = " x ".join(f"{count * self.cell:g}" for count in shape)
            raise TooFewBlocksError(
                f"a map of {size} m holds at most {most} blocks of {self.side:g} m, {self.folds} folds need "
                f"{self.folds}: take larger windows, smaller blocks (side) or fewer folds"
            )

    @property
    def draws_together(self) -> int:
        """Return the folds of a division."""
        return self.folds

    def split(self, measured: np.ndarray, draw: int) -> Split:
        """Divide the measured cells of one map.

        Raises
        ------
        TooFewBlocksError
            When fewer blocks than folds have measured cells.
        """
        division, fold = divmod(draw, self.folds)
        folds = self.fold_of_cells(measured, division)
        held_out = measured & (folds == fold)
        cells = np.flatnonzero(measured & (folds != fold))
        rng = stream(self.seed, HOLD_OUT, WITHIN, division, fold)
        return Split(_drawn(measured, cells, min(self.samples, cells.size), rng), held_out)

    def fold_of_cells(self, measured: np.ndarray, division: int) -> np.ndarray:
        """Return the fold of every cell (y, x), -1 in blocks without a measured cell."""
        blocks = self.block_of_cells(measured.shape, division % self.origins)
        occupied = np.unique(blocks[measured])
        if occupied.size < self.folds:
            raise TooFewBlocksError(
                f"{np.count_nonzero(measured)} measured cells lie in {occupied.size} blocks of "
                f"{self.side:g} m; {self.folds} folds need at least {self.folds} such blocks: measure a "
                "larger area, or take smaller blocks or fewer folds"
            )
        order = stream(self.seed, HOLD_OUT, BLOCKS, division).permutation(occupied)
        fold = np.full(blocks.max() + 1, -1)
        fold[order] = np.arange(order.size) % self.folds
        return fold[blocks]

    def block_of_cells(self, shape: tuple[int, ...], origin: int) -> np.ndarray:
        """Return the index of the block of every cell (y, x); the blocks at an edge may be cut."""
        side = round(self.side / self.cell)
        shift = origin * (side // self.origins)
        rows, columns = ((np.arange(count) + shift) // side for count in shape)
        return np.asarray(rows[:, None] * (columns[-1] + 1) + columns)


def protocols(cell: float) -> dict[str, HoldOut]:
    """Return the protocols under which methods are compared, for cells of this side, m."""
    return {
        "random": RandomCells(),
        "blocks_64m": SpatialBlocks(64.0, cell),
        "blocks_128m": SpatialBlocks(128.0, cell),
    }


def _drawn(measured: np.ndarray, cells: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    chosen = np.zeros(measured.size, dtype=bool)
    chosen[rng.choice(cells, size=count, replace=False)] = True
    return chosen.reshape(measured.shape)
