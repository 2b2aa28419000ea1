"""Gaussian diffusion as functions of tensors: noise levels, parametrisations, and sampling by denoising.

Every form here mixes a clean field with standard normal noise, x_t = a(t) x_0 + s(t) eps, at a time t from 0
(clean but for a trace of noise) to 1 (noise). A *schedule* gives a and s; a network predicts eps, x_0, v or
both x_0 and eps, each of which follows from any other; a sampler walks from t = 1 to the clean field.

A walk solves d(x / s) / d(a / s) = x_0(x, t) [6]_, [7]_ with estimates of x_0 at some times. `ddim` holds an
estimate over a step. `multistep` lets it change as it did over the step before, linearly in the angle
arctan(s / a), and makes the steps even in this angle. Unlike the log of a / s it is finite at both ends, so
that the change over the first step, from noise to where modes part, counts for the second.

References
----------
.. [1] J. Ho, A. Jain, P. Abbeel, "Denoising diffusion probabilistic models", NeurIPS 2020, arXiv:2006.11239.
.. [2] J. Song, C. Meng, S. Ermon, "Denoising diffusion implicit models", ICLR 2021, arXiv:2010.02502.
.. [3] A. Nichol, P. Dhariwal, "Improved denoising diffusion probabilistic models", ICML 2021,
   arXiv:2102.09672.
.. [4] T. Salimans, J. Ho, "Progressive distillation for fast sampling of diffusion models", ICLR 2022,
   arXiv:2202.00512.
.. [5] Y. Huang, Z. Qin, X. Liu, K. Xu, "Decoupled diffusion models: simultaneous image to zero and zero to
   noise", IEEE TPAMI 2024, arXiv:2306.13720.
.. [6] C. Lu, Y. Zhou, F. Bao, J. Chen, C. Li, J. Zhu, "DPM-Solver++: fast solver for guided sampling of
   diffusion probabilistic models", arXiv:2211.01095 (clean fields, over the log of a / s).
.. [7] Q. Zhang, Y. Chen, "Fast sampling of diffusion models with exponential integrator", ICLR 2023,
   arXiv:2204.13902 (several steps, any variable).
.. [8] Y. Wang, J. Yu, J. Zhang, "Zero-shot image restoration using denoising diffusion null-space model",
   ICLR 2023, arXiv:2212.00490.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Schedule = Literal["cosine", "linear", "decoupled"]
"""How signal and noise change with time."""
Prediction = Literal["v", "eps", "x0", "both"]
"""What a network predicts; `both` is x0 and then eps, as two blocks of channels."""
Sampler = Literal["ddim", "multistep"]
"""How the estimate of x_0 goes on over a step: not at all, or as over the step before."""

TRACE = 1e-4
"""Variance of the noise that is left at t = 0."""
BETA = 0.1, 20.0
"""Rate of a linear schedule at both ends; a thousandth is the variance of one of a thousand steps [1]_."""

Denoise = Callable[[Tensor, Tensor], Tensor]
"""Returns an estimate of x_0, of the shape of x_t, from x_t and the times, shape (batch,)."""


class Level(NamedTuple):
    """Factors of the clean field and of the noise, of shapes that broadcast against them."""

    signal: Tensor
    noise: Tensor


def level_at(schedule: Schedule, time: Tensor, ndim: int = 1) -> Level:
    """Return the level at some times.

    `cosine` [3]_ and `linear` [1]_ keep a^2 + s^2 = 1; `decoupled` [5]_ takes the field away at an even rate
    while a Wiener process adds noise: a = 1 - t, s = sqrt(t).

    Parameters
    ----------
    schedule
        Name.
    time
        Between 0 and 1, shape (batch,).
    ndim
        Axes of the fields; the level gets as many.
    """
    time = time.reshape(-1, *(1,) * (ndim - 1))
    if schedule == "decoupled":
        elapsed = TRACE + (1 - TRACE) * time
        return Level(1 - elapsed, elapsed.sqrt())
    if schedule == "cosine":
        first, last = math.asin(math.sqrt(TRACE)), math.acos(math.exp(-sum(BETA) / 4))
        angle = first + (last - first) * time
        return Level(angle.cos(), angle.sin())
    low, high = BETA
    start = TRACE / low  # where the variance of the noise is nearly the trace
    elapsed = start + (1 - start) * time
    decay = low * elapsed + (high - low) / 2 * elapsed.square()
    return Level((-decay / 2).exp(), (-torch.expm1(-decay)).sqrt())


def time_at(schedule: Schedule, angle: Tensor) -> Tensor:
    """Return the time at which the angle arctan(s / a) is some value; undoes `level_at`."""
    if schedule == "decoupled":
        sine = angle.sin()
        root = 2 * sine / (angle.cos() + (angle.cos().square() + 4 * sine.square()).sqrt())
        return (root.square() - TRACE) / (1 - TRACE)
    if schedule == "cosine":
        first, last = math.asin(math.sqrt(TRACE)), math.acos(math.exp(-sum(BETA) / 4))
        return (angle - first) / (last - first)
    low, high = BETA
    start, decay = TRACE / low, -2 * angle.cos().log()
    elapsed = ((low**2 + 2 * (high - low) * decay).sqrt() - low) / (high - low)
    return (elapsed - start) / (1 - start)


def mixed(clean: Tensor, noise: Tensor, level: Level) -> Tensor:
    """Return the noisy field x_t."""
    return level.signal * clean + level.noise * noise


def noise_in(noisy: Tensor, clean: Tensor, level: Level) -> Tensor:
    """Return the eps that leads from a clean field to a noisy one."""
    return (noisy - level.signal * clean) / level.noise


def predicted(kind: Prediction, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
    """Return what a network should predict; v = a eps - s x_0 [4]_."""
    if kind == "both":
        return torch.cat([clean, noise], dim=1)
    if kind == "v":
        return level.signal * noise - level.noise * clean
    return noise if kind == "eps" else clean


def clean_from(kind: Prediction, outputs: Tensor, noisy: Tensor, level: Level) -> Tensor:
    """Return the estimate of x_0 that follows from a prediction; undoes `predicted`.

    `both` weighs its two blocks as the decoupled form does: x_0 = x_t + (1 - a) x_0' - s eps', which relies
    on eps' where there is little noise and on x_0' where there is little signal.
    """
    if kind == "x0":
        return outputs
    if kind == "eps":
        return (noisy - level.noise * outputs) / level.signal
    if kind == "v":
        power = level.signal.square() + level.noise.square()
        return (level.signal * noisy - level.noise * outputs) / power
    clean, noise = outputs.chunk(2, dim=1)
    return noisy + (1 - level.signal) * clean - level.noise * noise


def converted(to: Prediction, kind: Prediction, outputs: Tensor, noisy: Tensor, level: Level) -> Tensor:
    """Return a prediction of one kind as that of another."""
    clean = clean_from(kind, outputs, noisy, level)
    return predicted(to, clean, noise_in(noisy, clean, level), level)


def posterior(
    noisy: Tensor, clean: Tensor, now: Level, then: Level, *, eta: float, wiener: bool
) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of the field at an earlier time, given x_t and x_0.

    With eta = 1 it is the posterior of the process that made x_t: of one that shrinks field and noise alike
    (DDPM [1]_, eq. 7), or of a Wiener process beside the field (`decoupled`: a Brownian bridge). With eta = 0
    nothing is drawn (DDIM [2]_, eq. 12 and 16). Each keeps the distribution of x at every time.

    Parameters
    ----------
    noisy, clean
        x_t and x_0.
    now, then
        Levels of x_t and of the earlier time, with less noise.
    eta
        Factor on the standard deviation, 0 to 1.
    wiener
        Whether the noise adds up without being shrunk.
    """
    kept = 1.0 if wiener else now.signal / then.signal
    fresh = (now.noise.square() - (kept * then.noise).square()).clamp(min=0.0)
    spread = eta * then.noise / now.noise * fresh.sqrt()
    direction = (then.noise.square() - spread.square()).clamp(min=0.0).sqrt()
    return then.signal * clean + direction * noise_in(noisy, clean, now), spread


