"""Exponential moving average of the weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """Average of a module's parameters and of its real-valued buffers.

    The buffers count too: the running statistics of batch normalisation follow the last few batches, and
    averaged weights with the statistics of one moment predict worse than either.

    Parameters
    ----------
    module
        The module in training.
    decay
        Weight of the past; early on (1 + n) / (10 + n) after n updates, so that the random start fades.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self._live: list[Tensor] = [p for p in module.parameters() if p.requires_grad]
        self._live += [buffer for buffer in module.buffers() if buffer.is_floating_point()]
        self._mean = [tensor.detach().clone() for tensor in self._live]
        self._updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Include the present weights."""
        self._updates += 1
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        torch._foreach_lerp_(self._mean, [p.detach() for p in self._live], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Use the average as the module's weights for a while."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the average and the live weights."""
        for live, mean in zip(self._live, self._mean, strict=True):
            kept = live.detach().clone()
            live.copy_(mean)
            mean.copy_(kept)

    def state_dict(self) -> dict[str, list[Tensor] | int]:
        """Return the state."""
        return {"mean": self._mean, "updates": self._updates}

    def load_state_dict(self, state: dict[str, list[Tensor] | int]) -> None:
        """Restore the state."""
        means, updates = state["mean"], state["updates"]
        assert isinstance(means, list)
        assert isinstance(updates, int)
        for own, saved in zip(self._mean, means, strict=True):
            own.copy_(saved)
        self._updates = updates
