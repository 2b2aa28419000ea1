"""The default transform: variables as channels."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from datasets.store.statistics import Moments, merge
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.learning.context import Context
from surrogates.learning.directions import is_direction
from surrogates.learning.layout import Layout, field_dims, is_complex, shared_grid
from surrogates.learning.scales import Scale
from surrogates.learning.transform import Features, Transform


class Stack(Transform):
    """Stack the inputs as channels; numbers and vectors are repeated over the grid.

    A complex input has two channels for each number, real and imaginary part, and a direction cosine and
    sine. An input that may be missing
    brings one more channel for each number, 1 where it was observed.

    Parameters
    ----------
    context
        Of the data.
    grid
        Dimensions behind the channel; None takes those that every target and some input share.
    target_grid
        Dimensions behind the targets' channel, for a network that answers on another grid than it is asked
        on; None takes ``grid``.
    fold
        Dimensions of every target that join the batch, such as the antennas of an array: the network sees
        (batch * length, channel, *grid), each entry alone. An input without a folded dimension is repeated.
    scale_by
        Input by whose root-mean-square value it and the answer are divided before anything is normalised, so
        that the network sees records of one strength (`surrogates.learning.scales`). Every target has its
        units.
    scale_over
        Whether that value is of each `record` or, as some published models have it, of the whole `batch`,
        whose mean is then subtracted as well. With `batch` a prediction depends on the other records that
        are predicted with it, and a run says so when it starts.
    """

    takes_complex = True
    takes_directions = True

    def __init__(
        self,
        context: Context,
        grid: tuple[str, ...] | None = None,
        target_grid: tuple[str, ...] | None = None,
        fold: tuple[str, ...] = (),
        scale_by: str | None = None,
        scale_over: Literal["record", "batch"] = "record",
    ) -> None:
        super().__init__()
        inputs, targets, record = context.inputs, context.targets, context.record_dimension
        self.fold = _folded(fold, inputs, targets, record)
        shared = tuple(dim for dim in shared_grid(inputs, targets, record) if dim not in self.fold)
        self.grid = shared if grid is None else grid
        self.target_grid = self.grid if target_grid is None else target_grid
        _require_dimensions("grid", self.grid, [*inputs, *targets])
        _require_dimensions("target_grid", self.target_grid, targets)
        _require_apart(self.fold, (*self.grid, *self.target_grid))
        self.layout = Layout(inputs, self.grid, record, self.fold)
        # Whether a complex number was observed is one channel.
        known = (s.model_copy(update={"dtype": "bool", "missing": False}) for s in inputs if s.missing)
        self._observed = Layout(tuple(known), self.grid, record, self.fold)
        self.real_parts = self.layout.real_parts
        self.channel_names = [*self.layout.names, *(f"{name} observed" for name in self._observed.names)]
        self.in_channels = len(self.channel_names)
        self._scale = None if scale_by is None else Scale.of(context, scale_by, scale_over)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the stacked channels, without an offset; the link is that of ``scale_by``."""
        link = None
        if self._scale is not None:
            link, inputs = self._scale.link(inputs, self.layout.repeated)
        channels = self.layout.pack(inputs)
        if self._observed.specs:
            observed = self._observed.pack(
                {spec.name: inputs[spec.name].isfinite() for spec in self._observed.specs}
            )
            observed = observed.expand(channels.shape[0], -1, *channels.shape[2:])
            channels = torch.cat([channels, observed], dim=1)
        return Features(channels, link=link)

    def channel_moments(self, statistics: Callable[[str], Moments]) -> Moments | None:
        """Return the channels' statistics from those of the variables, or None if they do not follow.

        Parameters
        ----------
        statistics
            Gives the statistics of a variable, one entry for each of its ``statistics_axes``.
        """
        if self._observed.specs or self._scale is not None:
            return None
        return layout_moments(self.layout, statistics)


def _require_dimensions(key: str, grid: Sequence[str], specs: Sequence[VariableSpec]) -> None:
    known = list(dict.fromkeys(dim for spec in specs for dim in spec.dims))
    names = dict.fromkeys(spec.name for spec in specs)
    for dim in grid:
        if grid.count(dim) > 1:
            raise ConfigError(f"task.transform.{key}: '{dim}' stands twice; name each dimension once")
        if dim not in known:
            raise ConfigError(
                f"task.transform.{key}: no variable has the dimension '{dim}'.{nearest(dim, known)} "
                f"{listing(names)} have {listing(known)}."
            )


def _folded(
    fold: Sequence[str], inputs: Sequence[VariableSpec], targets: Sequence[VariableSpec], record: str
) -> dict[str, int]:
    """Return the lengths of folded dimensions, which every target has and of which none stands twice."""
    _require_dimensions("fold", fold, targets)
    lengths: dict[str, int] = {}
    for dim in fold:
        lacking = [spec.name for spec in targets if dim not in field_dims(spec, record)]
        if lacking:
            raise ConfigError(
                f"task.transform.fold: the target {listing(lacking)} has no dimension '{dim}' of its own to "
                f"answer along; fold dimensions that every target has, other than '{record}'"
            )
        for spec in (*targets, *inputs):
            sizes = dict(zip(field_dims(spec, record), spec.shape, strict=True))
            if lengths.setdefault(dim, sizes.get(dim, 1)) != sizes.get(dim, lengths[dim]):
                raise ConfigError(
                    f"task.transform.fold: '{spec.name}' has {sizes[dim]} cells along '{dim}', another "
                    f"variable {lengths[dim]}; fold a dimension of one length"
                )
    return lengths


def _require_apart(fold: Collection[str], grid: Collection[str]) -> None:
    for dim in fold:
        if dim in grid:
            raise ConfigError(
                f"task.transform.fold: '{dim}' is also a dimension of the grid; name it once, in fold or grid"
            )


def layout_moments(layout: Layout, statistics: Callable[[str], Moments]) -> Moments | None:
    """Return the statistics of each channel of a layout, or None if the variables' do not tell."""
    moments = []
    for spec, count in zip(layout.specs, layout.counts, strict=True):
        if is_direction(spec):
            return None
        kept = tuple(dim for dim in field_dims(spec, layout.record_dimension) if dim in spec.statistics_axes)
        outer = (*layout.fold, *layout.grid)
        inner = tuple(d for d in field_dims(spec, layout.record_dimension) if d not in outer)
        if layout.record_dimension not in spec.dims or kept not in ((), inner):
            return None
        moments.append(_repeat(statistics(spec.name), count, 2 if is_complex(spec) else 1))
    return Moments(*(np.concatenate(columns) for columns in zip(*moments, strict=True)))


def _repeat(moments: Moments, count: int, parts: int) -> list[np.ndarray]:
    """Return the columns of moments for each of some channels; complex numbers have two, which share them."""
    columns = (moments.count, moments.mean, moments.m2, moments.minimum, moments.maximum)
    flat = [np.asarray(column).reshape(-1).repeat(parts) for column in columns]
    return [column if len(column) == count else np.broadcast_to(column[:1], (count,)) for column in flat]


def merged(moments: Sequence[Moments]) -> Moments:
    """Merge the statistics of one variable over several stores."""
    return moments[0] if len(moments) == 1 else merge(list(moments))
