"""Zarr's view of a complete store, in which a lost chunk file is an error."""

from zarr.abc.store import ByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import WrapperStore

from datasets.store.errors import ContractError


class WholeStore(WrapperStore[Store]):
    """Refuses to read a chunk file that is not there, where Zarr reads the fill value.

    For complete stores only, since they have all their chunk files, also those full of the fill value.
    """

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the bytes of an object; None for metadata that are not there.

        Raises
        ------
        ContractError
            When a chunk file is lost.
        """
        found = await self._store.get(key, prototype, byte_range)
        if found is None and _is_chunk(key):
            raise ContractError(
                f"{key} of {self._store} is lost; find every damage with `surrogates data verify`, then "
                "build that row again"
            )
        return found


def _is_chunk(key: str) -> bool:
    """Return whether a key is that of a chunk file of a variable: `variable/c` or `variable/c/0/0`."""
    return key.split("/")[1:2] == ["c"] and not key.endswith(".json")
