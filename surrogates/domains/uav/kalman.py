"""Baselines that filter the past: Kalman filters of one motion, and several motions that take turns.

A practitioner tunes the noise: if it is not given, `fit` takes the pair of a coarse grid under which the
truth of the training windows is most likely.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Annotated, NamedTuple, Self

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.data.window import known_name, step_of
from surrogates.domains.uav import motion
from surrogates.domains.uav.kinematics import past_of
from surrogates.domains.uav.motion import ACCELERATION, POSITION, STATES, TURN, VELOCITY
from surrogates.evaluation.filters import Beliefs, Motion, forecast, track
from surrogates.learning.answers import deviation_name
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

PROCESS_NOISES = (0.1, 1.0, 10.0, 100.0)
MEASUREMENT_NOISES = (0.003, 0.01, 0.03, 0.1)  # m
TURN_DENSITY = 0.3  # rad2 s-3
UNKNOWN = (10.0, 5.0, 0.5)
"""Standard deviations of velocity, acceleration and turn before the second point (SI units)."""
WINDOWS = 1024
"""Largest number of training windows on which the noise is chosen."""

Share = Annotated[float, Field(gt=0, lt=1)]


class Noise(NamedTuple):
    """Spectral density of the process, and standard deviation of the measurement, m."""

    process: float
    measurement: float


class Tracker(Baseline):
    """Filter the past of each target and predict over the horizon; a subclass names its motions.

    Parameters
    ----------
    context
        Context of the data; the targets are forecast positions.
    process_noise
        Spectral density of the disturbance of the motion, in the units that the subclass states; None is
        chosen by `fit`, and is 1.0 before.
    measurement_noise
        Standard deviation of a measured position, m; None is chosen by `fit`, and is 0.03 before.
    """

    def __init__(
        self,
        context: Context,
        process_noise: PositiveFloat | None = None,
        measurement_noise: PositiveFloat | None = None,
    ) -> None:
        self.targets, self._stay = context.target_names, 1.0
        self.horizons = {spec.name: spec.shape[0] for spec in context.targets}
        self.steps = {spec.name: step_of(spec) for spec in context.targets}
        self._grid = [
            Noise(*pair)
            for pair in product(
                PROCESS_NOISES if process_noise is None else (process_noise,),
                MEASUREMENT_NOISES if measurement_noise is None else (measurement_noise,),
            )
        ]
        default = Noise(process_noise or 1.0, measurement_noise or 0.03)
        self.noise = dict.fromkeys(self.targets, default)

    def motions(self, step: float, density: float) -> list[Motion]:
        """Return the motions of this filter for a step, s, and a process noise."""
        raise NotImplementedError(f"{type(self).__name__} does not define motions()")

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Choose the noise that was not given, by the likelihood of the truth at all steps ahead."""
        if len(self._grid) > 1:
            windows = _spread_out(batches, [*self.targets, *map(known_name, self.targets)], WINDOWS)
            for target in self.targets:
                losses = [self._loss(windows, target, noise) for noise in self._grid]
                self.noise[target] = self._grid[losses.index(min(losses))]
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the forecasts and their standard deviations."""
        answers: Batch = {}
        for target in self.targets:
            mean, variance = self._forecast(inputs, target, self.noise[target])
            past = past_of(inputs, target)
            answers[target] = mean.to(past)
            answers[deviation_name(target)] = variance.sqrt().to(past)
        return answers

    def _forecast(self, inputs: Batch, target: str, noise: Noise) -> tuple[Tensor, Tensor]:
        past = past_of(inputs, target)
        if past.ndim != 3 or past.shape[2] != 3:
            raise ValueError(
                f"the past of '{target}' has shape {tuple(past.shape)}; a filter needs positions, "
                "(batch, history, 3)"
            )
        past = (past.cpu() if past.device.type == "mps" else past).double()
        here = past[:, -1:]
        motions = self.motions(self.steps[target], noise.process)
        points = past - here
        start = first_beliefs(points[:, 0], len(motions), noise.measurement)
        beliefs = track(points[:, 1:], start, motions, noise.measurement, self._stay)
        mean, variance = forecast(beliefs, motions, self.horizons[target], measured=3)
        return mean + here, variance

    def _loss(self, windows: Batch, target: str, noise: Noise) -> float:
        mean, variance = self._forecast(windows, target, noise)
        truth = windows[target].to(mean)
        return float(((truth - mean).square() / variance + variance.log()).nanmean())


def first_beliefs(point: Tensor, motions: int, noise: float) -> Beliefs:
    """Return the estimates after the first point.

    Parameters
    ----------
    point
        Measured positions, (batch, 3), m.
    motions
        Number of motions, all equally probable.
    noise
        Standard deviation of the measurement, m.
    """
    mean = point.new_zeros(motions, len(point), STATES)
    mean[..., POSITION] = point
    deviations = point.new_full((STATES,), noise)
    deviations[VELOCITY], deviations[ACCELERATION], deviations[TURN] = UNKNOWN
    covariance = deviations.square().diag().repeat(motions, 1, 1, 1)
    return Beliefs(mean, covariance, point.new_full((motions, len(point)), 1 / motions))


class KalmanCV(Tracker):
    """Kalman filter of a constant velocity; the process noise is that of the acceleration, m2 s-3."""

    def motions(self, step: float, density: float) -> list[Motion]:
        return [motion.constant_velocity(step, density)]


class KalmanCA(Tracker):
    """Kalman filter of a constant acceleration; the process noise is that of the jerk, m2 s-5."""

    def motions(self, step: float, density: float) -> list[Motion]:
        return [motion.constant_acceleration(step, density)]


class CoordinatedTurn(Tracker):
    """Extended Kalman filter of horizontal turns at constant speed.

    Parameters
    ----------
    context, process_noise, measurement_noise
        As of every `Tracker`; the process noise is that of the acceleration, m2 s-3.
    turn_noise
        Spectral density of the change of the rate of turn, rad2 s-3.
    """

    def __init__(
        self,
        context: Context,
        process_noise: PositiveFloat | None = None,
        measurement_noise: PositiveFloat | None = None,
        turn_noise: PositiveFloat = TURN_DENSITY,
    ) -> None:
        super().__init__(context, process_noise, measurement_noise)
        self.turn_noise = turn_noise

    def motions(self, step: float, density: float) -> list[Motion]:
        return [motion.coordinated_turn(step, density, self.turn_noise)]


class IMM(Tracker):
    """Interacting multiple models: constant velocity (quiet), constant acceleration (agile) and turns.

    Parameters
    ----------
    context, process_noise, measurement_noise
        As of every `Tracker`; the process noise is that of the acceleration in turns, m2 s-3. A constant
        velocity has a tenth of it, and the jerk of a constant acceleration ten times its number, m2 s-5.
    stay
        Probability that a motion lasts over a step.
    """

    def __init__(
        self,
        context: Context,
        process_noise: PositiveFloat | None = None,
        measurement_noise: PositiveFloat | None = None,
        stay: Share = 0.95,
    ) -> None:
        super().__init__(context, process_noise, measurement_noise)
        self._stay = stay

    def motions(self, step: float, density: float) -> list[Motion]:
        return [
            motion.constant_velocity(step, density / 10),
            motion.constant_acceleration(step, density * 10),
            motion.coordinated_turn(step, density, TURN_DENSITY),
        ]


def _spread_out(batches: Iterable[Batch], names: Sequence[str], most: int) -> Batch:
    """Return up to `most` examples, evenly spread over all batches, without holding all at once."""
    every, seen = 1, 0
    kept: dict[str, Tensor] = {}
    for batch in batches:
        count = len(batch[names[0]])
        chosen = torch.arange(-seen % every, count, every)
        seen += count
        for name in names:
            fresh = batch[name][chosen.to(batch[name].device)]
            kept[name] = torch.cat([kept[name], fresh]) if name in kept else fresh
        while len(kept[names[0]]) > most:
            every *= 2
            kept = {name: values[::2] for name, values in kept.items()}
    if not kept:
        raise ValueError("no training window to choose the noise on; check the split and the window")
    return kept
