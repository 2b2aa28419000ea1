"""Transformer encoder for sequences."""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from surrogates.core.ranges import Depth, Horizon, Width
from surrogates.nn.sequence import AttentionBlock, Steps, as_steps, sinusoids


class SequenceTransformer(nn.Module):
    """Self-attention over the steps of the past; the token of the last step answers all steps at once.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, time)``.
    horizon
        Steps to predict.
    width
        Numbers of each token; a multiple of `heads`, and even.
    depth
        Number of blocks of attention and a multilayer perceptron, each normalised first.
    heads
        Parallel attentions.
    dropout
        Share of the numbers that is dropped behind attention and perceptron in training.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        horizon: Horizon,
        width: Width = 64,
        depth: Depth = 2,
        heads: Width = 4,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        if width % heads or width % 2:
            raise ValueError(
                f"width is {width} with {heads} heads; expected an even multiple of the heads, "
                f"e.g. {2 * heads * max(1, round(width / heads / 2))}"
            )
        super().__init__()
        self.width = width
        self.embed = nn.Linear(in_channels, width)
        self.blocks = nn.Sequential(*(AttentionBlock(width, heads, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = Steps(width, out_channels, horizon)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, time)`` to ``(batch, out_channels, horizon)``."""
        tokens = self.embed(as_steps(channels, "transformer"))
        tokens = self.blocks(tokens + sinusoids(channels.shape[2], self.width, tokens))
        return self.head(self.norm(tokens[:, -1]))
