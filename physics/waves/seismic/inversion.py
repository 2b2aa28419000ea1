"""Full-waveform inversion: change velocity models until their gathers are those that were observed."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from numbers import Integral
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from physics.waves.seismic.checks import surveys_of
from physics.waves.seismic.propagator import one_thread, propagate
from physics.waves.seismic.survey import Survey


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
    smoothing: tuple[float, float] = (1.5, 4.0),
    bounds: tuple[float, float] = (1500.0, 4500.0),
    device: str | torch.device = "cpu",
    progress: Callable[[], None] = lambda: None,
) -> Refined:
    """Lower the misfit of gathers step by step from a start: a network's answer, a smooth model, a profile.

    L-BFGS lowers the squared misfit, with the gradient through the solver. What it changes is a field whose
    smoothed self is added to the start, smoothed along the line more than across it since beds lie flat: the
    change is no finer than what waves resolve. Models are inverted one by one, so that none depends on those
    beside it.

    Parameters
    ----------
    velocity : (models, depth, lateral) array
        Where to start, m/s; cut to `bounds`.
    gathers : (models, shot, sample, receiver) array
        What was observed; NaN (not recorded) does not count.
    survey
        One for all models, or one for each.
    steps
        Trials after the start, each about three simulations; the best one is the answer.
    step_size
        Mean change of velocity in the first trial, m/s.
    smoothing
        Standard deviation of the Gaussian that smooths the change, in cells: across and along the line.
    bounds
        Smallest and largest velocity, m/s.
    device
        Where to compute.
    progress
        Called after each trial.

    Raises
    ------
    ValueError
        If `steps` is no whole number from 0 on, if the gathers do not have the shape of the survey's, or hold
        nothing; and as `physics.waves.seismic.checks.surveys_of` does.

    References
    ----------
    A. Tarantola, "Inversion of seismic reflection data in the acoustic approximation", Geophysics 49, 1984;
    D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical
    Programming 45, 1989.
    """
    require_count("steps", steps)
    start = np.clip(velocity, *bounds).astype(np.float32)
    surveys = surveys_of(start, survey)
    _check(gathers, surveys)
    answers, misfits = [], []
    for model, observed, each in zip(start, gathers, surveys, strict=True):
        with one_thread():
            best, history = _descend(
                torch.tensor(model, device=device),
                torch.tensor(observed, dtype=torch.float32, device=device),
                each,
                steps,
                step_size,
                smoothing,
                bounds,
                progress,
            )
        answers.append(best.cpu().numpy())
        misfits.append(np.minimum.accumulate(history))
    return Refined(np.stack(answers), np.array(misfits, np.float32))


def require_count(name: str, steps: int) -> None:
    """Refuse a number of steps that is not whole or negative."""
    if isinstance(steps, bool) or not isinstance(steps, Integral) or steps < 0:
        raise ValueError(f"{name} is {steps}; expected a whole number, 0 (no refinement) or more.")


def misfit_of(simulated: Tensor, observed: Tensor) -> Tensor:
    """Return the squared relative L2 difference of gathers, leaving out what was not recorded (NaN)."""
    known = ~observed.isnan()
    observed = observed.nan_to_num(0.0)
    return (known * (simulated - observed)).square().sum() / observed.square().sum()


class _Spent(Exception):
    """All trials were made."""


def _descend(
    start: Tensor,
    observed: Tensor,
    survey: Survey,
    steps: int,
    step_size: float,
    smoothing: tuple[float, float],
    bounds: tuple[float, float],
    progress: Callable[[], None],
) -> tuple[Tensor, list[float]]:
    """Return the best velocity of all trials, and their relative misfits, the start's first."""
    best, trials = start, [_misfit(start, observed, survey).item()] if not steps else []
    change = torch.zeros_like(start, requires_grad=True)
    # The optimiser's first trial moves all cells together by 1.
    scale = step_size * start.numel()
    optimiser = torch.optim.LBFGS(
        [change],
        max_iter=steps,
        max_eval=steps + 1,
        history_size=20,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def trial() -> Tensor:
        nonlocal best
        if len(trials) > steps:  # a line search looks at its own count of trials only
            raise _Spent
        optimiser.zero_grad()
        velocity = (start + scale * smoothed(change, smoothing)).clamp(*bounds)
        misfit = _misfit(velocity, observed, survey)
        misfit.backward()
        if trials:
            progress()
            best = velocity.detach() if misfit.item() < min(trials) else best
        trials.append(misfit.item())
        return misfit

    with suppress(_Spent):
        if steps:
            optimiser.step(trial)
    for _ in range(steps + 1 - len(trials)):  # it stops where it finds no way down
        progress()
        trials.append(min(trials))
    return best, [math.sqrt(each) for each in trials]


def _misfit(velocity: Tensor, observed: Tensor, survey: Survey) -> Tensor:
    return misfit_of(propagate(velocity[None], survey)[0], observed)


def smoothed(field: Tensor, widths: tuple[float, float]) -> Tensor:
    """Convolve a field with a Gaussian along each axis, reflected at the edges."""
    for axis, width in enumerate(widths):
        if width > 0:
            length = field.shape[axis]
            cells = torch.arange(length, device=field.device, dtype=field.dtype)
            weights = sum(
                torch.exp(-((cells[:, None] - image) ** 2) / (2 * width**2))
                for image in (cells, -1 - cells, 2 * length - 1 - cells)
            )
            assert isinstance(weights, Tensor)
            matrix = weights / weights.sum(1, keepdim=True)
            field = matrix @ field if axis == 0 else field @ matrix.T
    return field


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
