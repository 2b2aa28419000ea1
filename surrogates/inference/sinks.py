"""Collect a prediction, portion by portion: in memory, or in a Zarr store that need not fit into it."""

import math
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.errors import ZarrUserWarning

from datasets.store.specs import VariableSpec
from surrogates.core.files import FULL, forget_half_written, replacing
from surrogates.inference.outputs import attributes_of, data_array, fitting

Portion = tuple[Mapping[str, slice], Mapping[str, np.ndarray]]
"""Slices by dimension (whole if not named), and the values there."""


@dataclass(frozen=True)
class Outline:
    """The layout of the whole prediction.

    Attributes
    ----------
    specs
        Of all variables.
    sizes, chunks
        Lengths of all dimensions, and of what is written or read at once.
    coordinates
        Offered by name; each variable gets those that fit.
    attributes
        Of the data set.
    """

    specs: Mapping[str, VariableSpec]
    sizes: Mapping[str, int]
    chunks: Mapping[str, int]
    coordinates: Mapping[str, xr.DataArray]
    attributes: Mapping[str, Any]

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a variable."""
        return tuple(self.sizes[dim] for dim in self.specs[name].dims)

    @property
    def nbytes(self) -> int:
        """Bytes of all variables."""
        return sum(
            math.prod(self.shape(name)) * np.dtype(spec.dtype).itemsize for name, spec in self.specs.items()
        )

    @property
    def largest(self) -> str:
        """The longest dimension and its length, as text."""
        dim = max(self.sizes, key=lambda name: self.sizes[name])
        return f"{self.sizes[dim]} along {dim}"

    def region(self, name: str, slices: Mapping[str, slice]) -> tuple[slice, ...]:
        """Return the index of a portion in a variable."""
        return tuple(slices.get(dim, slice(None)) for dim in self.specs[name].dims)


def in_memory(outline: Outline, portions: Iterator[Portion]) -> xr.Dataset:
    """Return all portions as one data set.

    Raises
    ------
    ValueError
        When it is larger than the memory of this machine.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if (size := outline.nbytes) > memory:
        raise ValueError(
            f"the prediction has {size:.3g} bytes ({outline.largest}), more than the memory of "
            f"this machine; write it "
            "to a .zarr, or predict fewer records"
        )
    arrays: dict[str, np.ndarray] = {}
    for slices, values in portions:
        for name in outline.specs:
            if name not in arrays:
                arrays[name] = np.empty(outline.shape(name), values[name].dtype)
            arrays[name][outline.region(name, slices)] = values[name]
    variables = {
        name: data_array(spec, arrays[name], outline.coordinates) for name, spec in outline.specs.items()
    }
    return xr.Dataset(variables, attrs=dict(outline.attributes))


def require_store(path: Path) -> None:
    """Refuse a path that exists or is no name of a Zarr store."""
    if path.suffix != ".zarr":
        raise ValueError(f"out is {path.name}; expected a name that ends in .zarr.")
    if path.exists():
        raise FileExistsError(f"{path} exists; remove it or choose another name.")


def on_disk(path: Path, outline: Outline, portions: Iterator[Portion]) -> xr.Dataset:
    """Write all portions as they come and return the opened store; it appears whole or not at all.

    Raises
    ------
    ValueError
        When the disk has not even room for a quarter of it: predictions do not pack as well.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    forget_half_written(path)
    if (size := outline.nbytes) > 4 * shutil.disk_usage(path.parent).free:
        raise ValueError(
            f"the prediction has {size:.3g} bytes ({outline.largest}), more than fits the disk "
            f"of {path}; free some "
            "space, or predict fewer records"
        )
    with full_disk_explained(path), replacing(path) as staging:
        write_coordinates(outline, staging)
        group = zarr.open_group(staging, mode="r+")
        arrays: dict[str, Any] = {}
        for slices, values in portions:
            for name in outline.specs:
                if name not in arrays:
                    arrays[name] = _create(group, outline, name, values[name].dtype)
                arrays[name][outline.region(name, slices)] = values[name]
        consolidate(staging)
    return xr.open_zarr(path, chunks=None)


@contextmanager
def full_disk_explained(path: Path) -> Iterator[None]:
    """Say of a full disk, in one line, what to do; nothing of the prediction stays."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        found, remedy = FULL[error.errno]
        raise OSError(
            f"{found} {path}; nothing of the prediction is kept: {remedy} and run the command again"
        ) from error


def write_coordinates(outline: Outline, path: Path) -> None:
    """Begin a store with everything but the variables."""
    found: dict[str, xr.DataArray] = {}
    for spec in outline.specs.values():
        found |= fitting(outline.coordinates, {dim: outline.sizes[dim] for dim in spec.dims})
    bare = xr.Dataset(coords=found, attrs=dict(outline.attributes))
    for each in bare.coords.values():  # codecs may be those of another version of Zarr
        each.encoding = {key: each.encoding[key] for key in ("calendar", "units") if key in each.encoding}
    free_text(bare).to_zarr(path, mode="w", zarr_format=3, consolidated=False)


def consolidate(path: Path) -> None:
    """Gather the metadata of a finished store, so that `xarray.open_zarr` opens it without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata", ZarrUserWarning)
        zarr.consolidate_metadata(path)


def free_text(ds: xr.Dataset) -> xr.Dataset:
    """Return text coordinates with a variable length: Zarr v3 has no specification of the fixed kind."""
    texts = {name: each.astype(object) for name, each in ds.coords.items() if each.dtype.kind == "U"}
    return ds.assign_coords(texts)


def _create(group: zarr.Group, outline: Outline, name: str, dtype: np.dtype) -> Any:
    spec, shape = outline.specs[name], outline.shape(name)
    attributes = attributes_of(spec, set(outline.coordinates))
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=tuple(
            max(1, min(outline.chunks.get(dim, length), length))
            for dim, length in zip(spec.dims, shape, strict=True)
        ),
        fill_value={"f": np.nan, "c": complex(np.nan, np.nan)}.get(dtype.kind, 0),
        dimension_names=spec.dims,
        attributes=attributes,
    )
