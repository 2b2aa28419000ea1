"""Keep finished units on disk until their shard row is whole."""

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from datasets.factory.errors import BuildError
from datasets.factory.files import Files

_UNIT = re.compile(r"unit-(\d{8,})\.npz")

MARK = "="
"""Stands before each name, which may be that of a parameter of `numpy.savez`, such as `file`."""


class Staging:
    """Units that are simulated but not yet in a shard, one uncompressed ``.npz`` without pickle each.

    Parameters
    ----------
    url
        The store.
    storage_options
        For fsspec.
    folder
        Where the units lie; ``build/staging`` in the store by default.

    Attributes
    ----------
    url, store
        The store, and its folder.
    """

    def __init__(
        self, url: str, storage_options: Mapping[str, Any] | None = None, folder: str | None = None
    ) -> None:
        self.url, self.store = url, Files(url, storage_options)
        self._files = self.store.folder("build/staging") if folder is None else Files(folder)

    def units(self) -> set[int]:
        """Return the numbers of the staged units."""
        found = (_UNIT.fullmatch(name) for name in self._files.names())
        return {int(each[1]) for each in found if each}

    def write(self, unit: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Stage a unit durably."""
        self._files.write(_unit(unit), _pack(arrays))

    def read(self, unit: int) -> dict[str, np.ndarray]:
        """Return a staged unit; a damaged one is removed, to be simulated again.

        Raises
        ------
        BuildError
            When the file is damaged.
        """
        return self._read(_unit(unit), f"unit {unit}")

    def remove(self, units: Iterable[int]) -> None:
        """Delete staged units."""
        for unit in units:
            self._files.remove(_unit(unit))

    def write_state(self, unit: int, state: Mapping[str, np.ndarray]) -> None:
        """Write the state that a chained unit left, before the unit itself is staged."""
        self._files.write(_state(unit), _pack(state))

    def forget_states(self, unit: int) -> None:
        """Delete the states older than the one that a staged unit left."""
        for name in self._files.names():
            if name.startswith("state-") and name < _state(unit):
                self._files.remove(name)

    def read_state(self, unit: int) -> dict[str, np.ndarray]:
        """Return the state that a chained unit left."""
        return self._read(_state(unit), f"state of unit {unit}")

    def refuse(self, unit: int, found: str) -> BuildError:
        """Remove a staged unit that does not fit, and return the error."""
        self._files.remove(_unit(unit))
        return _removed(self.url, f"unit {unit}", found)

    def _read(self, name: str, what: str) -> dict[str, np.ndarray]:
        try:
            return _unpack(self._files.read(name))
        except (
            zipfile.BadZipFile,
            ValueError,
            EOFError,
            MemoryError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            self._files.remove(name)
            raise _removed(self.url, what, str(error) or type(error).__name__) from error


def _removed(url: str, what: str, found: str) -> BuildError:
    return BuildError(
        f"The staged {what} of {url} was damaged ({found}) and is removed. Run the same command again to "
        "simulate it anew."
    )


def _unit(unit: int) -> str:
    return f"unit-{unit:08d}.npz"


def _state(unit: int) -> str:
    return f"state-{unit:08d}.npz"


def _pack(arrays: Mapping[str, np.ndarray]) -> memoryview:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{f"{MARK}{name}": values for name, values in arrays.items()})
    return buffer.getbuffer()


def _unpack(content: bytes) -> dict[str, np.ndarray]:
    """Read what `_pack` wrote: nothing is compressed, so that nothing is larger than the file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if any(each.compress_type != zipfile.ZIP_STORED for each in archive.infolist()):
            raise ValueError("it is compressed")
        if sum(each.file_size for each in archive.infolist()) > len(content):
            raise ValueError("it claims more bytes than it has")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name.removeprefix(MARK): file[name] for name in file.files}
