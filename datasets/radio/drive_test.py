"""Import `radio/drive_test`: measured signal strength on the grid of `radio/urban`, from CSV files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, field_validator, model_validator

from datasets.factory.errors import BuildError
from datasets.factory.left_out import MOST, LeftOut, MostLeftOut
from datasets.factory.limits import MOST_BYTES, MostBytes
from datasets.factory.recipe import Arrays, Recipe
from datasets.factory.sources import Source, find_sources, one_or_several
from datasets.factory.tables import Decimal, Separator
from datasets.factory.text import Encoding
from datasets.radio import doubts, variables
from datasets.radio.antennas import Antenna, antenna_at, other_windows
from datasets.radio.log_rows import Columns, read_rows
from datasets.radio.measurements import Measurement, measurements_of
from datasets.radio.placing import leave_outside
from datasets.radio.readings import Readings, cell_name, names_of, read_positions, read_rsrp, repeated
from datasets.radio.sieve import Sieve, Value, choose, choose_cells, choose_devices
from datasets.radio.site_window import SiteWindow, building_heights
from datasets.store.specs import Split, VariableSpec
from surrogates.core.text import listing

FEWEST = 20
"""Outdoor cells that a map needs: fewer leave neither a fit nor a score with meaning."""
NONE = "none"
"""Stands for buildings that nobody knows."""
FILES = {
    "measurements": "the CSV file of the readings",
    "buildings": "the heights of the buildings, which tell streets from roofs: a raster (.npy) or a map",
}


class Selected(NamedTuple):
    """The readings of all rows, which of them are averaged, and what is to be said of them."""

    readings: Readings
    sieve: Sieve
    remarks: list[str]


def _several(given: Any) -> Any:
    """Make a list of one value; nothing is an empty cell."""
    values = given if isinstance(given, list | tuple) else [given]
    return ["" if value is None else value for value in values]


class DriveTest(Recipe):
    """Readings of RSRP along a drive or walk, averaged in linear power in the cells of a map.

    One record for each cell and device. Variables, dimensions and units are those of `radio/urban`, with
    ``rsrp`` instead of path gains, so that a model trained there runs here.
    """

    name: ClassVar[str] = "radio/drive_test"
    version: ClassVar[int] = 4
    title: ClassVar[str] = "Signal strength measured on a drive test (made by `surrogates data import`)"
    reads_files: ClassVar[bool] = True
    formats: ClassVar[tuple[str, ...]] = ("text",)

    site: str = Field(description="Name of the site, for the title.")
    data_license: str = Field("unspecified", description="Licence of readings and buildings.")
    measurements: tuple[Source, ...] = Field(
        min_length=1,
        description="CSV file with a header line, one reading a line; or several of the same columns.",
        json_schema_extra=one_or_several,
    )
    buildings: Source | Literal["none"] = Field(
        description="Heights of buildings, m: a raster (.npy, row 0 in the north) or a map (.osm, .geojson); "
        "`none` where nobody knows them."
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
    columns: Columns = Field(
        Columns.model_validate({}), description="Columns of the CSV file, by name or position."
    )
    encoding: Encoding = None
    separator: Separator = None
    decimal: Decimal = None
    quantity: Literal["rsrp"] | None = Field(
        None, description="`rsrp` states that the column is RSRP in dBm, whatever its name says."
    )
    where: dict[str, Annotated[tuple[Value, ...], Field(min_length=1), BeforeValidator(_several)]] = Field(
        {}, description="Values, or lists of them, of other columns: operator, EARFCN, band, technology."
    )
    cells: dict[str, Antenna] = Field(min_length=1, description="The antennas, by the names in the CSV file.")
    devices: tuple[str, ...] | None = Field(None, description="Devices to import; all by default.")
    leave_out: tuple[Literal["outside", "other_cells"], ...] = Field(
        (), description="Readings to leave out: outside the window, or of cells that are not described."
    )
    most_outside: float = Field(
        0.5, ge=0, le=1, description="Largest share of the readings to leave out outside the window."
    )
    repetitions: Literal["leave_out", "keep"] = Field(
        "leave_out", description="Rows that repeat time, position, cell, device and RSRP of another."
    )
    most_left_out: MostLeftOut = MOST
    most_bytes: MostBytes = MOST_BYTES

    @model_validator(mode="before")
    @classmethod
    def _find_files(cls, given: Any) -> Any:
        """Make sources of the paths that a user typed, and hash their content."""
        if not isinstance(given, dict):
            return given
        missing = [f"`{key}=`, {what}" for key, what in FILES.items() if given.get(key) is None]
        if missing and set(given) <= set(cls.model_fields):
            raise ValueError(f"a file is not named: give {', and '.join(missing)}")
        if missing:
            return given  # another key is wrong, and perhaps this one
        paths = _several(given["measurements"])
        if not all(isinstance(path, str) for path in (*paths, given["buildings"])):
            return given | {"measurements": paths}
        if given["buildings"] == NONE:
            folder, sources = find_sources(tuple(paths), Path())
            return given | {"measurements": sources, "folder": str(folder)}
        folder, sources = find_sources((*paths, given["buildings"]), Path())
        return given | {"measurements": sources[:-1], "buildings": sources[-1], "folder": str(folder)}

    @field_validator("cells", mode="before")
    @classmethod
    def _names_of_cells(cls, given: Any) -> Any:
        """Make texts of the numbers by which YAML names cells."""
        if not isinstance(given, dict):
            return given
        return {cell_name(str(name)): antenna for name, antenna in given.items()}

    @field_validator("north_west", "south_west")
    @classmethod
    def _degrees(cls, corner: tuple[float, float] | None) -> tuple[float, float] | None:
        if corner is not None and not (abs(corner[0]) <= 90.0 and abs(corner[1]) <= 180.0):
            raise ValueError(
                f"expected [latitude, longitude] in degrees, found [{corner[0]:g}, {corner[1]:g}]"
                + ("; write the latitude first" if abs(corner[1]) <= 90.0 else "")
            )
        return corner

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.north_west is None) == (self.south_west is None):
            raise ValueError("give either north_west or south_west, [latitude, longitude] of a corner")
        if len(self.measurements) > len({each.sha256 or each.path for each in self.measurements}):
            raise ValueError(
                f"two files of {listing(each.path for each in self.measurements)} have the same content; "
                "name each once"
            )
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
        for source in (*self.measurements, *([] if isinstance(self.buildings, str) else [self.buildings])):
            source.require_unchanged(Path(self.folder))
        assert self._positions  # each antenna stands in the window
        for each in self.left_out():
            each.require_few()  # before what follows from too few readings
        for measurement in self._measurements:
            outdoor = int(((measurement.readings > 0) & (self._heights <= 0)).sum())
            if outdoor < FEWEST:
                raise BuildError(
                    f"'{measurement.name}' has {int(measurement.readings.sum())} readings in {outdoor} "
                    f"outdoor cells, at least {FEWEST} are needed; measure more, or choose others by "
                    "`devices:` and `cells:`"
                )

    def remarks(self) -> list[str]:
        """Say how many readings each map holds, in how many cells, and what contradicts the site file."""
        outdoor = self._heights <= 0
        found = [
            f"{each.name}: {int(each.readings.sum())} readings in the window, {np.isfinite(each.rsrp).sum()} "
            f"cells, {(np.isfinite(each.rsrp) & outdoor).sum()} of them outdoors"
            for each in self._measurements
        ]
        return [*found, *(f"warning: {doubt}" for doubt in self._doubts())]

    def left_out(self) -> list[LeftOut]:
        return [self._selected.sieve.left_out(self.most_left_out)]

    def records(self) -> int:
        return len(self._measurements)

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return [*variables.geometry_specs(1, 1.0), *variables.measured_specs(1)]

    def specs(self) -> list[VariableSpec]:
        count = self._window.count
        geometry = variables.geometry_specs(count, self.window_size)
        return [*geometry, *variables.measured_specs(count)]

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
        return {
            "building_height": heights,
            "terrain_height": np.zeros_like(heights),
            "transmitter_position": np.stack([self._positions[each.cell] for each in chosen]),
            "transmitter_azimuth": np.array([self._azimuth(each.cell) for each in chosen], np.float32),
            "rsrp": np.stack([each.rsrp for each in chosen]).astype(np.float32),
            "readings": np.stack([each.readings for each in chosen]).astype(np.int32),
            "frequency": np.array([a.frequency_hz for a in antennas], np.float64),
            "window": np.zeros(len(chosen), np.int32),
        }

    def software(self) -> dict[str, str]:
        import pyproj

        return {"numpy": np.__version__, "pyproj": pyproj.__version__, "proj": pyproj.proj_version_str}

    @property
    def _corner(self) -> tuple[tuple[float, float], bool]:
        """The corner that is given, and whether it is the north-western one."""
        corner = self.north_west or self.south_west
        assert corner is not None
        return corner, self.north_west is not None

    @cached_property
    def _window(self) -> SiteWindow:
        corner, northern = self._corner
        return SiteWindow.at(corner, self.crs, self.window_size, self.cell_size, northern=northern)

    @cached_property
    def _heights(self) -> NDArray[np.float64]:
        if isinstance(self.buildings, str):
            return np.zeros((self._window.count, self._window.count))
        return building_heights(
            Path(self.buildings.path_in(Path(self.folder))), self._window, self.seed, self.most_bytes
        )

    @cached_property
    def _selected(self) -> Selected:
        """The readings, after all that a key or a fault leaves out."""
        paths = [Path(source.path_in(Path(self.folder))) for source in self.measurements]
        rows = read_rows(paths, self.columns, self.encoding, self.separator, self.decimal, self.most_bytes)
        sieve = Sieve.of(rows)
        choose(sieve, self.where)
        cell, device = names_of(rows)
        choose_devices(sieve, device, self.devices)
        choose_cells(sieve, cell, list(self.cells), wanted="other_cells" in self.leave_out)
        latitude, longitude = read_positions(sieve)
        rsrp = read_rsrp(sieve, self.quantity)
        leave_outside(
            sieve,
            latitude,
            longitude,
            self._window,
            wanted="outside" in self.leave_out,
            most=self.most_outside,
        )
        readings = Readings(latitude, longitude, rsrp, cell, device)
        again, remark = repeated(sieve, readings)
        if self.repetitions == "leave_out":
            sieve.leave_out(again, "repeated", chosen=True)
        return Selected(readings, sieve, [*rows.remarks, *([remark] if remark else [])])

    @cached_property
    def _measurements(self) -> list[Measurement]:
        """Records by cell, then by device."""
        return measurements_of(self._selected.readings, self._selected.sieve, self.cells, self._window)

    def _doubts(self) -> list[str]:
        """Return what in the readings contradicts the description of the site."""
        readings, sieve, found = self._selected
        cells = readings.cell
        if self.columns.cell is None:
            cells = np.full(len(cells), next(iter(self.cells)))
        carriers = {name: antenna.frequency_hz for name, antenna in self.cells.items()}
        found = [*found, *doubts.doubts_of_columns(sieve.rows, sieve.kept, cells, carriers)]
        found += doubts.doubt_of_floor(readings.rsrp[sieve.kept])
        found += doubts.doubts_of_positions(
            sieve.rows, sieve.kept, readings.latitude, readings.longitude, self.cell_size
        )
        for each in self._measurements:
            sector = doubts.Sector(self._positions[each.cell], self._azimuth(each.cell), carriers[each.cell])
            found += doubts.doubts_of_map(each.name, each.rsrp, self.receiver_height, sector, self.cell_size)
        measured = np.any([each.readings > 0 for each in self._measurements], axis=0)
        if isinstance(self.buildings, str):
            return [*found, "no buildings are known: readings on roofs and indoors count as outdoors"]
        return [*found, *doubts.doubt_of_buildings(self._heights, measured)]

    def _azimuth(self, cell: str) -> float:
        """Return the azimuth of an antenna from the map's y axis, rad."""
        antenna = self.cells[cell]
        return self._window.grid_azimuth(antenna.latitude, antenna.longitude, antenna.azimuth_deg)

    @cached_property
    def _positions(self) -> dict[str, NDArray[np.float32]]:
        """The antennas' positions: east, north, height, m."""
        corner, northern = self._corner
        others = other_windows(corner, self.crs, self.window_size, self.cell_size, northern=northern)
        return {
            name: np.array(
                [
                    *antenna_at(name, antenna.latitude, antenna.longitude, self._window, others),
                    antenna.height,
                ],
                np.float32,
            )
            for name, antenna in self.cells.items()
        }
