"""Check the attributes of inputs: what holds for all values of a variable, such as the source."""

import warnings
from collections.abc import Iterable
from typing import Any, TypeGuard

import numpy as np
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from datasets.store.units import convert, display
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.learning.context import AGREE, Context, Fact, Scalar, Spacing
from surrogates.learning.pipeline import Pipeline

TOLERANCE = 0.01
SOLVER = "solver_"
"""Attributes that begin so say how values were computed, not what they are, and may differ."""
PACKING = {"scale_factor": 1.0, "add_offset": 0.0}
"""Attributes of packed values, and what they are where nothing is packed."""
FILLS = ("_FillValue", "missing_value")


def check_attributes(ds: xr.Dataset, inputs: Iterable[VariableSpec]) -> None:
    """Compare the numbers among the attributes of inputs with those of training, where both have them.

    Parameters
    ----------
    ds
        What a surrogate is asked with.
    inputs
        Specs of the bundle's inputs.

    Raises
    ------
    ContractError
        Names the variable, the attribute and both numbers, where they differ by more than one percent.
    """
    for spec in inputs:
        given = ds[spec.name].attrs if spec.name in ds.variables else {}
        for key, trained in spec.attributes.items():
            found = given.get(key)
            if key.startswith(SOLVER) or not (_is_number(trained) and _is_number(found)):
                continue
            if not abs(found - trained) <= TOLERANCE * abs(trained):
                raise ContractError(
                    f"variable {spec.name!r}: attribute {key!r} is {found:g}, expected {trained:g} as in "
                    "training; ask a surrogate that was trained on such data, or correct the attribute"
                )


def require_decoded(array: xr.DataArray, spec: VariableSpec) -> None:
    """Refuse values of which an attribute says that they are packed, missing or invalid.

    xarray applies packing and missing values when it opens a file, but never a valid range.

    Parameters
    ----------
    array
        An input, or some of it, as it is given.
    spec
        Of the input; limits that are its own are compared by `check`.

    Raises
    ------
    ContractError
        Names the variable, the attribute and what to do.

    References
    ----------
    CF Conventions 1.11, section 2.5.1 (missing data) and 8.1 (packed data).
    """
    for key, plain in PACKING.items():
        stated = array.attrs.get(key)
        if _is_number(stated) and stated != plain:
            raise ContractError(
                f"variable {spec.name!r}: attribute {key!r} is {stated:g}, so its values are packed, "
                "expected unpacked ones; say xr.decode_cf(ds), or delete the attribute if they are unpacked"
            )
    values = array.values
    for key in FILLS:
        fills = np.atleast_1d(array.attrs.get(key, ()))
        if fills.dtype.kind not in "fiu" or values.dtype.kind not in "fiu":
            continue
        fills = fills.astype(values.dtype) if values.dtype.kind == "f" else fills
        if (filled := np.isin(values, fills)).any():
            raise ContractError(
                f"variable {spec.name!r}: {int(filled.sum())} values are {values[filled][0]:g}, which its "
                f"attribute {key!r} says are missing; say xr.decode_cf(ds), which makes them NaN"
            )
    low, high = _valid_range(array, spec)
    if (low, high) == (-np.inf, np.inf) or values.dtype.kind not in "fiu":
        return
    if (outside := (values < low) | (values > high)).any():
        worst = values[outside][0]
        side = f"below the valid minimum {low:g}" if worst < low else f"above the valid maximum {high:g}"
        raise ContractError(
            f"variable {spec.name!r}: {worst:g} is {side} that its attributes state, so it is missing "
            f"({int(outside.sum())} in all); fill it in, make it NaN by ds.where, or correct the attributes"
        )


def _valid_range(array: xr.DataArray, spec: VariableSpec) -> tuple[float, float]:
    """Return the limits that attributes state, unless they are the specification's own."""
    both = np.ravel(array.attrs.get("valid_range", ()))
    stated = both if both.size == 2 else [array.attrs.get(key) for key in ("valid_min", "valid_max")]
    given = [
        limit if _is_number(limit) and limit != own else None
        for limit, own in zip(stated, (spec.minimum, spec.maximum), strict=True)
    ]
    low, high = (
        end if limit is None else float(limit) for limit, end in zip(given, (-np.inf, np.inf), strict=True)
    )
    if any(isinstance(limit, float | np.floating) for limit in given):
        return low, high
    one, other = (_unpacked(limit, array) for limit in (low, high))
    return min(one, other), max(one, other)


def _unpacked(limit: float, array: xr.DataArray) -> float:
    """Return what xarray made of a packed value; integers limit the packed values."""
    packing = array.encoding
    if str(packing.get("_Unsigned", "")).lower() == "true" and -np.inf < limit < 0:
        limit += 2.0 ** (8 * np.dtype(packing.get("dtype", array.dtype)).itemsize)
    return float(limit * packing.get("scale_factor", 1.0) + packing.get("add_offset", 0.0))


def check_facts(ds: xr.Dataset, pipeline: Pipeline, *, stacklevel: int = 2) -> None:
    """Compare the numbers that a pipeline read from its training data with those of other data.

    Parameters
    ----------
    ds
        What a surrogate is asked with; a fact may vary with its records.
    pipeline
        Trained.
    stacklevel
        Of the warning.

    Raises
    ------
    ContractError
        Names the variable and both values, where they differ by more than the fact's slack.

    Warns
    -----
    OutOfRangeWarning
        When they differ by less.
    """
    for name, (fact, trained) in pipeline.facts.items():
        values = _values_of(ds, name, fact)
        if not values.size:
            continue
        apart = np.abs(values - trained)
        found = float(values[np.argmax(apart)])
        units = display(fact.units)
        told = f"{name} is {found:g} {units}, {trained:g} {units} in training"
        if not (apart <= fact.slack * abs(trained)).all():
            raise ContractError(f"{told}; ask a surrogate that was trained on such data")
        if isinstance(fact, Scalar) and (apart > AGREE * abs(trained)).any():
            warnings.warn(f"{told}; the prediction is an extrapolation.", OutOfRangeWarning, stacklevel)


def _values_of(ds: xr.Dataset, name: str, fact: Fact) -> np.ndarray:
    """Return the values of a fact in a data set: one, one for each record, or none."""
    if isinstance(fact, Spacing):
        units = {dim: ds[dim].attrs.get("units") for dim in fact.dimensions if dim in ds.coords}
        if len(units) < len(fact.dimensions) or not all(units.values()):
            return np.empty(0)  # without units coordinates are indices
        found = fact.find(Context((), (), shared=dict(ds.coords), source="the input"), name)  # type: ignore[arg-type]
        return np.empty(0) if found is None else np.array([found])
    if name not in ds.variables:
        return np.empty(0)
    given = str(ds[name].attrs.get("units", fact.units))
    return np.asarray(convert(np.atleast_1d(ds[name].values).astype(np.float64), given, fact.units))


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
