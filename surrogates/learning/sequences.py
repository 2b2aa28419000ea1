"""Transforms of windows: from the past of some variables to the horizon."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.window import HORIZON, known_name, step_of, window_dimension
from surrogates.learning.context import Context
from surrogates.learning.layout import Layout
from surrogates.learning.transform import Features, Transform


@dataclass(frozen=True)
class Rates:
    """The network answers rates of change; the targets follow by summing them up (a link of the pipeline).

    Attributes
    ----------
    step
        Spacing of the samples.
    """

    step: float

    def encode(self, residual: Tensor) -> Tensor:
        """Return rates of change, the first from the last known value, which is zero here."""
        before = nn.functional.pad(residual[..., :-1], (1, 0))
        return (residual - before) / self.step

    def decode(self, answer: Tensor) -> Tensor:
        """Sum rates up."""
        return torch.cumsum(answer, dim=-1) * self.step

    def deviation(self, spread: Tensor) -> Tensor:
        """Refuse, since the deviation of a sum needs the correlation of its terms."""
        raise ConfigError(
            "transform 'windows': rates of change have no standard deviations of their sum; take "
            "values=relative with this objective"
        )


class Windows(Transform):
    """The past as channels (batch, channel, window), the answer (batch, channel, horizon).

    Inputs without the window's dimension are repeated along it, as they are. A complex variable has two
    channels, real and imaginary part.

    Parameters
    ----------
    context
        Of the data; targets are called `<variable>_forecast`.
    values
        What the network sees and answers: values as they are; relative to the last known one; or rates of
        change, one fewer than the samples of the past. The last two do not depend on an offset of all
        values, and need every target's variable among the inputs.
    repeat_last
        Repeat the last rate of change, so that there are as many as samples; VECTOR's weights expect this of
        their 20 samples, though they were trained on 20 rates.

    References
    ----------
    O. Nacar et al., "VECTOR: Velocity-enhanced GRU neural network for real-time 3D UAV trajectory
    prediction", Drones 9(1):8, 2025 (`absolute` and `rates` are its position and velocity models).
    """

    grid: tuple[str, ...] = (HORIZON,)
    takes_complex = True
    _moving: Tensor

    def __init__(
        self,
        context: Context,
        values: Literal["absolute", "relative", "rates"] = "absolute",
        repeat_last: bool = False,
    ) -> None:
        super().__init__()
        inputs, targets, record_dimension = context.inputs, context.targets, context.record_dimension
        along = sorted({found for spec in inputs if (found := window_dimension(spec)) is not None})
        if len(along) != 1 or not all(HORIZON in spec.dims for spec in targets):
            raise ConfigError(
                f"transform 'windows': the inputs have windows along {along}, the targets are "
                f"{listing(spec.name for spec in targets)}; expected task.window with a horizon, and targets "
                "called '<variable>_forecast'"
            )
        self.layout = Layout(tuple(inputs), (along[0],), record_dimension)
        known = {spec.name: spec for spec in inputs}
        names = [known_name(spec.name) for spec in targets]
        if values != "absolute" and (lacking := [name for name in names if name not in known]):
            raise ConfigError(
                f"transform 'windows': values={values} starts from the last known {listing(lacking)}, which "
                "is not among task.inputs; add it, or take values=absolute"
            )
        last = tuple(known[name] for name in names if name in known)
        self._last = Layout(last, (along[0],), record_dimension)
        self._all_move = last == tuple(inputs)
        samples = self.layout.grid_shape[0]
        if values == "rates" and samples < 2:
            raise ConfigError(
                f"transform 'windows': values=rates needs two samples of the past, found {samples}; take a "
                "larger task.window.length"
            )
        self._values, self._repeat_last = values, repeat_last
        self.channel_names, self.real_parts = self.layout.names, self.layout.real_parts
        moving = [window_dimension(spec) is not None for spec in inputs]
        self.offset_free = (
            []
            if values == "absolute"
            else [spec.name for spec, moves in zip(inputs, moving, strict=True) if moves]
        )
        channels = [
            moves for moves, count in zip(moving, self.layout.counts, strict=True) for _ in range(count)
        ]
        self.register_buffer("_moving", torch.tensor(channels).view(-1, 1), persistent=False)
        self._step = step_of(targets[0])
        self._rates = Rates(self._step)
        self._horizon = Layout(tuple(targets), self.grid, record_dimension).grid_shape[0]
        self.in_channels = len(self.channel_names)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return channels of the past, and for relative values and rates the last known one as the offset."""
        past = self.layout.pack(inputs)
        if self._values == "absolute":
            return Features(past)
        last = (past if self._all_move else self._last.pack(inputs))[..., -1:]
        offset = last.expand(-1, -1, self._horizon)
        if self._values == "relative":
            return Features(past - past[..., -1:] * self._moving, offset)
        rates = torch.where(self._moving, torch.diff(past, dim=-1) / self._step, past[..., 1:])
        if self._repeat_last:
            rates = torch.cat([rates, rates[..., -1:]], dim=-1)
        return Features(rates, offset, self._rates)
