"""Pictures of targets at points: scattered, or on the triangles of a mesh."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from pydantic import PositiveInt

from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.core.drawing import draw_at_points
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.learning.context import Context
from surrogates.learning.contract import Plot
from surrogates.report.panels import Scale, compare, value_scale
from surrogates.report.pictures import Examples


class Points(Plot):
    """Each target over two coordinates of its points: reference, predictions and their errors.

    Points in space or of several instants are seen along the other coordinates.

    Parameters
    ----------
    context
        Of the data.
    coordinates
        Names of the horizontal and the vertical one.
    triangles
        Variable of the three vertices of each triangle, from 0; below 0 there is none. With None, points are
        dots.
    count
        At most this many records.
    methods
        At most this many methods, the model first.
    """

    def __init__(
        self,
        context: Context,
        coordinates: tuple[str, str] = ("x", "y"),
        triangles: str | None = None,
        count: PositiveInt = 3,
        methods: PositiveInt = 2,
    ) -> None:
        self._coordinates, self._triangles = coordinates, triangles
        self._count, self._methods = count, methods
        self.variables = (*coordinates, *([] if triangles is None else [triangles]))
        for name in self.variables:
            if name not in context.specs:
                raise ConfigError(
                    f"plot 'points': no variable '{name}'.{nearest(name, context.specs)} There are "
                    f"{listing(context.specs)}."
                )

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return one figure per target, by title."""
        chosen = list(examples.answers(self._methods))
        return {
            f"{target.spec.long_name or target.spec.name} at points": self._figure(
                examples, target.spec, chosen
            )
            for target in examples.targets
        }

    def _figure(self, examples: Examples, spec: VariableSpec, methods: list[str]) -> Figure:
        record = examples.record_dimension
        data = examples.data.isel({record: slice(0, self._count)})
        reference = data[spec.name].values
        predictions = {m: examples.predictions[m][spec.name].values[: len(reference)] for m in methods}

        def of(name: str, row: int) -> np.ndarray:
            values = data[name]
            return np.asarray((values.isel({record: row}) if record in values.dims else values).values)

        def draw(axes: Axes, row: int, values: np.ndarray, scale: Scale) -> ScalarMappable:
            x, y = (of(name, row) for name in self._coordinates)
            triangles = None if self._triangles is None else of(self._triangles, row)
            return draw_at_points(axes, x, y, values, triangles, **scale.style)

        scale, name = value_scale(reference), spec.long_name or spec.name
        figure, grid = compare(reference, predictions, draw, scale, name=name, units=spec.units)
        labels = [_label(data, name) for name in self._coordinates]
        for axes in grid.flat:
            axes.set(xlabel=labels[0], ylabel=labels[1])
            axes.tick_params(labelsize=7)
            axes.label_outer()
        return figure


def _label(data: xr.Dataset, name: str) -> str:
    units = display(str(data[name].attrs.get("units", "")))
    return f"{name} ({units})" if units else name
