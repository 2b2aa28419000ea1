"""Name what differs between the metadata of two stores."""

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict

from datasets.store.layout import Store
from datasets.store.units import display

Kind = Literal["attributes", "recipe", "variables", "shared", "splits", "records", "values", "statistics"]
PRINTED = 60
"""Characters of a value that a message shows."""
BOOKKEEPING = ("card", "extended", "history", "recipe_config", "record_variables", "records_per_shard")
"""Global attributes that tell of the build or repeat other things."""

MEANING = {"calendar", "conventions", "crs", "datum", "epsg", "frame", "projection", "units"}
"""Words in the name of a global attribute that states what values mean."""


class Difference(BaseModel):
    """What differs, in one line."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    message: str


def of_attributes(first: Store, other: Store) -> Iterator[Difference]:
    """Yield the global attributes that differ, without those of the build itself."""
    one, two = (
        {k: v for k, v in store.attributes.items() if k not in BOOKKEEPING} for store in (first, other)
    )
    yield from _of_mappings("attributes", "attribute", one, two)


def of_meaning(first: Store, other: Store) -> Iterator[Difference]:
    """Yield the global attributes that state what values mean, and differ or stand in one store alone."""
    one, two = (
        {key: value for key, value in store.attributes.items() if MEANING & set(key.lower().split("_"))}
        for store in (first, other)
    )
    yield from _of_mappings("attributes", "attribute", one, two)


def of_recipes(first: Store, other: Store) -> Iterator[Difference]:
    """Yield the parameters of the recipes that differ."""
    yield from _of_mappings(
        "recipe", "parameter", first.mapping("recipe_config"), other.mapping("recipe_config")
    )


def of_variables(first: Store, other: Store) -> Iterator[Difference]:
    """Yield the record variables that only one store has, and what differs in the meaning of the others."""
    if first.record_dimension != other.record_dimension:
        yield _difference("variables", "the record dimension", first.record_dimension, other.record_dimension)
    if first.specs.keys() != other.specs.keys():
        yield _difference("variables", "the variables", sorted(first.specs), sorted(other.specs))
    for name in first.specs:
        if name in other.specs:
            one, two = first.specs[name].model_dump(), other.specs[name].model_dump()
            yield from (
                _difference("variables", f"{key} of '{name}'", one[key], two[key])
                for key in one
                if one[key] != two[key]
            )


def of_splits(first: Store, other: Store, *, labels: bool) -> Iterator[Difference]:
    """Yield the splits that differ: in what they keep whole, and in the labels of the records of both."""
    one, two = (
        {name: str(s.array(name).attrs["keeps_whole"]) for name in s.split_names()} for s in (first, other)
    )
    yield from _of_mappings("splits", "split", one, two)
    for name in one.keys() & two.keys() if labels else ():
        both = min(first.records, other.records)
        if unlike := int((first.split(name)[:both] != other.split(name)[:both]).sum()):
            yield Difference(
                kind="splits", message=f"split '{name}' labels {unlike} of {both} records otherwise"
            )


def of_shared(first: Store, other: Store, free: Collection[Hashable] = ()) -> Iterator[Difference]:
    """Yield the shared variables that differ in values or attributes, without those along `free`."""
    one, two = beside_records(first), beside_records(other)
    names = [list(map(str, ds.variables)) for ds in (one, two)]
    if set(names[0]) != set(names[1]):
        yield _difference("shared", "the shared variables", sorted(names[0]), sorted(names[1]))
    for name in names[0]:
        compared = name in two.variables and set(free).isdisjoint(one[name].dims)
        if compared and not one[name].variable.identical(two[name].variable):
            yield _difference("shared", f"shared '{name}'", _said(one[name]), _said(two[name]))


def beside_records(store: Store) -> xr.Dataset:
    """Return what a store holds beside record variables and splits: coordinates, tables, fields."""
    found = store.dataset().drop_vars([*store.specs, *store.split_names()])
    found.attrs = {}  # those of the store
    return found


def _of_mappings(
    kind: Kind, what: str, one: Mapping[str, Any], two: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in [*one, *(key for key in two if key not in one)]:
        if one.get(key) != two.get(key) or (key in one) != (key in two):
            yield _difference(kind, f"{what} '{key}'", one.get(key, "absent"), two.get(key, "absent"))


def _difference(kind: Kind, what: str, one: object, two: object) -> Difference:
    return Difference(kind=kind, message=f"{what}: {short(one)}, {short(two)}")


def _said(variable: xr.DataArray) -> str:
    """Return sizes, units and extremes of a shared variable."""
    sizes = ", ".join(f"{dim} {size}" for dim, size in variable.sizes.items())
    extremes = ""
    if variable.dtype.kind in "iuf" and variable.size:
        extremes = f" from {np.nanmin(variable):g} to {np.nanmax(variable):g}"
    return f"({sizes}){extremes} {display(str(variable.attrs.get('units', '')))}".rstrip()


def short(value: object) -> str:
    """Return a value as one line of `PRINTED` characters at most."""
    text = " ".join(str(value).split())
    return text if len(text) <= PRINTED else f"{text[:PRINTED]}..."
