"""Targets at points: coordinates beside the channels, and points that are drawn for each step."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Literal

import numpy as np
import torch
from pydantic import PositiveInt
from torch import Tensor

from datasets.store.padding import LENGTH, padded_dimension
from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.batch import Batch
from surrogates.learning.context import Context
from surrogates.learning.contract import Preparation
from surrogates.learning.layout import Layout, field_dims, is_complex
from surrogates.learning.transform import Features, Transform
from surrogates.learning.transforms import Stack

BRANCH, TRUNK = "branch", "trunk"
"""Names of the tensors that a network for points is given: the function, and the coordinates."""


class Points(Transform):
    """Coordinates of points as one tensor, all other inputs as another, for a network that answers at points.

    Inputs along the dimension of the points are coordinates, in the order of ``task.inputs``; all others are
    packed as `stack` does. The network's ``forward(branch, trunk)`` answers (batch, channel, point):

    - ``branch`` has the shape (batch, channel, *grid);
    - ``trunk`` (point, coordinate) if no coordinate has the record dimension, so that a network evaluates it
      once for all records, and (batch, point, coordinate) if some have.

    What counts is the tensor, not the spec: coordinates that were trained with the record dimension may be
    given without, and the other way round. A point of which a coordinate is NaN, as in the padding of records
    with fewer points, is answered NaN and does not count in training.

    Parameters
    ----------
    context
        Of the data.
    dimension
        Dimension of the points; every target has it.
    grid
        Dimensions of the branch behind its channel; None takes all that its inputs have. Those that are not
        named become channels.

    References
    ----------
    L. Lu, P. Jin, G. Pang, Z. Zhang, G. E. Karniadakis, "Learning nonlinear operators via DeepONet based on
    the universal approximation theorem of operators", Nature Machine Intelligence 3, 2021.
    """

    takes_complex = True
    channels_last: Sequence[str] = (TRUNK,)

    def __init__(
        self, context: Context, dimension: str = "point", grid: tuple[str, ...] | None = None
    ) -> None:
        super().__init__()
        record = context.record_dimension
        self._dimension, self._record = dimension, record
        self._coordinates = tuple(spec for spec in context.inputs if dimension in spec.dims)
        functions = tuple(spec for spec in context.inputs if dimension not in spec.dims)
        _require_points(context, dimension, self._coordinates, functions)
        own = dict.fromkeys(dim for spec in functions for dim in field_dims(spec, record))
        self.grid, self.target_grid = tuple(own) if grid is None else grid, (dimension,)
        self._branch = branch = Stack(context.between(functions, functions), self.grid)
        self.any_length = (dimension,)
        self._answers = Layout(context.targets, (dimension,), record).channels
        names = Layout(self._coordinates, (dimension,), record).names
        self.channel_names = {BRANCH: list(branch.channel_names), TRUNK: names}
        self.in_channels = {BRANCH: len(branch.channel_names), TRUNK: len(names)}
        self.in_shape = {BRANCH: branch.layout.grid_shape, TRUNK: ()}
        self.real_parts = {BRANCH: branch.layout.real_parts}

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return branch and trunk; the offset is NaN at points that are not known, and 0 elsewhere."""
        branch, trunk = self._branch(inputs).tensor, self.coordinates(inputs)
        return Features({BRANCH: branch, TRUNK: trunk}, offset=self._unknown(trunk, branch.shape[0]))

    def _unknown(self, trunk: Tensor, records: int) -> Tensor | None:
        if not any(spec.missing for spec in self._coordinates):
            return None
        nothing = torch.where(trunk.isnan().any(-1), torch.nan, 0.0).unsqueeze(-2)
        return nothing.expand(records, self._answers, -1)

    def coordinates(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return the coordinates in their units, (point, coordinate) or (batch, point, coordinate)."""
        columns = [self._columns(spec, inputs[spec.name]) for spec in self._coordinates]
        outer = torch.broadcast_shapes(*(each.shape[:-1] for each in columns))
        return torch.cat([each.expand(*outer, -1) for each in columns], dim=-1)

    def _columns(self, spec: VariableSpec, value: Tensor) -> Tensor:
        """Return a coordinate with its inner dimensions as columns, (point, n) or (batch, point, n)."""
        dims = field_dims(spec, self._record)
        recorded = value.ndim - len(dims)
        value = value.to(torch.float32).movedim(recorded + dims.index(self._dimension), recorded)
        return value.reshape(*value.shape[: recorded + 1], prod(value.shape[recorded + 1 :]))


def _require_points(
    context: Context, dimension: str, coordinates: Sequence[VariableSpec], functions: Sequence[VariableSpec]
) -> None:
    """Refuse a task without points, without coordinates, or without a function that is given."""
    known = dict.fromkeys(dim for spec in (*context.inputs, *context.targets) for dim in spec.dims)
    lacking = [spec.name for spec in context.targets if dimension not in spec.dims]
    where = f"transform 'points': the dimension '{dimension}'"
    if lacking:
        raise ConfigError(
            f"{where} is not one of the target {listing(lacking)}.{nearest(dimension, known)} Inputs and "
            f"targets have {listing(known)}; name that of the points by task.transform.dimension"
        )
    if not coordinates:
        raise ConfigError(
            f"{where} is not one of {listing(context.input_names)}; name the coordinates of the points among "
            "task.inputs, such as x and y"
        )
    if not any(context.record_dimension in spec.dims for spec in functions):
        raise ConfigError(
            f"{where} is one of all inputs, {listing(context.input_names)}, that vary with the record; name "
            "also what the answer depends on, such as an initial field"
        )
    if parts := [spec.name for spec in coordinates if is_complex(spec)]:
        raise ConfigError(f"{where}: the coordinate {listing(parts)} is complex; store two real ones")


class DrawPoints(Preparation):
    """Draw some of the stored points in training, anew in every epoch; all points are scored.

    Parameters
    ----------
    context
        Of the data.
    count
        Points of an example.
    per
        ``batch`` draws one set for all records of a batch: coordinates that the records share stay shared, so
        that the trunk of a network runs once. ``record`` draws a set for each record, of a padded one among
        its real points; one with fewer points than `count` gives them all, once.
    dimension
        Of the points. All variables of a batch that have it are cut.
    """

    takes_complex = True

    def __init__(
        self,
        context: Context,
        count: PositiveInt,
        per: Literal["batch", "record"] = "batch",
        dimension: str = "point",
    ) -> None:
        self._specs, self._record = context.specs, context.record_dimension
        self._count, self._dimension = count, dimension
        known = dict.fromkeys(dim for spec in context.specs.values() for dim in spec.dims)
        sizes = {size for spec in context.specs.values() for size in self._sizes(spec)}
        if not sizes:
            raise ConfigError(
                f"draw_points: no variable has the dimension '{dimension}'.{nearest(dimension, known)} They "
                f"have {listing(known)}."
            )
        self._size = min(sizes)
        if count > self._size:
            raise ConfigError(
                f"draw_points: count is {count}, but an example has {self._size} points; take fewer, or "
                "leave draw_points out"
            )
        self._padded = padded_dimension(context.specs) == dimension
        if self._padded and per == "batch":
            raise ConfigError(
                f"draw_points: the records of {context.source} have different numbers of points, so no set "
                "serves all of a batch; say per=record"
            )
        self.of_batch = per == "batch"
        self.variables = (LENGTH,) if self._padded else ()

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Return a training batch with fewer points; any other as it is."""
        if not train:
            return batch
        cut = {name: axis for name in batch if (axis := self._axis(name)) is not None}
        if self.of_batch:
            chosen = torch.from_numpy(np.sort(rngs[0].choice(self._size, self._count, replace=False)))
            return batch | {name: batch[name].index_select(axis, chosen) for name, axis in cut.items()}
        lengths = batch[LENGTH].tolist() if self._padded else [self._size] * len(rngs)
        rows = torch.from_numpy(
            np.stack([self._of_record(*each) for each in zip(rngs, lengths, strict=True)])
        )
        return batch | {name: self._gathered(name, batch[name], axis, rows) for name, axis in cut.items()}

    def _of_record(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """Return the points of one record; behind fewer than `count` real ones follows padding."""
        if length <= self._count:
            return np.arange(self._count)
        return np.sort(rng.choice(length, self._count, replace=False))

    def _gathered(self, name: str, value: Tensor, axis: int, rows: Tensor) -> Tensor:
        """Return the chosen points of each record; a variable that all share gets the record dimension."""
        if self._record in self._specs[name].dims:
            records = torch.arange(len(rows))[:, None]
            return value.movedim(axis, 1)[records, rows].movedim(1, axis)
        return value.movedim(axis, 0)[rows].movedim(1, axis + 1)

    def _axis(self, name: str) -> int | None:
        spec = self._specs.get(name)
        return None if spec is None or self._dimension not in spec.dims else spec.dims.index(self._dimension)

    def _sizes(self, spec: VariableSpec) -> list[int]:
        dims = spec.dims[len(spec.dims) - len(spec.shape) :]
        return [size for dim, size in zip(dims, spec.shape, strict=True) if dim == self._dimension]
