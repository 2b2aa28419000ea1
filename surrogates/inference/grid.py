"""The grid part of the handshake: a network that learned 4 m cells is wrong on 8 m cells."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.units import convert, convertible
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
        units, found_units = str(coordinate.attributes.get("units", "")), str(ds[dim].attrs.get("units", ""))
        if not units or not found_units or not convertible(found_units, units):
            continue
        found = _spacing(convert(np.asarray(ds[dim].values), found_units, units))
        if found is not None and abs(found - expected) > TOLERANCE * abs(expected):
            raise ContractError(
                f"coordinate {dim!r}: spacing {found:g} {units}, expected {expected:g} {units} as in "
                "training; interpolate the data set to that grid"
            )


def _spacing(values: np.ndarray) -> float | None:
    """Step of an evenly spaced coordinate, None for any other."""
    if values.dtype.kind not in "fiu" or values.size < 2:
        return None
    steps = np.diff(values.astype(np.float64))
    step = float(steps.mean())
    return step if step and np.allclose(steps, step, rtol=TOLERANCE) else None
