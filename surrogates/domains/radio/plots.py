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

from surrogates.domains.radio.site import GROUND, HEIGHTS, POSITION
from surrogates.evaluation.evaluate import Target
from surrogates.learning.contract import Plot
from surrogates.report.pictures import Examples

GAIN, ERROR = "viridis", "RdBu_r"
BUILDINGS = ListedColormap(["#d9d9d9"])
LARGEST_ERROR = 20.0  # dB
BIN = 20.0  # m
SAMPLES = "path_gain_samples"
LONGEST_NAME = 24  # letters that fit over a panel


class RadioMap(Plot):
    """Truth, prediction and error over the buildings, and RMSE against distance for all methods.

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
        chosen = dict(list(examples.predictions.items())[: self.methods])
        return {
            "Radio maps": draw_maps(examples.data, chosen, target, self.count),
            "Error against distance": draw_errors(examples.data, chosen, target),
        }


def draw_maps(
    data: xr.Dataset, predictions: Mapping[str, xr.Dataset], target: Target, count: int = 2
) -> Figure:
    """Draw truth, the first method and its error, one row for each map."""
    name, (model, predicted) = target.spec.name, next(iter(predictions.items()))
    rows = min(count, data.sizes[data[name].dims[0]])
    figure = Figure(figsize=(12.5, 4.0 * rows), layout="constrained")
    grid = figure.subplots(rows, 3, squeeze=False)
    low, high = map_range(data[name].values[:rows], target)
    for row, axes in enumerate(grid):
        draw_row(
            figure, axes, data.isel({data[name].dims[0]: row}), predicted[name].values[row], name, (low, high)
        )
    for axes, title in zip(grid[0], ("Ray tracing", model, f"{model} minus ray tracing"), strict=True):
        axes.set_title(title)
    return figure


def draw_row(
    figure: Figure,
    axes: Sequence[Axes],
    example: xr.Dataset,
    predicted: np.ndarray,
    name: str,
    limits: tuple[float, float],
) -> None:
    """Draw one example, north up: truth, prediction with the given samples, error.

    Parameters
    ----------
    figure, axes
        Where; three axes.
    example
        Inputs and truth of one record.
    predicted
        Path gain (y, x), dB.
    name
        Variable of the truth.
    limits
        Range of the colours, dB.
    """
    truth = example[name].values
    outdoor = example[HEIGHTS].values <= 0
    for panel, values in ((axes[0], truth), (axes[1], np.where(outdoor, predicted, np.nan))):
        image = draw_field(panel, np.where(outdoor, values, np.nan), example, GAIN, limits)
    figure.colorbar(image, ax=list(axes[:2]), label="path gain, dB", extend="both", shrink=0.9)
    error = np.where(outdoor, predicted - truth, np.nan)
    shade = draw_field(axes[2], error, example, ERROR, (-LARGEST_ERROR, LARGEST_ERROR))
    figure.colorbar(shade, ax=axes[2], label="error, dB", extend="both", shrink=0.9)
    for panel in axes:
        draw_transmitter(panel, example)
    ground = [Patch(color=BUILDINGS(0), label="building"), Patch(fc="white", ec="gray", label="no ray")]
    draw_legend(axes[0], [*ground, *axes[0].lines])
    if SAMPLES in example:
        draw_legend(axes[1], [draw_samples(axes[1], example, example[SAMPLES].values)])


def draw_record(record: xr.Dataset) -> Figure:
    """Draw what one record of a store holds: roofs and ground, and both maps over the buildings.

    Parameters
    ----------
    record
        One record of a store of the recipes `radio/urban` or `radio/osm`, without the record dimension.
    """
    maps = {"path_gain": "isotropic antenna", "path_gain_directional": "directional antenna"}
    known = np.concatenate([values[np.isfinite(values)] for values in (record[name].values for name in maps)])
    low, high = np.percentile(known, [1, 99]) if known.size else (-140.0, -60.0)
    figure = Figure(figsize=(14.5, 4.4), layout="constrained")
    axes = figure.subplots(1, 3)
    altitude = record[HEIGHTS].values + record[GROUND].values
    shade = draw_field(axes[0], altitude, record, "terrain", (float(altitude.min()), float(altitude.max())))
    figure.colorbar(shade, ax=axes[0], label="altitude of ground and roofs, m", shrink=0.9)
    outdoor = record[HEIGHTS].values <= 0
    for panel, (name, antenna) in zip(axes[1:], maps.items(), strict=True):
        values = np.where(outdoor, record[name].values, np.nan)
        image = draw_field(panel, values, record, GAIN, (float(low), float(high)))
        panel.set_title(antenna)
    figure.colorbar(image, ax=list(axes[1:]), label="path gain, dB", extend="both", shrink=0.9)
    for panel in axes[:2]:
        draw_transmitter(panel, record.drop_vars("transmitter_azimuth"))
    draw_transmitter(axes[2], record)
    flags = record["city"].attrs
    names = dict(zip(flags["flag_values"], flags["flag_meanings"].split(), strict=True))
    city = names[int(record["city"])][:LONGEST_NAME]
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
    for method, predicted in predictions.items():
        squared = (predicted[name].values - truth)[counted] ** 2
        rmse = np.sqrt(np.bincount(ring, squared)[shown] / number[shown])
        first = method == next(iter(predictions))
        axes.plot(middle[shown], rmse, linewidth=2.4 if first else 1.4, label=method.replace("_", " "))
    axes.set_xlabel("distance from the transmitter, m")
    axes.set_ylabel("RMSE, dB")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(framealpha=0.7, fontsize=8)


def ground_distance(data: xr.Dataset) -> np.ndarray:
    """Return the horizontal distance of every cell from its transmitter, (sample, y, x), m."""
    position = data[POSITION].values
    east = data["x"].values[None, None, :] - position[:, 0, None, None]
    north = data["y"].values[None, :, None] - position[:, 1, None, None]
    return np.asarray(np.hypot(east, north))


def draw_field(
    axes: Axes, values: np.ndarray, example: xr.Dataset, colours: str, limits: tuple[float, float]
) -> AxesImage:
    """Draw a map (y, x) over the buildings, north up; what is NaN shows them or stays white."""
    extent = _extent(example)
    built = np.where(example[HEIGHTS].values > 0, 1.0, np.nan)
    axes.set_facecolor("white")
    axes.imshow(built, origin="lower", extent=extent, cmap=BUILDINGS, vmin=0, vmax=1)
    image = axes.imshow(
        values,
        origin="lower",
        extent=extent,
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        interpolation="none",
    )
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
        # matplotlib leaves out the whole arrow where its tip lies outside the map; here it is cut.
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


def draw_legend(axes: Axes, handles: Sequence[Artist]) -> None:
    """Explain artists in a corner."""
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


def map_range(truth: np.ndarray, target: Target) -> tuple[float, float]:
    """Range of the colours of a map: the middle 96 % of the cells that are scored, dB."""
    known = truth[np.isfinite(truth)]
    if target.valid_min is not None:
        known = known[known >= target.valid_min]
    if not known.size:
        return -140.0, -60.0
    low, high = np.percentile(known, [2, 98])
    return float(low), float(high)
