"""Collect a prediction, portion by portion: in memory, or in a Zarr store that need not fit into it."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.errors import ZarrUserWarning

from datasets.store.specs import VariableSpec
from surrogates.core.files import replacing
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

    def region(self, name: str, slices: Mapping[str, slice]) -> tuple[slice, ...]:
        """Return the index of a portion in a variable."""
        return tuple(slices.get(dim, slice(None)) for dim in self.specs[name].dims)


def in_memory(outline: Outline, portions: Iterator[Portion]) -> xr.Dataset:
    """Return all portions as one data set."""
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
    """Write all portions as they come and return the opened store; it appears whole or not at all."""
    with replacing(path) as staging:
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


def write_coordinates(outline: Outline, path: Path) -> None:
    """Begin a store with everything but the variables."""
    found: dict[str, xr.DataArray] = {}
    for spec in outline.specs.values():
        found |= fitting(outline.coordinates, {dim: outline.sizes[dim] for dim in spec.dims})
    bare = xr.Dataset(coords=found, attrs=dict(outline.attributes))
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
        fill_value=np.nan if dtype.kind == "f" else 0,
        dimension_names=spec.dims,
        attributes=attributes,
    )
