"""Files of one record at points: tables of text or Parquet with a row a point, and meshes."""

import contextlib
import io
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from cachetools import LRUCache, cached

from datasets.factory.cells import bracketed, is_missing, is_number
from datasets.factory.errors import BuildError
from datasets.factory.formats import FORMATS
from datasets.factory.limits import one_line_of, require_most, require_plausible
from datasets.factory.tables import places, read_table
from datasets.factory.text import read_text
from surrogates.core.optional import require
from surrogates.core.text import nearest

MESHES = {
    ".vtk": "vtk",
    ".vtu": "vtu",
    ".msh": "gmsh",
    ".ply": "ply",
    ".stl": "stl",
    ".obj": "obj",
    ".su2": "su2",
}
"""Formats of meshes by suffix, under the names of meshio; none that leads to other files."""
KINDS = ("text", "parquet", "mesh")
TRIANGLES = "triangles"
"""Variable of a mesh: the vertices of each triangle, from 0; a quadrilateral is two triangles."""
COORDINATES = ("x", "y", "z")
AGAIN = "export it again"

KEPT = 1 << 28
"""Bytes of columns that are kept of tables, since an import looks at each file some ten times."""

Columns = dict[str, tuple[np.ndarray, str | None]]
Named = Mapping[str, tuple[str, ...]]


def point_variables(path: Path, kind: str, points: str, named: Named, most: int) -> dict[str, xr.Variable]:
    """Return the variables of a file whose rows or vertices are the points of one record.

    Parameters
    ----------
    path, kind
        The file, and which of `KINDS` it is.
    points
        Dimension of the points.
    named
        Names of axes by variable; a column of a table with none, `dims: []`, is one number for all rows.
    most
        Most bytes of the file.

    Raises
    ------
    BuildError
        When no dimension of points was named, or the file cannot be read.
    """
    if not points:
        raise BuildError(
            f"{path} is {FORMATS.get(kind, 'a mesh')}, expected a NetCDF, HDF5, .npz, .npy or Zarr file; if "
            "its rows or vertices are the points of one record, say `varying: point` in the mapping; if each "
            "row is a record, make it NetCDF with pandas: "
            f"pd.read_csv('{path}').to_xarray().to_netcdf('{path}.nc')"
        )
    require_most(path, path.stat().st_size, most)
    with one_line_of(path, AGAIN):
        found = {"text": _text, "parquet": _parquet, "mesh": _mesh}[kind](path, points, named, most)
    return {name: _one_number(path, name, each, named) for name, each in found.items()}


def point_names(path: Path, kind: str) -> list[str]:
    """Return the names of the variables in a file of points."""
    return list(point_variables(path, kind, "point", {}, 1 << 62))


def _text(path: Path, points: str, named: Named, most: int) -> dict[str, xr.Variable]:
    columns = _columns(path, most, (path.absolute(), path.stat().st_mtime_ns, path.stat().st_size))
    return {
        name: xr.Variable(points, values, {} if unit is None else {"units": unit})
        for name, (values, unit) in columns.items()
    }


def _bytes_of(columns: Columns) -> int:
    return sum(values.nbytes for values, _ in columns.values())


@cached(LRUCache(KEPT, _bytes_of), lambda path, most, state: state, threading.Lock())
def _columns(path: Path, most: int, state: tuple[Path, int, int]) -> Columns:
    """Return values, which may not be changed, and unit of each column of a table in a state of its file."""
    table = read_table(str(path), read_text(path, most=most))
    found: Columns = {}
    for title in table.header:
        unit = table.units[places(title, table.header)[0]]
        cells = table.cells(title)
        values = table.values(title, unit or "1") if _are_numbers(cells) else np.array(cells, dtype=str)
        values.flags.writeable = False
        found[bracketed(title)[0]] = values, unit
    return found


def _are_numbers(cells: Sequence[str]) -> bool:
    """Tell whether most of a column are numbers, or all is missing; any other is text."""
    known = [cell for cell in cells if not is_missing(cell)]
    return 2 * sum(is_number(cell.split()[0]) for cell in known) >= len(known)


def _parquet(path: Path, points: str, named: Named, most: int) -> dict[str, xr.Variable]:
    file = require("pyarrow.parquet", f"Reading {path}").ParquetFile(path)
    require_plausible(path, 8 * file.metadata.num_rows * file.metadata.num_columns, 0, most)
    table = file.read()
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    return {
        name: xr.Variable(points, values if values.dtype.kind in "biuf" else values.astype(str))
        for name, values in columns.items()
    }


def _mesh(path: Path, points: str, named: Named, most: int) -> dict[str, xr.Variable]:
    meshio = require("meshio", f"Reading {path}")
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            mesh = meshio.read(path, file_format=MESHES[path.suffix.lower()])
    except SystemExit:  # how meshio ends at what it does not know
        raise BuildError(
            f"{path} is no {MESHES[path.suffix.lower()]} file that meshio reads; {AGAIN}"
        ) from None
    places = np.asarray(mesh.points, np.float64)
    found = {
        name: xr.Variable(points, places[:, axis]) for axis, name in enumerate(COORDINATES[: places.shape[1]])
    }
    for name, values in mesh.point_data.items():
        found[str(name)] = _data(path, str(name), np.asarray(values), points, named)
    if len(triangles := _triangles(mesh)):
        found[TRIANGLES] = xr.Variable(named.get(TRIANGLES, ("triangle", "corner")), triangles)
    require_plausible(path, sum(each.nbytes for each in found.values()), path.stat().st_size, most)
    return found


def _data(path: Path, name: str, values: np.ndarray, points: str, named: Named) -> xr.Variable:
    """Return values at the vertices; those with components have a dimension more, named or counted."""
    inner = tuple(dim for dim in named.get(name, ()) if dim != points)
    if values.ndim == 1:
        return xr.Variable(points, values)
    if inner and len(inner) != values.ndim - 1:
        raise BuildError(
            f"{path}: '{name}' has the shape {values.shape}, but the mapping names the dimensions "
            f"({', '.join(named[name])}); give `dims:` one name for each axis"
        )
    names = inner or tuple(f"{name}_{axis}" for axis in range(1, values.ndim))
    return xr.Variable((points, *names), values)


def _triangles(mesh: Any) -> np.ndarray:
    """Return the triangles of a surface, (triangles, 3), int32."""
    cells = mesh.cells_dict
    quads = np.asarray(cells.get("quad", np.empty((0, 4))), np.int32)
    halves = [np.asarray(cells.get("triangle", np.empty((0, 3))), np.int32), quads[:, [0, 1, 2]]]
    return np.concatenate([*halves, quads[:, [0, 2, 3]]])


def _one_number(path: Path, name: str, variable: xr.Variable, named: Named) -> xr.Variable:
    """Return a column that the mapping calls one number as such."""
    if named.get(name) != () or not variable.ndim:
        return variable
    if not variable.size or not (variable.values == variable.values[0]).all():
        raise BuildError(
            f"{path}: '{name}' is to be one number (`dims: []`), but differs from row to row"
            f"{nearest(name, list(named))}; leave `dims` out for values at points"
        )
    return xr.Variable((), variable.values[0], variable.attrs)
