"""Pictures of flights and of their forecasts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

from datasets.store.selection import as_text
from surrogates.data.window import known_name
from surrogates.evaluation.evaluate import Target
from surrogates.learning.answers import deviation_name
from surrogates.learning.contract import Plot
from surrogates.report.panels import FEW_LINES, draw_legend, line_style, method_styles, spoken
from surrogates.report.pictures import Examples

PAST, TRUTH = "#7f7f7f", "black"
FAN = 2.0
"""Half width of the fans, standard deviations."""
RING = np.linspace(0, 2 * np.pi, 25)
POSITION = "position"
AXES = ("east, m", "north, m", "up, m")
LONGEST_STRAIGHT = 0.05  # m; shorter windows stand still and show nothing


class Tracks(Plot):
    """Draw past, truth and forecasts of a few windows, in space and from above, from straight to curved.

    A fan of two standard deviations surrounds the first method's forecast, if it predicts them.

    Parameters
    ----------
    count
        Windows to draw.
    methods
        Methods to draw, the model first.
    """

    def __init__(self, count: int = 3, methods: int = 2) -> None:
        self.count, self.methods = count, methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return the figure by its title."""
        target = _tracks_of(examples.targets)
        windows = _windows(examples, target, self.methods)
        return {"Forecast tracks": draw_tracks(_spread_out(windows, self.count))}


class Horizon(Plot):
    """Draw distance to the truth and coverage of intervals against the time ahead.

    Both are means over the examples of the pictures; the tables hold those over the whole test subset.

    Parameters
    ----------
    methods
        Methods in the curves, the model first.
    """

    def __init__(self, methods: int = 12) -> None:
        self.methods = methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return the figure by its title."""
        target = _tracks_of(examples.targets)
        chosen = examples.answers(self.methods)
        return {"Error against horizon": draw_horizon(examples.data, chosen, target)}


@dataclass(frozen=True)
class Drawn:
    """One window.

    Attributes
    ----------
    past, truth
        Shapes (history, 3) and (horizon, 3), m.
    forecasts
        Forecasts by method, (horizon, 3), m.
    deviation
        Standard deviation of the first method, (horizon, 3), m, or None.
    """

    past: np.ndarray
    truth: np.ndarray
    forecasts: Mapping[str, np.ndarray]
    deviation: np.ndarray | None

    @property
    def bend(self) -> float:
        """Distance of the truth's end from where the last step points, over its length."""
        step = self.past[-1] - self.past[-2]
        ends = self.past[-1] + len(self.truth) * step
        length = np.linalg.norm(np.diff(self.truth, axis=0, prepend=self.past[-1:]), axis=1).sum()
        return float(np.linalg.norm(self.truth[-1] - ends) / max(length, LONGEST_STRAIGHT))


def draw_tracks(windows: Sequence[Drawn]) -> Figure:
    """Draw windows side by side, above in space and below from above."""
    figure = Figure(figsize=(4.3 * len(windows), 7.6), layout="constrained")
    for number, window in enumerate(windows):
        space = cast(Axes3D, figure.add_subplot(2, len(windows), number + 1, projection="3d"))
        plan = figure.add_subplot(2, len(windows), len(windows) + number + 1)
        _draw_space(space, window)
        _draw_plan(plan, window)
        if number == 0:
            figure.legend(*space.get_legend_handles_labels(), loc="outside upper center", ncols=5, fontsize=9)
    return figure


def draw_horizon(data: xr.Dataset, predictions: Mapping[str, xr.Dataset], target: Target) -> Figure:
    """Draw errors and, if a method predicts deviations, the coverage of its 68 % intervals."""
    name = target.spec.name
    truth, ahead = data[name].values, data["horizon"].values
    spread = {method: each for method, each in predictions.items() if deviation_name(name) in each}
    beside = 2.6 if len(predictions) > FEW_LINES else 0.0  # inches of a long legend
    figure = Figure(figsize=((9.5 if spread else 5.5) + beside, 3.8), layout="constrained")
    panels = figure.subplots(1, 2 if spread else 1, squeeze=False)[0]
    for method, style in method_styles(predictions).items():
        predicted = predictions[method]
        error = predicted[name].values - truth
        distance = np.nanmean(np.linalg.norm(error, axis=-1), axis=0)
        panels[0].plot(ahead, distance, marker=".", **style)
        if method in spread:
            inside = np.abs(error) <= predicted[deviation_name(name)].values
            share = np.where(np.isfinite(error), inside, np.nan)
            panels[1].plot(ahead, 100 * np.nanmean(share, axis=(0, 2)), marker=".", **style)
    panels[0].set(ylabel="mean distance to the reference, m", ylim=(0, None))
    draw_legend(panels)
    if spread:
        panels[1].axhline(68.27, color="grey", linewidth=1, linestyle="--")
        panels[1].set(ylabel="reference within one standard deviation, %", ylim=(0, 100))
    for axes in panels:
        axes.set(xlabel="time ahead, s", xlim=(0, float(ahead[-1]) * 1.02))
        axes.grid(alpha=0.3)
    return figure


