"""Pictures of radio maps: over buildings, transmitter and samples; their errors, also against distance."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch

from datasets.store.selection import as_text
from surrogates.domains.radio.link import GROUND, HEIGHTS, POSITION
from surrogates.evaluation.evaluate import Target
from surrogates.learning.contract import Plot
from surrogates.report.panels import (
    Scale,
    draw_bar,
    draw_comparison,
    draw_legend,
    method_styles,
    value_scale,
)
from surrogates.report.pictures import Examples

BUILDINGS = ListedColormap(["#d9d9d9"])
BIN = 20.0  # m
SAMPLES = "path_gain_samples"
LONGEST_NAME = 24  # letters that fit over a panel


class RadioMap(Plot):
    """Draw ray tracing, prediction and error over the buildings, and RMSE against distance for all methods.

    Parameters
    ----------
    count
        Maps to draw.
    methods
        Methods in the curves, the model first.
    """

    def __init__(self, count: int = 2, methods: int = 5) -> None:
        self.count, self.methods = count, methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return the figures by title."""
        target = examples.targets[0]
        chosen = examples.answers(self.methods)
        return {
            "Radio maps": draw_maps(examples.data, chosen, target, self.count),
            "Error against distance": draw_errors(examples.data, chosen, target),
        }


def draw_maps(
    data: xr.Dataset, predictions: Mapping[str, xr.Dataset], target: Target, count: int = 2
) -> Figure:
    """Draw the ray-traced map, that of the first method and its error, one row for each record."""
    method, predicted = next(iter(predictions.items()))
    record = data[target.spec.name].dims[0]
    rows = min(count, data.sizes[record])
    figure = Figure(figsize=(13.5, 4.0 * rows), layout="constrained")
    chosen = {record: slice(rows)}
    grid = figure.subplots(rows, 3, squeeze=False)
    draw_rows(figure, grid, data.isel(chosen), predicted.isel(chosen), target, method)
    return figure


def draw_rows(
    figure: Figure, grid: np.ndarray, data: xr.Dataset, predicted: xr.Dataset, target: Target, method: str
) -> None:
    """Draw records as rows, north up: ray tracing, a prediction with the given samples, its error.

    Parameters
    ----------
    figure, grid
        Axes (records, 3) and their figure.
    data
        Inputs and ray-traced maps of the records.
    predicted
        Maps of one method.
    target
        Target to draw.
    method
        Name of the method.
    """
    name, outdoor = target.spec.name, data[HEIGHTS].values <= 0
    reference, prediction = (np.where(outdoor, maps[name].values, np.nan) for maps in (data, predicted))
    records = [data.isel({data[name].dims[0]: row}) for row in range(len(grid))]
    draw_comparison(
        figure,
        grid,
        reference,
        {method: prediction},
        lambda axes, row, values, scale: draw_field(axes, values, records[row], scale),
        map_scale(reference, target),
        name="path gain",
        units=target.spec.units,
        title="ray tracing",
    )
    ground = [Patch(color=BUILDINGS(0), label="building"), Patch(fc="white", ec="gray", label="no ray")]
    for record, axes in zip(records, grid, strict=True):
        for panel in axes:
            draw_transmitter(panel, record)
        draw_marks(axes[0], [*ground, *axes[0].lines])
        if SAMPLES in record:
            draw_marks(axes[1], [draw_samples(axes[1], record, record[SAMPLES].values)])


def draw_record(record: xr.Dataset) -> Figure:
    """Draw one record of a store: roofs and ground, and both maps over the buildings.

    Parameters
    ----------
    record
        One record of a store of the recipes `radio/urban` or `radio/osm`, without the record dimension.
    """
    maps = {"path_gain": "isotropic antenna", "path_gain_directional": "directional antenna"}
    outdoor = record[HEIGHTS].values <= 0
    gain = {name: np.where(outdoor, record[name].values, np.nan) for name in maps}
    scale = value_scale(np.stack(list(gain.values())))
    figure = Figure(figsize=(14.5, 4.4), layout="constrained")
    axes = figure.subplots(1, 3)
    altitude = record[HEIGHTS].values + record[GROUND].values
    shade = draw_field(axes[0], altitude, record, value_scale(altitude, 1.0, "terrain"))
    draw_bar(figure, [shade], [axes[0]], "altitude of ground and roofs, m")
    images = []
    for panel, (name, antenna) in zip(axes[1:], maps.items(), strict=True):
        images.append(draw_field(panel, gain[name], record, scale))
        panel.set_title(antenna)
    draw_bar(figure, images, list(axes[1:]), "path gain, dB")
    for panel in axes[:2]:
        draw_transmitter(panel, record.drop_vars("transmitter_azimuth"))
    draw_transmitter(axes[2], record)
    city = str(as_text(record["city"]))[:LONGEST_NAME]
    height = float(record[POSITION].values[2])
    axes[0].set_title(f"{city}, transmitter {height:.1f} m above the ground")
    return figure


