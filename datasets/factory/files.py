"""Small files, written atomically, on any fsspec file system; a server may be gone for a while."""

import errno
import glob
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from datasets.store.patience import Answer, Patience, patiently
from datasets.store.urls import connected, local_path
from surrogates.core.files import lives, sync, write_atomic

LINKLESS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What file systems say that know no second name of a file: exFAT, network shares, mounted buckets."""


class Files:
    """A folder on any fsspec file system.

    Attributes
    ----------
    url
        The folder as it was given.
    local
        The folder's path, or None when it lies elsewhere.
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self.url = url
        self._options = dict(storage_options or {})
        self.local = local_path(url)
        if self.local is None:
            self._system, self._root = fsspec.core.url_to_fs(url, **connected(url, self._options))
        else:  # not by its name, in which fsspec would look for protocols
            self.local = self.local.absolute()
            self._system, self._root = LocalFileSystem(), str(self.local)

    def folder(self, name: str) -> "Files":
        """Return a folder in this folder."""
        return Files(f"{self.url.rstrip('/')}/{name}", self._options)

    def names(self) -> list[str]:
        """Return the sorted names in the folder, without half-written files."""
        try:
            paths = self._asked(lambda: self._system.ls(self._root, detail=False, refresh=True))
        except FileNotFoundError:
            return []
        names = (str(path).rstrip("/").rsplit("/", 1)[-1] for path in paths)
        return sorted(name for name in names if not name.startswith("."))

    def size(self) -> int:
        """Return the bytes of everything in the folder."""
        return int(self._asked(lambda: self._system.du(self._root)))

    def exists(self, name: str) -> bool:
        """Return whether a file exists."""
        return bool(self._asked(lambda: self._system.exists(self._path(name))))

    def read(self, name: str) -> bytes:
        """Return the content of a file; OSError when there is none, or a pipe or a link instead."""
        if self.local is not None:
            return _read_plain(self.local / name)
        return bytes(self._asked(lambda: self._system.cat_file(self._path(name))))

    def write(self, name: str, content: bytes | memoryview) -> None:
        """Write a file so that it survives a crash: to the disk first, under its name last."""
        if self.local is None:
            whole = bytes(content)
            self._asked(lambda: self._system.pipe_file(self._path(name), whole))
            return
        write_atomic(self.local / name, content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a file only if there is none; return whether it was written."""
        try:
            if self.local is None:
                self._asked(lambda: self._system.pipe_file(self._path(name), content, mode="create"))
            else:
                self._link(self.local, name, content)
        except FileExistsError:
            return self.local is None and self._is(name, content)  # written, but the answer was lost
        return True

    def remove(self, name: str) -> None:
        """Delete a file if it is there."""
        if self.local is not None:
            (self.local / name).unlink(missing_ok=True)
        elif self.exists(name):
            with suppress(FileNotFoundError):  # deleted, but the answer was lost
                self._asked(lambda: self._system.rm_file(self._path(name)))

    def remove_all(self) -> None:
        """Delete the folder and all in it, of which a failed writer may delete some at the same time.

        Raises
        ------
        Unanswered
            When some of it stays for a minute, as s3fs does not tell of objects that a server keeps.
        """
        patience, again = Patience(self.url), False
        while self._asked(lambda: self._system.exists(self._root)):
            if again:
                time.sleep(patience.after(OSError("not everything in it was deleted")))
            with suppress(FileNotFoundError):
                self._asked(lambda: self._system.rm(self._root, recursive=True))
            again = True

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        if self.local is not None:
            return ask()
        self._system.invalidate_cache()  # of listings: other processes write too
        return patiently(self.url, ask)

    def _is(self, name: str, content: bytes) -> bool:
        try:
            return self.read(name) == content
        except FileNotFoundError:
            return False

    def _link(self, folder: Path, name: str, content: bytes) -> None:
        half_written = self._half_written(folder, name, content)
        try:
            (folder / name).hardlink_to(half_written)  # fails when there is one: the first process wins
        except OSError as error:
            if error.errno not in LINKLESS:
                raise
            with (folder / name).open("xb") as file:  # the same, but who looks at that moment sees it empty
                file.write(content)
        finally:
            half_written.unlink()

    @staticmethod
    def _half_written(folder: Path, name: str, content: bytes | memoryview) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        ours = f".{name}.{socket.gethostname()}."
        for left in folder.glob(f"{glob.escape(ours)}*"):
            if not lives(left.name.removeprefix(ours).partition(".")[0]):
                left.unlink(missing_ok=True)
        path = folder / f"{ours}{os.getpid()}.{threading.get_ident()}"
        try:
            path.write_bytes(content)
            sync(path)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def _read_plain(path: Path) -> bytes:
    """Read a plain file: a pipe would let us wait for ever, and a link may lead anywhere."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is no plain file; remove it", str(path))
        return file.read()
