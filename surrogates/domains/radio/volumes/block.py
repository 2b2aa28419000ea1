"""A volume to turn and slice in a browser: one HTML file that holds all it needs."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from datasets.store.units import display
from surrogates.core.optional import require
from surrogates.core.text import listing, nearest
from surrogates.domains.radio.link import HEIGHTS
from surrogates.domains.radio.volumes.quantities import AZIMUTH, QUANTITIES
from surrogates.report.panels import value_scale

MOST_CELLS = 150_000
"""Of a quantity; a larger volume is thinned along y and x, so that the file stays below 6 MB."""


def write_block(volume: xr.Dataset, path: str | Path, quantities: list[str] | None = None) -> Path:
    """Write the planes of a volume above its buildings as an interactive page.

    Parameters
    ----------
    volume
        One record: quantities (z, y, x), coordinates in m, and ``building_height`` (y, x) if it is known.
    path
        HTML file; it replaces one that is there.
    quantities
        Shown one at a time, by a menu; by default all that the volume has.

    Returns
    -------
    Path
        The file. It needs no network: the script is inside.

    Raises
    ------
    ValueError
        If the volume has no such quantity, or has records.
    """
    graphs, pages = (require(f"plotly.{name}", "an interactive block") for name in ("graph_objects", "io"))
    known = [name for name in QUANTITIES if name in volume]
    shown = known if quantities is None else quantities
    for name in shown or ["path_gain"]:
        if name not in known:
            raise ValueError(f"no quantity '{name}'.{nearest(name, known)} The volume has {listing(known)}.")
    if volume[shown[0]].dims != ("z", "y", "x"):
        raise ValueError(
            f"'{shown[0]}' has the dimensions {volume[shown[0]].dims}; expected ('z', 'y', 'x') of one "
            "record: choose it by volume.isel(sample=0)"
        )
    step = max(1, math.ceil(math.sqrt(len(shown) * volume[shown[0]].size / MOST_CELLS)))
    thin = volume.isel(y=slice(None, None, step), x=slice(None, None, step))
    planes = [trace for number, name in enumerate(shown) for trace in _planes(graphs, thin, name, not number)]
    buildings = [_buildings(graphs, thin)] if HEIGHTS in thin else []
    figure = graphs.Figure([*planes, *buildings], _layout(thin, shown, len(buildings)))
    page = pages.to_html(figure, include_plotlyjs=True, full_html=True)
    file = Path(path)
    file.write_text(page, encoding="utf-8")
    return file


def _planes(graphs: Any, volume: xr.Dataset, name: str, visible: bool) -> list[Any]:
    """Return one coloured surface for each height."""
    values = volume[name].values.astype(np.float32)
    scale = value_scale(values)
    ends = (0.0, 2.0 * math.pi) if name == AZIMUTH else (scale.low, scale.high)
    units = display(str(volume[name].attrs.get("units", "")))
    return [
        graphs.Surface(
            x=volume["x"].values,
            y=volume["y"].values,
            z=np.where(np.isfinite(plane), np.float32(height), np.float32(np.nan)),
            surfacecolor=plane,
            cmin=ends[0],
            cmax=ends[1],
            colorscale="twilight" if name == AZIMUTH else "viridis",
            colorbar={"title": {"text": f"{name.replace('_', ' ')}, {units}".removesuffix(", ")}},
            showscale=not row,
            opacity=0.85,
            visible=visible,
            name=f"{height:g} m",
        )
        for row, (plane, height) in enumerate(zip(values, volume["z"].values, strict=True))
    ]


def _buildings(graphs: Any, volume: xr.Dataset) -> Any:
    roofs = volume[HEIGHTS].values
    return graphs.Surface(
        x=volume["x"].values,
        y=volume["y"].values,
        z=np.where(roofs > 0, roofs, 0.0).astype(np.float32),
        colorscale=[[0, "#eeeeee"], [1, "#888888"]],
        showscale=False,
        name="buildings",
    )


def _layout(volume: xr.Dataset, shown: list[str], buildings: int) -> dict[str, Any]:
    """Return axes in m and a menu of the quantities."""
    planes = volume.sizes["z"]
    buttons = [
        {
            "label": name.replace("_", " "),
            "method": "update",
            "args": [
                {"visible": [each == name for each in shown for _ in range(planes)] + [True] * buildings}
            ],
        }
        for name in shown
    ]
    axes = {"xaxis": "east, m", "yaxis": "north, m", "zaxis": "height above the ground, m"}
    scene: dict[str, Any] = {axis: {"title": {"text": text}} for axis, text in axes.items()}
    scene |= {"aspectmode": "manual", "aspectratio": {"x": 1, "y": 1, "z": 0.5}}
    return {"scene": scene, "updatemenus": [{"buttons": buttons}], "margin": dict.fromkeys("lrtb", 10)}
