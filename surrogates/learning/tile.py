"""One tile of a field that is larger than the network's training fields, and its surroundings."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from torch import Tensor

Reader = Callable[[str, tuple[slice, ...]], Tensor]


class Tile(Mapping[str, Tensor]):
    """The inputs of one tile: a mapping like a batch of one example, read on access.

    Most transforms need no more and get a plain dictionary. One that has to look further, like the ray from
    a transmitter outside the window, says so by the attribute `takes_tiles` and gets this object, whose
    `read` gives any other window of the field. What it makes of a tile has to equal what it would make of the
    whole field, cut to the window.

    Parameters
    ----------
    names
        Input variables.
    window
        Extent of the tile along the grid's dimensions.
    field
        Lengths of the whole field along them.
    reader
        `reader(name, window)` gives an input with the batch dimension, cut along the grid's dimensions that
        it has.
    """

    def __init__(
        self, names: Sequence[str], window: tuple[slice, ...], field: tuple[int, ...], reader: Reader
    ) -> None:
        self.window, self.field = window, field
        self._names, self._reader = list(names), reader
        self._known: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        """Return an input in the window."""
        if name not in self._names:
            raise KeyError(name)
        if name not in self._known:
            self._known[name] = self._reader(name, self.window)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the inputs."""
        return iter(self._names)

    def __len__(self) -> int:
        """Number of inputs."""
        return len(self._names)

    def read(self, name: str, window: tuple[slice, ...]) -> Tensor:
        """Return an input elsewhere in the field."""
        return self._reader(name, window)

    def around(self, name: str, cells: int) -> tuple[Tensor, tuple[slice, ...]]:
        """Return an input with a margin around the window, and where in that the window is.

        Where the field ends the margin is narrower.

        Parameters
        ----------
        name
            An input whose last dimensions are the grid's.
        cells
            Width of the margin.
        """
        wide, inner = [], []
        for extent, length in zip(self.window, self.field, strict=True):
            first, last = max(extent.start - cells, 0), min(extent.stop + cells, length)
            wide.append(slice(first, last))
            inner.append(slice(extent.start - first, extent.stop - first))
        return self._reader(name, tuple(wide)), tuple(inner)


def inner(values: Tensor, window: tuple[slice, ...]) -> Tensor:
    """Cut the last dimensions of a tensor to a window."""
    for axis, extent in enumerate(window, start=values.ndim - len(window)):
        values = values.narrow(axis, extent.start, extent.stop - extent.start)
    return values
