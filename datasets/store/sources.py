"""Sources of chunks: the shard reader, or tensorstore or xarray for everything else."""

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import xarray as xr
import zarr

from datasets.store.byte_sources import ByteSource, LocalFiles
from datasets.store.errors import ContractError
from datasets.store.integrity import chunk_key, is_there
from datasets.store.remote import RemoteObjects
from datasets.store.shards import ShardedArray, UnsupportedLayout
from datasets.store.urls import local_path


class Source(Protocol):
    """Random access to the chunks of a variable; safe in threads."""

    shape: tuple[int, ...]
    dtype: np.dtype
    records_per_chunk: int

    def read(self, chunk: int, out: np.ndarray) -> None:
        """Read a chunk into `out`, shape (records_per_chunk, ...); the last may fill only its beginning."""


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
        key = chunk_key(self._array, (start // length,) + (0,) * (len(self.shape) - 1))
        if key not in self._seen:
            if not is_there(self._array, key):
                raise self._damaged(start, stop, f"{key} is missing")
            self._seen.add(key)

    def _damaged(self, start: int, stop: int, what: str) -> ContractError:
        return ContractError(
            f"variable {self._array.path!r}, records {start} to {stop - 1} of {self._array.store}: {what}; "
            "find every damage with `surrogates data verify`, then build that row again"
        )


def open_source(
    url: str,
    array: zarr.Array[Any],
    shown: xr.Variable,
    storage_options: Mapping[str, object] | None = None,
) -> Source:
    """Return the fastest source that reads a variable as xarray shows it.

    Parameters
    ----------
    url, array
        The store and its array.
    shown
        The same variable as xarray opens it, lazily.
    storage_options
        For fsspec.
    """
    folder = local_path(url)
    if not decoded_by_xarray(array, shown):
        source: ByteSource = (
            RemoteObjects(f"{url.rstrip('/')}/{array.path}", storage_options)
            if folder is None
            else LocalFiles(folder / array.path)
        )
        try:
            return ShardedArray(array, source, absent_is_error=True)
        except UnsupportedLayout:
            if folder is not None and importlib.util.find_spec("tensorstore"):
                return FallbackSource(array, open_tensorstore(folder / array.path), array.dtype)
    return FallbackSource(array, shown, shown.dtype)


def decoded_by_xarray(array: zarr.Array[Any], shown: xr.Variable) -> bool:
    """Return whether xarray changes the stored values: packing, fill values other than NaN, times.

    What xarray applied it moved from the attributes to the encoding.
    """
    applied = {key: shown.encoding[key] for key in dict(array.attrs) if key in shown.encoding}
    for key in ("coordinates", "grid_mapping"):
        applied.pop(key, None)
    fills = [applied.pop(key, np.nan) for key in ("_FillValue", "missing_value")]
    return bool(applied) or shown.dtype != array.dtype or not all(_is_nan(value) for value in fills)


def _is_nan(value: object) -> bool:
    number = np.asarray(value)
    return number.dtype.kind in "fc" and bool(np.isnan(number).all())


def open_tensorstore(folder: Path) -> Any:
    library = importlib.import_module("tensorstore")
    location = {"driver": "file", "path": f"{folder.resolve()}/"}
    opened = library.open({"driver": "zarr3", "kvstore": location}, open=True, read=True).result()
    return _Slices(opened)


class _Slices:
    """Read `values[start:stop]` of a tensorstore array."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened

    def __getitem__(self, records: slice) -> np.ndarray:
        return np.asarray(self._opened[records].read().result())
