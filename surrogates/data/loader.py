"""Batches of examples, read ahead, in an order that resumes exactly."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from itertools import islice
from time import perf_counter
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from datasets.store.layout import Store
from datasets.store.reader import CACHE_BYTES as READER_BYTES
from datasets.store.sampler import RecordSampler, SamplerState
from datasets.store.specs import VariableSpec
from datasets.store.streams import AUGMENTATION, BATCH, CONDITION, PREPARATION, stream
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.data.disturbance import Disturbance, Step
from surrogates.data.index import DRAW, ExampleIndex, touched
from surrogates.data.source import Source

CACHE_BYTES = 4 << 30
Made = TypeVar("Made")


class Rows(NamedTuple):
    """What this process takes of one batch.

    Attributes
    ----------
    own
        Rows of the index.
    first
        First row of the whole batch, whichever processes share it.
    """

    own: np.ndarray
    first: int


class BatchLoader:
    """Iterate over the batches of an epoch; the state is (seed, epoch, step), however far threads read ahead.

    Splits that fit are read once, at construction, and kept in memory. Otherwise threads read, decode and
    prepare the next batches while the model works: blosc and NumPy release the interpreter lock.

    Parameters
    ----------
    stores
        Stores whose records are concatenated.
    index
        The examples.
    variables
        Names of the variables of a batch.
    batch_size
        Examples of a batch; the last one of an epoch is dropped in training when it is smaller.
    seed
        Seed of order, preparations and augmentations.
    preparations, augmentations
        Steps applied to each batch, the latter in training only.
    train
        Shuffle, and draw anew in every epoch; otherwise the order of the index, and draws that repeat.
    threads
        Threads that work ahead.
    cache_bytes
        Largest size of a split that is kept in memory.
    pin_memory
        Put batches in page-locked memory, for fast copies to a GPU.
    rank, ranks
        Number of this process, and of all that share the work. In training each takes its share of every
        batch, so that order and state do not depend on how many there are; otherwise whole batches in turn,
        and all of them where there are fewer batches than processes.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        index: ExampleIndex,
        variables: Sequence[str],
        batch_size: int,
        seed: int = 0,
        *,
        preparations: Sequence[Step] = (),
        augmentations: Sequence[Step] = (),
        train: bool = False,
        threads: int = 2,
        cache_bytes: int = CACHE_BYTES,
        pin_memory: bool = False,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.index = index
        self.train = train
        self.seconds_waited = 0.0
        self._sources = [Source(store, variables, index.window) for store in stores]
        _require_one_shape(self._sources, variables)
        self._shared = _same_shared(self._sources)
        self._preparations = list(preparations)
        self._augmentations = list(augmentations) if train else []
        self._threads = threads
        self._pin = pin_memory
        per_chunk = max(store.records_per_chunk for store in stores)
        self._sampler = RecordSampler(
            np.repeat(_indices(stores, index), index.draws),
            min(batch_size, len(index)) if train else batch_size,
            seed,
            shuffle=train,
            records_per_chunk=per_chunk,
            chunks_per_block=max(batch_size, READER_BYTES // (per_chunk * self._record_bytes())),
            drop_last=train,
        )
        self._rank, self._ranks = rank, ranks
        if train and self._sampler.batch_size % ranks:
            raise ConfigError(
                f"the {len(index)} training examples make one batch, which {ranks} processes cannot share "
                f"equally; take trainer.batch_size={len(index) // ranks * ranks or 1} or fewer processes"
            )
        self._cache = self._read_all() if self._fits(cache_bytes) else None

    def __len__(self) -> int:
        """Batches of an epoch in this process."""
        return len(self._sampler) if self.train else len(self.numbers)

    @property
    def numbers(self) -> range:
        """Numbers of the batches that this process takes of an epoch."""
        every = range(len(self._sampler))
        return every if self.train else every[self._rank :: self._ranks] or every

    @property
    def cached(self) -> bool:
        """Whether the whole split is kept in memory."""
        return self._cache is not None

    def spec(self, name: str) -> VariableSpec:
        """Return the spec of a variable as a batch shows it."""
        return self._sources[0].spec(name)

    def state_dict(self) -> SamplerState:
        """Return the state after the batches handed out so far."""
        return self._sampler.state_dict()

    def load_state_dict(self, state: SamplerState) -> None:
        """Restore a saved state."""
        self._sampler.load_state_dict(state)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the remaining batches of the epoch in training, else all of them.

        The state moves when a batch is handed out, not when a thread has read it; with the last batch it
        moves to the next epoch.
        """
        sampler = self._sampler
        epoch, first = (sampler.epoch, sampler.step) if self.train else (0, 0)
        rows = self._rows(epoch, first)
        for step, batch in enumerate(
            self._made(rows, lambda each: self._batch(each, epoch)), start=first + 1
        ):
            if self.train:
                sampler.epoch, sampler.step = (epoch, step) if step < len(self) else (epoch + 1, 0)
            yield batch

    def disturbed(self, disturbance: Disturbance) -> Iterator[tuple[Batch, Batch]]:
        """Yield all batches twice: undisturbed, and with the inputs under a condition.

        What a disturbance draws depends only on the seed, the example and its draw, so that all conditions
        of one kind share it. A preparation that follows a disturbed one draws as it does undisturbed.
        """
        yield from self._made(self._rows(0, 0), lambda each: self._pair(each, disturbance))

    def _rows(self, epoch: int, first: int) -> list[Rows]:
        """Return the rows of the index in each remaining batch of an epoch."""
        order, size = self._sampler.order(epoch), self._sampler.batch_size
        return [
            Rows(self._own(order[step * size : (step + 1) * size]), int(order[step * size]))
            for step in self.numbers[first:]
        ]

    def _own(self, rows: np.ndarray) -> np.ndarray:
        """Return this process's share of a training batch."""
        if not self.train or self._ranks == 1:
            return rows
        share = len(rows) // self._ranks
        return rows[self._rank * share : (self._rank + 1) * share]

    def _made(self, rows: list[Rows], make: Callable[[Rows], Made]) -> Iterator[Made]:
        """Yield what is made of the rows of each batch, with threads that work ahead where it takes time."""
        slow = self._preparations or self._augmentations or self._pin or self._cache is None
        if not (slow and self._threads):
            yield from map(make, rows)
            return
        following = iter(rows)
        with ThreadPoolExecutor(self._threads, thread_name_prefix="batches") as pool:
            pending = deque(pool.submit(make, each) for each in islice(following, self._threads + 2))
            try:
                while pending:
                    started = perf_counter()
                    batch = pending.popleft().result()
                    self.seconds_waited += perf_counter() - started
                    pending.extend(pool.submit(make, each) for each in islice(following, 1))
                    yield batch
            finally:
                for future in pending:
                    future.cancel()

    def _batch(self, rows: Rows, epoch: int) -> Batch:
        """Read and prepare one batch; it depends only on its arguments."""
        examples, draws = np.divmod(rows.own, self.index.draws)
        batch = self._read(examples)
        batch.update(self._shared)
        if self._preparations:
            if not self.train:
                batch[DRAW] = torch.from_numpy(draws)
            rngs = self._generators(
                PREPARATION, np.full_like(draws, epoch) if self.train else draws, examples
            )
            for number, prepare in enumerate(self._preparations):
                given = self._of_batch(prepare, number, epoch, rows.first) or rngs
                batch = prepare(batch, given, train=self.train)
            batch.pop(DRAW, None)
        if self._augmentations:
            rngs = self._generators(AUGMENTATION, np.full_like(draws, epoch), examples)
            for number, augment in enumerate(self._augmentations, start=len(self._preparations)):
                given = self._of_batch(augment, number, epoch, rows.first) or rngs
                batch = augment(batch, given, train=self.train)
        return {name: value.pin_memory() for name, value in batch.items()} if self._pin else batch

    def _pair(self, rows: Rows, disturbance: Disturbance) -> tuple[Batch, Batch]:
        """Read and prepare one batch without and with a disturbance; it depends only on its arguments."""
        examples, draws = np.divmod(rows.own, self.index.draws)
        batch = {**self._read(examples), **self._shared, DRAW: torch.from_numpy(draws)}
        rngs, seen = self._generators(PREPARATION, draws, examples), batch
        for position, prepare in enumerate(self._preparations):
            if position < disturbance.position:
                batch = seen = prepare(batch, rngs, train=False)
                continue
            replaced = disturbance.step if position == disturbance.position else prepare
            alike = deepcopy(rngs)
            batch, seen = prepare(batch, rngs, train=False), replaced(seen, alike, train=False)
        if disturbance.position == len(self._preparations):
            seen = disturbance.step(seen, self._generators(CONDITION, draws, examples), train=False)
        batch, seen = _without_draw(batch), _without_draw(seen)
        return batch, disturbance.seen(batch, seen)

    def _of_batch(self, step: Step, number: int, epoch: int, first: int) -> list[np.random.Generator]:
        """Return the one generator of a step that draws for a training batch as a whole, else none."""
        together = self.train and step.of_batch
        return [stream(self._sampler.seed, BATCH, epoch, first, number)] if together else []

    def _generators(self, purpose: int, times: np.ndarray, examples: np.ndarray) -> list[np.random.Generator]:
        """Return generators that depend on the epoch or draw, and on the example."""
        pairs = zip(times.tolist(), examples.tolist(), strict=True)
        return [stream(self._sampler.seed, purpose, time, example) for time, example in pairs]

    def _read(self, examples: np.ndarray) -> Batch:
        numbers = self.index.store[examples]
        if (numbers == numbers[0]).all():
            return self._of_store(int(numbers[0]), examples)
        batch: Batch = {}
        for number in np.unique(numbers):
            rows = np.flatnonzero(numbers == number)
            for name, value in self._of_store(int(number), examples[rows]).items():
                whole = batch.setdefault(name, value.new_empty((len(examples), *value.shape[1:])))
                whole[torch.from_numpy(rows)] = value
        return batch

    def _of_store(self, number: int, examples: np.ndarray) -> Batch:
        """Cut examples of one store out of its records, from memory or read now."""
        starts, offset = self.index.record[examples], self.index.offset
        if self._cache is None:
            records = touched(starts, self.index.window)
            values = self._sources[number].read(records)
        else:
            records, values = self._cache[number]
        rows = torch.from_numpy(np.searchsorted(records, starts))
        offsets = None if offset is None else torch.from_numpy(offset[examples])
        return self._sources[number].examples(values, rows, offsets)

    def _fits(self, limit: int) -> bool:
        counts = [len(self.index.of_store(number)) for number in range(len(self._sources))]
        pairs = zip(counts, self._sources, strict=True)
        return sum(count * source.bytes_per_record() for count, source in pairs if count) <= limit

    def _record_bytes(self) -> int:
        return self._sources[int(self.index.store[0])].bytes_per_record()

    def _read_all(self) -> list[tuple[np.ndarray, Batch]]:
        """Read all records of each store in blocks, with all threads."""
        kept = []
        for number, source in enumerate(self._sources):
            records = self.index.of_store(number)
            kept.append((records, self._read_records(source, records) if len(records) else {}))
        return kept

    def _read_records(self, source: Source, records: np.ndarray) -> Batch:
        blocks = np.array_split(np.arange(len(records)), max(1, len(records) // 64))
        whole = {
            name: value.new_empty((len(records), *value.shape[1:]))
            for name, value in source.read(records[:1]).items()
        }

        def copy(rows: np.ndarray) -> None:
            for name, value in source.read(records[rows]).items():
                whole[name][rows[0] : rows[-1] + 1] = value

        with ThreadPoolExecutor(max(1, self._threads)) as pool:
            list(pool.map(copy, blocks))
        return whole


def _without_draw(batch: Batch) -> Batch:
    return {name: value for name, value in batch.items() if name != DRAW}


def ranges_of(batches: Iterable[Batch], names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the smallest and largest finite value of each variable that has any.

    Of complex ones 0 and the largest modulus are returned.
    """
    found: dict[str, tuple[float, float]] = {}
    for batch in batches:
        for name in names:
            values = batch[name]
            if values.is_complex():
                found.setdefault(name, (0.0, 0.0))
                values = values.abs()
            values = values.to(torch.float32)
            values = values[values.isfinite()]
            if values.numel():
                low, high = found.get(name, (np.inf, -np.inf))
                found[name] = (min(low, float(values.min())), max(high, float(values.max())))
    return found


def _indices(stores: Sequence[Store], index: ExampleIndex) -> np.ndarray:
    """Return the record of each example, counted through all stores in whole chunks."""
    chunk = max(store.records_per_chunk for store in stores)
    lengths = [-(-store.records // chunk) * chunk for store in stores]
    return np.concatenate([[0], np.cumsum(lengths)])[index.store] + index.record


def _require_one_shape(sources: Sequence[Source], variables: Sequence[str]) -> None:
    """Refuse stores whose examples do not stack to one batch."""
    for name in variables:
        first, *others = [source.spec(name) for source in sources]
        for source, other in zip(sources[1:], others, strict=True):
            if other.shape != first.shape:
                raise ConfigError(
                    f"variable '{name}' has the shape {other.shape} in {source.store.url}, but {first.shape} "
                    f"in {sources[0].store.url}; stores of one run must agree: resample one, or train on one "
                    "apart"
                )


def _same_shared(sources: Sequence[Source]) -> Batch:
    first, *others = sources
    for other in others:
        for name, value in first.shared.items():
            if not np.array_equal(value, other.shared[name], equal_nan=value.dtype.kind in "fc"):
                raise ConfigError(
                    f"variable '{name}' is the same for all records of a store, but differs between "
                    f"{first.store.url} and {other.store.url}; train on them apart"
                )
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in first.shared.items()}
