"""Opens the files of other programs as variables, lazily and as they are stored: nothing is decoded yet."""

import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from datasets.factory import numpy_files, point_files
from datasets.factory.errors import BuildError
from datasets.factory.formats import PACKED, UNKNOWN, format_of, refusal
from datasets.factory.limits import MOST_ARRAY_BYTES, require_most, require_plausible
from datasets.factory.opening_checks import require_plain_hdf5, require_plain_zarr
from datasets.factory.opening_zarr import UNNAMED, open_zarr
from surrogates.core.optional import require

SUFFIXES = {
    ".nc": "hdf5",
    ".nc4": "hdf5",
    ".cdf": "hdf5",
    ".h5": "hdf5",
    ".npz": "npz",
    ".npy": "npy",
    ".zarr": "zarr",
}
"""Kinds of the files behind URLs, whose content is not looked at first."""
FORMATS = ("hdf5", "netcdf3", "mat73", "npz", "npy", "text", "parquet")
EXPECTED = "a NetCDF, HDF5, .npz, .npy, CSV, Parquet or Zarr file, or a mesh"
ADVICE = {
    "grib": "make it NetCDF with cfgrib: xr.open_dataset('{0}', engine='cfgrib').to_netcdf('{0}.nc')",
    "mat5": "save it in MATLAB again by `save(name, '-v7.3')`",
    **dict.fromkeys((*PACKED, "zip"), "unpack it first"),
}
"""What to do with a file of another format."""
_FLOAT_FILL = 9.969209968386869e36
_INTEGER_FILLS = {"int32": -2147483647, "int64": -9223372036854775806}
"""What NetCDF fills cells with that nobody wrote, where a variable states nothing else (netcdf.h)."""

Dims = tuple[tuple[str, tuple[str, ...]], ...]
Variables = dict[str, xr.Variable]


def open_files(
    paths: tuple[str, ...],
    groups: tuple[str, ...],
    dims: Dims,
    most: int = MOST_ARRAY_BYTES,
    points: str = "",
) -> Variables:
    """Open files that together hold the same records.

    Parameters
    ----------
    paths
        One NetCDF, HDF5, ``.npz`` or Zarr file, table or mesh, or several ``.npy`` files that hold one
        variable each.
    groups
        Groups inside the file to open, such as ``data/run``; the root is always opened.
    dims
        Dimension names of arrays that name none: those of NumPy, HDF5 and MATLAB files.
    most
        Most bytes of what is read as a whole: an array of an ``.npz`` file, a chunk of others.
    points
        Dimension of the rows of a table and of the vertices of a mesh.

    Returns
    -------
    dict
        Variables with their attributes, by path inside the file (``data/run/height``).

    Raises
    ------
    BuildError
        When a file is of another kind, lacks a group, or its arrays do not have the dimensions that were
        named.
    """
    changed = tuple(Path(path).stat().st_mtime_ns for path in paths if "://" not in path)
    return _opened(paths, groups, dims, most, points, changed)


def kind_of(path: str) -> str:
    """Return the format of a file (`datasets.factory.formats`), or `zarr`; of a URL by its suffix.

    Raises
    ------
    BuildError
        When the file is known to be of a format that is not read here.
    """
    if "://" in path:
        return SUFFIXES.get(Path(path).suffix, UNKNOWN)
    if Path(path).is_dir():
        zarr = any((Path(path) / name).is_file() for name in ("zarr.json", ".zgroup"))
        return "zarr" if zarr else UNKNOWN
    if Path(path).suffix.lower() in point_files.MESHES:
        return "mesh"
    found = format_of(Path(path))
    if refused := refusal(Path(path), found, FORMATS, EXPECTED):
        raise BuildError(refused + (f"; {ADVICE[found].format(path)}" if found in ADVICE else ""))
    return found


def close_files() -> None:
    """Forget the files opened last, so that others may write them."""
    _opened.cache_clear()


