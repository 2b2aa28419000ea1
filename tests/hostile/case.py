"""A case of a hostile file, what makes simple ones, and the mark of slow cases of any kind."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SLOW = "slow"
"""Marks a wrong command that opens data or builds a network."""


class Case(NamedTuple):
    """Who reads what is made in a folder, and the pattern of the one line (empty: it is read)."""

    read: str
    make: Callable[[Path], Path]
    said: str


def write(name: str, content: bytes) -> Callable[[Path], Path]:
    """Return what writes a file."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def pipe(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return make


def cut(path: Path, count: int) -> Path:
    path.write_bytes(path.read_bytes()[:-count])
    return path


def poke(path: Path, changes: dict[bytes, bytes]) -> Path:
    content = path.read_bytes()
    for old, new in changes.items():
        assert old in content
        content = content.replace(old, new)
    path.write_bytes(content)
    return path
