"""What a store of radio maps holds: variables, coordinates, tables of cities and windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from pydantic import JsonValue

from datasets.radio.rsrp import STRONGEST, WEAKEST
from datasets.radio.windows import Placed
from datasets.store.specs import DECIBEL, DECIBEL_MILLIWATT, VariableSpec
from physics.raytracing.scenes import CITIES

CRS = (
    'ENGCRS["Origin of a {scene}",EDATUM["origin of the scene"],CS[Cartesian,2],'
    'AXIS["easting (E)",east],AXIS["northing (N)",north],LENGTHUNIT["metre",1]]'
)
SCENES = {name: number for number, name in enumerate(CITIES)}
"""Numbers that stand for Sionna RT's cities in the variable `city`."""
MAP = ("sample", "y", "x")
REPEATABILITY = 1e-3  # dB; bit for bit on one machine, rounding may differ between processors


def record_specs(cells: int, size: float, cities: Mapping[str, int] = SCENES) -> list[VariableSpec]:
    """Return the variables of one record: a map of one window.

    Parameters
    ----------
    cells
        Cells along one side.
    size
        Side of the window, m.
    cities
        Number of each city in the variable `city`.
    """
    return [*geometry_specs(cells, size), *_maps(cells), *_labels(cities)]


def geometry_specs(cells: int, size: float) -> list[VariableSpec]:
    """Return what a map says of buildings, ground and transmitter."""

    def height(name: str, long_name: str, minimum: float, maximum: float) -> VariableSpec:
        return VariableSpec(
            name=name,
            dims=MAP,
            shape=(cells, cells),
            units="m",
            long_name=f"{long_name} at the centre of the cell",
            minimum=minimum,
            maximum=maximum,
            attributes={"grid_mapping": "crs"},
        )

    return [
        height("building_height", "height of the highest roof above the local ground", 0.0, 1000.0),
        height("terrain_height", "altitude of the ground above the datum of the scene", -500.0, 5000.0),
        VariableSpec(
            name="transmitter_position",
            dims=("sample", "enu"),
            shape=(3,),
            units="m",
            long_name="transmitter: east and north of the window's corner, height above the local ground",
            minimum=0.0,
            maximum=max(size, 1000.0),
            attributes={
                "comment": "its altitude is the third component plus terrain_height of the cell it stands in"
            },
        ),
        VariableSpec(
            name="transmitter_azimuth",
            dims=("sample",),
            shape=(),
            units="rad",
            long_name="boresight of the directional antenna, clockwise from north",
            minimum=0.0,
            maximum=6.2832,
        ),
    ]


def measured_specs(cells: int) -> list[VariableSpec]:
    """Return the variables of a measured map that ray-traced ones lack."""
    on_map: dict[str, Any] = {"dims": MAP, "shape": (cells, cells)}
    return [
        VariableSpec(
            name="rsrp",
            units=DECIBEL_MILLIWATT,
            display_units="dBm",
            long_name="reference signal received power, mean in linear power; NaN where nothing was measured",
            missing=True,
            minimum=WEAKEST,
            maximum=STRONGEST,
            attributes={"grid_mapping": "crs", "cell_methods": "area: mean"},
            **on_map,
        ),
        VariableSpec(
            name="readings",
            dtype="int32",
            long_name="number of readings in the cell",
            minimum=0,
            attributes={"grid_mapping": "crs", "cell_methods": "area: sum"},
            **on_map,
        ),
        VariableSpec(
            name="frequency",
            dims=("sample",),
            shape=(),
            dtype="float64",
            units="Hz",
            long_name="carrier frequency",
            minimum=0.0,
        ),
        VariableSpec(
            name="window",
            dims=("sample",),
            shape=(),
            dtype="int32",
            long_name="window of the record",
            attributes={"instance_dimension": "windows"},
        ),
    ]