def draw_record(record: xr.Dataset) -> Figure:
    """Draw one flight: its track coloured by speed, and height and speed against time.

    Parameters
    ----------
    record
        One record of a store of flights, without the record dimension.
    """
    path = record[POSITION].values
    known = np.isfinite(path).all(axis=1)
    path, time = path[known], record["time"].values[known]
    speed = np.linalg.norm(_velocity(record, known, path, time), axis=1)
    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.15, 1))[0]
    space = cast(Axes3D, left.add_subplot(projection="3d"))
    lines = Line3DCollection(np.stack([path[:-1], path[1:]], axis=1), cmap="viridis", linewidth=2)
    lines.set_array(speed[1:])
    space.add_collection3d(lines)
    setpoint = record["position_setpoint"].values[known] if "position_setpoint" in record else None
    if setpoint is not None:
        space.plot(*setpoint.T, color=PAST, linewidth=0.8, linestyle=":", label="setpoint")
    space.plot(*path[:1].T, "o", color="#2ca02c", markersize=6, label="start")
    space.plot(*path[-1:].T, "s", color="#d62728", markersize=6, label="end")
    space.legend(fontsize=8, loc="upper left", framealpha=0.7)
    _equal(space, path if setpoint is None else np.concatenate([path, setpoint]))
    left.colorbar(lines, ax=space, label="speed, m/s", shrink=0.7, pad=0.12)
    height, rate = right.subplots(2, 1, sharex=True)
    if setpoint is not None:
        height.plot(time, setpoint[:, 2], color=PAST, linewidth=1, linestyle=":", label="setpoint")
        height.legend(fontsize=8, framealpha=0.7)
    height.plot(time, path[:, 2], linewidth=1.4, **line_style(0))
    height.set_ylabel("height, m")
    rate.plot(time, speed, linewidth=1.4, **line_style(0))
    rate.set(ylabel="speed, m/s", xlabel="time, s", ylim=(0, None), xlim=(time[0], time[-1]))
    for axes in (height, rate):
        axes.grid(alpha=0.3)
    figure.suptitle(_title(record, path, time), fontsize=11)
    return figure


def _velocity(record: xr.Dataset, known: np.ndarray, path: np.ndarray, time: np.ndarray) -> np.ndarray:
    if "velocity" in record:
        return np.asarray(record["velocity"].values[known])
    return np.asarray(np.gradient(path, time, axis=0))


def _title(record: xr.Dataset, path: np.ndarray, time: np.ndarray) -> str:
    flown = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    facts = f"{time[-1] - time[0]:.1f} s, {flown:.0f} m"
    if "family" not in record:
        return facts
    return f"{spoken(str(as_text(record['family'])))}, {facts}"


def _tracks_of(targets: Sequence[Target]) -> Target:
    for target in targets:
        if "horizon" in target.spec.dims and target.spec.shape[-1] == 3:
            return target
    raise ValueError(
        f"the pictures of flights need a forecast position, found {[each.spec.name for each in targets]}; "
        "name position_forecast in task.targets or take other plots"
    )


def _windows(examples: Examples, target: Target, methods: int) -> list[Drawn]:
    name = target.spec.name
    chosen = examples.answers(methods)
    deviations = next(iter(chosen.values())).get(deviation_name(name))
    return [
        Drawn(
            past=past,
            truth=examples.data[name].values[number],
            forecasts={method: each[name].values[number] for method, each in chosen.items()},
            deviation=None if deviations is None else deviations.values[number],
        )
        for number, past in enumerate(examples.data[known_name(name)].values)
    ]


