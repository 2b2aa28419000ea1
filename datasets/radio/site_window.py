"""Where on Earth a measured map lies, and the heights of the buildings in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from datasets.factory import numpy_files
from datasets.factory.errors import BuildError
from datasets.factory.formats import format_of, refusal
from datasets.factory.limits import MOST_BYTES
from datasets.radio.buildings import FORMATS, read_buildings, utm_zone

RASTER = ".npy"
HIGHEST = 1000.0
"""Above any building, m."""


@dataclass(frozen=True)
class SiteWindow:
    """A square of a projected plane.

    Parameters
    ----------
    crs
        The plane, as pyproj reads it.
    west, south
        Coordinates of the south-west corner, m.
    size, cell
        Sides of the window and of a cell, m.
    """

    crs: str
    west: float
    south: float
    size: float
    cell: float

    @classmethod
    def at(
        cls, corner: tuple[float, float], crs: str | None, size: float, cell: float, *, northern: bool
    ) -> Self:
        """Return the window that begins at its (north- or south-)western corner, latitude and longitude."""
        latitude, longitude = corner
        crs = _checked(crs or f"EPSG:{utm_zone((longitude, latitude, longitude, latitude))}")
        window = cls(crs, 0.0, 0.0, size, cell)
        east, north = window.local(np.array([corner[0]]), np.array([corner[1]]))
        return cls(crs, float(east[0]), float(north[0]) - (size if northern else 0.0), size, cell)

    @property
    def count(self) -> int:
        """Cells along a side."""
        return round(self.size / self.cell)

    def local(
        self, latitude: NDArray[np.float64], longitude: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how far east and north of the corner positions lie, m; infinite outside the projection."""
        east, north = self._transformer.transform(longitude, latitude)
        return np.asarray(east) - self.west, np.asarray(north) - self.south

    def holds(self, east: NDArray[np.float64], north: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which positions lie inside."""
        return (east >= 0) & (east < self.size) & (north >= 0) & (north < self.size)

    def grid_azimuth(self, latitude: float, longitude: float, azimuth: float) -> float:
        """Return an azimuth from true north, degrees, as one from the map's y axis, rad, 0 to 2 pi.

        The two norths differ by the convergence of the meridians, some degrees at the edge of a UTM zone.
        """
        step = 1e-4  # degrees: some 10 m
        east, north = self.local(np.array([latitude, latitude + step]), np.array([longitude, longitude]))
        north_on_map = np.arctan2(np.diff(east)[0], np.diff(north)[0])
        return float((np.radians(azimuth) + north_on_map) % (2.0 * np.pi))

    def tables(self) -> xr.Dataset:
        """Return the reference system and the table of the one window."""
        import pyproj

        system = pyproj.CRS.from_user_input(self.crs)

        def edge(name: str, value: float) -> xr.Variable:
            meaning = {"units": "m", "long_name": f"{name} edge of the window", "grid_mapping": "crs"}
            return xr.Variable("windows", np.array([value]), meaning)

        attributes = {"units": "1", "long_name": system.name, "crs_wkt": system.to_wkt()}
        return xr.Dataset(
            {
                "crs": xr.Variable((), np.int8(0), attributes),
                "window_west": edge("west", self.west),
                "window_south": edge("south", self.south),
            }
        )

    @cached_property
    def _transformer(self) -> Any:
        import pyproj

        return pyproj.Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)


def building_heights(
    path: Path, window: SiteWindow, seed: int = 0, most: int = MOST_BYTES
) -> NDArray[np.float64]:
    """Return the heights of roofs above the ground, m, (y, x), y ascending northwards; 0 between buildings.

    Parameters
    ----------
    path
        A raster of the window (``.npy``, row 0 in the north), or a map of footprints.
    window
        The window.
    seed
        Root of the heights that a map does not tell.
    most
        Most bytes of a map that is read as a whole.
    """
    found = format_of(path)
    if found == "tiff":
        raise BuildError(
            f"{path} is a GeoTIFF or another TIFF, expected {RASTER} or a map; {_warp(path, window)}"
        )
    if refused := refusal(path, found, (*FORMATS, "npy"), f"a raster ({RASTER}) or a map of footprints"):
        raise BuildError(refused)
    return _raster(path, window) if found == "npy" else _footprints(path, window, seed, most)


def _warp(path: Path, window: SiteWindow) -> str:
    """Return the command that cuts the window out of a raster with a reference system."""
    edges = (window.west, window.south, window.west + window.size, window.south + window.size)
    box = " ".join(f"{edge:.3f}" for edge in edges)
    name = path.stem
    return (
        f"cut the window by `gdalwarp -t_srs {window.crs} -te {box} -ts {window.count} {window.count} -r max "
        f"{path.name} {name}_window.tif`, subtract the ground, and save it by numpy.save('{name}.npy', "
        f"rasterio.open('{name}_window.tif').read(1))"
    )


def _raster(path: Path, window: SiteWindow) -> NDArray[np.float64]:
    heights = numpy_files.mapped(path)
    if heights.shape != (window.count, window.count) or heights.dtype.kind not in "iuf":
        raise BuildError(
            f"{path} holds {heights.dtype} of shape {heights.shape}, expected heights in m of shape "
            f"({window.count}, {window.count}), row 0 in the north: {window.size:g} m in cells of "
            f"{window.cell:g} m{_other_grid(heights, window)}"
        )
    if not np.isfinite(heights).all() or (heights < 0).any():
        negative = heights[heights < 0]
        lowest = f" down to {negative.min():g}" if negative.size else ""
        raise BuildError(
            f"{path} has heights that are negative or NaN ({negative.size} negative{lowest}, "
            f"{int((~np.isfinite(heights)).sum())} not finite); expected 0 between buildings: put 0 there"
        )
    if instead := _no_heights(heights):
        raise BuildError(f"{path}: {instead}; expected heights above the ground in m, 0 between buildings")
    return heights[::-1].astype(np.float64)


def _other_grid(heights: NDArray[Any], window: SiteWindow) -> str:
    """Return the keys that fit the shape of a raster; nothing if it is not square."""
    if heights.ndim != 2 or heights.shape[0] != heights.shape[1] or not heights.size:
        return ""
    count = len(heights)
    return (
        f"; it fits `window_size={count * window.cell:g}` if its cells are {window.cell:g} m wide, or "
        f"`cell_size={window.size / count:.15g}` if it covers {window.size:g} m"
    )


def _no_heights(heights: NDArray[Any]) -> str:
    """Return what a raster holds instead of heights of buildings above the ground; empty if they may be."""
    values, highest = np.unique(heights), float(heights.max())
    if values.tolist() in ([0, 1], [0, 255], [1, 255]):
        return f"its values are only {values[0]:g} and {values[1]:g}, a mask of buildings"
    if values[0] > 0:
        return (
            f"no cell is 0 (the lowest is {values[0]:g}): they may be altitudes of the surface, from which "
            "the ground is to be subtracted"
        )
    if highest > HIGHEST:
        unit = "cm: divide by 100" if highest <= 100 * HIGHEST else "mm: divide by 1000"
        return f"its highest value is {highest:g}, higher than any building; they may be {unit}"
    return ""


def _footprints(path: Path, window: SiteWindow, seed: int, most: int) -> NDArray[np.float64]:
    """Raise the buildings of an OpenStreetMap extract or GeoJSON file in the plane of the window."""
    import pyproj
    import shapely

    from physics.raytracing.extrusion import height_raster

    buildings = read_buildings(path, seed, most=most)
    transformer = pyproj.Transformer.from_crs(f"EPSG:{buildings.epsg}", window.crs, always_xy=True)

    def to_window(points: NDArray[np.float64]) -> NDArray[np.float64]:
        east, north = transformer.transform(*(points + buildings.origin).T)
        return np.column_stack([east - window.west, north - window.south])

    centres = (np.arange(window.count) + 0.5) * window.cell
    polygons = shapely.transform(buildings.polygons, to_window)
    heights = height_raster(polygons, buildings.top, centres, centres).astype(np.float64)
    if not heights.any():
        raise BuildError(f"{path} has no building in the window; take a map of the window's area")
    return heights


def _checked(crs: str) -> str:
    import pyproj

    try:
        system = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise BuildError(f"crs '{crs}' is unknown ({error}); expected one such as EPSG:32617") from None
    if not system.is_projected or system.axis_info[0].unit_name != "metre":
        raise BuildError(f"crs '{crs}' is {system.name}, not a plane in metres; take a UTM zone, EPSG:326xx")
    return crs
