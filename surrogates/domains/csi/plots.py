"""Pictures of channels: how they change over time and frequency, where power comes from, and forecasts."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from datasets.store.selection import as_text
from physics.geometry import SPEED_OF_LIGHT
from surrogates.learning.contract import Plot
from surrogates.learning.layout import is_complex
from surrogates.report.panels import (
    FEW_LINES,
    Scale,
    draw_bar,
    draw_legend,
    method_styles,
    spoken,
    value_scale,
)
from surrogates.report.pictures import Examples

HISTORY, UPLINK, DOWNLINK = "uplink_history", "uplink_future", "downlink_future"
HORIZON = "horizon"
RESPONSE = "channel_frequency_response"
CURVES = 12  # methods whose errors are drawn by step
FLOOR = -40.0
"""Weakest power of the delay-angle panel, dB below the strongest."""
ANGLES = np.radians(np.arange(-90.0, 91.0, 2.0))


class Channels(Plot):
    """Draw forecasts of one antenna beside the reference, and the error of all methods by step.

    The error is the modulus of the complex difference, in the colours of the reference: a prediction with the
    right modulus and the wrong phase shows. The NMSE is the ratio of sums over the examples of the picture;
    the tables hold it over the whole test subset.

    Parameters
    ----------
    count
        Examples to draw.
    methods
        Methods to draw, the model first; up to twelve are in the curves.
    """

    takes_complex = True

    def __init__(self, count: int = 3, methods: int = 2) -> None:
        self.count, self.methods = count, methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return two figures for each complex target with a horizon, by title."""
        figures = {}
        for spec in (target.spec for target in examples.targets):
            if not is_complex(spec) or HORIZON not in spec.dims:
                continue
            title = (spec.long_name or spec.name).capitalize()
            truth = examples.data[spec.name]
            answers = {method: each[spec.name] for method, each in examples.predictions.items()}
            shown = dict(list(answers.items())[: self.methods])
            figures[title] = draw_channels(
                _first_antenna(truth)[: self.count],
                {method: _first_antenna(each)[: self.count] for method, each in shown.items()},
            )
            figures[f"{title}, error by step"] = draw_steps(truth, dict(list(answers.items())[:CURVES]))
        return figures


def draw_channels(truth: xr.DataArray, answers: Mapping[str, xr.DataArray]) -> Figure:
    """Draw the modulus of channels and of predictions, and of their difference, on one scale.

    Parameters
    ----------
    truth
        Complex, dimensions (record, horizon, subcarrier).
    answers
        By method, with the dimensions of the truth.
    """
    columns = 1 + 2 * len(answers)
    figure = Figure(figsize=(2.3 * columns + 1.0, 2.4 * len(truth)), layout="constrained")
    grid = figure.subplots(len(truth), columns, squeeze=False, sharex=True, sharey=True)
    scale = Scale(0.0, value_scale(np.abs(truth.values), share=1.0).high)
    images = []
    for row, axes in enumerate(grid):
        shown = [truth[row]]
        for answer in answers.values():
            shown += [answer[row], answer[row] - truth[row].values]
        for axis, values in zip(axes, shown, strict=True):
            images.append(_draw_time(axis, abs(values), scale))
            axis.tick_params(labelsize=8)
            axis.label_outer()
    names = [name for method in answers for name in (spoken(method), "modulus of the error")]
    for axis, name in zip(grid[0], ["reference", *names], strict=True):
        axis.set_title(name, fontsize=10)
    draw_bar(figure, images, list(grid.flat), "modulus")
    return figure


def draw_steps(truth: xr.DataArray, answers: Mapping[str, xr.DataArray]) -> Figure:
    """Draw the NMSE of each method against the time ahead.

    Parameters
    ----------
    truth
        Complex, with the dimension `horizon`, whose coordinate is in s.
    answers
        By method, with the dimensions of the truth.
    """
    figure = Figure(figsize=(6.5 if len(answers) <= FEW_LINES else 9.0, 3.6), layout="constrained")
    axis = figure.subplots()
    others = [dim for dim in truth.dims if dim != HORIZON]
    ahead = 1e3 * truth[HORIZON].values
    for method, style in method_styles(answers).items():
        error = abs(truth.copy(data=answers[method].values - truth.values)) ** 2
        ratio = error.sum(others) / (abs(truth) ** 2).where(error.notnull()).sum(others)
        axis.plot(ahead, 10 * np.log10(np.maximum(ratio.values, 1e-10)), marker=".", **style)
    axis.set(xlabel="time ahead, ms", ylabel="NMSE, dB")
    axis.grid(alpha=0.3)
    draw_legend([axis])
    return figure


def draw_measured(record: xr.Dataset) -> Figure:
    """Draw one packet that a receiver logged: modulus and phase over frequency, each pair of antennas.

    Parameters
    ----------
    record
        Variables and coordinates of the importer `csi/measured`, without the record dimension.
    """
    figure = Figure(figsize=(11.0, 3.8), layout="constrained")
    modulus, phase = figure.subplots(1, 2)
    response = record[RESPONSE].transpose("receive_antenna", "transmit_antenna", "subcarrier")
    frequency = 1e-6 * record["subcarrier"].values
    pairs = {f"{to} from {of}": response.values[to, of] for to, of in np.ndindex(*response.shape[:2])}
    for name, style in method_styles(pairs).items():
        axis_style = {**style, "linewidth": 1.4}
        modulus.plot(frequency, 20 * np.log10(np.abs(pairs[name]).clip(min=1e-6)), **axis_style)
        phase.plot(frequency, np.unwrap(np.angle(pairs[name])), **axis_style)
    modulus.set(ylabel="modulus, dB", title="receive from transmit antenna")
    phase.set(ylabel="phase, rad", title=f"packet after {float(record['packet_time']):.4g} s")
    for axis in (modulus, phase):
        axis.set(xlabel="frequency above the carrier, MHz")
        axis.grid(alpha=0.3)
    draw_legend([modulus, phase])
    return figure


