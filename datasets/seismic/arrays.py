"""Arrays in NumPy files: shape and type without reading, values one record at a time."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from datasets.factory import numpy_files
from datasets.factory.formats import require_format
from datasets.factory.limits import MOST_ARRAY_BYTES

FORMATS = ("npy", "npz")


@dataclass(frozen=True)
class StoredArray:
    """An array of a ``.npy`` file, or a member of an ``.npz`` archive.

    Attributes
    ----------
    path, member
        The file, and the name in the archive; empty for ``.npy``.
    shape, dtype
        As the file states them.
    most
        Most bytes of a member that is read.
    """

    path: Path
    member: str
    shape: tuple[int, ...]
    dtype: np.dtype
    most: int = MOST_ARRAY_BYTES

    def __str__(self) -> str:
        return f"{self.path}, array '{self.member}'" if self.member else str(self.path)

    def values(self) -> np.ndarray:
        """Return the array: a ``.npy`` file mapped into memory, a member read as a whole and kept."""
        if not self.member:
            return numpy_files.mapped(self.path)
        return _read(self.path, self.member, self.most, self.path.stat().st_mtime_ns)


def arrays_in(path: Path, expected: str, most: int = MOST_ARRAY_BYTES) -> list[StoredArray]:
    """Return the arrays of a file.

    Parameters
    ----------
    path
        A ``.npy`` or ``.npz`` file.
    expected
        What is expected, for messages.
    most
        Most bytes of a member of an archive.

    Raises
    ------
    BuildError
        If the file is damaged, of another format, or holds Python objects, which would run code.
    """
    if require_format(path, FORMATS, expected) == "npz":
        return _members(path, most)
    values = numpy_files.mapped(path)
    return [StoredArray(path, "", values.shape, values.dtype)]


def _members(path: Path, most: int) -> list[StoredArray]:
    found = numpy_files.headers(path).items()
    return [StoredArray(path, name, header.shape, header.dtype, most) for name, header in found]


@lru_cache(maxsize=2)
def _read(path: Path, member: str, most: int, changed: int) -> np.ndarray:
    """Read a member once per state of its file: consecutive records are asked for one by one."""
    return numpy_files.member(path, member, most)
