"""Pictures of velocity models and gathers, and of predictions; depth and time run downwards."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from datasets.store.selection import as_text
from datasets.store.units import display
from surrogates.domains.seismic.names import DEPTH, GATHER, LATERAL, RECEIVER, SHOT, SOURCES, TIME, VELOCITY
from surrogates.learning.contract import Plot
from surrogates.report.panels import Scale, compare, draw_bar, draw_comparison, quantity, value_scale
from surrogates.report.pictures import Examples

PRESSURE = "gray"
CLIP = 95.0
"""Percentile of the amplitude at which the colours of a gather end: the direct wave would hide the rest."""


class Panels(Plot):
    """Draw velocity models: reference, prediction and error of each method, one row for each example.

    Parameters
    ----------
    count
        Examples to draw.
    methods
        Methods to draw, the model first.
    """

    def __init__(self, count: int = 3, methods: int = 2) -> None:
        self.count, self.methods = count, methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return the figure by its title; none if no velocity is a target."""
        if VELOCITY not in [target.spec.name for target in examples.targets]:
            return {}
        answers = {method: answer[VELOCITY] for method, answer in examples.answers(self.methods).items()}
        return {"Velocity models": draw_models(examples.data[VELOCITY][: self.count], answers)}


class Gathers(Plot):
    """Draw gathers that a method predicts, or that follow from its velocity models, and their errors.

    Parameters
    ----------
    count
        Examples to draw.
    shot
        Index of the shot; the one in the middle by default.
    """

    def __init__(self, count: int = 2, shot: int | None = None) -> None:
        self.count, self.shot = count, shot

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return one figure for each variable that is a gather, of the first method, by title."""
        method, answer = next(iter(examples.predictions.items()))
        figures = {}
        for name, found in answer.items():
            if {SHOT, TIME, RECEIVER} <= set(found.dims) and name in examples.data:
                shots = found.sizes[SHOT]
                shot = shots // 2 if self.shot is None else min(self.shot, shots - 1)
                truth = examples.data[name].isel({SHOT: shot})[: self.count]
                titles = [
                    _shot(examples.data.isel({examples.record_dimension: row}), shot)
                    for row in range(len(truth))
                ]
                figures[str(name).replace("_", " ").capitalize()] = draw_gathers(
                    truth, found.isel({SHOT: shot})[: self.count], method, titles
                )
        return figures


def draw_models(truth: xr.DataArray, answers: dict[str, xr.DataArray]) -> Figure:
    """Draw velocity models on one scale and their errors on another.

    Parameters
    ----------
    truth
        Dimensions (record, depth, lateral), m/s.
    answers
        By method, with the dimensions of the truth.
    """
    figure, _ = compare(
        truth.values,
        {method: answer.values[: len(truth)] for method, answer in answers.items()},
        lambda axes, row, values, scale: _draw(axes, truth[row].copy(data=values), scale),
        value_scale(truth.values, share=1.0),
        name="velocity",
        units="m/s",
        panel=(2.9, 2.7),
        shared=True,
    )
    return figure


def draw_gathers(truth: xr.DataArray, answer: xr.DataArray, method: str, shots: Sequence[str]) -> Figure:
    """Draw gathers of one shot and their prediction on one scale, and the errors on another.

    Parameters
    ----------
    truth, answer
        Dimensions (record, time, receiver).
    method
        Name in the titles.
    shots
        Shot of each record, for the titles.
    """
    figure = Figure(figsize=(9.8, 3.6 * len(truth)), layout="constrained")
    grid = figure.subplots(len(truth), 3, squeeze=False, sharex=True, sharey=True)
    for row, axes in enumerate(grid):
        draw_comparison(
            figure,
            axes[None],
            truth.values[row, None],
            {method: answer.values[row, None]},
            lambda axes, _, values, scale: _draw(axes, truth[0].copy(data=values), scale),
            _amplitudes(truth.values[row]),
            name="pressure",
            units=str(truth.attrs.get("units", "1")),
        )
        axes[0].set_title(f"reference, {shots[row]}", fontsize=10)
    return figure


def draw_record(record: xr.Dataset) -> Figure:
    """Draw one record of a store: its velocity model with the shots above, and the gather of each shot.

    Parameters
    ----------
    record
        One record of a store of seismic data, without the record dimension; either variable may be missing.
    """
    shots = record.sizes[SHOT] if GATHER in record else 0
    widths = [3.2] * (VELOCITY in record) + [2.2 * shots + 1.0] * (GATHER in record)
    figure = Figure(figsize=(sum(widths), 3.8), layout="constrained")
    panels = list(figure.subfigures(1, len(widths), squeeze=False, width_ratios=widths)[0])
    if VELOCITY in record:
        panel = panels.pop(0)
        axis = panel.subplots()
        image = _draw(axis, record[VELOCITY], value_scale(record[VELOCITY].values, share=1.0))
        draw_bar(panel, [image], [axis], "velocity, m/s", location="bottom")
        axis.set_title(_family(record), fontsize=10)
        if (positions := _positions(record)) is not None:
            surface = np.full(len(positions), float(record[DEPTH][0]))
            axis.plot(positions, surface, "v", color="#d62728", clip_on=False)
    if panels:
        scale = _amplitudes(record[GATHER].values)
        axes = panels[0].subplots(1, shots, squeeze=False, sharey=True)[0]
        images = []
        for number, axis in enumerate(axes):
            images.append(_draw(axis, record[GATHER].isel({SHOT: number}), scale))
            axis.set_title(_shot(record, number), fontsize=10)
        draw_bar(panels[0], images, list(axes), quantity("pressure", record[GATHER].attrs.get("units", "1")))
    return figure


def draw_matrix(values: np.ndarray, trained: Sequence[str], tested: Sequence[str], label: str) -> Figure:
    """Draw a score of each family's network on each family, with the numbers in the cells.

    Parameters
    ----------
    values
        Shape (trained, tested); NaN where nothing was scored.
    trained, tested
        Names of the families of the rows and of the columns.
    label
        Score that is shown, with its unit.
    """
    rows, columns = values.shape
    size = (2.8 + 0.85 * columns, max(2.2 + 0.5 * rows, 4.0))  # the label of the colours has to fit
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(values, cmap="cividis", aspect="auto")
    known = values[np.isfinite(values)]
    middle = (known.min() + known.max()) / 2 if known.size else 0.0
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value < middle else "black"
        number = "-" if np.isnan(value) else f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
        axes.text(column, row, number, ha="center", va="center", color=colour)
        if trained[row] == tested[column]:
            corner = (column - 0.5, row - 0.5)
            axes.add_patch(
                Rectangle(corner, 1, 1, fill=False, edgecolor="#d62728", linewidth=1.5, clip_on=False)
            )
    axes.set_xticks(range(columns), tested, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(rows), trained)
    axes.set(xlabel="tested on", ylabel="trained on")
    figure.colorbar(image, ax=axes, label=fill(label, 30))
    return figure


def _positions(record: xr.Dataset) -> np.ndarray | None:
    """Return the positions of the shots of a record, m, if it has them."""
    name = next((name for name in (SOURCES, SHOT) if name in record.variables), None)
    return None if name is None else np.atleast_1d(record[name].to_numpy())


def _shot(record: xr.Dataset, number: int) -> str:
    """Return the title of a shot: its position, or else its index."""
    positions = _positions(record)
    return f"shot {number}" if positions is None else f"shot at {positions[number]:g} m"


def _draw(axis: Axes, values: xr.DataArray, scale: Scale) -> AxesImage:
    """Draw a field as an image whose first dimension runs downwards, with its coordinates on the axes."""
    down, across = (str(dim) for dim in values.dims)
    top, bottom = _ends(values, down)
    left, right = _ends(values, across)
    image = axis.imshow(values.values, extent=(left, right, bottom, top), aspect="auto", **scale.style)
    axis.set(xlabel=_label(values, across), ylabel=_label(values, down))
    axis.tick_params(labelsize=8)
    axis.label_outer()
    return image


def _ends(values: xr.DataArray, dim: str) -> tuple[float, float]:
    """Return the outer edges of the first and the last cell."""
    centres = values[dim].values if dim in values.coords else np.arange(values.sizes[dim])
    half = float(centres[1] - centres[0]) / 2 if len(centres) > 1 else 0.5
    return float(centres[0]) - half, float(centres[-1]) + half


def _label(values: xr.DataArray, dim: str) -> str:
    units = display(str(values[dim].attrs.get("units", ""))) if dim in values.coords else ""
    name = {LATERAL: "along the line", RECEIVER: "receiver"}.get(dim, dim)
    return f"{name}, {units}" if units else name


def _amplitudes(values: np.ndarray) -> Scale:
    limit = float(np.percentile(np.abs(values), CLIP)) or 1.0
    return Scale(-limit, limit, PRESSURE)


def _family(record: xr.Dataset) -> str:
    return str(as_text(record["family"])) if "family" in record else ""
