"""Pictures of a few examples of any domain: maps, lines, or points of reference and prediction."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.evaluation.evaluate import Target
from surrogates.evaluation.tables import Curve
from surrogates.learning.contract import Plot
from surrogates.learning.directions import full_turn
from surrogates.learning.layout import is_complex
from surrogates.report.panels import (
    FEW_LINES,
    Scale,
    compare,
    draw_legend,
    line_style,
    method_styles,
    quantity,
    spoken,
    value_scale,
)

Ask = Callable[[str, Mapping[str, np.ndarray]], xr.Dataset]
"""Returns a method's answer to some examples of which some inputs are replaced."""


def _refuse(method: str, inputs: Mapping[str, np.ndarray]) -> xr.Dataset:
    raise ValueError(
        f"examples: method '{method}' cannot be asked with other {', '.join(inputs)}; make the examples by "
        "`surrogates.report.examples.examples_of`, or give them `ask`"
    )


@dataclass(frozen=True)
class Examples:
    """The arguments of a plot: a few examples of the test subset and each method's predictions.

    Attributes
    ----------
    data
        Inputs, reference and coordinates.
    predictions
        Targets by method, with the dimensions of the reference; the model comes first.
    targets
        What was scored, and where.
    record_dimension
        Name of the leading dimension.
    ask
        Asks a method again about the examples, with some inputs replaced by arrays of their dimensions, which
        may lack the record dimension and be of another length: at points where a plot wants to know.
    """

    data: xr.Dataset
    predictions: Mapping[str, xr.Dataset]
    targets: Sequence[Target]
    record_dimension: str
    ask: Ask = _refuse

    def answers(self, methods: int) -> dict[str, xr.Dataset]:
        """Return the predictions of a number of methods, the model first."""
        return dict(islice(self.predictions.items(), methods))


