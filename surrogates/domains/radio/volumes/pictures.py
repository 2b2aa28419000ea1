"""Pictures of radio volumes: planes of height, angles in cyclic colours, spread of members."""

import math
from typing import Annotated

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from pydantic import Field

from surrogates.core.ranges import Few
from surrogates.domains.radio.link import HEIGHTS, POSITION
from surrogates.domains.radio.plots.maps import draw_field
from surrogates.domains.radio.volumes.quantities import AZIMUTH, DELAY, GAIN, ZENITH
from surrogates.evaluation.evaluate import Target
from surrogates.learning.answers import deviation_name
from surrogates.learning.contract import Plot
from surrogates.report.panels import Scale, compare, draw_bar, quantity, spoken, value_scale
from surrogates.report.pictures import Examples

CYCLE = Scale(0.0, 2.0 * math.pi, "twilight")
"""Colours of azimuths: those of a full turn and of zero are the same."""


class VolumeSlices(Plot):
    """Draw each quantity of one volume plane by plane: ray tracing, predictions, errors, and members' spread.

    Azimuths have the colours of a wheel, which the first panel shows.

    Parameters
    ----------
    record
        Number of the example, from 0; the last one if there are fewer.
    methods
        At most this many methods, the model first.
    """

    takes_directions = True

    def __init__(self, record: Annotated[int, Field(ge=0, le=63)] = 0, methods: Few = 2) -> None:
        self.record, self.methods = record, methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return one figure per quantity, and one of its spread for methods that tell it, by title."""
        record = min(self.record, examples.data.sizes[examples.record_dimension] - 1)
        chosen = {examples.record_dimension: record}
        data = examples.data.isel(chosen)
        answers = {name: each.isel(chosen) for name, each in examples.answers(self.methods).items()}
        figures = {}
        for target in examples.targets:
            title = target.spec.long_name or target.spec.name
            figures[title] = draw_planes(data, answers, target)
            told = {m: each for m, each in answers.items() if deviation_name(target.spec.name) in each}
            if told:
                figures[f"spread of {title}"] = draw_spread(data, told, target)
        return figures


def draw_planes(data: xr.Dataset, predictions: dict[str, xr.Dataset], target: Target) -> Figure:
    """Draw the planes of one record as rows: reference, predictions and errors.

    Parameters
    ----------
    data
        Reference (z, y, x), buildings, transmitter and coordinates of the record.
    predictions
        By method.
    target
        Quantity.
    """
    name = target.spec.name
    reference = data[name].values
    answers = {method: each[name].values for method, each in predictions.items()}
    scale = value_scale(reference)
    if name == AZIMUTH:
        scale = CYCLE
        answers = {method: _beside(values, reference) for method, values in answers.items()}
    outdoors = _outdoors(data)
    answers = {method: np.where(outdoors, values, np.nan) for method, values in answers.items()}

    def draw(axes: Axes, row: int, values: np.ndarray, colours: Scale) -> AxesImage:
        shown = np.mod(values, 2.0 * math.pi) if colours == CYCLE else values
        return _plane(axes, shown, data, row, colours)

    figure, grid = compare(reference, answers, draw, scale, name=name, units=target.spec.units)
    if scale == CYCLE:
        draw_wheel(grid[0, 0])
    _label(grid, data)
    return figure


def draw_spread(data: xr.Dataset, predictions: dict[str, xr.Dataset], target: Target) -> Figure:
    """Draw the standard deviation of each method plane by plane; arguments as of `draw_planes`."""
    name, outdoors = deviation_name(target.spec.name), _outdoors(data)
    spreads = {method: np.where(outdoors, each[name].values, np.nan) for method, each in predictions.items()}
    planes = data.sizes["z"]
    figure = Figure(figsize=(2.9 * len(spreads) + 1.2, 2.5 * planes), layout="constrained")
    grid: np.ndarray = figure.subplots(planes, len(spreads), squeeze=False)
    high = value_scale(np.stack(list(spreads.values()))).high
    scale = Scale(0.0, high if high > 0 else 1.0)
    images = []
    for column, (method, values) in enumerate(spreads.items()):
        grid[0, column].set_title(spoken(method), fontsize=10)
        images += [_plane(grid[row, column], values[row], data, row, scale) for row in range(planes)]
    draw_bar(figure, images, list(grid[:, -1]), quantity("standard deviation", target.spec.units))
    _label(grid, data)
    return figure


def draw_record(record: xr.Dataset) -> Figure:
    """Draw gain, delay and directions of one record of a store, a row for each plane of height.

    Parameters
    ----------
    record
        One record of a store of the recipe `radio/urban3d`, without the record dimension.
    """
    shown, planes = (GAIN, DELAY, AZIMUTH, ZENITH), record.sizes["z"]
    figure = Figure(figsize=(3.3 * len(shown), 2.6 * planes), layout="constrained")
    grid: np.ndarray = figure.subplots(planes, len(shown), squeeze=False)
    for column, name in enumerate(shown):
        values, axes = record[name].values, list(grid[:, column])
        scale = CYCLE if name == AZIMUTH else value_scale(values)
        images = [_plane(axes[row], values[row], record, row, scale) for row in range(planes)]
        draw_bar(figure, images, axes, quantity(name, str(record[name].attrs["units"])))
    draw_wheel(grid[0, shown.index(AZIMUTH)])
    _label(grid, record)
    return figure


def draw_wheel(axes: Axes) -> None:
    """Draw the colours of azimuths as a ring in a corner, north up and east to the right."""
    wheel = axes.inset_axes((0.68, 0.68, 0.3, 0.3), projection="polar")
    edges = np.linspace(0.0, 2.0 * math.pi, 73)
    middles = (edges[1:] + edges[:-1]) / 2
    wheel.pcolormesh(edges, [0.5, 1.0], middles[None], **CYCLE.style)
    wheel.set(yticks=[], xticks=[], ylim=(0.0, 1.0))
    wheel.set_theta_zero_location("N")  # type: ignore[attr-defined]
    wheel.set_theta_direction(-1)  # type: ignore[attr-defined]
    wheel.text(0.5, 0.5, "N", transform=wheel.transAxes, ha="center", va="center", fontsize=7)


def _plane(axes: Axes, values: np.ndarray, data: xr.Dataset, row: int, scale: Scale) -> AxesImage:
    """Draw one plane over the buildings that reach it, with the transmitter."""
    reaching = data[HEIGHTS].where(data[HEIGHTS] >= float(data["z"][row]), 0.0)
    image = draw_field(axes, values, data.assign({HEIGHTS: reaching}), scale)
    if POSITION in data:
        east, north, _ = data[POSITION].values
        axes.plot(east, north, marker="^", markersize=6, color="#d62728", markeredgecolor="white")
    return image


def _label(grid: np.ndarray, data: xr.Dataset) -> None:
    for axes, height in zip(grid[:, 0], data["z"].values, strict=True):
        axes.set_ylabel(f"{height:g} m high\nnorth, m", fontsize=8)
    for axes in grid.flat:
        axes.tick_params(labelsize=7)


def _outdoors(data: xr.Dataset) -> np.ndarray:
    return np.asarray(data[HEIGHTS].values[None] < data["z"].values[:, None, None])


def _beside(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return azimuths within half a turn of the reference where that is known."""
    nearest = reference + np.mod(values - reference + math.pi, 2.0 * math.pi) - math.pi
    return np.where(np.isfinite(reference), nearest, values)
