"""Temporal convolutional network."""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from surrogates.core.ranges import Few, Horizon, Width
from surrogates.nn.sequence import CausalBlock, Steps, as_steps


class TCN(nn.Module):
    """Dilated causal convolutions in residual blocks; the features of the last step answer all steps at once.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, time)``.
    horizon
        Steps to predict.
    width
        Channels of each block.
    depth
        Number of blocks; their dilations are 1, 2, 4 ..., so that the last step sees the
        ``1 + 2 (kernel - 1) (2 ** depth - 1)`` steps up to it.
    kernel
        Taps of each convolution.
    dropout
        Share of the channels that is dropped behind each convolution in training.

    References
    ----------
    S. Bai, J. Z. Kolter, V. Koltun, "An empirical evaluation of generic convolutional and recurrent networks
    for sequence modeling", arXiv:1803.01271, 2018; without its weight normalisation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        horizon: Horizon,
        width: Width = 64,
        depth: Few = 4,
        kernel: Width = 3,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                CausalBlock(width if level else in_channels, width, kernel, 2**level, dropout)
                for level in range(depth)
            )
        )
        self.head = Steps(width, out_channels, horizon)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, time)`` to ``(batch, out_channels, horizon)``."""
        as_steps(channels, "TCN")
        return self.head(self.blocks(channels)[..., -1])
