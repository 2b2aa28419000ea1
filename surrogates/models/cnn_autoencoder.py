"""Convolutional autoencoder that forecasts complex values."""

from typing import cast

from torch import Tensor, nn

from surrogates.core.ranges import Few
from surrogates.nn.complex_steps import ComplexSteps, features_to_image, image_to_channels, image_to_features
from surrogates.nn.conv import Hourglass


class CNNAutoencoder(nn.Module):
    """3 x 3 convolutions over steps and points, up to many channels and back; then a layer to the future.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, points)``: real and imaginary part of each step in turn.
    in_shape
        Points, ``(points,)``.
    levels
        Convolutions each way; every one doubles the 2 channels, 6 to 128 as published.

    References
    ----------
    S. Cheng et al., "CSI-4CAST", 2025, arXiv:2510.12996 (baseline CNN).
    """

    def __init__(
        self, in_channels: int, out_channels: int, in_shape: tuple[int, ...], levels: Few = 3
    ) -> None:
        super().__init__()
        self._steps = steps = ComplexSteps.of("the CNN autoencoder", in_channels, out_channels, in_shape)
        self.autoencoder = Hourglass(levels, nn.Tanh, norm=False)
        self.to_future = nn.Conv1d(steps.past, steps.horizon, 3, padding=1)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, points)`` to ``(batch, out_channels, points)``."""
        image = self.autoencoder(self._steps.image("the CNN autoencoder", channels))
        future = cast(Tensor, self.to_future(image_to_features(image)))
        return image_to_channels(features_to_image(future))
