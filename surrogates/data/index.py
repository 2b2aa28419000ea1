"""Which examples there are: a row of the index is a record, or the first record of a window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr

from datasets.store.layout import Store
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest

DRAW = "draw"
"""What preparations find in a batch outside training: the number of each example's draw."""
PARTS = {"train": 0, "validation": 1, "test": 2}
Value = str | int | float | bool


@dataclass(frozen=True)
class Window:
    """Examples of consecutive records.

    Attributes
    ----------
    length
        Records of an example.
    stride
        Records between the starts of two examples.
    """

    length: int
    stride: int = 1


@dataclass(frozen=True)
class ExampleIndex:
    """The examples of a part of one or several stores.

    Attributes
    ----------
    store, record
        Number of the store and the (first) record of each example, shape (examples,).
    length
        Records of an example, None when an example is a single record without a window dimension.
    draws
        How often each example comes in a row, each time prepared with other random numbers. Row ``r`` of the
        index is draw ``r % draws`` of example ``r // draws``.
    """

    store: np.ndarray
    record: np.ndarray
    length: int | None = None
    draws: int = 1

    def __len__(self) -> int:
        return len(self.record) * self.draws

    def of_store(self, number: int) -> np.ndarray:
        """Return the sorted records that the examples of one store touch."""
        starts = self.record[self.store == number]
        if self.length is None:
            return np.unique(starts)
        return np.unique(starts[:, None] + np.arange(self.length))

    @staticmethod
    def join(records: Sequence[np.ndarray], length: int | None = None) -> "ExampleIndex":
        """Concatenate the examples of several stores, in their order."""
        numbers = [np.full(len(each), number) for number, each in enumerate(records)]
        return ExampleIndex(np.concatenate(numbers), np.concatenate(records), length)


def records_of(
    store: Store, part: str, split: str = "split", select: Mapping[str, Value | list[Value]] | None = None
) -> np.ndarray:
    """Return the records of a part that satisfy a selection.

    Parameters
    ----------
    store
        The store.
    part
        ``train``, ``validation`` or ``test``.
    split
        Name of the split.
    select
        Allowed values of variables or coordinates along the record dimension, e.g. ``{city: [munich]}``.
    """
    chosen = store.split(split) == PARTS[part]
    for name, allowed in (select or {}).items():
        chosen &= np.isin(along_records(store, name, "select").values, np.atleast_1d(np.asarray(allowed)))
    return np.flatnonzero(chosen)


def along_records(store: Store, name: str, where: str) -> xr.DataArray:
    """Return a variable or coordinate with one value for each record.

    Parameters
    ----------
    store
        The store.
    name
        Name of the variable.
    where
        Key of the configuration that names it, for the message.
    """
    dataset = store.dataset()
    offered = [str(n) for n, v in dataset.variables.items() if v.dims == (store.record_dimension,)]
    if name not in offered:
        raise ConfigError(
            f"{where}: {store.url} has no variable '{name}' with one value for each {store.record_dimension}."
            f"{nearest(name, offered)} It has {listing(offered)}."
        )
    return dataset[name]


def window_starts(records: np.ndarray, window: Window, coordinate: np.ndarray | None = None) -> np.ndarray:
    """Return the first records of windows that cross neither the end of a part nor a gap.

    Parameters
    ----------
    records
        Sorted records of one part.
    window
        Length and stride.
    coordinate
        Value of the record coordinate (time) of every record in the store; a step larger than the smallest
        one is a gap.
    """
    if len(records) == 0:
        return records
    breaks = np.diff(records) != 1
    if coordinate is not None and len(records) > 1:
        steps = np.diff(coordinate[records])
        breaks |= steps > steps[~breaks].min() if (~breaks).any() else breaks
    edges = [0, *(np.flatnonzero(breaks) + 1), len(records)]
    runs = (records[a:b] for a, b in pairwise(edges))
    return np.concatenate([run[: max(0, len(run) - window.length + 1) : window.stride] for run in runs])


def windows_of(store: Store, records: np.ndarray, window: Window) -> np.ndarray:
    """Return the window starts in a store; the record coordinate, where there is one, shows the gaps."""
    dataset = store.dataset()
    name = store.record_dimension
    coordinate = np.asarray(dataset[name].values) if name in dataset.coords else None
    return window_starts(records, window, coordinate)
