"""Pictures of a few examples, whatever the domain: maps, lines, or points of truth against prediction."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.evaluation.evaluate import Target
from surrogates.evaluation.tables import Curve
from surrogates.learning.contract import Plot

COLOURS = "viridis"


@dataclass(frozen=True)
class Examples:
    """What a plot gets: a few examples of the test split, and what each method made of them.

    Attributes
    ----------
    data
        Inputs, truth and coordinates.
    predictions
        Targets by method, with the dimensions of the truth; the model comes first.
    targets
        What was scored, and where.
    record_dimension
        Name of the leading dimension.
    """

    data: xr.Dataset
    predictions: Mapping[str, xr.Dataset]
    targets: Sequence[Target]
    record_dimension: str


class Fields(Plot):
    """Each target as maps with error, lines, or points, by its number of dimensions.

    Parameters
    ----------
    count
        At most this many maps or lines.
    methods
        At most this many methods, the model first.
    """

    def __init__(self, count: int = 3, methods: int = 2) -> None:
        self.count = count
        self.methods = methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return one figure per target, by title."""
        chosen = list(examples.predictions)[: self.methods]
        figures = {}
        for target in examples.targets:
            dims = [dim for dim in target.spec.dims if dim != examples.record_dimension]
            draw = _points if not dims else _lines if len(dims) == 1 else _maps
            figures[_title(target.spec)] = draw(examples, target.spec, chosen, self.count)
        return figures


def encode(figure: Figure) -> str:
    """Return a figure as a `data:` URI that a page can hold itself."""
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=110, bbox_inches="tight")
    return "data:image/png;base64," + b64encode(stream.getvalue()).decode()


def curves(columns: Mapping[str, tuple[np.ndarray, np.ndarray]], x_label: str) -> Figure:
    """Draw losses against steps, on a logarithmic axis when all are positive.

    Parameters
    ----------
    columns
        Name to (steps, values).
    x_label
        Label of the steps.
    """
    figure = Figure(figsize=(6.5, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, (steps, values) in columns.items():
        axes.plot(steps, values, label=name, linewidth=1.4)
    if columns and all((values > 0).all() for _, values in columns.values()):
        axes.set_yscale("log")
    axes.set_xlabel(x_label)
    axes.set_ylabel("loss")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def coverage_curves(curves: Sequence[Curve]) -> Figure | None:
    """Draw the coverage of intervals against their level, one panel for each target; None without any."""
    if not curves:
        return None
    targets = list(dict.fromkeys(curve.target for curve in curves))
    methods = list(dict.fromkeys(curve.method for curve in curves))
    figure = Figure(figsize=(3.6 * len(targets), 3.6), layout="constrained")
    for axes, target in zip(figure.subplots(1, len(targets), squeeze=False)[0], targets, strict=True):
        axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        for curve in (each for each in curves if each.target == target):
            colour = f"C{methods.index(curve.method)}"
            for values, style in ((curve.calibrated, "-"), (curve.gaussian, "--")):
                if values is not None:
                    measured = [np.nan if value is None else value for value in values]
                    label = curve.method + (", Gaussian" if style == "--" else "")
                    axes.plot(curve.levels, measured, style, color=colour, linewidth=1.4, label=label)
        axes.set(title=target, xlabel="level", ylabel="coverage", xlim=(0, 1), ylim=(0, 1))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=7)
    return figure


def _maps(examples: Examples, spec: VariableSpec, methods: Sequence[str], count: int) -> Figure:
    truth = _planes(examples.data[spec.name], examples.record_dimension)[:count]
    guesses = {
        m: _planes(examples.predictions[m][spec.name], examples.record_dimension)[:count] for m in methods
    }
    columns = 1 + 2 * len(methods)
    figure = Figure(figsize=(2.6 * columns, 2.5 * len(truth)), layout="constrained")
    grid = figure.subplots(len(truth), columns, squeeze=False)
    low, high = _limits(truth)
    spread = _error_limit(truth, guesses)
    extent = _extent(examples.data, spec)
    units = display(spec.units)
    for row, panels in enumerate(grid):
        image = panels[0].imshow(truth[row], origin="lower", extent=extent, vmin=low, vmax=high, cmap=COLOURS)
        shade = None
        for number, method in enumerate(methods):
            guess = guesses[method][row]
            panels[1 + 2 * number].imshow(
                guess, origin="lower", extent=extent, vmin=low, vmax=high, cmap=COLOURS
            )
            shade = panels[2 + 2 * number].imshow(
                guess - truth[row], origin="lower", extent=extent, vmin=-spread, vmax=spread, cmap="RdBu_r"
            )
        figure.colorbar(image, ax=panels[-2 if methods else 0], label=units, shrink=0.85)
        if shade is not None:
            figure.colorbar(shade, ax=panels[-1], label=f"error, {units}".rstrip(", "), shrink=0.85)
    titles = ["truth", *(text for m in methods for text in (m, f"{m} - truth"))]
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, fontsize=9)
    for axes in grid.flat:
        axes.tick_params(labelsize=7)
        axes.label_outer()
    return figure


