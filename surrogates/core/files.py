"""Files and folders, written atomically."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomic(path: Path, content: str | bytes | memoryview) -> None:
    """Replace a file as a whole; text is written as UTF-8.

    Raises
    ------
    OSError
        When it cannot be written, as on a full disk; the previous file is as it was. When it is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder; expected the name of a file", str(path))
    with replacing(path) as staging:
        staging.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to; replace ``path`` by what is there when the block ends.

    A process killed at any moment leaves the previous file or the new one. When the block raises, nothing of
    it stays.

    Parameters
    ----------
    path
        A file, which may exist, or a folder, which may not. Folders above it are made.

    Yields
    ------
    Path
        It has the name of ``path``, so that its suffix tells the format, in a folder of its own beside it: on
        the same disk, and apart from what other processes write at the same time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}-", dir=path.parent, ignore_cleanup_errors=True
    ) as folder:
        staging = Path(folder) / path.name
        yield staging
        sync(staging)
        staging.replace(path)
    sync_folder(path.parent)


def sync(path: Path) -> None:
    """Force a file, or a folder with all that is in it, to the disk."""
    if path.is_dir():
        for each in path.iterdir():
            sync(each)
        sync_folder(path)
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Force the names in a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
