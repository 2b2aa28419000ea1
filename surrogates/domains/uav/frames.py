"""Tracks seen from the vehicle: the last position is the origin, the course is the first axis."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from surrogates.core.errors import ConfigError
from surrogates.core.ranges import Horizon
from surrogates.core.text import listing
from surrogates.data.window import HORIZON, forecast_name, known_name, step_of, window_dimension
from surrogates.learning.context import Context
from surrogates.learning.transform import Features, Link, Transform

SLOWEST = 1e-3  # m/s; below, the course is that of the x axis
ENDLESS, SMALLEST_REACH = 1e9, 1e-3  # before it is learned, and of windows that are all alike
EVERY = 4  # one window of so many is enough to learn the distance from
WITHIN = 0.999  # share of training windows within the reach
# In reaches. Simulated flights of families that training did not know, flown up to eight times as fast, are
# answered better by the network than by a constant velocity wherever they lie within ten.
NEAR, FAR = 10.0, 20.0
SMALLEST_SPREAD = 0.01  # m/s; velocities that vary less along some direction count as varying so much


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


@dataclass(frozen=True)
class FallBack:
    """A course whose answer gives way to a kinematic one; what is trained is the course.

    Attributes
    ----------
    course
        Link of the network's answer.
    kept
        Share of the network's answer, (batch, 1, 1): 1 for windows like those of training, 0 far from them.
    instead
        Kinematic answer, less the offset, east, north, up: (batch, horizon, 3).
    spread
        Standard deviation of the kinematic answer along, left, up: (batch, horizon, 3).
    """

    course: Course
    kept: Tensor
    instead: Tensor
    spread: Tensor

    def encode(self, residual: Tensor) -> Tensor:
        """Turn as the course does."""
        return self.course.encode(residual)

    def decode(self, answer: Tensor) -> Tensor:
        """Return the weighted mean of both answers."""
        own = _vectors(self.course.decode(answer))
        return (self.kept * own + (1 - self.kept) * self.instead).flatten(1)

    def deviation(self, spread: Tensor) -> Tensor:
        """Return standard deviations whose squares are the weighted mean of those of both answers."""
        squared = self.kept * _vectors(spread).square() + (1 - self.kept) * self.spread.square()
        return self.course.deviation(squared.sqrt().flatten(1))


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
    fall_back
        Whether the answer gives way to `Kinematic` for windows that are unlike those of training.
    """

    grid: tuple[str, ...] = ()
    _ahead: Tensor
    _east: Tensor
    _turn: Tensor
    _upright: Tensor

    def __init__(
        self, context: Context, mean_over: Horizon = 5, flatten: bool = False, fall_back: bool = False
    ) -> None:
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
        self.kinematic = Kinematic(3 * (past.shape[0] - 1), ahead.shape[0]) if fall_back else None

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the velocities, the positions of a constant velocity, and the link that rotates the axes."""
        past = inputs[self._name].to(torch.float32)
        velocity, ahead, course = self._seen(past)
        channels = course.into(velocity).transpose(1, 2)
        offset = (past[:, -1:] + ahead).flatten(1)
        link: Link = course
        if self.kinematic is not None:
            link = self.kinematic(channels.flatten(1), self._on(velocity[:, -1]), ahead, course)
        return Features(channels.flatten(1) if self._flatten else channels, offset, link)

    def observe(self, batch: Mapping[str, Tensor]) -> None:
        """Learn what training windows are like, and how far a constant velocity leads."""
        if self.kinematic is None:
            return
        past, truth = (batch[name].to(torch.float32) for name in (self._name, forecast_name(self._name)))
        velocity, _, course = self._seen(past)
        channels, last = course.into(velocity).transpose(1, 2).flatten(1), self._on(velocity[:, -1])
        self.kinematic.observe(channels, course.into(last), course.into(truth - past[:, -1:]))

    def finish(self) -> None:
        """Take the constants from all that was observed."""
        if self.kinematic is not None:
            self.kinematic.finish()

    def _seen(self, past: Tensor) -> tuple[Tensor, Tensor, Course]:
        """Return velocities, displacements of their mean, both (batch, k, 3), and the course."""
        velocity = torch.diff(past, dim=1) / self._step
        mean = velocity[:, -self._mean_over :].mean(dim=1)
        level = mean[:, :2]
        speed = torch.linalg.vector_norm(level, dim=1, keepdim=True)
        heading = torch.where(speed < SLOWEST, self._east, level / speed.clamp(min=SLOWEST))
        course = Course(torch.addmm(self._upright, heading, self._turn).view(-1, 3, 3))
        return velocity, self._on(mean), course

    def _on(self, velocity: Tensor) -> Tensor:
        """Return the displacements (batch, horizon, 3) of a constant velocity (batch, 3)."""
        return self._ahead[:, None] * velocity[:, None]


class Kinematic(nn.Module):
    """A share of a constant velocity for each step ahead, and how far windows are from those of training.

    The shares are those of least squares on training windows: 1 is constant velocity, 0 constant position.
    The distance of a window is Mahalanobis', of its velocities in axes along the course, in units of the
    reach, within which all but one of a thousand training windows lie. Up to `NEAR` the network answers, from
    there to `FAR` its answer gives way, and beyond that the kinematic one stands, with the deviation of its
    errors in training, in proportion to the distance.

    Parameters
    ----------
    channels
        Number of velocities of a window.
    horizon
        Steps ahead.
    """

    mean: Tensor
    factor: Tensor
    reach: Tensor
    share: Tensor
    spread: Tensor

    def __init__(self, channels: int, horizon: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("factor", torch.eye(channels))
        self.register_buffer("reach", torch.tensor(ENDLESS))
        self.register_buffer("share", torch.ones(horizon, 1))
        self.register_buffer("spread", torch.ones(horizon, 3))
        self._windows: list[Tensor] = []
        self._sums = torch.zeros(3, horizon, 3, dtype=torch.float64)
        self._count = 0

    def forward(self, channels: Tensor, ahead: Tensor, offset: Tensor, course: Course) -> FallBack:
        """Return the link that falls back.

        Parameters
        ----------
        channels
            Velocities along the course, (batch, channels).
        ahead, offset
            Displacements of the last velocity, and those that the network corrects, east, north, up:
            (batch, horizon, 3).
        course
            Link of the network's answer.
        """
        far = (self._distance(channels) / self.reach)[:, None, None]
        kept = ((FAR - far) / (FAR - NEAR)).clamp(0.0, 1.0)
        return FallBack(course, kept, self.share * ahead - offset, self.spread * far.clamp(min=1.0))

    def observe(self, channels: Tensor, ahead: Tensor, truth: Tensor) -> None:
        """Accumulate training windows: `channels` as above; `ahead` and `truth` along, left, up."""
        known = channels.isfinite().all(1) & truth.isfinite().flatten(1).all(1)
        ahead, truth = ahead[known].double(), truth[known].double()
        self._windows.append(channels[known][::EVERY].cpu())
        products = torch.stack([truth * truth, truth * ahead, ahead * ahead])
        self._sums += products.sum(1).cpu()
        self._count += int(known.sum())

    def finish(self) -> None:
        """Take the constants from all that was observed."""
        windows = torch.cat(self._windows).double()
        mean, covariance = windows.mean(0), torch.cov(windows.T, correction=0)
        covariance += SMALLEST_SPREAD**2 * torch.eye(len(covariance)).double()
        self.mean.copy_(mean)
        self.factor.copy_(torch.linalg.cholesky(torch.linalg.inv(covariance)))
        self.reach.copy_(self._distance(windows.float()).quantile(WITHIN).clamp(min=SMALLEST_REACH))
        squared, mixed, constant = self._sums / self._count
        share = (mixed.sum(1) / constant.sum(1).clamp(min=1e-12)).clamp(0.0, 1.0)[:, None]
        self.share.copy_(share)
        self.spread.copy_((squared - 2 * share * mixed + share**2 * constant).clamp(min=0.0).sqrt())
        self._windows, self._count = [], 0
        self._sums = torch.zeros_like(self._sums)

    def _distance(self, channels: Tensor) -> Tensor:
        """Return the distance of each window, 1 in the root mean square of training."""
        return ((channels - self.mean) @ self.factor).square().mean(1).sqrt()


def _vectors(flat: Tensor) -> Tensor:
    return flat.view(flat.shape[0], -1, 3)
