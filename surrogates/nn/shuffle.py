"""Light convolution blocks: channel shuffle, attention over channels, inverted residuals."""

from typing import Literal

import torch
from torch import Tensor, nn

Pooling = Literal["average", "average_and_max"]


def shuffle_channels(image: Tensor, groups: int) -> Tensor:
    """Deal the channels of each group out over all groups (Zhang et al. 2018, arXiv:1707.01083, fig. 1).

    Parameters
    ----------
    image
        Shape (batch, channel, height, width).
    groups
        Divides the number of channels.
    """
    return image.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


class ChannelAttention(nn.Module):
    """Weights of the channels between 0 and 1, from their pooled values.

    Parameters
    ----------
    channels
        Channels of the image.
    reduction
        Share of the channels that the hidden layer has, as its divisor.
    pooling
        Averages, or averages and maxima through the same two layers, added before the sigmoid.
    """

    def __init__(self, channels: int, reduction: int, pooling: Pooling) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.squeeze = nn.Conv2d(channels, hidden, 1, bias=False)
        self.excite = nn.Conv2d(hidden, channels, 1, bias=False)
        self._pooling = pooling

    def forward(self, image: Tensor) -> Tensor:
        """Return the image (batch, channel, height, width) with its channels weighted."""
        score = self._score(image.mean((2, 3), keepdim=True))
        if self._pooling == "average_and_max":
            score = score + self._score(image.amax((2, 3), keepdim=True))
        return image * torch.sigmoid(score)

    def _score(self, pooled: Tensor) -> Tensor:
        return self.excite(torch.relu(self.squeeze(pooled)))


class ShuffleBlock(nn.Module):
    """Grouped 1 x 1, shuffle, depthwise 3 x 3, grouped 1 x 1, channel attention, around a skip.

    Parameters
    ----------
    channels
        Channels of the image, a multiple of `groups`.
    groups
        Groups of the 1 x 1 convolutions.
    reduction, pooling
        See `ChannelAttention`.

    References
    ----------
    X. Zhang, X. Zhou, M. Lin, J. Sun, "ShuffleNet", CVPR 2018, arXiv:1707.01083; the attention as in S. Woo,
    J. Park, J. Lee, I. S. Kweon, "CBAM", ECCV 2018.
    """

    def __init__(self, channels: int, groups: int, reduction: int, pooling: Pooling) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            nn.Conv2d(channels, channels, 1, groups=groups, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.leave = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 1, groups=groups, bias=False),
            nn.BatchNorm2d(channels),
            ChannelAttention(channels, reduction, pooling),
        )
        self._groups = groups

    def forward(self, image: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape."""
        return torch.relu(image + self.leave(shuffle_channels(self.enter(image), self._groups)))


class SqueezeExcitation(nn.Module):
    """Weights of the channels from their averages, with a hard sigmoid (Howard et al. 2019)."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1), nn.Hardsigmoid()
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return the image (batch, channel, height, width) with its channels weighted."""
        return image * self.layers(image.mean((2, 3), keepdim=True))


class InvertedResidual(nn.Module):
    """Expand twofold, depthwise 3 x 3, squeeze and excite, project back, around a skip.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 2 * channels
        self.layers = nn.Sequential(
            *(nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.Hardswish()),
            *(nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False), nn.BatchNorm2d(wide)),
            nn.Hardswish(),
            SqueezeExcitation(wide, reduction=4),
            *(nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels)),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape."""
        return image + self.layers(image)
