"""Several processes that train one model: who this one is, and how they agree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from surrogates.data.batch import Batch
from surrogates.learning.contract import Objective
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.ranks import shared_batch

Answer = TypeVar("Answer")
Loss = Callable[[Batch, torch.Generator], tuple[Tensor, dict[str, Tensor]]]


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes
    ----------
    rank, size
        Its number, and how many there are.
    local
        Its number on this machine: that of its GPU.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no group, and so nothing to agree on."""
        return not distributed.is_initialized()

    def agree(self, decide: Callable[[], Answer]) -> Answer:
        """Return what the first process decides."""
        if self.alone:
            return decide()
        answer = [decide() if self.first else None]
        distributed.broadcast_object_list(answer)
        return cast(Answer, answer[0])

    def gather(self, value: Answer) -> list[Answer]:
        """Return what every process has, in their order."""
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
        """Take the buffers of the first process: the statistics of batch normalisation differ a little."""
        if not self.alone:
            for buffer in module.buffers():
                distributed.broadcast(buffer, 0)

    def loss(self, pipeline: Pipeline, objective: Objective, batch: Batch) -> Loss:
        """Return the objective; in a group its backward pass averages the gradients.

        On GPUs batch normalisation takes its statistics over the whole batch; torch has no such kernel for
        CPUs, where every process normalises by its own share.

        Parameters
        ----------
        pipeline, objective
            What is trained, and to what end.
        batch
            Any batch; it shows whether the loss depends on every weight.
        """
        if self.alone:
            return partial(objective, pipeline)
        # Looking for weights without a gradient in every step costs time that most networks need not spend.
        idle = self.agree(lambda: not _depends_on_all(pipeline, objective, batch))
        if next(pipeline.parameters()).device.type == "cuda":
            pipeline.network = nn.SyncBatchNorm.convert_sync_batchnorm(pipeline.network)
        # The bound call: a module that stored the wrapped one would register it as a submodule.
        step = _Step(pipeline, objective)
        return DistributedDataParallel(step, find_unused_parameters=idle).__call__


ALONE = Ranks()


def _depends_on_all(pipeline: Pipeline, objective: Objective, batch: Batch) -> bool:
    """Whether every weight gets a gradient: the second decoder of a network that is used one way does not."""
    weights = [parameter for parameter in pipeline.parameters() if parameter.requires_grad]
    modes = [(module, module.training) for module in pipeline.modules()]
    pipeline.eval()  # statistics of batch normalisation stay as they are
    loss, _ = objective(pipeline, batch, torch.Generator(weights[0].device).manual_seed(0))
    for module, mode in modes:  # frozen parts stay in evaluation
        module.training = mode
    return all(each is not None for each in torch.autograd.grad(loss, weights, allow_unused=True))


class _Step(nn.Module):
    """Objective and pipeline as one module, whose call the gradient averaging wraps."""

    def __init__(self, pipeline: Pipeline, objective: Objective) -> None:
        super().__init__()
        self.pipeline, self._objective = pipeline, objective

    def forward(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of this process's share, and scalars to log."""
        with shared_batch():
            return self._objective(self.pipeline, batch, rng)