def names_in(path: str) -> list[str]:
    """Return the paths of all variables of a NetCDF, HDF5 or Zarr file, those of its groups included."""
    match kind_of(path):
        case "hdf5" | "netcdf3" | "mat73":
            with require("netCDF4", f"Reading {path}").Dataset(path) as file:
                return [name for name in _walk(file, "") if not name.startswith("#")]  # MATLAB's own
        case "zarr":
            members = zarr.open_group(path, mode="r", use_consolidated=False).members(max_depth=None)
            return [name for name, member in members if isinstance(member, zarr.Array)]
        case "npz":
            return list(numpy_files.headers(Path(path)))
        case "text" | "parquet" | "mesh" as kind:
            return point_files.point_names(Path(path), kind)
    return [Path(path).stem]


def _walk(group: Any, prefix: str) -> Iterator[str]:
    yield from (prefix + name for name in group.variables)
    for name, inner in group.groups.items():
        yield from _walk(inner, f"{prefix}{name}/")


@lru_cache(maxsize=4)
def _opened(
    paths: tuple[str, ...],
    groups: tuple[str, ...],
    dims: Dims,
    most: int,
    points: str,
    changed: tuple[int, ...],
) -> Variables:
    """Open files once per state: every unit reads from the same ones."""
    path, named = paths[0], dict(dims)
    kind = kind_of(path)
    _require_plain(path, kind, most)
    match kind:
        case "text" | "parquet" | "mesh":
            return point_files.point_variables(Path(path), kind, points, named, most)
        case "npy":
            arrays = {Path(each).stem: numpy_files.mapped(Path(each)) for each in paths}
            return {name: _from_numpy(array, name, named, path) for name, array in arrays.items()}
        case "npz":
            stated = {name: each for name, each in numpy_files.headers(Path(path)).items() if name in named}
            require_most(path, sum(each.nbytes for each in stated.values()), most)
            return {
                name: _from_numpy(numpy_files.member(Path(path), name, most), name, named, path)
                for name in stated
            }
        case "zarr":
            return _plausible(path, _merged(path, groups, open_zarr, named), most)
        case "hdf5" | "netcdf3":
            require("netCDF4", f"Reading {path}")
            return _plausible(path, _merged(path, groups, _open_netcdf, named), most)
        case "mat73":
            require("netCDF4", f"Reading {path}")
            return {
                name: _from_matlab(variable, name, named, path)
                for name, variable in _plausible(path, _merged(path, groups, _open_netcdf, {}), most).items()
            }
    raise BuildError(f"{path} is empty or of an unknown kind; expected {EXPECTED}.")


def _require_plain(path: str, kind: str, most: int) -> None:
    """Refuse what in a file leads to code, to other files, or to more memory than there is."""
    if "://" in path:
        return
    if kind == "zarr":
        require_plain_zarr(Path(path), most)
    elif kind in ("hdf5", "mat73"):
        require_plain_hdf5(Path(path), most)


def _plausible(path: str, variables: Variables, most: int) -> Variables:
    """Return variables, unless they are far larger than the file that holds them."""
    if "://" not in path:
        files = Path(path).rglob("*") if Path(path).is_dir() else [Path(path)]
        stored = sum(each.stat().st_size for each in files if each.is_file())
        require_plausible(path, sum(each.nbytes for each in variables.values()), stored, most)
    return variables


def _from_numpy(array: np.ndarray, name: str, dims: Mapping[str, tuple[str, ...]], path: str) -> xr.Variable:
    """Return an array under the names of its axes."""
    names = dims.get(name, tuple(f"{UNNAMED}{name}_{axis}" for axis in range(array.ndim)))
    _require_axes(name, array.shape, names, path)
    return _as_numbers(xr.Variable(names, array))


