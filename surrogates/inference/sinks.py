"""Collect a prediction, portion by portion: in memory, or in a Zarr store that need not fit into it."""

import math
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.errors import ZarrUserWarning

from datasets.store.patience import patiently
from datasets.store.patient_store import PatientStore, zarr_store
from datasets.store.specs import VariableSpec
from datasets.store.urls import explained, filesystem, local_path, require_new
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


def memory_of_machine() -> int:
    """Return the bytes of memory that this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def in_memory(outline: Outline, portions: Iterator[Portion]) -> xr.Dataset:
    """Return all portions as one data set.

    Raises
    ------
    ValueError
        When it is larger than the memory of this machine.
    """
    if (size := outline.nbytes) > memory_of_machine():
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


def require_store(url: str) -> None:
    """Refuse a path or URL at which something lies or nothing can be written, and another name."""
    path = local_path(url)
    name = PurePosixPath(url) if path is None else path
    if name.suffix != ".zarr":
        raise ValueError(f"out is {name.name}; expected a name that ends in .zarr.")
    if path is None:
        require_new(url)
    elif path.exists():
        raise FileExistsError(f"{path} exists; remove it or choose another name.")


def in_store(url: str, outline: Outline, portions: Iterator[Portion]) -> xr.Dataset:
    """Write all portions as they come and return the opened store; it appears whole or not at all.

    Parameters
    ----------
    url
        Path or URL of a new Zarr store.

    Raises
    ------
    ValueError
        When the disk has not even room for a quarter of it: predictions do not pack as well. When a server
        takes no more.
    """
    path = local_path(url)
    if path is None:
        return _at_url(url, outline, portions)
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
        arrays = _Arrays(zarr.open_group(staging, mode="r+"), outline)
        for portion in portions:
            arrays.write(portion)
        consolidate(staging)
    return xr.open_zarr(path, chunks=None)


def _at_url(url: str, outline: Outline, portions: Iterator[Portion]) -> xr.Dataset:
    """Write a store of another machine; its root comes last, so that none opens that is not whole."""
    system, path = filesystem(url)
    root, store = f"{path.rstrip('/')}/zarr.json", zarr_store(url)
    try:
        with explained(url, "written"):
            write_coordinates(outline, store)
            arrays = _Arrays(zarr.open_group(store, mode="r+"), outline)
        content = b""
        for portion in portions:
            with explained(url, "written"):
                if not arrays.made:
                    arrays.make(portion)
                    content = patiently(url, lambda: system.cat_file(root))
                    patiently(url, lambda: system.rm_file(root))
                arrays.write(portion)
        with explained(url, "written"):
            patiently(url, lambda: system.pipe_file(root, content))
            consolidate(store)
            return xr.open_zarr(store, chunks=None)
    except BaseException:
        with suppress(Exception):  # of the same server, which may not answer any more
            system.rm(path, recursive=True)
        raise


class _Arrays:
    """The arrays of a prediction in a Zarr group, made when the first portion tells their types."""

    def __init__(self, group: zarr.Group, outline: Outline) -> None:
        self.made: dict[str, Any] = {}
        self._group, self._outline = group, outline

    def make(self, portion: Portion) -> None:
        """Make the arrays, with the types that a portion has."""
        for name in self._outline.specs:
            self.made[name] = _create(self._group, self._outline, name, portion[1][name].dtype)

    def write(self, portion: Portion) -> None:
        """Write what a portion holds of each variable."""
        if not self.made:
            self.make(portion)
        slices, values = portion
        for name in self._outline.specs:
            self.made[name][self._outline.region(name, slices)] = values[name]


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


def write_coordinates(outline: Outline, path: str | Path | PatientStore) -> None:
    """Begin a store with everything but the variables."""
    found: dict[str, xr.DataArray] = {}
    for spec in outline.specs.values():
        found |= fitting(outline.coordinates, {dim: outline.sizes[dim] for dim in spec.dims})
    bare = xr.Dataset(coords=found, attrs=dict(outline.attributes))
    for each in bare.coords.values():  # codecs may be those of another version of Zarr
        each.encoding = {key: each.encoding[key] for key in ("calendar", "units") if key in each.encoding}
    free_text(bare).to_zarr(path, mode="w", zarr_format=3, consolidated=False)


def consolidate(path: str | Path | PatientStore) -> None:
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