class Fields(Plot):
    """Each target as maps with error, lines, or points, by its number of dimensions.

    A complex target has two pictures, of its modulus and of its phase.

    Parameters
    ----------
    count
        At most this many maps or lines.
    methods
        At most this many methods, the model first.
    """

    takes_complex = True

    def __init__(self, count: int = 3, methods: int = 2) -> None:
        self.count = count
        self.methods = methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return one figure per target, by title."""
        chosen = list(examples.answers(self.methods))
        figures = {}
        for target in examples.targets:
            dims = [dim for dim in target.spec.dims if dim != examples.record_dimension]
            draw = _points if not dims else _lines if len(dims) == 1 else _maps
            for shown, spec in _real_views(examples, target.spec):
                figures[_title(spec)] = draw(shown, spec, chosen, self.count)
        return figures


def encode(figure: Figure) -> str:
    """Return a figure as a `data:` URI, to be written into a page."""
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
    for number, (name, (steps, values)) in enumerate(columns.items()):
        axes.plot(steps, values, label=name, linewidth=1.4, **line_style(number))
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
    width = 3.6 if len(methods) <= FEW_LINES // 2 else 6.2  # inches; a long legend stands beside
    figure = Figure(figsize=(width * len(targets), 3.6), layout="constrained")
    for axes, target in zip(figure.subplots(1, len(targets), squeeze=False)[0], targets, strict=True):
        axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        for curve in (each for each in curves if each.target == target):
            style = line_style(methods.index(curve.method))
            kinds = [(curve.calibrated, "", ""), (curve.gaussian, ", Gaussian", "o")]
            for values, kind, marker in [*kinds, (curve.members, ", members", "s")]:
                if values is not None:
                    measured = [np.nan if value is None else value for value in values]
                    label = spoken(curve.method) + kind
                    marked = {"marker": marker, "markersize": 3.5, "linewidth": 1.4}
                    axes.plot(curve.levels, measured, label=label, **marked, **style)
        axes.set(title=target, xlabel="level", ylabel="coverage", xlim=(0, 1), ylim=(0, 1))
        axes.grid(alpha=0.3)
        draw_legend([axes])
    return figure


def _real_views(examples: Examples, spec: VariableSpec) -> list[tuple[Examples, VariableSpec]]:
    """Return the examples with a target as real numbers: as it is, or its modulus, then its phase.

    The phase of a prediction, and a predicted direction, is the one within half a turn of the reference's, so
    that errors are small across the ends of the circle.
    """
    if (turn := full_turn(spec)) is not None:
        truth = np.asarray(examples.data[spec.name])
        nearest = {m: _nearest(p, spec.name, truth, turn) for m, p in examples.predictions.items()}
        return [(replace(examples, predictions=nearest), spec)]
    if not is_complex(spec):
        return [(examples, spec)]
    title = spec.long_name or spec.name
    phase = np.angle(examples.data[spec.name])

    def near(values: xr.DataArray) -> np.ndarray:
        turn = np.angle(values) - phase
        return np.asarray(phase + np.angle(np.exp(1j * turn)))

    parts: list[tuple[Callable[[xr.DataArray], np.ndarray], dict[str, str]]] = [
        (np.abs, {"long_name": f"modulus of {title}", "units": spec.units}),
        (near, {"long_name": f"phase of {title}", "units": "rad"}),
    ]
    return [
        (
            replace(
                examples,
                data=_replaced(examples.data, spec.name, part),
                predictions={m: _replaced(p, spec.name, part) for m, p in examples.predictions.items()},
            ),
            spec.model_copy(update={**about, "dtype": "float32", "display_units": None}),
        )
        for part, about in parts
    ]


def _replaced(data: xr.Dataset, name: str, part: Callable[[xr.DataArray], np.ndarray]) -> xr.Dataset:
    return data.assign({name: (data[name].dims, np.asarray(part(data[name])))})


def _nearest(data: xr.Dataset, name: str, truth: np.ndarray, turn: float) -> xr.Dataset:
    """Return a prediction whose directions lie within half a turn of the true ones."""
    return _replaced(
        data, name, lambda values: truth + np.remainder(values - truth + turn / 2, turn) - turn / 2
    )


def _maps(examples: Examples, spec: VariableSpec, methods: Sequence[str], count: int) -> Figure:
    reference = _planes(examples.data[spec.name], examples.record_dimension)[:count]
    predictions = {
        m: _planes(examples.predictions[m][spec.name], examples.record_dimension)[:count] for m in methods
    }
    extent = _extent(examples.data, spec)

    def draw(axes: Axes, row: int, values: np.ndarray, scale: Scale) -> AxesImage:
        return axes.imshow(values, origin="lower", extent=extent, **scale.style)

    scale, name = value_scale(reference), spec.long_name or spec.name
    figure, grid = compare(reference, predictions, draw, scale, name=name, units=spec.units)
    for axes in grid.flat:
        axes.tick_params(labelsize=7)
        axes.label_outer()
    return figure


def _lines(examples: Examples, spec: VariableSpec, methods: Sequence[str], count: int) -> Figure:
    reference = examples.data[spec.name].values[:count]
    dim = spec.dims[-1]
    x = examples.data[dim].values if dim in examples.data.coords else np.arange(reference.shape[1])
    figure = Figure(figsize=(7, 2.2 * len(reference)), layout="constrained")
    for row, axes in enumerate(figure.subplots(len(reference), 1, squeeze=False)[:, 0]):
        axes.plot(x, reference[row], color="black", linewidth=1.2, zorder=3, label="reference")
        for method, style in method_styles(methods).items():
            axes.plot(x, examples.predictions[method][spec.name].values[row], **style)
        axes.set_ylabel(display(spec.units) or spec.name)
        axes.grid(alpha=0.3)
        if row == 0:
            draw_legend([axes])
        if row == len(reference) - 1:
            axes.set_xlabel(dim)
    return figure


def _points(examples: Examples, spec: VariableSpec, methods: Sequence[str], count: int) -> Figure:
    reference = examples.data[spec.name].values
    figure = Figure(figsize=(3.2 * max(1, len(methods)), 3.2), layout="constrained")
    panels: np.ndarray = figure.subplots(1, max(1, len(methods)), squeeze=False)[0]
    scale = value_scale(reference)
    ends = (scale.low, scale.high)
    for axes, method in zip(panels, methods, strict=False):
        axes.plot(ends, ends, color="grey", linewidth=1)
        axes.scatter(reference, examples.predictions[method][spec.name].values, s=12, alpha=0.7)
        axes.set_title(spoken(method), fontsize=9)
        _label_both(axes, spec.units)
    return figure


def _label_both(axes: Axes, units: str) -> None:
    axes.set_xlabel(quantity("reference", units))
    axes.set_ylabel(quantity("prediction", units))
    axes.grid(alpha=0.3)


def _planes(values: xr.DataArray, record_dimension: str) -> np.ndarray:
    """The last two dimensions of each record; the first entry of those in between."""
    array = values.transpose(record_dimension, ...).values
    while array.ndim > 3:
        array = array[:, 0]
    return np.asarray(array)


def _extent(data: xr.Dataset, spec: VariableSpec) -> tuple[float, float, float, float] | None:
    """Return the outer edges of the cells in coordinate units, if both dimensions are evenly spaced."""
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
