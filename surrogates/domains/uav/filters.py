"""Kalman filters over many tracks at once: one motion, or several that take turns.

filterpy runs one track at a time; a test subset has tens of thousands. The computation is the same; the tests
compare it with filterpy.

References
----------
H. A. P. Blom, Y. Bar-Shalom, "The interacting multiple model algorithm for systems with Markovian switching
coefficients", IEEE Transactions on Automatic Control 33, 1988.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from surrogates.domains.uav.motion import ACCELERATION, POSITION, STATES, TURN, VELOCITY, Motion

UNKNOWN = (10.0, 5.0, 0.5)
"""Standard deviations of velocity, acceleration and turn before the second point (SI units)."""


@dataclass(frozen=True)
class Beliefs:
    """Estimates of each track under each motion, float64.

    Attributes
    ----------
    means
        Shape (motion, batch, 10).
    covariances
        Shape (motion, batch, 10, 10); a batch of one if the only motion is linear, which makes them
        the same for all tracks.
    probabilities
        Probabilities of the motions, shape (motion, batch).
    """

    means: Tensor
    covariances: Tensor
    probabilities: Tensor


def track(points: Tensor, motions: Sequence[Motion], noise: float, stay: float) -> Beliefs:
    """Return the estimates after the last point.

    Parameters
    ----------
    points
        Measured positions, (batch, history, 3), m, float64.
    motions
        One motion, or several that take turns.
    noise
        Standard deviation of the measurement, m.
    stay
        Probability that a motion lasts over a step; all others are equally probable.
    """
    beliefs = _start(points[:, 0], len(motions), noise)
    switch = _switching(len(motions), stay).to(points)
    for point in points.unbind(1)[1:]:
        if len(motions) > 1:
            beliefs = _mix(beliefs, switch)
        beliefs = _update(predict(beliefs, motions), point, noise)
    return beliefs


def forecast(beliefs: Beliefs, motions: Sequence[Motion], horizon: int) -> tuple[Tensor, Tensor]:
    """Return means and variances of the positions ahead, (batch, horizon, 3).

    Over the horizon each motion lasts; the answer has the moments of their mixture.
    """
    weight = beliefs.probabilities[:, :, None]
    means, variances = [], []
    for _ in range(horizon):
        beliefs = predict(beliefs, motions)
        each = beliefs.means[..., POSITION]
        spread = beliefs.covariances.diagonal(dim1=2, dim2=3)[..., POSITION]
        mean = (weight * each).sum(0)
        means.append(mean)
        variances.append((weight * (spread + (each - mean).square())).sum(0))
    return torch.stack(means, 1), torch.stack(variances, 1)


def predict(beliefs: Beliefs, motions: Sequence[Motion]) -> Beliefs:
    """Return the beliefs one step later."""
    means, covariances = [], []
    for mean, covariance, motion in zip(beliefs.means, beliefs.covariances, motions, strict=True):
        moved, jacobian = motion.move(mean)
        means.append(moved)
        covariances.append(jacobian @ covariance @ jacobian.mT + motion.noise.to(mean))
    return Beliefs(torch.stack(means), torch.stack(covariances), beliefs.probabilities)


def _start(point: Tensor, motions: int, noise: float) -> Beliefs:
    mean = point.new_zeros(motions, len(point), STATES)
    mean[..., POSITION] = point
    deviations = point.new_full((STATES,), noise)
    deviations[VELOCITY], deviations[ACCELERATION], deviations[TURN] = UNKNOWN
    covariance = deviations.square().diag().repeat(motions, 1, 1, 1)
    return Beliefs(mean, covariance, point.new_full((motions, len(point)), 1 / motions))


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
    means = torch.einsum("ijb,ibs->jbs", share, beliefs.means)
    # Second moments add up; positions are relative to the last point, so that no digits are lost.
    seconds = beliefs.covariances + _squares(beliefs.means)
    mixed = [
        sum(weight * each for weight, each in zip(to, seconds, strict=True))
        for to in share.transpose(0, 1)[..., None, None]
    ]
    covariances = torch.stack(mixed) - _squares(means)
    return Beliefs(means, covariances, coming)


def _update(beliefs: Beliefs, point: Tensor, noise: float) -> Beliefs:
    """Update by a measured position, one component after the other, which needs no inverse."""
    means, covariances = beliefs.means, beliefs.covariances
    likelihood = torch.zeros_like(beliefs.probabilities)
    for component in range(3):
        variance = covariances[..., component, component] + noise**2
        gain = covariances[..., component] / variance[..., None]
        surprise = point[:, component] - means[..., component]
        means = means + gain * surprise[..., None]
        covariances = covariances - gain[..., :, None] * covariances[..., None, component, :]
        likelihood = likelihood - 0.5 * (
            surprise.square() / variance + variance.log() + math.log(2 * math.pi)
        )
    posterior = torch.softmax(beliefs.probabilities.log() + likelihood, dim=0)
    return Beliefs(means, covariances, posterior)


def _squares(values: Tensor) -> Tensor:
    return values[..., :, None] * values[..., None, :]
