"""Picture of a channel along a flight."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FADE = 40.0  # dB below the strongest that are shown


def draw_record(record: xr.Dataset) -> Figure:
    """Draw one record: its channel over time and frequency, and where vehicle and base station are.

    Parameters
    ----------
    record
        Variables and coordinates of the recipe `csi/raytraced`, without record dimension.
    """
    figure = Figure(figsize=(13.0, 4.0), layout="constrained")
    uplink, downlink, place = figure.subplots(1, 3, width_ratios=(2.0, 1.2, 1.6))
    history, future = record["uplink_history"], record["uplink_future"].rename(horizon="time")
    both = xr.concat([history, future], "time")
    _band(uplink, both.isel(antenna=0), "time", "uplink_subcarrier", "uplink, antenna 0")
    uplink.axvline(0.5e3 * float(record["time"][-1] + record["horizon"][0]), color="white", linestyle="--")
    ahead = record["downlink_future"].isel(antenna=0)
    _band(downlink, ahead, "horizon", "downlink_subcarrier", "downlink ahead, antenna 0")
    _plan(place, record)
    sight = "line of sight" if record["line_of_sight"] else "no line of sight"
    figure.suptitle(
        f"flight {int(record['flight'])}: {float(record['speed']):.1f} m/s, {sight}, path gain "
        f"{float(record['path_gain']):.0f} dB, delay spread {1e9 * float(record['delay_spread']):.0f} ns"
    )
    return figure


def _band(axes: Axes, channel: xr.DataArray, time: str, subcarrier: str, title: str) -> None:
    """Draw the magnitude of a channel over time and sub-carrier."""
    magnitude = 20.0 * np.log10(np.maximum(np.abs(channel.transpose(subcarrier, time).values), 1e-10))
    mesh = axes.pcolormesh(
        1e3 * channel[time].values,
        1e-6 * channel[subcarrier].values,
        magnitude,
        shading="nearest",
        vmin=max(float(magnitude.min()), float(magnitude.max()) - FADE),
    )
    axes.set(xlabel="time, ms", ylabel="frequency from the carrier, MHz", title=title)
    axes.figure.colorbar(mesh, ax=axes, label="|H|, dB")


def _plan(axes: Axes, record: xr.Dataset) -> None:
    """Draw base station and vehicle from above, with the directions of both."""
    station, vehicle = record["base_station"].values, record["position"].values
    azimuth = float(record["base_station_azimuth"])
    size = max(float(np.hypot(*(vehicle - station)[:2])), 1.0)
    looks = np.array([np.sin(azimuth), np.cos(azimuth)])
    moves = record["velocity"].values[:2] / max(float(record["speed"]), 0.1)
    for name, place, towards, marker, colour in (
        ("base station", station, looks, "^", "C0"),
        ("vehicle", vehicle, moves, "o", "C1"),
    ):
        axes.plot(*place[:2], marker, color=colour, label=f"{name}, {place[2]:.0f} m")
        axes.quiver(*place[:2], *(0.3 * size * towards), color=colour, angles="xy", scale_units="xy", scale=1)
    middle = 0.5 * (station + vehicle)[:2]
    axes.set(
        xlim=(middle[0] - size, middle[0] + size),
        ylim=(middle[1] - size, middle[1] + size),
        xlabel="east, m",
        ylabel="north, m",
    )
    axes.set_aspect("equal")
    axes.legend(loc="upper left", fontsize="small")
