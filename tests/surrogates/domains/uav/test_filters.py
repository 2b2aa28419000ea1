"""Filters over many tracks at once give what filterpy gives track by track."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from filterpy.kalman import IMMEstimator, KalmanFilter

from surrogates.domains.uav import motion
from surrogates.domains.uav.kalman import UNKNOWN, first_beliefs
from surrogates.domains.uav.motion import POSITION, STATES
from surrogates.evaluation import filters
from surrogates.evaluation.filters import Beliefs, Motion

STEP, NOISE, STAY = 0.1, 0.05, 0.9
CV = motion.constant_velocity(STEP, 0.5)
CA = motion.constant_acceleration(STEP, 5.0)
CT = motion.coordinated_turn(STEP, 0.5, 0.3)


def track(points: torch.Tensor, models: Sequence[Motion], noise: float, stay: float) -> Beliefs:
    """Filter whole tracks, from the first point on."""
    start = first_beliefs(points[:, 0], len(models), noise)
    return filters.track(points[:, 1:], start, models, noise, stay)


def forecast(beliefs: Beliefs, models: Sequence[Motion], horizon: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Forecast positions."""
    return filters.forecast(beliefs, models, horizon, measured=3)


class Oracle(KalmanFilter):
    """filterpy's filter with one of our motions: linear, or linearised at every step."""

    def __init__(self, model: Motion, first: np.ndarray) -> None:
        super().__init__(dim_x=STATES, dim_z=3)
        self.model = model
        self.x = np.concatenate([first, np.zeros(STATES - 3)])
        self.P = np.diag([NOISE] * 3 + [UNKNOWN[0]] * 3 + [UNKNOWN[1]] * 3 + [UNKNOWN[2]]) ** 2
        self.H = np.eye(3, STATES)
        self.R = NOISE**2 * np.eye(3)
        self.Q = model.noise.numpy()

    def predict(self, *arguments: object) -> None:
        moved, jacobian = self.model.move(torch.from_numpy(self.x)[None])
        self.F = jacobian.reshape(-1, STATES, STATES)[0].numpy()
        self.x = moved[0].numpy()
        self.P = self.F @ self.P @ self.F.T + self.Q


def tracks(count: int = 3) -> torch.Tensor:
    """Noisy turns of different rates, (count, 20, 3)."""
    rng = np.random.default_rng(1)
    time = np.arange(20) * STEP
    rate, speed = rng.uniform(-1.5, 1.5, (count, 1)), rng.uniform(1, 6, (count, 1))
    path = np.stack([np.sin(rate * time), 1 - np.cos(rate * time), 0.3 * time * rate], -1)
    path *= (speed / rate)[..., None]
    return torch.from_numpy(path + rng.normal(0, NOISE, path.shape))


@pytest.mark.parametrize("model", [CV, CA, CT], ids=["CV", "CA", "CT"])
def test_a_filter_of_one_motion_is_that_of_filterpy(model: Motion) -> None:
    points = tracks()
    beliefs = track(points, [model], NOISE, 1.0)
    means, variances = forecast(beliefs, [model], 10)
    for number, path in enumerate(points.numpy()):
        oracle = Oracle(model, path[0])
        for point in path[1:]:
            oracle.predict()
            oracle.update(point)
        np.testing.assert_allclose(beliefs.means[0, number], oracle.x, atol=1e-6)
        covariance = beliefs.covariances.expand(1, len(points), -1, -1)[0, number]
        np.testing.assert_allclose(covariance, oracle.P, atol=1e-6)
        for step in range(10):
            oracle.predict()
            np.testing.assert_allclose(means[number, step], oracle.x[:3], atol=1e-6)
            np.testing.assert_allclose(variances[number, step], np.diag(oracle.P)[:3], atol=1e-6)


def test_interacting_motions_are_those_of_filterpy() -> None:
    points, models = tracks(), [CV, CA, CT]
    beliefs = track(points, models, NOISE, STAY)
    switch = np.full((3, 3), (1 - STAY) / 2) + np.eye(3) * (STAY - (1 - STAY) / 2)
    for number, path in enumerate(points.numpy()):
        oracles = [Oracle(model, path[0]) for model in models]
        together = IMMEstimator(oracles, np.ones(3) / 3, switch)
        for point in path[1:]:
            together.predict()
            together.update(point)
        np.testing.assert_allclose(beliefs.probabilities[:, number], together.mu, atol=1e-6)
        for mean, covariance, oracle in zip(beliefs.means, beliefs.covariances, oracles, strict=True):
            np.testing.assert_allclose(mean[number], oracle.x, atol=1e-6)
            np.testing.assert_allclose(covariance[number], oracle.P, atol=1e-6)


def test_a_track_is_filtered_alike_alone_and_among_others() -> None:
    points = tracks(5)
    whole = track(points, [CV, CA, CT], NOISE, STAY)
    alone = track(points[2:3], [CV, CA, CT], NOISE, STAY)
    torch.testing.assert_close(whole.means[:, 2:3], alone.means)


def test_forecast_of_several_motions_has_the_moments_of_their_mixture() -> None:
    beliefs = track(tracks(), [CV, CA, CT], NOISE, STAY)
    mean, variance = forecast(beliefs, [CV, CA, CT], 10)
    torch.manual_seed(0)
    chosen = torch.multinomial(beliefs.probabilities[:, 0], 200_000, replacement=True)
    ends = []
    for number, model in enumerate((CV, CA, CT)):
        one = slice(number, number + 1)
        each = Beliefs(beliefs.means[one], beliefs.covariances[one], torch.ones(1, 3))
        ends.append([part[0, -1] for part in forecast(each, [model], 10)])
    centres, spreads = (torch.stack(parts) for parts in zip(*ends, strict=True))
    drawn = centres[chosen] + spreads[chosen].sqrt() * torch.randn(200_000, 3, dtype=torch.float64)
    torch.testing.assert_close(drawn.mean(0), mean[0, -1], atol=0.02, rtol=0.02)
    torch.testing.assert_close(drawn.var(0), variance[0, -1], atol=1e-3, rtol=0.03)


def test_covariances_stay_symmetric_and_positive() -> None:
    beliefs = track(tracks(), [CV, CA, CT], 0.003, STAY)
    torch.testing.assert_close(beliefs.covariances, beliefs.covariances.mT)
    positions = beliefs.covariances[..., POSITION, POSITION]
    assert torch.linalg.eigvalsh(positions).min() > 0
    torch.testing.assert_close(beliefs.probabilities.sum(0), torch.ones(3, dtype=torch.float64))
