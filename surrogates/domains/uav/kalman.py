"""Baselines that filter the past: Kalman filters of one motion, and several motions that take turns.

The noise is what a practitioner tunes: where it is not given, `fit` takes the pair of a coarse grid under
which the training windows' truth is most likely.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Annotated, NamedTuple, Self

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.data.window import known_name, step_of
from surrogates.domains.uav import motion
from surrogates.domains.uav.filters import forecast, track
from surrogates.domains.uav.kinematics import past_of
from surrogates.domains.uav.motion import Motion
from surrogates.learning.answers import deviation_name
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

PROCESS_NOISES = (0.1, 1.0, 10.0, 100.0)
MEASUREMENT_NOISES = (0.003, 0.01, 0.03, 0.1)  # m
TURN_DENSITY = 0.3  # rad2 s-3
WINDOWS = 1024
"""Training windows on which the noise is chosen, at most."""

Share = Annotated[float, Field(gt=0, lt=1)]
Motions = Callable[[float, float], Sequence[Motion]]


class Noise(NamedTuple):
    """Spectral density of the process, and standard deviation of the measurement, m."""

    process: float
    measurement: float


class Tracker(Baseline):
    """A filter over the past of each target, run on over the horizon.

    Parameters
    ----------
    context
        Of the data; the targets are forecast positions.
    motions
        Function of the step, s, and the process noise.
    noise
        Process and measurement noise; None is chosen by `fit`, and is 1.0 and 0.03 before.
    stay
        Probability that a motion lasts over a step.
    """

    def __init__(
        self,
        context: Context,
        motions: Motions,
        noise: tuple[float | None, float | None],
        stay: float = 1.0,
    ) -> None:
        self.motions, self.targets, self.stay = motions, context.target_names, stay
        self.horizons = {spec.name: spec.shape[0] for spec in context.targets}
        self.steps = {spec.name: step_of(spec) for spec in context.targets}
        process, measurement = noise
        self._grid = [
            Noise(*pair)
            for pair in product(
                PROCESS_NOISES if process is None else (process,),
                MEASUREMENT_NOISES if measurement is None else (measurement,),
            )
        ]
        default = Noise(process or 1.0, measurement or 0.03)
        self.noise = dict.fromkeys(self.targets, default)

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
        beliefs = track(past - here, motions, noise.measurement, self.stay)
        mean, variance = forecast(beliefs, motions, self.horizons[target])
        return mean + here, variance

    def _loss(self, windows: Batch, target: str, noise: Noise) -> float:
        mean, variance = self._forecast(windows, target, noise)
        truth = windows[target].to(mean)
        return float(((truth - mean).square() / variance + variance.log()).nanmean())


def kalman_cv(
    context: Context,
    process_noise: PositiveFloat | None = None,
    measurement_noise: PositiveFloat | None = None,
) -> Tracker:
    """Return the Kalman filter of a constant velocity.

    Parameters
    ----------
    context
        Of the data; the targets are forecast positions.
    process_noise
        Spectral density of the acceleration, m2 s-3; fitted unless given.
    measurement_noise
        Standard deviation of a measured position, m; fitted unless given.
    """

    def motions(step: float, density: float) -> list[Motion]:
        return [motion.constant_velocity(step, density)]

    return Tracker(context, motions, (process_noise, measurement_noise))


def kalman_ca(
    context: Context,
    process_noise: PositiveFloat | None = None,
    measurement_noise: PositiveFloat | None = None,
) -> Tracker:
    """Return the Kalman filter of a constant acceleration.

    Parameters
    ----------
    context
        Of the data; the targets are forecast positions.
    process_noise
        Spectral density of the jerk, m2 s-5; fitted unless given.
    measurement_noise
        Standard deviation of a measured position, m; fitted unless given.
    """

    def motions(step: float, density: float) -> list[Motion]:
        return [motion.constant_acceleration(step, density)]

    return Tracker(context, motions, (process_noise, measurement_noise))


def coordinated_turn(
    context: Context,
    process_noise: PositiveFloat | None = None,
    measurement_noise: PositiveFloat | None = None,
    turn_noise: PositiveFloat = TURN_DENSITY,
) -> Tracker:
    """Return the extended Kalman filter of horizontal turns at constant speed.

    Parameters
    ----------
    context
        Of the data; the targets are forecast positions.
    process_noise
        Spectral density of the acceleration, m2 s-3; fitted unless given.
    measurement_noise
        Standard deviation of a measured position, m; fitted unless given.
    turn_noise
        Spectral density of the change of the rate of turn, rad2 s-3.
    """

    def motions(step: float, density: float) -> list[Motion]:
        return [motion.coordinated_turn(step, density, turn_noise)]

    return Tracker(context, motions, (process_noise, measurement_noise))


def imm(
    context: Context,
    process_noise: PositiveFloat | None = None,
    measurement_noise: PositiveFloat | None = None,
    stay: Share = 0.95,
) -> Tracker:
    """Return interacting multiple models: constant velocity (quiet), constant acceleration (agile) and turns.

    Parameters
    ----------
    context
        Of the data; the targets are forecast positions.
    process_noise
        Spectral density of the acceleration in turns, m2 s-3; fitted unless given. A constant velocity has a
        tenth of it, and the jerk of a constant acceleration ten times its number, m2 s-5.
    measurement_noise
        Standard deviation of a measured position, m; fitted unless given.
    stay
        Probability that a motion lasts over a step.
    """

    def motions(step: float, density: float) -> list[Motion]:
        return [
            motion.constant_velocity(step, density / 10),
            motion.constant_acceleration(step, density * 10),
            motion.coordinated_turn(step, density, TURN_DENSITY),
        ]

    return Tracker(context, motions, (process_noise, measurement_noise), stay)


def _spread_out(batches: Iterable[Batch], names: Sequence[str], most: int) -> Batch:
    """Return up to `most` examples, evenly spread over all batches, which are too many to be held at once."""
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
