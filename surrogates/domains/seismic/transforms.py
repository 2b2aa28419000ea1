"""Gathers to channels as OpenFWI's own networks take them."""

from collections.abc import Mapping

import torch
from pydantic import PositiveFloat
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.domains.seismic.names import GATHER
from surrogates.learning.context import Context
from surrogates.learning.transform import Features
from surrogates.learning.transforms import Stack


class Gathers(Stack):
    """Stack the inputs as channels, the gathers with compressed amplitudes: `sign(p) log(1 + k |p|)`.

    Late reflections are a hundred times weaker than the direct wave; the logarithm brings them closer. With
    `task.normalisation: {inputs: min_max}` this is the published input of InversionNet and VelocityGAN.

    Parameters
    ----------
    context, grid, target_grid
        As for `surrogates.learning.transforms.Stack`.
    k
        Amplitudes far below 1 / k are only multiplied by k.

    References
    ----------
    C. Deng et al., "OpenFWI: large-scale multi-structural benchmark datasets for full waveform inversion",
    NeurIPS 2022; `log_transform` of its code, with k = 1.
    """

    def __init__(
        self,
        context: Context,
        grid: tuple[str, ...] | None = None,
        target_grid: tuple[str, ...] | None = None,
        k: PositiveFloat = 1.0,
    ) -> None:
        names = context.input_names
        if GATHER not in names:
            raise ConfigError(
                f"transform 'seismic/gathers': the inputs are {listing(names)}, expected '{GATHER}' among "
                "them; take the transform 'stack'"
            )
        super().__init__(context, grid, target_grid)
        self._k = k

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the stacked channels, without an offset."""
        gathers = inputs[GATHER].float()
        compressed = gathers.sign() * torch.log1p(self._k * gathers.abs())
        return super().forward({**inputs, GATHER: compressed})
