"""Reading batches of random records into reused buffers, decoding in threads."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from datasets.store.errors import ContractError
from datasets.store.shards import ShardedArray
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
        self._cache = _ChunkCache(CACHE_BYTES)
        self._threads = threads or min(os.cpu_count() or 1, MAX_THREADS)
        self._pool = ThreadPoolExecutor(self._threads, "record-reader") if self._threads > 1 else None

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
        tasks: list[Callable[[], None]] = []
        for name, source in self._sources.items():
            tasks += self._tasks(name, source, numbers, batch[name])
        self._run(tasks)
        return batch

    def _tasks(
        self, name: str, source: Source, numbers: np.ndarray, rows: np.ndarray
    ) -> list[Callable[[], None]]:
        expected = (len(numbers), *source.shape[1:])
        if rows.dtype != source.dtype or rows.shape != expected:
            raise ContractError(
                f"buffer of variable {name!r}: {rows.dtype} {rows.shape}, expected {source.dtype} {expected}"
            )
        if source.records_per_chunk == 1 and rows.flags.c_contiguous:
            return [partial(source.read, n, rows[i : i + 1]) for i, n in enumerate(numbers.tolist())]
        chunks, offsets = np.divmod(numbers, source.records_per_chunk)
        return [
            partial(self._copy, name, chunk, rows, np.flatnonzero(chunks == chunk), offsets)
            for chunk in np.unique(chunks).tolist()
        ]

    def _copy(self, name: str, chunk: int, rows: np.ndarray, wanted: np.ndarray, offsets: np.ndarray) -> None:
        """Copy the wanted records of a chunk of several records into the batch."""
        block = self._cache.get((name, chunk))
        if block is None:
            source = self._sources[name]
            block = np.empty((source.records_per_chunk, *source.shape[1:]), source.dtype)
            source.read(chunk, block)
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


class _ChunkCache:
    """The chunks used last, up to a number of bytes; safe in threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._chunks: OrderedDict[tuple[str, int], np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int]) -> np.ndarray | None:
        with self._lock:
            if key in self._chunks:
                self._chunks.move_to_end(key)
            return self._chunks.get(key)

    def put(self, key: tuple[str, int], chunk: np.ndarray) -> None:
        with self._lock:
            if key not in self._chunks:
                self._chunks[key] = chunk
                self._bytes += chunk.nbytes
            while self._bytes > self._limit:
                self._bytes -= self._chunks.popitem(last=False)[1].nbytes
