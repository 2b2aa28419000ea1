"""The default transform: variables as channels."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from datasets.store.statistics import Moments, merge
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.learning.context import Context
from surrogates.learning.layout import Layout, field_dims, shared_grid
from surrogates.learning.transform import Features, Transform


class Stack(Transform):
    """Stack the inputs as channels; numbers and vectors are repeated over the grid.

    An input that may be missing brings a second channel, 1 where it was observed.

    Parameters
    ----------
    context
        Of the data.
    grid
        Dimensions behind the channel; None takes those that every target and some input share.
    target_grid
        Dimensions behind the targets' channel, for a network that answers on another grid than it is asked
        on; None takes ``grid``.
    """

    def __init__(
        self,
        context: Context,
        grid: tuple[str, ...] | None = None,
        target_grid: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__()
        inputs, targets, record = context.inputs, context.targets, context.record_dimension
        self.grid = shared_grid(inputs, targets, record) if grid is None else grid
        self.target_grid = self.grid if target_grid is None else target_grid
        _require_dimensions("grid", self.grid, [*inputs, *targets])
        _require_dimensions("target_grid", self.target_grid, targets)
        self.layout = Layout(inputs, self.grid, record)
        self._missing = Layout(tuple(s for s in inputs if s.missing), self.grid, record)
        self.channel_names = [*self.layout.names, *(f"{name} observed" for name in self._missing.names)]
        self.in_channels = len(self.channel_names)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the stacked channels, without an offset."""
        channels = self.layout.pack(inputs)
        if self._missing.specs:
            observed = self._missing.pack(inputs).isfinite().to(channels.dtype)
            observed = observed.expand(channels.shape[0], -1, *channels.shape[2:])
            channels = torch.cat([channels, observed], dim=1)
        return Features(channels)

    def channel_moments(self, statistics: Callable[[str], Moments]) -> Moments | None:
        """Return the channels' statistics from those of the variables, or None if they do not follow.

        Parameters
        ----------
        statistics
            Gives the statistics of a variable, one entry for each of its ``statistics_axes``.
        """
        if self._missing.specs:
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


def layout_moments(layout: Layout, statistics: Callable[[str], Moments]) -> Moments | None:
    """Return the statistics of each channel of a layout, or None if a variable's are over other axes."""
    moments = []
    for spec, count in zip(layout.specs, layout.counts, strict=True):
        kept = tuple(dim for dim in field_dims(spec, layout.record_dimension) if dim in spec.statistics_axes)
        inner = tuple(d for d in field_dims(spec, layout.record_dimension) if d not in layout.grid)
        if layout.record_dimension not in spec.dims or kept not in ((), inner):
            return None
        moments.append(_repeat(statistics(spec.name), count))
    return Moments(*(np.concatenate(columns) for columns in zip(*moments, strict=True)))


def _repeat(moments: Moments, count: int) -> list[np.ndarray]:
    columns = (moments.count, moments.mean, moments.m2, moments.minimum, moments.maximum)
    return [np.broadcast_to(np.asarray(column).reshape(-1), (count,)) for column in columns]


def merged(moments: Sequence[Moments]) -> Moments:
    """Merge the statistics of one variable over several stores."""
    return moments[0] if len(moments) == 1 else merge(list(moments))
