"""Open the inputs of a prediction: a NetCDF file or a Zarr store, on this machine's disk or at a URL."""

import stat
import warnings
from pathlib import Path, PurePosixPath

import xarray as xr
import zarr

from datasets.store import objects
from datasets.store.errors import ContractError
from datasets.store.foreign import require_plain_hdf5, require_plain_zarr
from datasets.store.layout import open_store
from datasets.store.patience import Unanswered
from datasets.store.patient_store import PatientStore, zarr_store
from datasets.store.plain_folder import read_json, require_plain
from datasets.store.urls import explained, local_copy, local_path
from surrogates.core.optional import require

SUFFIXES = (".nc", ".zarr")
HDF5 = b"\x89HDF\r\n\x1a\n"
"""What a file of HDF5, and so of NetCDF 4, begins with."""


def require_inputs(source: str) -> None:
    """Refuse a name that is not taken, and a path where nothing lies.

    Raises
    ------
    ValueError, FileNotFoundError
        Names the input.
    """
    path = local_path(source)
    name = PurePosixPath(source) if path is None else path
    if name.suffix not in SUFFIXES:
        raise ValueError(f"the input is {name.name}; expected a name that ends in .nc or .zarr.")
    if path is not None and not path.exists():
        raise FileNotFoundError(f"There is no input at {source}.")


def open_inputs(source: str) -> xr.Dataset:
    """Open inputs lazily; a NetCDF file of another machine is copied to a temporary folder first.

    Raises
    ------
    ContractError
        When nothing lies at a URL, or its server does not answer.
    """
    path = local_path(source)
    if path is None:
        if PurePosixPath(source).suffix != ".zarr":
            return _open_file(local_copy(source))
        with explained(source):
            return _open_remote(source)
    path = path.absolute()  # a relative name such as `a:b.nc` could pass for a URL
    return _open_store(path) if path.suffix == ".zarr" else _open_file(path)


def _open_file(path: Path) -> xr.Dataset:
    """Open a NetCDF file; one of HDF5 may not lead to other files or unpack without end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ContractError(f"{path} is no plain file, but a folder, a pipe or a device; expected NetCDF")
    with path.open("rb") as file:
        is_hdf5 = file.read(len(HDF5)) == HDF5
    if is_hdf5:
        h5py = require("h5py", f"Reading {path}")
        try:
            require_plain_hdf5(h5py, path)
        except (OSError, RuntimeError, LookupError, TypeError) as error:  # of h5py, on damaged bytes
            raise ContractError(f"{path} is no whole HDF5 file ({error}); fetch it again") from None
    return xr.open_dataset(path)


def _open_store(path: Path) -> xr.Dataset:
    """Open a Zarr store of this machine's disk, of ours or of another program."""
    if not path.is_dir():
        raise ContractError(f"{path} is no folder; expected a Zarr store")
    require_plain(path)
    root = path / "zarr.json"
    attributes = read_json(root).get("attributes") if root.exists() else None
    if isinstance(attributes, dict) and "format_version" in attributes:
        return open_store(str(path)).require_complete().dataset()
    require_plain_zarr(path)
    try:
        return xr.open_zarr(path, chunks=None, consolidated=False)
    except Exception as error:  # whatever Zarr and xarray run into in a stranger's metadata
        said = " ".join(str(error).split()) or "no reason given"
        raise ContractError(
            f"{path} is no Zarr store that xarray opens ({type(error).__name__}: {said}); write it again"
        ) from error


def _has_receipts(store: PatientStore | str) -> bool:
    """Return whether a store is one of ours, and not a part of one that xarray wrote with its attributes."""
    root = zarr.open_group(store, mode="r", zarr_format=3)
    return objects.read(root, "build/zarr.json") is not None


def _open_remote(url: str) -> xr.Dataset:
    store = zarr_store(url)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Failed to open Zarr store with consolidated metadata")
        try:
            found = xr.open_zarr(store, chunks=None, zarr_format=3)
        except Unanswered:
            raise
        except Exception:  # of the other version; some servers forbid to look for files that they lack
            found = xr.open_zarr(store, chunks=None, zarr_format=2)
    if "format_version" in found.attrs and _has_receipts(store):
        return open_store(url).require_complete().dataset()
    if not found.variables:
        raise ContractError(
            f"{url} shows no variables: its server lists no folders, and the store has no consolidated "
            "metadata; call zarr.consolidate_metadata on it, or copy it here"
        )
    return found
