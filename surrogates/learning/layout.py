"""Variables in and out of one tensor ``(batch, channel, *grid)``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError

CODES = ("flag_values", "flag_masks", "flag_meanings", "instance_dimension")
"""Attributes (CF) of integers that are no quantities."""
FLOAT32_INTEGERS = 4
"""Bytes of the widest integers that are taken, since most of their values are small counts."""
MAX_CHANNELS = 1 << 20


def field_dims(spec: VariableSpec, record_dimension: str) -> tuple[str, ...]:
    """Return a variable's dimensions without the record dimension."""
    return tuple(dim for dim in spec.dims if dim != record_dimension)


def shared_grid(
    inputs: Sequence[VariableSpec], targets: Sequence[VariableSpec], record_dimension: str
) -> tuple[str, ...]:
    """Return the dimensions that every target and at least one input have, in the targets' order.

    They follow the channel in the tensors of the network; all others become channels.
    """
    offered = {dim for spec in inputs for dim in field_dims(spec, record_dimension)}
    common = set.intersection(*(set(field_dims(spec, record_dimension)) for spec in targets))
    return tuple(dim for dim in field_dims(targets[0], record_dimension) if dim in common & offered)


def require_number(spec: VariableSpec) -> None:
    """Refuse a variable that would lose its imaginary part or its meaning in a cast to float32.

    Raises
    ------
    ConfigError
        For complex numbers, for integers that stand for something else (flags, rows of a table), and for
        integers that float32 does not hold.
    """
    dtype = np.dtype(spec.dtype)
    codes = [key for key in CODES if key in spec.attributes]
    if dtype.kind == "c":
        found, advice = f"is {spec.dtype}", "store its real and imaginary part as two variables"
    elif dtype.kind in "iu" and codes:
        found, advice = f"has numbers that stand for something else ({codes[0]})", "store what they stand for"
    elif dtype.kind in "iu" and dtype.itemsize > FLOAT32_INTEGERS:
        found, advice = f"is {spec.dtype}, which float32 does not hold", "store it as float32 or int16"
    else:
        return
    raise ConfigError(
        f"variable '{spec.name}' {found}, and would be cast to float32; {advice}, or take a piece that reads "
        "it as it is"
    )


