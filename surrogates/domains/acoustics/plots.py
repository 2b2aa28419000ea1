"""Pictures of sound in a room, fields, responses, spectra, decays of energy, and what is heard in it."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from scipy.signal import oaconvolve

from surrogates.core.errors import ConfigError
from surrogates.core.ranges import Count
from surrogates.core.text import listing
from surrogates.domains.acoustics.measures import REFERENCE, energy_decay, spectrum
from surrogates.domains.acoustics.names import (
    HIGHEST,
    POINT,
    POINT_SPACE,
    POINT_TIME,
    PRESSURE,
    RECEIVED,
    RECEIVER,
    TIME,
)
from surrogates.domains.acoustics.ranges import Frequency
from surrogates.domains.acoustics.signals import at_rate, sweep
from surrogates.learning.context import Context, Fact, Scalar
from surrogates.learning.contract import Plot
from surrogates.report.panels import (
    Draw,
    Scale,
    compare,
    draw_legend,
    method_styles,
    spoken,
    value_scale,
)
from surrogates.report.pictures import Examples
from surrogates.report.sounds import Tracks

COLOURS = "RdBu_r"
"""Pressure is above or below that at rest."""
SHARE = 0.995
FEWEST, DOT = 200, 14.0
"""Points of a picture at least, and their size, square points."""
QUIETEST, FAINTEST = -60.0, -50.0
"""dB; lowest values of decays, and of spectra below their peak."""
OCTAVES, SECONDS, RATE, OVERSAMPLED = 3, 1.5, 16_000, 4.0
"""Of the sweep that is heard at receivers; its rate is higher where the highest frequency asks for it."""
REFERENCE_STYLE = {"color": "black", "linewidth": 1.4, "label": "reference"}


class Snapshots(Plot):
    """Draw the pressure at points at a few times: reference, prediction and difference.

    Points are seen from above.

    Parameters
    ----------
    count
        Times.
    methods
        Methods to draw, the model first.
    """

    def __init__(self, count: int = 3, methods: int = 1) -> None:
        self.count, self.methods = count, methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return a figure of the first example for each target at points, by title."""
        data = examples.data.isel({examples.record_dimension: 0})
        figures = {}
        for spec in (target.spec for target in examples.targets):
            if POINT not in spec.dims or not {*POINT_SPACE[:2], POINT_TIME} <= set(data.variables):
                continue
            answers = {
                method: answer[spec.name].isel({examples.record_dimension: 0})
                for method, answer in examples.answers(self.methods).items()
            }
            title = spec.name.replace("_", " ").capitalize() + " at points"
            figures[title] = draw_points(data, data[spec.name], answers, self.count)
        return figures


