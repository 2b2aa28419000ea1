"""NumPy files of strangers: what headers state is compared with what is there before memory is taken."""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from datasets.factory.errors import BuildError
from datasets.factory.limits import MOST_ARRAY_BYTES, one_line_of, require_most, require_regular

AGAIN = "expected numbers as np.save writes them; fetch the file again"


class Header(NamedTuple):
    """What a NumPy file or a member of an archive states of its array."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def mapped(path: Path) -> np.ndarray:
    """Map the array of a ``.npy`` file into memory.

    Raises
    ------
    BuildError
        If the file is damaged, shorter than its header states, or holds Python objects, which would run code.
    """
    size = require_regular(path).st_size
    with one_line_of(path, AGAIN):
        with path.open("rb") as file:
            header = _header(file, path)
            start = file.tell()
        _require_whole(path, header, size - start)
        return np.load(path, mmap_mode="r" if header.nbytes else None, allow_pickle=False)


def headers(path: Path) -> dict[str, Header]:
    """Return what an ``.npz`` archive states of its arrays, by name.

    Raises
    ------
    BuildError
        If the archive is damaged, or holds Python objects, which would run code.
    """
    require_regular(path)
    found = {}
    with one_line_of(path, AGAIN), zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            with archive.open(info) as file:
                found[name] = header = _header(file, f"{path}, array '{name}'")
                _require_whole(f"{path}, array '{name}'", header, info.file_size - file.tell())
    return found


def member(path: Path, name: str, most: int = MOST_ARRAY_BYTES) -> np.ndarray:
    """Read one array of an ``.npz`` archive.

    Parameters
    ----------
    path, name
        The archive, and the name of the array in it.
    most
        Most bytes.

    Raises
    ------
    BuildError
        If there is no such array, it is larger than `most`, or cannot be read.
    """
    require_regular(path)
    where = f"{path}, array '{name}'"
    with one_line_of(where, AGAIN), zipfile.ZipFile(path) as archive:
        if f"{name}.npy" not in archive.namelist():
            raise BuildError(f"{path} has no array '{name}'; save it under that name")
        info = archive.getinfo(f"{name}.npy")
        with archive.open(info) as file:
            header = _header(file, where)
            _require_whole(where, header, info.file_size - file.tell())
        require_most(where, header.nbytes, most)
        with archive.open(info) as file:
            return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: IO[bytes], where: object) -> Header:
    version = np.lib.format.read_magic(file)
    one = version == (1, 0)
    read = np.lib.format.read_array_header_1_0 if one else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shape, _, dtype = read(file)
    if dtype.hasobject:
        raise BuildError(
            f"{where} holds Python objects, which are not read, expected numbers; save it again by "
            "np.save(name, array.astype(float))"
        )
    if any(isinstance(length, bool) or length < 0 for length in shape):
        raise BuildError(f"{where} states the shape {str(shape)[:80]}, expected lengths; {AGAIN}")
    return Header(shape, dtype)


def _require_whole(where: object, header: Header, size: int) -> None:
    if header.nbytes > size:
        raise BuildError(
            f"{where} states {header.nbytes:,} bytes (shape {str(header.shape)[:80]}), but holds {size:,}; "
            "fetch the file again"
        )
