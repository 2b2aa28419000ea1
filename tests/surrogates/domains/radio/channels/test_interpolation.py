"""Gaussian-process interpolation of measured cells."""

import numpy as np
import pytest
import torch

from surrogates.domains.radio.channels.interpolation import interpolate


def test_gaussian_process_agrees_with_the_textbook_formula() -> None:
    values = torch.full((2, 6, 5), torch.nan)
    values[0, 1, 1], values[0, 4, 3], values[1, 2, 2] = 3.0, -1.0, 2.0
    mean, deviation = interpolate(values, 4.0, 20.0, 0.3)
    points = np.array([[1, 1], [4, 3]]) * 4.0
    covariance = np.exp(-np.linalg.norm(points[:, None] - points[None], axis=-1) / 20) + 0.3 * np.eye(2)
    towards = np.exp(-np.linalg.norm(points - np.array([[0, 0]]) * 4.0, axis=-1) / 20)
    weights = np.linalg.solve(covariance, towards)
    assert float(mean[0, 0, 0]) == pytest.approx(weights @ [3.0, -1.0], abs=1e-4)
    assert float(deviation[0, 0, 0]) == pytest.approx((1 - weights @ towards) ** 0.5, abs=1e-4)
    assert float(mean[1, 2, 2]) == pytest.approx(2.0 / 1.3, abs=1e-4)


@pytest.mark.parametrize("shape", [(12, 9), (11, 16)])
def test_gaussian_process_agrees_with_the_textbook_formula_in_every_cell(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    values = np.full(shape, np.nan, np.float32)
    values.flat[rng.choice(values.size, 15, replace=False)] = rng.normal(size=15)
    mean, deviation = interpolate(torch.from_numpy(values)[None], 4.0, 40.0, 0.5)
    cells = np.argwhere(np.ones(shape)) * 4.0
    known = np.isfinite(values).ravel()
    covariance = np.exp(-np.linalg.norm(cells[:, None] - cells[known][None], axis=-1) / 40.0)
    weights = covariance @ np.linalg.inv(covariance[known] + 0.5 * np.eye(15))
    np.testing.assert_allclose(mean[0].numpy().ravel(), weights @ values[np.isfinite(values)], atol=1e-4)
    exact = (1.0 - (weights * covariance).sum(1)) ** 0.5
    np.testing.assert_allclose(deviation[0].numpy().ravel(), exact, atol=0.1)
    assert np.abs(deviation[0].numpy().ravel() - exact).mean() < 0.03


def test_map_without_samples_is_zero_and_uncertain() -> None:
    mean, deviation = interpolate(torch.full((1, 4, 4), torch.nan), 4.0, 20.0, 0.3)
    assert not bool(mean.any())
    assert bool((deviation == 1).all())
