"""Reading batches of random records into reused buffers, decoding in threads."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from datasets.store.cache import RecentArrays
from datasets.store.errors import ContractError
from datasets.store.shards import Read, ShardedArray
from datasets.store.sources import Source

CACHE_BYTES = 1 << 27
MAX_THREADS = 8


class RecordReader:
    """Random access to the records of some variables; made by `Store.reader`.

    Chunks of one record are decoded straight into the batch. Chunks of several records are decoded once and
    kept while they fit in 128 MiB, which is what `RecordSampler` counts on.

    Parameters
    ----------
    sources
        Where the chunks of each variable come from.
    threads
        How many threads decode; as many as there are processors, up to 8, when None.

    Attributes
    ----------
    direct
        Whether every variable goes through the direct shard reader.
    """

    def __init__(self, sources: Mapping[str, Source], threads: int | None = None) -> None:
        self._sources = dict(sources)
        self.direct = all(isinstance(source, ShardedArray) for source in self._sources.values())
        self.records = min((source.shape[0] for source in self._sources.values()), default=0)
        self._cache = RecentArrays(CACHE_BYTES)
        self._threads = threads or min(os.cpu_count() or 1, MAX_THREADS)
        self._pool = ThreadPoolExecutor(self._threads, "record-reader") if self._threads > 1 else None
        self._elsewhere = {
            name: source
            for name, source in self._sources.items()
            if isinstance(source, ShardedArray) and source.elsewhere
        }
        most = MAX_THREADS * max(1, len(self._elsewhere))
        self._fetchers = ThreadPoolExecutor(most, "record-fetcher")

    def empty(self, length: int) -> dict[str, np.ndarray]:
        """Return buffers for `read(..., out=)` of up to `length` records."""
        return {name: np.empty((length, *s.shape[1:]), s.dtype) for name, s in self._sources.items()}

    def read(
        self, indices: Sequence[int] | np.ndarray, out: Mapping[str, np.ndarray] | None = None
    ) -> dict[str, np.ndarray]:
        """Read records, in the order asked for.

        Parameters
        ----------
        indices
            Record numbers, repetition allowed.
        out
            Buffers of at least that many records (see `empty`); the result is views of their beginning.

        Returns
        -------
        dict
            One array per variable, shape (len(indices), ...).

        Raises
        ------
        ContractError
            When a chunk is damaged or missing: names variable, file and record.
        IndexError
            When a record does not exist.
        """
        numbers = np.asarray(indices, dtype=np.int64)
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < self.records):
            raise IndexError(
                f"records {numbers.min()} to {numbers.max()} asked for, the store has {self.records}"
            )
        buffers = self.empty(len(numbers)) if out is None else out
        batch = {name: buffers[name][: len(numbers)] for name in self._sources}
        reads = {name: source.read for name, source in self._sources.items()} | self._fetched(numbers)
        tasks: list[Callable[[], None]] = []
        for name, source in self._sources.items():
            tasks += self._tasks(name, source, reads[name], numbers, batch[name])
        self._run(tasks)
        return batch

    def _fetched(self, numbers: np.ndarray) -> dict[str, Read]:
        """Fetch the chunks of records that are not kept in memory, of all variables elsewhere at once."""

        def fetch(name: str) -> Read:
            source = self._elsewhere[name]
            chunks = np.unique(numbers // source.records_per_chunk).tolist()
            return source.fetched([each for each in chunks if self._cache.get((name, each)) is None])

        return dict(zip(self._elsewhere, self._fetchers.map(fetch, self._elsewhere), strict=True))

    def _tasks(
        self, name: str, source: Source, read: Read, numbers: np.ndarray, rows: np.ndarray
    ) -> list[Callable[[], None]]:
        expected = (len(numbers), *source.shape[1:])
        if rows.dtype != source.dtype or rows.shape != expected:
            raise ContractError(
                f"buffer of variable {name!r}: {rows.dtype} {rows.shape}, expected {source.dtype} {expected}"
            )
        if source.records_per_chunk == 1 and rows.flags.c_contiguous:
            return [partial(read, n, rows[i : i + 1]) for i, n in enumerate(numbers.tolist())]
        chunks, offsets = np.divmod(numbers, source.records_per_chunk)
        return [
            partial(self._copy, name, read, chunk, rows, np.flatnonzero(chunks == chunk), offsets)
            for chunk in np.unique(chunks).tolist()
        ]

    def _copy(
        self,
        name: str,
        read: Read,
        chunk: int,
        rows: np.ndarray,
        wanted: np.ndarray,
        offsets: np.ndarray,
    ) -> None:
        """Copy the wanted records of a chunk of several records into the batch."""
        block = self._cache.get((name, chunk))
        if block is None:
            source = self._sources[name]
            block = np.empty((source.records_per_chunk, *source.shape[1:]), source.dtype)
            read(chunk, block)
            self._cache.put((name, chunk), block)
        rows[wanted] = block[offsets[wanted]]

    def _run(self, tasks: list[Callable[[], None]]) -> None:
        if self._pool is None or len(tasks) < 2:
            _run_all(tasks)
        else:
            shares = [tasks[start :: self._threads] for start in range(min(self._threads, len(tasks)))]
            list(self._pool.map(_run_all, shares))


def _run_all(tasks: list[Callable[[], None]]) -> None:
    for task in tasks:
        task()
