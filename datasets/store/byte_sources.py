"""Where the bytes of an array's shards come from: files on this machine's disk."""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

Range = tuple[str, int, int | None]
"""A key, and the first and the last byte plus one; of a negative first byte that many bytes at the end."""


class IrregularFile(OSError):
    """A pipe, a device or a folder lies where a shard should."""


class ByteSource(Protocol):
    """Reads bytes of the shards of one array; safe in threads."""

    @property
    def fetch(self) -> "Callable[[Sequence[Range]], ByteSource] | None":
        """Fetch many ranges at once, and return the source that has them; None where that gains nothing."""

    def where(self, key: str) -> str:
        """Return the path or URL of a shard, for messages."""

    def size(self, key: str) -> int | None:
        """Return the bytes of a shard; None where asking would cost a request."""

    def read_into(self, key: str, start: int, buffers: Sequence[np.ndarray]) -> int:
        """Fill buffers with the bytes of a shard, and return how many there were.

        Parameters
        ----------
        key
            Of the shard, in the array.
        start
            First byte; if negative, counted from the end.
        buffers
            Contiguous bytes.

        Raises
        ------
        FileNotFoundError
            When there is no such shard.
        """


class LocalFiles:
    """The shards of an array in a folder, read by one system call each."""

    fetch = None

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def where(self, key: str) -> str:
        """Return the path of a shard."""
        return f"{self._folder}/{key}"

    def size(self, key: str) -> int:
        """Return the bytes of a shard."""
        state = os.stat(f"{self._folder}/{key}", follow_symlinks=False)  # noqa: PTH116
        if not stat.S_ISREG(state.st_mode):
            raise IrregularFile(key)
        return state.st_size

    def read_into(self, key: str, start: int, buffers: Sequence[np.ndarray]) -> int:
        """Fill buffers with the bytes of a shard; refuse what is no plain file."""
        file = os.open(f"{self._folder}/{key}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            state = os.fstat(file)
            if not stat.S_ISREG(state.st_mode):
                raise IrregularFile(key)
            return os.preadv(
                file, [each.data for each in buffers], start if start >= 0 else state.st_size + start
            )
        finally:
            os.close(file)
