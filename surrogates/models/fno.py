"""Fourier neural operator between grids of different size."""

from typing import Annotated, Any, cast

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from surrogates.core.optional import require
from surrogates.core.ranges import Depth, Width
from surrogates.nn.fields import require_cells

Cells = tuple[int, ...]
MOST_AXES = 3


class FNO(nn.Module):
    """Fourier layers [1]_ on grids that lead step by step from that of the input to that of the output [2]_.

    The layers are those of the package `neuralop` (`pip install "sciml-surrogates[operators]"`). The lengths
    of the grids between input and output are a geometric series; as published, for 70 to 1000 samples in four
    layers, they are 128, 256, 512 and 1000, here 136, 265, 514 and 1000.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, *shape)``.
    in_shape, out_shape
        Cells of the input and of the output, along one to three axes.
    width
        Channels of the layers.
    layers
        Number of layers.
    modes
        Modes that are kept, of each sign along all axes but the last.
    padding
        Zero cells behind the input, so that it is not treated as periodic.

    References
    ----------
    .. [1] Z. Li et al., "Fourier neural operator for parametric partial differential equations", ICLR 2021,
       arXiv:2010.08895.
    .. [2] N. Gupta, M. Sawhney, A. Daw, Y. Lin, A. Karpatne, "A Unified Framework for Forward and Inverse
       Problems in Subsurface Imaging using Latent Space Translations", ICLR 2025, arXiv:2410.11247.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        in_shape: Cells,
        out_shape: Cells,
        width: Width = 32,
        layers: Depth = 4,
        modes: Depth = 30,
        padding: Annotated[int, Field(ge=0, le=1024)] = 9,
    ) -> None:
        super().__init__()
        if not 1 <= len(in_shape) == len(out_shape) <= MOST_AXES:
            raise ValueError(
                "the Fourier neural operator needs fields, with one to three dimensions beside the channels, "
                f"as many before as behind; found cells {in_shape} and {out_shape}; give inputs and targets "
                "on a grid, or take another model"
            )
        neuralop = require("neuralop.models", "The model 'fno'")
        self.operator = neuralop.FNO(
            n_modes=(2 * modes,) * (len(in_shape) - 1)
            + (2 * modes - 1,),  # neuralop halves the last axis, which is real
            in_channels=in_channels,
            out_channels=out_channels,
            hidden_channels=width,
            n_layers=layers,
            lifting_channel_ratio=0,
            projection_channel_ratio=4,
            use_channel_mlp=False,
        )
        self.register_state_dict_post_hook(_drop_arguments)
        self._grids = [
            tuple(
                round(a * (b / a) ** ((layer + 1) / layers)) + padding
                for a, b in zip(in_shape, out_shape, strict=True)
            )
            for layer in range(layers)
        ]
        self._padding, self._answers = padding, out_shape
        self._takes = (in_channels, in_shape)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, *in_shape)`` to ``(batch, out_channels, *out_shape)``."""
        require_cells("the Fourier neural operator", channels, *self._takes)
        padded = functional.pad(channels, (0, self._padding) * len(self._answers))
        answer = cast(Tensor, self.operator(padded, output_shape=self._grids))
        cells: list[Any] = [slice(length) for length in self._answers]
        return answer[(..., *cells)]


def _drop_arguments(module: nn.Module, state: dict[str, Any], prefix: str, metadata: dict[str, Any]) -> None:
    """Keep only weights: neuralop saves its arguments with them."""
    state.pop("_metadata", None)
