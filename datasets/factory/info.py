"""Describe the content of a store and the state of its build."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from pydantic import BaseModel

from datasets.factory import left_out
from datasets.factory.files import Files
from datasets.factory.staging import Staging
from datasets.store.errors import ContractError
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
    """What a store holds.

    Attributes
    ----------
    shares
        The share of each value of a table's flags.
    left_out
        What an importer left out: the total and the counts by cause, by what is counted.
    """

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
    left_out: dict[str, dict[str, int]]


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
        **{key: store.text(key) for key in ("title", "license", "recipe")},
        recipe_version=store.whole_number("recipe_version"),
        recipe_config=store.mapping("recipe_config"),
        software=_texts(store, "software"),
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
            if store.record_dimension not in variable.dims and _is_table_of_flags(variable)
        },
        left_out=_counts(store),
    )


def _texts(store: Store, key: str) -> dict[str, str]:
    return {name: str(value) for name, value in store.mapping(key).items()}


def _counts(store: Store) -> dict[str, dict[str, int]]:
    """Return what an importer left out, by what is counted."""
    found = store.mapping(left_out.ATTRIBUTE) if left_out.ATTRIBUTE in store.attributes else {}
    for counts in found.values():
        if not isinstance(counts, dict) or not all(type(each) is int for each in counts.values()):
            raise ContractError(
                f"{store.url}/zarr.json: attribute {left_out.ATTRIBUTE!r} holds {counts!r}, "
                f"expected counts by cause; "
                "get the store anew"
            )
    return found


def _outline(variable: xr.Variable) -> str:
    """Return dimensions and units of a variable as people write them, such as ``(time) s``."""
    units = display(str(variable.attrs.get("units", "")))
    return f"({', '.join(map(str, variable.dims))}) {units}".rstrip()


def _is_table_of_flags(variable: xr.Variable) -> bool:
    """Tell whether each value of a variable has one meaning; flags that are masks have several."""
    meanings = str(variable.attrs.get("flag_meanings", "")).split()
    return bool(meanings) and len(np.atleast_1d(variable.attrs.get("flag_values", []))) == len(meanings)


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