def draw_errors(data: xr.Dataset, predictions: Mapping[str, xr.Dataset], target: Target) -> Figure:
    """Draw the RMSE of every method in rings around the transmitter, over all maps."""
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    draw_error_curves(figure.subplots(), data, predictions, target)
    return figure


def draw_error_curves(
    axes: Axes, data: xr.Dataset, predictions: Mapping[str, xr.Dataset], target: Target
) -> None:
    """Draw RMSE against distance into axes."""
    name = target.spec.name
    truth, distance = data[name].values, ground_distance(data)
    counted = np.isfinite(truth) & (data[HEIGHTS].values <= 0)
    if target.mask is not None and target.mask.name in data:
        counted &= data[target.mask.name].values.astype(bool)
    if target.valid_min is not None:
        counted &= np.nan_to_num(truth, nan=-np.inf) >= target.valid_min
    ring = (distance[counted] // BIN).astype(int)
    number = np.bincount(ring)
    shown = number >= 50
    middle = (np.arange(number.size) + 0.5) * BIN
    for method, style in method_styles(predictions).items():
        squared = (predictions[method][name].values - truth)[counted] ** 2
        rmse = np.sqrt(np.bincount(ring, squared)[shown] / number[shown])
        axes.plot(middle[shown], rmse, **style)
    axes.set_xlabel("distance from the transmitter, m")
    axes.set_ylabel("RMSE, dB")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    draw_legend([axes])


def ground_distance(data: xr.Dataset) -> np.ndarray:
    """Return the horizontal distance of every cell from its transmitter, (sample, y, x), m."""
    position = data[POSITION].values
    east = data["x"].values[None, None, :] - position[:, 0, None, None]
    north = data["y"].values[None, :, None] - position[:, 1, None, None]
    return np.asarray(np.hypot(east, north))


def draw_field(axes: Axes, values: np.ndarray, example: xr.Dataset, scale: Scale) -> AxesImage:
    """Draw a map (y, x) over the buildings, north up; NaN shows them or stays white."""
    extent = _extent(example)
    built = np.where(example[HEIGHTS].values > 0, 1.0, np.nan)
    axes.set_facecolor("white")
    axes.imshow(built, origin="lower", extent=extent, cmap=BUILDINGS, vmin=0, vmax=1)
    image = axes.imshow(values, origin="lower", extent=extent, interpolation="none", **scale.style)
    axes.set_xlabel("east, m")
    axes.set_ylabel("north, m")
    axes.label_outer()
    return image


def draw_transmitter(axes: Axes, example: xr.Dataset) -> None:
    """Mark the transmitter, and where it points if that is known."""
    east, north, _ = example[POSITION].values
    axes.plot(
        east,
        north,
        marker="^",
        markersize=11,
        color="#d62728",
        markeredgecolor="white",
        linestyle="none",
        label="transmitter",
    )
    if "transmitter_azimuth" in example:
        azimuth = float(example["transmitter_azimuth"])
        end = (east + 60 * np.sin(azimuth), north + 60 * np.cos(azimuth))
        style = {"arrowstyle": "->", "color": "#d62728", "lw": 2}
        # matplotlib drops the whole arrow if its tip lies outside the map; here it is cut.
        arrow = axes.annotate("", end, (east, north), arrowprops=style, annotation_clip=False)
        arrow.set_in_layout(False)
        if arrow.arrow_patch is not None:
            arrow.arrow_patch.set_clip_path(axes.patch)


def draw_samples(axes: Axes, example: xr.Dataset, samples: np.ndarray) -> PathCollection:
    """Mark the given cells, those that are not NaN in `samples` (y, x)."""
    rows, columns = np.nonzero(np.isfinite(samples))
    return axes.scatter(
        example["x"].values[columns],
        example["y"].values[rows],
        s=9,
        facecolor="none",
        edgecolor="white",
        linewidth=0.7,
        label="given sample",
    )


def draw_marks(axes: Axes, handles: Sequence[Artist]) -> None:
    """Explain marks of a map in a corner."""
    axes.legend(
        handles=handles,
        loc="lower left",
        fontsize=7,
        labelcolor="white",
        facecolor="#404040",
        framealpha=0.75,
        markerscale=0.7,
    )


def _extent(example: xr.Dataset) -> tuple[float, float, float, float]:
    x, y = example["x"].values, example["y"].values
    half = float(x[1] - x[0]) / 2
    return float(x[0]) - half, float(x[-1]) + half, float(y[0]) - half, float(y[-1]) + half


def map_scale(reference: np.ndarray, target: Target) -> Scale:
    """Return the scale of maps, dB, from the cells that are scored."""
    if target.valid_min is not None:
        reference = np.where(reference >= target.valid_min, reference, np.nan)
    return value_scale(reference, share=0.96)
