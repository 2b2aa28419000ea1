"""The attributes' part of the handshake: what holds for all values of a variable, such as the source."""

from collections.abc import Iterable
from typing import Any, TypeGuard

import numpy as np
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec

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


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
