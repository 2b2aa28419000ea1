"""Tracks seen from the vehicle: the last position is the origin, the course is the first axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.window import HORIZON, known_name, step_of, window_dimension
from surrogates.learning.pipeline import Features

SLOWEST = 1e-3  # m/s; below, the course is that of the x axis


@dataclass(frozen=True)
class Course:
    """Axes turned about the vertical; a link of the pipeline for targets flattened in channels.

    Attributes
    ----------
    cosine, sine
        Of the angle from the x axis to the course, shape (batch,).
    """

    cosine: Tensor
    sine: Tensor

    def encode(self, residual: Tensor) -> Tensor:
        """Turn east, north, up to along, left, up."""
        return self.into(_vectors(residual)).flatten(1)

    def decode(self, answer: Tensor) -> Tensor:
        """Turn along, left, up to east, north, up."""
        along, left, up = _vectors(answer).unbind(-1)
        cosine, sine = self.cosine[:, None], self.sine[:, None]
        east, north = cosine * along - sine * left, sine * along + cosine * left
        return torch.stack([east, north, up], dim=-1).flatten(1)

    def deviation(self, spread: Tensor) -> Tensor:
        """Return standard deviations east and north of errors that are independent along and left."""
        along, left, up = _vectors(spread).square().unbind(-1)
        cosine, sine = self.cosine[:, None].square(), self.sine[:, None].square()
        east, north = cosine * along + sine * left, sine * along + cosine * left
        return torch.stack([east, north, up], dim=-1).sqrt().flatten(1)

    def into(self, vectors: Tensor) -> Tensor:
        """Turn vectors of shape (batch, samples, 3) to along, left, up."""
        east, north, up = vectors.unbind(-1)
        cosine, sine = self.cosine[:, None], self.sine[:, None]
        return torch.stack([cosine * east + sine * north, cosine * north - sine * east, up], dim=-1)


class CourseFrame(nn.Module):
    """Velocities of the past along the course, and forecasts as corrections of a constant velocity.

    The channels are the velocities between the samples of the past, (batch, 3, steps), in axes along the
    course, to its left, and up; `flatten` makes (batch, 3 steps) of them, for networks without a sequence.
    The network answers, for every step ahead, how far the vehicle will be from where its mean velocity over
    the last `mean_over` steps would take it, flattened in channels (horizon, axis), so that each step ahead
    has its own scale. Neither depends on where the flight is, nor in which direction it goes: a flight that
    is moved, or turned about the vertical, gets the same answer, moved and turned.

    Parameters
    ----------
    inputs, targets
        Specs of `position` and `position_forecast`, or of others with three axes.
    record_dimension
        Name of the batched dimension.
    mean_over
        Steps whose mean is the velocity of course and offset; several, since single differences carry the
        noise of the clock and of the position.
    flatten
        One channel for each axis and step, each with its own normalisation.
    """

    grid: tuple[str, ...] = ()
    _ahead: Tensor

    def __init__(
        self,
        inputs: Sequence[VariableSpec],
        targets: Sequence[VariableSpec],
        record_dimension: str = "sample",
        mean_over: int = 5,
        flatten: bool = False,
    ) -> None:
        super().__init__()
        if len(inputs) != 1 or len(targets) != 1 or known_name(targets[0].name) != inputs[0].name:
            raise ConfigError(
                f"transform 'uav_course': found {listing(spec.name for spec in (*inputs, *targets))}; "
                "expected one input and its forecast, such as position and position_forecast"
            )
        (past,), (ahead,) = inputs, targets
        along = window_dimension(past)
        if past.dims[1:2] != (along,) or past.shape[1:] != (3,) or ahead.dims[1:2] != (HORIZON,):
            raise ConfigError(
                f"transform 'uav_course': {past.name} has dimensions {past.dims} and shape {past.shape}; "
                "expected a window in time, then three axes"
            )
        if not 1 <= mean_over < past.shape[0]:
            raise ConfigError(
                f"transform 'uav_course': mean_over={mean_over}, but {past.shape[0]} samples of the past "
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
        self.register_buffer("_ahead", self._step * count, persistent=False)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the velocities, where a constant velocity leads, and the link that turns the axes."""
        past = inputs[self._name].to(torch.float32)
        velocity = torch.diff(past, dim=1) / self._step
        mean = velocity[:, -self._mean_over :].mean(dim=1)
        speed = torch.linalg.vector_norm(mean[:, :2], dim=1)
        slow = speed < SLOWEST
        divisor = torch.where(slow, torch.ones_like(speed), speed)
        course = Course(
            torch.where(slow, torch.ones_like(speed), mean[:, 0] / divisor),
            torch.where(slow, torch.zeros_like(speed), mean[:, 1] / divisor),
        )
        offset = past[:, -1:] + self._ahead[:, None] * mean[:, None]
        channels = course.into(velocity).transpose(1, 2)
        return Features(channels.flatten(1) if self._flatten else channels, offset.flatten(1), course)


def _vectors(flat: Tensor) -> Tensor:
    return flat.view(flat.shape[0], -1, 3)
