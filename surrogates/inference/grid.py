"""The grid part of the handshake: a network that learned 4 m cells is wrong on 8 m cells."""

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from datasets.store.units import convert, convertible
from surrogates.data.window import window_dimension
from surrogates.inference.manifest import Coordinate

TOLERANCE = 0.01


def check_grid(ds: xr.Dataset, coordinates: Mapping[str, Coordinate]) -> None:
    """Compare the spacing of evenly spaced coordinates with that of training; where the grid lies is free.

    Coordinates without units, or in units that do not convert, are indices to us and are not compared.

    Raises
    ------
    ContractError
        Names the dimension and both spacings.
    """
    for dim, coordinate in coordinates.items():
        expected = _spacing(np.asarray(coordinate.values))
        if dim not in ds.coords or expected is None:
            continue
        values, found_units = np.asarray(ds[dim].values), str(ds[dim].attrs.get("units", ""))
        if values.dtype.kind == "M":
            values, found_units = (values - values[0]) / np.timedelta64(1, "s"), "s"
        units = str(coordinate.attributes.get("units", ""))
        if not units or not found_units or not convertible(found_units, units):
            continue
        found = _spacing(convert(values, found_units, units))
        if found is not None and abs(found - expected) > TOLERANCE * abs(expected):
            raise ContractError(
                f"coordinate {dim!r}: spacing {found:g} {units}, expected {expected:g} {units} as in "
                "training; interpolate the data set to that grid"
            )


def latest(ds: xr.Dataset, inputs: Iterable[VariableSpec]) -> xr.Dataset:
    """Return the last samples of a past that is longer than the windows of training."""
    lengths = {}
    for spec in inputs:
        if (along := window_dimension(spec)) is not None:
            lengths[along] = spec.shape[spec.dims.index(along) - len(spec.dims) + len(spec.shape)]
    longer = {
        along: slice(-length, None) for along, length in lengths.items() if ds.sizes.get(along, 0) > length
    }
    return ds.isel(longer) if longer else ds


def _spacing(values: np.ndarray) -> float | None:
    """Step of an evenly spaced coordinate, None for any other."""
    if values.dtype.kind not in "fiu" or values.size < 2:
        return None
    steps = np.diff(values.astype(np.float64))
    step = float(steps.mean())
    return step if step and np.allclose(steps, step, rtol=TOLERANCE) else None
