"""Opens the files of other programs as xarray data sets, lazily."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray as xr

from datasets.factory.errors import BuildError
from datasets.factory.formats import UNKNOWN, require_format
from surrogates.core.optional import require

SUFFIXES = {
    ".nc": "hdf5",
    ".nc4": "hdf5",
    ".cdf": "hdf5",
    ".h5": "hdf5",
    ".npz": "npz",
    ".npy": "npy",
    ".zarr": "zarr",
}
"""Kinds of the files behind URLs, whose content is not looked at first."""
FORMATS = ("hdf5", "netcdf3", "npz", "npy")
EXPECTED = "a NetCDF, HDF5, .npz, .npy or Zarr file"

Dims = tuple[tuple[str, tuple[str, ...]], ...]


def open_files(paths: tuple[str, ...], dims: Dims) -> xr.Dataset:
    """Open files that together hold the same records.

    Parameters
    ----------
    paths
        One NetCDF, ``.npz`` or Zarr file, or several ``.npy`` files that hold one variable each.
    dims
        Dimension names of the arrays in NumPy files, which do not name any.

    Raises
    ------
    BuildError
        When a file is of another kind, or its arrays do not have the dimensions that were named.
    """
    return _opened(paths, dims, tuple(Path(path).stat().st_mtime_ns for path in paths if "://" not in path))


def kind_of(path: str) -> str:
    """Return the format of a file (`datasets.factory.formats`), or `zarr`; of a URL by its suffix.

    Raises
    ------
    BuildError
        When the file is known to be of a format that is not read here.
    """
    if "://" in path:
        return SUFFIXES.get(Path(path).suffix, UNKNOWN)
    if Path(path).is_dir():
        zarr = any((Path(path) / name).is_file() for name in ("zarr.json", ".zgroup"))
        return "zarr" if zarr else UNKNOWN
    return require_format(Path(path), FORMATS, EXPECTED)


def close_files() -> None:
    """Forget the files opened last, so that others may write them."""
    _opened.cache_clear()


@lru_cache(maxsize=4)
def _opened(paths: tuple[str, ...], dims: Dims, changed: tuple[int, ...]) -> xr.Dataset:
    """Open files once per state: every unit reads from the same ones."""
    path = paths[0]
    match kind_of(path):
        case "npy":
            arrays = {Path(each).stem: np.load(each, mmap_mode="r", allow_pickle=False) for each in paths}
            return _named(arrays, dict(dims), path)
        case "npz":
            with np.load(path, allow_pickle=False) as file:
                wanted = {name: file[name] for name, _ in dims if name in file.files}
                return _named(wanted, dict(dims), path)
        case "zarr":
            return xr.open_zarr(path, chunks=None, decode_times=False, consolidated=False)
        case "hdf5" | "netcdf3":
            require("netCDF4", f"Reading {path}")
            return xr.open_dataset(path, engine="netcdf4", decode_times=False)
    raise BuildError(f"{path} is empty or of an unknown kind; expected {EXPECTED}.")


def _named(arrays: Mapping[str, np.ndarray], dims: Mapping[str, tuple[str, ...]], path: str) -> xr.Dataset:
    for name, array in arrays.items():
        if name in dims and array.ndim != len(dims[name]):
            raise BuildError(
                f"{path}: '{name}' has shape {array.shape}, but the mapping names the dimensions "
                f"({', '.join(dims[name])}); give `dims:` one name for each axis."
            )
    return xr.Dataset({name: (dims[name], array) for name, array in arrays.items() if name in dims})
