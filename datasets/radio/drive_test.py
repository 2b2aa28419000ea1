"""Import `radio/drive_test`: measured signal strength on the grid of `radio/urban`, from a CSV file."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from datasets.factory.errors import BuildError
from datasets.factory.recipe import Arrays, Recipe
from datasets.factory.sources import Source, find_sources
from datasets.factory.text import Encoding
from datasets.radio import variables
from datasets.radio.readings import STRONGEST, WEAKEST, Columns, Readings, mean_power, read_readings
from datasets.radio.site_window import SiteWindow, building_heights
from datasets.store.specs import DECIBEL_MILLIWATT, Split, VariableSpec
from surrogates.core.text import listing, nearest

FEWEST = 20
"""Outdoor cells that a map needs: fewer leave neither a fit nor a score with meaning."""
FILES = ("measurements", "buildings")


class Antenna(BaseModel):
    """A cell of the site."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latitude: float = Field(ge=-90, le=90, description="Degrees north, WGS84.")
    longitude: float = Field(ge=-180, le=180, description="Degrees east, WGS84.")
    height: float = Field(gt=0, le=1000, description="Above the ground, m.")
    azimuth_deg: float = Field(ge=-360, le=360, description="Boresight, degrees clockwise from north.")
    frequency_hz: float = Field(ge=1e8, le=1e11, description="Carrier frequency, Hz.")


class Measurement(NamedTuple):
    """One record: what one device heard of one cell."""

    cell: str
    device: str
    rsrp: NDArray[np.float64]
    readings: NDArray[np.int64]

    @property
    def name(self) -> str:
        """Such as "A Samsung"."""
        return f"{self.cell} {self.device}".strip()


