"""Where the reader takes chunks from: the shard reader, or tensorstore or xarray for everything else."""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import xarray as xr
import zarr
from zarr.core.sync import sync

from datasets.store.errors import ContractError
from datasets.store.shards import ShardedArray, UnsupportedLayout
from datasets.store.urls import local_path


class Source(Protocol):
    """Random access to the chunks of a variable; safe in threads."""

    shape: tuple[int, ...]
    dtype: np.dtype
    records_per_chunk: int

    def read(self, chunk: int, out: np.ndarray) -> None:
        """Read a chunk into `out`, shape (records_per_chunk, ...); the last one may fill only its beginning."""


class FallbackSource:
    """Chunks read by slices of an xarray variable or a tensorstore array.

    A slice is one inner chunk: zarr-python's fancy indexing would decode whole shards.
    """

    def __init__(self, array: zarr.Array[Any], values: Any, dtype: np.dtype) -> None:
        self.shape = array.shape
        self.dtype = dtype
        self.records_per_chunk = int(array.chunks[0])
        self._array = array
        self._values = values
        self._seen: set[str] = set()

    def read(self, chunk: int, out: np.ndarray) -> None:
        """Read a chunk; damage and absence are errors that name variable and records."""
        start = chunk * self.records_per_chunk
        stop = min(start + self.records_per_chunk, self.shape[0])
        self._require(start, stop)
        try:
            out.reshape(-1, *self.shape[1:])[: stop - start] = np.asarray(self._values[start:stop])
        except (ValueError, RuntimeError) as error:
            raise self._damaged(start, stop, str(error)) from error

    def _require(self, start: int, stop: int) -> None:
        """Refuse a missing shard or chunk file, which would read as the fill value."""
        length = int((self._array.shards or self._array.chunks)[0])
        place = (start // length,) + (0,) * (len(self.shape) - 1)
        key = f"{self._array.path}/{self._array.metadata.encode_chunk_key(place)}"
        if key not in self._seen:
            if not sync(self._array.store.exists(key)):
                raise self._damaged(start, stop, f"{key} is missing")
            self._seen.add(key)

    def _damaged(self, start: int, stop: int, what: str) -> ContractError:
        return ContractError(
            f"variable {self._array.path!r}, records {start} to {stop - 1} of {self._array.store}: {what}; "
            "find every damage with `surrogates data verify`, then build that row again"
        )


def open_source(url: str, array: zarr.Array[Any], dataset: Callable[[], xr.Dataset]) -> Source:
    """Return the fastest source that reads a variable as xarray would show it.

    Parameters
    ----------
    url, array
        The store and its array.
    dataset
        Opens the store with xarray; called only when nothing faster can read the array.
    """
    folder = local_path(url)
    if folder is not None and not decoded_by_xarray(array):
        try:
            return ShardedArray(folder / array.path, absent_is_error=True)
        except UnsupportedLayout:
            if importlib.util.find_spec("tensorstore"):
                return FallbackSource(array, open_tensorstore(folder / array.path), array.dtype)
    variable = dataset()[array.path].variable
    return FallbackSource(array, variable, variable.dtype)


def decoded_by_xarray(array: zarr.Array[Any]) -> bool:
    """Tell whether xarray changes the stored values: packing, fill values other than NaN, times, text."""
    attributes = dict(array.attrs)
    if array.dtype.kind not in "biufc":
        return True
    stored = xr.Variable(
        [f"axis_{i}" for i in range(array.ndim)], np.ones((1,) * array.ndim, array.dtype), attributes
    )
    try:
        shown = xr.conventions.decode_cf_variable(array.path, stored)
    except (ValueError, TypeError):
        return True
    moved = {
        key: value for key, value in shown.encoding.items() if key in attributes and key not in shown.attrs
    }
    fills = [moved.pop(key, np.nan) for key in ("_FillValue", "missing_value")]
    return bool(moved) or shown.dtype != array.dtype or not np.isnan(np.asarray(fills, dtype=complex)).all()


def open_tensorstore(folder: Path) -> Any:
    library = importlib.import_module("tensorstore")
    location = {"driver": "file", "path": f"{folder.resolve()}/"}
    opened = library.open({"driver": "zarr3", "kvstore": location}, open=True, read=True).result()
    return _Slices(opened)


class _Slices:
    """Makes `values[start:stop]` of a tensorstore array read."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened

    def __getitem__(self, records: slice) -> np.ndarray:
        return np.asarray(self._opened[records].read().result())
