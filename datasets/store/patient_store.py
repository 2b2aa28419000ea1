"""Zarr's view of a folder at a URL, which waits for a server that does not answer for a while."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import FsspecStore

from datasets.store.patience import Answer, Patience
from datasets.store.urls import connected, local_path


def zarr_store(url: str, storage_options: Mapping[str, object] | None = None) -> "str | PatientStore":
    """Return what Zarr and xarray open for a URL: a path as it is, anything else with patience."""
    if local_path(url) is not None:
        return url
    store = PatientStore.from_url(url, storage_options=connected(url, storage_options))
    assert isinstance(store, PatientStore)  # the base class says no more than its own name
    return store


class PatientStore(FsspecStore):
    """Asks again, for a minute, what a server does not answer."""

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the bytes of an object; None where there is none."""
        ask = super().get
        return await self._patiently(lambda: ask(key, prototype, byte_range))

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return ranges of objects."""
        ask, wanted = super().get_partial_values, list(key_ranges)
        return await self._patiently(lambda: ask(prototype, wanted))

    async def set(self, key: str, value: Buffer, byte_range: tuple[int, int] | None = None) -> None:
        """Write an object as a whole."""
        ask = super().set
        await self._patiently(lambda: ask(key, value, byte_range))

    async def delete(self, key: str) -> None:
        """Delete an object."""
        ask = super().delete
        await self._patiently(lambda: ask(key))

    async def delete_dir(self, prefix: str) -> None:
        """Delete all objects below a prefix."""
        ask = super().delete_dir
        await self._patiently(lambda: ask(prefix))

    async def exists(self, key: str) -> bool:
        """Return whether an object exists."""
        ask = super().exists
        return await self._patiently(lambda: ask(key))

    async def getsize(self, key: str) -> int:
        """Return the bytes of an object."""
        ask = super().getsize
        return await self._patiently(lambda: ask(key))

    async def list(self) -> AsyncIterator[str]:
        """Yield all keys."""
        for key in await self._all(super().list):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names right below a prefix."""
        ask = super().list_dir
        for name in await self._all(lambda: ask(prefix)):
            yield name

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys below a prefix."""
        ask = super().list_prefix
        for key in await self._all(lambda: ask(prefix)):
            yield key

    async def _all(self, ask: Callable[[], AsyncIterator[str]]) -> "tuple[str, ...]":
        async def collected() -> tuple[str, ...]:
            return tuple([each async for each in ask()])

        return await self._patiently(collected)

    async def _patiently(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        self.fs.invalidate_cache()  # of listings: other processes write too
        patience = Patience(str(self.fs.unstrip_protocol(self.path)), new=True)
        while True:
            try:
                answer = await ask()
            except Exception as error:  # each file system has its own
                pause = patience.after(error)
            else:
                patience.answered()
                return answer
            await asyncio.sleep(pause)
