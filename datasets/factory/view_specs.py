"""Specifications of the record variables of an import, from the mapping and from what the files state."""

from collections.abc import Container, Sequence

import numpy as np

from datasets.factory.decoding import kept_attributes, require_same_calendar
from datasets.factory.errors import BuildError
from datasets.factory.mapping import VariableMapping
from datasets.factory.metadata_checks import wrong_units
from datasets.factory.view import View
from datasets.store.clocks import is_clock
from datasets.store.padding import LENGTH, PADDED
from datasets.store.specs import VariableSpec
from surrogates.core.build import validate


def spec_of(name: str, views: Sequence[View], systems: Container[str]) -> VariableSpec:
    """Return the specification of a record variable; the mapping wins over what the first file states.

    Parameters
    ----------
    name
        Of the mapping.
    views
        All files: they may hold the variable in different types.
    systems
        Names of the coordinate reference systems that the store has.

    Raises
    ------
    BuildError, ConfigError
        When values are no numbers, units mean nothing, or a key of the mapping does not fit.
    """
    view, mapped = views[0], views[0].mapping.variables[name]
    varying = view.mapping.varying
    sizes, stated = view.sizes(name), view.stored[view.sources[name]].attrs
    dtype = np.result_type(*(each.dtype(name) for each in views))
    attributes = kept_attributes(stated)
    if wrong := wrong_units({**attributes, "units": mapped.units}):
        raise BuildError(f"{view.where(name)}: {wrong}")
    system = str(stated.get("grid_mapping", "")).partition(":")[0].strip()
    if system in systems:
        attributes["grid_mapping"] = system
    if mapped.role is not None:
        attributes["role"] = mapped.role
    found = {
        "name": name,
        "dims": tuple(sizes),
        "shape": tuple(sizes.values())[1:],
        "dtype": mapped.dtype or _stored_type(dtype, mapped, name == view.mapping.record_dimension),
        "attributes": attributes,
    }
    given = mapped.model_dump(exclude={"source", "dims", "dtype", "role"})
    if set(varying) & set(sizes):
        longest = {dim: max(each.sizes(name)[dim] for each in views) for dim in varying if dim in sizes}
        found["shape"] = tuple((sizes | longest).values())[1:]
        given["missing"] |= np.dtype(str(found["dtype"])).kind in "fc"
    for key in ("long_name", "standard_name"):
        given[key] = given[key] or (str(stated[key]) if key in stated else given[key])
    return validate(VariableSpec, found | given, f"variable '{name}' of the mapping")


def length_of(dimension: str, record_dimension: str, longest: int) -> VariableSpec:
    """Return the specification of the number of real cells of each record along a dimension."""
    return VariableSpec(
        name=LENGTH,
        dims=(record_dimension,),
        shape=(),
        dtype="int32",
        minimum=0,
        maximum=longest,
        long_name=f"number of real cells along {dimension}",
        attributes={PADDED: dimension},
    )


def require_alike(view: View, first: View, spec: VariableSpec) -> None:
    """Refuse a file in which a variable has another grid or calendar, or units where others state none."""
    name = spec.name
    sizes, expected = view.sizes(name), dict(zip(spec.dims[1:], spec.shape, strict=True))
    free = {spec.dims[0], *view.mapping.varying}
    if set(sizes) != set(spec.dims) or any(
        size != expected[dim] for dim, size in sizes.items() if dim not in free
    ):
        raise BuildError(
            f"{view.path}: '{name}' is {sizes}, in {first.path} it has {expected}; all files need the same "
            "grid."
        )
    if (view.units(name) is None) != (first.units(name) is None):
        raise BuildError(
            f"{view.path}: '{name}' has {_said(view.units(name))}, in {first.path} "
            f"{_said(first.units(name))}; state them in all files or in none"
        )
    if is_clock(spec.units):
        found, other = (each.stored[each.sources[name]].attrs for each in (view, first))
        require_same_calendar(found, other, view.where(name))


def _said(units: str | None) -> str:
    return "no units" if units is None else f"the units '{units}'"


def _stored_type(dtype: np.dtype, mapped: VariableMapping, is_clock_of_records: bool) -> str:
    """Return the type in which a store holds decoded values: double precision only for time from a date."""
    exact = is_clock_of_records or is_clock(mapped.units)
    if mapped.missing and dtype.kind in "iu":
        return "float32" if dtype.itemsize <= 2 and not exact else "float64"
    if dtype.kind == "f" and dtype.itemsize > 4:
        return "float64" if exact else "float32"
    return "complex64" if dtype.kind == "c" else str(dtype.name)
