"""Full-waveform inversion: change velocity models until their gathers are those that were observed."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from physics.waves.seismic.checks import surveys_of
from physics.waves.seismic.propagator import propagate
from physics.waves.seismic.survey import Survey


class Refined(NamedTuple):
    """What an inversion ends with.

    Attributes
    ----------
    velocity : (models, depth, lateral) float32 array
        m/s.
    misfit : (models, steps + 1) float32 array
        Relative L2 difference of simulated and observed gathers, before the first step and after each.
    """

    velocity: np.ndarray
    misfit: np.ndarray


def refine(
    velocity: np.ndarray,
    gathers: np.ndarray,
    survey: Survey | Sequence[Survey],
    steps: int,
    *,
    step_size: float = 40.0,
    smoothing: tuple[float, float] = (1.0, 3.0),
    bounds: tuple[float, float] = (1500.0, 4500.0),
    device: str | torch.device = "cpu",
    progress: Callable[[], None] = lambda: None,
) -> Refined:
    """Lower the misfit of gathers step by step from a start: a network's answer, a smooth model, a profile.

    Each step follows the gradient of the squared misfit through the solver, smoothed along the line more than
    across it since beds lie flat, with Adam, whose step in each cell is of one size whatever reaches the
    depths; the size falls to zero along a cosine. Models are inverted one by one, so that none depends on
    those beside it.

    Parameters
    ----------
    velocity : (models, depth, lateral) array
        Where to start, m/s; cut to `bounds`.
    gathers : (models, shot, sample, receiver) array
        What was observed; NaN (not recorded) does not count.
    survey
        One for all models, or one for each.
    steps
        Of the optimiser; each takes about three simulations.
    step_size
        Of the first step in a cell, m/s.
    smoothing
        Standard deviation of the Gaussian that smooths the gradient, in cells: across and along the line.
    bounds
        Smallest and largest velocity, m/s.
    device
        Where to compute.
    progress
        Called after each step of each model.

    Raises
    ------
    ValueError
        If the gathers do not have the shape of the survey's, or hold nothing; and as
        `physics.waves.seismic.checks.surveys_of` does.

    References
    ----------
    A. Tarantola, "Inversion of seismic reflection data in the acoustic approximation", Geophysics 49, 1984;
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """
    start = np.clip(velocity, *bounds).astype(np.float32)
    surveys = surveys_of(start, survey)
    _check(gathers, surveys)
    answers, misfits = [], []
    for model, observed, each in zip(start, gathers, surveys, strict=True):
        current = torch.tensor(model, device=device)
        gather = torch.tensor(observed, dtype=torch.float32, device=device)
        history = _descend(current, gather, each, steps, step_size, smoothing, bounds, progress)
        answers.append(current.cpu().numpy())
        misfits.append(history)
    return Refined(np.stack(answers), np.array(misfits, np.float32))


def misfit_of(simulated: Tensor, observed: Tensor) -> Tensor:
    """Return the squared relative L2 difference of gathers, leaving out what was not recorded (NaN)."""
    known = ~observed.isnan()
    observed = observed.nan_to_num(0.0)
    return (known * (simulated - observed)).square().sum() / observed.square().sum()


def _descend(
    velocity: Tensor,
    observed: Tensor,
    survey: Survey,
    steps: int,
    step_size: float,
    smoothing: tuple[float, float],
    bounds: tuple[float, float],
    progress: Callable[[], None],
) -> list[float]:
    """Change `velocity` in place; return the misfits before and after each step."""
    velocity.requires_grad_()
    optimiser = torch.optim.Adam([velocity], lr=step_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1))
    history = []
    for _ in range(steps):
        optimiser.zero_grad()
        misfit = misfit_of(propagate(velocity[None], survey)[0], observed)
        misfit.backward()
        history.append(math.sqrt(misfit.item()))
        assert velocity.grad is not None
        velocity.grad = smoothed(velocity.grad, smoothing)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            velocity.clamp_(*bounds)
        progress()
    velocity.requires_grad_(False)
    return [*history, math.sqrt(misfit_of(propagate(velocity[None], survey)[0], observed).item())]


def smoothed(field: Tensor, widths: tuple[float, float]) -> Tensor:
    """Convolve a field with a Gaussian along each axis, reflected at the edges."""
    for axis, width in enumerate(widths):
        if width > 0:
            length = field.shape[axis]
            places = torch.arange(length, device=field.device, dtype=field.dtype)
            weights = sum(
                torch.exp(-((places[:, None] - image) ** 2) / (2 * width**2))
                for image in (places, -1 - places, 2 * length - 1 - places)
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
