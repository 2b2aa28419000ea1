"""What a store of radio volumes holds: what arrives at each receiver, on planes of height."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from datasets.radio.variables import REPEATABILITY, city_flags, geometry_specs
from datasets.store.specs import DECIBEL, VariableSpec
from physics.raytracing.arrivals import Arrivals

VOLUME = ("sample", "z", "y", "x")
LONGEST = 1e-4  # s; a path of 30 km
ARRIVALS = {
    "path_gain": "path_gain",
    "first_time_of_arrival": "first_delay",
    "time_of_arrival": "delay",
    "azimuth_of_arrival": "azimuth",
    "zenith_of_arrival": "zenith",
    "delay_spread": "delay_spread",
    "azimuth_spread": "azimuth_spread",
}
"""Attribute of `Arrivals` that each quantity is."""


def volume_specs(planes: int, cells: int, size: float, cities: Mapping[str, int]) -> list[VariableSpec]:
    """Return the variables of one record: the volumes of one transmitter.

    Parameters
    ----------
    planes, cells
        Number of heights, and of cells along one side.
    size
        Side of the window, m.
    cities
        Number of each city in the variable `city`.
    """
    on_volume: dict[str, Any] = {"dims": VOLUME, "shape": (planes, cells, cells)}
    label: dict[str, Any] = {"dims": ("sample",), "shape": ()}

    def quantity(name: str, units: str, long_name: str, **more: Any) -> VariableSpec:
        return VariableSpec(
            name=name,
            units=units,
            long_name=long_name,
            missing=True,
            attributes={"grid_mapping": "crs", "comment": "NaN in buildings and where `stable` is false"},
            **on_volume,
            **more,
        )

    def flag(name: str, long_name: str) -> VariableSpec:
        return VariableSpec(
            name=name, dtype="bool", long_name=long_name, attributes={"grid_mapping": "crs"}, **on_volume
        )

    geometry = [spec for spec in geometry_specs(cells, size) if spec.name != "transmitter_azimuth"]
    second: dict[str, Any] = {"minimum": 0.0, "maximum": LONGEST, "repeatability": 1e-11}
    radian: dict[str, Any] = {"minimum": 0.0, "repeatability": 1e-4}
    return [
        *geometry,
        quantity(
            "path_gain",
            DECIBEL,
            "path gain between isotropic antennas, all paths together",
            display_units="dB",
            maximum=20.0,
            repeatability=REPEATABILITY,
        ),
        quantity("first_time_of_arrival", "s", "delay of the shortest path", **second),
        quantity("time_of_arrival", "s", "delay of the strongest path", **second),
        quantity(
            "azimuth_of_arrival",
            "rad",
            "where the strongest path comes from, clockwise from north",
            maximum=6.2832,
            **radian,
        ),
        quantity(
            "zenith_of_arrival",
            "rad",
            "where the strongest path comes from, from straight up",
            maximum=3.1416,
            **radian,
        ),
        quantity("delay_spread", "s", "root-mean-square delay spread, weighted by power", **second),
        quantity("azimuth_spread", "rad", "circular spread of azimuths, weighted by power", **radian),
        flag("line_of_sight", "whether a path meets nothing on its way"),
        flag("reached", "whether any path came"),
        flag("stable", "whether the values count: a path came, and a second trace, if one is due, agrees"),
        VariableSpec(
            name="area",
            dtype="int32",
            long_name="area of the record",
            attributes={"instance_dimension": "windows"},
            **label,
        ),
        VariableSpec(
            name="city", dtype="int8", long_name="city scene", attributes=city_flags(cities), **label
        ),
    ]


def volumes_of(found: Arrivals, kept: np.ndarray) -> dict[str, np.ndarray]:
    """Return the volumes of one record from what arrives (z, y, x), NaN where it is not kept."""
    values = {
        name: np.where(kept, getattr(found, attribute), np.nan).astype(np.float32)
        for name, attribute in ARRIVALS.items()
    }
    flags = {"line_of_sight": found.line_of_sight, "reached": found.reached, "stable": kept}
    return values | flags


def planes_of(heights: Sequence[float]) -> xr.Variable:
    """Return the coordinate of the planes of receivers."""
    meaning = "height of the receivers above the local ground"
    return xr.Variable("z", np.array(heights), {"units": "m", "long_name": meaning, "axis": "Z"})
