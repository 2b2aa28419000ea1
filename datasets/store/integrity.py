"""Find what was lost or changed: chunk files, metadata, and the root's metadata by their certificate."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from math import ceil
from typing import Any

import zarr
from zarr.core.sync import sync

from datasets.store import objects
from datasets.store.errors import ContractError
from datasets.store.plain_folder import json_object

CERTIFICATE = "build/metadata.sha256"
"""File with the SHA-256 of the root's `zarr.json`, which no receipt covers."""
PENDING = b"pending"
"""Its content while the root's metadata are written."""


def chunk_key(array: zarr.Array[Any], index: tuple[int, ...]) -> str:
    """Return the key in the store of the chunk file at an index of the chunk grid."""
    return f"{array.path}/{array.metadata.encode_chunk_key(index)}"


def is_there(array: zarr.Array[Any], key: str) -> bool:
    """Return whether a key exists in the store of an array."""
    return bool(sync(array.store.exists(key)))


def missing_chunk(array: zarr.Array[Any]) -> str | None:
    """Return the key of the first missing chunk file, or None."""
    lengths = array.shards or array.chunks
    grid = product(*(range(ceil(n / length)) for n, length in zip(array.shape, lengths, strict=True)))
    keys = (chunk_key(array, index) for index in grid)
    return next((key for key in keys if not is_there(array, key)), None)


def other_copies(read: Callable[[str], bytes], *, arrays_only: bool = False) -> Iterator[str]:
    """Yield the paths of arrays and groups whose own metadata are not what the root's gathered copy says.

    Parameters
    ----------
    read
        Returns the content of a file of the store.
    arrays_only
        Leaves out groups, the receipts among them.
    """
    gathered = json_object(read("zarr.json"), "zarr.json").get("consolidated_metadata") or {}
    for name, copy in (gathered.get("metadata") or {}).items():
        if arrays_only and copy.get("node_type") != "array":
            continue
        try:
            same = _own(json_object(read(f"{name}/zarr.json"), name)) == _own(copy)
        except (OSError, ContractError):
            same = False
        if not same:
            yield name


def _own(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a group without those of its members."""
    return {key: value for key, value in metadata.items() if key != "consolidated_metadata"}


@contextmanager
def certify(root: zarr.Group) -> Iterator[None]:
    """Write the certificate of the root's metadata after a block that writes them; `PENDING` until then."""
    objects.write(root, CERTIFICATE, PENDING)
    yield
    objects.write(root, CERTIFICATE, _digest(root))


def is_certified(root: zarr.Group) -> bool | None:
    """Return whether the root's metadata are those of the certificate; None where there is none."""
    found = objects.read(root, CERTIFICATE)
    return None if found is None else found == _digest(root)


def is_pending(root: zarr.Group) -> bool:
    """Return whether a process stopped before it could write the certificate."""
    return objects.read(root, CERTIFICATE) == PENDING


def _digest(root: zarr.Group) -> bytes:
    return hashlib.sha256(objects.read(root, "zarr.json") or b"").hexdigest().encode()
