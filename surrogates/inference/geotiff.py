"""A predicted map as a GeoTIFF: north up, in its coordinate reference system, one band for each field."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.units import display
from surrogates.core.files import replacing
from surrogates.core.optional import require
from surrogates.core.text import listing

if TYPE_CHECKING:
    from pyproj import CRS

PURPOSE = "A GeoTIFF"
WEST, SOUTH, EPSG = "window_west", "window_south", "window_epsg"
PLANES = (("y", "x"), ("latitude", "longitude"), ("lat", "lon"))
DEGREES = ("longitude", "lon")
ABSOLUTE = ("projection_x_coordinate", "longitude")
HOW = "give --crs EPSG:CODE --origin EAST NORTH, the south-west corner of the map in that system"


@dataclass(frozen=True)
class Frame:
    """Location of a map on Earth.

    Attributes
    ----------
    crs
        Coordinate reference system of the two coordinates.
    east, north
        What is added to the map's own coordinates, in the units of the system.
    """

    crs: "CRS"
    east: float = 0.0
    north: float = 0.0


def frame_of(
    ds: xr.Dataset,
    column: str,
    record_dimension: str,
    record: int,
    crs: str | None = None,
    origin: tuple[float, float] | None = None,
) -> Frame:
    """Return the location of one record's map: the user's, else its data set's.

    The system is that of the record's window (``window_epsg``), or of the grid mapping (CF), or WGS84 where
    the coordinates are degrees. The corner is the record's ``window_west`` and ``window_south``, kept for
    each record or in a table that the variable with ``instance_dimension`` points into; coordinates that CF
    calls projected or geographic have none.

    Parameters
    ----------
    ds
        The inputs of the prediction, with what the store keeps beside them.
    column
        Dimension of the map that runs eastwards.
    record_dimension, record
        Which record.
    crs, origin
        The user's name of a system, e.g. ``EPSG:32617``, and the south-west corner (east, north) in it.

    Raises
    ------
    ValueError
        When neither says; the message tells how to.
    """
    system = _named(crs) if crs else _system(ds, column, record_dimension, record)
    if origin:
        return Frame(system, *origin)
    about = ds[column].attrs if column in ds.coords else {}
    if column in DEGREES or about.get("standard_name") in ABSOLUTE:
        return Frame(system)
    west, south = (_of_record(ds, name, record_dimension, record) for name in (WEST, SOUTH))
    if west is None or south is None:
        raise ValueError(
            f"the data set does not say where its maps lie: {column} is no projected coordinate (CF "
            f"standard_name), and there is no {WEST} and {SOUTH}; {HOW}"
        )
    return Frame(system, west, south)


def _named(crs: str) -> "CRS":
    pyproj = require("pyproj", PURPOSE)
    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        raise ValueError(
            f"the coordinate system '{crs}' is unknown to PROJ; give e.g. EPSG:32617 (UTM zone 17 north)"
        ) from None


def _system(ds: xr.Dataset, column: str, record_dimension: str, record: int) -> "CRS":
    pyproj = require("pyproj", PURPOSE)
    epsg = _of_record(ds, EPSG, record_dimension, record)
    if epsg is not None:
        return pyproj.CRS.from_epsg(int(epsg))
    if column in DEGREES:
        return pyproj.CRS.from_epsg(4326)
    texts = [
        str(variable.attrs[key])
        for variable in ds.variables.values()
        for key in ("crs_wkt", "spatial_ref")
        if key in variable.attrs
    ]
    if not texts:
        raise ValueError(
            f"the data set has no coordinate reference system (a grid mapping with crs_wkt, or {EPSG}); {HOW}"
        )
    crs = pyproj.CRS.from_wkt(texts[0])
    if not (crs.is_projected or crs.is_geographic):
        raise ValueError(
            f"the coordinate system of the data set, '{crs.name}', is not tied to the Earth; {HOW}"
        )
    return crs


def _of_record(ds: xr.Dataset, name: str, record_dimension: str, record: int) -> float | None:
    """Return a scalar of one record: from the record, the table row it refers to, or the data set."""
    if name not in ds.variables:
        return None
    variable = ds[name].variable
    if not variable.dims:
        return float(variable.values)
    if variable.dims == (record_dimension,):
        return float(variable.values[record])
    links = [
        str(key) for key, v in ds.variables.items() if v.attrs.get("instance_dimension") == variable.dims[0]
    ]
    if not links:
        return None
    return float(variable.values[int(ds[links[0]].values[record])])


def plane_of(name: str, dims: Sequence[Hashable]) -> tuple[str, str]:
    """Return the dimensions of a map, northwards and eastwards."""
    for row, column in PLANES:
        if {row, column} <= set(dims):
            return row, column
    raise ValueError(
        f"'{name}' has the dimensions {listing(map(str, dims))}: a GeoTIFF takes maps on (y, x) or "
        "(latitude, longitude)"
    )


def write_geotiff(prediction: xr.Dataset, path: str | Path, frame: Frame) -> Path:
    """Write the maps of one record, NaN where nothing is known.

    Parameters
    ----------
    prediction
        Fields on one evenly spaced grid, without a record dimension, with coordinates of the cell centres.
    path
        The file; it appears whole or not at all.
    frame
        Where the map lies.
    """
    require("rioxarray", PURPOSE)
    ((row, column), *_) = [plane_of(str(name), field.dims) for name, field in prediction.data_vars.items()]
    extra = {str(dim) for field in prediction.data_vars.values() for dim in field.dims} - {row, column}
    if extra:
        raise ValueError(
            f"a GeoTIFF takes maps, found {listing(extra)} beside {row} and {column}; choose one of them"
        )
    centres = {dim: _even(prediction, dim) for dim in (row, column)}
    fields = xr.Dataset({name: _band(field, row, column) for name, field in prediction.data_vars.items()})
    fields = fields.assign_coords({row: centres[row] + frame.north, column: centres[column] + frame.east})
    fields = fields.rename({row: "y", column: "x"}).sortby("y", ascending=False).sortby("x")
    fields = fields.rio.set_spatial_dims("x", "y").rio.write_crs(frame.crs).rio.write_transform()
    path = Path(path)
    with replacing(path) as staging:
        fields.rio.to_raster(
            staging, driver="GTiff", compress="deflate", tags={"title": prediction.attrs.get("title", "")}
        )
        _finish(staging, fields)
    return path


def _band(field: xr.DataArray, row: str, column: str) -> xr.DataArray:
    if field.dtype.kind == "c":
        raise ContractError(
            f"variable {str(field.name)!r} is {field.dtype}; a GeoTIFF of ours holds real numbers: write a "
            "Zarr store, or the modulus of the prediction"
        )
    plain = field.transpose(row, column).astype(np.float32).reset_coords(drop=True)
    about: dict[Hashable, Any] = {
        "long_name": field.attrs.get("long_name", field.name),
        "units": display(str(field.attrs.get("units", "1"))) or "1",
    }
    plain.attrs, plain.encoding = about, {}
    return plain.rio.write_nodata(np.nan)


def _finish(path: Path, fields: xr.Dataset) -> None:
    """Give every band its name and unit, and the file the mask of cells in which every band has a value.

    The mask lies in the file, for programs that take NaN for a number.
    """
    rasterio = require("rasterio", PURPOSE)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        for number, (name, field) in enumerate(fields.data_vars.items(), start=1):
            file.set_band_description(number, str(field.attrs["long_name"]))
            file.set_band_unit(number, str(field.attrs["units"]))
            file.update_tags(number, name=str(name))
        file.write_mask(np.isfinite(file.read()).all(0))


def _even(prediction: xr.Dataset, dim: str) -> np.ndarray:
    if dim not in prediction.coords:
        raise ValueError(f"the prediction has no coordinate '{dim}', so nothing says how large its cells are")
    values = prediction[dim].values.astype(np.float64)
    steps = np.diff(values)
    if len(values) < 2 or not np.allclose(steps, steps.mean(), rtol=1e-3, atol=0) or not steps.mean():
        raise ValueError(
            f"the coordinate '{dim}' is not evenly spaced; interpolate the map to a regular grid first"
        )
    return values


def write_geotiffs(
    prediction: xr.Dataset, path: Path, frames: Sequence[Frame], record_dimension: str
) -> list[Path]:
    """Write a file for each record: ``map.tif``, or of several ``map_0.tif``, ``map_1.tif``, ...

    Parameters
    ----------
    prediction
        As `Surrogate.predict` returns it.
    path
        The file, or the pattern of the files' names.
    frames
        Where the map of each record lies.
    record_dimension
        Name of the dimension of the records.
    """
    digits = len(str(len(frames) - 1))
    paths = []
    for number, frame in enumerate(frames):
        name = path.name if len(frames) == 1 else f"{path.stem}_{number:0{digits}d}{path.suffix}"
        fields = prediction.isel({record_dimension: number}, missing_dims="ignore")
        paths.append(write_geotiff(fields, path.with_name(name), frame))
    return paths
