"""Check the grid of inputs: a network that learned 4 m cells is wrong on 8 m cells."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from datasets.store.clocks import durations
from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from datasets.store.units import convert, convertible, same
from surrogates.data.source import WINDOW_DIMENSION
from surrogates.data.window import window_dimension
from surrogates.inference.manifest import Coordinate

TOLERANCE = 0.01
CIRCLE = 360.0
UNEVEN = 0.15  # of a step along records: months have 28 to 31 days


def check_grid(
    ds: xr.Dataset, coordinates: Mapping[str, Coordinate], inputs: Iterable[VariableSpec] = ()
) -> None:
    """Compare the steps and the names of the cells with training; the location of the grid is free.

    Coordinates without units, or in units that do not convert, are indices to us, of which only the order is
    compared, except along a window: its clock has to be even, and in units where the bundle's has some. A
    whole circle, such as all longitudes, begins where it did in training.

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
        Names the dimension, what was found and what was expected, or where a clock has a gap.
    """
    windows = {along: spec for spec in inputs if (along := window_dimension(spec)) is not None}
    for dim, coordinate in coordinates.items():
        trained = np.asarray(coordinate.values)
        if dim not in ds.coords or ds[dim].dims != (dim,):
            continue  # whoever needs the dimension says so
        _require_labels(ds, dim, coordinate)
        if trained.dtype.kind not in "fiu" or trained.size < 2:
            continue
        values, found_units = durations(ds[dim])
        units = str(coordinate.attributes.get("units", ""))
        slack = TOLERANCE
        if dim in windows and spacing(trained) is not None:
            slack = UNEVEN if WINDOW_DIMENSION in windows[dim].dims else TOLERANCE
            _require_clock(values, dim, found_units, units, slack)
        if values.dtype.kind not in "fiu" or not units or not found_units:
            continue
        if convertible(found_units, units):
            axis = _unwrapped(convert(values, found_units, units), units)
            _require_steps(axis, trained, dim, units, slack)
            if same(units, "degree"):
                _require_beginning(axis, trained, dim, units)


def _require_clock(values: np.ndarray, dim: str, found_units: str, units: str, slack: float) -> None:
    """Refuse the clock of a window that is uneven, no clock, or in other units than in training."""
    if values.dtype.kind in "fiu":
        require_even(values, dim, found_units, slack)
    if units in ("", "1"):
        return
    if values.dtype.kind not in "fiu":
        raise ContractError(
            f"coordinate {dim!r} begins with {str(values.flat[0])!r}, expected numbers or dates; say "
            f"ds.assign_coords({dim}=pandas.to_datetime(ds[{dim!r}]))"
        )
    if not convertible(found_units, units):
        raise ContractError(
            f"coordinate {dim!r} has {f'the units {found_units!r}' if found_units else 'no units'}, "
            f"expected units such as {units!r}; set ds[{dim!r}].attrs['units']"
        )


def _require_steps(found: np.ndarray, trained: np.ndarray, dim: str, units: str, slack: float) -> None:
    """Refuse cells that lie otherwise to each other than in training, or in another order."""
    step, expected = spacing(found, slack), spacing(trained)
    if found.size < 2 or (expected is None and found.shape != trained.shape):
        return  # whoever needs so many cells says so
    if expected is None:
        if not same_steps(found, trained):
            raise ContractError(
                f"coordinate {dim!r} is {_listed(found)} {units}, expected cells like {_listed(trained)} "
                f"{units} of training; the network knows them by their order, so choose these in this order"
            )
    elif step is None:
        steps = np.diff(found.astype(np.float64))
        raise ContractError(
            f"coordinate {dim!r} has {found.size} cells in steps from {steps.min():g} to {steps.max():g} "
            f"{units}, expected {expected:g} {units} between all as between the {trained.size} of training; "
            "put the cells in order, or interpolate the data set to an even grid"
        )
    elif abs(step + expected) <= slack * abs(expected):
        descending = ", ascending=False" if expected < 0 else ""
        raise ContractError(
            f"coordinate {dim!r} {'ascends' if step > 0 else 'descends'} by {abs(step):g} {units}, in "
            f"training it {'ascends' if expected > 0 else 'descends'}; say ds.sortby({dim!r}{descending})"
        )
    elif abs(step - expected) > slack * abs(expected):
        raise ContractError(
            f"coordinate {dim!r}: spacing {step:g} {units}, expected {expected:g} {units} as in "
            "training; interpolate the data set to that grid"
        )


def _require_beginning(found: np.ndarray, trained: np.ndarray, dim: str, units: str) -> None:
    """Refuse a whole circle that begins elsewhere than in training, such as -180 instead of 0 degrees."""
    step = spacing(trained)
    if step is None or found.shape != trained.shape or abs(len(trained) * abs(step) - CIRCLE) > abs(step) / 2:
        return
    shift = (found[0] - trained[0] + CIRCLE / 2) % CIRCLE - CIRCLE / 2
    if abs(shift) > abs(step) / 2:
        low, descending = float(trained.min()), ", ascending=False" if step < 0 else ""
        raise ContractError(
            f"coordinate {dim!r} begins at {found[0]:g} {units}, in training the circle begins at "
            f"{trained[0]:g}; say ds.assign_coords({dim}=(ds[{dim!r}] - {low:g}) % 360 + {low:g})"
            f".sortby({dim!r}{descending})"
        )


def _unwrapped(values: np.ndarray, units: str) -> np.ndarray:
    """Return degrees that go on behind a full turn instead of falling back."""
    return np.unwrap(values.astype(np.float64), period=CIRCLE) if same(units, "degree") else values


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in values[:6]) + (", ..." if len(values) > 6 else "")


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


def _require_labels(ds: xr.Dataset, dim: str, coordinate: Coordinate) -> None:
    """Refuse cells of other names, or in another order: the network knows them by their order."""
    expected, values = list(coordinate.values), ds[dim].values.tolist()
    found = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in values]
    named = all(isinstance(value, str) for value in [*expected, *found])
    numbered = not (named or (ds[dim].attrs.get("units") and coordinate.attributes.get("units")))
    if found == expected or len(found) != len(expected) or not (named or numbered):
        return
    if Counter(found) == Counter(expected):
        raise ContractError(
            f"coordinate {dim!r} is {found}, expected {expected} in this order; say ds.sel({dim}={expected})"
        )
    if named:
        raise ContractError(
            f"coordinate {dim!r} is {found}, expected {expected} as in training; choose these cells in this "
            f"order, or if only their names differ say ds.assign_coords({dim}={expected})"
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


def same_steps(found: np.ndarray, trained: np.ndarray) -> bool:
    """Tell whether the cells of two coordinates lie equally far apart, in the same order."""
    if found.shape != trained.shape or trained.size < 2 or {found.dtype.kind, trained.dtype.kind} - {*"fiu"}:
        return False
    steps = np.diff(trained.astype(np.float64))
    slack = TOLERANCE * float(np.median(np.abs(steps)))
    return bool(np.allclose(np.diff(found.astype(np.float64)), steps, rtol=0.0, atol=slack))


def spacing(values: np.ndarray, slack: float = TOLERANCE) -> float | None:
    """Return the step of an evenly spaced coordinate, or None."""
    if values.dtype.kind not in "fiu" or values.size < 2:
        return None
    steps = np.diff(values.astype(np.float64))
    step = float(steps.mean())
    return step if step and np.allclose(steps, step, rtol=slack) else None
