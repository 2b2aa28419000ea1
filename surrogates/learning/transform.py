"""From physical inputs to the channels of a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Protocol

from torch import Tensor, nn

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.learning.piece import Piece


class Link(Protocol):
    """The map between the targets, less their offset, and the network's answer; it keeps the shape.

    Shapes are (batch, target channel, *grid). What the network answers need not be in the targets' units:
    it may be a velocity where they are positions, or be turned with the direction of flight.
    """

    def encode(self, residual: Tensor) -> Tensor:
        """Return what the network should answer."""

    def decode(self, answer: Tensor) -> Tensor:
        """Undo `encode`."""

    def deviation(self, spread: Tensor) -> Tensor:
        """Return the standard deviations that follow from those of the network's answer."""


@dataclass(frozen=True)
class Features:
    """Output of a transform.

    Attributes
    ----------
    channels
        Shape (batch, channel, *grid), in any units; NaN becomes the channel's mean. The batch includes the
        folded dimensions, entry by entry of each record. Several tensors by name for a network whose
        `forward` takes these names; each has its own grid. Those that the transform names in `channels_last`
        have the shape (batch, cells, channel), or (cells, channel) where all records share them.
    offset
        Shape (batch, target channel, *grid), in the targets' units, added to the network's answer; or None.
    link
        Between the network's answer and the targets less the offset; None where they are the same.
    """

    channels: Tensor | Mapping[str, Tensor]
    offset: Tensor | None = None
    link: Link | None = None

    @property
    def tensor(self) -> Tensor:
        """The channels, if they are one tensor.

        Raises
        ------
        ConfigError
            When they are several.
        """
        if isinstance(self.channels, Tensor):
            return self.channels
        raise ConfigError(
            f"the transform makes the tensors {listing(self.channels)}, but one is needed here; take a "
            "transform with one tensor"
        )


class Transform(Piece, nn.Module):
    """Physical inputs to channels.

    Attributes
    ----------
    channel_names, in_channels
        Names of the channels, and how many there are; of several tensors by the name of the tensor.
    grid
        Dimensions that follow the channel; None takes those that every target and some input share.
    target_grid
        Dimensions that follow the targets' channel; None takes `grid`.
    fold
        Dimensions, with their lengths, that join the batch: the network sees each of their entries alone.
    real_parts
        Channels that are the real part of a complex number, whose imaginary part is the next channel; of
        several tensors by the name of the tensor. The two are normalised by one scale, without a shift.
    channels_last
        Tensors, of several by name, whose channel is the last axis, such as coordinates of points.
    in_shape
        Lengths of each tensor's grid, of several by name, for the constructor of the network; None tells it
        those of the inputs on `grid`.
    any_length
        Dimensions that may have any length in `predict`: each of their cells is answered by itself.
    normalise
        Whether channels and targets are normalised.
    scaled
        Tensors, of several by name, that it has scaled itself, so that they are not normalised.
    takes_tiles
        Whether it takes a window of a larger field as a `surrogates.learning.tile.Tile`, which can look
        further; otherwise it gets one tile after the other as a plain batch.
    needs_whole_field
        Whether the network has to see a larger field all at once.
    offset_free
        Inputs that matter only by their differences, so that no answer is an extrapolation because of where
        they lie.
    positions
        Inputs that are locations on the grid; they exceed the range of training in a larger field.
    detached
        Inputs on which the answer depends in ways that no gradient follows, so that derivatives by them
        would be wrong.
    covered_by
        Inputs on the targets' grid that cover a cell where they are above zero: such cells have no answer,
        and a surrogate predicts NaN there.
    reaches_up
        Inputs that cover a cell where they are at least its coordinate along a dimension of the targets, with
        that dimension: a roof covers the planes of height below it.
    fixed
        Dimensions whose coordinates have to be those of training.
    """

    kind: ClassVar[str] = "transforms"
    channel_names: Sequence[str] | Mapping[str, Sequence[str]]
    in_channels: int | Mapping[str, int]
    grid: tuple[str, ...] | None = None
    target_grid: tuple[str, ...] | None = None
    fold: Mapping[str, int] = MappingProxyType({})
    real_parts: Sequence[int] | Mapping[str, Sequence[int]] = ()
    channels_last: Sequence[str] = ()
    in_shape: Mapping[str, tuple[int, ...]] | None = None
    any_length: Sequence[str] = ()
    normalise: bool = True
    scaled: Sequence[str] = ()
    takes_tiles: bool = False
    needs_whole_field: bool = False
    offset_free: Sequence[str] = ()
    positions: Sequence[str] = ()
    detached: Sequence[str] = ()
    covered_by: Sequence[str] = ()
    reaches_up: Mapping[str, str] = MappingProxyType({})
    fixed: Sequence[str] = ()

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the channels and, if the network learns a residual, the offset."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def observe(self, batch: Mapping[str, Tensor]) -> None:
        """Accumulate a training batch, before training; most transforms have nothing to learn."""

    def finish(self) -> None:
        """Take what was learned from all batches that were observed."""
