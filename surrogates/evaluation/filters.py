"""Kalman filters over many tracks at once: one motion, or several that take turns.

filterpy runs one track at a time; a test subset has tens of thousands. The computation is the same; the tests
compare it with filterpy. States are real, or complex with circular noise. What is measured are the first
components of a state.

References
----------
H. A. P. Blom, Y. Bar-Shalom, "The interacting multiple model algorithm for systems with Markovian switching
coefficients", IEEE Transactions on Automatic Control 33, 1988.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Motion:
    """A model of the change of the state over one step.

    Attributes
    ----------
    move
        States (batch, state) to the states one step later and the Jacobian, (state, state) or (batch, state,
        state).
    noise
        Covariance that the step adds, of the shape of a Jacobian.
    """

    move: Callable[[Tensor], tuple[Tensor, Tensor]]
    noise: Tensor


@dataclass(frozen=True)
class Beliefs:
    """Estimates of each track under each motion, in double precision.

    Attributes
    ----------
    means
        Shape (motion, batch, state).
    covariances
        Shape (motion, batch, state, state); a batch of one if the only motion is linear and the same for all
        tracks, which makes them the same too.
    probabilities
        Probabilities of the motions, shape (motion, batch).
    """

    means: Tensor
    covariances: Tensor
    probabilities: Tensor


def track(
    points: Tensor, start: Beliefs, motions: Sequence[Motion], noise: float | Tensor, stay: float = 1.0
) -> Beliefs:
    """Return the estimates after the last point.

    Parameters
    ----------
    points
        Measured points after the start, (batch, history, measured), float64 or complex128: one step apart,
        the first one step after the start.
    start
        Estimates at the start.
    motions
        One motion, or several that take turns.
    noise
        Standard deviation of the measurement, one for all or (batch,).
    stay
        Probability that a motion lasts over a step; all others are equally probable.
    """
    beliefs = start
    switch = _switching(len(motions), stay).to(start.probabilities)
    for point in points.unbind(1):
        if len(motions) > 1:
            beliefs = _mix(beliefs, switch)
        beliefs = _update(predict(beliefs, motions), point, noise)
    return beliefs


def forecast(
    beliefs: Beliefs, motions: Sequence[Motion], horizon: int, measured: int
) -> tuple[Tensor, Tensor]:
    """Return means and variances of the measured components ahead, (batch, horizon, measured).

    Over the horizon each motion lasts; the answer has the moments of their mixture.
    """
    weight = beliefs.probabilities[:, :, None]
    means, variances = [], []
    for _ in range(horizon):
        beliefs = predict(beliefs, motions)
        each = beliefs.means[..., :measured]
        spread = beliefs.covariances.diagonal(dim1=2, dim2=3)[..., :measured].real
        mean = (weight * each).sum(0)
        means.append(mean)
        variances.append((weight * (spread + (each - mean).abs().square())).sum(0))
    return torch.stack(means, 1), torch.stack(variances, 1)


def predict(beliefs: Beliefs, motions: Sequence[Motion]) -> Beliefs:
    """Return the beliefs one step later."""
    means, covariances = [], []
    for mean, covariance, motion in zip(beliefs.means, beliefs.covariances, motions, strict=True):
        moved, jacobian = motion.move(mean)
        means.append(moved)
        covariances.append(jacobian @ covariance @ jacobian.mH + motion.noise.to(mean))
    return Beliefs(torch.stack(means), torch.stack(covariances), beliefs.probabilities)


def _switching(motions: int, stay: float) -> Tensor:
    """Return the probability that the motion of the row is followed by that of the column."""
    if motions == 1:
        return torch.ones(1, 1)
    others = (1 - stay) / (motions - 1)
    return torch.full((motions, motions), others).fill_diagonal_(stay)


def _mix(beliefs: Beliefs, switch: Tensor) -> Beliefs:
    """Mix the estimates of all motions for each one, by the probability that it followed them."""
    joint = switch[:, :, None] * beliefs.probabilities[:, None]
    coming = joint.sum(0)
    share = joint / coming
    means = torch.einsum("ijb,ibs->jbs", share.to(beliefs.means), beliefs.means)
    # Second moments add up; positions are relative to the last point, so that no digits are lost.
    seconds = beliefs.covariances + _squares(beliefs.means)
    mixed = [
        sum(weight * each for weight, each in zip(to, seconds, strict=True))
        for to in share.transpose(0, 1)[..., None, None]
    ]
    covariances = torch.stack(mixed) - _squares(means)
    return Beliefs(means, covariances, coming)


def _update(beliefs: Beliefs, point: Tensor, noise: float | Tensor) -> Beliefs:
    """Update by a measured point, one component after the other, which needs no inverse."""
    means, covariances = beliefs.means, beliefs.covariances
    likelihood = torch.zeros_like(beliefs.probabilities)
    share = 1.0 if means.is_complex() else 0.5
    for component in range(point.shape[1]):
        variance = covariances[..., component, component].real + noise**2
        gain = covariances[..., component] / variance[..., None]
        surprise = point[:, component] - means[..., component]
        means = means + gain * surprise[..., None]
        covariances = covariances - gain[..., :, None] * covariances[..., None, component, :]
        likelihood = likelihood - share * (
            surprise.abs().square() / variance + variance.log() + math.log(math.pi / share)
        )
    posterior = torch.softmax(beliefs.probabilities.log() + likelihood, dim=0)
    return Beliefs(means, covariances, posterior)


def _squares(values: Tensor) -> Tensor:
    return values[..., :, None] * values[..., None, :].conj()
