"""Records of varying length: how many cells of each are real, and what hides the padding behind them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from datasets.store.specs import VariableSpec

LENGTH = "length"
"""Variable of the records that says how many cells of a padded record are real."""
PADDED = "padded_dimension"
"""Its attribute that names the dimension along which records are padded."""


def padded_dimension(specs: Mapping[str, VariableSpec]) -> str | None:
    """Return the dimension along which records are padded, or None where no attribute names one.

    Parameters
    ----------
    specs
        Of the record variables, by name.
    """
    found = specs[LENGTH].attributes.get(PADDED) if LENGTH in specs else None
    return None if found is None else str(found)


def real_cells(lengths: np.ndarray, spec: VariableSpec, dimension: str) -> np.ndarray:
    """Return which cells of some records are real, with axes that broadcast against the variable.

    Parameters
    ----------
    lengths
        Real cells of each record, (records,).
    spec
        Of a variable of the records that has the dimension.
    dimension
        Along which records are padded.
    """
    axis = spec.dims.index(dimension)
    real = np.arange(spec.shape[axis - 1]) < np.asarray(lengths)[:, None]
    return real.reshape([len(real), *(-1 if each == axis else 1 for each in range(1, len(spec.dims)))])


def padded(values: np.ndarray, spec: VariableSpec) -> np.ndarray:
    """Return records with the lengths of their specification; what is added holds `nothing`."""
    behind = [(0, length - size) for length, size in zip(spec.shape, values.shape[1:], strict=True)]
    return np.pad(values, [(0, 0), *behind], constant_values=nothing(values.dtype))


def nothing(dtype: np.dtype) -> Any:
    """Return what stands in padding: NaN, -1 among whole numbers, else 0 or False."""
    return dtype.type(np.nan if dtype.kind in "fc" else -1 if dtype.kind == "i" else 0)


def without_padding(
    values: np.ndarray, lengths: np.ndarray, spec: VariableSpec, dimension: str
) -> np.ndarray:
    """Return records whose padding holds `nothing`, whatever stands there; arguments as `real_cells`."""
    if (np.asarray(lengths) >= spec.shape[spec.dims.index(dimension) - 1]).all():
        return values
    return np.where(real_cells(lengths, spec, dimension), values, nothing(values.dtype))