def _as_numbers(variable: xr.Variable) -> xr.Variable:
    """Return dates as numbers with units, as NetCDF stores them; a date that is none becomes NaN."""
    if variable.dtype.kind not in "mM":
        return variable
    dates = variable.copy(deep=False)
    dates.encoding = {"dtype": "float64"} if np.isnat(dates.values).any() else {}
    return xr.conventions.encode_cf_variable(dates)


def _from_matlab(
    variable: xr.Variable, name: str, dims: Mapping[str, tuple[str, ...]], path: str
) -> xr.Variable:
    """Return a matrix of MATLAB: HDF5 shows its axes in reverse, and a vector as a matrix."""
    if name not in dims:
        return variable
    turned = variable.transpose()
    if turned.ndim > len(dims[name]):
        keep = [axis for axis, length in enumerate(turned.shape) if length > 1]
        keep += [axis for axis in range(turned.ndim) if axis not in keep][
            : max(0, len(dims[name]) - len(keep))
        ]
        turned = turned.isel({dim: 0 for axis, dim in enumerate(turned.dims) if axis not in keep})
    return _under(turned, name, dims, path)


def _under(variable: xr.Variable, name: str, dims: Mapping[str, tuple[str, ...]], path: str) -> xr.Variable:
    """Return a variable whose axes have no names under those that the mapping gives."""
    if name not in dims or not all(str(dim).startswith(UNNAMED) for dim in variable.dims):
        return variable
    _require_axes(name, variable.shape, dims[name], path)
    named = variable.to_base_variable()
    named.dims = dims[name]
    return named


def _require_axes(name: str, shape: tuple[int, ...], dims: tuple[str, ...], path: str) -> None:
    if len(shape) != len(dims):
        raise BuildError(
            f"{path}: '{name}' has shape {shape}, but the mapping names the dimensions "
            f"({', '.join(dims)}); give `dims:` one name for each axis."
        )


def _merged(
    path: str, groups: tuple[str, ...], opened: Any, dims: Mapping[str, tuple[str, ...]]
) -> Variables:
    found: Variables = {}
    for group in dict.fromkeys(("", *groups)):
        for name, variable in opened(path, group, dims).items():
            full = f"{group}/{name}" if group else str(name)
            found[full] = _under(_as_numbers(variable), full, dims, path)
    return found


def _open_netcdf(path: str, group: str, dims: Mapping[str, tuple[str, ...]]) -> Variables:
    """Open a group of a NetCDF or HDF5 file; complex numbers of h5py and of NetCDF become such."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unsupported")
        try:
            ds = xr.open_dataset(
                path, engine="netcdf4", group=group or None, decode_cf=False, auto_complex=True
            )
        except OSError as error:
            if group:
                return {}  # its variables are found missing
            then = "download it and name the file" if "://" in path else "fetch it again"
            raise BuildError(f"{path} cannot be read ({error.strerror or error}); {then}") from None
    variables = {str(name): variable.to_base_variable() for name, variable in ds.variables.items()}
    for variable in variables.values():
        _state_default_fill(variable)
        _state_flags(variable)
    return variables


def _state_flags(variable: xr.Variable) -> None:
    """State the meaning of the numbers of NetCDF's enumerations as CF does: by flags."""
    names = (getattr(variable.encoding.get("dtype"), "metadata", None) or {}).get("enum")
    if names and "flag_meanings" not in variable.attrs:
        variable.attrs["flag_values"] = np.array(list(names.values()), variable.dtype)
        variable.attrs["flag_meanings"] = " ".join(names)


def _state_default_fill(variable: xr.Variable) -> None:
    """State what NetCDF leaves unsaid: which value cells have that were never written."""
    if any(key in variable.attrs for key in ("_FillValue", "missing_value")):
        return
    if variable.dtype.kind == "f" and variable.dtype.itemsize in (4, 8):
        variable.attrs["_FillValue"] = variable.dtype.type(_FLOAT_FILL)
    elif variable.dtype.name in _INTEGER_FILLS:
        variable.attrs["_FillValue"] = variable.dtype.type(_INTEGER_FILLS[variable.dtype.name])
