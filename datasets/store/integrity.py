"""Chunk files that must be there: a store writes all of them, so one that is missing was lost."""

from itertools import product
from math import ceil
from typing import Any

import zarr
from zarr.core.sync import sync


def chunk_key(array: zarr.Array[Any], place: tuple[int, ...]) -> str:
    """Return the key in the store of the chunk file at a place of the grid."""
    return f"{array.path}/{array.metadata.encode_chunk_key(place)}"


def is_there(array: zarr.Array[Any], key: str) -> bool:
    """Tell whether a key exists in the store of an array."""
    return bool(sync(array.store.exists(key)))


def missing_chunk(array: zarr.Array[Any]) -> str | None:
    """Return the key of the first chunk file that is not there, None when all are."""
    lengths = array.shards or array.chunks
    grid = product(*(range(ceil(n / length)) for n, length in zip(array.shape, lengths, strict=True)))
    keys = (chunk_key(array, place) for place in grid)
    return next((key for key in keys if not is_there(array, key)), None)
