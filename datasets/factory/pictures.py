"""Pictures of any record: lines, maps, or points, by the dimensions of its variables."""

import math
from collections.abc import Callable, Mapping
from typing import cast

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from datasets.store.layout import Store
from datasets.store.padding import LENGTH, padded_dimension
from datasets.store.units import display
from surrogates.core.drawing import draw_at_points
from surrogates.core.registry import names, resolve

COLUMNS = 3
FEW = 20  # points of a line that are marked: a single one would not be seen
AXES = ("x", "y")
TRIANGLES = "triangles"


def picture(store: Store, record: int) -> Figure:
    """Draw one record: with the recipe's own picture (kind ``record_plots``), else by `draw`.

    Raises
    ------
    ValueError
        When there is no such record, it is not built yet, or it is damaged or lost.
    """
    if not 0 <= record < store.records:
        raise ValueError(f"record={record}: {store.url} has records 0 to {store.records - 1}.")
    store.require_built(record)
    store.reader(list(store.specs)).read([record])  # xarray would show a lost chunk as NaN
    ds = store.dataset().isel({store.record_dimension: record}).load()
    if (padded := padded_dimension(store.specs)) is not None:
        ds = ds.isel({padded: slice(0, int(ds[LENGTH]))})
    recipe = store.text("recipe")
    if recipe in names("record_plots"):
        return cast(Callable[[xr.Dataset], Figure], resolve("record_plots", recipe))(ds)
    shown = ds[[name for name in store.specs if name != LENGTH or padded is None]]
    return draw(
        shown.assign_coords(_coordinates(ds)), f"{store.text('title')}, {store.record_dimension} {record}"
    )


def draw(ds: xr.Dataset, title: str) -> Figure:
    """Draw every variable of one record.

    Parameters
    ----------
    ds
        Variables without record dimension: numbers become text, one dimension a line, two a map; of more
        dimensions the first entries are shown. Complex ones show their modulus and their phase. Where `x` and
        `y` lie along one dimension together, values along it are drawn at their points, on `triangles` where
        there are some.
    title
        Above the picture.
    """
    points = {name: ds[name] for name in (*AXES, TRIANGLES) if name in ds.variables} if _at_points(ds) else {}
    ds = _real(ds.drop_vars(points))
    numbers = [name for name, variable in ds.data_vars.items() if not variable.dims]
    panels = [name for name, variable in ds.data_vars.items() if variable.dims]
    count = len(panels) + bool(numbers)
    columns = min(COLUMNS, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(4.2 * columns, 3.4 * rows), layout="constrained")
    figure.suptitle(title, wrap=True)
    axes = [figure.add_subplot(rows, columns, number + 1) for number in range(count)]
    if numbers:
        axes[0].axis("off")
        axes[0].text(0, 1, "\n".join(_number(ds[name]) for name in numbers), va="top", family="monospace")
    for axis, name in zip(axes[bool(numbers) :], panels, strict=True):
        if points and ds[name].dims[:1] == points["x"].dims:
            _points(axis, ds[name], points)
        else:
            _panel(axis, ds[name])
    return figure


def _at_points(ds: xr.Dataset) -> bool:
    """Whether both axes are values of one dimension of points."""
    dims = [ds[name].dims for name in AXES if name in ds.variables]
    return len(dims) == len(AXES) and dims[0] == dims[1] and len(dims[0]) == 1


def _coordinates(ds: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return the axes and triangles that all records share, if points have such."""
    found = {name: ds[name] for name in (*AXES, TRIANGLES) if name in ds.variables}
    return found if _at_points(ds) else {}


def _points(axis: Axes, variable: xr.DataArray, points: Mapping[str, xr.DataArray]) -> None:
    first = dict.fromkeys(variable.dims[1:], 0)
    axis.set_title(str(variable.name) + "".join(f", {dim} 0" for dim in first), fontsize="medium")
    triangles = points[TRIANGLES].values if TRIANGLES in points else None
    x, y = (points[name].values.astype(float) for name in AXES)
    image = draw_at_points(axis, x, y, variable.isel(first).values.astype(float), triangles)
    axis.set(xlabel=_named(points["x"]), ylabel=_named(points["y"]), aspect="equal")
    label = variable.attrs.get("long_name", variable.name) + (f" ({u})" if (u := _units(variable)) else "")
    axis.figure.colorbar(image, ax=axis, label=label)


def _named(coordinate: xr.DataArray) -> str:
    units = _units(coordinate)
    return f"{coordinate.name} ({units})" if units else str(coordinate.name)


def _real(ds: xr.Dataset) -> xr.Dataset:
    """Return a data set with modulus and phase of complex arrays as two variables."""
    found: dict[str, xr.DataArray] = {}
    for name, variable in ds.data_vars.items():
        if variable.dtype.kind != "c" or not variable.dims:
            found[str(name)] = variable
            continue
        title = variable.attrs.get("long_name", name)
        modulus, phase = variable.copy(data=np.abs(variable)), variable.copy(data=np.angle(variable))
        found[f"|{name}|"] = modulus.assign_attrs(long_name=f"modulus of {title}")
        found[f"phase of {name}"] = phase.assign_attrs(
            long_name=f"phase of {title}", units="rad", display_units="rad"
        )
    return xr.Dataset(found)


def _number(variable: xr.DataArray) -> str:
    value = f"{variable.item():.5g}" if variable.dtype.kind in "fc" else str(variable.item())
    return f"{variable.name} = {value} {_units(variable)}".rstrip()


def _panel(axis: Axes, variable: xr.DataArray) -> None:
    shown = variable.dims[-2:] if variable.ndim > 1 else variable.dims
    first = {dim: 0 for dim in variable.dims if dim not in shown}
    values = variable.isel(first)
    where = "".join(f", {dim} 0" for dim in first)
    axis.set_title(f"{variable.name}{where}", fontsize="medium")
    data = values.values.astype(float)
    label = variable.attrs.get("long_name", variable.name) + (f" ({u})" if (u := _units(variable)) else "")
    *_, horizontal = shown
    axis.set_xlabel(_axis_label(values, str(horizontal)))
    if values.ndim == 1:
        axis.plot(_coordinate(values, str(horizontal)), data, marker="." if len(data) <= FEW else None)
        axis.set_ylabel(label)
        return
    vertical = str(shown[0])
    mesh = axis.pcolormesh(
        _coordinate(values, str(horizontal)), _coordinate(values, vertical), data, shading="nearest"
    )
    axis.set_ylabel(_axis_label(values, vertical))
    if {vertical, str(horizontal)} == {"x", "y"}:
        axis.set_aspect("equal")
    axis.figure.colorbar(mesh, ax=axis, label=label)


def _coordinate(variable: xr.DataArray, dim: str) -> np.ndarray:
    values = variable[dim].values if dim in variable.coords else np.arange(variable.sizes[dim])
    return values if values.dtype.kind in "iufM" else np.arange(len(values))


def _axis_label(variable: xr.DataArray, dim: str) -> str:
    units = _units(variable[dim]) if dim in variable.coords else ""
    return f"{dim} ({units})" if units else dim


def _units(variable: xr.DataArray) -> str:
    return str(variable.attrs.get("display_units") or display(str(variable.attrs.get("units", ""))))
