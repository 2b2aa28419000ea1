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
