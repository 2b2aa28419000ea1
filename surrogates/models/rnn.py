"""Elman network for sequences, rolled out over the horizon."""

from typing import cast

import torch
from torch import Tensor, nn

from surrogates.core.ranges import Depth, Width
from surrogates.nn.complex_steps import ComplexSteps, features_to_image, image_to_channels, image_to_features


class RNN(nn.Module):
    """Stacked tanh cells between two linear layers; each answer is the next input.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, points)``: real and imaginary part of each step in turn.
    in_shape
        Points, ``(points,)``.
    width
        Units of the hidden state.
    depth
        Number of stacked layers.

    References
    ----------
    W. Jiang, H. D. Schotten, "Neural network-based fading channel prediction: A comprehensive overview", IEEE
    Access 7, 2019; the cells of J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        in_shape: tuple[int, ...],
        width: Width = 128,
        depth: Depth = 2,
    ) -> None:
        super().__init__()
        self._steps = ComplexSteps.of("the RNN", in_channels, out_channels, in_shape)
        features = 2 * self._steps.points
        self.encoder = nn.Linear(features, features)
        self.cells = nn.RNN(features, width, depth, batch_first=True)
        self.decoder = nn.Linear(width, features)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, points)`` to ``(batch, out_channels, points)``."""
        past = image_to_features(self._steps.image("the RNN", channels))
        states, hidden = self.cells(self.encoder(past))
        answers = [cast(Tensor, self.decoder(states[:, -1:]))]
        for _ in range(self._steps.horizon - 1):
            states, hidden = self.cells(self.encoder(answers[-1]), hidden)
            answers.append(self.decoder(states))
        return image_to_channels(features_to_image(torch.cat(answers, dim=1)))
