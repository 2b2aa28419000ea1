"""Recipe `radio/osm`: ray-traced path-gain maps of any OpenStreetMap extract, as in `radio/urban`."""

from __future__ import annotations

import functools
import importlib.metadata
import itertools
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import shapely
import xarray as xr
from pydantic import Field, model_validator

from datasets.factory.sources import Source, find_sources, one_or_several
from datasets.radio import geojson, variables
from datasets.radio.blocks import Ground, Wanted, place_windows
from datasets.radio.buildings import FORMATS, Box, Buildings, map_name, read_buildings
from datasets.radio.heights import SOURCES
from datasets.radio.mapped import MapError
from datasets.radio.tracing import GROUPS_PER_CITY, TracedMaps
from datasets.radio.windows import Placed, group_overlapping
from datasets.store.specs import TEST, TRAIN, VALIDATION
from physics.raytracing.backend import describe
from physics.raytracing.extrusion import height_raster
from physics.raytracing.scenes import Scene, extruded_scene

ODBL = "ODbL-1.0 ((c) OpenStreetMap contributors, ODbL 1.0)"
FIRST_CODE = 32
"""Of the variable `city`; smaller numbers are those of the scenes of `radio/urban`."""
MOST_FILES = 127 - FIRST_CODE
MARGIN = 100.0  # m of ground around buildings and windows
SUBSETS = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}


