"""Filters of complex states are real filters of twice the size; the tests of uav hold those of real ones."""

import numpy as np
import torch
from filterpy.kalman import KalmanFilter

from surrogates.evaluation.filters import Beliefs, Motion, forecast, track

NOISE = 0.3


def in_pairs(matrix: np.ndarray) -> np.ndarray:
    """The real matrix that acts on real and imaginary parts as a complex one acts."""
    return np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def test_a_filter_of_complex_states_is_that_of_filterpy_on_real_and_imaginary_parts() -> None:
    transition = 0.4 * drawn(3, 3)
    root = drawn(3, 3, seed=1)
    noise, covariance = 0.1 * root @ root.conj().T, np.diag([0.5, 1.0, 2.0]).astype(complex)
    points, first = drawn(1, 9, 2, seed=2), drawn(1, 3, seed=3)

    jacobian = torch.from_numpy(transition)
    motion = Motion(lambda states: (states @ jacobian.T, jacobian), torch.from_numpy(noise))
    start = Beliefs(
        torch.from_numpy(first)[None],
        torch.from_numpy(covariance)[None, None],
        torch.ones(1, 1, dtype=torch.float64),
    )
    beliefs = track(torch.from_numpy(points), start, [motion], NOISE)
    means, variances = forecast(beliefs, [motion], 4, measured=2)

    oracle = KalmanFilter(dim_x=6, dim_z=4)
    oracle.x = np.concatenate([first[0].real, first[0].imag])
    oracle.P, oracle.Q, oracle.F = in_pairs(covariance) / 2, in_pairs(noise) / 2, in_pairs(transition)
    oracle.H, oracle.R = in_pairs(np.eye(2, 3).astype(complex)), np.eye(4) * NOISE**2 / 2
    for point in points[0]:
        oracle.predict()
        oracle.update(np.concatenate([point.real, point.imag]))
    np.testing.assert_allclose(beliefs.means[0, 0], oracle.x[:3] + 1j * oracle.x[3:], atol=1e-12)
    np.testing.assert_allclose(in_pairs(beliefs.covariances[0, 0].numpy()) / 2, oracle.P, atol=1e-12)
    for step in range(4):
        oracle.predict()
        np.testing.assert_allclose(means[0, step], oracle.x[:2] + 1j * oracle.x[3:5], atol=1e-12)
        np.testing.assert_allclose(variances[0, step], 2 * np.diag(oracle.P)[:2], atol=1e-12)


def test_complex_motions_take_turns_by_the_density_of_circular_noise() -> None:
    turns = [torch.tensor([[np.exp(1j * angle)]]) for angle in (0.0, 0.5)]
    motions = [
        Motion(lambda states, turn=turn: (states @ turn.T, turn), 0.01 * torch.ones_like(turn))
        for turn in turns
    ]
    start = Beliefs(
        torch.ones(2, 1, 1, dtype=torch.complex128),
        torch.full((2, 1, 1, 1), 0.01, dtype=torch.complex128),
        torch.full((2, 1), 0.5, dtype=torch.float64),
    )
    point = torch.tensor([[[np.exp(0.2j)]]])
    found = track(point, start, motions, 0.1, stay=1 - 1e-12).probabilities[:, 0]
    errors = np.array([abs(np.exp(0.2j) - np.exp(1j * angle)) ** 2 for angle in (0.0, 0.5)])
    density = np.exp(-errors / 0.03)  # variance of prior, process and measurement
    np.testing.assert_allclose(found, density / density.sum(), rtol=1e-9)
