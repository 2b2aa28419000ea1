"""Gated recurrent unit for sequences."""

from torch import Tensor, nn

from surrogates.core.ranges import Depth, Width
from surrogates.nn.sequence import as_steps


class GRU(nn.Module):
    """Stacked gated recurrent units with a linear head (Cho et al. 2014).

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, time)``.
    width
        Units of the hidden state.
    depth
        Number of stacked layers.
    """

    def __init__(self, in_channels: int, out_channels: int, width: Width = 64, depth: Depth = 1) -> None:
        super().__init__()
        self.cells = nn.GRU(in_channels, width, num_layers=depth, batch_first=True)
        self.head = nn.Linear(width, out_channels)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, time)`` to ``(batch, out_channels, time)``; causal."""
        states, _ = self.cells(as_steps(channels, "GRU"))
        return self.head(states).transpose(1, 2)