def _maps(cells: int) -> list[VariableSpec]:
    def gain(name: str, long_name: str) -> VariableSpec:
        return VariableSpec(
            name=name,
            dims=MAP,
            shape=(cells, cells),
            units=DECIBEL,
            display_units="dB",
            long_name=long_name,
            missing=True,
            maximum=20.0,
            repeatability=REPEATABILITY,
            attributes={"grid_mapping": "crs", "cell_methods": "area: mean"},
        )

    repeat = "path_gain traced with other rays and seed, where `repeated` is true"
    return [
        gain("path_gain", "path gain from an isotropic antenna; NaN where no ray came"),
        gain("path_gain_directional", "path gain from a 3GPP TR 38.901 antenna element at its azimuth"),
        gain("path_gain_repeat", repeat),
        VariableSpec(
            name="hit",
            dims=MAP,
            shape=(cells, cells),
            dtype="bool",
            long_name="whether any ray came to the cell",
            attributes={"grid_mapping": "crs"},
        ),
    ]


def city_flags(cities: Mapping[str, int]) -> dict[str, JsonValue]:
    """Return the CF flags of numbers that stand for cities."""
    return {"flag_values": list(cities.values()), "flag_meanings": " ".join(cities)}


def _labels(cities: Mapping[str, int]) -> list[VariableSpec]:
    def label(name: str, long_name: str, dtype: str, **attributes: JsonValue) -> VariableSpec:
        return VariableSpec(
            name=name, dims=("sample",), shape=(), dtype=dtype, long_name=long_name, attributes=attributes
        )

    return [
        label("repeated", "whether the record has a path_gain_repeat", "bool"),
        label("rays", "rays per transmitter", "int32"),
        label("city", "city scene", "int8", **city_flags(cities)),
        label("window", "window of the record", "int32", instance_dimension="windows"),
        label("window_group", "windows of one number overlap, directly or through others", "int32"),
    ]


def tables(
    windows: Sequence[Placed],
    size: float,
    cell: float,
    cities: Mapping[str, int] = SCENES,
    scene: str = "Sionna RT city scene",
) -> xr.Dataset:
    """Return coordinates, the reference system and the table of windows.

    Parameters
    ----------
    windows
        In the order of the units.
    size, cell
        Side of a window and of a cell, m.
    cities
        Number of each city in the variable `city`.
    scene
        What the origin of the reference system belongs to.
    """

    def edge(name: str, values: list[float]) -> xr.Variable:
        attributes = {
            "units": "m",
            "long_name": f"{name} edge of the window in its scene",
            "grid_mapping": "crs",
        }
        return xr.Variable("windows", np.array(values), attributes)

    return xr.Dataset(
        {
            "crs": xr.Variable(
                (),
                np.int8(0),
                {"units": "1", "long_name": "local engineering system", "crs_wkt": CRS.format(scene=scene)},
            ),
            "window_west": edge("west", [placed.window.west for placed in windows]),
            "window_south": edge("south", [placed.window.south for placed in windows]),
            "window_city": xr.Variable(
                "windows",
                np.array([cities[placed.city] for placed in windows], np.int8),
                {"units": "1", "long_name": "city scene of the window", **city_flags(cities)},
            ),
        },
        coords=axes(round(size / cell), cell).coords,
    )


def link_scalars(
    frequency: float | None = None, receiver_height: float | None = None
) -> dict[str, xr.Variable]:
    """Return what all maps of a store have in common, as scalars; None leaves a number out.

    Parameters
    ----------
    frequency
        Carrier frequency, Hz.
    receiver_height
        Height of the receivers above the local ground, m.
    """
    carrier = {"units": "Hz", "long_name": "carrier frequency", "standard_name": "radiation_frequency"}
    height = {"units": "m", "long_name": "height of the receivers above the local ground"}
    given = {"frequency": (frequency, carrier), "receiver_height": (receiver_height, height)}
    return {
        name: xr.Variable((), np.float64(value), attributes)
        for name, (value, attributes) in given.items()
        if value is not None
    }


def axes(cells: int, cell: float) -> xr.Dataset:
    """Return the coordinates of a map of `cells` by `cells`, `cell` metres wide each."""
    centres = (np.arange(cells) + 0.5) * cell

    def axis(name: str, towards: str) -> xr.Variable:
        meaning = f"distance of the cell centre from the {towards} edge of the window"
        attributes = {"units": "m", "long_name": meaning, "axis": name.upper()}
        return xr.Variable(name, centres, attributes)

    return xr.Dataset(
        coords={
            "y": axis("y", "south"),
            "x": axis("x", "west"),
            "enu": ("enu", ["east", "north", "up"], {"long_name": "axis of a position"}),
        }
    )
