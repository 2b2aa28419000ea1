"""Check the grid of inputs: a network that learned 4 m cells is wrong on 8 m cells."""

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from datasets.store.clocks import durations
from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from datasets.store.units import convert, convertible
from surrogates.data.source import WINDOW_DIMENSION
from surrogates.data.window import window_dimension
from surrogates.inference.manifest import Coordinate

TOLERANCE = 0.01
UNEVEN = 0.15  # of a step along records: months have 28 to 31 days


def check_grid(
    ds: xr.Dataset, coordinates: Mapping[str, Coordinate], inputs: Iterable[VariableSpec] = ()
) -> None:
    """Compare the spacing of evenly spaced coordinates with training; the location of the grid is free.

    Coordinates without units, or in units that do not convert, are indices to us and are not compared, except
    along a window: its clock has to be even, and in units where the bundle's has some.

    Parameters
    ----------
    ds
        What the surrogate is asked with.
    coordinates
        Of the bundle.
    inputs
        Specs of the bundle's inputs, for the dimensions of their windows.

    Raises
    ------
    ContractError
        Names the dimension and both spacings, or where a clock has a gap.
    """
    windows = {along: spec for spec in inputs if (along := window_dimension(spec)) is not None}
    for dim, coordinate in coordinates.items():
        _require_names(ds, dim, coordinate)
        expected = spacing(np.asarray(coordinate.values))
        if dim not in ds.coords or expected is None:
            continue
        values, found_units = durations(ds[dim])
        units = str(coordinate.attributes.get("units", ""))
        slack = TOLERANCE
        if dim in windows and values.dtype.kind in "fiu":
            slack = UNEVEN if WINDOW_DIMENSION in windows[dim].dims else TOLERANCE
            require_even(values, dim, found_units, slack)
            if units not in ("", "1") and not convertible(found_units, units):
                raise ContractError(
                    f"coordinate {dim!r} has {f'the units {found_units!r}' if found_units else 'no units'}, "
                    f"expected units such as {units!r}; set ds[{dim!r}].attrs['units']"
                )
        if not units or not found_units or not convertible(found_units, units):
            continue
        found = spacing(convert(values, found_units, units), slack)
        if found is not None and abs(found + expected) <= slack * abs(expected):
            descending = ", ascending=False" if expected < 0 else ""
            raise ContractError(
                f"coordinate {dim!r} {'ascends' if found > 0 else 'descends'} by {abs(found):g} {units}, in "
                f"training it {'ascends' if expected > 0 else 'descends'}; say ds.sortby({dim!r}{descending})"
            )
        if found is not None and abs(found - expected) > slack * abs(expected):
            raise ContractError(
                f"coordinate {dim!r}: spacing {found:g} {units}, expected {expected:g} {units} as in "
                "training; interpolate the data set to that grid"
            )


def check_fixed(ds: xr.Dataset, coordinates: Mapping[str, Coordinate], dims: Iterable[str]) -> None:
    """Refuse a coordinate that is not that of training along dimensions where it has to be.

    Parameters
    ----------
    ds
        What the surrogate is asked with.
    coordinates
        Of the bundle.
    dims
        Those dimensions.

    Raises
    ------
    ContractError
        Names the dimension, what was found and what was expected.
    """
    for dim in sorted(dims):
        if dim not in ds.coords or dim not in coordinates:
            continue
        units = str(coordinates[dim].attributes.get("units", ""))
        found = convert(ds[dim].values, str(ds[dim].attrs.get("units", units)), units)
        expected = np.asarray(coordinates[dim].values)
        if found.shape != expected.shape or not np.allclose(found, expected, rtol=1e-6):
            listed = (", ".join(f"{value:g}" for value in values) for values in (found, expected))
            raise ContractError(
                f"coordinate {dim!r} is {next(listed)} {units}, expected {next(listed)} {units} as in "
                "training; train on these, or choose them from the data set"
            )


def _require_names(ds: xr.Dataset, dim: str, coordinate: Coordinate) -> None:
    """Refuse named cells in another order: the network knows them by their order."""
    expected = coordinate.values
    if dim not in ds.coords or not all(isinstance(value, str) for value in expected):
        return
    found = [str(value) for value in np.atleast_1d(ds[dim].values)]
    if found != expected and sorted(found) == sorted(map(str, expected)):
        raise ContractError(
            f"coordinate {dim!r} is {found}, expected {list(expected)} in this order; say "
            f"ds.sel({dim}={list(expected)})"
        )


def require_even(values: np.ndarray, dim: str, units: str, slack: float) -> None:
    """Refuse the clock of a window that jumps, stands or runs backwards."""
    if (unknown := np.flatnonzero(np.isnan(values))).size:
        raise ContractError(
            f"coordinate {dim!r} is not even: NaN found at {int(unknown[0])}, a number for each cell "
            "expected; fill it in, or leave the cell out"
        )
    steps = np.diff(values.astype(np.float64))
    if steps.size and (steps < 0).all():
        raise ContractError(
            f"coordinate {dim!r} descends from {values[0]:g} to {values[-1]:g} {units}".rstrip()
            + f", expected to grow; say ds.sortby({dim!r})"
        )
    usual = float(np.nanquantile(steps, 0.5, method="lower")) if steps.size else 1.0
    odd = np.flatnonzero(~(np.abs(steps - usual) <= slack * usual))
    if odd.size:
        index = int(odd[0])
        raise ContractError(
            f"coordinate {dim!r} is not even: a step of {steps[index]:g} {units} after {values[index]:g}, "
            f"where {usual:g} is usual; interpolate the data set to an even clock"
        )


def spacing(values: np.ndarray, slack: float = TOLERANCE) -> float | None:
    """Return the step of an evenly spaced coordinate, or None."""
    if values.dtype.kind not in "fiu" or values.size < 2:
        return None
    steps = np.diff(values.astype(np.float64))
    step = float(steps.mean())
    return step if step and np.allclose(steps, step, rtol=slack) else None
