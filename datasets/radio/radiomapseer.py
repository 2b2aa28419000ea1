"""Importer of RadioMapSeer: path gain of 80 transmitters in each of 701 city areas, as PNG.

The layout is that of its loaders (RonLevie/RadioUNet, lib/loaders.py):
``gain/<simulation>/<area>_<tx>.png``, ``png/buildings_complete/<area>.png`` and
``png/antennas/<area>_<tx>.png``. Grey 0 to 255 is path gain from -147 to -47 dB: the truncation of RadioUNet
(Levie et al., IEEE TWC 2021), whose noise floor of -127 dB lies at grey 0.2, as in its loaders. The carrier
of 5.9 GHz, roofs of 25 m, and transmitters and receivers at 1.5 m are the paper's. None of this can be read
from the files; nor can north, which is taken to be the top of a picture.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from datasets.factory.errors import BuildError
from datasets.factory.folders import AreaImport
from datasets.factory.left_out import MOST, LeftOut, MostLeftOut
from datasets.factory.recipe import Arrays
from datasets.radio.images import from_grey, numbers, read_grey
from datasets.radio.variables import axes, link_scalars
from datasets.store.specs import DECIBEL, VariableSpec

SIDE = 256  # cells of 1 m
WEAKEST, STRONGEST = -147.0, -47.0  # dB
BUILDING, ANTENNA = 25.0, 1.5  # m above the ground; receivers stand as high as transmitters
CARRIER = 5.9e9  # Hz
SPOT = 8  # cells; an antenna is marked by less
MAP = ("sample", "y", "x")
BUILDINGS, ANTENNAS = ("png", "buildings_complete"), ("png", "antennas")


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
    most_left_out: MostLeftOut = MOST

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
        self._names  # noqa: B018  (refuses a folder without a name that can be read)

    def left_out(self) -> list[LeftOut]:
        """Return the pictures of path gain that become no record, by cause."""
        gains = [path for path in self._pictures if path.parent.parent.name == "gain"]
        mine = [path for path in gains if path.parent.name == self.simulation]
        others = Counter(path.parent.name for path in gains if path.parent.name != self.simulation)
        named = self._numbered["gain", self.simulation]
        nameless = [path for path in mine if numbers(path, 2) is None]
        homeless = [path for name, path in named.items() if not self._has(BUILDINGS, name[:1])]
        mute = [
            path
            for name, path in named.items()
            if self._has(BUILDINGS, name[:1]) and not self._has(ANTENNAS, name)
        ]
        causes = {
            _such_as("whose name is not AREA_TX", nameless): len(nameless),
            "of the same numbers as another": len(mine) - len(nameless) - len(named),
            _such_as("without buildings in png/buildings_complete", homeless): len(homeless),
            _such_as("without an antenna in png/antennas", mute): len(mute),
        }
        chosen = {f"of the simulation {name}": count for name, count in sorted(others.items())}
        return [LeftOut("pictures of path gain", len(gains), causes, chosen, self.most_left_out)]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        names = [self._names[index] for index in indices.tolist()]
        buildings = [self._buildings(area) for area, _ in names]
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
        """Area and transmitter of each record: those with all three pictures."""
        named = self._numbered["gain", self.simulation]
        names = [name for name in named if self._has(BUILDINGS, name[:1]) and self._has(ANTENNAS, name)]
        folder = Path(self.folder) / "gain" / self.simulation
        if not named:
            raise BuildError(f"{folder} has no picture AREA_TX.png; expected {self.layout}")
        if not names:
            raise BuildError(
                f"none of the {len(named)} pictures in {folder} has its buildings and its antenna; "
                f"expected {self.layout}"
            )
        return sorted((area, transmitter) for area, transmitter in names)

    @cached_property
    def _pictures(self) -> list[Path]:
        return self._files(Path(self.folder))

    @cached_property
    def _numbered(self) -> defaultdict[tuple[str, str], dict[tuple[int, ...], Path]]:
        """Pictures by folder and numbers; the first of several with the same numbers."""
        found: defaultdict[tuple[str, str], dict[tuple[int, ...], Path]] = defaultdict(dict)
        for path in self._pictures:
            folder = (path.parent.parent.name, path.parent.name)
            if (name := numbers(path, 1 if folder == BUILDINGS else 2)) is not None:
                found[folder].setdefault(name, path)
        return found

    def _has(self, folder: tuple[str, str], name: tuple[int, ...]) -> bool:
        return name in self._numbered[folder]

    def _gain(self, *name: int) -> Path:
        return self._numbered["gain", self.simulation][name]

    def _buildings(self, area: int) -> np.ndarray:
        """Return where buildings stand (row, column); refuse pictures in which grey is a height."""
        path = self._numbered[BUILDINGS][(area,)]
        grey = read_grey(path, SIDE)[0, ::-1]
        if (levels := np.unique(grey[grey > 0])).size > 1:
            raise BuildError(
                f"{path} has {levels.size} greys besides black, expected one for all buildings, which are "
                f"{BUILDING:g} m high; grey that is a height, as in RadioMap3DSeer, is not read"
            )
        return grey > 0

    def _position(self, area: int, transmitter: int) -> np.ndarray:
        """Return east, north, height: the middle of the pixels that mark the antenna."""
        path = self._numbered[ANTENNAS][area, transmitter]
        rows, columns = np.nonzero(read_grey(path, SIDE)[0, ::-1])
        if not rows.size:
            raise BuildError(f"{path} marks no antenna; expected a white pixel")
        if max(np.ptp(rows), np.ptp(columns)) >= SPOT:
            raise BuildError(
                f"{path} marks {rows.size} pixels, expected one antenna in white on black; replace "
                "the picture"
            )
        return np.array([columns.mean() + 0.5, rows.mean() + 0.5, ANTENNA], np.float32)


def _such_as(cause: str, paths: Sequence[Path]) -> str:
    """Return a cause with the first picture that it holds for."""
    return f"{cause} (such as {min(path.name for path in paths)})" if paths else cause
