"""LLM4CP: convolutions in two domains in front of the first blocks of GPT-2."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from surrogates.core.ranges import Depth, Width
from surrogates.nn.complex_steps import (
    ComplexSteps,
    Over,
    features_to_image,
    future_channels,
    image_to_features,
    inverse_fourier,
    standardise,
)
from surrogates.nn.gpt2 import GPT2, load_gpt2
from surrogates.nn.sequence import TokenEmbedding
from surrogates.nn.shuffle import ChannelAttention


class LLM4CP(nn.Module):
    """Standardise, mix short patches of steps, convolve in two domains, and ask a language model [1]_.

    Of GPT-2 only layer normalisations and positions are trained: freeze ``gpt2.h.*.attn.*`` and
    ``gpt2.h.*.mlp.*``. Its weights are random until `load_weights`
    (``init=FILE``) reads published ones.
    Both domains share one layer for patches; a second one (`idle_patch`) is registered and never asked, as
    published.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, points)``: real and imaginary part of each step in turn.
    in_shape
        Points, ``(points,)``.
    patch
        Steps that are mixed with each other; it divides the steps of the past.
    channels
        Channels of the convolutions.
    blocks
        Residual blocks of each domain.
    width, depth, heads, positions, vocabulary
        Sizes of GPT-2, see `surrogates.nn.gpt2.GPT2`.
    dropout
        Share that embedding and GPT-2 drop in training.
    normalisation
        What shares a mean and a standard deviation. As published it is the `batch`, so that each answer
        depends on what is asked beside it.

    References
    ----------
    .. [1] B. Liu, X. Liu, S. Gao, X. Cheng, L. Yang, "LLM4CP: Adapting large language models for channel
       prediction", Journal of Communications and Information Networks 9(2), 2024, arXiv:2406.14440.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        in_shape: tuple[int, ...],
        patch: Width = 4,
        channels: Width = 16,
        blocks: Depth = 2,
        width: Width = 64,
        depth: Depth = 2,
        heads: Width = 4,
        positions: Width = 64,
        vocabulary: Annotated[int, Field(ge=0, le=1 << 16)] = 0,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        normalisation: Over = "record",
    ) -> None:
        super().__init__()
        self._steps = steps = ComplexSteps.of("LLM4CP", in_channels, out_channels, in_shape)
        self._over = normalisation
        if steps.past % patch:
            raise ValueError(
                f"patch is {patch} for {steps.past} steps of the past; expected a divisor of them, e.g. 1"
            )
        self.patch = nn.Linear(patch, patch)
        self.idle_patch = nn.Linear(patch, patch).requires_grad_(False)
        self.points, self.delays = (_domain(channels, blocks) for _ in range(2))
        self.tokens = TokenEmbedding(2 * steps.points, width, steps.past, dropout)
        self.gpt2 = GPT2(width, depth, heads, positions, vocabulary, dropout)
        self.to_features = nn.Linear(width, 2 * steps.points)
        self.to_future = nn.Linear(steps.past, steps.horizon)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, points)`` to ``(batch, out_channels, points)``."""
        image, mean, deviation = standardise(self._steps.image("LLM4CP", channels), self._over)
        # As published: all real parts, then all imaginary ones, are paired up as if they took turns.
        delays = features_to_image(inverse_fourier(image).transpose(1, 2).flatten(2))
        mixed = self.points(self._mix(image)) + self.delays(self._mix(delays))
        answers = self.gpt2(self.tokens(image_to_features(mixed)))
        return future_channels(answers, self.to_features, self.to_future, mean, deviation)

    def load_weights(self, path: str) -> None:
        """Give GPT-2 its published weights, see `surrogates.nn.gpt2.load_gpt2`."""
        load_gpt2(self.gpt2, path)

    def _mix(self, image: Tensor) -> Tensor:
        """Apply the layer of the patches along the steps of an image (batch, 2, steps, points)."""
        patches = image.transpose(2, 3).unflatten(3, (-1, self.patch.in_features))
        return self.patch(patches).flatten(3).transpose(2, 3)


class AttentiveResidual(nn.Module):
    """Two 3 x 3 convolutions and channel attention around a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.attention = ChannelAttention(channels, 1, "average_and_max")

    def forward(self, image: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape."""
        return image + self.attention(self.second(torch.relu(self.first(image))))


def _domain(channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, channels, 3, padding=1),
        *(AttentiveResidual(channels) for _ in range(blocks)),
        nn.Conv2d(channels, 2, 3, padding=1),
    )
