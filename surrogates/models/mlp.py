"""Multilayer perceptron."""

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from surrogates.core.ranges import Hidden, Width

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


class MLP(nn.Module):
    """Fully connected layers over the channels; on a grid the same ones at every point.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, *grid)``.
    width
        Units of each hidden layer.
    depth
        Number of hidden layers.
    activation
        Function after each hidden layer.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: Width = 128,
        depth: Hidden = 3,
        activation: Literal["relu", "gelu", "silu", "tanh"] = "gelu",
    ) -> None:
        super().__init__()
        sizes = [in_channels, *[width] * depth]
        hidden = [
            layer
            for before, after in pairwise(sizes)
            for layer in (nn.Linear(before, after), ACTIVATIONS[activation]())
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(sizes[-1], out_channels))

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, *grid)`` to ``(batch, out_channels, *grid)``."""
        return self.layers(channels.movedim(1, -1)).movedim(-1, 1)
