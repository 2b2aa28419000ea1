"""Which examples there are: a row of the index is a record, or where a window begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from datasets.store.clocks import durations
from datasets.store.layout import Store
from datasets.store.padding import LENGTH
from datasets.store.selection import Value, along_records, as_text, selected
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.window import Window

DRAW = "draw"
"""What preparations find in a batch outside training: the number of each example's draw."""
SUBSETS = {"train": 0, "validation": 1, "test": 2}
GAP = 1.5
"""A step of a clock that is so many times longer than most is a gap."""


@dataclass(frozen=True)
class ExampleIndex:
    """The examples of a subset of one or several stores.

    Attributes
    ----------
    store, record
        Number of the store and the (first) record of each example, shape (examples,).
    offset
        Where the window of each example begins inside its record, shape (examples,); None where it does not.
    window
        What an example spans, None when it is a single record.
    draws
        How often each example comes in a row, each time prepared with other random numbers. Row ``r`` of the
        index is draw ``r % draws`` of example ``r // draws``.
    """

    store: np.ndarray
    record: np.ndarray
    offset: np.ndarray | None = None
    window: Window | None = None
    draws: int = 1

    def __len__(self) -> int:
        return len(self.record) * self.draws

    def of_store(self, number: int) -> np.ndarray:
        """Return the sorted records that the examples of one store touch."""
        return touched(self.record[self.store == number], self.window)

    def take(self, examples: np.ndarray) -> "ExampleIndex":
        """Return some of the examples, one draw of each."""
        offset = None if self.offset is None else self.offset[examples]
        return replace(self, store=self.store[examples], record=self.record[examples], offset=offset, draws=1)

    @staticmethod
    def concatenate(parts: Sequence["ExampleIndex"]) -> "ExampleIndex":
        """Return the examples of several subsets of the same stores, one draw of each."""
        offsets = [part.offset for part in parts if part.offset is not None]
        return replace(
            parts[0],
            store=np.concatenate([part.store for part in parts]),
            record=np.concatenate([part.record for part in parts]),
            offset=np.concatenate(offsets) if offsets else None,
            draws=1,
        )

    @staticmethod
    def join(
        records: Sequence[np.ndarray],
        window: Window | None = None,
        offsets: Sequence[np.ndarray] | None = None,
    ) -> "ExampleIndex":
        """Concatenate the examples of several stores, in their order."""
        numbers = [np.full(len(each), number) for number, each in enumerate(records)]
        offset = None if offsets is None else np.concatenate(offsets)
        return ExampleIndex(np.concatenate(numbers), np.concatenate(records), offset, window)


def touched(starts: np.ndarray, window: Window | None) -> np.ndarray:
    """Return the sorted records of examples that begin at some records."""
    if window is None or window.dimension is not None:
        return np.unique(starts)
    return np.unique(starts[:, None] + np.arange(window.span))


def records_of(
    store: Store, subset: str, split: str = "split", select: Mapping[str, Value | list[Value]] | None = None
) -> np.ndarray:
    """Return the records of a subset that satisfy a selection.

    Parameters
    ----------
    store
        The store.
    subset
        ``train``, ``validation`` or ``test``.
    split
        Name of the split.
    select
        Allowed values of variables or coordinates along the record dimension, or of their flags, e.g.
        ``{city: [munich]}``.
    """
    return np.flatnonzero((store.split(split) == SUBSETS[subset]) & selected(store, select or {}))


def blocks_of(
    stores: Sequence[Store], index: ExampleIndex, name: str | None, window: Window | None
) -> np.ndarray:
    """Return the label of each example's block.

    Parameters
    ----------
    stores
        The stores of the index; blocks of several are never one.
    index
        The examples.
    name
        Variable of the records whose values are the labels; with ``store`` they are the stores' addresses,
        without a name they are the records, or as many consecutive records as a window spans.
    window
        What an example spans; None for single records.
    """
    if name == "store":
        return np.array([store.url for store in stores])[index.store]
    found = np.empty(len(index.record), dtype=object)
    for number, store in enumerate(stores):
        own = index.store == number
        # Windows of records that overlap begin in the same stretch of records, or in the next.
        span = window.span if window is not None and index.offset is None else 1
        values = np.arange(store.records) // span
        if name is not None:
            values = as_text(along_records(store, name, "task.blocks"))
        # Window 0 of one store is not window 0 of another.
        several = len(stores) > 1
        labels = np.array([f"{number}/{value}" for value in values]) if several else values.astype(str)
        found[own] = labels[index.record[own]]
    return found.astype(str)


def window_starts(records: np.ndarray, window: Window, coordinate: np.ndarray | None = None) -> np.ndarray:
    """Return the first records of windows that cross neither the end of a subset nor a gap.

    Parameters
    ----------
    records
        Sorted records of one subset.
    window
        Length and stride.
    coordinate
        Value of the record coordinate (time) of every record in the store; a step half as long again as
        most, so that months and jitter pass, or one that goes back, is a gap.
    """
    if len(records) == 0:
        return records
    breaks = np.diff(records) != 1
    if coordinate is not None and (~breaks).any():
        steps = np.diff(coordinate[records].astype(np.float64))
        breaks |= (steps > GAP * np.median(steps[~breaks])) | (steps <= 0)
    edges = [0, *(np.flatnonzero(breaks) + 1), len(records)]
    runs = (records[a:b] for a, b in pairwise(edges))
    return np.concatenate([run[: max(0, len(run) - window.span + 1) : window.stride] for run in runs])


def windows_of(store: Store, records: np.ndarray, window: Window) -> np.ndarray:
    """Return the window starts in a store; the record coordinate, if there is one, shows the gaps."""
    dataset = store.dataset()
    name = store.record_dimension
    clock = durations(dataset[name])[0] if name in dataset.coords else np.empty(0, dtype=object)
    return window_starts(records, window, clock if clock.dtype.kind in "fiu" else None)


def require_dimension(store: Store, window: Window | None) -> None:
    """Refuse a window along a dimension that the records of a store lack."""
    if window is None or window.dimension is None:
        return
    dims = [dim for spec in store.specs.values() for dim in spec.dims[1:]]
    if window.dimension not in dims:
        raise ConfigError(
            f"task.window.dimension: {store.url} has no dimension '{window.dimension}' inside its records."
            f"{nearest(window.dimension, dims)} It has {listing(sorted(set(dims)))}."
        )


def windows_inside(store: Store, records: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Return record and beginning of every window inside records; padding is left out.

    Parameters
    ----------
    store
        The store; where it has a variable `length`, that many samples of each record are real.
    records
        Records of one subset.
    window
        With a dimension.

    Returns
    -------
    record, offset
        Shape (windows,) each.
    """
    dataset = store.dataset()
    along = str(window.dimension)
    padded = LENGTH in dataset and dataset[LENGTH].dims == (store.record_dimension,)
    lengths = dataset[LENGTH].values if padded else np.full(store.records, dataset.sizes[along])
    counts = np.maximum(0, (lengths[records] - window.span) // window.stride + 1)
    if len(records) and not counts.any():
        raise ConfigError(
            f"task.window: no record of {store.url} has {window.span} samples along '{along}' (inputs and "
            f"horizon); the longest has {int(lengths[records].max())}. Take a shorter window."
        )
    ends = np.cumsum(counts)
    number = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    return np.repeat(records, counts), number * window.stride
