"""Importer of UrbanRadio3D: power, delay and directions on planes of height, as PNG or GIF.

Published with RadioDiff-3D (Wang et al., IEEE TNSE 2025, arXiv:2507.12166): ``<quantity>/<BID>_<X>_<Y>.gif``
with one frame for each metre of height, or ``<quantity>/h<height>/<BID>_<X>_<Y>.png``. Grey 0 to 255 is the
range that the paper states, and 0 is a building as well.

What was found on the published samples, and holds here:

* In pictures of path loss the transmitter stands in row 255 - X and column Y - 1, in all others in row
  255 - Y and column X. Both become y = Y northwards and x = X eastwards.
* Azimuths count counter-clockwise from east and point to the transmitter. Here they are clockwise from
  north.
* The level of the path loss is unknown: beside the transmitter it falls by 20 dB a decade, but 42 dB below
  free space at 5.9 GHz. So it is stored as a relative gain. Differences between cells are right.
* The elevation does not tend to the horizon with distance as an angle of arrival would. It is stored as it
  is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from datasets.factory.errors import BuildError
from datasets.factory.folders import AreaImport
from datasets.factory.recipe import Arrays
from datasets.radio.images import from_grey, read_grey
from datasets.radio.variables import axes, link_scalars
from datasets.store.specs import DECIBEL, VariableSpec

SIDE = 256  # cells of 1 m
CARRIER = 5.9e9  # Hz
NAME = re.compile(r"(\d+)_(\d+)_(\d+)")
FULL_TURN = 2.0 * np.pi


@dataclass(frozen=True)
class Quantity:
    """One kind of picture.

    Attributes
    ----------
    folders
        Names of its folder, in the data set and in the published samples.
    units, long_name
        Attributes of the variable.
    low, high
        What grey 0 and 255 stand for, in `units`.
    """

    folders: tuple[str, ...]
    units: str
    long_name: str
    low: float
    high: float


QUANTITIES = {
    "relative_path_gain": Quantity(
        ("pathLoss", "pathloss"), DECIBEL, "path gain up to an unknown constant", -169.0, -92.0
    ),
    "time_of_arrival": Quantity(("ToA",), "s", "delay of the dominant path", 0.0, 1180e-9),
    "azimuth_of_arrival": Quantity(
        ("Doa_Azi", "DoA_Azi"),
        "rad",
        "azimuth of arrival, clockwise from north",
        0.0,
        6.3,
    ),
    "elevation_of_arrival": Quantity(
        ("Doa_Ele", "DoA_Ele"), "rad", "elevation of arrival, as published", 0.5, 2.25
    ),
}


class UrbanRadio3D(AreaImport):
    """Volumes of UrbanRadio3D, one for each area and transmitter; NaN where a quantity has no file."""

    name: ClassVar[str] = "radio/urbanradio3d"
    version: ClassVar[int] = 2
    title: ClassVar[str] = (
        "UrbanRadio3D: power, delay and directions in city areas (by `surrogates data import`)"
    )
    license: ClassVar[str] = "MIT (as its publishers state)"
    patterns: ClassVar[tuple[str, ...]] = tuple(
        f"{folder}/{pattern}"
        for quantity in QUANTITIES.values()
        for folder in quantity.folders
        for pattern in ("*.gif", "h*/*.png")
    )
    layout: ClassVar[str] = "pathLoss, ToA, Doa_Azi, Doa_Ele with BID_X_Y.gif or h1 to h20/BID_X_Y.png"

    heights: int = Field(4, ge=1, le=20, description="Planes to read, 1 m apart from 1 m upwards.")

    def records(self) -> int:
        return len(self._names)

    def unit_records(self) -> int:
        return 8

    def areas(self) -> np.ndarray:
        return np.array([name[0] for name in self._names], np.int32)

    def specs(self) -> list[VariableSpec]:
        dims, shape = ("sample", "z", "y", "x"), (self.heights, SIDE, SIDE)
        fields = [
            VariableSpec(
                name=name,
                dims=dims,
                shape=shape,
                units=quantity.units,
                display_units="dB" if quantity.units == DECIBEL else None,
                long_name=quantity.long_name,
                missing=True,
                attributes={"comment": "NaN in buildings, where grey is 0, and where there is no file"},
            )
            for name, quantity in QUANTITIES.items()
        ]
        position = VariableSpec(
            name="transmitter_position",
            dims=("sample", "en"),
            shape=(2,),
            units="m",
            long_name="transmitter: east and north of the area's corner",
            minimum=0.0,
            maximum=float(SIDE),
            attributes={"comment": "its height is not published"},
        )
        area = VariableSpec(
            name="area", dims=("sample",), shape=(), dtype="int32", long_name="number of the area (BID)"
        )
        return [*fields, position, area]

    def shared(self) -> xr.Dataset:
        planes = np.arange(1.0, self.heights + 1.0)
        height = {"units": "m", "long_name": "height of the receivers above the ground", "axis": "Z"}
        coordinates = axes(SIDE, 1.0).drop_vars("enu").assign(link_scalars(CARRIER))
        return coordinates.assign_coords(
            z=("z", planes, height), en=("en", ["east", "north"], {"long_name": "axis of a position"})
        )

    def prepare(self) -> None:
        super().prepare()
        self._names  # noqa: B018  (refuses a folder without a name that can be read)

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        names = [self._names[index] for index in indices.tolist()]
        positions = [(x + 0.5, y + 0.5) for _, x, y in names]
        return {
            **{quantity: np.stack([self._read(quantity, name) for name in names]) for quantity in QUANTITIES},
            "transmitter_position": np.array(positions, np.float32),
            "area": np.array([area for area, _, _ in names], np.int32),
        }

    @cached_property
    def _names(self) -> list[tuple[int, int, int]]:
        """Area, X and Y of each record: the names of all quantities; a file of another name is left out."""
        matches = (NAME.fullmatch(path.stem) for path in self._files(Path(self.folder)))
        names = {(int(match[1]), int(match[2]), int(match[3])) for match in matches if match}
        if not names:
            raise BuildError(f"{self.folder} has no picture BID_X_Y; expected {self.layout}")
        return sorted(names)

    def _read(self, quantity: str, name: tuple[int, int, int]) -> np.ndarray:
        """Return values (z, y, x) of one file, y northwards; NaN throughout where there is none."""
        grey = self._grey(QUANTITIES[quantity].folders, "{}_{}_{}".format(*name))
        if grey is None:
            return np.full((self.heights, SIDE, SIDE), np.nan, np.float32)
        values = from_grey(upright(grey, quantity), QUANTITIES[quantity].low, QUANTITIES[quantity].high)
        if quantity == "azimuth_of_arrival":
            return np.mod(FULL_TURN / 4.0 - values, FULL_TURN).astype(np.float32)
        return values

    def _grey(self, folders: tuple[str, ...], stem: str) -> np.ndarray | None:
        for folder in (Path(self.folder) / name for name in folders):
            if (picture := folder / f"{stem}.gif").is_file():
                return read_grey(picture, SIDE, self.heights)
            planes = [folder / f"h{number}" / f"{stem}.png" for number in range(1, self.heights + 1)]
            if all(plane.is_file() for plane in planes):
                return np.concatenate([read_grey(plane, SIDE) for plane in planes])
        return None


def upright(grey: np.ndarray, quantity: str) -> np.ndarray:
    """Turn pictures (z, row, column) into maps (z, y, x) with y northwards.

    The pictures of path loss have X upwards and Y to the right, all others X to the right and Y upwards. The
    column of the former is Y - 1, a shift of one cell that is left as it is: the files scatter by two.
    """
    flipped = grey[:, ::-1]
    return flipped.swapaxes(1, 2) if quantity == "relative_path_gain" else flipped
