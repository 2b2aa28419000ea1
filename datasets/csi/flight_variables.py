"""What a store of ray-traced channels tells of the flight, beside the channels themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from datasets.store.specs import DECIBEL, VariableSpec

AXES = xr.Variable(
    "enu", np.array(["east", "north", "up"], dtype=object), {"long_name": "component of a vector"}
)


def _spec(name: str, units: str, long_name: str, *, axes: int = 0, **more: Any) -> VariableSpec:
    return VariableSpec(
        name=name,
        dims=("sample", "enu") if axes else ("sample",),
        shape=(axes,) if axes else (),
        units=units,
        long_name=long_name,
        **more,
    )


FLIGHT = [
    _spec("flight", "1", "number of the flight", dtype="int32", minimum=0),
    _spec("position", "m", "vehicle in the scene at time 0: east, north, altitude", axes=3),
    _spec("velocity", "m s-1", "velocity of the vehicle at time 0 east, north and up", axes=3),
    _spec("speed", "m s-1", "speed of the vehicle at time 0", minimum=0),
    _spec("base_station", "m", "base station in the scene: east, north, altitude", axes=3),
    _spec(
        "base_station_azimuth",
        "rad",
        "where the base station looks, clockwise from north",
        minimum=0,
        maximum=6.2832,
    ),
    _spec(
        "delay_spread",
        "s",
        "root-mean-square delay spread of the paths, mean over the key points",
        minimum=0,
        repeatability=1e-12,
    ),
    _spec("line_of_sight", "1", "whether every key point sees the base station", dtype="bool"),
    _spec(
        "path_gain",
        DECIBEL,
        "mean power of uplink_history before it was normalised, antenna gains included",
        display_units="dB",
        repeatability=1e-3,
    ),
    _spec(
        "reached_share",
        "1",
        "share of the flight's stretches with a path at every key point; the others are left out",
        minimum=0,
        maximum=1,
    ),
]
"""Variables of a flight and of its paths."""
