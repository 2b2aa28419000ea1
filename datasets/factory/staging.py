"""Keep finished units on disk until their shard row is whole."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from datasets.factory.errors import BuildError, resume_command
from datasets.factory.files import Files


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
    """

    def __init__(
        self, url: str, storage_options: Mapping[str, Any] | None = None, folder: str | None = None
    ) -> None:
        self.url = url
        self._files = Files(url, storage_options).folder("build/staging") if folder is None else Files(folder)

    def units(self) -> set[int]:
        """Return the numbers of the staged units."""
        return {int(name[5:-4]) for name in self._files.names() if name.startswith("unit-")}

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
        try:
            return _unpack(self._files.read(_unit(unit)))
        except (zipfile.BadZipFile, ValueError) as error:
            self._files.remove(_unit(unit))
            raise BuildError(
                f"The staged unit {unit} of {self.url} was damaged ({error}) and is removed. "
                f"Run `{resume_command(self.url)}` to simulate it again."
            ) from error

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
        return _unpack(self._files.read(_state(unit)))


def _unit(unit: int) -> str:
    return f"unit-{unit:08d}.npz"


def _state(unit: int) -> str:
    return f"state-{unit:08d}.npz"


def _pack(arrays: Mapping[str, np.ndarray]) -> memoryview:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getbuffer()


def _unpack(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
