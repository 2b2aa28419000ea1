"""Describe the content of a store and the state of its build."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from pydantic import BaseModel

from datasets.factory.files import Files
from datasets.factory.staging import Staging
from datasets.store.layout import Store, open_store
from datasets.store.specs import SPLIT_NAMES
from datasets.store.statistics import Moments, reduce
from datasets.store.units import display


class VariableInfo(BaseModel):
    """A record variable; the statistics cover the complete rows (None where there are none yet)."""

    name: str
    dims: list[str]
    shape: list[int]
    dtype: str
    units: str
    long_name: str
    count: int | None = None
    mean: float | None = None
    std: float | None = None
    minimum: float | None = None
    maximum: float | None = None


class SplitInfo(BaseModel):
    """A named split and its numbers of records."""

    name: str
    keeps_whole: str
    records: dict[str, int]


class StoreInfo(BaseModel):
    """What a store holds; `shares` is the share of each value of a table's flags."""

    url: str
    title: str
    license: str
    recipe: str
    recipe_version: int
    recipe_config: dict[str, Any]
    software: dict[str, str]
    record_dimension: str
    records: int
    rows: int
    complete_rows: list[int]
    staged_units: int
    bytes_on_disk: int
    fingerprint: str
    splits: list[SplitInfo]
    variables: list[VariableInfo]
    shared: dict[str, str]
    shares: dict[str, dict[str, float]]


def info(url: str, *, storage_options: Mapping[str, Any] | None = None) -> StoreInfo:
    """Describe a store, complete or not.

    Parameters
    ----------
    url
        The store.
    storage_options
        For fsspec.
    """
    store = open_store(url, storage_options=storage_options)
    complete = store.complete_rows()
    records = np.concatenate([np.asarray(store.row_records(row)) for row in complete]) if complete else None
    return StoreInfo(
        url=url,
        **{key: store.attributes[key] for key in ("title", "license", "recipe", "recipe_version")},
        recipe_config=json.loads(str(store.attributes["recipe_config"])),
        software=json.loads(str(store.attributes["software"])),
        record_dimension=store.record_dimension,
        records=store.records,
        rows=store.rows,
        complete_rows=complete,
        staged_units=len(Staging(url, storage_options).units()),
        bytes_on_disk=Files(url, storage_options).size(),
        fingerprint=store.fingerprint,
        splits=[_split(store, name) for name in store.split_names()],
        variables=[_variable(store, name, records) for name in store.specs],
        shared={
            str(name): _outline(variable)
            for name, variable in store.dataset().variables.items()
            if store.record_dimension not in variable.dims
        },
        shares={
            str(name): _shares(variable)
            for name, variable in store.dataset().variables.items()
            if store.record_dimension not in variable.dims and "flag_meanings" in variable.attrs
        },
    )


def _outline(variable: xr.Variable) -> str:
    """Return dimensions and units of a variable as people write them, such as ``(time) s``."""
    units = display(str(variable.attrs.get("units", "")))
    return f"({', '.join(map(str, variable.dims))}) {units}".rstrip()


def _shares(variable: xr.Variable) -> dict[str, float]:
    """Return the share of each meaning among the values of a flag variable (CF)."""
    meanings = str(variable.attrs["flag_meanings"]).split()
    values = np.asarray(variable.values)
    flags = np.atleast_1d(variable.attrs["flag_values"]).tolist()
    return {name: float(np.mean(values == flag)) for flag, name in zip(flags, meanings, strict=True)}


def _split(store: Store, name: str) -> SplitInfo:
    values, counts = np.unique(store.split(name), return_counts=True)
    records = {SPLIT_NAMES[int(value)]: int(count) for value, count in zip(values, counts, strict=True)}
    return SplitInfo(name=name, keeps_whole=str(store.array(name).attrs["keeps_whole"]), records=records)


def _variable(store: Store, name: str, records: np.ndarray | None) -> VariableInfo:
    spec = store.specs[name]
    return VariableInfo(
        name=name,
        dims=list(spec.dims),
        shape=[store.records, *spec.shape],
        dtype=spec.dtype,
        units=spec.units,
        long_name=spec.long_name,
        **({} if records is None else _numbers(store.statistics(name, records))),
    )


def _numbers(moments: Moments) -> dict[str, Any]:
    """Merge what the variable keeps apart into one line."""
    flat = reduce(
        Moments(
            *(np.reshape(getattr(moments, key), -1) for key in ("count", "mean", "m2", "minimum", "maximum"))
        )
    )
    if not flat.count:
        return {"count": 0}
    numbers = {key: float(getattr(flat, key)) for key in ("mean", "std", "minimum", "maximum")}
    return {"count": int(flat.count), **numbers}
