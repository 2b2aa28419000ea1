"""Means of counts over the processes that share a batch, for losses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, distributed

_sharing: ContextVar[bool] = ContextVar("sharing", default=False)


@contextmanager
def shared_batch() -> Iterator[None]:
    """Declare for a while that every process evaluates the loss of its share of one batch."""
    token = _sharing.set(True)
    try:
        yield
    finally:
        _sharing.reset(token)


def mean_over_ranks(counts: Sequence[Tensor]) -> list[Tensor]:
    """Return counts (sums of weights), averaged over the processes if several share a batch.

    The gradients of the processes are averaged. With its own count below the fraction bar, each process
    would weigh its cells by the inverse of how many of them count; divided by the average count, the mean
    over processes of sum(error) / mean(count) is sum(error) / sum(count) over the whole batch.

    Parameters
    ----------
    counts
        Scalars that do not depend on the weights of the network.
    """
    if not _sharing.get():
        return list(counts)
    stacked = torch.stack([count.detach() for count in counts])
    distributed.all_reduce(stacked)
    return list(stacked / distributed.get_world_size())
