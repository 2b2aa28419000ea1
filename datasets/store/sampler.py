"""Batches of examples in a shuffled order that resumes exactly: the state is (seed, epoch, step)."""

from collections.abc import Iterator
from typing import TypedDict

import numpy as np

from datasets.store.streams import SHUFFLE, stream


class SamplerState(TypedDict):
    """What is needed to resume in mid-epoch."""

    seed: int
    epoch: int
    step: int


class RecordSampler:
    """Yield batches of example rows; every epoch is a permutation of all of them.

    Records that share a chunk of the store stay close in the order: chunks are shuffled, then the examples
    within blocks of many chunks. A reader that keeps one block decodes each chunk once. Records of one chunk
    are often alike (the transmitters of one window), so blocks should be as large as the reader can keep:
    small data sets are then one block, and the shuffle is a plain one.

    Parameters
    ----------
    records
        Number of examples, or the record number of each example.
    batch_size
        Examples per batch; the last batch of an epoch may be smaller unless `drop_last`.
    seed
        Seed of the shuffle.
    shuffle
        Off: the examples in their order.
    records_per_chunk
        Consecutive records that share a chunk of the store.
    chunks_per_block
        Chunks whose examples are shuffled together; `batch_size` when None.
    """

    def __init__(
        self,
        records: int | np.ndarray,
        batch_size: int,
        seed: int = 0,
        *,
        shuffle: bool = True,
        records_per_chunk: int = 1,
        chunks_per_block: int | None = None,
        drop_last: bool = False,
    ) -> None:
        numbers = np.arange(records) if isinstance(records, int) else np.asarray(records)
        if len(numbers) == 0:
            raise ValueError("no examples to draw batches from; check the split and the selection")
        if batch_size < 1 or (drop_last and batch_size > len(numbers)):
            raise ValueError(f"batch_size {batch_size} makes no batch of {len(numbers)} examples")
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed, self.epoch, self.step = seed, 0, 0
        self._examples = len(numbers)
        self._block = chunks_per_block or batch_size
        self._chunks = np.unique(numbers // records_per_chunk, return_inverse=True)[1]
        self._batches = len(numbers) // batch_size if drop_last else -(-len(numbers) // batch_size)

    def __len__(self) -> int:
        """Return the batches per epoch."""
        return self._batches

    def order(self, epoch: int) -> np.ndarray:
        """Return the example rows of one epoch in the order of their use."""
        if not self.shuffle:
            return np.arange(self._examples)
        rng = stream(self.seed, SHUFFLE, epoch)
        rank = rng.permutation(int(self._chunks.max()) + 1)[self._chunks]
        return np.lexsort((rng.random(self._examples), rank // self._block))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the remaining batches of the current epoch, then turn to the next one.

        The state counts a batch as used when it is handed out.
        """
        order = self.order(self.epoch)
        while self.step < self._batches:
            start = self.step * self.batch_size
            self.step += 1
            yield order[start : start + self.batch_size]
        self.epoch, self.step = self.epoch + 1, 0

    def state_dict(self) -> SamplerState:
        """Return the state for `load_state_dict`."""
        turned, step = divmod(self.step, self._batches)
        return {"seed": self.seed, "epoch": self.epoch + turned, "step": step}

    def load_state_dict(self, state: SamplerState) -> None:
        """Restore a saved state."""
        if not 0 <= state["step"] < self._batches:
            raise ValueError(
                f"step {state['step']} of the saved state lies outside the {self._batches} batches;"
                " resume with the data set and batch size that the state was saved with"
            )
        self.seed, self.epoch, self.step = state["seed"], state["epoch"], state["step"]
