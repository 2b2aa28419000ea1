"""Long short-term memory for forecasts."""

from torch import Tensor, nn

from surrogates.core.ranges import Depth, Horizon, Width
from surrogates.nn.sequence import Steps, as_steps


class LSTM(nn.Module):
    """Stacked long short-term memory whose last state answers all steps at once.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, time)``.
    horizon
        Steps to predict.
    width
        Units of the hidden state.
    depth
        Number of stacked layers.

    References
    ----------
    S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997, with the forget gate
    of F. A. Gers, J. Schmidhuber, F. Cummins, Neural Computation 12, 2000.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        horizon: Horizon,
        width: Width = 64,
        depth: Depth = 2,
    ) -> None:
        super().__init__()
        self.cells = nn.LSTM(in_channels, width, num_layers=depth, batch_first=True)
        self.head = Steps(width, out_channels, horizon)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, time)`` to ``(batch, out_channels, horizon)``."""
        states, _ = self.cells(as_steps(channels, "LSTM"))
        return self.head(states[:, -1])
