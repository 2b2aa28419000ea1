"""Importer of RadioMapSeer: path gain of 80 transmitters in each of 701 city areas, as PNG.

The layout is that of its loaders (RonLevie/RadioUNet, lib/loaders.py):
``gain/<simulation>/<area>_<tx>.png``, ``png/buildings_complete/<area>.png`` and
``png/antennas/<area>_<tx>.png``. Grey 0 to 255 is path gain from -147 to -47 dB: the truncation of RadioUNet
(Levie et al., IEEE TWC 2021), whose noise floor of -127 dB lies at grey 0.2, as in its loaders. The carrier
of 5.9 GHz, roofs of 25 m, and transmitters and receivers at 1.5 m are the paper's. None of this can be read
from the files; nor can north, which is taken to be the top of a picture.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

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
WEAKEST, STRONGEST = -147.0, -47.0  # dB
BUILDING, ANTENNA = 25.0, 1.5  # m above the ground; receivers stand as high as transmitters
CARRIER = 5.9e9  # Hz
MAP = ("sample", "y", "x")


class RadioMapSeer(AreaImport):
    """Path-gain maps of RadioMapSeer, one for each area and transmitter."""

    name: ClassVar[str] = "radio/radiomapseer"
    version: ClassVar[int] = 2
    title: ClassVar[str] = (
        "RadioMapSeer: simulated path gain in city areas (made by `surrogates data import`)"
    )
    license: ClassVar[str] = "unspecified (that of radiomapseer.github.io)"
    patterns: ClassVar[tuple[str, ...]] = (
        "gain/*/*.png",
        "png/buildings_complete/*.png",
        "png/antennas/*.png",
    )
    layout: ClassVar[str] = (
        "gain/DPM/AREA_TX.png, png/buildings_complete/AREA.png and png/antennas/AREA_TX.png"
    )

    simulation: Literal["DPM", "IRT2", "IRT4", "carsDPM", "carsIRT2", "carsIRT4"] = Field(
        "DPM", description="Which simulation; a folder in gain/."
    )

    def records(self) -> int:
        return len(self._names)

    def unit_records(self) -> int:
        return 16

    def areas(self) -> np.ndarray:
        return np.array([area for area, _ in self._names], np.int32)

    def specs(self) -> list[VariableSpec]:
        def field(name: str, units: str, long_name: str, **more: object) -> VariableSpec:
            return VariableSpec.model_validate(
                {"name": name, "dims": MAP, "shape": (SIDE, SIDE), "units": units, "long_name": long_name}
                | more
            )

        def label(name: str, long_name: str) -> VariableSpec:
            return VariableSpec(name=name, dims=("sample",), shape=(), dtype="int32", long_name=long_name)

        decibels = {
            "display_units": "dB",
            "missing": True,
            "minimum": WEAKEST,
            "maximum": STRONGEST,
            "attributes": {"comment": "NaN where it is weaker than -147 dB, or a building stands"},
        }
        return [
            field("building_height", "m", "height of the highest roof above the local ground", minimum=0.0),
            field("terrain_height", "m", "altitude of the ground", minimum=0.0),
            VariableSpec(
                name="transmitter_position",
                dims=("sample", "enu"),
                shape=(3,),
                units="m",
                long_name="transmitter: east and north of the area's corner, height above the local ground",
                minimum=0.0,
            ),
            field("path_gain", DECIBEL, "path gain from an isotropic antenna", **decibels),
            label("area", "number of the area"),
            label("transmitter", "number of the transmitter in its area"),
        ]

    def shared(self) -> xr.Dataset:
        return axes(SIDE, 1.0).assign(link_scalars(CARRIER, ANTENNA))

    def prepare(self) -> None:
        super().prepare()
        for area, transmitter in self._names:
            for path in (self._buildings(area), self._antenna(area, transmitter)):
                if not path.is_file():
                    raise BuildError(f"{path} is not there; expected {self.layout}")

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        names = [self._names[index] for index in indices.tolist()]
        buildings = [read_grey(self._buildings(area), SIDE)[0, ::-1] > 0 for area, _ in names]
        gains = [read_grey(self._gain(*name), SIDE)[0, ::-1] for name in names]
        return {
            "building_height": np.where(buildings, np.float32(BUILDING), np.float32(0)),
            "terrain_height": np.zeros((len(names), SIDE, SIDE), np.float32),
            "transmitter_position": np.stack([self._position(*name) for name in names]),
            "path_gain": np.stack([from_grey(gain, WEAKEST, STRONGEST) for gain in gains]),
            "area": np.array([area for area, _ in names], np.int32),
            "transmitter": np.array([transmitter for _, transmitter in names], np.int32),
        }

    @cached_property
    def _names(self) -> list[tuple[int, int]]:
        """Area and transmitter of each record."""
        folder = Path(self.folder) / "gain" / self.simulation
        found = [re.fullmatch(r"(\d+)_(\d+)", path.stem) for path in folder.glob("*.png")]
        names = sorted((int(match[1]), int(match[2])) for match in found if match)
        if not names:
            raise BuildError(f"{folder} has no picture AREA_TX.png; expected {self.layout}")
        return names

    def _gain(self, area: int, transmitter: int) -> Path:
        return Path(self.folder) / "gain" / self.simulation / f"{area}_{transmitter}.png"

    def _buildings(self, area: int) -> Path:
        return Path(self.folder) / "png" / "buildings_complete" / f"{area}.png"

    def _antenna(self, area: int, transmitter: int) -> Path:
        return Path(self.folder) / "png" / "antennas" / f"{area}_{transmitter}.png"

    def _position(self, area: int, transmitter: int) -> np.ndarray:
        """Return east, north, height: the middle of the pixels that mark the antenna."""
        path = self._antenna(area, transmitter)
        rows, columns = np.nonzero(read_grey(path, SIDE)[0, ::-1])
        if not rows.size:
            raise BuildError(f"{path} marks no antenna; expected a white pixel")
        return np.array([columns.mean() + 0.5, rows.mean() + 0.5, ANTENNA], np.float32)
