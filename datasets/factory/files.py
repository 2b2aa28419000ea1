"""Small files, written atomically, on any fsspec file system."""

import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from surrogates.core.files import sync, write_atomic


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
        self._system, self._root = fsspec.core.url_to_fs(url, **self._options)
        self.local = Path(self._root) if isinstance(self._system, LocalFileSystem) else None

    def folder(self, name: str) -> "Files":
        """Return a folder in this folder."""
        return Files(f"{self.url.rstrip('/')}/{name}", self._options)

    def names(self) -> list[str]:
        """Return the sorted names in the folder, without half-written files."""
        try:
            paths = self._system.ls(self._root, detail=False, refresh=True)
        except FileNotFoundError:
            return []
        names = (str(path).rstrip("/").rsplit("/", 1)[-1] for path in paths)
        return sorted(name for name in names if not name.startswith("."))

    def size(self) -> int:
        """Return the bytes of everything in the folder."""
        return int(self._system.du(self._root))

    def exists(self, name: str) -> bool:
        """Return whether a file exists."""
        return bool(self._system.exists(self._path(name)))

    def read(self, name: str) -> bytes:
        """Return the content of a file; FileNotFoundError when there is none."""
        return bytes(self._system.cat_file(self._path(name)))

    def write(self, name: str, content: bytes | memoryview) -> None:
        """Write a file so that it survives a crash: to the disk first, under its name last."""
        if self.local is None:
            self._system.pipe_file(self._path(name), bytes(content))
            return
        write_atomic(self.local / name, content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a file only if there is none; return whether it was written."""
        try:
            if self.local is None:
                self._system.pipe_file(self._path(name), content, mode="create")
            else:
                self._link(self.local, name, content)
        except FileExistsError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Delete a file if it is there."""
        if self.exists(name):
            self._system.rm_file(self._path(name))

    def remove_all(self) -> None:
        """Delete the folder with half-written files and all."""
        if self._system.exists(self._root):
            self._system.rm(self._root, recursive=True)

    def _link(self, folder: Path, name: str, content: bytes) -> None:
        half_written = self._half_written(folder, name, content)
        try:
            (folder / name).hardlink_to(half_written)  # fails when there is one: the first process wins
        finally:
            half_written.unlink()

    @staticmethod
    def _half_written(folder: Path, name: str, content: bytes | memoryview) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f".{name}.{socket.gethostname()}.{os.getpid()}.{threading.get_ident()}"
        try:
            path.write_bytes(content)
            sync(path)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"