@dataclass(frozen=True)
class Layout:
    """The order of variables and their inner dimensions along the channel.

    Parameters
    ----------
    specs
        Variables in channel order.
    grid
        Names of the dimensions behind the channel.
    record_dimension
        Name of the batched dimension.
    """

    specs: tuple[VariableSpec, ...]
    grid: tuple[str, ...]
    record_dimension: str

    def __post_init__(self) -> None:
        """Refuse what would lose its meaning in float32."""
        for spec in self.specs:
            require_number(spec)

    @cached_property
    def names(self) -> list[str]:
        """Names of the channels, ``level[3]`` for inner dimensions.

        Raises
        ------
        ConfigError
            For more than `MAX_CHANNELS`.
        """
        if self.channels > MAX_CHANNELS:
            raise ConfigError(
                f"the variables make {self.channels} channels, more than {MAX_CHANNELS}; name the dimensions "
                "of fields in task.transform.grid, so that they are no channels"
            )
        return [
            spec.name if count == 1 else f"{spec.name}[{i}]"
            for spec, count in zip(self.specs, self.counts, strict=True)
            for i in range(count)
        ]

    @cached_property
    def counts(self) -> list[int]:
        """Number of channels of each variable."""
        return [prod(self.inner_shape(spec)) for spec in self.specs]

    @property
    def channels(self) -> int:
        """Number of channels."""
        return sum(self.counts)

    @cached_property
    def grid_shape(self) -> tuple[int, ...]:
        """Lengths of the grid dimensions; 1 where no variable has the dimension."""
        return tuple(self._sizes.get(dim, 1) for dim in self.grid)

    @cached_property
    def _sizes(self) -> dict[str, int]:
        dims = [(field_dims(spec, self.record_dimension), spec.shape) for spec in self.specs]
        return {dim: size for names, shape in dims for dim, size in zip(names, shape, strict=True)}

    def inner_shape(self, spec: VariableSpec) -> tuple[int, ...]:
        """Return the lengths of the dimensions of ``spec`` that become channels."""
        dims = field_dims(spec, self.record_dimension)
        return tuple(size for dim, size in zip(dims, spec.shape, strict=True) if dim not in self.grid)

    def pack(self, values: Mapping[str, Tensor]) -> Tensor:
        """Stack variables as ``(batch, channel, *grid)`` in float32.

        Variables without the record dimension, or without a grid dimension, are repeated along it.
        """
        batch = self._batch_size(values)
        tensors = [self.one(spec, values[spec.name], batch) for spec in self.specs]
        if len(tensors) == 1:
            return tensors[0]
        grid = torch.broadcast_shapes(*(tensor.shape[2:] for tensor in tensors))
        return torch.cat([tensor.expand(batch, -1, *grid) for tensor in tensors], dim=1)

    def unpack(self, stacked: Tensor) -> dict[str, Tensor]:
        """Undo `pack` for variables that have the record dimension."""
        values = {}
        tensors = stacked.split(self.counts, dim=1) if len(self.specs) > 1 else (stacked,)
        for spec, tensor in zip(self.specs, tensors, strict=True):
            inner, order = self._returns(spec)
            values[spec.name] = tensor.reshape(tensor.shape[0], *inner, *tensor.shape[2:]).permute(order)
        return values

    def one(self, spec: VariableSpec, value: Tensor, batch: int) -> Tensor:
        """Return one variable as ``(batch, channel, *grid)``, of length 1 where it lacks a grid dimension."""
        recorded, order, count, present = self._plan(spec)
        value = value.to(torch.float32)
        if not recorded:
            value = value.unsqueeze(0).expand(batch, *value.shape)
        if order is not None:
            value = value.permute(0, *order)
        sizes = iter(value.shape[value.ndim - sum(present) :])
        return value.reshape(batch, count, *(next(sizes) if here else 1 for here in present))

    def _plan(self, spec: VariableSpec) -> tuple[bool, tuple[int, ...] | None, int, tuple[bool, ...]]:
        """Return what `one` needs of a spec; cached, since every step needs it."""
        if spec.name not in self._plans:
            dims, order = field_dims(spec, self.record_dimension), self._channel_first(spec)
            self._plans[spec.name] = (
                self.record_dimension in spec.dims,
                None if order == dims else tuple(1 + dims.index(dim) for dim in order),
                prod(self.inner_shape(spec)),
                tuple(dim in dims for dim in self.grid),
            )
        return self._plans[spec.name]

    def _returns(self, spec: VariableSpec) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return what `unpack` needs of a spec: inner lengths and order of the axes; cached too."""
        if spec.name not in self._ways_back:
            order = self._channel_first(spec)
            axes = (1 + order.index(dim) for dim in field_dims(spec, self.record_dimension))
            self._ways_back[spec.name] = self.inner_shape(spec), (0, *axes)
        return self._ways_back[spec.name]

    @cached_property
    def _ways_back(self) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        return {}

    @cached_property
    def _plans(self) -> dict[str, tuple[bool, tuple[int, ...] | None, int, tuple[bool, ...]]]:
        return {}

    def _channel_first(self, spec: VariableSpec) -> tuple[str, ...]:
        dims = field_dims(spec, self.record_dimension)
        inner = tuple(dim for dim in dims if dim not in self.grid)
        return inner + tuple(dim for dim in self.grid if dim in dims)

    def _batch_size(self, values: Mapping[str, Tensor]) -> int:
        for spec in self.specs:
            if self.record_dimension in spec.dims:
                return values[spec.name].shape[0]
        return 1
