"""Turn inputs whose cells run the other way than in training, and their prediction back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import xarray as xr

from datasets.store.clocks import durations
from datasets.store.specs import VariableSpec
from datasets.store.units import convert, convertible
from surrogates.data.window import window_dimension
from surrogates.inference.grid import same_steps, spacing
from surrogates.inference.manifest import Coordinate
from surrogates.inference.sinks import Outline, Portion


def other_way(
    ds: xr.Dataset, coordinates: Mapping[str, Coordinate], inputs: Iterable[VariableSpec]
) -> frozenset[str]:
    """Return the dimensions of the inputs along which a coordinate runs the other way than in training.

    Windows are not among them: a past has a direction.

    Parameters
    ----------
    ds
        What a surrogate is asked with.
    coordinates
        Of the bundle; those without units are indices, which have no direction.
    inputs
        Specs of the bundle's inputs.
    """
    specs = list(inputs)
    windows = {window_dimension(spec) for spec in specs}
    used = {dim for spec in specs if spec.name in ds.variables for dim in ds[spec.name].dims}
    found = set()
    for dim, coordinate in coordinates.items():
        if dim in windows or dim not in used or dim not in ds.coords:
            continue
        values, units = durations(ds[dim])
        trained = str(coordinate.attributes.get("units", ""))
        if values.dtype.kind not in "fiu" or not units or not trained or not convertible(units, trained):
            continue
        expected = np.asarray(coordinate.values)
        if _is_other_way(values, expected) or same_steps(convert(values[::-1], units, trained), expected):
            found.add(dim)
    return frozenset(found)


def _is_other_way(values: np.ndarray, trained: np.ndarray) -> bool:
    """Tell whether one of two even coordinates ascends and the other descends."""
    step, expected = spacing(values), spacing(trained)
    return step is not None and expected is not None and step * expected < 0


def turned(ds: xr.Dataset, dims: frozenset[str]) -> xr.Dataset:
    """Return a data set with its cells in reverse along some dimensions."""
    return ds.isel(dict.fromkeys(dims, slice(None, None, -1)))


def turned_outline(outline: Outline, dims: frozenset[str]) -> Outline:
    """Return a layout with the coordinates in reverse along some dimensions."""
    coordinates = {
        name: each.isel({dim: slice(None, None, -1) for dim in dims if dim in each.dims})
        for name, each in outline.coordinates.items()
    }
    return replace(outline, coordinates=coordinates)


def turned_portions(portions: Iterator[Portion], outline: Outline, dims: frozenset[str]) -> Iterator[Portion]:
    """Yield portions with their cells, and where they go, in reverse along some dimensions."""
    for slices, values in portions:
        ends = {dim: outline.sizes[dim] for dim in dims & slices.keys()}
        where = {dim: slice(end - slices[dim].stop, end - slices[dim].start) for dim, end in ends.items()}
        yield (
            {**slices, **where},
            {name: _flipped(values[name], outline, name, dims) for name in outline.specs},
        )


def _flipped(values: np.ndarray, outline: Outline, name: str, dims: frozenset[str]) -> np.ndarray:
    axes = tuple(axis for axis, dim in enumerate(outline.specs[name].dims) if dim in dims)
    return np.flip(values, axes)