class Responses(Plot):
    """Draw responses whose last dimension is the time, with their spectra and decays of energy.

    Parameters
    ----------
    count
        Receivers of the first example.
    methods
        Methods to draw, the model first.
    """

    def __init__(self, count: int = 3, methods: int = 3) -> None:
        self.count, self.methods = count, methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return a figure for each target in time, by title."""
        figures = {}
        for spec in (target.spec for target in examples.targets):
            if spec.dims[-1] != TIME or TIME not in examples.data.coords:
                continue

            def chosen(data: xr.Dataset, name: str = spec.name) -> xr.DataArray:
                values = data[name].isel({examples.record_dimension: 0})
                others = [dim for dim in values.dims if dim != TIME]
                lines = values.stack({"line": others}) if others else values.expand_dims("line")
                return lines.transpose("line", TIME)[: self.count].reset_index("line", drop=True)

            reference = chosen(examples.data).assign_coords({TIME: examples.data[TIME]})
            answers = {method: chosen(answer) for method, answer in examples.answers(self.methods).items()}
            figures[spec.name.replace("_", " ").capitalize()] = draw_responses(reference, answers)
        return figures


class Receivers(Plot):
    """Draw and play what receivers hear: the simulated responses, and the model's, asked at their positions.

    Played is a sweep over the three octaves below the highest frequency, convolved with each response, so
    that colouring by the room and errors of it are heard. Both are played on one scale.

    Parameters
    ----------
    context
        Of the data: `sound_pressure` at points, with `receiver_pressure` at `receiver_position` beside it.
    highest_frequency
        Read from the data, Hz.
    count
        Receivers of the first example.
    """

    facts: ClassVar[Mapping[str, Fact]] = {HIGHEST: Scalar("Hz")}
    variables = (RECEIVED, RECEIVER)

    def __init__(self, context: Context, highest_frequency: Frequency, count: Count = 2) -> None:
        inputs = context.input_names
        self._space = [name for name in POINT_SPACE if name in inputs]
        lacking = [name for name in self.variables if name not in context.specs]
        if lacking or not self._space or POINT_TIME not in inputs or context.target_names != [PRESSURE]:
            raise ConfigError(
                f"plot 'acoustics/receivers': the inputs {listing(inputs)} and the targets "
                f"{listing(context.target_names)} found; {PRESSURE} at point_x, ... and {POINT_TIME}, "
                f"and {RECEIVED} and {RECEIVER} in the data expected, as in acoustics/rooms"
            )
        self._highest, self._count = highest_frequency, count

    def __call__(self, examples: Examples) -> dict[str, Figure | Tracks]:
        """Return a figure of all responses, and the sounds of each receiver, by title."""
        first = {examples.record_dimension: 0}
        reference = (
            examples.data[RECEIVED].isel(first)[: self._count].assign_coords({TIME: examples.data[TIME]})
        )
        times, places = reference[TIME].values, examples.data[RECEIVER].values[: self._count]
        points = dict(zip(self._space, np.repeat(places, len(times), axis=0).T, strict=True))
        model = next(iter(examples.predictions))
        answer = examples.ask(model, {**points, POINT_TIME: np.tile(times, len(places))})[PRESSURE]
        predicted = reference.copy(data=answer.isel(first).values.reshape(reference.shape))
        where = [f"heard at ({', '.join(f'{each:.3g}' for each in place)}) m" for place in places]
        shown: dict[str, Figure | Tracks] = {
            "Responses at receivers": draw_responses(reference, {model: predicted}, where)
        }
        rate = max(RATE, int(OVERSAMPLED * self._highest))
        signal = sweep(self._highest / 2**OCTAVES, self._highest, SECONDS, rate)
        step = float(times[1] - times[0])
        for number, title in enumerate(where):
            heard = {
                name: oaconvolve(signal, at_rate(response.values[number].astype(float), step, rate))
                for name, response in (("reference", reference), (spoken(model), predicted))
            }
            shown[f"{self._highest / 2**OCTAVES:g} to {self._highest:g} Hz, {title}"] = Tracks(heard, rate)
        return shown


def draw_fields(
    reference: xr.DataArray, predictions: Mapping[str, xr.DataArray], times: Sequence[float] | None = None
) -> Figure:
    """Draw fields on a plane at a few times: reference, and each prediction with its difference.

    Parameters
    ----------
    reference
        Dimensions (time, y, x) with coordinates, Pa; NaN in solid cells.
    predictions
        By method, like the reference.
    times
        s; by default three of the reference's, evenly spread behind the first.
    """
    stored = reference[TIME].values
    if times is None:
        wanted = np.linspace(0, len(stored) - 1, 4)[1:].round().astype(int)
    else:
        wanted = np.array([int(np.abs(stored - time).argmin()) for time in times])
    rows = list(dict.fromkeys(wanted.tolist()))
    x, y = reference["x"].values, reference["y"].values
    halves = [(side[1] - side[0]) / 2 for side in (x, y)]
    ends = (x[0] - halves[0], x[-1] + halves[0], y[0] - halves[1], y[-1] + halves[1])

    def draw(axes: Axes, row: int, values: np.ndarray, scale: Scale) -> ScalarMappable:
        _name_axes(axes, stored[rows[row]])
        return axes.imshow(values, origin="lower", extent=ends, **scale.style)

    return _comparison(
        reference.values[rows], {name: each.values[rows] for name, each in predictions.items()}, draw
    )


def draw_points(
    points: xr.Dataset, reference: xr.DataArray, predictions: Mapping[str, xr.DataArray], count: int = 3
) -> Figure:
    """Draw the pressure at points at a few times: those nearest to it, `FEWEST` and all others as near.

    Parameters
    ----------
    points
        Coordinates `point_x`, `point_y` and `point_time` along `point`, m and s.
    reference
        Along `point`, Pa.
    predictions
        By method, like the reference.
    count
        Times, such that equally many points lie between two.
    """
    x, y, time = (points[name].values for name in (*POINT_SPACE[:2], POINT_TIME))
    known = time[np.isfinite(time)]
    wanted = np.quantile(known, (np.arange(count) + 0.5) / count, method="nearest")
    fewest = min(FEWEST, len(known) // count)
    slices = [np.abs(time - when) <= np.sort(np.abs(known - when))[fewest - 1] for when in wanted]

    def sliced(values: np.ndarray) -> np.ndarray:
        return np.stack([np.where(inside, values, np.nan) for inside in slices])

    def draw(axes: Axes, row: int, values: np.ndarray, scale: Scale) -> ScalarMappable:
        _name_axes(axes, float(time[slices[row]].mean()))
        shown = np.isfinite(values)
        return axes.scatter(x[shown], y[shown], c=values[shown], s=DOT, **scale.style)

    figure = _comparison(
        sliced(reference.values), {name: sliced(each.values) for name, each in predictions.items()}, draw
    )
    for axes in figure.axes[: count * (1 + 2 * len(predictions))]:
        axes.set_aspect("equal")
    return figure


def draw_responses(
    reference: xr.DataArray, predictions: Mapping[str, xr.DataArray], titles: Sequence[str] = ()
) -> Figure:
    """Draw responses, spectra and decays of energy beside each other, one row for each receiver.

    Parameters
    ----------
    reference
        Dimensions (any, time), with the coordinate `time` in s, Pa.
    predictions
        By method, like the reference.
    titles
        Of the rows.
    """
    times = reference[TIME].values
    step = float(times[1] - times[0])
    lines = [
        (reference.values, REFERENCE_STYLE),
        *((predictions[name].values, style) for name, style in method_styles(predictions).items()),
    ]
    rows = len(reference)
    figure = Figure(figsize=(11.0, 2.4 * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, 3, squeeze=False, sharex="col")
    for row, (first, second, third) in enumerate(panels):
        for values, style in lines:
            known = np.nan_to_num(values[row].astype(float))
            first.plot(1e3 * times, values[row], **style)
            frequencies, density = spectrum(known, step)
            second.plot(frequencies, _decibels(density / REFERENCE), **style)
            third.plot(1e3 * times, np.maximum(energy_decay(known), QUIETEST), **style)
        highest = max(line.get_ydata().max() for line in second.lines)
        second.set_ylim(highest + FAINTEST, highest + 3)
        third.set_ylim(QUIETEST, 2)
        first.set_ylabel("pressure, Pa")
        second.set_ylabel(r"dB re (20 µPa)$^2$ s/Hz")
        third.set_ylabel("energy to come, dB")
        for axes in (first, second, third):
            axes.grid(alpha=0.3)
    for axes, title in zip(panels[:, 0], titles, strict=False):
        axes.set_title(title, fontsize=10)
    for axes, label in zip(panels[-1], ("time, ms", "frequency, Hz", "time, ms"), strict=True):
        axes.set_xlabel(label)
    draw_legend([panels[0, 0]])
    return figure


def _comparison(reference: np.ndarray, predictions: Mapping[str, np.ndarray], draw: Draw) -> Figure:
    highest = value_scale(np.abs(reference), SHARE).high
    scale = Scale(-highest, highest, COLOURS)
    figure, _ = compare(
        reference, predictions, draw, scale, name="sound pressure", units="Pa", panel=(3.0, 2.6), shared=True
    )
    return figure


def _name_axes(axes: Axes, time: float) -> None:
    axes.set_xlabel("x, m")
    axes.set_ylabel(f"{1e3 * time:.3g} ms\ny, m" if axes.get_subplotspec().is_first_col() else "y, m")  # type: ignore[union-attr]
    axes.tick_params(labelsize=8)
    axes.label_outer()


def _decibels(values: np.ndarray) -> np.ndarray:
    return np.asarray(10 * np.log10(np.maximum(values, 1e-30)))