class Extracts(TracedMaps):
    """Path gain in windows of OpenStreetMap extracts or GeoJSON footprints, traced with Sionna RT.

    Variables, dimensions and units are those of `radio/urban`; the ground is flat.
    """

    name: ClassVar[str] = "radio/osm"
    version: ClassVar[int] = 2
    title: ClassVar[str] = "Ray-traced path gain in windows of OpenStreetMap extracts"
    license: ClassVar[str] = ODBL
    formats: ClassVar[tuple[str, ...]] = FORMATS
    division: ClassVar[str] = "whole blocks of the extracts; training, validation and test share no ground"

    osm_file: tuple[Source, ...] = Field(
        min_length=1,
        max_length=MOST_FILES,
        description="Files (.osm, .osm.pbf, .geojson), one or a list.",
        json_schema_extra=one_or_several,
    )
    folder: str = Field(".", description="Folder of the files; found by itself.")
    samples: int | None = Field(
        None, ge=1, description="Maps in all; by default those of one window in each block that is built up."
    )
    built_share: float = Field(0.01, ge=0, lt=1, description="Least share of a window under buildings.")
    validation_share: float = Field(0.15, ge=0, lt=0.5, description="Share of the blocks for validation.")
    test_share: float = Field(0.15, ge=0, lt=0.5, description="Share of the blocks for the test.")

    @model_validator(mode="before")
    @classmethod
    def _find_files(cls, given: Any) -> Any:
        """Make sources of the paths that a user typed, and hash their content."""
        files = given.get("osm_file") if isinstance(given, dict) else None
        paths = files if isinstance(files, list | tuple) else [files]
        if not paths or not all(isinstance(path, str | Path) for path in paths):
            return given
        folder, sources = find_sources(tuple(map(str, paths)), Path())
        return given | {"osm_file": sources, "folder": str(folder)}

    @model_validator(mode="after")
    def _whole_windows(self) -> Self:
        if self.samples is not None and self.samples % self.transmitters_per_window:
            raise ValueError(
                f"samples={self.samples} is not a multiple of {self.transmitters_per_window} transmitters "
                "a window"
            )
        return self

    def config(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"folder"})

    def prepare(self) -> None:
        for source in self.osm_file:
            source.require_unchanged(Path(self.folder))
        self._placed  # noqa: B018  (reads the files and finds room for the windows)
        describe()

    def remarks(self) -> list[str]:
        """Say where the heights come from, what was left out, and how the windows are divided."""
        lines = []
        for name, buildings in zip(self.city_codes(), self._buildings, strict=True):
            shares = ", ".join(f"{share:.1%} {source}" for source, share in buildings.shares().items())
            cut = f" ({buildings.incomplete} cut by the edge are left out)" if buildings.incomplete else ""
            lines.append(f"{name}: {len(buildings.keys)} buildings{cut}; heights by source: {shares}")
            width, length = (buildings.extent[i + 2] - buildings.extent[i] for i in (0, 1))
            if min(width, length) < self.window_size:
                lines.append(
                    f"{name} covers {width:.0f} m x {length:.0f} m, less than the window of "
                    f"{self.window_size:g} m, which is centred on it"
                )
        counts = np.bincount([placed.subset for placed in self._placed], minlength=3).tolist()
        divided = ", ".join(f"{count} {SUBSETS[subset]}" for subset, count in enumerate(counts))
        lines.append(f"{len(self._placed)} windows of {self.window_size:g} m: {divided}")
        return lines

    def attributes(self) -> dict[str, str]:
        if all(source.path.lower().endswith(geojson.SUFFIXES) for source in self.osm_file):
            return {"title": self.title, "license": "unspecified (that of the footprints)"}
        return {"title": self.title, "license": self.license}

    def records(self) -> int:
        return len(self._placed) * self.transmitters_per_window

    def shared(self) -> xr.Dataset:
        sizes = (self.window_size, self.cell_size)
        tables = variables.tables(self._placed, *sizes, self.city_codes(), "map extract")
        link = variables.link_scalars(self.frequency, self.receiver_height)
        return tables.assign(self._corners() | link).merge(self._table())

    def software(self) -> dict[str, str]:
        libraries = {name: importlib.metadata.version(name) for name in ("osmium", "pyproj", "shapely")}
        return super().software() | libraries

    def city_codes(self) -> dict[str, int]:
        names: dict[str, int] = {}
        for source in self.osm_file:
            stem = re.sub(r"[^\w-]+", "_", map_name(Path(source.path)))
            name, again = stem, 2
            while name in names:
                name, again = f"{stem}-{again}", again + 1
            names[name] = FIRST_CODE + len(names)
        return names

    def windows(self) -> list[Placed]:
        """Return all windows in the order of the units: extract by extract."""
        return self._placed

    def window_of(self, unit: int) -> tuple[Placed, int]:
        placed = self._placed[unit]
        first = GROUPS_PER_CITY * self.city_codes()[placed.city]
        return placed, first + int(group_overlapping(tuple(self._placed))[unit])

    def scene_of(self, placed: Placed) -> Scene:
        source = self.osm_file[self._number(placed)]
        windows = [each.window for each in self._placed if each.city == placed.city]
        boxes = [(w.west, w.south, w.west + w.size, w.south + w.size) for w in windows]
        west, south, east, north = shapely.total_bounds(
            [*self._of(placed).polygons, *(shapely.box(*b) for b in boxes)]
        )
        area = (west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN)
        return _scene(source.path_in(Path(self.folder)), source.sha256, self.seed, area)

    def rasters_of(self, placed: Placed) -> tuple[np.ndarray, np.ndarray]:
        buildings, window = self._of(placed), placed.window
        x, y = window.west + window.centres, window.south + window.centres
        heights = height_raster(buildings.polygons, buildings.top, x, y)
        return heights, np.zeros_like(heights)

    @cached_property
    def _buildings(self) -> list[Buildings]:
        paths = [source.path_in(Path(self.folder)) for source in self.osm_file]
        return [
            _buildings(path, source.sha256, self.seed)
            for path, source in zip(paths, self.osm_file, strict=True)
        ]

    @cached_property
    def _placed(self) -> list[Placed]:
        _require_apart(dict(zip(self.city_codes(), self._buildings, strict=True)))
        grounds = [
            Ground.of(name, buildings.polygons, buildings.extent, self.window_size)
            for name, buildings in zip(self.city_codes(), self._buildings, strict=True)
        ]
        count = None if self.samples is None else self.samples // self.transmitters_per_window
        shares = (self.built_share, self.validation_share, self.test_share)
        return place_windows(grounds, Wanted(self.window_size, self.cell_size, *shares, count, self.seed))

    def _number(self, placed: Placed) -> int:
        """Return the index of the file of a window."""
        return self.city_codes()[placed.city] - FIRST_CODE

    def _of(self, placed: Placed) -> Buildings:
        return self._buildings[self._number(placed)]

    def _corners(self) -> dict[str, xr.Variable]:
        """Return the corners of the windows in their UTM zones."""
        origins = [self._of(placed).origin for placed in self._placed]
        west = [placed.window.west + east for placed, (east, _) in zip(self._placed, origins, strict=True)]
        south = [
            placed.window.south + north for placed, (_, north) in zip(self._placed, origins, strict=True)
        ]
        zones = np.array([self._of(placed).epsg for placed in self._placed], np.int32)

        def edge(name: str, values: list[float]) -> xr.Variable:
            meaning = f"{name} edge of the window in the UTM zone of window_epsg"
            return xr.Variable("windows", np.array(values), {"units": "m", "long_name": meaning})

        epsg = {"units": "1", "long_name": "EPSG code of the UTM zone of the window"}
        return {
            "window_west": edge("west", west),
            "window_south": edge("south", south),
            "window_epsg": xr.Variable("windows", zones, epsg),
        }

    def _table(self) -> xr.Dataset:
        """Return the table of the buildings: where each height came from."""
        found = {key: np.concatenate([each[key] for each in map(_rows, self._buildings)]) for key in ROWS}
        counts = [len(buildings.keys) for buildings in self._buildings]
        codes = np.repeat(list(self.city_codes().values()), counts).astype(np.int8)
        flags = {"flag_values": list(range(len(SOURCES))), "flag_meanings": " ".join(SOURCES)}
        texts = {
            "building_key": {"long_name": "name of the building in its file"},
            "building_bottom": {"units": "m", "long_name": "height of the floor above the ground"},
            "building_top": {"units": "m", "long_name": "height of the roof above the ground"},
            "building_height_source": {"units": "1", "long_name": "where the height came from", **flags},
        }
        columns = {name: xr.Variable("buildings", found[name], texts[name]) for name in ROWS}
        city = {"units": "1", "long_name": "extract of the building"} | variables.city_flags(
            self.city_codes()
        )
        return xr.Dataset(columns | {"building_city": xr.Variable("buildings", codes, city)})


