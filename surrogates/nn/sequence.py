"""Functions that networks for sequences share."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def as_steps(channels: Tensor, network: str) -> Tensor:
    """Return channels (batch, channel, time) as steps (batch, time, channel).

    Raises
    ------
    ValueError
        If there are more or fewer dimensions.
    """
    if channels.ndim != 3:
        raise ValueError(
            f"the {network} needs (batch, channel, time), found {tuple(channels.shape)}; "
            "give inputs whose one dimension beside the records is that of the window"
        )
    return channels.transpose(1, 2)


def sinusoids(length: int, width: int, like: Tensor) -> Tensor:
    """Return the encoding of the steps 0 to `length` - 1, shape (length, width).

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5; the cosines follow the sines
    here instead of taking turns with them.
    """
    steps = torch.arange(length, device=like.device, dtype=like.dtype)
    rates = 1e4 ** (-torch.arange(0, width, 2, device=like.device, dtype=like.dtype) / width)
    angles = steps[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Steps(nn.Linear):
    """A linear layer that answers all steps of a horizon at once.

    Parameters
    ----------
    width
        Features of the past.
    out_channels
        Channels of each step.
    horizon
        Steps to predict.
    """

    def __init__(self, width: int, out_channels: int, horizon: int) -> None:
        super().__init__(width, out_channels * horizon)
        self.horizon = horizon

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, width) to (batch, out_channels, horizon)."""
        return super().forward(features).unflatten(1, (-1, self.horizon))


class AttentionBlock(nn.Module):
    """Self-attention and a multilayer perceptron on tokens (batch, time, width), each around a skip."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.mix = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.mix(self.norms[0](tokens)).chunk(3, dim=2)
        )
        seen = functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.drop(self.out(seen.transpose(1, 2).flatten(2)))
        return tokens + self.drop(self.feed(self.norms[1](tokens)))


class TokenEmbedding(nn.Module):
    """Tokens of a sequence: a convolution over three steps in a circle, sinusoids, then a layer along time.

    Parameters
    ----------
    features
        Numbers of each step.
    width
        Numbers of each token, even.
    length
        Steps of the sequence.
    dropout
        Share of the numbers that is dropped in training.

    References
    ----------
    H. Zhou et al., "Informer", AAAI 2021, arXiv:2012.07436. A layer of theirs for calendar features is
    registered (`calendar`) and never asked, as in LLM4CP and CSI-4CAST, whose numbers of weights include it.
    """

    def __init__(self, features: int, width: int, length: int, dropout: float = 0.1) -> None:
        if width % 2:
            raise ValueError(f"width is {width}; expected an even number for the sinusoids, e.g. {width + 1}")
        super().__init__()
        self.conv = nn.Conv1d(features, width, 3, padding=1, padding_mode="circular")
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="leaky_relu")
        self.calendar = nn.Linear(4, width, bias=False).requires_grad_(False)
        self.drop = nn.Dropout(dropout)
        self.along_time = nn.Linear(length, length)

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, length, features) to (batch, length, width)."""
        tokens = self.conv(features.transpose(1, 2))
        code = sinusoids(tokens.shape[2], tokens.shape[1], tokens)
        return self.along_time(self.drop(tokens + code.T)).transpose(1, 2)


class CausalBlock(nn.Module):
    """Two dilated convolutions that look back alone, around a skip."""

    def __init__(self, in_channels: int, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.first = nn.Conv1d(in_channels, width, kernel, dilation=dilation)
        self.second = nn.Conv1d(width, width, kernel, dilation=dilation)
        self.skip = nn.Conv1d(in_channels, width, 1) if in_channels != width else nn.Identity()
        self.drop = nn.Dropout(dropout)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, time)`` to ``(batch, width, time)``; causal."""
        hidden = channels
        for layer in (self.first, self.second):
            hidden = self.drop(functional.relu(layer(functional.pad(hidden, (self.reach, 0)))))
        return functional.relu(hidden + self.skip(channels))
