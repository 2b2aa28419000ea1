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
* Some 6 % of the cells are reached faster than light, by more than 2 m, and straight seams run through open
  areas: these may be answers of a network, and no truth.
* The elevation does not tend to the horizon with distance as an angle of arrival would. It is stored as it
  is.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from datasets.factory.errors import BuildError
from datasets.factory.folders import AreaImport
from datasets.factory.left_out import MOST, LeftOut, MostLeftOut
from datasets.factory.recipe import Arrays
from datasets.radio.images import from_grey, numbers, read_grey
from datasets.radio.oddities import distances, early_share, level, pointing_shares
from datasets.radio.variables import axes, link_scalars
from datasets.store.specs import DECIBEL, VariableSpec

SIDE = 256  # cells of 1 m
CARRIER = 5.9e9  # Hz
FULL_TURN = 2.0 * np.pi
SURVEYED = 40
"""Volumes of a quantity that are examined before an import."""
AGREES = 3.0
"""Difference from free space that is not remarked on, dB."""


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
    attributes
        More of them.
    """

    folders: tuple[str, ...]
    units: str
    long_name: str
    low: float
    high: float
    attributes: Mapping[str, str] = field(default_factory=dict)


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
        {"topology": "circular"},
    ),
    "elevation_of_arrival": Quantity(
        ("Doa_Ele", "DoA_Ele"), "rad", "elevation of arrival, as published", 0.5, 2.25
    ),
}


class UrbanRadio3D(AreaImport):
    """Volumes of UrbanRadio3D, one for each area and transmitter; NaN where a quantity has no file."""

    name: ClassVar[str] = "radio/urbanradio3d"
    version: ClassVar[int] = 4
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

    most_left_out: MostLeftOut = MOST

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
                attributes={
                    "comment": "NaN in buildings, where grey is 0, and where there is no file",
                    **quantity.attributes,
                },
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

    def remarks(self) -> list[str]:
        """Say of which quantities volumes or planes are missing, which are NaN."""
        lines = []
        for name, quantity in QUANTITIES.items():
            files = self._found[quantity.folders[0]]
            volumes = sum(each not in files for each in self._names)
            planes = sum(self._missing(files[each]) for each in self._names if each in files)
            if volumes:
                lines.append(f"{name}: {volumes} of {len(self._names)} volumes have no file and are NaN")
            if planes:
                lines.append(f"{name}: {planes} planes of volumes have no file and are NaN")
        return [*lines, *self._oddities()]

    def _oddities(self) -> list[str]:
        """Say what some of the volumes, evenly spread, hold against physics."""
        early = [
            early_share(delay, distances(SIDE, x, y)) for delay, x, y in self._surveyed("time_of_arrival")
        ]
        levels = [
            level(gain, distances(SIDE, x, y), CARRIER) for gain, x, y in self._surveyed("relative_path_gain")
        ]
        pointing = [pointing_shares(*each) for each in self._surveyed("azimuth_of_arrival")]
        lines = []
        if early and np.mean(early) > 0.0:
            lines.append(
                f"published delays: {np.mean(early):.1%} of the cells of {len(early)} volumes are reached "
                "faster than light, by more than 2 m; take them as samples, not as truth"
            )
        if levels and abs(np.nanmedian(levels)) > AGREES:
            lines.append(
                f"published path loss: beside the transmitter the gain lies {np.nanmedian(levels):+.0f} dB "
                f"from free space (median of {len(levels)} volumes); only differences count"
            )
        if pointing and np.greater(*np.nanmedian(pointing, axis=0)[::-1]):
            lines.append(
                f"published azimuths: more cells of {len(pointing)} volumes point to the transmitter if they "
                "count clockwise from north already; the pictures are not as published"
            )
        return lines

    def _surveyed(self, quantity: str) -> Iterator[tuple[np.ndarray, int, int]]:
        """Yield some volumes of a quantity with X and Y; what cannot be read the import refuses itself."""
        names = sorted(self._found[QUANTITIES[quantity].folders[0]])
        for number in np.unique(np.linspace(0, len(names) - 1, min(len(names), SURVEYED)).astype(int)):
            _, x, y = names[number]
            with contextlib.suppress(BuildError):
                yield self._read(quantity, names[number]), x, y

    def left_out(self) -> list[LeftOut]:
        """Return the pictures that become no record, by cause; a GIF counts as one."""
        above = [path for path in self._pictures if _plane(path) > self.heights]
        causes = Counter(_cause(path) for path in self._pictures if _plane(path) <= self.heights)
        used = sum(len(planes) for named in self._found.values() for planes in named.values())
        causes["of the same numbers as another"] = causes.pop("", 0) - used
        chosen = {f"of planes above {self.heights} m": len(above)}
        return [LeftOut("pictures", len(self._pictures), dict(causes), chosen, self.most_left_out)]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        names = [self._names[index] for index in indices.tolist()]
        positions = [(x + 0.5, y + 0.5) for _, x, y in names]
        return {
            **{quantity: np.stack([self._read(quantity, name) for name in names]) for quantity in QUANTITIES},
            "transmitter_position": np.array(positions, np.float32),
            "area": np.array([area for area, _, _ in names], np.int32),
        }

    @cached_property
    def _names(self) -> list[tuple[int, ...]]:
        """Area, X and Y of each record: the names of all quantities."""
        names = {name for named in self._found.values() for name in named}
        if not names:
            raise BuildError(f"{self.folder} has no picture BID_X_Y; expected {self.layout}")
        return sorted(names)

    @cached_property
    def _pictures(self) -> list[Path]:
        return self._files(Path(self.folder))

    @cached_property
    def _found(self) -> dict[str, dict[tuple[int, ...], dict[int, Path]]]:
        """Pictures by the first folder of the quantity, numbers and plane; 0 is a GIF, which is preferred."""
        found: dict[str, dict[tuple[int, ...], dict[int, Path]]] = {
            quantity.folders[0]: {} for quantity in QUANTITIES.values()
        }
        for path in sorted(self._pictures, key=_plane):
            plane, folder = _plane(path), (path.parents[1] if _plane(path) else path.parent).name
            quantity = next((each for each in QUANTITIES.values() if folder in each.folders), None)
            if quantity is None or plane > self.heights or _cause(path):
                continue
            planes = found[quantity.folders[0]].setdefault(numbers(path, 3) or (), {})
            if 0 not in planes:
                planes.setdefault(plane, path)
        return found

    def _missing(self, planes: dict[int, Path]) -> int:
        """Return how many planes of a volume have no file."""
        return 0 if 0 in planes else self.heights - len(planes)

    def _read(self, quantity: str, name: tuple[int, ...]) -> np.ndarray:
        """Return values (z, y, x) of one volume, y northwards; NaN where there is no file."""
        planes = self._found[QUANTITIES[quantity].folders[0]].get(name, {})
        if 0 in planes:
            grey = read_grey(planes[0], SIDE, self.heights)
        else:
            empty = np.zeros((SIDE, SIDE), np.uint8)
            heights = range(1, self.heights + 1)
            grey = np.stack([read_grey(planes[z], SIDE)[0] if z in planes else empty for z in heights])
        values = from_grey(upright(grey, quantity), QUANTITIES[quantity].low, QUANTITIES[quantity].high)
        if quantity == "azimuth_of_arrival":
            return np.mod(FULL_TURN / 4.0 - values, FULL_TURN).astype(np.float32)
        return values


def _plane(path: Path) -> int:
    """Return the height of the folder ``h<height>`` of a picture, m; 0 of a GIF, which holds all heights."""
    found = re.fullmatch(r"h(\d+)", path.parent.name)
    return int(found[1]) if found else 0


def _cause(path: Path) -> str:
    """Return why a picture becomes no record by its name; nothing if it does."""
    name = numbers(path, 3)
    if name is None:
        return "whose name is not BID_X_Y"
    return "" if max(name[1:]) < SIDE else "whose transmitter lies outside of the area"


def upright(grey: np.ndarray, quantity: str) -> np.ndarray:
    """Turn pictures (z, row, column) into maps (z, y, x) with y northwards.

    The pictures of path loss have X upwards and Y to the right, all others X to the right and Y upwards. The
    column of the former is Y - 1, a shift of one cell that is left as it is: the files scatter by two.
    """
    flipped = grey[:, ::-1]
    return flipped.swapaxes(1, 2) if quantity == "relative_path_gain" else flipped
