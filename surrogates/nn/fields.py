"""Fields on a plane: what a network takes, how a convolution changes their shape, how they are resized."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

Pair = tuple[int, int]


def require_field(name: str, field: Tensor, channels: int, shape: Pair) -> None:
    """Refuse a tensor that is not (batch, channels, *shape) with two dimensions of cells, in one line."""
    if len(shape) != 2:
        raise ValueError(
            f"{name} needs fields, with two dimensions beside the channels; found {tuple(field.shape)}; give "
            "inputs and targets on a grid, or take another model"
        )
    require_cells(name, field, channels, shape)


def require_cells(name: str, field: Tensor, channels: int, shape: Sequence[int]) -> None:
    """Refuse a tensor that is not (batch, channels, *shape), in one line."""
    if tuple(field.shape[1:]) != (channels, *shape):
        raise ValueError(
            f"{name} needs (batch, {', '.join(map(str, (channels, *shape)))}); found {tuple(field.shape)}; "
            "give fields as the network was built for, or train one on these"
        )


def shape_after(conv: nn.Conv2d | nn.ConvTranspose2d, shape: Pair) -> Pair:
    """Return the cells of a field of some shape behind a convolution that has no dilation."""
    first, second = (
        (n - 1) * s - 2 * p + k if isinstance(conv, nn.ConvTranspose2d) else (n + 2 * p - k) // s + 1
        for n, k, s, p in zip(shape, conv.kernel_size, conv.stride, map(int, conv.padding), strict=True)
    )
    return first, second


class Resize(nn.Module):
    """Bilinear interpolation to a shape; what has it already passes unchanged."""

    def __init__(self, shape: Pair) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, field: Tensor) -> Tensor:
        """Map (batch, channel, any, any) to (batch, channel, *shape)."""
        if tuple(field.shape[-2:]) == tuple(self.shape):
            return field
        return functional.interpolate(field, self.shape, mode="bilinear")
