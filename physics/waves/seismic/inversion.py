"""Full-waveform inversion: change velocity models until their gathers are those that were observed."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from numbers import Integral
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from physics.waves.seismic.checks import surveys_of
from physics.waves.seismic.propagator import one_thread, propagate
from physics.waves.seismic.survey import Survey

Widths = tuple[float, float]
"""Standard deviation of a Gaussian across and along the line, in cells."""
CORNERS: tuple[float, ...] = (1 / 3, 2 / 3)
"""Corners of the stages of a refinement, over the peak frequency of the source."""
SMOOTHING: tuple[Widths, ...] = ((4.0, 8.0), (2.5, 6.0), (1.5, 4.0))
"""Smoothing of the change in the last stages of a refinement."""


class Refined(NamedTuple):
    """Result of an inversion.

    Attributes
    ----------
    velocity : (models, depth, lateral) float32 array
        m/s.
    misfit : (models, steps + 1) float32 array
        Relative L2 difference of simulated and observed gathers: the start's, and after each step the least
        until then.
    """

    velocity: np.ndarray
    misfit: np.ndarray


def refine(
    velocity: np.ndarray,
    gathers: np.ndarray,
    survey: Survey | Sequence[Survey],
    steps: int,
    *,
    step_size: float = 20.0,
    frequencies: Sequence[float] | None = None,
    smoothing: Widths | Sequence[Widths] | None = None,
    noise: float | Sequence[float] | np.ndarray = 0.0,
    bounds: tuple[float, float] = (1500.0, 4500.0),
    device: str | torch.device = "cpu",
    progress: Callable[[], None] = lambda: None,
) -> Refined:
    """Lower the misfit of gathers step by step from a start: a network's answer, a smooth model, a profile.

    L-BFGS lowers the squared misfit, with the gradient through the solver. What it changes is a field whose
    smoothed self is added to the start, smoothed along the line more than across it since beds lie flat: the
    change is no finer than what waves resolve. Models are inverted one by one, so that none depends on those
    beside it.

    A misfit of high frequencies has a minimum wherever an arrival is off by a whole period, one of low
    frequencies few. `frequencies` therefore divides the steps evenly into stages: first the misfit is that
    of the gathers below the first corner, then below the next, at last that of the whole gathers. Each stage
    starts from the best trial of the one before.

    Parameters
    ----------
    velocity : (models, depth, lateral) array
        Where to start, m/s; cut to `bounds`.
    gathers : (models, shot, sample, receiver) array
        What was observed; NaN (not recorded) does not count.
    survey
        One for all models, or one for each.
    steps
        Trials after the start, each about three simulations; that with the least misfit of the whole gathers
        is the answer.
    step_size
        Mean change of velocity in the first trial of a stage, m/s.
    frequencies
        Corners of `lowpassed`, Hz, growing, below the Nyquist frequency of the samples; `()` for one stage.
        By default a third and two thirds of the peak frequency of each model's source.
    smoothing
        Standard deviation of the Gaussian that smooths the change, in cells: across and along the line. One
        pair, or one for each stage (one more than `frequencies`), not growing. By default (1.5, 4) in the
        last stage, (2.5, 6) in the one before, and (4, 8) in earlier ones.
    noise : (models,) array or number
        Noise of the gathers as their misfit, see `noise_level`: refinement of a model stops once its misfit
        is no larger (the discrepancy principle), as what is left is nothing that the ground explains.
    bounds
        Smallest and largest velocity, m/s.
    device
        Where to compute.
    progress
        Called after each trial.

    Raises
    ------
    ValueError
        If `steps` is no whole number from 0 on, if `frequencies`, `smoothing` or `noise` are not as above, if
        the gathers do not have the shape of the survey's, or hold nothing; and as
        `physics.waves.seismic.checks.surveys_of` does.

    References
    ----------
    A. Tarantola, "Inversion of seismic reflection data in the acoustic approximation", Geophysics 49, 1984;
    C. Bunks, F. M. Saleck, S. Zaleski, G. Chavent, "Multiscale seismic waveform inversion", Geophysics 60,
    1995; D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization",
    Mathematical Programming 45, 1989; V. A. Morozov, "On the solution of functional equations by the method
    of regularization", Soviet Mathematics Doklady 7, 1966.
    """
    require_count("steps", steps)
    start = np.clip(velocity, *bounds).astype(np.float32)
    surveys = surveys_of(start, survey)
    _check(gathers, surveys)
    stages = [stages_of(steps, frequencies, smoothing, each) for each in surveys]
    answers, misfits = [], []
    levels = levels_of(noise, len(start))
    for model, observed, each, level, parts in zip(start, gathers, surveys, levels, stages, strict=True):
        recorded = torch.tensor(observed, dtype=torch.float32, device=device)
        descent = _Descent(recorded, each, bounds, level, progress)
        with one_thread():
            best = descent.run(torch.tensor(model, device=device), parts, step_size)
        answers.append(best.cpu().numpy())
        misfits.append(np.minimum.accumulate(np.sqrt(descent.history)))
    return Refined(np.stack(answers), np.array(misfits, np.float32))


def require_count(name: str, steps: int) -> None:
    """Refuse a number of steps that is not whole or negative."""
    if isinstance(steps, bool) or not isinstance(steps, Integral) or steps < 0:
        raise ValueError(f"{name} is {steps}; expected a whole number, 0 (no refinement) or more.")


class Stage(NamedTuple):
    """Trials that minimise the misfit below one corner.

    Attributes
    ----------
    last
        Trials that were made when it ends, those of earlier stages included.
    corner
        Of `lowpassed`, Hz; None for the whole gathers.
    smoothing
        See `refine`.
    """

    last: int
    corner: float | None
    smoothing: Widths


def stages_of(
    steps: int,
    frequencies: Sequence[float] | None,
    smoothing: Widths | Sequence[Widths] | None,
    survey: Survey,
) -> list[Stage]:
    """Return the stages of `refine`, or say which key is wrong."""
    nyquist = 0.5 / (survey.time_step * survey.time_stride)
    given = [share * survey.frequency for share in CORNERS] if frequencies is None else frequencies
    corners = [float(each) for each in given]
    if any(not 0 < each < nyquist for each in corners) or any(b <= a for a, b in pairwise(corners)):
        raise ValueError(
            f"frequencies: {corners} Hz found, growing corners between 0 and the Nyquist frequency of the "
            f"samples, {nyquist:g} Hz, expected; give such as (5, 10), or () for one stage"
        )
    count = len(corners) + 1
    if smoothing is None:
        smoothing = [SMOOTHING[max(number, -len(SMOOTHING))] for number in range(-count, 0)]
    widths = np.asarray(smoothing, np.float64)
    pairs = np.broadcast_to(widths, (count, 2)) if widths.shape == (2,) else widths
    if pairs.shape != (count, 2) or not (pairs >= 0).all() or (np.diff(pairs, axis=0) > 0).any():
        raise ValueError(
            f"smoothing: {widths.tolist()} found, cells across and along the line expected, 0 or more: one "
            f"pair, or one for each of the {count} stages that does not grow; give such as (1.5, 4)"
        )
    return [
        Stage(steps * (number + 1) // count, corner, (float(across), float(along)))
        for number, (corner, (across, along)) in enumerate(zip([*corners, None], pairs, strict=True))
    ]


def misfit_of(simulated: Tensor, observed: Tensor) -> Tensor:
    """Return the squared relative L2 difference of gathers, leaving out what was not recorded (NaN)."""
    return _residual(simulated, observed).square().sum() / observed.nan_to_num(0.0).square().sum()


def _residual(simulated: Tensor, observed: Tensor) -> Tensor:
    return ~observed.isnan() * (simulated - observed.nan_to_num(0.0))


def lowpassed(gathers: Tensor, corner: float, interval: float) -> Tensor:
    """Return gathers without what lies above a corner, by a Butterworth filter of zero phase.

    The wave equation is linear in the source, so that gathers filtered in this way are those of a source
    filtered in this way.

    Parameters
    ----------
    gathers : (shot, sample, receiver) tensor
        Zero before the first sample and after the last.
    corner
        Where the amplitude is halved, Hz.
    interval
        Time between two samples, s.
    """
    samples = gathers.shape[1]
    frequencies = torch.fft.rfftfreq(2 * samples, interval, device=gathers.device, dtype=gathers.dtype)
    gain = 1 / (1 + (frequencies / corner) ** 8)
    spectrum = torch.fft.rfft(gathers, n=2 * samples, dim=1) * gain[:, None]
    return torch.fft.irfft(spectrum, n=2 * samples, dim=1)[:, :samples]


class _Spent(Exception):
    """All trials of a stage were made."""


@dataclass
class _Descent:
    """The inversion of one model; `history` holds the squared misfit of the whole gathers of each trial."""

    observed: Tensor
    survey: Survey
    bounds: tuple[float, float]
    noise: float
    progress: Callable[[], None]
    history: list[float] = field(default_factory=list)
    _best: Tensor = field(init=False)

    def run(self, start: Tensor, stages: Sequence[Stage], step_size: float) -> Tensor:
        """Return the velocity with the least misfit of the whole gathers."""
        self._best = start
        with torch.no_grad():
            self.history.append(self._misfits(start, None)[1].item())
        for stage in stages:
            if not self._spent(stage):
                start = self._descend(start, stage, step_size)
        for _ in range(stages[-1].last + 1 - len(self.history)):  # it stops where it finds no way down
            self.progress()
            self.history.append(min(self.history))
        return self._best

    def _descend(self, start: Tensor, stage: Stage, step_size: float) -> Tensor:
        """Return the velocity with the least misfit of a stage."""
        change = torch.zeros_like(start, requires_grad=True)
        # The optimiser's first trial moves all cells together by 1.
        scale = step_size * start.numel()
        left = stage.last + 1 - len(self.history)
        optimiser = torch.optim.LBFGS(
            [change],
            max_iter=left,
            max_eval=left + 1,
            history_size=20,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )
        best, least, begun = start, math.inf, False

        def trial() -> Tensor:
            nonlocal best, least, begun
            if self._spent(stage):  # a line search looks at its own count of trials only
                raise _Spent
            optimiser.zero_grad()
            velocity = (start + scale * smoothed(change, stage.smoothing)).clamp(*self.bounds)
            misfit, whole = self._misfits(velocity, stage.corner)
            misfit.backward()
            if misfit.item() < least:
                best, least = velocity.detach(), misfit.item()
            if begun:  # the first is the start once more, for its gradient
                self.progress()
                self._best = velocity.detach() if whole.item() < min(self.history) else self._best
                self.history.append(whole.item())
            begun = True
            return misfit

        with suppress(_Spent):
            optimiser.step(trial)
        return best

    def _spent(self, stage: Stage) -> bool:
        """Whether all trials of a stage were made, or noise explains what is left."""
        return len(self.history) > stage.last or min(self.history) <= self.noise**2

    def _misfits(self, velocity: Tensor, corner: float | None) -> tuple[Tensor, Tensor]:
        """Return the squared misfit below a corner, and that of the whole gathers."""
        simulated = propagate(velocity[None], self.survey)[0]
        whole = misfit_of(simulated, self.observed)
        if corner is None:
            return whole, whole
        interval = self.survey.time_step * self.survey.time_stride
        residual = lowpassed(_residual(simulated, self.observed), corner, interval)
        observed = lowpassed(self.observed.nan_to_num(0.0), corner, interval)
        return residual.square().sum() / observed.square().sum(), whole


def smoothed(values: Tensor, widths: Widths) -> Tensor:
    """Convolve a field with a Gaussian along each axis, reflected at the edges."""
    for axis, width in enumerate(widths):
        if width > 0:
            length = values.shape[axis]
            cells = torch.arange(length, device=values.device, dtype=values.dtype)
            weights = sum(
                torch.exp(-((cells[:, None] - image) ** 2) / (2 * width**2))
                for image in (cells, -1 - cells, 2 * length - 1 - cells)
            )
            assert isinstance(weights, Tensor)
            matrix = weights / weights.sum(1, keepdim=True)
            values = matrix @ values if axis == 0 else values @ matrix.T
    return values


def levels_of(noise: float | Sequence[float] | np.ndarray, models: int) -> np.ndarray:
    """Return the noise of each model."""
    levels = np.asarray(noise, np.float64)
    if levels.shape not in ((), (models,)) or not ((levels >= 0) & (levels < 1)).all():
        raise ValueError(
            f"noise: {levels.tolist()} found, one number or one for each of the {models} models expected, "
            "from 0 to less than 1 (all of the gathers is noise); divide the norm of the noise by that of "
            "the gathers"
        )
    return np.broadcast_to(levels, models)


def _check(gathers: np.ndarray, surveys: list[Survey]) -> None:
    first = surveys[0]
    expected = (len(surveys), len(first.source_columns), first.samples, len(first.receiver_columns))
    if gathers.shape != expected:
        raise ValueError(
            f"gathers: shape {gathers.shape} found, (models, shot, sample, receiver) = {expected} of the "
            "survey expected; change the survey or select what it records"
        )
    if np.isinf(gathers).any():
        raise ValueError("gathers: infinite values found; write NaN where nothing was recorded")
    silent = ~np.nan_to_num(gathers).any(axis=(1, 2, 3))
    if silent.any():
        raise ValueError(
            f"gathers: nothing but zero or NaN found in model {silent.argmax()}; there is nothing to fit"
        )
