"""How much of a stranger's file is taken into memory, and that it is a file at all."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import Field

from datasets.factory.errors import BuildError

MOST_BYTES = 1 << 28
MOST_ARRAY_BYTES = 1 << 30
"""Where arrays of numbers are read, which need no more memory than they state."""
RATIO = 200
"""How many times its size a file may have once unpacked, above the limit, if it is not held in memory."""

MostBytes = Annotated[
    int,
    Field(gt=0, description="Most bytes of a file, unpacked, that may be read as a whole."),
]
"""Type of the parameter `most_bytes` of importers; its default is `MOST_BYTES` or `MOST_ARRAY_BYTES`."""

_KINDS: dict[Callable[[int], bool], str] = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
_BLOCK = 1 << 20


def require_regular(path: Path) -> os.stat_result:
    """Return the status of a file; refuse what is none, which may block or never end.

    Raises
    ------
    BuildError
        For a folder, a named pipe, a socket, a device, or a link to nothing.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise BuildError(
            f"{path} is a link to {path.readlink()}, which is not there; bring the file, or remove the link"
            if path.is_symlink()
            else f"there is no file {path}"
        ) from None
    except OSError as error:  # links in a circle
        raise BuildError(f"{path} cannot be opened: {error.strerror}") from None
    for is_kind, name in _KINDS.items():
        if is_kind(found.st_mode):
            raise BuildError(f"{path} is {name}, expected a file; remove it, or copy its content to a file")
    return found


def too_large(name: object, found: int, most: int, what: str = "bytes") -> BuildError:
    """Return the error of a file that is larger than may be read as a whole."""
    return BuildError(
        f"{name} has {found:,} {what}, at most {most:,} expected; if that is right, raise `most_bytes`"
    )


def require_most(name: object, found: int, most: int, what: str = "bytes") -> None:
    """Refuse more bytes than may be read as a whole."""
    if found > most:
        raise too_large(name, found, most, what)


def require_plausible(name: object, unpacked: int, packed: int, most: int) -> None:
    """Refuse a file that unpacks to more than is plausible; it is read piece by piece."""
    if unpacked > max(most, RATIO * packed):
        raise too_large(name, unpacked, most, f"bytes once unpacked, {packed:,} packed,")


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the content of a file.

    Raises
    ------
    BuildError
        If it is no file, has more bytes than `most`, or grows while it is read.
    """
    size = require_regular(path).st_size
    require_most(path, size, most)
    with path.open("rb") as file:
        content = file.read(size + 1)
    if len(content) != size:
        raise BuildError(f"{path} changed while it was read; import it when its writer is done")
    return content


def unpacked(file: IO[bytes], name: object, most: int = MOST_BYTES) -> bytes:
    """Return what an open packed file holds, and stop where it becomes too large.

    Raises
    ------
    BuildError
        If it unpacks to more bytes than `most`.
    """
    blocks, size = [], 0
    while block := file.read(_BLOCK):
        size += len(block)
        if size > most:
            raise BuildError(
                f"{name} unpacks to more than {most:,} bytes; if that is right, raise `most_bytes`"
            )
        blocks.append(block)
    return b"".join(blocks)


class Metered:
    """A packed file, open for reading, that refuses to be unpacked beyond a number of bytes.

    Parameters
    ----------
    file
        The file.
    name
        For messages.
    most
        Most bytes.
    """

    def __init__(self, file: IO[bytes], name: object, most: int) -> None:
        self._file, self._name, self._most = file, name, most

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        ahead = self._most - self._file.tell()
        content = self._file.read(ahead + 1 if size < 0 else min(size, ahead + 1))
        self._check(self._file.tell())
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset, from the start or from here."""
        self._check(offset if whence == os.SEEK_SET else self._file.tell() + offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the offset."""
        return self._file.tell()

    def _check(self, offset: int) -> None:
        if offset > self._most:
            raise BuildError(
                f"{self._name} unpacks to more than {self._most:,} bytes; if that is right, raise "
                "`most_bytes`"
            )


def read_json(text: str, name: object) -> Any:
    """Return what a text of JSON holds.

    Raises
    ------
    json.JSONDecodeError
        If it is no whole JSON.
    BuildError
        If it is nested too deeply, or has numbers of thousands of digits.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise BuildError(
            f"{name} is JSON nested too deeply, expected a few levels; export it again"
        ) from None
    except ValueError:
        raise BuildError(f"{name} has a number of thousands of digits; export it again") from None


@contextmanager
def one_line_of(name: object, advice: str) -> Iterator[None]:
    """Turn whatever a parser raises at a damaged file into one line that names the file."""
    try:
        yield
    except BuildError:
        raise
    except MemoryError:
        raise BuildError(f"{name} states sizes that no memory holds; {advice}") from None
    except Exception as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise BuildError(f"{name} cannot be read ({said}); {advice}") from None
