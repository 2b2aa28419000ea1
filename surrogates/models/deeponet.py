"""Deep operator network: a field of sensors and points to the values at the points."""

from collections.abc import Mapping
from math import prod
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from surrogates.core.ranges import Depth, Width, Widths
from surrogates.nn.residual import CONVOLUTIONS, ResNet
from surrogates.nn.sine import FIRST_FACTOR, FourierFeatures, ModifiedMLP, SineMLP

WaveNumber = Annotated[float, Field(gt=0, lt=1e6, allow_inf_nan=False)]
WaveNumbers = Annotated[tuple[WaveNumber, ...], Field(max_length=64)]


class DeepONet(nn.Module):
    """Products of what a branch makes of a field and what a trunk makes of points, summed, plus a bias [1]_.

    The default is the paper's network [2]_ for rooms in space, but for the wave numbers, which depend on how
    the trunk's coordinates are scaled. For rooms on a plane it is 2 deep.

    Points that all records share are given without a batch: the trunk is then evaluated once. Several output
    channels share the trunk; each has its own products of the branch and its own bias.

    Parameters
    ----------
    in_channels
        Channels of the tensor ``branch`` and coordinates of the tensor ``trunk``.
    out_channels
        Channels of the answer.
    in_shape
        Cells of ``branch``, none where it holds numbers; what stands under ``trunk`` does not matter.
    width, depth
        Units and number of hidden layers, of the branch and of the trunk.
    products
        Products that are summed.
    branch
        ``modified_mlp`` or ``mlp`` over the flattened field, or ``resnet`` with ``widths`` and ``blocks``
        over the field.
    trunk
        ``modified_mlp`` or ``mlp`` over the Fourier features of a point.
    encode_by_sine
        Whether the encodings of a modified MLP end with a sine; the published weights belong to a network
        without.
    initial
        Weights behind sines before training: ``published`` ones are up to ``sqrt(6 / inputs) / 30``, and
        ``siren`` ones 30 times as large, which begins with the functions of a SIREN and learns much faster.
    wave_numbers
        Of the Fourier features, rad per unit of the trunk's coordinates; none leaves the coordinates alone.
    widths, blocks
        Channels of the groups of a residual branch, and blocks of a group.

    References
    ----------
    .. [1] L. Lu, P. Jin, G. Pang, Z. Zhang, G. Karniadakis, "Learning nonlinear operators via DeepONet based
       on the universal approximation theorem of operators", Nature Machine Intelligence 3, 2021, equation 2.
    .. [2] N. Borrel-Jensen, S. Goswami, A. Engsig-Karup, G. Karniadakis, C.-H. Jeong, "Sound propagation in
       realistic interactive 3D scenes with parameterized sources using deep neural operators", PNAS 121,
       2024, arXiv:2308.05141.
    """

    def __init__(
        self,
        in_channels: Mapping[str, int],
        out_channels: int,
        in_shape: Mapping[str, tuple[int, ...]],
        width: Width = 2048,
        depth: Depth = 5,
        products: Width = 100,
        branch: Literal["modified_mlp", "mlp", "resnet"] = "modified_mlp",
        trunk: Literal["modified_mlp", "mlp"] = "modified_mlp",
        encode_by_sine: bool = True,
        initial: Literal["published", "siren"] = "published",
        wave_numbers: WaveNumbers = (),
        widths: Widths = (16, 32, 64, 128),
        blocks: Depth = 3,
    ) -> None:
        super().__init__()
        channels, shape = in_channels["branch"], tuple(in_shape["branch"])
        self._takes = (channels, *shape)
        self._coordinates = in_channels["trunk"]
        self._outputs, self._products = out_channels, products

        divisor = FIRST_FACTOR if initial == "published" else 1.0

        def layers(kind: str, inputs: int, outputs: int) -> nn.Module:
            if kind == "mlp":
                return SineMLP(inputs, outputs, width, depth, divisor)
            return ModifiedMLP(inputs, outputs, width, depth, encode_by_sine, divisor)

        if branch == "resnet":
            _require_field(shape)
            self.branch: nn.Module = ResNet(channels, shape, out_channels * products, widths, blocks)
        else:
            flat = layers(branch, channels * prod(shape), out_channels * products)
            self.branch = nn.Sequential(nn.Flatten(), flat)
        features = FourierFeatures(wave_numbers)
        self.trunk = nn.Sequential(features, layers(trunk, features.count(self._coordinates), products))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, branch: Tensor, trunk: Tensor) -> Tensor:
        """Return the values at the points.

        Parameters
        ----------
        branch
            The field, ``(batch, channel, *grid)``.
        trunk
            Coordinates of the points, ``(point, coordinate)`` for all records, or of each,
            ``(batch, point, coordinate)``.

        Returns
        -------
        Tensor
            Shape ``(batch, out_channels, point)``.

        Raises
        ------
        ValueError
            When the field has other cells than the network was built for, or the points fit no record.
        """
        self._require(branch, trunk)
        weights = self.branch(branch).unflatten(1, (self._outputs, self._products))
        return weights @ self.trunk(trunk).mT + self.bias[:, None]

    def _require(self, branch: Tensor, trunk: Tensor) -> None:
        if tuple(branch.shape[1:]) != self._takes:
            raise ValueError(
                f"deeponet needs a branch of (batch, {', '.join(map(str, self._takes))}); found "
                f"{tuple(branch.shape)}; give the sensors that it was built for, or train one on these"
            )
        fits = trunk.ndim == 2 or (trunk.ndim == 3 and trunk.shape[0] == branch.shape[0])
        if not fits or trunk.shape[-1] != self._coordinates:
            raise ValueError(
                f"deeponet needs a trunk of (point, {self._coordinates}) or ({len(branch)}, point, "
                f"{self._coordinates}); found {tuple(trunk.shape)}; give all records the same "
                "points, or each its own"
            )


def _require_field(shape: tuple[int, ...]) -> None:
    if not 1 <= len(shape) <= len(CONVOLUTIONS):
        raise ValueError(
            f"deeponet: branch=resnet needs sensors on a grid of 1 to 3 dimensions; found {len(shape)}; give "
            "such an input, or take branch=modified_mlp"
        )
