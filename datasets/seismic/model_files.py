"""Velocity models in files: which axis is which, in what units, on which cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from datasets.factory.decoding import decoded
from datasets.factory.errors import BuildError
from datasets.factory.formats import UNKNOWN
from datasets.factory.limits import MOST_ARRAY_BYTES
from datasets.factory.opening import kind_of, open_files
from datasets.seismic import velocities
from datasets.seismic.arrays import arrays_in
from datasets.store.errors import ContractError
from datasets.store.units import convert
from surrogates.core.text import listing, nearest

FORMATS = ("npy", "npz", "hdf5", "netcdf3")
AXES = ("sample", "depth", "lateral")
NAMES = {
    **dict.fromkeys(("depth", "z"), "depth"),
    **dict.fromkeys(("lateral", "x", "distance", "offset"), "lateral"),
    **dict.fromkeys(("sample", "record", "model"), "sample"),
}
"""Names of dimensions that say which axis they are."""
KINDS = "fiuSU"
"""Types of arrays that are looked at: numbers, and texts as labels."""


@dataclass(frozen=True)
class ModelFile:
    """The velocity models of one file, which is opened for each look at them: there may be thousands.

    Attributes
    ----------
    path, variable
        The file, or the folder of Zarr, and the name of the models in it.
    axes, sizes
        Names of the axes of the array, of `AXES`, and their lengths.
    units
        As the file states them; empty if it does not.
    cell
        Depth and width of a cell, m; None if the file does not state them.
    labels
        One text for each model, from the variable that was asked for.
    most
        Most bytes of what is read of the file as a whole.
    """

    path: Path
    variable: str
    axes: tuple[str, ...]
    sizes: tuple[int, ...]
    units: str
    cell: tuple[float, float] | None
    labels: list[str]
    most: int

    @property
    def models(self) -> int:
        """Number of models."""
        return self.sizes[self.axes.index("sample")] if "sample" in self.axes else 1

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a model."""
        rows, columns = (self.sizes[self.axes.index(axis)] for axis in AXES[1:])
        return rows, columns

    def values(self, indices: Sequence[int] | slice) -> np.ndarray:
        """Return some models as (model, depth, lateral), float64, in the units of the file."""
        array = _squeezed(_opened(self.path, self.most, self.variable)[self.variable])
        array = array.drop_vars(list(array.coords)).rename(dict(zip(array.dims, self.axes, strict=True)))
        if "sample" not in self.axes:
            array = array.expand_dims("sample")
        chosen = array.isel(sample=indices).transpose(*AXES)
        return np.asarray(_values(self.path, chosen), np.float64)


def open_models(
    path: Path, variable: str, axes: tuple[str, ...], label: str, expected: str, most: int = MOST_ARRAY_BYTES
) -> ModelFile:
    """Look at the velocity models of a file.

    Parameters
    ----------
    path
        A NumPy, NetCDF or HDF5 file, or a folder of Zarr.
    variable
        Name of the models; empty if the file holds no others.
    axes
        Names of the axes of the array, of `AXES`; empty for the names of the file, or else their usual order.
    label
        Name of a variable with one value for each model; empty for none.
    expected
        What is expected, for messages.
    most
        Most bytes of what is read as a whole.

    Raises
    ------
    BuildError
        If the file is of another kind, names no such variable, or does not say which axis is which.
    """
    require_known(path, expected)
    ds = _opened(path, most)
    array = _squeezed(ds[_chosen(path, ds, variable)])
    if array.ndim > len(AXES):
        raise BuildError(
            f"{path}: '{array.name}' of shape {array.shape} found, velocity models (sample, depth, lateral) "
            "expected; name the file or folder that holds models alone"
        )
    names = axes or _named(path, array)
    if len(names) != array.ndim:
        raise BuildError(
            f"{path}: '{array.name}' of shape {array.shape} has {array.ndim} axes, axes={list(axes)} names "
            f"{len(axes)}"
        )
    if array.dtype.kind not in "fiu" or array.size == 0:
        raise BuildError(
            f"{path}: '{array.name}' holds {array.size} values of type {array.dtype}; {expected}"
        )
    own = dict(zip(names, map(str, array.dims), strict=True))
    units = str(array.attrs.get("units", ""))
    found = ModelFile(path, str(array.name), names, array.shape, units, _cell(path, ds, own), [], most)
    return replace(found, labels=_labels(path, ds, label, found.models)) if label else found


