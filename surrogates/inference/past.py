"""The past that a forecast uses: the last samples, before any padding."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.padding import LENGTH
from datasets.store.specs import VariableSpec
from surrogates.data.window import window_dimension


def latest(ds: xr.Dataset, inputs: Iterable[VariableSpec], record_dimension: str) -> xr.Dataset:
    """Return the last samples of a past that is longer than a training window.

    Parameters
    ----------
    ds
        What a surrogate is asked with; where it has a variable `length`, that many samples of each record are
        real, and what follows is padding.
    inputs
        Specs of the inputs.
    record_dimension
        Along which records are independent.

    Raises
    ------
    ContractError
        When a record has fewer samples than a window.
    """
    for spec in inputs:
        along = window_dimension(spec)
        if along is None or along not in ds.sizes or spec.name not in ds.variables:
            continue
        needed = spec.shape[spec.dims.index(along) - len(spec.dims) + len(spec.shape)]
        ends = _ends(ds, along, record_dimension)
        if (ends < needed).any():
            which = f"record {int(np.argmax(ends < needed))} of the past" if ends.size > 1 else "the past"
            raise ContractError(
                f"variable {spec.name!r}: {which} has {int(ends.min())} samples along {along!r}, expected at "
                f"least {needed}; give more of the past"
            )
        ds = _cut(ds, along, ends, needed, record_dimension)
    return ds


def _ends(ds: xr.Dataset, along: str, record_dimension: str) -> np.ndarray:
    """Return the end of each record, or the common one, shape (records,) or (1,)."""
    size = ds.sizes[along]
    if LENGTH in ds.variables and ds[LENGTH].dims in ((), (record_dimension,)):
        return np.minimum(np.atleast_1d(ds[LENGTH].values), size)
    return np.array([size])


def _cut(ds: xr.Dataset, along: str, ends: np.ndarray, needed: int, record_dimension: str) -> xr.Dataset:
    if len(set(ends.tolist())) <= 1:
        end = int(ends[0]) if ends.size else needed
        return ds.isel({along: slice(end - needed, end)})
    samples = xr.DataArray(ends[:, None] - needed + np.arange(needed), dims=(record_dimension, along))
    records = xr.DataArray(np.arange(len(ends)), dims=record_dimension)
    clock = ds[along][-needed:] if along in ds.coords else None
    cut = {
        str(name): value.isel({record_dimension: records, along: samples}).transpose(*value.dims)
        for name, value in ds.drop_vars(along, errors="ignore").data_vars.items()
        if {record_dimension, along} <= set(value.dims)
    }
    whole = ds.drop_dims(along).assign(cut)
    return whole if clock is None else whole.assign_coords({along: clock})
