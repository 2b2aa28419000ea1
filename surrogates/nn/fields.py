"""Fields on a grid: what a network takes, how a convolution changes their shape, how they are resized."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

Pair = tuple[int, int]
MOST_DIMENSIONS = 3
GRIDS = "length", "height, width", "depth, height, width"
"""Names of the dimensions of fields of one to three."""


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


def factors_of(name: str, pool: Sequence[int] | None, dimensions: int) -> tuple[int, ...]:
    """Return by which factor a level shortens each dimension; 2 where none is given.

    Raises
    ------
    ValueError
        When the fields do not have one to three dimensions, or another number than the factors.
    """
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise ValueError(
            f"{name} needs fields, with one to three dimensions beside the channels; found {dimensions}; "
            "give inputs and targets on a grid, or take another model"
        )
    if pool is not None and len(pool) != dimensions:
        raise ValueError(
            f"pool: {tuple(pool)} found for fields of {dimensions} dimensions; give one factor for each "
            "dimension, such as (1, 2, 2)"
        )
    return tuple(pool) if pool is not None else (2,) * dimensions


def require_large(name: str, field: Tensor, smallest: Sequence[int]) -> None:
    """Refuse a tensor that is not (batch, channel, *grid) with at least `smallest` cells."""
    lengths = field.shape[2:]
    if len(lengths) == len(smallest) and all(
        length >= least for length, least in zip(lengths, smallest, strict=True)
    ):
        return
    least = f"{smallest[0]} cells a side" if len(set(smallest)) == 1 else f"{tuple(smallest)} cells"
    raise ValueError(
        f"{name} needs (batch, channel, {GRIDS[len(smallest) - 1]}), at least {least}; found "
        f"{tuple(field.shape)}; take fewer levels (depth) or larger fields"
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
