"""Find lost chunk files: a store writes all of them, so a missing one was lost."""

from itertools import product
from math import ceil
from typing import Any

import zarr
from zarr.core.sync import sync


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
