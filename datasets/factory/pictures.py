"""Pictures of any record: lines and maps, by the dimensions of its variables."""

import math
from collections.abc import Callable
from typing import cast

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from datasets.store.layout import Store
from datasets.store.units import display
from surrogates.core.registry import names, resolve

COLUMNS = 3
FEW = 20  # points of a line that are marked: a single one would not be seen


def picture(store: Store, record: int) -> Figure:
    """Draw one record: with the recipe's own picture (kind ``record_plots``), else by `draw`.

    Raises
    ------
    ValueError
        When there is no such record.
    """
    if not 0 <= record < store.records:
        raise ValueError(f"record={record}: {store.url} has records 0 to {store.records - 1}.")
    ds = store.dataset().isel({store.record_dimension: record}).load()
    recipe = store.text("recipe")
    if recipe in names("record_plots"):
        return cast(Callable[[xr.Dataset], Figure], resolve("record_plots", recipe))(ds)
    return draw(ds[list(store.specs)], f"{store.text('title')}, {store.record_dimension} {record}")


def draw(ds: xr.Dataset, title: str) -> Figure:
    """Draw every variable of one record.

    Parameters
    ----------
    ds
        Variables without record dimension: numbers become text, one dimension a line, two a map; of more
        dimensions the first entries are shown. Complex ones show their modulus and their phase.
    title
        Above the picture.
    """
    ds = _real(ds)
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
        _panel(axis, ds[name])
    return figure


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
