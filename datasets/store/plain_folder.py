"""The folder of a store on this machine's disk: plain files, small metadata, sound JSON."""

import json
import os
from pathlib import Path
from typing import Any

from datasets.store.errors import ContractError

LARGEST_METADATA = 64 << 20
"""Bytes of a `zarr.json`; older releases gathered the receipts too, of which 50,000 stay below."""

METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")


def require_plain(folder: Path) -> dict[str, int]:
    """Refuse what a stranger's folder may hold to be read or written elsewhere, or without end.

    Parameters
    ----------
    folder
        The folder of a Zarr store, which itself may be a link: a user typed its path.

    Returns
    -------
    dict
        Bytes of the chunks of each array, by the array's path.

    Raises
    ------
    ContractError
        Names a link, a pipe or a device, or metadata that are a folder or too large.
    """
    sizes: dict[str, int] = {}
    _look(os.path.realpath(folder), "", None, folder, sizes)
    return sizes


def _look(path: str, inner: str, array: str | None, folder: Path, sizes: dict[str, int]) -> None:
    try:
        with os.scandir(path) as found:
            entries = list(found)
    except FileNotFoundError:  # another process of the build has removed it
        return
    for entry in entries:
        name = f"{inner}{entry.name}"
        if entry.is_symlink():
            raise ContractError(
                f"{folder}/{name} is a link to {Path(entry.path).readlink()}; a store holds its own "
                "files: copy it with `cp -rL` if you trust where its links lead"
            )
        if entry.is_dir(follow_symlinks=False):
            if entry.name in METADATA:
                raise ContractError(f"{folder}/{name} is a folder, expected a file of metadata")
            chunks = array or (inner.rstrip("/") if entry.name == "c" else None)
            _look(entry.path, f"{name}/", chunks, folder, sizes)
            continue
        try:
            size = entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue
        if not entry.is_file(follow_symlinks=False):
            raise ContractError(
                f"{folder}/{name} is no plain file, but a pipe, a socket or a device; remove it"
            )
        if entry.name in METADATA and size > LARGEST_METADATA:
            raise ContractError(
                f"{folder}/{name} has {size / 1e6:.0f} MB, expected at most "
                f"{LARGEST_METADATA / 1e6:.0f} MB of "
                "metadata; get the store anew"
            )
        if array is not None:
            sizes[array] = sizes.get(array, 0) + size


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file of metadata.

    Raises
    ------
    ContractError
        When it is no JSON, no object, names a key twice or is nested too deep.
    """
    return json_object(path.read_bytes(), str(path))


def json_object(content: bytes | str, where: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises
    ------
    ContractError
        When it is no JSON, no object, names a key twice or is nested too deep.
    """
    try:
        found = json.loads(content, object_pairs_hook=_once)
    except RecursionError:
        raise ContractError(f"{where} is nested too deep; get the store anew") from None
    except ValueError as error:
        raise ContractError(f"{where} is no sound JSON ({error}); get the store anew") from None
    if not isinstance(found, dict):
        raise ContractError(
            f"{where} holds {type(found).__name__}, expected a JSON object; get the store anew"
        )
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it names the key {twice!r} twice")
    return found
