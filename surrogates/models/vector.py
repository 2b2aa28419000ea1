"""The sequence-to-sequence network of VECTOR."""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from surrogates.core.ranges import Depth, Horizon, Width
from surrogates.nn.sequence import as_steps


class VECTOR(nn.Module):
    """An encoder whose last states start a decoder that is fed with zeros [1]_.

    Sizes S, M and L of the paper have width and depth 64 and 2 (the default), 128 and 3, 256 and 5. The
    sub-modules are called `gru1`, `gru2` and `fc`, so that the published weights load.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, time)``.
    horizon
        Steps to predict.
    width
        Units of the hidden states.
    depth
        Stacked layers, in the encoder and in the decoder.
    dropout
        Share of the units between two layers of the encoder that is dropped in training.

    References
    ----------
    .. [1] O. Nacar, M. Abdelkader, L. Ghouti, K. Gabr, A. Al-Batati, A. Koubaa, "VECTOR:
       Velocity-Enhanced GRU Neural Network for Real-Time 3D UAV Trajectory Prediction", Drones 9(1):8, 2025.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        horizon: Horizon,
        width: Width = 64,
        depth: Depth = 2,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
    ) -> None:
        super().__init__()
        self.horizon, self.width = horizon, width
        # One layer has nothing in between; torch would warn.
        between = dropout if depth > 1 else 0.0
        self.gru1 = nn.GRU(in_channels, width, num_layers=depth, batch_first=True, dropout=between)
        self.gru2 = nn.GRU(width, width, num_layers=depth, batch_first=True)
        self.fc = nn.Linear(width, out_channels)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, time)`` to ``(batch, out_channels, horizon)``."""
        _, states = self.gru1(as_steps(channels, "VECTOR"))
        steps, _ = self.gru2(channels.new_zeros(channels.shape[0], self.horizon, self.width), states)
        return self.fc(steps).transpose(1, 2)