def require_known(path: Path, expected: str) -> None:
    """Refuse a file of which no kind is known, such as an empty one."""
    if kind_of(str(path)) == UNKNOWN:
        raise BuildError(f"{path} is empty or of an unknown kind; expected {expected}")


def _is_numpy(path: Path) -> bool:
    return kind_of(str(path)) in ("npy", "npz")


def _opened(path: Path, most: int, only: str = "") -> xr.Dataset:
    """Return the arrays of a file as they are stored, or that of one name; NumPy names no dimensions."""
    if not _is_numpy(path):
        return xr.Dataset(open_files((str(path),), (), (), most))
    arrays = {each.member or path.stem: each for each in arrays_in(path, "velocity models", most)}
    chosen = {
        name: each for name, each in arrays.items() if name == (only or name) and each.dtype.kind in KINDS
    }
    return xr.Dataset(
        {
            name: ([f"{name}_{axis}" for axis in range(len(each.shape))], each.values())
            for name, each in chosen.items()
        }
    )


def _values(path: Path, array: xr.DataArray) -> np.ndarray:
    """Return what the stored values of an array stand for."""
    return decoded(array.variable, f"{path}: '{array.name}'").values


def _squeezed(array: xr.DataArray) -> xr.DataArray:
    """Return an array without axes of length one, such as channels, if it has more axes than models have."""
    single = [dim for dim in array.dims if array.sizes[dim] == 1]
    return array.squeeze(single[: max(0, array.ndim - len(AXES))])


def _chosen(path: Path, ds: xr.Dataset, variable: str) -> str:
    """Return the name of the models in a file."""
    fields = [str(name) for name, array in ds.data_vars.items() if array.ndim >= 2]
    if variable in fields:
        return variable
    if variable:
        raise BuildError(
            f"{path} has no array '{variable}'.{nearest(variable, fields)} It has: {listing(fields)}"
        )
    if len(fields) != 1:
        raise BuildError(
            f"{path} holds {len(fields)} arrays of two or more axes ({listing(fields)}); name that of the "
            "models by `variable`"
        )
    return fields[0]


def _named(path: Path, array: xr.DataArray) -> tuple[str, ...]:
    """Return which axis is which, by the names of dimensions; for NumPy files their usual order."""
    if _is_numpy(path):
        return AXES[-array.ndim :]
    known = {dim: NAMES.get(str(dim).lower(), "") for dim in array.dims}
    if array.ndim == len(AXES) and sorted(known.values()) == ["", "depth", "lateral"]:
        known = {dim: axis or "sample" for dim, axis in known.items()}
    if sorted(known.values()) not in (sorted(AXES), ["depth", "lateral"]):
        raise BuildError(
            f"{path}: '{array.name}' has the dimensions {', '.join(map(str, array.dims))}; which is the "
            f"depth? Give their order, such as axes=[{', '.join(AXES[-array.ndim :])}]"
        )
    return tuple(known.values())


def _cell(path: Path, ds: xr.Dataset, own: dict[str, str]) -> tuple[float, float] | None:
    """Return depth and width of a cell from the axes of a file, m."""
    names = ("z", "x") if _is_numpy(path) else (own["depth"], own["lateral"])
    if not all(name in ds.variables and ds[name].ndim == 1 for name in names):
        return None
    if str(ds[names[0]].attrs.get("positive", "down")).lower() == "up":
        raise BuildError(
            f"{path}: axis '{names[0]}' counts upwards (attribute `positive`), depths expected; write the "
            "rows from the top, with depths that grow"
        )
    steps = []
    for name in names:
        stated = str(ds[name].attrs.get("units", "m"))
        try:
            positions = convert(_values(path, ds[name]), stated, "m")
        except ContractError as error:
            raise BuildError(f"{path}: axis '{name}': {error}; write positions in m") from None
        steps.append(velocities.step_of(path, name, positions))
    return steps[0], steps[1]


def _labels(path: Path, ds: xr.Dataset, name: str, models: int) -> list[str]:
    """Return the value of a variable for each model, as text."""
    if name not in ds.variables or ds[name].shape != (models,):
        known = [str(each) for each, array in ds.variables.items() if array.shape == (models,)]
        raise BuildError(
            f"{path} has no variable '{name}' with one value for each of its {models} models."
            f"{nearest(name, known)} It has: {listing(known)}. keeps_whole=file takes the files"
        )
    return [str(each) for each in _values(path, ds[name]).tolist()]
