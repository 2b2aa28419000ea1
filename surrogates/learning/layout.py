"""Variables in and out of one tensor ``(batch, channel, *grid)``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod, sqrt
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.learning.directions import angle_of, full_turn, is_direction, unit_vector

CODES = ("flag_values", "flag_masks", "flag_meanings", "instance_dimension")
"""Attributes (CF) of integers that are no quantities."""
FLOAT32_INTEGERS = 4
"""Bytes of the widest integers that are taken, since most of their values are small counts."""
MAX_CHANNELS = 1 << 20
PARTS = ("real", "imag")
"""Names of the two channels of a complex number, in their order."""
COMPONENTS = ("cos", "sin")
"""Names of those of a direction."""
_PAIR = "(first, second)"
"""Stands for the axis of the two parts among the dimensions of a variable that has them."""


def is_complex(spec: VariableSpec) -> bool:
    """Return whether a variable is complex."""
    return np.dtype(spec.dtype).kind == "c"


def parts_of(spec: VariableSpec) -> tuple[str, ...]:
    """Return the names of the channels of one number: two of complex numbers and directions, or none."""
    if is_direction(spec):
        return COMPONENTS
    return PARTS if is_complex(spec) else ()


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
    """Refuse a variable that would lose its meaning in a cast to float32.

    Raises
    ------
    ConfigError
        For integers that stand for something else (flags, rows of a table), and for integers that float32
        does not hold.
    """
    dtype = np.dtype(spec.dtype)
    codes = [key for key in CODES if key in spec.attributes]
    if dtype.kind in "iu" and codes:
        found, advice = f"has numbers that stand for something else ({codes[0]})", "store what they stand for"
    elif dtype.kind in "iu" and dtype.itemsize > FLOAT32_INTEGERS:
        found, advice = f"is {spec.dtype}, which float32 does not hold", "store it as float32 or int16"
    else:
        return
    raise ConfigError(
        f"variable '{spec.name}' {found}, and would be cast to float32; {advice}, or take a piece that reads "
        "it as it is"
    )


class _Plan(NamedTuple):
    """How one variable becomes channels, and back.

    Attributes
    ----------
    recorded
        Whether it has the record dimension.
    order
        Order of the axes behind the record: folded, inner, parts of complex numbers, grid; None keeps it.
    present
        For each folded dimension, then each of the grid, whether the variable has it.
    channels
        Number of channels.
    lengths
        Of the folded dimensions, the inner ones, and the two parts, in this order.
    back
        Order of all axes that undoes `order`.
    """

    recorded: bool
    order: tuple[int, ...] | None
    present: tuple[bool, ...]
    channels: int
    lengths: tuple[int, ...]
    back: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The order of variables and their inner dimensions along the channel.

    A complex variable has two channels for each inner element, real and imaginary part: of one variable
    channel 2k is the real part of element k, and channel 2k + 1 its imaginary part. A direction
    (`surrogates.learning.directions`) has its cosine and sine in their stead.

    Parameters
    ----------
    specs
        Variables in channel order.
    grid
        Names of the dimensions behind the channel.
    record_dimension
        Name of the batched dimension.
    fold
        Dimensions with their lengths that join the batched one: of n records and a folded dimension of
        length m, row ``i * m + j`` is entry ``j`` of record ``i``.
    """

    specs: tuple[VariableSpec, ...]
    grid: tuple[str, ...]
    record_dimension: str
    fold: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would lose its meaning in float32, and directions that are no angles."""
        for spec in self.specs:
            require_number(spec)
            full_turn(spec)

    @cached_property
    def names(self) -> list[str]:
        """Names of the channels, ``level[3]`` for inner dimensions, ``wave.real[3]`` of complex variables.

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
        return [name for spec in self.specs for name in self._names_of(spec)]

    @cached_property
    def counts(self) -> list[int]:
        """Number of channels of each variable."""
        return [self._plan(spec).channels for spec in self.specs]

    @property
    def channels(self) -> int:
        """Number of channels."""
        return sum(self.counts)

    @cached_property
    def real_parts(self) -> tuple[int, ...]:
        """Channels that are real parts, or cosines; the imaginary part, or the sine, is the next one."""
        first = 0
        found: list[int] = []
        for spec, count in zip(self.specs, self.counts, strict=True):
            found += range(first, first + count, 2) if parts_of(spec) else ()
            first += count
        return tuple(found)

    @cached_property
    def grid_shape(self) -> tuple[int, ...]:
        """Lengths of the grid dimensions; 1 where no variable has the dimension."""
        return tuple(self._sizes.get(dim, 1) for dim in self.grid)

    @cached_property
    def folded(self) -> int:
        """Rows of the network's batch for each record."""
        return prod(self.fold.values())

    @cached_property
    def _sizes(self) -> dict[str, int]:
        dims = [(field_dims(spec, self.record_dimension), spec.shape) for spec in self.specs]
        return {dim: size for names, shape in dims for dim, size in zip(names, shape, strict=True)}

    def inner_shape(self, spec: VariableSpec) -> tuple[int, ...]:
        """Return the lengths of the dimensions of ``spec`` that become channels."""
        dims = field_dims(spec, self.record_dimension)
        return tuple(size for dim, size in zip(dims, spec.shape, strict=True) if self._is_inner(dim))

    def pack(self, values: Mapping[str, Tensor]) -> Tensor:
        """Stack variables as ``(batch, channel, *grid)`` in float32.

        Variables without the record dimension, or without a folded or a grid dimension, are repeated along
        it.
        """
        return self._stack([self._parts(spec, values[spec.name]) for spec in self.specs])

    def pack_deviations(self, values: Mapping[str, Tensor]) -> Tensor:
        """Stack standard deviations of the variables; those of complex ones are shared by the two parts."""
        shares = {spec.name: sqrt(0.5) if is_complex(spec) else 1.0 for spec in self.specs}
        return self._stack([_twice(spec, values[spec.name] * shares[spec.name]) for spec in self.specs])

    def pack_weights(self, value: Tensor) -> Tensor:
        """Stack one real tensor with the dimensions of every variable as the weights of all channels."""
        return self._stack([_twice(spec, value) for spec in self.specs])

    def unpack(self, stacked: Tensor) -> dict[str, Tensor]:
        """Undo `pack` for variables that have the record dimension."""
        values = {}
        for spec, tensor in self._split(stacked):
            parts = self._apart(spec, tensor)
            if is_direction(spec):
                values[spec.name] = angle_of(parts, spec)
            else:
                values[spec.name] = torch.view_as_complex(parts.contiguous()) if is_complex(spec) else parts
        return values

    def unpack_deviations(self, stacked: Tensor) -> dict[str, Tensor]:
        """Undo `pack`, of standard deviations; that of a complex number is of both parts together."""
        values = {}
        for spec, tensor in self._split(stacked):
            if is_direction(spec):
                raise ConfigError(
                    f"the head tells standard deviations of cosine and sine of '{spec.name}', which are none "
                    "of the direction; take the head 'point', or a predictor that draws members"
                )
            parts = self._apart(spec, tensor)
            values[spec.name] = parts.square().sum(-1).sqrt() if is_complex(spec) else parts
        return values

    def repeated(self, value: Tensor) -> Tensor:
        """Repeat the rows of a tensor (batch, ...) as those of the folded dimensions."""
        return value.repeat_interleave(self.folded, 0) if self.fold else value

    def _stack(self, values: Sequence[Tensor]) -> Tensor:
        batch = self._batch_size(values)
        pairs = zip(self.specs, values, strict=True)
        tensors = [self._one(self._plan(spec), value, batch) for spec, value in pairs]
        if len(tensors) == 1:
            return tensors[0]
        grid = torch.broadcast_shapes(*(tensor.shape[2:] for tensor in tensors))
        return torch.cat([tensor.expand(-1, -1, *grid) for tensor in tensors], dim=1)

    def _one(self, plan: _Plan, value: Tensor, batch: int) -> Tensor:
        """Return one variable as ``(batch, channel, *grid)``, of length 1 where it lacks a grid dimension."""
        if not plan.recorded:
            value = value.unsqueeze(0).expand(batch, *value.shape)
        if plan.order is not None:
            value = value.permute(0, *plan.order)
        folds = len(self.fold)
        sizes = iter(value.shape[value.ndim - sum(plan.present[folds:]) :])
        grid = [next(sizes) if here else 1 for here in plan.present[folds:]]
        if not folds:
            return value.reshape(batch, plan.channels, *grid)
        lengths = list(self.fold.values())
        kept = [length if here else 1 for length, here in zip(lengths, plan.present, strict=False)]
        value = value.reshape(batch, *kept, plan.channels, *grid)
        return value.expand(-1, *lengths, *value.shape[1 + folds :]).flatten(0, folds)

    def _split(self, stacked: Tensor) -> list[tuple[VariableSpec, Tensor]]:
        tensors = stacked.split(self.counts, dim=1) if len(self.specs) > 1 else (stacked,)
        return list(zip(self.specs, tensors, strict=True))

    def _apart(self, spec: VariableSpec, tensor: Tensor) -> Tensor:
        """Return the channels of a variable in its own dimensions, with its parts behind, if it has some."""
        plan = self._plan(spec)
        batch = -1 if self.fold else tensor.shape[0]
        return tensor.reshape(batch, *plan.lengths, *tensor.shape[2:]).permute(plan.back)

    def _parts(self, spec: VariableSpec, value: Tensor) -> Tensor:
        """Return a variable in float32; of a complex one or a direction both parts, in an axis behind.

        A number with one part that is NaN is unknown: NumPy writes `nan + 0j` where NaN is assigned.
        """
        turn = full_turn(spec)
        if turn is not None:
            return unit_vector(value.to(torch.float32), turn)
        if not is_complex(spec):
            return value.to(torch.float32)
        parts = torch.view_as_real(value.to(torch.complex64))
        return parts.masked_fill(parts.isnan().any(-1, keepdim=True), torch.nan)

    def _names_of(self, spec: VariableSpec) -> list[str]:
        inner = prod(self.inner_shape(spec))
        numbers = [""] if inner == 1 else [f"[{i}]" for i in range(inner)]
        parts = [f".{part}" for part in parts_of(spec)] or [""]
        return [f"{spec.name}{part}{number}" for number in numbers for part in parts]

    def _plan(self, spec: VariableSpec) -> _Plan:
        """Return what packing needs of a spec; cached, since every step needs it."""
        if spec.name not in self._plans:
            dims = (*field_dims(spec, self.record_dimension), *((_PAIR,) if parts_of(spec) else ()))
            inner = tuple(dim for dim in dims if self._is_inner(dim))
            folded, grid = ([dim for dim in names if dim in dims] for names in (self.fold, self.grid))
            order = (*folded, *inner, *grid)
            lengths = (*(self.fold[dim] for dim in folded), *self.inner_shape(spec))
            parts = (len(parts_of(spec)),) if parts_of(spec) else ()
            self._plans[spec.name] = _Plan(
                self.record_dimension in spec.dims,
                None if order == dims else tuple(1 + dims.index(dim) for dim in order),
                tuple(dim in dims for dim in (*self.fold, *self.grid)),
                prod(self.inner_shape(spec)) * prod(parts),
                (*lengths, *parts),
                (0, *(1 + order.index(dim) for dim in dims)),
            )
        return self._plans[spec.name]

    @cached_property
    def _plans(self) -> dict[str, _Plan]:
        return {}

    def _is_inner(self, dim: str) -> bool:
        return dim not in self.grid and dim not in self.fold

    def _batch_size(self, values: Sequence[Tensor]) -> int:
        for spec, value in zip(self.specs, values, strict=True):
            if self.record_dimension in spec.dims:
                return value.shape[0]
        return 1


def _twice(spec: VariableSpec, value: Tensor) -> Tensor:
    """Return real values of a variable in float32, once for each of its parts, if it has some."""
    value = value.to(torch.float32)
    return torch.stack([value, value], dim=-1) if parts_of(spec) else value
