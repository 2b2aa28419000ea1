"""Files and folders, written atomically."""

import errno
import glob
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL, ASIDE = ".partial", ".aside"
"""Ends of the names of what is half-written, and of a folder that gives way to a new one."""


FULL = {
    errno.ENOSPC: ("No space is left on the device of", "free some space"),
    errno.EDQUOT: ("The quota is used up on the device of", "free some space"),
    errno.EFBIG: (
        "The limit of this shell (`ulimit -f`) allows no file as large as those of",
        "raise the limit",
    ),
}
"""What an error number says of a full disk, and the remedy."""


def write_atomic(path: Path, content: str | bytes | memoryview) -> None:
    """Replace a file as a whole; text is written as UTF-8.

    Raises
    ------
    OSError
        When it cannot be written, as on a full disk; the previous file is as it was. When it is a folder.
    """
    require_writable(path)
    try:
        with replacing(path) as staging:
            staging.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        error.filename = error.filename or str(path)  # the system names none when a write fails
        raise


def require_writable(path: Path) -> None:
    """Refuse a path at which no file can be made, before any work.

    Raises
    ------
    OSError
        When it is a folder, or when what is above it is a file or may not be written to.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder; expected the name of a file", str(path))
    above = next(each for each in path.parents if each.exists())
    if not above.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"is a file; expected the folder of {path}", str(above))
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"may not be written to; {path} cannot be made", str(above))


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
        prefix=f".{path.name}-{socket.gethostname()}-{os.getpid()}-",
        suffix=PARTIAL,
        dir=path.parent,
        ignore_cleanup_errors=True,
    ) as folder:
        staging = Path(folder) / path.name
        yield staging
        sync(staging)
        staging.replace(path)
    sync_folder(path.parent)


@contextmanager
def new_folder_beside(path: Path) -> Iterator[Path]:
    """Yield a folder to fill, on the same disk as ``path``; it is gone when the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{path.name}-", suffix=PARTIAL, dir=path.parent))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def replace_folder(staging: Path, folder: Path) -> None:
    """Move a finished folder of `new_folder_beside` to its path; what was there is moved aside, then removed.

    A process killed between the two moves leaves the old folder aside, which `clean_up` brings back.
    """
    sync(staging)
    aside = staging.with_suffix(ASIDE)
    if folder.exists():
        folder.rename(aside)
    staging.rename(folder)
    sync_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)


def clean_up(folder: Path) -> None:
    """Remove what killed processes left half-written below a folder that no other process writes to."""
    for aside in sorted(folder.rglob(f".*{ASIDE}")):
        name = aside.name.removeprefix(".").rpartition("-")[0]
        if aside.is_symlink() or not aside.is_dir() or name.strip(".") == "":
            continue  # not ours
        if aside.with_name(name).exists():
            shutil.rmtree(aside)
        else:
            aside.rename(aside.with_name(name))
    for half in sorted(folder.rglob(f"*{PARTIAL}")):
        _remove(half)


def forget_half_written(path: Path) -> None:
    """Remove what killed processes of this machine left of a file or folder that `replacing` was to write."""
    ours = f".{path.name}-{socket.gethostname()}-"
    for left in path.parent.glob(f"{glob.escape(ours)}*{PARTIAL}"):
        if not lives(left.name.removeprefix(ours).partition("-")[0]):
            _remove(left)


def lives(pid: str) -> bool:
    """Return whether a process of this machine may still write."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OverflowError, PermissionError):
        return True
    return True


def _remove(path: Path) -> None:
    """Remove a file, a folder, or a link itself."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
