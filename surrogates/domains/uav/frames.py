"""Tracks seen from the vehicle: the last position is the origin, the course is the first axis."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.core.ranges import Horizon
from surrogates.core.text import listing
from surrogates.data.window import HORIZON, known_name, step_of, window_dimension
from surrogates.learning.context import Context
from surrogates.learning.transform import Features, Transform

SLOWEST = 1e-3  # m/s; below, the course is that of the x axis


@dataclass(frozen=True)
class Course:
    """Axes rotated about the vertical; a link of the pipeline for targets flattened in channels.

    Attributes
    ----------
    axes
        Unit vectors along the course, to its left and up, in components east, north, up: (batch, 3, 3).
    """

    axes: Tensor

    def encode(self, residual: Tensor) -> Tensor:
        """Turn east, north, up to along, left, up."""
        return self.into(_vectors(residual)).flatten(1)

    def decode(self, answer: Tensor) -> Tensor:
        """Turn along, left, up to east, north, up."""
        return (_vectors(answer) @ self.axes).flatten(1)

    def deviation(self, spread: Tensor) -> Tensor:
        """Return standard deviations east and north of errors that are independent along and left."""
        return (_vectors(spread).square() @ self.axes.square()).sqrt().flatten(1)

    def into(self, vectors: Tensor) -> Tensor:
        """Turn vectors of shape (batch, samples, 3) to along, left, up."""
        return vectors @ self.axes.mT


class CourseFrame(Transform):
    """Velocities of the past along the course, and forecasts as corrections of a constant velocity.

    The channels are the velocities between the samples of the past, (batch, 3, steps), in axes along the
    course, to its left, and up; `flatten` makes (batch, 3 steps) of them, for networks without a sequence.
    The network predicts, for every step ahead, the displacement from the position to which the mean velocity
    over the last `mean_over` steps leads, flattened in channels (horizon, axis), so that each step ahead has
    its own scale. Neither depends on position or direction: a flight that is moved, or rotated about the
    vertical, gets the same prediction, moved and rotated.

    Parameters
    ----------
    context
        Context of the data: input `position`, target `position_forecast`, or others with three axes.
    mean_over
        Steps whose mean is the velocity of course and offset; several, since single differences carry the
        noise of the clock and of the position.
    flatten
        Whether to make one channel of each axis and step, each with its own normalisation.
    """

    grid: tuple[str, ...] = ()
    _ahead: Tensor
    _east: Tensor
    _turn: Tensor
    _upright: Tensor

    def __init__(self, context: Context, mean_over: Horizon = 5, flatten: bool = False) -> None:
        super().__init__()
        inputs, targets = context.inputs, context.targets
        if len(inputs) != 1 or len(targets) != 1 or known_name(targets[0].name) != inputs[0].name:
            raise ConfigError(
                f"transform 'uav/course': found {listing(spec.name for spec in (*inputs, *targets))}; "
                "expected one input and its forecast, such as position and position_forecast"
            )
        (past,), (ahead,) = inputs, targets
        along = window_dimension(past)
        if past.dims[1:2] != (along,) or past.shape[1:] != (3,) or ahead.dims[1:2] != (HORIZON,):
            raise ConfigError(
                f"transform 'uav/course': {past.name} has dimensions {past.dims} and shape {past.shape}; "
                "expected a window in time, then three axes"
            )
        if not 1 <= mean_over < past.shape[0]:
            raise ConfigError(
                f"transform 'uav/course': mean_over={mean_over}, but {past.shape[0]} samples of the past "
                f"have {past.shape[0] - 1} steps"
            )
        self._name, self._step, self._mean_over = past.name, step_of(past), mean_over
        self.offset_free = [past.name]
        self._flatten = flatten
        names = [f"velocity {axis}" for axis in ("along", "left", "up")]
        steps = range(1 - past.shape[0], 0)
        self.channel_names = [f"{name} [{step}]" for name in names for step in steps] if flatten else names
        self.in_channels = len(self.channel_names)
        count = torch.arange(1, ahead.shape[0] + 1, dtype=torch.float32)
        # Heading (cosine, sine) to the nine components of the axes: one product instead of many small steps.
        turn = torch.tensor([[1.0, 0, 0, 0, 1, 0, 0, 0, 0], [0, 1, 0, -1, 0, 0, 0, 0, 0]])
        buffers = {
            "_ahead": self._step * count,
            "_east": torch.tensor([1.0, 0.0]),
            "_turn": turn,
            "_upright": torch.tensor([0.0, 0, 0, 0, 0, 0, 0, 0, 1]),
        }
        for name, values in buffers.items():
            self.register_buffer(name, values, persistent=False)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the velocities, the positions of a constant velocity, and the link that rotates the axes."""
        past = inputs[self._name].to(torch.float32)
        velocity = torch.diff(past, dim=1) / self._step
        mean = velocity[:, -self._mean_over :].mean(dim=1)
        level = mean[:, :2]
        speed = torch.linalg.vector_norm(level, dim=1, keepdim=True)
        heading = torch.where(speed < SLOWEST, self._east, level / speed.clamp(min=SLOWEST))
        course = Course(torch.addmm(self._upright, heading, self._turn).view(-1, 3, 3))
        offset = past[:, -1:] + self._ahead[:, None] * mean[:, None]
        channels = course.into(velocity).transpose(1, 2)
        return Features(channels.flatten(1) if self._flatten else channels, offset.flatten(1), course)


def _vectors(flat: Tensor) -> Tensor:
    return flat.view(flat.shape[0], -1, 3)
