"""Variables that all records share: coordinates, tables, fields; written as xarray reads them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

CODECS = (BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec())


def fill_value(dtype: np.dtype) -> Any:
    """Return what an unwritten cell reads as: NaN for floats, 0 or False otherwise."""
    return dtype.type(np.nan) if dtype.kind in "fc" else dtype.type(0)


def auxiliary_coordinates(shared: xr.Dataset, dims: tuple[str, ...]) -> str | None:
    """Return the CF attribute `coordinates` of a variable: the shared ones that lie on its dimensions."""
    names = [
        str(name)
        for name, coordinate in shared.coords.items()
        if name not in coordinate.dims and coordinate.dims and set(coordinate.dims) <= set(dims)
    ]
    return " ".join(names) or None


def shared_attributes(name: str, variable: xr.Variable) -> dict[str, Any]:
    """Return the attributes of a shared variable; its name stands in for a name for people."""
    return {"long_name": name.replace("_", " "), **{str(key): each for key, each in variable.attrs.items()}}


def write_shared(root: zarr.Group, shared: xr.Dataset) -> None:
    """Write every variable of `shared` into the store, one chunk each, unless it is large."""
    for name, variable in shared.variables.items():
        attributes = shared_attributes(str(name), variable)
        if name not in shared.coords and (
            names := auxiliary_coordinates(shared, tuple(map(str, variable.dims)))
        ):
            attributes["coordinates"] = names
        values = np.asarray(variable.values)
        if values.dtype.kind in "mM":
            encoded = xr.conventions.encode_cf_variable(variable)
            attributes |= encoded.attrs
            values = np.asarray(encoded.values)
        _write(root, str(name), values, tuple(map(str, variable.dims)), attributes)


def _write(
    root: zarr.Group, name: str, values: np.ndarray, dims: tuple[str, ...], attributes: Mapping[str, object]
) -> None:
    text = values.dtype.kind in "OUT"
    array = root.create_array(
        name,
        shape=values.shape,
        dtype="str" if text else values.dtype,
        chunks=values.shape if values.nbytes < 1 << 26 and values.size else "auto",
        compressors=CODECS,
        fill_value="" if text else fill_value(values.dtype),
        dimension_names=dims,
        attributes={key: plain(value) for key, value in attributes.items()},
        config={"write_empty_chunks": True},
    )
    array[...] = values.astype(object) if text else values


def plain(value: object) -> Any:
    """Turn NumPy scalars and arrays into what JSON holds."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value
