"""Random fields: variance, covariance, trend, distribution of velocities; bodies are one closed piece."""

import numpy as np
import pytest
from scipy.ndimage import label

from datasets.seismic.fields import closed_body, gaussian_field, trended, velocities_of


@pytest.mark.parametrize("length", [2.0, 8.0])
def test_field_has_variance_one_and_a_gaussian_covariance(length: float) -> None:
    rng = np.random.default_rng(0)
    fields = np.stack([gaussian_field(rng, 40, 40, length) for _ in range(600)])
    assert fields.var() == pytest.approx(1.0, rel=0.05)
    lag = round(length)
    covariance = np.mean(fields[:, :, lag:] * fields[:, :, :-lag])
    assert covariance == pytest.approx(np.exp(-(lag**2) / (2 * length**2)), abs=0.04)


def test_edges_of_a_field_are_like_its_middle_and_not_like_each_other() -> None:
    rng = np.random.default_rng(1)
    fields = np.stack([gaussian_field(rng, 30, 30, 4.0) for _ in range(1500)])
    np.testing.assert_allclose(fields[:, 0].var(), fields[:, 15].var(), rtol=0.1)
    assert abs(np.mean(fields[:, 0] * fields[:, -1])) < 0.1


def test_trend_takes_its_share_of_the_variance_and_grows_downwards() -> None:
    rng = np.random.default_rng(2)
    fields = np.stack([trended(gaussian_field(rng, 70, 40, 4.0), 0.4) for _ in range(200)])
    profile = fields.mean(axis=(0, 2))
    assert (np.diff(np.convolve(profile, np.ones(10) / 10, "valid")) > 0).all()
    assert profile.var() == pytest.approx(0.4, abs=0.05)
    assert fields.var() == pytest.approx(1.0, rel=0.05)


def test_velocities_of_a_normal_field_have_the_moments_and_the_range() -> None:
    normal = np.random.default_rng(3).standard_normal((500, 500))
    velocities = velocities_of(normal, 2728.5, 665.8)
    assert velocities.mean() == pytest.approx(2728.5, rel=2e-3)
    assert velocities.std() == pytest.approx(665.8, rel=5e-3)
    assert 1500.0 <= velocities.min() < velocities.max() <= 4500.0
    order = np.argsort(normal.ravel())
    assert (np.diff(velocities.ravel()[order]) >= 0).all()


def test_a_body_is_one_piece_without_holes() -> None:
    rng = np.random.default_rng(4)
    shares = []
    for _ in range(100):
        body = closed_body(rng, 70, 70)
        assert label(body)[1] == 1
        assert label(np.pad(~body, 1, constant_values=True))[1] == 1
        shares.append(body.mean())
    assert 0.02 < min(shares) < max(shares) < 0.4
