"""Opens the arrays of a Zarr store as they are stored, v2 or v3, with their missing values stated."""

import warnings
from base64 import standard_b64decode
from collections.abc import Container
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.errors import ContainsArrayError

from datasets.factory.errors import BuildError
from datasets.store.errors import ContractError
from datasets.store.urls import explained, local_path

UNNAMED = "phony_dim_"
"""How names of axes that have none begin, as in the NetCDF library."""
LISTED = "a store of a server that lists no folders needs consolidated metadata (zarr.consolidate_metadata)"


def open_zarr(path: str, group: str, dims: Container[str]) -> dict[str, xr.Variable]:
    """Open a group of a Zarr store, lazily.

    Parameters
    ----------
    path, group
        The store and the path of the group inside it.
    dims
        Paths of arrays for whose axes there are names; others whose axes have none are left out.

    Raises
    ------
    BuildError
        When the path holds a single array, and when a URL shows none or cannot be read.
    """
    consolidated = None if "://" in path else False
    try:
        with explained(path), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            store = xr.backends.ZarrStore.open_group(
                path, "r", group=group or None, consolidated=consolidated, use_zarr_fill_value_as_mask=True
            )
    except ContainsArrayError:
        raise BuildError(
            f"{path} is a single Zarr array, expected a group; put it into one: "
            f"zarr.open_group('{path}.zarr')['NAME'] = zarr.open_array('{path}')[...]"
        ) from None
    except FileNotFoundError:
        return {}  # its variables are found missing
    except ContractError as error:
        if group:
            return {}
        raise BuildError(f"{error}; {LISTED}") from None
    found: dict[str, xr.Variable] = {}
    for name, array in store.zarr_group.arrays():
        full = f"{group}/{name}" if group else name
        if not _is_unnamed(array):
            found[name] = store.open_store_variable(name)
            _state_zarr_fill(found[name], array)
        elif full in dims:
            axes = [f"{UNNAMED}{axis}" for axis in range(array.ndim)]
            found[name] = xr.Variable(axes, np.asarray(array[...]), dict(array.attrs))
            _state_zarr_fill(found[name], array)
    if not found and not group and local_path(path) is None:
        raise BuildError(f"{path} shows no arrays; {LISTED}")
    return found


def _is_unnamed(array: zarr.Array[Any]) -> bool:
    named = "_ARRAY_DIMENSIONS" in array.attrs or getattr(array.metadata, "dimension_names", None)
    return array.ndim > 0 and not named


def _state_zarr_fill(variable: xr.Variable, array: zarr.Array[Any]) -> None:
    """State the missing value that a Zarr array has: its attribute, or a fill value other than the default.

    The default of Zarr is 0, which every array has whose writer said nothing. xarray, the NetCDF library and
    GDAL keep the missing value of a variable as the fill value, and not always as an attribute.
    """
    fill = variable.attrs.pop("_FillValue", None)
    if (stated := array.attrs.get("_FillValue")) is not None:
        variable.attrs["_FillValue"] = _plain_fill(stated, variable.dtype)
    elif variable.dtype.kind in "iufc" and fill:
        variable.attrs["_FillValue"] = fill


def _plain_fill(stated: Any, dtype: np.dtype) -> Any:
    """Return the number that xarray writes into an attribute of Zarr v3 as base64 of a double."""
    if dtype.kind != "f" or not isinstance(stated, str):
        return stated
    try:
        return float(stated)
    except ValueError:
        return float(np.frombuffer(standard_b64decode(stated), "<f8")[0])
