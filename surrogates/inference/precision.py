"""Single precision has seven digits: far from the origin it leaves none for small changes."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.data.window import window_dimension

SHARE = 0.01


def check_precision(ds: xr.Dataset, inputs: Iterable[VariableSpec]) -> None:
    """Refuse windows whose changes are lost when their values are rounded to single precision.

    Parameters
    ----------
    ds
        Holds the inputs.
    inputs
        Specs of those that matter only by their changes.

    Raises
    ------
    ContractError
        Names the variable, how large it is, and what to do.
    """
    for spec in inputs:
        along = window_dimension(spec)
        if spec.name not in ds.variables or along not in ds[spec.name].dims:
            continue
        values = ds[spec.name]
        if values.size == 0:
            continue
        largest = float(np.abs(values).max())
        changes = np.abs(values.diff(along)).astype(np.float64)
        typical = float(np.sqrt(np.square(changes).mean()))
        rounding = float(np.spacing(np.float32(largest))) if np.isfinite(largest) else 0.0
        if typical > 0 and rounding > SHARE * typical:
            raise ContractError(
                f"variable {spec.name!r}: values of {largest:.6g} are rounded to {rounding:.2g} in single "
                f"precision, but from sample to sample they change by {typical:.2g}; subtract an origin near "
                "them, and add it to the prediction"
            )
