"""Distances between fields that compare shapes rather than cells.

The publications compare features of VGG16 trained on ImageNet; those weights come with no package.
`vgg16_local` reads a file of them; `random_vgg` is the same stack with random weights; `gradient` and
`ssim` need no network. Published scores of the Latent U-Net and the X-Net rest on the trained VGG16.
"""

from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.core.errors import ConfigError
from surrogates.nn.similarity import structural_similarity

Name = Literal["gradient", "ssim", "random_vgg", "vgg16_local"]
Distance = Callable[[Tensor, Tensor], Tensor]
"""Distance of two fields (batch, channel, rows, columns): one number for each example."""

NAMES: tuple[Name, ...] = get_args(Name)
_WIDTHS = ((64, 64), (128, 128), (256, 256, 256))
SEED = 16  # of the random stack: the same in every run


def distance(name: Name, weights: str | None = None) -> Distance:
    """Return a distance by its name.

    Parameters
    ----------
    name
        Name among `NAMES`.
    weights
        For `vgg16_local`: file with the weights of torchvision's VGG16, .safetensors or a state dict.
    """
    if (name == "vgg16_local") != (weights is not None):
        raise ConfigError(
            f"objective 'translation': vgg_weights is {weights}; give the file of VGG16's weights together "
            "with the perceptual distance 'vgg16_local', and only then"
        )
    if name == "gradient":
        return gradient
    return dissimilarity if name == "ssim" else FeatureDistance(weights)


def gradient(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean absolute difference of the first differences along both axes, shape (batch,)."""
    along, across = (one - other).diff(dim=-2).abs(), (one - other).diff(dim=-1).abs()
    return along.flatten(1).mean(1) + across.flatten(1).mean(1)


def dissimilarity(one: Tensor, other: Tensor) -> Tensor:
    """Return 1 minus the structural similarity, shape (batch,).

    As in OpenFWI's scores values from -1 to 1 are taken for 0 to 1; standardised gathers go beyond.
    """
    return 1 - structural_similarity(one / 2 + 0.5, other / 2 + 0.5).flatten(1).mean(1)


class FeatureDistance:
    """Absolute and squared difference of the features of VGG16 up to the third block (relu3_3) [1]_.

    Each channel is an image of its own, reduced to a square of its shorter side and given to all three
    colours, without ImageNet's scaling, as published for velocity and gathers [2]_.

    Parameters
    ----------
    weights
        File with the weights; None draws them, the same in every run.

    References
    ----------
    .. [1] K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition",
       ICLR 2015, arXiv:1409.1556.
    .. [2] N. Gupta, M. Sawhney, A. Daw, Y. Lin, A. Karpatne, "A Unified Framework for Forward and Inverse
       Problems in Subsurface Imaging using Latent Space Translations", ICLR 2025, arXiv:2410.11247.
    """

    def __init__(self, weights: str | None) -> None:
        self._features = vgg16_features()
        if weights is None:
            _draw(self._features)
        else:
            _read(self._features, Path(weights))
        self._features.requires_grad_(False).eval()

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the distance, shape (batch,)."""
        features = self._features.to(one.device)
        difference = features(_images(one)) - features(_images(other))
        each = difference.abs().flatten(1).mean(1) + difference.square().flatten(1).mean(1)
        return each.view(len(one), -1).mean(1)


def vgg16_features() -> nn.Sequential:
    """Return the layers of VGG16 up to relu3_3, numbered as in torchvision's `features`."""
    layers: list[nn.Module] = []
    before = 3
    for block, widths in enumerate(_WIDTHS):
        if block:
            layers.append(nn.MaxPool2d(2))
        for width in widths:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
    return nn.Sequential(*layers)


def _images(field: Tensor) -> Tensor:
    side = min(field.shape[-2:])
    images = field.reshape(-1, 1, *field.shape[-2:])
    if images.shape[-2:] != (side, side):
        images = functional.interpolate(images, (side, side), mode="bicubic")
    return images.expand(-1, 3, -1, -1)


@torch.no_grad()
def _draw(features: nn.Module) -> None:
    generator = torch.Generator().manual_seed(SEED)
    for parameter in features.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=generator)
        else:
            nn.init.zeros_(parameter)


def _read(features: nn.Module, path: Path) -> None:
    try:
        state = _state(path)
        features.load_state_dict({name: state[f"features.{name}"] for name in features.state_dict()})
    except (OSError, KeyError, RuntimeError, TypeError, ValueError, UnpicklingError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"objective 'translation': vgg_weights {path} does not hold the weights of VGG16 ({reason}); "
            "give a state dict of torchvision's vgg16, as .safetensors or as saved by torch.save"
        ) from None


def _state(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise ValueError(error) from None
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state
