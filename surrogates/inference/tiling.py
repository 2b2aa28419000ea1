"""Fields larger than the window of training: overlapping tiles, blended smoothly, row by row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from datasets.store.specs import VariableSpec

OVERLAP = 4  # a tile shares at least a quarter of its length with the next
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Axis:
    """Tiles along one dimension.

    Attributes
    ----------
    dim
        Name of the dimension.
    window, field
        Lengths of a tile and of the whole.
    """

    dim: str
    window: int
    field: int

    @property
    def starts(self) -> list[int]:
        """First cells of the tiles, in ascending order; the last tile ends with the field."""
        stride = max(1, self.window - self.window // OVERLAP)
        last = self.field - self.window
        return [*range(0, last, stride), last]

    def weights(self) -> list[np.ndarray]:
        """Weights of each tile's cells, shape (window,), which add up to 1 in every cell of the field.

        They fall like a squared sine towards a neighbour, so that the sum is smooth at the seams.
        """
        starts = self.starts
        raw = [
            _ramp(self.window, starts[i - 1] + self.window - first if i else 0)
            * _ramp(self.window, first + self.window - starts[i + 1] if i + 1 < len(starts) else 0)[::-1]
            for i, first in enumerate(starts)
        ]
        total = np.zeros(self.field)
        for first, weight in zip(starts, raw, strict=True):
            total[first : first + self.window] += weight
        return [
            weight / total[first : first + self.window] for first, weight in zip(starts, raw, strict=True)
        ]


def _ramp(window: int, overlap: int) -> np.ndarray:
    """Ones that rise from nearly 0 over the first `overlap` cells."""
    rise = (np.arange(window) + 0.5) / max(overlap, 1)
    return np.where(np.arange(window) < overlap, np.sin(0.5 * np.pi * np.clip(rise, 0, 1)) ** 2, 1.0)


def axes_of(
    grid: Sequence[str], windows: Mapping[str, int], fields: Mapping[str, int]
) -> tuple[Axis, ...] | None:
    """Return the tiles along each dimension of a grid, or None if the field is no larger than the window.

    Only grids of two or more dimensions are tiled: a series has a beginning, which a tile has not.
    """
    known = [dim for dim in grid if dim in windows and dim in fields]
    if len(known) < 2 or len(known) < len(grid):
        return None
    if any(fields[dim] < windows[dim] for dim in known) or all(fields[d] == windows[d] for d in known):
        return None
    return tuple(Axis(dim, windows[dim], fields[dim]) for dim in known)


def blend(
    ask: Callable[[tuple[slice, ...]], Arrays], axes: Sequence[Axis], specs: Mapping[str, VariableSpec]
) -> Iterator[tuple[slice, Arrays]]:
    """Yield finished bands along the first axis, from tile to tile.

    Parameters
    ----------
    ask
        Gives the answer for a window, one slice for each axis: arrays by name, with the dimensions of their
        specs.
    axes
        Tiles along each dimension.
    specs
        Of the variables that `ask` gives.

    Yields
    ------
    band
        Cells of the band along the first axis.
    values
        Arrays with the length of the band along the first axis, and of the whole field along the others.
    """
    first, *others = axes
    weights = [axis.weights() for axis in axes]
    starts = first.starts
    held: Arrays = {}
    for row, start in enumerate(starts):
        for numbers in product(*(range(len(axis.starts)) for axis in others)):
            chosen = (row, *numbers)
            window = tuple(
                slice(axis.starts[n], axis.starts[n] + axis.window)
                for axis, n in zip(axes, chosen, strict=True)
            )
            for name, values in ask(window).items():
                dims = specs[name].dims
                if name not in held:
                    held[name] = _zeros(values, dims, first, others)
                slices = dict(zip((axis.dim for axis in others), window[1:], strict=True))
                into = tuple(slices.get(dim, slice(None)) for dim in dims)
                share = values
                for axis, factors, number in zip(axes, weights, chosen, strict=True):
                    share = share * _along(factors[number].astype(values.dtype), dims, axis.dim)
                held[name][into] += share
        done = first.window if row + 1 == len(starts) else starts[row + 1] - start
        band = {name: _cut(values, specs[name].dims, first.dim, 0, done) for name, values in held.items()}
        yield slice(start, start + done), band
        for name, values in held.items():
            dims = specs[name].dims
            kept = _cut(values, dims, first.dim, done, first.window)
            held[name] = np.concatenate([kept, np.zeros_like(band[name])], axis=dims.index(first.dim))


def _zeros(values: np.ndarray, dims: Sequence[str], first: Axis, others: Sequence[Axis]) -> np.ndarray:
    lengths = {first.dim: first.window, **{axis.dim: axis.field for axis in others}}
    shape = [lengths.get(dim, length) for dim, length in zip(dims, values.shape, strict=True)]
    return np.zeros(shape, values.dtype)


def _along(weights: np.ndarray, dims: Sequence[str], dim: str) -> np.ndarray:
    return weights.reshape([-1 if each == dim else 1 for each in dims])


def _cut(values: np.ndarray, dims: Sequence[str], dim: str, start: int, stop: int) -> np.ndarray:
    return values[tuple(slice(start, stop) if each == dim else slice(None) for each in dims)]
