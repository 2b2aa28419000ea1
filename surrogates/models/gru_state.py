"""Gated recurrent unit that reads a sequence and answers once."""

from torch import Tensor, nn

from surrogates.core.ranges import Depth, Hidden, Width
from surrogates.models.mlp import MLP
from surrogates.nn.sequence import as_steps


class GRUState(nn.Module):
    """The last state of stacked gated recurrent units, through a multilayer perceptron.

    Its answer has no time: a transform that wants a forecast flattens the horizon into the channels.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, time)`` and ``(batch, channel)``.
    width
        Units of the hidden state, and of the hidden layers of the perceptron.
    depth
        Number of stacked units.
    layers
        Hidden layers of the perceptron.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: Width = 64,
        depth: Depth = 1,
        layers: Hidden = 1,
    ) -> None:
        super().__init__()
        self.cells = nn.GRU(in_channels, width, num_layers=depth, batch_first=True)
        self.head = MLP(width, out_channels, width, layers)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, time)`` to ``(batch, out_channels)``."""
        states, _ = self.cells(as_steps(channels, "GRU"))
        return self.head(states[:, -1])
