"""The U-Net of Geo2SigMap."""

import torch
from torch import Tensor, nn

from surrogates.core.ranges import Few, Width
from surrogates.models.unet import UNet
from surrogates.nn.conv import Norm


class GeoUNet(nn.Module):
    """U-Net with four levels, 64 to 1024 channels as published; 31.04 M parameters with two input channels.

    The published networks predict a path-gain map from building heights and a transmitter map (U-Net-Iso),
    and a signal-strength map from heights, sparse measurements and the answer of the first (U-Net-Dir) [1]_.
    What goes in and what the answer is added to is the transform's matter.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, y, x)``.
    base
        Channels of the first level.
    levels
        Number of times the resolution is halved.
    patch
        Side of the square blocks of cells that are folded into channels first; 2 computes about a quarter.
    norm
        Batch normalisation as published, or group normalisation.

    References
    ----------
    .. [1] Y. Li, Z. Li, Z. Gao, T. Chen, "Geo2SigMap: High-Fidelity RF Signal Mapping Using Geographic
       Databases", IEEE DySPAN 2024, arXiv:2312.14303.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        base: Width = 64,
        levels: Few = 4,
        patch: Few = 1,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(patch)
        self.network = UNet(in_channels * patch**2, out_channels * patch**2, base, levels, norm)
        self.unfold = nn.PixelShuffle(patch)
        self._patch = patch

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, y, x)`` to ``(batch, out_channels, y, x)``."""
        if any(side % self._patch for side in channels.shape[-2:]):
            raise ValueError(
                f"the map has {tuple(channels.shape[-2:])} cells; with patch={self._patch} both sides must "
                "be multiples of it"
            )
        folded = self.fold(channels).contiguous(memory_format=torch.channels_last)  # a tenth faster on CPUs
        return self.unfold(self.network(folded))
