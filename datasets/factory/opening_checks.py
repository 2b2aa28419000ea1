"""What HDF5 files and Zarr stores of strangers may not hold when they are imported."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.factory.errors import BuildError
from datasets.factory.limits import one_line_of, require_regular
from datasets.store import foreign
from datasets.store.errors import ContractError
from surrogates.core.optional import require

_METADATA = 1 << 24
_META = (".zarray", "zarr.json")


def require_plain_hdf5(path: Path, most: int) -> None:
    """Refuse what `datasets.store.foreign.require_plain_hdf5` refuses.

    Raises
    ------
    BuildError
        Names the file, the path inside it and what is there.
    """
    h5py = require("h5py", f"Reading {path}")
    with one_line_of(path, "expected a whole HDF5 file; fetch it again"), _told():
        foreign.require_plain_hdf5(h5py, path, most)


def require_plain_zarr(path: Path, most: int) -> None:
    """Refuse a Zarr store with other things than files, and what `datasets.store.foreign` refuses.

    Raises
    ------
    BuildError
        Names the file and what is there.
    """
    root = path.resolve()
    for each in path.rglob("*"):
        if each.is_symlink() and not each.resolve().is_relative_to(root):
            raise BuildError(f"{each} is a link to something outside of {path}; copy its content there")
        if each.is_dir():
            continue
        size = require_regular(each).st_size
        if each.name in _META and size > _METADATA:
            raise BuildError(
                f"{each} has {size:,} bytes, at most {_METADATA:,} expected of metadata; fetch it again"
            )
    with one_line_of(path, "expected metadata of Zarr; fetch the store again"), _told():
        foreign.require_plain_zarr(path, most)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ContractError as error:
        raise BuildError(str(error)) from None
