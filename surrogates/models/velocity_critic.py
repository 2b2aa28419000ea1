"""The critic of VelocityGAN: how real a velocity image looks, as one number."""

from typing import cast

from torch import Tensor, nn

from surrogates.core.ranges import Width
from surrogates.nn.conv import stage
from surrogates.nn.fields import Pair, require_field, shape_after


class VelocityCritic(nn.Module):
    """Four pairs of 3 x 3 convolutions, the first of each halving the image, and one over all that is left.

    As in the OpenFWI benchmark [2]_ but for the normalisation: there each batch is normalised, the real one
    apart from the answered one, which removes the difference that the Wasserstein distance measures, and
    makes the gradient penalty one of the batch. Here each example is normalised by itself, as the authors of
    the penalty advise [3]_, and the last convolution, there followed by both too, stands by itself.

    Parameters
    ----------
    in_channels
        Channels of the image.
    in_shape
        Cells of the image (depth, lateral).
    width
        Channels of the first pair; each pair has twice as many as the one before.

    References
    ----------
    .. [1] Z. Zhang, Y. Wu, Z. Zhou, Y. Lin, "VelocityGAN: Subsurface velocity image estimation using
       conditional adversarial networks", WACV 2019.
    .. [2] C. Deng et al., "OpenFWI: Large-scale multi-structural benchmark datasets for full waveform
       inversion", NeurIPS 2022, arXiv:2111.02926.
    .. [3] I. Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017, arXiv:1704.00028,
       section 4.
    """

    def __init__(self, in_channels: int, in_shape: Pair, width: Width = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, shape = in_channels, in_shape
        for after in (width, 2 * width, 4 * width, 8 * width):
            for channels, stride in ((before, 2), (after, 1)):
                conv = nn.Conv2d(channels, after, 3, stride, padding=1)
                layers += stage(conv, nn.LeakyReLU(0.2), nn.GroupNorm(1, after))
                shape = shape_after(conv, shape)
            before = after
        self.layers = nn.Sequential(*layers, nn.Conv2d(before, 1, shape), nn.Flatten(0))
        self._takes = (in_channels, in_shape)

    def forward(self, image: Tensor) -> Tensor:
        """Map (batch, in_channels, *in_shape) to (batch,)."""
        require_field("the critic", image, *self._takes)
        return cast(Tensor, self.layers(image))
