"""Gaussian processes by maximum likelihood."""

from itertools import product

import numpy as np
import pytest
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

from surrogates.evaluation.likelihood import OnColumns, most_likely


def field(rng: np.random.Generator, points: np.ndarray, length: float, nugget: float) -> np.ndarray:
    """Draw from a process of unit variance with an exponential covariance."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    covariance = np.exp(-distance / length) + nugget * np.eye(len(points))
    return np.linalg.cholesky(covariance) @ rng.standard_normal(len(points))


@pytest.mark.parametrize(("length", "nugget"), [(20.0, 0.02), (60.0, 0.3), (250.0, 0.01)])
def test_no_parameters_of_a_fine_grid_are_likelier_than_those_found(length: float, nugget: float) -> None:
    rng = np.random.default_rng(int(length))
    points = rng.uniform(0, 400, (80, 2))
    values = field(rng, points, length, nugget)
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(40.0, (8.0, 300.0), nu=0.5) + WhiteKernel(
        0.2, (1e-3, 1e1)
    )
    starts = [np.log([1.0, each, noise]) for each, noise in product((15.0, 60.0, 200.0), (0.05, 0.3))]
    process = most_likely(kernel, points, values, starts, searches=2)
    grid = product(np.geomspace(0.2, 8, 12), np.geomspace(8, 300, 14), np.geomspace(1e-3, 1, 10))
    best = max(process.log_marginal_likelihood(np.log(each), clone_kernel=False) for each in grid)
    assert process.log_marginal_likelihood_value_ >= best - 1e-6


def test_a_kernel_on_columns_is_that_kernel_of_those_columns() -> None:
    points = np.random.default_rng(0).normal(size=(12, 5))
    inner = ConstantKernel(2.0) * RBF([1.0, 0.5])
    outer = OnColumns(inner, 1, 3)
    np.testing.assert_allclose(outer(points), inner(points[:, 1:3]))
    np.testing.assert_allclose(outer(points, points[:4]), inner(points[:, 1:3], points[:4, 1:3]))
    np.testing.assert_allclose(outer.diag(points), inner.diag(points[:, 1:3]))


def test_the_gradient_of_a_sum_of_kernels_on_columns_is_that_of_finite_differences() -> None:
    points = np.random.default_rng(1).normal(size=(8, 4))
    kernel = OnColumns(ConstantKernel(1.5) * RBF([1.0, 2.0, 0.7]), 0, 3) + OnColumns(
        Matern(0.8, nu=0.5), 2, 4
    )
    _, gradient = kernel(points, eval_gradient=True)
    assert gradient.shape == (8, 8, 5)
    for number in range(5):
        step = np.zeros(5)
        step[number] = 1e-6
        ahead, behind = (kernel.clone_with_theta(kernel.theta + sign * step)(points) for sign in (1, -1))
        np.testing.assert_allclose(gradient[..., number], (ahead - behind) / 2e-6, atol=1e-6)