def pulled(denoise: Denoise, known: Tensor, share: float) -> Denoise:
    """Return a function that pulls what another estimates towards known values, cell by cell [8]_.

    Through the noise of the next step the other cells follow, part of the way: of two cells of a Gaussian
    field with the correlation 0.9, of which one is known to be 2, the other has the mean 1.2 after 20 steps
    with noise and 0.9 without, where 1.8 is right.

    Parameters
    ----------
    denoise
        Estimates x_0.
    known
        Values of x_0, NaN where none is known, of the shape of x_t.
    share
        Of the way, 0 to 1; with 1 the estimate has the known values.
    """
    weight = share * known.isfinite().to(known)

    def guided(noisy: Tensor, time: Tensor) -> Tensor:
        return torch.lerp(denoise(noisy, time), known.nan_to_num(), weight)

    return guided


def sample(
    denoise: Denoise,
    schedule: Schedule,
    draw: Callable[[], Tensor],
    *,
    steps: int,
    eta: float,
    sampler: Sampler = "ddim",
) -> Tensor:
    """Return clean fields, drawn by walking down the noise levels.

    Parameters
    ----------
    denoise
        Estimates x_0; called once for each step.
    schedule
        That of training.
    draw
        Returns standard normal noise of the shape (batch, ...), other noise in each call. It is called once,
        and with eta > 0 once more for each step but the last.
    steps
        One returns the estimate of x_0 from noise, which is the mean of all answers.
    eta
        0 draws only the start (DDIM); 1 draws in each step (DDPM; the decoupled form as published).
    sampler
        `ddim` takes even steps of time, `multistep` even ones of the angle, and is of second order.

    Returns
    -------
    Tensor
        Shape (batch, ...).
    """
    start = draw()
    times = torch.linspace(1.0, 0.0, steps + 1, device=start.device, dtype=start.dtype)[:-1]
    shares = [0.0] * (steps - 1)
    if sampler == "multistep":
        angles = _even_angles(schedule, steps)
        times = time_at(schedule, angles).to(start)
        shares[1:] = [_share_ahead(*angles[i : i + 3].tolist()) for i in range(steps - 2)]
    levels = [level_at(schedule, time, start.ndim) for time in times.unbind()]
    noisy = levels[0].noise * start
    before = noisy
    for time, share, (now, then) in zip(times[:-1], shares, pairwise(levels), strict=True):
        clean = denoise(noisy, time.expand(len(noisy)))
        ahead = clean + share * (clean - before) if share else clean
        mean, spread = posterior(noisy, ahead, now, then, eta=eta, wiener=schedule == "decoupled")
        noisy, before = mean + spread * draw() if eta > 0 else mean, clean
    return denoise(noisy, times[-1].expand(len(noisy)))


def _even_angles(schedule: Schedule, steps: int) -> Tensor:
    """Return even angles from that of noise down, without the last one, float64."""
    ends = level_at(schedule, torch.tensor([1.0, 0.0], dtype=torch.float64))
    first, last = torch.atan2(ends.noise, ends.signal).tolist()
    return torch.linspace(first, last, steps + 1, dtype=torch.float64)[:-1]


def _share_ahead(before: float, now: float, then: float) -> float:
    """Return the mean of x_0's change over a step, as a share of that over the step before.

    It is the mean over a / s, the cotangent of the angle, of a change that is linear in the angle.
    """
    gain = 1 / math.tan(then) - 1 / math.tan(now)
    change = (now - then) / math.tan(then) - math.log(math.sin(now) / math.sin(then))
    return change / gain / (before - now)