ROWS = ("building_key", "building_bottom", "building_top", "building_height_source")


def _rows(buildings: Buildings) -> dict[str, np.ndarray]:
    """Return one row for each mapped building, from the first of its footprints."""
    _, first = np.unique(buildings.owner, return_index=True)
    bottom, top = (each[first].astype(np.float32) for each in (buildings.bottom, buildings.top))
    return dict(zip(ROWS, (buildings.keys, bottom, top, buildings.source), strict=True))


def _require_apart(extracts: Mapping[str, Buildings]) -> None:
    """Refuse two extracts of the same ground, which would be in training and test at once."""
    for (one, a), (two, b) in itertools.combinations(extracts.items(), 2):
        boxes = [shapely.box(*(each.extent + np.tile(each.origin, 2)).tolist()) for each in (a, b)]
        if a.epsg == b.epsg and shapely.intersection(*boxes).area > 0:
            raise MapError(
                f"the extracts {one} and {two} cover the same ground; give one of them, or cut them apart"
            )


@functools.lru_cache(maxsize=8)
def _buildings(path: str, sha256: str | None, seed: int) -> Buildings:
    """Read a file once in a process; the hash tells one content from another."""
    return read_buildings(path, seed)


@functools.lru_cache(maxsize=1)
def _scene(path: str, sha256: str | None, seed: int, area: Box) -> Scene:
    """Extrude the buildings of a file."""
    buildings = _buildings(path, sha256, seed)
    return extruded_scene(buildings.polygons, buildings.top, buildings.bottom, area=area)
