"""Pictures of measured sites: readings, the predicted map, and its standard deviation."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from surrogates.domains.radio.link import HEIGHTS
from surrogates.domains.radio.plots.maps import (
    BUILDINGS,
    draw_field,
    draw_marks,
    draw_samples,
    draw_transmitter,
)
from surrogates.learning.answers import deviation_name
from surrogates.learning.contract import Plot
from surrogates.report.panels import Scale, draw_bar, error_scale, spoken, value_scale
from surrogates.report.pictures import Examples

TARGET, DEVIATION = "rsrp", "viridis_r"


class SiteMap(Plot):
    """Draw readings, the predicted map with the given cells, its standard deviation, and held-out errors.

    Parameters
    ----------
    count
        Maps to draw.
    """

    def __init__(self, count: int = 2) -> None:
        self.count = count

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return the figure by title."""
        model, predicted = next(iter(examples.predictions.items()))
        dimension = examples.record_dimension
        rows = min(self.count, examples.data.sizes[dimension])
        figure = Figure(figsize=(18.0, 4.3 * rows), layout="constrained")
        for row, axes in enumerate(figure.subplots(rows, 4, squeeze=False)):
            draw_site(
                figure, axes, examples.data.isel({dimension: row}), predicted.isel({dimension: row}), model
            )
        return {"Measured sites": figure}


def draw_site(
    figure: Figure, axes: Sequence[Axes], example: xr.Dataset, predicted: xr.Dataset, model: str
) -> None:
    """Draw one site into four axes.

    Parameters
    ----------
    figure, axes
        Four axes and their figure.
    example
        Geometry, ``rsrp`` and, if only some cells were given, ``rsrp_samples`` and ``scored``.
    predicted
        ``rsrp`` and, if the model has it, its standard deviation.
    model
        Name of the model.
    """
    measured, outdoor = example[TARGET].values, example[HEIGHTS].values <= 0
    scale = value_scale(measured)
    dots = draw_readings(axes[0], example, measured, scale)
    mean = draw_field(axes[1], np.where(outdoor, predicted[TARGET].values, np.nan), example, scale)
    draw_bar(figure, [dots, mean], axes[:2], "RSRP, dBm", location="left")
    given = example["rsrp_samples"].values if "rsrp_samples" in example else measured
    marks = draw_samples(axes[1], example, given)
    if deviation_name(TARGET) in predicted:
        deviation = np.where(outdoor, predicted[deviation_name(TARGET)].values, np.nan)
        shade = draw_field(axes[2], deviation, example, Scale(0.0, float(np.nanmax(deviation)), DEVIATION))
        draw_bar(figure, [shade], [axes[2]], "standard deviation, dB")
    held = example["scored"].values.astype(bool) if "scored" in example else np.isfinite(measured)
    error = np.where(held, predicted[TARGET].values - measured, np.nan)
    errors = draw_readings(axes[3], example, error, error_scale([error]))
    draw_bar(figure, [errors], [axes[3]], "predicted minus measured, dB")
    for panel, title in zip(
        axes, ("measured", model, "standard deviation", "error of held-out cells"), strict=True
    ):
        panel.set_title(spoken(title))
        draw_transmitter(panel, example)
    draw_marks(axes[0], [Patch(color=BUILDINGS(0), label="building"), *axes[0].lines])
    draw_marks(axes[1], [marks])


def draw_readings(axes: Axes, example: xr.Dataset, values: np.ndarray, scale: Scale) -> PathCollection:
    """Draw cells as dots over the buildings; a cell of 4 m would hardly be seen."""
    draw_field(axes, np.full(values.shape, np.nan), example, scale)
    rows, columns = np.nonzero(np.isfinite(values))
    east, north = example["x"].values[columns], example["y"].values[rows]
    return axes.scatter(east, north, c=values[rows, columns], s=9, **scale.style)


def draw_measured_record(record: xr.Dataset) -> Figure:
    """Draw one record of a store of `radio/drive_test`: readings over the buildings.

    Parameters
    ----------
    record
        The record, without the record dimension.
    """
    figure = Figure(figsize=(7.0, 6.0), layout="constrained")
    axes = figure.subplots()
    values = record[TARGET].values
    dots = draw_readings(axes, record, values, value_scale(values))
    draw_bar(figure, [dots], [axes], "RSRP, dBm")
    draw_transmitter(axes, record)
    draw_marks(axes, [Patch(color=BUILDINGS(0), label="building"), *axes.lines])
    axes.set_title(f"{record['measurement'].item()}: {np.isfinite(values).sum()} measured cells")
    return figure