class DriveTest(Recipe):
    """Readings of RSRP along a drive or walk, averaged in linear power in the cells of a map.

    One record for each cell and device. Variables, dimensions and units are those of `radio/urban`, with
    ``rsrp`` instead of path gains, so that a model trained there runs here.
    """

    name: ClassVar[str] = "radio/drive_test"
    version: ClassVar[int] = 2
    title: ClassVar[str] = "Signal strength measured on a drive test (made by `surrogates data import`)"
    reads_files: ClassVar[bool] = True
    formats: ClassVar[tuple[str, ...]] = ("text",)

    site: str = Field(description="Name of the site, for the title.")
    data_license: str = Field("unspecified", description="Licence of readings and buildings.")
    measurements: Source = Field(description="CSV file with a header line, one reading a line.")
    buildings: Source = Field(
        description="Heights of buildings, m: a raster (.npy, row 0 in the north) or a map (.osm, .geojson)."
    )
    folder: str = Field(".", description="Folder of the files; found by itself.")
    crs: str | None = Field(None, description="Projected system in metres; by default the UTM zone.")
    north_west: tuple[float, float] | None = Field(
        None, description="Latitude and longitude of the window's north-west corner, degrees; or:"
    )
    south_west: tuple[float, float] | None = Field(None, description="Those of its south-west corner.")
    window_size: float = Field(512.0, gt=0, description="Side of the window, m.")
    cell_size: float = Field(4.0, gt=0, description="Side of a cell of the map, m.")
    receiver_height: float = Field(
        1.5, gt=0, description="Height of the phones above the local ground, m; 1.5 m is one in the hand."
    )
    columns: Columns = Field(Columns.model_validate({}), description="Names of the CSV file's columns.")
    encoding: Encoding = None
    cells: dict[str, Antenna] = Field(min_length=1, description="The antennas, by the names in the CSV file.")
    devices: tuple[str, ...] | None = Field(None, description="Devices to import; all by default.")
    leave_out: tuple[Literal["outside", "other_cells"], ...] = Field(
        (), description="Readings to leave out: outside the window, or of cells that are not described."
    )

    @model_validator(mode="before")
    @classmethod
    def _find_files(cls, given: Any) -> Any:
        """Make sources of the paths that a user typed, and hash their content."""
        if not isinstance(given, dict) or not all(isinstance(given.get(key), str) for key in FILES):
            return given
        folder, sources = find_sources(tuple(given[key] for key in FILES), Path())
        return given | dict(zip(FILES, sources, strict=True)) | {"folder": str(folder)}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.north_west is None) == (self.south_west is None):
            raise ValueError("give either north_west or south_west, [latitude, longitude] of a corner")
        cells = self.window_size / self.cell_size
        if abs(cells - round(cells)) > 1e-9:
            raise ValueError(
                f"window_size={self.window_size:g} is no multiple of cell_size={self.cell_size:g}"
            )
        if len(self.cells) > 1 and self.columns.cell is None:
            raise ValueError(
                f"the site has {len(self.cells)} antennas ({listing(self.cells)}), but no column tells which "
                "one a reading is of; name it by `columns: {cell: ...}`, or describe one antenna"
            )
        return self

    def config(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"folder"})

    def attributes(self) -> dict[str, str]:
        return {"title": f"Drive test at {self.site}", "license": self.data_license}

    def prepare(self) -> None:
        for source in (self.measurements, self.buildings):
            source.require_unchanged(Path(self.folder))
        self._positions()
        for measurement in self._measurements:
            outdoor = int(((measurement.readings > 0) & (self._heights <= 0)).sum())
            if outdoor < FEWEST:
                raise BuildError(
                    f"'{measurement.name}' has {int(measurement.readings.sum())} readings in {outdoor} "
                    f"outdoor cells, at least {FEWEST} are needed; measure more, or choose others by "
                    "`devices:` and `cells:`"
                )

    def remarks(self) -> list[str]:
        """Say how many readings each map holds, and in how many cells."""
        outdoor = self._heights <= 0
        return [
            f"{each.name}: {int(each.readings.sum())} readings in the window, {np.isfinite(each.rsrp).sum()} "
            f"cells, {(np.isfinite(each.rsrp) & outdoor).sum()} of them outdoors"
            for each in self._measurements
        ]

    def records(self) -> int:
        return len(self._measurements)

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return [*variables.geometry_specs(1, 1.0), *measured_specs(1)]

    def specs(self) -> list[VariableSpec]:
        count = self._window.count
        geometry = variables.geometry_specs(count, self.window_size)
        return [*geometry, *measured_specs(count)]

    def shared(self) -> xr.Dataset:
        names = np.array([measurement.name for measurement in self._measurements], dtype=object)
        meaning = {"long_name": "cell and device of the measurement"}
        axes = variables.axes(self._window.count, self.cell_size)
        link = variables.link_scalars(receiver_height=self.receiver_height)
        tables = self._window.tables().assign(link)
        return tables.assign_coords({**axes.coords, "measurement": ("sample", names, meaning)})

    def splits(self) -> list[Split]:
        return [Split.all_test(self.records(), "measured maps are there to be scored")]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        chosen = [self._measurements[index] for index in indices.tolist()]
        antennas = [self.cells[each.cell] for each in chosen]
        heights = np.repeat(self._heights[None], len(chosen), axis=0).astype(np.float32)
        azimuths = [self._window.grid_azimuth(a.latitude, a.longitude, a.azimuth_deg) for a in antennas]
        return {
            "building_height": heights,
            "terrain_height": np.zeros_like(heights),
            "transmitter_position": np.stack([self._positions()[each.cell] for each in chosen]),
            "transmitter_azimuth": np.array(azimuths, np.float32),
            "rsrp": np.stack([each.rsrp for each in chosen]).astype(np.float32),
            "readings": np.stack([each.readings for each in chosen]).astype(np.int32),
            "frequency": np.array([a.frequency_hz for a in antennas], np.float64),
            "window": np.zeros(len(chosen), np.int32),
        }

    def software(self) -> dict[str, str]:
        import pyproj

        return {"numpy": np.__version__, "pyproj": pyproj.__version__, "proj": pyproj.proj_version_str}

    @cached_property
    def _window(self) -> SiteWindow:
        corner = self.north_west or self.south_west
        assert corner is not None
        return SiteWindow.at(
            corner, self.crs, self.window_size, self.cell_size, northern=self.north_west is not None
        )

    @cached_property
    def _heights(self) -> NDArray[np.float64]:
        return building_heights(Path(self.buildings.path_in(Path(self.folder))), self._window, self.seed)

    @cached_property
    def _measurements(self) -> list[Measurement]:
        """Records by cell, then by device."""
        path = Path(self.measurements.path_in(Path(self.folder)))
        readings = self._chosen(read_readings(path, self.columns, self.encoding), path)
        east, north = self._window.local(readings.latitude, readings.longitude)
        inside = self._window.holds(east, north)
        if not inside.all():
            self._explain_outside(readings, path, inside, east, north)
        readings, east, north = readings.take(inside), east[inside], north[inside]
        column, row = ((each // self.cell_size).astype(np.int64) for each in (east, north))
        found = []
        for cell in self.cells:
            of_cell = readings.cell == cell if self.columns.cell else np.ones(len(row), dtype=bool)
            if not of_cell.any():
                raise BuildError(
                    f"{path} has no reading of cell '{cell}' inside the window; correct `cells:`, or "
                    "remove it"
                )
            for device in np.unique(readings.device[of_cell]).tolist():
                own = of_cell & (readings.device == device)
                maps = mean_power(readings.rsrp[own], row[own], column[own], self._window.count)
                found.append(Measurement(cell, device, *maps))
        return found

    def _chosen(self, readings: Readings, path: Path) -> Readings:
        """Return the readings of the wanted devices and described cells."""
        if self.devices is not None:
            for device in self.devices:
                if device not in (known := np.unique(readings.device).tolist()):
                    there = listing(known) if self.columns.device else "no column: name it by `columns:`"
                    raise BuildError(
                        f"{path} has no reading of the device '{device}'.{nearest(device, known)} Devices: "
                        f"{there}"
                    )
            readings = readings.take(np.isin(readings.device, self.devices))
        if self.columns.cell is None:
            return readings
        known_cell = np.isin(readings.cell, list(self.cells))
        if not known_cell.all() and "other_cells" not in self.leave_out:
            others = np.unique(readings.cell[~known_cell]).tolist()
            raise BuildError(
                f"{path} has {int((~known_cell).sum())} readings of cells that are not described: "
                f"{listing(others)} ({listing(self.cells)} are); add them under `cells:`, or "
                "`leave_out: [other_cells]`"
            )
        return readings.take(known_cell)

    def _explain_outside(
        self,
        readings: Readings,
        path: Path,
        inside: NDArray[np.bool_],
        east: NDArray[np.float64],
        north: NDArray[np.float64],
    ) -> None:
        """Refuse readings outside the window, unless they are to be left out and some are inside."""
        if inside.any() and "outside" in self.leave_out:
            return
        first = int(np.flatnonzero(~inside)[0])
        swapped = self._window.holds(*self._window.local(readings.longitude, readings.latitude))
        advice = (
            "latitude and longitude are swapped"
            if swapped.any() and not inside.any()
            else "correct the window, or `leave_out: [outside]`"
        )
        raise BuildError(
            f"{path}: {int((~inside).sum())} of {inside.size} readings lie outside the window, such as line "
            f"{readings.line[first]} at {readings.latitude[first]:.6f}, {readings.longitude[first]:.6f}, "
            f"{east[first]:.0f} m east and {north[first]:.0f} m north of its south-west corner, where 0 to "
            f"{self.window_size:g} m are covered; {advice}"
        )

    def _positions(self) -> dict[str, NDArray[np.float32]]:
        """Return the antennas' positions: east, north, height, m."""
        found = {}
        for name, antenna in self.cells.items():
            east, north = self._window.local(np.array([antenna.latitude]), np.array([antenna.longitude]))
            if not self._window.holds(east, north)[0]:
                raise BuildError(
                    f"the antenna of cell '{name}' lies {east[0]:.0f} m east and {north[0]:.0f} m north of "
                    f"the window's south-west corner, outside its {self.window_size:g} m; correct its "
                    "position or the window"
                )
            found[name] = np.array([east[0], north[0], antenna.height], np.float32)
        return found


def measured_specs(cells: int) -> list[VariableSpec]:
    """Return the variables of a measured map that ray-traced ones lack."""
    on_map: dict[str, Any] = {"dims": variables.MAP, "shape": (cells, cells)}
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