def draw_record(record: xr.Dataset) -> Figure:
    """Draw one record of a store: modulus over time and subcarriers, and power by delay and angle.

    Parameters
    ----------
    record
        One record of a store of channels, without the record dimension.
    """
    figure = Figure(figsize=(13.0, 3.9), layout="constrained")
    up, down, source = figure.subplots(1, 3, width_ratios=[20, 12, 16])
    past, future = (_modulus(record[name].isel(antenna=0)) for name in (HISTORY, UPLINK))
    after = _modulus(record[DOWNLINK].isel(antenna=0))
    scale = value_scale(np.concatenate([past.values.ravel(), future.values.ravel(), after.values.ravel()]))
    images = [
        _draw_time(up, xr.concat([past, future.rename(horizon="time")], "time"), scale),
        _draw_time(down, after, scale),
    ]
    up.axvline(1e3 * float(record["horizon"][0] + record["time"][-1]) / 2, color="white", linestyle="--")
    up.set_title(f"uplink, antenna 0; {_scenario(record)}", fontsize=10)
    down.set_title("downlink to predict", fontsize=10)
    draw_bar(figure, images, [up, down], "modulus, dB", location="left")
    power, delays = delay_angle_power(record)
    image = source.imshow(
        power, origin="lower", aspect="auto", extent=_edges(delays, np.degrees(ANGLES)), **_below().style
    )
    source.set(xlabel="delay, us", ylabel="angle from the panel's axis, degrees")
    source.set_title("power of the last uplink snapshot", fontsize=10)
    draw_bar(figure, [image], [source], "power, dB below the strongest")
    return figure


def delay_angle_power(record: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the power of the last past snapshot by angle and delay, dB below the strongest.

    Beams are formed along the rows of the panel, or, if it is one column, along it; the powers of rows and
    polarisations are added.

    Returns
    -------
    power : (angle, delay) array
        At `ANGLES`; what is weaker than `FLOOR` reads `FLOOR`.
    delays : (delay,) array
        us.
    """
    channel = record[HISTORY].isel(time=-1).transpose("antenna", "uplink_subcarrier").values
    length = SPEED_OF_LIGHT / float(record["carrier_frequency"])
    y, z, slant = (record[name].values for name in ("antenna_y", "antenna_z", "antenna_slant"))
    along, across = (y, z) if np.ptp(y) > 0 else (z, y)
    lines = np.unique(np.stack([across, slant]), axis=1, return_inverse=True)[1].ravel()
    steering = np.exp(-2j * np.pi / length * np.sin(ANGLES)[:, None] * along)
    delayed = np.fft.ifft(channel * np.hanning(channel.shape[1]), axis=1)
    delayed = delayed[:, : max(16, channel.shape[1] // 8)]
    beams = [steering[:, lines == line] @ delayed[lines == line] for line in np.unique(lines)]
    power = np.square(np.abs(beams)).sum(0)
    frequencies = record["uplink_subcarrier"].values
    spacing = float(frequencies[1] - frequencies[0]) if len(frequencies) > 1 else 1.0
    delays = 1e6 * np.arange(delayed.shape[1]) / (spacing * channel.shape[1])
    floor = 10 ** (FLOOR / 10)
    return 10 * np.log10(np.maximum(power / max(power.max(), 1e-30), floor)), delays


def _first_antenna(values: xr.DataArray) -> xr.DataArray:
    return values.isel(antenna=0) if "antenna" in values.dims else values


def _below() -> Scale:
    return Scale(FLOOR, 0.0, "magma")


def _modulus(channel: xr.DataArray) -> xr.DataArray:
    return 20 * np.log10(np.abs(channel).clip(min=1e-6))


def _draw_time(axis: Axes, values: xr.DataArray, scale: Scale) -> AxesImage:
    """Draw time in ms to the right and frequency in MHz upwards."""
    band, time = (
        str(next(dim for dim in values.dims if (dim in ("time", "horizon")) == late)) for late in (0, 1)
    )
    image = axis.imshow(
        values.transpose(band, time).values,
        origin="lower",
        aspect="auto",
        extent=_edges(1e3 * values[time].values, 1e-6 * values[band].values),
        **scale.style,
    )
    axis.set(xlabel="time, ms", ylabel="frequency above the carrier, MHz")
    return image


def _edges(across: np.ndarray, up: np.ndarray) -> tuple[float, float, float, float]:
    """Return the outer edges of the cells around evenly spaced centres."""
    found = []
    for centres in (across, up):
        half = float(centres[1] - centres[0]) / 2 if len(centres) > 1 else 0.5
        found += [float(centres[0]) - half, float(centres[-1]) + half]
    return found[0], found[1], found[2], found[3]


def _scenario(record: xr.Dataset) -> str:
    if "channel_model" not in record:
        return ""
    spread, speed = 1e9 * float(record["delay_spread"]), float(record["speed"])
    return f"{as_text(record['channel_model'])}, {spread:.0f} ns, {speed:g} m/s"
