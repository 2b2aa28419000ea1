"""Several processes that train one network: which one this is, and how they agree."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed, nn

from surrogates.data.batch import Batch
from surrogates.learning.contract import Objective
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.ranks import shared_batch

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes
    ----------
    rank, size
        Its number, and how many there are.
    local_size
        How many are on this machine.
    """

    rank: int = 0
    size: int = 1
    local_size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether it is the only process."""
        return self.size == 1

    def agree(self, decide: Callable[[], Answer]) -> Answer:
        """Return the decision of the first process."""
        if self.alone:
            return decide()
        answer = [decide() if self.first else None]
        distributed.broadcast_object_list(answer)
        return cast(Answer, answer[0])

    def largest(self, *values: int) -> tuple[int, ...]:
        """Return the largest value of each number over the processes."""
        if self.alone:
            return values
        found = torch.tensor(values)  # on the CPU, so that a GPU is not waited for
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return tuple(found.tolist())

    def gather(self, value: Answer) -> list[Answer]:
        """Return the values of all processes, in their order."""
        if self.alone:
            return [value]
        found: list[Any] = [None] * self.size
        distributed.all_gather_object(found, value)
        return found

    def mean(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean of scalars over the processes."""
        if self.alone or not values:
            return dict(values)
        stacked = torch.stack([value.detach() for value in values.values()])
        distributed.all_reduce(stacked)
        return dict(zip(values, stacked / self.size, strict=True))

    def take_buffers(self, module: nn.Module) -> None:
        """Take the buffers of the first process; those of batch normalisation differ slightly."""
        if not self.alone:
            for buffer in module.buffers():
                distributed.broadcast(buffer, 0)


ALONE = Ranks()


class Share(nn.Module):
    """The loss of this process's share of a batch, as a module whose gradients are averaged.

    On GPUs batch normalisation takes its statistics over the whole batch; torch has no such kernel for CPUs,
    where every process normalises by its own share.
    """

    def __init__(self, pipeline: Pipeline, objective: Objective) -> None:
        super().__init__()
        if next(pipeline.parameters()).device.type == "cuda":
            pipeline.network = nn.SyncBatchNorm.convert_sync_batchnorm(pipeline.network)
        self.pipeline, self._objective = pipeline, objective

    def forward(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of this process's share, and scalars to log."""
        with shared_batch():
            return self._objective(self.pipeline, batch, rng)


def depends_on_all(pipeline: Pipeline, objective: Objective, batch: Batch) -> bool:
    """Return whether every weight gets a gradient; a second decoder that is not used does not.

    Parameters
    ----------
    pipeline, objective
        What is trained, and to what end.
    batch
        Any batch.
    """
    weights = [parameter for parameter in pipeline.parameters() if parameter.requires_grad]
    with evaluating(pipeline):  # statistics of batch normalisation stay as they are
        loss, _ = objective(pipeline, batch, torch.Generator(weights[0].device).manual_seed(0))
    return all(each is not None for each in torch.autograd.grad(loss, weights, allow_unused=True))


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module in evaluation mode for a while, then restore the mode of each submodule."""
    modes = [(submodule, submodule.training) for submodule in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for submodule, mode in modes:
            submodule.training = mode
