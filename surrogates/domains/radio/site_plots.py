"""Pictures of measured sites: what was read where, the predicted map, and how sure it is."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from surrogates.domains.radio.plots import (
    BUILDINGS,
    ERROR,
    GAIN,
    LARGEST_ERROR,
    draw_field,
    draw_legend,
    draw_samples,
    draw_transmitter,
)
from surrogates.domains.radio.site import HEIGHTS
from surrogates.learning.answers import deviation_name
from surrogates.learning.contract import Plot
from surrogates.report.pictures import Examples

TARGET, DEVIATION = "rsrp", "viridis_r"


class SiteMap(Plot):
    """Readings, the predicted map with the given cells, its standard deviation, and errors where held out.

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
        Where.
    example
        Geometry, ``rsrp`` and, where some cells alone were given, ``rsrp_samples`` and ``scored``.
    predicted
        ``rsrp`` and, where the model has it, its standard deviation.
    model
        Name of the model.
    """
    truth, outdoor = example[TARGET].values, example[HEIGHTS].values <= 0
    known = truth[np.isfinite(truth)]
    limits = tuple(np.percentile(known, [1, 99])) if known.size else (-130.0, -70.0)
    dots = draw_readings(axes[0], example, truth, GAIN, limits)
    mean = np.where(outdoor, predicted[TARGET].values, np.nan)
    draw_field(axes[1], mean, example, GAIN, limits)
    figure.colorbar(dots, ax=list(axes[:2]), label="RSRP, dBm", extend="both", shrink=0.9)
    given = example["rsrp_samples"].values if "rsrp_samples" in example else truth
    marks = draw_samples(axes[1], example, given)
    if deviation_name(TARGET) in predicted:
        deviation = np.where(outdoor, predicted[deviation_name(TARGET)].values, np.nan)
        shade = draw_field(axes[2], deviation, example, DEVIATION, (0.0, float(np.nanmax(deviation))))
        figure.colorbar(shade, ax=axes[2], label="standard deviation, dB", shrink=0.9)
    held = example["scored"].values.astype(bool) if "scored" in example else np.isfinite(truth)
    error = np.where(held, predicted[TARGET].values - truth, np.nan)
    errors = draw_readings(axes[3], example, error, ERROR, (-LARGEST_ERROR, LARGEST_ERROR))
    figure.colorbar(errors, ax=axes[3], label="predicted minus measured, dB", extend="both", shrink=0.9)
    for panel, title in zip(
        axes, ("measured", model, "standard deviation", "error of held-out cells"), strict=True
    ):
        panel.set_title(title.replace("_", " "))
        draw_transmitter(panel, example)
    draw_legend(axes[0], [Patch(color=BUILDINGS(0), label="building"), *axes[0].lines])
    draw_legend(axes[1], [marks])


def draw_readings(
    axes: Axes, example: xr.Dataset, values: np.ndarray, colours: str, limits: Sequence[float]
) -> PathCollection:
    """Draw cells as dots over the buildings; a cell of 4 m would hardly be seen."""
    draw_field(axes, np.full(values.shape, np.nan), example, colours, (limits[0], limits[1]))
    rows, columns = np.nonzero(np.isfinite(values))
    return axes.scatter(
        example["x"].values[columns],
        example["y"].values[rows],
        c=values[rows, columns],
        s=9,
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
    )


def draw_measured_record(record: xr.Dataset) -> Figure:
    """Draw what one record of a store of `radio/drive_test` holds: readings over the buildings.

    Parameters
    ----------
    record
        Without the record dimension.
    """
    figure = Figure(figsize=(7.0, 6.0), layout="constrained")
    axes = figure.subplots()
    values = record[TARGET].values
    known = values[np.isfinite(values)]
    dots = draw_readings(axes, record, values, GAIN, np.percentile(known, [1, 99]))
    figure.colorbar(dots, ax=axes, label="RSRP, dBm", extend="both", shrink=0.9)
    draw_transmitter(axes, record)
    draw_legend(axes, [Patch(color=BUILDINGS(0), label="building"), *axes.lines])
    axes.set_title(f"{record['measurement'].item()}: {known.size} measured cells")
    return figure
