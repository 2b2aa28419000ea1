"""Where the cells and the records of imported files lie: coordinates, named by the mapping or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from datasets.factory.coordinate_remarks import Table, going_back, is_axis, odd_values, turned_round
from datasets.factory.decoding import (
    decoded,
    in_units,
    kept_attributes,
    require_same_calendar,
    require_units,
)
from datasets.factory.errors import BuildError
from datasets.factory.view import View
from datasets.store.clocks import is_clock
from datasets.store.units import convertible, display

ALIKE = 1e-4
"""Share of a step by which the cells of two files may lie apart: one may hold them in single precision."""
ASCENDING = ("y", "x")
"""Coordinates in metres that ascend in every store."""


@dataclass(frozen=True)
class Coordinates:
    """Coordinates of a store, and how the files lie to them.

    Attributes
    ----------
    shared
        Without the record dimension: coordinates, bounds of cells, and what the mapping names.
    along
        Along the records.
    turned
        For each view the dimensions whose cells it holds in the other order.
    sources
        Paths inside the files of what the mapping does not name and the store holds.
    remarks
        What a user should know of them.
    """

    shared: Table
    along: Table
    turned: tuple[frozenset[str], ...]
    sources: frozenset[str]
    remarks: tuple[str, ...]


def gather(views: Sequence[View], dims: frozenset[str]) -> Coordinates:
    """Return the coordinates of all files; the first decides names, units and order.

    Parameters
    ----------
    views
        The files.
    dims
        Dimensions of the record variables, without that of the records.

    Raises
    ------
    BuildError
        When a coordinate has NaN or units of no meaning, or the files have different grids or calendars.
    """
    first = views[0]
    sources = _chosen(first, dims)
    bounds = _bounds(first, sources)
    reference = _table(first, sources, bounds, {})
    reference = _flipped(reference, frozenset(dim for dim in ASCENDING if _descends(reference.get(dim))))
    parts: dict[str, list[xr.Variable]] = {name: [] for name in reference}
    turned = []
    for view in views:
        table = _table(view, sources, bounds, reference)
        turned.append(frozenset(dim for dim in dims if _is_reversed(table.get(dim), reference.get(dim))))
        for name, variable in _flipped(table, turned[-1]).items():
            if not _is_free(reference[name], view):
                _require_same(variable, reference[name], name, view, first)
            parts[name].append(variable)
    shared, along = _divided(parts, reference, views)
    remarks = [*odd_values(shared | along), *going_back(along, views), *turned_round(turned)]
    taken = frozenset([*sources.values(), *bounds.values()])
    return Coordinates(shared, along, tuple(turned), taken, tuple(remarks))


def _chosen(view: View, dims: frozenset[str]) -> dict[str, str]:
    """Return name and path of the coordinates that the store takes over and the mapping does not name."""
    found: dict[str, str] = {}
    record = view.mapping.record_dimension
    for source in view.coordinates():
        name, own = source.rpartition("/")[2], set(view.dims(source))
        if name not in view.sources and name not in found and (own <= dims or own == {record}):
            found[name] = source
    return found


def _bounds(view: View, sources: Mapping[str, str]) -> dict[str, str]:
    """Return the paths of the bounds of cells, by the names of their coordinates."""
    named = {name: view.sources[name] for name in view.mapping.shared}
    found = {name: view.bounds_of(source) for name, source in (named | dict(sources)).items()}
    return {name: path for name, path in found.items() if path and path not in view.sources.values()}


def _table(view: View, sources: Mapping[str, str], bounds: Mapping[str, str], like: Table) -> Table:
    """Read the coordinates of a file, in the units of those that they have to be like."""
    table = {name: _named(view, name) for name in view.mapping.shared}
    paths = {name: view.sources[name] for name in table}
    for name, source in sources.items():
        if source in view.stored:
            table[name] = _read(view, name, source, like.get(name))
            paths[name] = source
    for name, path in bounds.items():
        if name in table and path in view.stored:
            inner = path.rpartition("/")[2]
            table[name].attrs["bounds"] = inner
            table[inner] = _read_bounds(view, path, view.stored[paths[name]], table[name])
    return table


def _named(view: View, name: str) -> xr.Variable:
    about, variable = view.mapping.shared[name], view.shared(name)
    attributes = _meaning(variable.attrs, name) | {"units": about.units}
    given = {"long_name": about.long_name, "standard_name": about.standard_name}
    attributes |= {key: value for key, value in given.items() if value}
    require_units(attributes, view.where(name))
    return xr.Variable(variable.dims, variable.values, attributes)


def _read(view: View, name: str, source: str, like: xr.Variable | None) -> xr.Variable:
    """Read a coordinate that the mapping does not name; numbers without units are taken for plain numbers."""
    where = view.where(source)
    found = decoded(view.stored[source], where)
    attributes = _meaning(found.attrs, name)
    if found.dtype.kind in "biufc":
        attributes.setdefault("units", "1")
        require_units(attributes, where)
    if like is None or found.dtype.kind not in "biufc":
        return xr.Variable(view.dims(source), found.values, attributes)
    if is_clock(like.attrs["units"]):
        require_same_calendar(found.attrs, like.attrs, where)
    values = in_units(found, str(like.attrs["units"]), where)
    whole = like.dtype.kind in "iu" and np.array_equal(values, np.rint(values))
    return xr.Variable(view.dims(source), values.astype(like.dtype) if whole else values, like.attrs)


def _read_bounds(view: View, path: str, stored: xr.Variable, coordinate: xr.Variable) -> xr.Variable:
    """Read the bounds of cells; they have the units and the calendar of their coordinate in the file."""
    found = decoded(view.stored[path], view.where(path))
    found.attrs = {
        key: stored.attrs[key] for key in ("units", "calendar") if key in stored.attrs
    } | found.attrs
    values = in_units(found, str(coordinate.attrs["units"]), view.where(path))
    kept = {key: coordinate.attrs[key] for key in ("units", "calendar") if key in coordinate.attrs}
    meaning = {"long_name": f"bounds of {coordinate.attrs['long_name']}"}
    return xr.Variable(view.dims(path), values, kept | meaning)


def _meaning(attributes: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """Return the attributes of a coordinate that a store keeps."""
    names = {
        key: str(attributes[key]) for key in ("units", "long_name", "standard_name") if key in attributes
    }
    return {"long_name": name.replace("_", " "), **names, **kept_attributes(attributes)}


def _flipped(table: Table, dims: frozenset[str]) -> Table:
    return {
        name: variable.isel({dim: slice(None, None, -1) for dim in dims & set(map(str, variable.dims))})
        for name, variable in table.items()
    }


def _descends(variable: xr.Variable | None) -> bool:
    """Tell whether a coordinate in metres descends."""
    if variable is None or not is_axis(variable) or not convertible(str(variable.attrs["units"]), "m"):
        return False
    return bool((np.diff(variable.values.astype(np.float64)) < 0).all())


def _is_reversed(variable: xr.Variable | None, reference: xr.Variable | None) -> bool:
    if variable is None or reference is None or not is_axis(variable) or variable.shape != reference.shape:
        return False
    return not _alike(variable, reference) and _alike(variable[::-1], reference)


def _alike(one: xr.Variable, two: xr.Variable) -> bool:
    """Tell whether two coordinates have the same values, up to single precision."""
    if one.dims != two.dims or one.shape != two.shape:
        return False
    first, second = np.asarray(one.values), np.asarray(two.values)
    if first.dtype.kind not in "biufc" or second.dtype.kind not in "biufc":
        return bool(np.array_equal(first, second))
    steps = np.abs(np.diff(second.ravel().astype(np.float64))) if second.size > 1 else np.zeros(0)
    step = float(np.median(steps[np.isfinite(steps)])) if np.isfinite(steps).any() else 0.0
    return bool(np.allclose(first, second, rtol=1e-6, atol=ALIKE * step, equal_nan=True))


def _is_free(variable: xr.Variable, view: View) -> bool:
    """Tell whether a coordinate may have other values in each file: along records, or a scalar."""
    return variable.ndim == 0 or view.mapping.record_dimension in variable.dims


def _require_same(variable: xr.Variable, reference: xr.Variable, name: str, view: View, first: View) -> None:
    if not _alike(variable, reference):
        raise BuildError(
            f"{view.path}: '{name}' is {_span(variable)}, in {first.path} it is {_span(reference)}; all "
            "files need the same grid"
        )


def _span(variable: xr.Variable) -> str:
    """Return size and ends of a coordinate, for messages."""
    sizes = " x ".join(str(size) for size in variable.shape)
    if not variable.size or variable.dtype.kind not in "fiu":
        return f"of {sizes} cells ({', '.join(map(str, variable.values.ravel()[:3]))}, ...)"
    ends = variable.values.ravel()[[0, -1]]
    return (
        f"of {sizes} cells from {ends[0]:g} to {ends[1]:g} {display(str(variable.attrs['units']))}".rstrip()
    )


def _divided(
    parts: Mapping[str, Sequence[xr.Variable]], reference: Table, views: Sequence[View]
) -> tuple[Table, Table]:
    """Return what all files share, and what lies along the records; scalars that vary do."""
    record = views[0].mapping.record_dimension
    shared, along = {}, {}
    for name, variables in parts.items():
        like, complete = reference[name], len(variables) == len(views)
        if record in like.dims:
            if complete:
                along[name] = xr.Variable.concat(variables, record)
        elif like.ndim or (name != record and all(_alike(each, like) for each in variables)):
            shared[name] = like
        elif complete:
            along[name] = xr.Variable(
                record,
                np.concatenate(
                    [np.full(v.records, each.values) for v, each in zip(views, variables, strict=True)]
                ),
                like.attrs,
            )
    return shared, along