def _lines(examples: Examples, spec: VariableSpec, methods: Sequence[str], count: int) -> Figure:
    truth = examples.data[spec.name].values[:count]
    dim = spec.dims[-1]
    x = examples.data[dim].values if dim in examples.data.coords else np.arange(truth.shape[1])
    figure = Figure(figsize=(7, 2.2 * len(truth)), layout="constrained")
    for row, axes in enumerate(figure.subplots(len(truth), 1, squeeze=False)[:, 0]):
        axes.plot(x, truth[row], color="black", linewidth=1.8, label="truth")
        for method in methods:
            axes.plot(x, examples.predictions[method][spec.name].values[row], linewidth=1.2, label=method)
        axes.set_ylabel(display(spec.units) or spec.name)
        axes.grid(alpha=0.3)
        if row == 0:
            axes.legend(frameon=False, fontsize=8)
        if row == len(truth) - 1:
            axes.set_xlabel(dim)
    return figure


def _points(examples: Examples, spec: VariableSpec, methods: Sequence[str], count: int) -> Figure:
    truth = examples.data[spec.name].values
    figure = Figure(figsize=(3.2 * max(1, len(methods)), 3.2), layout="constrained")
    panels: np.ndarray = figure.subplots(1, max(1, len(methods)), squeeze=False)[0]
    ends = _limits(truth)
    for axes, method in zip(panels, methods, strict=False):
        axes.plot(ends, ends, color="grey", linewidth=1)
        axes.scatter(truth, examples.predictions[method][spec.name].values, s=12, alpha=0.7)
        axes.set_title(method, fontsize=9)
        _label_both(axes, display(spec.units))
    return figure


def _label_both(axes: Axes, units: str) -> None:
    axes.set_xlabel(f"truth, {units}".rstrip(", "))
    axes.set_ylabel(f"prediction, {units}".rstrip(", "))
    axes.grid(alpha=0.3)


def _planes(values: xr.DataArray, record_dimension: str) -> np.ndarray:
    """The last two dimensions of each record; the first entry of those in between."""
    array = values.transpose(record_dimension, ...).values
    while array.ndim > 3:
        array = array[:, 0]
    return np.asarray(array)


def _limits(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if known.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(known, [1, 99])
    return float(low), float(high if high > low else low + 1)


def _error_limit(truth: np.ndarray, guesses: Mapping[str, np.ndarray]) -> float:
    errors = np.concatenate([np.abs(guess - truth).ravel() for guess in guesses.values()] or [np.ones(1)])
    known = errors[np.isfinite(errors)]
    return float(np.percentile(known, 98)) or 1.0 if known.size else 1.0


def _extent(data: xr.Dataset, spec: VariableSpec) -> tuple[float, float, float, float] | None:
    """Outer edges of the cells in coordinate units, where both dimensions have evenly spaced numbers."""
    ends: list[float] = []
    for dim in (spec.dims[-1], spec.dims[-2]):
        values = data[dim].values if dim in data.coords else np.empty(0)
        if values.ndim != 1 or values.size < 2 or values.dtype.kind not in "fiu":
            return None
        half = float(values[1] - values[0]) / 2
        ends += [float(values[0]) - half, float(values[-1]) + half]
    return ends[0], ends[1], ends[2], ends[3]


def _title(spec: VariableSpec) -> str:
    units = display(spec.units)
    return (spec.long_name or spec.name) + (f" ({units})" if units else "")
