"""The picture of one record."""

import xarray as xr
from matplotlib.figure import Figure


def draw_record(record: xr.Dataset) -> Figure:
    """Draw how one body cools down to its room.

    Parameters
    ----------
    record
        One record of a store, without the record dimension.
    """
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(record["time"] / 60, record["temperature"], marker=".", label="body")
    axes.axhline(record["ambient"].item(), color="grey", linestyle="--", label="room")
    axes.set(xlabel="time, min", ylabel="temperature, K", title=f"{record['time_constant'].item():.0f} s")
    axes.legend()
    return figure
