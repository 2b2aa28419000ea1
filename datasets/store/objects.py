"""Read and write the objects of a store by their keys, below what Zarr makes of them."""

from collections.abc import Sequence

import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.common import concurrent_map
from zarr.core.sync import sync
from zarr.storage import LocalStore

from surrogates.core.files import forget_half_written, sync_folder, write_atomic
from surrogates.core.files import sync as sync_to_disk

CONCURRENT = 32
"""Objects that are asked for at the same time."""


def read(root: zarr.Group, name: str) -> bytes | None:
    """Return the content of an object, or None if there is none."""
    return read_all(root, [name])[0]


def read_all(root: zarr.Group, names: Sequence[str]) -> list[bytes | None]:
    """Return the contents of objects, asked for concurrently; None for each that is not there."""
    wanted = [(_key(root, name), default_buffer_prototype()) for name in names]
    found = sync(concurrent_map(wanted, root.store.get, limit=CONCURRENT))
    return [None if each is None else each.to_bytes() for each in found]


def write(root: zarr.Group, name: str, content: bytes) -> None:
    """Write an object as a whole; on this machine's disk, so that it survives a crash."""
    key = _key(root, name)
    if not isinstance(root.store, LocalStore):
        sync(root.store.set(key, default_buffer_prototype().buffer.from_bytes(content)))
        return
    path = root.store.root / key
    forget_half_written(path)
    write_atomic(path, content)


def make_durable(root: zarr.Group, folder: str) -> None:
    """Force a folder with all that is in it to the disk, where the store lies on one of this machine."""
    if isinstance(root.store, LocalStore):
        path = root.store.root / _key(root, folder)
        sync_to_disk(path)
        sync_folder(path.parent)


def names_in(root: zarr.Group, folder: str) -> list[str]:
    """Return the names in a folder, as they are now."""

    async def names() -> list[str]:
        return [name async for name in root.store.list_dir(_key(root, folder))]

    return sync(names())


def _key(root: zarr.Group, name: str) -> str:
    return f"{root.path}/{name}" if root.path else name