def _spread_out(windows: Sequence[Drawn], count: int) -> list[Drawn]:
    """Choose windows from the straightest to the most curved, without those that stand still."""
    moving = [each for each in windows if np.ptp(each.truth, axis=0).max() > LONGEST_STRAIGHT] or windows
    ordered = sorted(moving, key=lambda each: each.bend)
    indices = (np.arange(min(count, len(ordered))) + 0.5) / min(count, len(ordered)) * len(ordered)
    return [ordered[int(index)] for index in indices]


def _draw_space(axes: Axes3D, window: Drawn) -> None:
    here = window.past[-1:]
    axes.plot(*window.past.T, color=PAST, marker=".", markersize=4, linewidth=1.2, label="past")
    axes.plot(*np.vstack([here, window.truth]).T, color=TRUTH, linewidth=2.2, label="reference")
    shown = [window.past, window.truth]
    for number, (method, style) in enumerate(method_styles(window.forecasts).items()):
        path = np.vstack([here, window.forecasts[method]])
        axes.plot(*path.T, marker=".", markersize=4, **style)
        shown.append(path)
        if number == 0 and window.deviation is not None:
            fan = _tube(path, np.vstack([0 * here, FAN * window.deviation]))
            colour = style["color"]
            axes.add_collection3d(Poly3DCollection(fan, facecolor=colour, alpha=0.12, edgecolor="none"))
            shown.append(fan.reshape(-1, 3))
    axes.plot(*here.T, "o", color="#d62728", markersize=5, label="now")
    _equal(axes, np.concatenate(shown))


def _draw_plan(axes: Axes, window: Drawn) -> None:
    here = window.past[-1:]
    for number, (method, style) in enumerate(method_styles(window.forecasts).items()):
        forecast = window.forecasts[method]
        if number == 0 and window.deviation is not None:
            for centre, deviation in zip(forecast, window.deviation, strict=True):
                width, height = 2 * FAN * deviation[:2]
                colour = style["color"]
                axes.add_patch(
                    Ellipse(tuple(centre[:2]), width, height, color=colour, alpha=0.10, linewidth=0)
                )
        path = np.vstack([here, forecast])
        axes.plot(path[:, 0], path[:, 1], marker=".", markersize=4, **style)
    axes.plot(window.past[:, 0], window.past[:, 1], color=PAST, marker=".", markersize=4, linewidth=1.2)
    truth = np.vstack([here, window.truth])
    axes.plot(truth[:, 0], truth[:, 1], color=TRUTH, linewidth=2.2)
    axes.plot(here[:, 0], here[:, 1], "o", color="#d62728", markersize=5)
    axes.set(xlabel=AXES[0], ylabel=AXES[1])
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(alpha=0.3)


def _tube(path: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return quadrilaterals around a path, (faces, 4, 3): at each point the cross-section of an ellipsoid.

    Parameters
    ----------
    path
        Points, (n, 3).
    radii
        Half axes of the ellipsoids along x, y and z, (n, 3).
    """
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    aside = np.cross(along, [0.0, 0.0, 1.0])
    aside[np.linalg.norm(aside, axis=1) < 1e-6] = (1.0, 0.0, 0.0)  # straight up
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    over = np.cross(aside, along)
    half = [np.linalg.norm(each * radii, axis=1)[:, None, None] for each in (aside, over)]
    rings = (
        path[:, None]
        + half[0] * aside[:, None] * np.cos(RING)[None, :, None]
        + half[1] * over[:, None] * np.sin(RING)[None, :, None]
    )
    faces = np.stack([rings[:-1, :-1], rings[1:, :-1], rings[1:, 1:], rings[:-1, 1:]], axis=2)
    return np.asarray(faces.reshape(-1, 4, 3))


def _equal(axes: Axes3D, points: np.ndarray) -> None:
    """Show all points with one scale; a flat side gets a quarter of the longest one."""
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)  # a setpoint may be unknown
    longest = float((high - low).max()) or 1.0
    half = np.maximum(high - low, longest / 4) * 0.53
    middle = (low + high) / 2
    for name, centre, reach in zip("xyz", middle, half, strict=True):
        getattr(axes, f"set_{name}lim")(centre - reach, centre + reach)
        ticks = 5 if reach > 0.6 * half.max() else 3
        getattr(axes, f"{name}axis").set_major_locator(MaxNLocator(ticks))
    axes.set_box_aspect(half, zoom=0.9)
    axes.set(xlabel=AXES[0], ylabel=AXES[1], zlabel=AXES[2])
    axes.tick_params(labelsize=7)
    axes.view_init(elev=28, azim=-55)
