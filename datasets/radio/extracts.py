"""Recipe `radio/osm`: ray-traced path-gain maps of any OpenStreetMap extract, as in `radio/urban`."""

from __future__ import annotations

import functools
import importlib.metadata
import itertools
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import shapely
import xarray as xr
from pydantic import Field, model_validator

from datasets.factory.left_out import MOST, LeftOut, MostLeftOut
from datasets.factory.limits import MOST_BYTES, MostBytes
from datasets.factory.sources import Source, find_sources, one_or_several
from datasets.radio import geojson, plane, variables
from datasets.radio.blocks import Ground, Wanted, place_windows
from datasets.radio.building_table import left_out, table
from datasets.radio.buildings import FORMATS, Box, Buildings, map_name, read_buildings
from datasets.radio.mapped import MapError
from datasets.radio.properties import Columns
from datasets.radio.tracing import GROUPS_PER_CITY, TracedMaps
from datasets.radio.windows import Placed, group_overlapping
from datasets.store.specs import TEST, TRAIN, VALIDATION
from physics.backend import describe
from physics.raytracing.extrusion import height_raster
from physics.raytracing.scenes import Scene, extruded_scene

ODBL = "ODbL-1.0 ((c) OpenStreetMap contributors, ODbL 1.0)"
FIRST_CODE = 32
"""Of the variable `city`; smaller numbers are those of the scenes of `radio/urban`."""
MOST_FILES = 127 - FIRST_CODE
MARGIN = 100.0  # m of ground around buildings and windows
FOOTPRINTS = (*geojson.SUFFIXES, ".csv")
"""Suffixes of footprints; Microsoft calls its lines of GeoJSON ``.csv.gz``."""
SUBSETS = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}


class Extracts(TracedMaps):
    """Path gain in windows of OpenStreetMap extracts or GeoJSON footprints, traced with Sionna RT.

    Variables, dimensions and units are those of `radio/urban`; the ground is flat.
    """

    name: ClassVar[str] = "radio/osm"
    version: ClassVar[int] = 4
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
    height_property: str | None = Field(
        None,
        description="Tag or property with the height above the ground, by default height, building:height.",
    )
    height_unit: Literal["m", "ft"] = Field("m", description="Unit of plain numbers in height_property.")
    levels_property: str | None = Field(
        None, description="Tag or property with the number of storeys; building:levels by default."
    )
    most_left_out: MostLeftOut = MOST
    most_bytes: MostBytes = MOST_BYTES
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
        """Say where the heights come from, what was repaired, and how the windows are divided."""
        lines = []
        for name, buildings in zip(self.city_codes(), self._buildings, strict=True):
            shares = ", ".join(f"{share:.1%} {source}" for source, share in buildings.shares().items())
            lines.append(f"{name}: {len(buildings.keys)} buildings; heights by source: {shares}")
            if buildings.repaired:
                lines.append(f"{name}: {buildings.repaired} footprints crossed themselves and were repaired")
            if buildings.alike:
                counts = ", ".join(f"{key} ({count})" for key, count in buildings.alike.items())
                lines.append(
                    f"{name}: not read, but like heights: {counts}; take one as `height_property=` or "
                    "`levels_property=`"
                )
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

    def left_out(self) -> list[LeftOut]:
        """Return the buildings that are not built and the heights that cannot be read, by cause.

        Against `most_left_out` counts what a map says stands on its ground but does not draw so that it can
        be built: rings that do not close, points, shapes that cannot be read. What its own words take off the
        ground (deleted, underground, not there yet or any more), what is built once already and what has no
        area is no loss. Nor is what the edge cuts: somebody chose the box, every box cuts some, and few of
        the windows reach its edge.
        """
        return left_out(dict(zip(self.city_codes(), self._buildings, strict=True)), self.most_left_out)

    def attributes(self) -> dict[str, str]:
        if all(source.path.lower().removesuffix(".gz").endswith(FOOTPRINTS) for source in self.osm_file):
            return {"title": self.title, "license": "unspecified (that of the footprints)"}
        return {"title": self.title, "license": self.license}

    def records(self) -> int:
        return len(self._placed) * self.transmitters_per_window

    def shared(self) -> xr.Dataset:
        sizes = (self.window_size, self.cell_size)
        tables = variables.tables(self._placed, *sizes, self.city_codes(), "map extract")
        link = variables.link_scalars(self.frequency, self.receiver_height)
        return tables.assign(self._corners() | link).merge(table(self._buildings, self.city_codes()))

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
        return _scene(
            source.path_in(Path(self.folder)), source.sha256, self.seed, self._columns, self.most_bytes, area
        )

    def rasters_of(self, placed: Placed) -> tuple[np.ndarray, np.ndarray]:
        buildings, window = self._of(placed), placed.window
        x, y = window.west + window.centres, window.south + window.centres
        heights = height_raster(buildings.polygons, buildings.top, x, y)
        return heights, np.zeros_like(heights)

    @property
    def _columns(self) -> Columns:
        return Columns(self.height_property, self.levels_property, self.height_unit)

    @cached_property
    def _buildings(self) -> list[Buildings]:
        paths = [source.path_in(Path(self.folder)) for source in self.osm_file]
        return [
            _buildings(path, source.sha256, self.seed, self._columns, self.most_bytes)
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


def _require_apart(extracts: Mapping[str, Buildings]) -> None:
    """Refuse two extracts of the same ground, which would be in training and test at once."""
    for (one, a), (two, b) in itertools.combinations(extracts.items(), 2):
        boxes = np.array([shapely.box(*(each.extent + np.tile(each.origin, 2)).tolist()) for each in (a, b)])
        if a.epsg != b.epsg:
            boxes[1:] = plane.transformed(boxes[1:], f"EPSG:{b.epsg}", f"EPSG:{a.epsg}")
        if shapely.intersection(*boxes).area > 0:
            raise MapError(
                f"the extracts {one} and {two} cover the same ground; give one of them, or cut them apart"
            )


@functools.lru_cache(maxsize=8)
def _buildings(path: str, sha256: str | None, seed: int, columns: Columns, most: int) -> Buildings:
    """Read a file once in a process; the hash tells one content from another."""
    return read_buildings(path, seed, columns, most)


@functools.lru_cache(maxsize=1)
def _scene(path: str, sha256: str | None, seed: int, columns: Columns, most: int, area: Box) -> Scene:
    """Extrude the buildings of a file."""
    buildings = _buildings(path, sha256, seed, columns, most)
    return extruded_scene(buildings.polygons, buildings.top, buildings.bottom, area=area)
